from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.data.draw import allocate, cell, shuffled, split, stratified, unique
from fmaudit.errors import DataError
from fmaudit.seeds import Seeds
from fmaudit.types import Case

SEEDS = Seeds(7).child("draw")


def made(count: int) -> list[Case]:
    def race(i: int) -> str:
        return "small" if i % 50 == 0 else "large"

    return [
        Case(id=f"c{i}", input=f"text {i}", target=str(i % 2), groups={"race": race(i)})
        for i in range(count)
    ]


def test_one_case_a_text_whatever_the_order() -> None:
    found = [Case("b", "x", "1"), Case("a", "x", "0"), Case("c", "y")]
    assert unique(found) == [found[1], found[2]]
    assert set(c.id for c in unique(found[::-1])) == {"a", "c"}


@given(st.randoms(use_true_random=False))
def test_a_draw_does_not_depend_on_the_order_of_rows(generator: random.Random) -> None:
    found = made(60)
    mixed = list(found)
    generator.shuffle(mixed)
    assert shuffled(mixed, SEEDS) == shuffled(found, SEEDS)
    assert split(mixed, 20, SEEDS) == split(found, 20, SEEDS)
    key = cell("race")
    assert stratified(mixed, 20, key, 2, SEEDS) == stratified(found, 20, key, 2, SEEDS)


def test_one_more_row_does_not_reshuffle_the_others() -> None:
    order = [case.id for case in shuffled(made(50), SEEDS)]
    longer = [case.id for case in shuffled(made(51), SEEDS) if case.id != "c50"]
    assert longer == order


def test_another_seed_is_another_draw_and_each_case_is_drawn_equally_often() -> None:
    found = made(40)
    assert shuffled(found, Seeds(1)) != shuffled(found, Seeds(2))
    drawn = Counter(c.id for seed in range(400) for c in split(found, 10, Seeds(seed)).members)
    # 400 draws of a quarter: 100 expected, standard deviation 8.7; five of them allowed.
    assert all(abs(drawn[case.id] - 100) < 44 for case in found)


def test_members_and_others_are_disjoint_and_recorded() -> None:
    drawn = split(made(100), 30, SEEDS, others=20)
    assert (len(drawn.members), len(drawn.others)) == (30, 20)
    assert not {c.id for c in drawn.members} & {c.id for c in drawn.others}
    assert drawn.record["seed"] == 7
    assert drawn.record["path"] == ["draw"]
    assert drawn.record["from"] == 100
    assert drawn.record["members"] == 30
    assert drawn.record["members_digest"] != drawn.record["others_digest"]
    assert len(split(made(100), 30, SEEDS).others) == 70


def test_draws_that_cannot_be() -> None:
    with pytest.raises(DataError, match="1 of 3 cases repeat"):
        split([*made(2), Case("z", "text 0")], 1, SEEDS)
    with pytest.raises(DataError, match="cannot draw 11 different cases from 10"):
        split(made(10), 6, SEEDS, others=5)
    with pytest.raises(DataError, match="need at least"):
        stratified(made(100), 3, cell("race"), 2, SEEDS)
    with pytest.raises(DataError, match="does not fit"):
        stratified(made(100), 101, cell("race"), 2, SEEDS)


def test_a_stratified_sample_stands_for_all() -> None:
    found = made(1000)
    sample = stratified(found, 200, cell("race", target=True), 15, SEEDS)
    assert len(sample) == 200
    counts = Counter(case.stratum for case in sample)
    assert counts["small · 0"] == 15 + round(5 * 140 / 955)
    assert sum(case.weight for case in sample) == pytest.approx(1000)
    by_race: Counter[str] = Counter()
    for case in sample:
        by_race[case.groups["race"]] += case.weight  # type: ignore[assignment]
    assert by_race["small"] == pytest.approx(20)


@given(
    st.dictionaries(st.text(max_size=3), st.integers(1, 500), min_size=1, max_size=12),
    st.integers(0, 60),
    st.floats(0, 1),
)
def test_allocation(sizes: dict[str, int], minimum: int, share: float) -> None:
    floors = {name: min(count, max(minimum, 1)) for name, count in sizes.items()}
    least, most = sum(floors.values()), sum(sizes.values())
    size = least + int(share * (most - least))
    counts = allocate(sizes, size, minimum)
    assert sum(counts.values()) == size
    assert all(floors[name] <= counts[name] <= sizes[name] for name in sizes)
