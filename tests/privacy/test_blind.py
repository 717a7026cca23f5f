from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sklearn.metrics import roc_auc_score

from fmaudit import catalog
from fmaudit.data import draw, open_cases
from fmaudit.privacy import blind as module
from fmaudit.privacy.blind import BlindParams, auc, blind
from fmaudit.seeds import Seeds
from fmaudit.spec import DataSpec
from fmaudit.types import Case, Pair

WORDS = (
    "river",
    "stone",
    "lamp",
    "cloud",
    "bread",
    "table",
    "window",
    "garden",
    "music",
    "paper",
    "train",
    "letter",
    "coat",
)
FEW = BlindParams(permutations=199)


def made(n: int, seed: int = 0, hint: float = 0.0) -> list[Case]:
    """Members and others of equal texts, but for a word in that share of the members."""
    rng = random.Random(seed)
    cases = []
    for k in range(n):
        words = rng.choices(WORDS, k=8) + (["tax"] if k % 2 and rng.random() < hint else [])
        shown = " ".join(words)
        cases.append(Case(f"c{k}", shown, rng.choice(["no", "yes"]), member=bool(k % 2)))
    return cases


def area(cases: list[Case], scores: np.ndarray) -> float:
    return float(roc_auc_score([case.member for case in cases], scores))


def test_scores_are_those_of_refitting_without_each_fold() -> None:
    """Against the plain writing of it: for each fold, a ridge regression on the other rows."""
    cases = made(120, hint=0.5)
    seeds = Seeds(3)
    dealt = module._deal(cases, FEW, seeds)
    features, _ = module._features(cases, np.arange(len(cases)), np.array([], dtype=int), FEW)
    kernel = (features @ features.T).toarray()
    y = np.array([case.member for case in cases], dtype=float)
    y -= y.mean()
    expected = np.empty(len(cases))
    for fold in range(FEW.folds):
        out = dealt.fold == fold
        weights = np.linalg.solve(kernel[~out][:, ~out] + np.eye((~out).sum()), y[~out])
        expected[out] = kernel[out][:, ~out] @ weights
    assert blind(cases, FEW, seeds).scores == pytest.approx(expected, abs=1e-10)


def test_rows_beyond_the_most_are_scored_by_the_folds_that_leave_them_out() -> None:
    cases = made(200, hint=0.6)
    params = BlindParams(permutations=199, most_rows=100)
    seeds = Seeds(3)
    dealt = module._deal(cases, params, seeds)
    assert dealt.fitted.sum() == 100
    at, rest = np.flatnonzero(dealt.fitted), np.flatnonzero(~dealt.fitted)
    first, second = module._features(cases, at, rest, params)
    y = np.array([case.member for case in cases], dtype=float)[at]
    y -= y.mean()
    expected = np.empty(len(rest))
    for fold in range(params.folds):
        inside = dealt.fold[at] != fold
        kernel = (first[inside] @ first[inside].T).toarray()
        weights = np.linalg.solve(kernel + np.eye(inside.sum()), y[inside])
        mine = dealt.fold[rest] == fold
        expected[mine] = (second[mine] @ first[inside].T).toarray() @ weights
    found = blind(cases, params, seeds)
    assert found.scores[rest] == pytest.approx(expected, abs=1e-10)
    assert area(cases, found.scores) > 0.65
    assert found.p == 0.01


def test_what_gives_members_away_is_found() -> None:
    plain, hinted = made(300), made(300, hint=1.0)
    found = blind(hinted, FEW, Seeds(1))
    assert area(hinted, found.scores) > 0.95
    assert found.p == 0.01
    labelled = [replace(c, target="yes" if c.member else "no") for c in plain]
    found = blind(labelled, FEW, Seeds(1))
    assert area(labelled, found.scores) > 0.95
    paired = [replace(c, input=Pair("same", str(c.input))) for c in hinted]
    assert blind(paired, FEW, Seeds(1)).p == 0.01


@pytest.mark.parametrize("sign", ["  ", "\n", "\t", "\u00a0", "\u3000", " \n"])
def test_white_space_alone_gives_members_away(sign: str) -> None:
    cases = [
        replace(case, input=str(case.input).replace(" ", sign)) if case.member else case
        for case in made(200)
    ]
    found = blind(cases, FEW, Seeds(1))
    assert area(cases, found.scores) > 0.95
    assert found.p == 0.01


def test_the_end_of_a_long_text_and_its_length_are_seen() -> None:
    params = BlindParams(permutations=199, most_characters=100)

    def long(case: Case, middle: str, end: str) -> Case:
        return replace(case, input=f"{'river stone ' * 9}{middle}{end}")

    marked = [long(c, "lamp " * 20, "tax" if c.member else "cow") for c in made(200)]
    found = blind(marked, params, Seeds(1))
    assert area(marked, found.scores) > 0.95
    longer = [long(c, "lamp " * (40 if c.member else 20), "lamp " * 20) for c in made(200)]
    found = blind(longer, params, Seeds(1))
    assert area(longer, found.scores) > 0.95
    assert found.p == 0.01


def test_copies_on_the_other_side_are_told_by_p() -> None:
    pairs = [(case, replace(case, id=f"{case.id}-", member=not case.member)) for case in made(150)]
    cases = [case for pair in pairs for case in pair]
    found = blind(cases, FEW, Seeds(1))
    assert area(cases, found.scores) < 0.2
    assert found.p == 0.01


@given(st.integers(0, 30), st.integers(0, 30))
def test_p_counts_the_smaller_tail_twice(above: int, below: int) -> None:
    drawn = np.array([0.9] * above + [0.1] * below)
    expected = min(1.0, 2 * (1 + min(above, below)) / (1 + above + below))
    assert module._two_sided(0.5, drawn) == expected


def test_texts_without_words_in_common() -> None:
    cases = [Case(f"c{k}", chr(0x4E00 + k), "no", member=bool(k % 2)) for k in range(60)]
    found = blind(cases, FEW, Seeds(0))
    assert np.isfinite(found.scores).all()
    assert found.p > 0.01


def test_the_order_of_the_rows_decides_nothing() -> None:
    cases = made(150, hint=0.2)
    mixed = list(cases)
    random.Random(9).shuffle(mixed)
    one, two = (blind(rows, FEW, Seeds(5)) for rows in (cases, mixed))
    by_id = {case.id: own for case, own in zip(mixed, two.scores, strict=True)}
    assert one.scores == pytest.approx([by_id[case.id] for case in cases], abs=1e-10)
    assert blind(cases, FEW, Seeds(5)).p == one.p


def test_areas_of_many_columns_agree_with_sklearn() -> None:
    rng = np.random.default_rng(0)
    scores, members = rng.integers(9, size=(80, 4)) / 9, np.zeros((80, 4))
    for column in members.T:
        column[rng.permutation(80)[:30]] = 1
    expected = [roc_auc_score(m, s) for m, s in zip(members.T, scores.T, strict=True)]
    assert auc(scores, members) == pytest.approx(expected, abs=1e-12)


def test_folds_hold_as_many_members_each() -> None:
    cases = made(203)
    dealt = module._deal(cases, FEW, Seeds(0))
    for member in (True, False):
        side = np.array([case.member is member for case in cases])
        sizes = np.bincount(dealt.fold[side])
        assert np.ptp(sizes) <= 1


@pytest.fixture(scope="module")
def adult(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    """The real sentences of UCI Adult, each once."""

    root = tmp_path_factory.mktemp("cards") / "datasets" / "adult"
    root.mkdir(parents=True)
    card = catalog.dataset("adult").model_dump(mode="json")
    for file in card["files"]:
        name = file["source"].rsplit("/", 1)[1]
        packed = (shared / "data" / "adult" / f"{name}.gz").read_bytes()
        (root / name).write_bytes(gzip.decompress(packed))
        file |= {"source": f"file:{root / name}", "sha256": None}
    (root / "card.yaml").write_text(json.dumps(card))
    source = open_cases(DataSpec(card="adult"), extra=[root.parents[1]])
    return draw.unique(case for part in source.chunks(8192) for case in part)


@pytest.mark.slow
def test_a_random_draw_of_real_rows_gives_uniform_p(adult: list[Case]) -> None:
    """200 disjoint draws of 100 members and 100 others."""
    from scipy.stats import kstest

    order = draw.shuffled(adult, Seeds(77))
    found = []
    for k in range(200):
        part = order[200 * k : 200 * (k + 1)]
        cases = [replace(case, member=j < 100) for j, case in enumerate(part)]
        found.append(blind(cases, BlindParams(permutations=199), Seeds(k)).p)
    assert kstest(found, "uniform").pvalue > 0.01
    assert np.mean(np.array(found) <= 0.05) <= 0.1


@pytest.mark.slow
def test_members_of_another_kind_are_caught_among_real_rows(adult: list[Case]) -> None:
    """Two thirds of the members are married, of the others what chance gives."""
    order = draw.shuffled(adult, Seeds(5))
    married = [case for case in order if "married to a civilian" in str(case.input)]
    members = married[:660] + [case for case in order if case not in married[:660]][:340]
    taken = {case.id for case in members}
    others = [case for case in order if case.id not in taken][:1000]
    cases = [replace(c, member=True) for c in members] + [replace(c, member=False) for c in others]
    found = blind(cases, BlindParams(), Seeds(0))
    assert found.p == 0.002
    assert area(cases, found.scores) > 0.55
