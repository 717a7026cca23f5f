"""The figures of group fairness beyond the gaps that gate: name → how, which columns, one class."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fmaudit.reporting.verify import classifier, conditional, impact, numbers, odds, score_gaps
from fmaudit.reporting.verify import unevenness as uneven
from fmaudit.reporting.verify.classifier import Rate
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.gaps import gap
from fmaudit.reporting.verify.rows import Array, Rows
from fmaudit.types import Estimate

Made = tuple[Callable[[Rows, Ask], Estimate], tuple[str, ...], bool]

_DECIDED = ("label", "predicted")
_SCORED = ("label", "probs")


def _refused(rows: Rows, ask: Ask) -> Array:
    return np.not_equal(rows.columns["predicted"], ask.positive)


def _undue(rows: Rows, ask: Ask) -> Array:
    return np.not_equal(rows.columns["label"], ask.positive)


_due, _granted = classifier.BASE.event, classifier.SELECTION.event

_RATES = {
    "true_negative_rate": Rate(_refused, _undue),
    "false_negative_rate": Rate(_refused, _due),
    "false_discovery_rate": Rate(_undue, _granted),
    "false_omission_rate": Rate(_due, _refused),
    "negative_predictive_value": Rate(_undue, _refused),
}
_TRUE = {"true_positive_rate": classifier.TRUE_POSITIVE}
_FALSE = {"false_positive_rate": classifier.FALSE_POSITIVE}
_PREDICTIVE = {"positive_predictive_value": classifier.PREDICTIVE}
_OMISSION = {"false_omission_rate": _RATES["false_omission_rate"]}
_ACCURACY = {"accuracy": classifier.ACCURACY}
_SELECTED = {"selection_rate": classifier.SELECTION}


def _overall(rates: Mapping[str, Rate]) -> Any:
    return odds.gap(rates, odds.to_overall, others=True)


def _between(figure: score_gaps.Figure, low: float = 0.0, high: float = 1.0) -> Any:
    return score_gaps.gap(figure, low, high)


FIGURES: Mapping[str, Made] = {
    **{name: (rate.estimate, _DECIDED, True) for name, rate in _RATES.items()},
    "predictive_parity_difference": (gap(_PREDICTIVE, "difference"), _DECIDED, True),
    "predictive_parity_ratio": (gap(_PREDICTIVE, "ratio"), _DECIDED, True),
    "false_omission_rate_difference": (gap(_OMISSION, "difference"), _DECIDED, True),
    "equal_opportunity_ratio": (gap(_TRUE, "ratio"), _DECIDED, True),
    "false_positive_rate_ratio": (gap(_FALSE, "ratio"), _DECIDED, True),
    "accuracy_ratio": (gap(_ACCURACY, "ratio"), _DECIDED, False),
    "average_odds_difference": (
        odds.gap(_TRUE | _FALSE, odds.average_odds), _DECIDED, True,
    ),
    "average_absolute_odds_difference": (
        odds.gap(_TRUE | _FALSE, odds.absolute_odds), _DECIDED, True,
    ),
    "equalized_odds_mean_difference": (
        odds.gap(_TRUE | _FALSE, odds.mean_odds), _DECIDED, True,
    ),
    "demographic_parity_difference_to_overall": (_overall(_SELECTED), ("predicted",), True),
    "equal_opportunity_difference_to_overall": (_overall(_TRUE), _DECIDED, True),
    "false_positive_rate_difference_to_overall": (_overall(_FALSE), _DECIDED, True),
    "equalized_odds_difference_to_overall": (_overall(_TRUE | _FALSE), _DECIDED, True),
    "accuracy_difference_to_overall": (_overall(_ACCURACY), _DECIDED, False),
    "mean_score": (score_gaps.mean_score_estimate, ("probs",), True),
    "treatment_ratio": (score_gaps.treatment_estimate, _DECIDED, True),
    "mean_score_difference": (_between(score_gaps.mean_score), ("probs",), True),
    "auroc_difference": (_between(score_gaps.area), _SCORED, True),
    "brier_difference": (_between(score_gaps.brier), _SCORED, False),
    "balanced_accuracy_difference": (_between(score_gaps.balanced), _DECIDED, False),
    "treatment_equality_difference": (
        _between(score_gaps.treatment, 0.0, math.inf), _DECIDED, True,
    ),
    "calibration_in_the_large_difference": (
        _between(score_gaps.in_the_large, -1.0, 1.0), _SCORED, True,
    ),
    "ece_difference": (score_gaps.gap(score_gaps.ece, 0.0, 1.0, even=True), _SCORED, False),
    **{
        f"mean_{kind}": (numbers.mean(figure, low), numbers.COLUMNS, False)
        for kind, (figure, low) in numbers.KINDS.items()
    },
    **{
        f"mean_{kind}_difference": (_between(figure, low), numbers.COLUMNS, False)
        for kind, (figure, low) in numbers.KINDS.items()
    },
    "generalized_entropy": (uneven.entropy, _DECIDED, True),
    "theil_index": (uneven.theil, _DECIDED, True),
    "between_group_entropy": (uneven.between, _DECIDED, True),
    "differential_fairness": (uneven.differential, ("predicted",), True),
    **{
        f"conditional_{name}_difference": (conditional.gap(rate), (*columns, "control"), positive)
        for name, rate, columns, positive in (
            ("demographic_parity", classifier.SELECTION, ("predicted",), True),
            ("equal_opportunity", classifier.TRUE_POSITIVE, _DECIDED, True),
            ("false_positive_rate", classifier.FALSE_POSITIVE, _DECIDED, True),
            ("accuracy", classifier.ACCURACY, _DECIDED, False),
        )
    },
    "adverse_impact_ratio": (impact.screen, ("predicted",), True),
    "selection_impact_ratio": (impact.ratio("selected"), ("category", "selected"), False),
    "scoring_impact_ratio": (impact.ratio("score"), ("category", "score"), False),
}  # fmt: skip
