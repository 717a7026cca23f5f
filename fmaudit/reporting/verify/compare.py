"""A stored estimate against the one computed anew, figure by figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fmaudit.reporting.verify import resampled, results
from fmaudit.reporting.verify.results import Check
from fmaudit.types import Estimate, Finding, Verdict

LIMITS = ("low", "high", "low_adj", "high_adj", "p_fail", "p_pass")
IN_WORDS = {"no_interval": "a reason in words"}


@dataclass(frozen=True)
class Absent:
    """No fresh estimate: the verdict that this leads to, None where it is no honest absence."""

    why: str
    verdict: Verdict | None


def compared(finding: Finding, fresh: Estimate | Absent) -> Iterator[Check]:
    """The stored estimate of a finding against the fresh one."""
    where, stored = results.name(finding), finding.estimate
    if stored is None and isinstance(fresh, Absent) and fresh.verdict is not None:
        yield results.same(where, "verdict", finding.verdict, fresh.verdict)
        return
    if stored is None or isinstance(fresh, Absent):
        why = fresh.why if isinstance(fresh, Absent) else "the evidence gives a figure"
        values = getattr(stored, "value", None), getattr(fresh, "value", None)
        yield Check(where, "estimate", "value", *values, False, why)
        return
    yield results.number(where, "value", "value", stored.value, fresh.value)
    for name in LIMITS:
        pair = getattr(stored, name), getattr(fresh, name)
        yield results.number(where, name, "closed form", *pair)
    for name in ("n", "clusters", "method"):
        yield results.same(where, name, getattr(stored, name), getattr(fresh, name))
    yield from _details(where, stored.details, fresh.details)


def _details(where: str, stored: Mapping[str, Any], fresh: Mapping[str, Any]) -> Iterator[Check]:
    for key in sorted({*stored, *fresh}):
        figure, one, two = f"details.{key}", stored.get(key), fresh.get(key)
        if key not in fresh:
            note = "nothing to compare it with"
            yield Check(where, figure, "not from evidence", one, None, True, note)
        elif isinstance(two, resampled.Drawn):
            yield _resampled(where, figure, one, two)
        elif key in IN_WORDS:
            yield Check(where, figure, "not from evidence", one, None, key in stored, IN_WORDS[key])
        elif key == "float32" and one and "reason" in one and "reason" in (two or {}):
            yield Check(where, figure, "not from evidence", one, None, True, "a reason in words")
        elif key == "excluded":
            yield results.same(where, figure, sorted(one or {}), sorted(two or {}))
        else:
            yield from results.nested(where, figure, one, two)


def _resampled(where: str, figure: str, stored: Any, fresh: resampled.Drawn) -> Check:
    if not isinstance(stored, float):
        return Check(where, figure, "resampled", stored, None, False, "no p-value is stored")
    drawn, ok, error = fresh.check(stored)
    return Check(where, figure, "resampled", stored, drawn, ok, f"Monte-Carlo error {error:.2g}")
