"""Local Law 144: rates by category, the 2 % rule, unknown categories, the median resampled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.errors import NotEstimable
from fmaudit.stats import verdicts
from fmaudit.stats.bootstrap import median, resampled_weights
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Rule

SELECTION, SCORING = "selection_impact_ratio", "scoring_impact_ratio"


def people(**of: tuple[int, int]) -> Sample:
    """Category → how many people it has, and how many of them are selected; "_" is unknown."""
    category, selected = [], []
    for name, (n, chosen) in of.items():
        category += ["" if name == "_" else name.replace("_and_", " & ")] * n
        selected += [True] * chosen + [False] * (n - chosen)
    columns = {"category": np.array(category, dtype=object), "selected": np.array(selected)}
    return Sample({**columns, "score": np.array(selected, dtype=float)})


def ask(name: str, sample: Sample, seed: int = 0, **more: Any) -> Estimate:
    question = Question(rng=np.random.default_rng(seed), **more)
    return MEASURES[name].estimate(sample, question)


def lines(found: Estimate) -> dict[str, dict[str, Any]]:
    return {line["category"]: line for line in found.details["categories"]}


def test_the_table_of_selection_rates() -> None:
    found = ask(SELECTION, people(Female=(400, 120), Male=(600, 300), _=(50, 10)))
    table = lines(found)
    assert (table["Female"]["n"], table["Female"]["chosen"]) == (400, 120)
    assert table["Female"]["rate"] == pytest.approx(0.3)
    assert table["Female"]["ratio"] == pytest.approx(0.6)
    assert table["Male"]["ratio"] == 1
    assert found.value == pytest.approx(0.6)
    assert found.details["pair"] == ["Female", "Male"]
    assert (found.details["reference"], found.details["unknown"]) == ("Male", 50)
    assert (found.n, found.method) == (1000, "bootstrap_percentile")
    assert found.low < 0.6 < found.high  # type: ignore[operator]


def test_above_the_median_is_strict_and_the_median_is_everybodys() -> None:
    """Half of all scores are equal to the median: they are not above it."""
    score = np.array([1.0, 2.0, 2.0, 2.0, 3.0, 4.0])
    category = np.array(["a", "a", "b", "b", "b", ""], dtype=object)
    columns = {"category": np.tile(category, 20), "score": np.tile(score, 20)}
    found = ask(SCORING, Sample(columns))
    assert found.details["median"] == 2
    assert lines(found)["a"]["rate"] == 0
    assert lines(found)["b"]["rate"] == pytest.approx(1 / 3)
    known = Sample(columns).take(columns["category"] != "")
    assert ask(SCORING, known).details["median"] == 2
    shifted = Sample(
        {**columns, "score": np.where(columns["category"] == "", 9.0, columns["score"])}
    )
    assert ask(SCORING, shifted).details["median"] == 2


def test_people_of_no_known_category_move_the_median() -> None:
    category = np.repeat(np.array(["a", "b", ""], dtype=object), [50, 50, 60])
    score = np.concatenate([np.linspace(0, 1, 50), np.linspace(0, 1, 50), np.full(60, 5.0)])
    with_unknown = ask(SCORING, Sample({"category": category, "score": score}))
    assert with_unknown.details["median"] > 0.7


def test_a_category_under_two_percent_is_shown_and_cannot_be_the_reference() -> None:
    found = ask(SELECTION, people(Rare=(15, 15), Female=(400, 100), Male=(600, 300)))
    rare = lines(found)["Rare"]
    assert (rare["n"], rare["chosen"], rare["rate"]) == (15, 15, 1.0)
    assert (rare["ratio"], rare["low"]) == (None, None)
    assert found.details["reference"] == "Male"
    assert lines(found)["Female"]["ratio"] == pytest.approx(0.5)
    reason = found.details["excluded"]["Rare"]
    assert "1.48% of the data" in reason
    assert "under 2%" in reason


def test_just_two_percent_is_compared() -> None:
    found = ask(SELECTION, people(Few=(20, 20), Male=(980, 490)))
    assert found.details["reference"] == "Few"
    assert not found.details["excluded"]


def test_unknown_people_count_in_what_two_percent_is_of() -> None:
    alone = ask(SELECTION, people(Few=(20, 10), Male=(900, 450)))
    among = ask(SELECTION, people(Few=(20, 10), Female=(90, 45), Male=(900, 450), _=(200, 0)))
    assert not alone.details["excluded"]
    assert list(among.details["excluded"]) == ["Few"]


def test_an_empty_intersection_is_not_estimable_and_no_zero() -> None:
    found = ask(
        SELECTION, people(Female_and_Black=(100, 30), Female_and_White=(100, 50),
                          Male_and_White=(100, 60))
    )  # fmt: skip
    empty = lines(found)["Male & Black"]
    assert (empty["n"], empty["rate"], empty["ratio"]) == (0, None, None)
    assert "not estimable" in found.details["excluded"]["Male & Black"]
    assert found.value == pytest.approx(0.5)


def test_a_name_with_an_ampersand_is_one_part() -> None:
    names = {"F & R && D": (100, 30), "M & R && D": (100, 50), "M & Sales": (100, 50)}
    category = np.array([name for name, (n, _) in names.items() for _ in range(n)], dtype=object)
    selected = np.concatenate([np.arange(n) < chosen for n, chosen in names.values()])
    found = ask(SELECTION, Sample({"category": category, "selected": selected}))
    assert {line["category"] for line in found.details["categories"]} == {*names, "F & Sales"}


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        (people(_=(100, 50)), "none of 100 rows is of a known category"),
        (people(Male=(100, 50), _=(10, 5)), "1 known, 10 of 110 rows of none"),
        (people(Male=(100, 0), Female=(100, 0)), "rate is 0 in every category"),
        (people(Male=(5000, 10), Female=(20, 10)), "fewer than two categories that are 2%"),
    ],
)
def test_without_two_categories_there_is_no_ratio(sample: Sample, reason: str) -> None:
    with pytest.raises(NotEstimable, match=reason):
        ask(SELECTION, sample)


def test_the_law_names_no_threshold_and_a_rule_is_not_tested() -> None:
    rule = Rule(">=", 0.8, "policy")
    found = ask(SELECTION, people(Female=(400, 100), Male=(600, 300)), rule=rule)
    (decision,) = verdicts.decide([(found, rule)])
    assert decision.verdict == "inconclusive"
    assert "names no threshold" in decision.reason
    assert "demographic_parity_ratio" in decision.reason


def test_equal_categories_have_ratios_near_1_and_limits_that_hold_it() -> None:
    found = ask(SELECTION, people(a=(500, 200), b=(500, 200), c=(500, 200)))
    assert found.value == 1
    assert found.high == 1
    assert found.low < 0.9  # type: ignore[operator]


def test_without_a_generator_there_is_no_interval() -> None:
    found = MEASURES[SELECTION].estimate(people(a=(50, 20), b=(50, 10)), Question())
    assert (found.value, found.low, found.method) == (0.5, None, "none")


def test_weights_count_as_so_many_people() -> None:
    weight = np.where(np.arange(200) % 2 == 0, 3.0, 1.0)
    sample = people(a=(100, 50), b=(100, 20))
    order = np.random.default_rng(1).permutation(200)
    columns = {k: v[order] for k, v in sample.columns.items()}
    weighted = Sample(columns, weight)
    rate = lines(ask(SELECTION, weighted))["a"]["rate"]
    mine = columns["category"] == "a"
    assert rate == pytest.approx(np.average(columns["selected"][mine], weights=weight[mine]))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), factor=st.floats(0.1, 50))
@pytest.mark.parametrize("name", [SELECTION, SCORING])
def test_names_and_the_scale_of_weights_do_not_matter(name: str, seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    category = rng.choice(np.array(["a", "b", "c", ""], dtype=object), 120)
    columns = {"category": category, "selected": rng.random(120) < 0.5, "score": rng.random(120)}
    weight = rng.choice([0.5, 1.0, 2.0], 120)
    names = {"a": "z", "b": "y", "c": "x", "": ""}
    turned = {**columns, "category": np.array([names[c] for c in category], dtype=object)}
    one = MEASURES[name].estimate(Sample(columns, weight), Question())
    two = MEASURES[name].estimate(Sample(turned, weight * factor), Question())
    assert two.value == pytest.approx(one.value, rel=1e-9)
    # of categories with one rate, either may be named
    mine, other = ([lines(e)[c]["rate"] for c in e.details["pair"]] for e in (one, two))
    assert other == pytest.approx(mine, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.integers(0, 5), min_size=1, max_size=30),
    counts=st.lists(st.integers(0, 4), min_size=30, max_size=30),
)
def test_the_weighted_median_is_that_of_repeated_values(
    values: list[int], counts: list[int]
) -> None:
    ordered = np.sort(np.array(values, dtype=float))
    weight = np.array(counts[: len(values)], dtype=float)
    if weight.sum() > 0:
        repeated = np.repeat(ordered, weight.astype(int))
        assert median(ordered, weight) == np.median(repeated)


def test_resamples_draw_whole_units_within_strata() -> None:
    unit, stratum = np.arange(40) // 2, (np.arange(40) // 2) % 2
    sample = Sample({"x": np.zeros(40)}, cluster=unit, stratum=stratum)
    for w in resampled_weights(sample, np.random.default_rng(0), 20):
        assert np.array_equal(w[::2], w[1::2])
        assert w[stratum == 0].sum() == w[stratum == 1].sum() == 20


@pytest.mark.slow
@pytest.mark.parametrize("name", [SELECTION, SCORING])
def test_the_limits_of_two_categories_cover(name: str) -> None:
    """True rates 0.3 and 0.5 of those selected; scores shifted by half a standard deviation."""
    held = []
    truth = 0.6 if name == SELECTION else _truth()
    for seed in range(300):
        found = ask(name, _drawn(600, seed), seed=seed)
        held.append(found.low <= truth <= found.high)  # type: ignore[operator]
    assert 0.92 <= np.mean(held) <= 0.98


def _drawn(n: int, seed: int) -> Sample:
    rng = np.random.default_rng(seed)
    second = rng.random(n) < 0.5
    columns = {
        "category": np.where(second, "b", "a").astype(object),
        "selected": rng.random(n) < np.where(second, 0.5, 0.3),
        "score": rng.normal(size=n) + 0.5 * second,
    }
    return Sample(columns)


def _truth() -> float:
    return MEASURES[SCORING].value(_drawn(1_000_000, 10**6), Question())
