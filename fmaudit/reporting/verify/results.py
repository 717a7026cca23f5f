"""What a verification found, figure by figure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fmaudit.reporting.verify.resampled import Limit
from fmaudit.types import Finding, encode

How = Literal["value", "closed form", "resampled", "sealed", "not from evidence"]

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Check:
    """One figure of the record, and how it was verified.

    `finding`: its probe, measure and slice, or the part of the record that it stands in.
    `how`: "value" and "closed form" agree to 1e-9·max(1, |stored|); "resampled" within four
    Monte-Carlo standard errors; "sealed" by its digest; "not from evidence": it cannot be
    computed from the evidence, and is named so that nobody takes it for verified.
    """

    finding: str
    figure: str
    how: How
    stored: Any
    recomputed: Any
    ok: bool
    note: str = ""


@dataclass(frozen=True)
class Verification:
    """All checks of a run."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.mismatches

    @property
    def mismatches(self) -> tuple[Check, ...]:
        """The checks that failed."""
        return tuple(check for check in self.checks if not check.ok)

    @property
    def counts(self) -> dict[How, int]:
        """How many figures were verified in each way."""
        return dict(Counter(check.how for check in self.checks))


def name(finding: Finding) -> str:
    """A finding in one line: probe, measure, slice, class."""
    positive = "" if finding.positive is None else f" [{finding.positive}]"
    return f"{finding.probe} {finding.measure} {encode(finding.slice).decode()}{positive}"


def number(where: str, figure: str, how: How, stored: Any, fresh: Any) -> Check:
    """Compare two numbers, or None with None; a limit that was drawn with its like."""
    if isinstance(fresh, Limit) and _is_number(stored):
        note = f"between {fresh.least:.6g} and {fresh.most:.6g} in other draws"
        value = float(fresh)
        return Check(where, figure, "resampled", stored, value, fresh.agrees(stored), note)
    return Check(where, figure, how, stored, fresh, close(stored, fresh))


def same(where: str, figure: str, stored: Any, fresh: Any, note: str = "") -> Check:
    """Compare two things that must be equal."""
    return Check(where, figure, "value", stored, fresh, stored == fresh, note)


def close(stored: Any, fresh: Any) -> bool:
    """Equal to 1e-9·max(1, |stored|); None is only equal to None, text to itself."""
    if not _is_number(stored) or not _is_number(fresh):
        return type(stored) is type(fresh) and bool(stored == fresh)
    if math.isinf(stored) or math.isinf(fresh):
        return bool(stored == fresh)
    return bool(abs(stored - fresh) <= TOLERANCE * max(1.0, abs(stored)))


def nested(where: str, figure: str, stored: Any, fresh: Any) -> Iterator[Check]:
    """Compare tables and lists of figures, leaf by leaf."""
    if isinstance(fresh, Mapping) and isinstance(stored, Mapping):
        for key in sorted({*stored, *fresh}):
            if key not in stored or key not in fresh:
                there = stored.get(key), fresh.get(key)
                yield Check(where, f"{figure}.{key}", "value", *there, False, "only on one side")
            else:
                yield from nested(where, f"{figure}.{key}", stored[key], fresh[key])
    elif _is_list(fresh) and _is_list(stored) and len(fresh) == len(stored):
        for k, (a, b) in enumerate(zip(stored, fresh, strict=True)):
            yield from nested(where, f"{figure}[{k}]", a, b)
    else:
        yield number(where, figure, "value", stored, fresh)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
