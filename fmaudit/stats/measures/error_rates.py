"""The other rates of a confusion table, and their gaps between groups.

With y the label, ŷ the predicted class and + the positive class:

    true_negative_rate         ŷ ≠ +   among y ≠ +     (specificity)
    false_negative_rate        ŷ ≠ +   among y = +     (miss rate)
    false_discovery_rate       y ≠ +   among ŷ = +
    false_omission_rate        y = +   among ŷ ≠ +
    negative_predictive_value  y ≠ +   among ŷ ≠ +

Predictive parity is the gap of positive predictive values (as large as that of false discovery
rates), and the gap of false negative rates is as large as that of true positive rates (`groups`).
Differences are the largest less the smallest, ratios the smallest over the largest; both by
`groups`, between groups as in fairlearn; a group without a row in the denominator is named in
`details.excluded` as well. Chouldechova 2017 (predictive parity,
https://doi.org/10.1089/big.2016.0047); Verma and Rubin 2018.
"""

from __future__ import annotations

from typing import Any

from fmaudit.stats.measures import rates
from fmaudit.stats.measures.groups import Gap
from fmaudit.stats.measures.rates import Rate
from fmaudit.stats.sample import Question, Sample


def _selected(sample: Sample, question: Question) -> Any:
    return sample.columns["predicted"] == question.positive_class


def _refused(sample: Sample, question: Question) -> Any:
    return sample.columns["predicted"] != question.positive_class


def _positive(sample: Sample, question: Question) -> Any:
    return sample.columns["label"] == question.positive_class


def _negative(sample: Sample, question: Question) -> Any:
    return sample.columns["label"] != question.positive_class


_BOTH = rates.ACCURACY.columns
_REFUSED_ROWS = "rows that are not predicted positive"

TRUE_NEGATIVE = Rate(
    "true_negative_rate", "True negative rate", _BOTH, _refused, "higher",
    _negative, rates.FALSE_POSITIVE.what,
)  # fmt: skip
FALSE_NEGATIVE = Rate(
    "false_negative_rate", "False negative rate", _BOTH, _refused, "lower",
    _positive, rates.TRUE_POSITIVE.what,
)  # fmt: skip
FALSE_DISCOVERY = Rate(
    "false_discovery_rate", "False discovery rate", _BOTH, _negative, "lower",
    _selected, rates.PREDICTIVE_VALUE.what,
)  # fmt: skip
FALSE_OMISSION = Rate(
    "false_omission_rate", "False omission rate", _BOTH, _positive, "lower",
    _refused, _REFUSED_ROWS,
)  # fmt: skip
NEGATIVE_VALUE = Rate(
    "negative_predictive_value", "Negative predictive value", _BOTH, _negative, "higher",
    _refused, _REFUSED_ROWS,
)  # fmt: skip

RATES = (TRUE_NEGATIVE, FALSE_NEGATIVE, FALSE_DISCOVERY, FALSE_OMISSION, NEGATIVE_VALUE)

GAPS = (
    Gap("predictive_parity_difference", "Predictive parity difference", "difference",
        (rates.PREDICTIVE_VALUE,)),
    Gap("predictive_parity_ratio", "Predictive parity ratio", "ratio",
        (rates.PREDICTIVE_VALUE,)),
    Gap("false_omission_rate_difference", "False omission rate difference", "difference",
        (FALSE_OMISSION,)),
    Gap("equal_opportunity_ratio", "Equal opportunity ratio", "ratio",
        (rates.TRUE_POSITIVE,)),
    Gap("false_positive_rate_ratio", "False positive rate ratio", "ratio",
        (rates.FALSE_POSITIVE,)),
    Gap("accuracy_ratio", "Accuracy ratio", "ratio", (rates.ACCURACY,)),
)  # fmt: skip

MEASURES = (*(rate.measure() for rate in RATES), *(gap.measure() for gap in GAPS))
