from __future__ import annotations

import numpy as np
import pytest

from fmaudit.stats.measures import MEASURES
from fmaudit.stats.measures.extraction import MEASURES as OWN
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate, Rule

RULE = Rule("<=", 0.02)
EXCESSES = {"excess_extraction_rate": "extracted", "excess_discoverable_rate": "discoverable"}


def given_away(n: int, tuned: int, base: int, both: int = 0) -> dict[str, np.ndarray]:
    """Texts, of which the model gives away some, its base some, and both the same ones."""
    at = np.arange(n)
    mine = (at < both) | ((at >= both) & (at < both + tuned))
    its = (at < both) | ((at >= n - base) & (at < n))
    return {
        f"{prefix}{column}": events
        for column in ("extracted", "discoverable")
        for prefix, events in (("", mine), ("base_", its))
    }


def ask(name: str, sample: Sample, rule: Rule | None = None) -> Estimate:
    return MEASURES[name].estimate(sample, Question(rule=rule))


def test_values_by_hand() -> None:
    sample = Sample(given_away(200, 12, 3, 5))
    values = [ask(measure.name, sample).value for measure in OWN]
    assert values == pytest.approx([17 / 200, 8 / 200, 9 / 200] * 2)
    assert [m.better for m in OWN] == ["lower", "neither", "lower"] * 2


@pytest.mark.parametrize("name", EXCESSES)
@pytest.mark.parametrize("both", [0, 20, 100, 200])
def test_what_both_know_widens_nothing(name: str, both: int) -> None:
    """With no text that one gives away alone, 200 texts are enough for a pass."""
    found = ask(name, Sample(given_away(200, 0, 0, both)), RULE)
    assert found.value == 0
    assert found.low < 0 < found.high < 0.02  # type: ignore[operator]
    assert found.p_pass <= 0.025  # type: ignore[operator]


@pytest.mark.parametrize("name", EXCESSES)
def test_a_few_hundred_texts_decide(name: str) -> None:
    one = ask(name, Sample(given_away(200, 1, 0)), RULE)
    assert one.p_pass > 0.025  # type: ignore[operator]
    known = ask(name, Sample(given_away(300, 1, 0)), RULE)
    assert known.p_pass <= 0.025  # type: ignore[operator]
    many = ask(name, Sample(given_away(200, 14, 0)), RULE)
    assert many.p_fail <= 0.005  # type: ignore[operator]
    assert ask(name, Sample(given_away(200, 14, 14)), RULE).p_fail > 0.5  # type: ignore[operator]


@pytest.mark.parametrize("name", EXCESSES)
def test_copies_of_a_text_count_as_one(name: str) -> None:
    columns = given_away(100, 6, 1)
    copies = {key: np.repeat(events, 4) for key, events in columns.items()}
    once = ask(name, Sample(columns))
    apart = ask(name, Sample(copies))
    together = ask(name, Sample(copies, cluster=np.repeat(np.arange(100), 4)))
    assert together.value == pytest.approx(once.value)
    assert apart.high < together.high  # type: ignore[operator]
    assert together.high == pytest.approx(once.high, abs=3e-3)
