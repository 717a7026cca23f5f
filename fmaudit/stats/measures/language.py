"""How well a language model reads and writes: figures of scored texts and of written answers.

A row of scored text says how surprising it is, `nats` = −log p(text), summed over `scored_tokens`
tokens and `bytes` bytes of UTF-8. With w the weights:

    perplexity            exp(Σ w·nats / Σ w·scored_tokens), from 1; comparable only between models
                          that cut texts alike
    bits_per_byte         Σ w·nats / (ln 2 · Σ w·bytes), from 0; comparable between all models
    bits_per_byte_change  Σ w·(nats − base_nats) / (ln 2 · Σ w·bytes): under 0 the tuned model
                          reads these texts better than its base does
    accuracy_per_byte     share of questions whose right option is the likeliest per byte
    accuracy_change       share of questions answered rightly, less the base's share
    exact_match           share of answers that are a reference word for word
    exact_match_change    the same, less the base's
    token_f1, rouge_1, rouge_2, rouge_l    mean over answers, from 0 to 1
    chrf                  mean over answers, from 0 to 100
    unfinished_share      share of answers that were cut at the most tokens that they might have

Ratios are linearised (`estimates`): their influence values are z = w·(numerator − ratio ·
denominator) / Σ w·denominator. The limits of bits per byte, and of perplexity's nats per token,
are symmetric on the log scale; those of the change, which may be under 0, on its own.

Rajpurkar et al. 2016 (exact match, token F1); Lin 2004 (ROUGE); Popović 2015 (chrF); Gao et al.
2020 (bits per byte); Brown et al. 2020 (accuracy per byte).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from fmaudit.errors import NotEstimable
from fmaudit.stats.estimates import linearised, require
from fmaudit.stats.measures.arrays import namespace, weights
from fmaudit.stats.measures.base import Better, Measure, on_device
from fmaudit.stats.measures.columns import UNBOUNDED, average, change, rate
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Estimate

_LN2 = math.log(2)
_POSITIVE = (0.0, math.inf)
_LIMITS = ("value", "low", "high", "low_adj", "high_adj")

Column = Callable[[Sample], Any]


def _nats(sample: Sample) -> Any:
    return sample.columns["nats"]


def _gained_nats(sample: Sample) -> Any:
    return sample.columns["nats"] - sample.columns["base_nats"]


def _quotient(numerator: Column, denominator: str, sample: Sample) -> float:
    """Σ w·numerator / Σ w·denominator, where the columns lie."""
    top, bottom = numerator(sample), sample.columns[denominator]
    xp, w = namespace(top), weights(sample, top)
    below = float(xp.sum(w * bottom))
    if not below > 0:
        raise NotEstimable(f"no {denominator.replace('_', ' ')} among the rows")
    found = float(xp.sum(w * top)) / below
    if not math.isfinite(found):
        raise NotEstimable("a value among the rows is not finite")
    return found


def _ratio(
    numerator: Column,
    denominator: str,
    sample: Sample,
    question: Question,
    *,
    unit: float = 1.0,
    span: tuple[float, float] = _POSITIVE,
) -> Estimate:
    """The quotient of host columns, in units of `unit`, with its interval."""
    require(sample, question)
    found = _quotient(numerator, denominator, sample)
    bottom = sample.columns[denominator]
    total = (sample.w * bottom).sum() * unit
    influence = sample.w * (numerator(sample) - found * bottom) / total
    return linearised(found / unit, influence, sample, question, span=span)


def _bits(name: str, title: str, numerator: Column, columns: tuple[str, ...]) -> Measure:
    span = UNBOUNDED if "base_nats" in columns else _POSITIVE

    def value(sample: Sample, question: Question) -> float:
        return _quotient(numerator, "bytes", sample) / _LN2

    def interval(sample: Sample, question: Question) -> Estimate:
        return _ratio(numerator, "bytes", sample, question, unit=_LN2, span=span)

    estimate = on_device(value, interval)
    return Measure(name, title, columns, "lower", estimate, value, unit="bits per byte")


def _perplexity() -> Measure:
    def value(sample: Sample, question: Question) -> float:
        found = _exp(_quotient(_nats, "scored_tokens", sample))
        if math.isinf(found):
            raise NotEstimable("a perplexity larger than any number")
        return found

    def interval(sample: Sample, question: Question) -> Estimate:
        found = _ratio(_nats, "scored_tokens", sample, _logged(question))
        ends = {name: _exp(getattr(found, name)) for name in _LIMITS if found.low is not None}
        return msgspec.structs.replace(found, **ends)

    return Measure(
        "perplexity", "Perplexity", ("nats", "scored_tokens"), "lower",
        on_device(value, interval), value, unit="perplexity",
    )  # fmt: skip


def _logged(question: Question) -> Question:
    """The same question of nats per token."""
    if question.rule is None:
        return question
    limit = question.rule.value
    nats = math.log(limit) if limit > 0 else -math.inf
    return replace(question, rule=msgspec.structs.replace(question.rule, value=nats))


def _exp(nats: float) -> float:
    """e^nats, infinite where no number is so large."""
    try:
        return math.exp(nats)
    except OverflowError:
        return math.inf


def _overlap(name: str, title: str, unit: str = "score", most: float = 1.0) -> Measure:
    return average(name, title, (name,), "higher", span=(0.0, most), unit=unit)


def _answers(name: str, title: str, column: str, better: Better) -> Measure:
    return rate(name, title, column, better, "answers")


MEASURES = (
    _perplexity(),
    _bits("bits_per_byte", "Bits per byte", _nats, ("nats", "bytes")),
    _bits(
        "bits_per_byte_change", "Bits per byte, less the base's", _gained_nats,
        ("nats", "base_nats", "bytes"),
    ),
    _answers("accuracy_per_byte", "Accuracy by likelihood per byte", "correct_per_byte", "higher"),
    change("accuracy_change", "Accuracy, less the base's", ("correct", "base_correct"), "higher"),
    _answers("exact_match", "Exact match", "exact", "higher"),
    change("exact_match_change", "Exact match, less the base's", ("exact", "base_exact"), "higher"),
    _overlap("token_f1", "Token F1"),
    _overlap("rouge_1", "ROUGE-1"),
    _overlap("rouge_2", "ROUGE-2"),
    _overlap("rouge_l", "ROUGE-L"),
    _overlap("chrf", "chrF", "points of 100", 100.0),
    _answers("unfinished_share", "Share of unfinished answers", "unfinished", "lower"),
)  # fmt: skip
