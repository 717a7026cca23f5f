"""The words that every report uses: of verdicts, families, the origins of rules, units."""

from __future__ import annotations

from collections.abc import Mapping

from fmaudit.reporting.language import noted
from fmaudit.types import Verdict

VERDICT_WORDS: Mapping[Verdict, str] = {
    "error": noted("error"),
    "fail": noted("fails"),
    "inconclusive": noted("inconclusive"),
    "not_tested": noted("not tested"),
    "pass": noted("passes"),
    "measured": noted("measured"),
}

VERDICT_SHAPES: Mapping[Verdict, str] = {
    "error": "▲",
    "fail": "■",
    "inconclusive": "◐",
    "not_tested": "○",
    "pass": "●",
    "measured": "–",
}

ORIGIN_WORDS: Mapping[str, str] = {
    "law": noted("from a law"),
    "standard": noted("from a standard"),
    "policy": noted("set by the user"),
    "default": noted("fmaudit's default"),
}

FAMILY_WORDS: Mapping[str, str] = {
    "performance": noted("Performance"),
    "bias": noted("Bias"),
    "robustness": noted("Robustness"),
    "privacy": noted("Privacy"),
    "explanations": noted("Explanations"),
}

UNITS: Mapping[str, str] = {
    "share": noted("share"),
    "area": noted("area under the curve"),
    "nat": noted("nats"),
    "probability": noted("probability"),
    "squared probability": noted("squared probability"),
    "slope": noted("slope"),
    "correlation": noted("correlation"),
    "perplexity": noted("equally likely tokens"),
    "bits per byte": noted("bits"),
    "score": noted("score from 0 to 1"),
    "signed score": noted("score from -1 to 1"),
    "points of 100": noted("points of 100"),
    "index": noted("index"),
    "ratio": noted("ratio"),
    "sd": noted("standard deviations"),
    "cosine": noted("cosine"),
    "share of the range": noted("share of the range"),
    "squared share of the range": noted("squared share of the range"),
    "nats per token": noted("nats per token"),
    "nats² per token": noted("nats² per token"),
    "tokens": noted("tokens"),
}
"""The units of measures, in words."""

UNTOLD = {"nat", "points of 100"}
"""Units that a title does not tell, and that a figure alone leaves open."""
