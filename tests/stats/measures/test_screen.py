from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportions_ztest

from fmaudit.errors import NotEstimable
from fmaudit.stats.measures import MEASURES
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate

Rows = Callable[..., Sample]
SCREEN = MEASURES["adverse_impact_ratio"]
ASK = Question(positive=1)


def groups(**of: tuple[int, int]) -> Sample:
    """Group → how many it has, and how many of them are selected."""
    group = np.repeat(np.array(list(of), dtype=object), [n for n, _ in of.values()])
    predicted = np.concatenate([np.arange(n) < chosen for n, chosen in of.values()]).astype(int)
    return Sample({"group": group, "predicted": predicted})


def lines(found: Estimate) -> dict[str, dict[str, Any]]:
    return {line["category"]: line for line in found.details["categories"]}


def test_the_figure_is_that_of_the_demographic_parity_ratio(rows: Rows) -> None:
    sample = rows(900, groups=4, seed=1)
    parity = MEASURES["demographic_parity_ratio"].estimate(sample, ASK)
    found = SCREEN.estimate(sample, ASK)
    for figure in ("value", "low", "high", "low_adj", "high_adj", "n", "clusters", "method"):
        assert getattr(found, figure) == pytest.approx(getattr(parity, figure))
    assert found.details["pair"] == parity.details["pair"]


def test_a_clear_ratio_is_flagged_and_a_chance_one_is_not() -> None:
    clear = SCREEN.estimate(groups(Female=(1000, 200), Male=(1000, 500)), ASK)
    assert clear.details["flagged"] == "Female"
    assert lines(clear)["Female"]["upper"] < 0.8
    chance = SCREEN.estimate(groups(Female=(60, 21), Male=(60, 30)), ASK)
    assert chance.value < 0.8
    assert chance.details["flagged"] == "none"
    assert not lines(chance)["Female"]["flagged"]


def test_the_bound_is_over_all_pairs_at_once() -> None:
    two = SCREEN.estimate(groups(a=(400, 100), b=(400, 200)), ASK)
    many = SCREEN.estimate(
        groups(a=(400, 100), b=(400, 200), c=(400, 190), d=(400, 195), e=(400, 198)), ASK
    )
    assert lines(many)["a"]["ratio"] == lines(two)["a"]["ratio"]
    assert lines(many)["a"]["upper"] > lines(two)["a"]["upper"]
    assert lines(two)["a"]["upper"] == pytest.approx(lines(two)["a"]["high"])


def test_fisher_and_z_stand_beside_and_decide_nothing() -> None:
    found = SCREEN.estimate(groups(Female=(80, 20), Male=(120, 60)), ASK)
    line = lines(found)["Female"]
    assert line["fisher_p"] == pytest.approx(stats.fisher_exact([[20, 60], [60, 60]]).pvalue)
    assert line["z_p"] == pytest.approx(proportions_ztest([20, 60], [80, 120])[1])
    assert "fisher_p" not in lines(found)["Male"]
    assert found.p_fail is None


def test_tests_of_independent_rows_are_not_made_of_others() -> None:
    sample = groups(Female=(80, 20), Male=(120, 60))
    weighted = Sample(sample.columns, np.tile([1.0, 2.0], 100))
    clustered = Sample(sample.columns, cluster=np.arange(200) // 2)
    for designed in (weighted, clustered):
        line = lines(SCREEN.estimate(designed, ASK))["Female"]
        assert "fisher_p" not in line
        assert line["upper"] > 0


def test_small_groups_are_left_out_with_the_reason() -> None:
    found = SCREEN.estimate(
        groups(Female=(100, 20), Male=(100, 60), Other=(5, 5)), Question(positive=1, minimum_n=50)
    )
    assert found.details["reference"] == "Male"
    assert lines(found)["Other"] == {"category": "Other", "n": 5}
    assert "fewer than the 50" in found.details["excluded"]["Other"]


def test_nobody_selected_and_one_group_have_no_ratio() -> None:
    with pytest.raises(NotEstimable, match="0 in every group"):
        SCREEN.estimate(groups(a=(60, 0), b=(60, 0)), ASK)
    with pytest.raises(NotEstimable, match="fewer than two groups"):
        SCREEN.estimate(groups(a=(60, 30)), ASK)


@pytest.mark.slow
def test_fourteen_equal_groups_are_flagged_in_at_most_one_of_forty() -> None:
    """Of 100 cases each, a ratio under 0.8 shows nearly always."""
    flagged, under = 0, 0
    for seed in range(600):
        rng = np.random.default_rng(seed)
        chosen = rng.binomial(100, 0.5, 14)
        found = SCREEN.estimate(
            groups(**{f"g{k}": (100, int(c)) for k, c in enumerate(chosen)}), ASK
        )
        flagged += found.details["flagged"] != "none"
        under += found.value < 0.8
    assert flagged / 600 <= 0.025 + 0.0125
    assert under / 600 > 0.95
