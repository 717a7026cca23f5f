from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.bias.embedding_association import (
    COLUMNS,
    NEEDS,
    NO_TEST,
    association,
    embedding_association,
)
from fmaudit.bias.wordvectors import UNKNOWN, Reading
from fmaudit.registry import Context
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import driven
from fmaudit.types import Case, Embed, Embedding, Failure, Request, Response, Row

ALONE = Context(Seeds(0))
BESIDE = msgspec.structs.replace(ALONE, beside={"base": NEEDS})
TWO = Reading(fewest=2)
TEMPLATES = {"en": {"is": "The word is {word}.", "said": "Someone said {word}."}}

LISTS = {
    "X": ("rose", "lily"),
    "Y": ("ant", "flea"),
    "A": ("love", "joy"),
    "B": ("pain", "war"),
}


def cases(lists: Mapping[str, Sequence[str]] = LISTS, test: str = "t") -> list[Case]:
    return [
        Case(
            f"{test}/{side}/{word}",
            word,
            groups={"test": test, "set": side, "name": f"list {side}", "language": "en"},
        )
        for side, found in lists.items()
        for word in found
    ]


def vector(text: str, role: str = "target") -> tuple[float, ...]:
    """A vector that hangs on the text (without the space before it) and the model."""
    seed = sum(ord(c) * (k + 7) for k, c in enumerate(f"{role}{text.strip()}"))
    return tuple(np.random.default_rng(seed).normal(size=5).tolist())


def answer(request: Request) -> Response:
    assert isinstance(request, Embed)
    return Embedding(vector(request.input, request.on), 1)


def rows(
    found: Sequence[Case],
    how: Reading = TWO,
    context: Context = ALONE,
    answer: Callable[[Request], Response] = answer,
) -> list[Row]:
    made: list[Row] = driven(embedding_association.run(found, how, context), answer)
    assert {name for row in made for name in row.values} <= set(COLUMNS)
    assert [case.id for case in found] == list(dict.fromkeys(row.case.id for row in made))
    return made


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    a, b = np.array(one), np.array(other)
    return float(a @ b / np.sqrt(a @ a) / np.sqrt(b @ b))


def by_hand(text: str, first: Sequence[str], second: Sequence[str], role: str = "target") -> float:
    mine = vector(text, role)
    near = [cosine(mine, vector(word, role)) for word in first]
    far = [cosine(mine, vector(word, role)) for word in second]
    return sum(near) / len(near) - sum(far) / len(far)


def test_a_target_s_association_by_hand() -> None:
    found = rows(cases())
    assert len(found) == 8
    for row in found:
        word, side = str(row.case.input), row.values["side"]
        assert (row.values["test"], row.values["language"]) == ("t", "en")
        assert (row.values["list"], row.values["tokens"]) == (f"list {side}", 1)
        assert (row.variant, row.reason, row.failed) == ("base", "", False)
        if side in "XY":
            expected = by_hand(word, LISTS["A"], LISTS["B"])
            assert row.values["association"] == pytest.approx(expected, abs=1e-12)
            assert (row.values["words_a"], row.values["words_b"]) == (2, 2)
            assert row.values["dropped"] == ""
        else:
            assert row.values.get("association") is None
        assert row.values.get("base_association") is None


@given(st.lists(st.floats(-10, 10), min_size=3, max_size=3), st.permutations(range(4)))
def test_it_is_the_mean_of_cosines_whatever_the_order(by: list[float], order: list[int]) -> None:
    rng = np.random.default_rng(3)
    units = [v / np.linalg.norm(v) for v in rng.normal(size=(4, 3))]
    mine = np.array(by)
    if np.linalg.norm(mine) < 1e-6:
        return
    mine = mine / np.linalg.norm(mine)
    direction = np.mean([units[k] for k in order], axis=0) - units[0]
    expected = np.mean([mine @ u for u in units]) - mine @ units[0]
    assert association(mine, direction) == pytest.approx(float(expected), abs=1e-12)


def test_tests_are_apart() -> None:
    other = {"X": ("rose", "oak"), "Y": ("ant", "fox"), "A": ("pain", "war"), "B": ("love", "joy")}
    both = [*cases(), *cases(other, "u")]
    found = {row.case.id: row.values.get("association") for row in rows(both)}
    assert found["t/X/rose"] == pytest.approx(-found["u/X/rose"], abs=1e-12)
    alone = {row.case.id: row.values.get("association") for row in rows(cases())}
    assert found["t/Y/ant"] == pytest.approx(alone["t/Y/ant"], abs=0)


def test_words_without_a_vector_are_named_and_leave_the_others() -> None:
    def without(request: Request) -> Response:
        assert isinstance(request, Embed)
        odd = request.input.strip() in ("lily", "joy")
        return Embedding(vector(request.input), 1, int(odd))

    lists = {**LISTS, "A": ("love", "joy", "bliss")}
    found = {str(row.case.input): row for row in rows(cases(lists), answer=without)}
    for word in ("lily", "joy"):
        assert (found[word].reason, found[word].failed) == (UNKNOWN, False)
        assert found[word].values.get("association") is None
    row = found["rose"]
    assert row.values["dropped"] == "lily, joy"
    assert (row.values["words_a"], row.values["words_b"]) == (2, 2)
    expected = by_hand("rose", ("love", "bliss"), LISTS["B"])
    assert row.values["association"] == pytest.approx(expected, abs=1e-12)


def test_too_few_attribute_words_leave_no_association() -> None:
    found = {str(row.case.input): row for row in rows(cases(), Reading(fewest=3))}
    assert found["rose"].reason == "2 words of the list A are left, fewer than the 3 needed"
    assert not found["rose"].failed
    assert found["rose"].values.get("association") is None
    assert found["love"].reason == ""


def test_a_failure_is_the_word_s_own() -> None:
    def lost(request: Request) -> Response:
        failed = isinstance(request, Embed) and request.input.strip() in ("ant", "war")
        return Failure("lost") if failed else answer(request)

    found = {str(row.case.input): row for row in rows(cases(), Reading(fewest=1), answer=lost)}
    assert (found["ant"].reason, found["ant"].failed) == ("lost", True)
    assert (found["war"].reason, found["war"].failed) == ("lost", True)
    expected = by_hand("rose", LISTS["A"], ("pain",))
    assert found["rose"].values["association"] == pytest.approx(expected, abs=1e-12)


def test_the_base_beside_the_target() -> None:
    found = [row for row in rows(cases(), context=BESIDE) if row.values["side"] in "XY"]
    for row in found:
        word = str(row.case.input)
        for column, role in (("association", "target"), ("base_association", "base")):
            expected = by_hand(word, LISTS["A"], LISTS["B"], role)
            assert row.values[column] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("failed", [True, False])
def test_what_the_base_cannot_say(failed: bool) -> None:
    def of(request: Request) -> Response:
        assert isinstance(request, Embed)
        if request.on == "base" and request.input.strip() == "rose":
            return Failure("lost") if failed else Embedding((1.0,), 1, 1)
        return answer(request)

    found = {str(row.case.input): row for row in rows(cases(), context=BESIDE, answer=of)}
    rose = found["rose"]
    assert rose.reason == ("base: lost" if failed else f"base: {UNKNOWN}")
    assert rose.failed == failed
    assert rose.values["association"] is not None
    assert rose.values.get("base_association") is None
    assert found["lily"].values["base_association"] is not None


def test_a_row_a_sentence() -> None:
    how = Reading(-1, templates=TEMPLATES, fewest=2)

    def of(request: Request) -> Response:
        lost = isinstance(request, Embed) and request.input == "Someone said ant."
        return Failure("lost") if lost else answer(request)

    found = rows(cases(), how, BESIDE, of)
    rose = [row for row in found if row.case.input == "rose"]
    assert [row.variant for row in rose] == ["is", "said"]
    assert [row.values["text"] for row in rose] == ["The word is rose.", "Someone said rose."]
    assert [row.input for row in rose] == [row.values["text"] for row in rose]
    texts = {
        side: [t.replace("{word}", w) for w in LISTS[side] for t in TEMPLATES["en"].values()]
        for side in "AB"
    }
    for row in rose:
        expected = by_hand(str(row.values["text"]), texts["A"], texts["B"])
        assert row.values["association"] == pytest.approx(expected, abs=1e-12)
        before = by_hand(str(row.values["text"]), texts["A"], texts["B"], "base")
        assert row.values["base_association"] == pytest.approx(before, abs=1e-12)
    ant = [row for row in found if row.case.input == "ant"]
    assert [(row.variant, row.reason, row.failed) for row in ant] == [
        ("is", "", False),
        ("said", "lost", True),
    ]
    assert len([row for row in found if row.case.input == "love"]) == 1


def test_a_case_without_a_test_is_told() -> None:
    odd = [Case("1", "rose"), Case("2", "ant", groups={"test": "t", "set": "Z"})]
    found = rows([*cases(), *odd])
    assert [row.reason for row in found[-2:]] == [NO_TEST, NO_TEST]
    assert len(found) == 10


def test_it_needs_hidden_states_alone() -> None:
    assert embedding_association.kind == "any"
    assert embedding_association.whole
