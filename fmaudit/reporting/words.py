"""How figures, slices and verdicts are written for a reader.

A figure is rounded to two significant digits of its uncertainty (half the 95 % interval), or to
two significant digits of its own where it has none; the page carries the exact figure beside it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fmaudit.types import Estimate, Finding, Rate, Rule, Verdict

VERDICT_WORDS: Mapping[Verdict, str] = {
    "error": "error",
    "fail": "fails",
    "inconclusive": "inconclusive",
    "not_tested": "not tested",
    "pass": "passes",
    "measured": "measured",
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
    "law": "from a law",
    "standard": "from a standard",
    "policy": "set by the user",
    "default": "fmaudit's default",
}

_KEPT = {"\n", "\t"}
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_SPLIT = re.compile(r"[\s_]+")


def visible(value: Any) -> Any:
    """Text in which nothing hides: control, zero-width and bidi characters as ⟨U+202E⟩.

    Values that are not text, and text that is markup already, come back as they are.

    >>> visible("a\u202eb")
    'a⟨U+202E⟩b'
    """
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    if value.isascii() and value.isprintable():
        return value
    return "".join(f"⟨U+{ord(c):04X}⟩" if _hides(c) else c for c in value)


def plain(name: str) -> str:
    """A measure's or parameter's name as words: "flip_rate" is "flip rate"."""
    return _SPLIT.sub(" ", name).strip()


def places(low: float | None, high: float | None) -> int | None:
    """Decimals that show two significant digits of half the interval; None without one."""
    if low is None or high is None or not high > low:
        return None
    return max(0, 1 - math.floor(math.log10((high - low) / 2)))


def number(value: float | None, decimals: int | None = None) -> str:
    """A figure with that many decimals, or with two significant digits; "—" for none."""
    if value is None:
        return "—"
    if not math.isfinite(value):
        return str(value)
    if decimals is None:
        decimals = 1 - math.floor(math.log10(abs(value))) if value else 1
        decimals = max(0, decimals)
    text = f"{value:.{min(decimals, 12)}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def count(value: Any) -> str:
    """A count with thin spaces between thousands; "—" for what is no number."""
    return f"{value:,}".replace(",", "\u2009") if isinstance(value, int | float) else "—"


def size(value: float) -> str:
    """A number of bytes, "1.5 GiB"."""
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:.3g} GiB"


def span(low: float | None, high: float | None, decimals: int | None) -> str:
    """An interval, "0.018 to 0.052"; "none" where there is none."""
    if low is None and high is None:
        return "none"
    return f"{number(low, decimals)} to {number(high, decimals)}"


def figure(estimate: Estimate) -> tuple[str, str, str]:
    """Value, 95 % interval and adjusted interval, rounded alike."""
    decimals = places(estimate.low, estimate.high)
    return (
        number(estimate.value, decimals),
        span(estimate.low, estimate.high, decimals),
        span(estimate.low_adj, estimate.high_adj, decimals),
    )


def rule(found: Rule | None) -> str:
    """A rule, "≤ 0.05 (fmaudit's default)"; "none" where the figure is only measured."""
    if found is None:
        return "none"
    sign = {"<=": "≤", ">=": "≥"}[found.op]
    return f"{sign} {found.value:g} ({ORIGIN_WORDS[found.origin]})".replace("-", "−")


def at_least(found: Rate) -> str:
    """A rate's lower bound in whole percent, rounded down: "at least 93 %"."""
    return f"at least {math.floor(100 * found.low)} %"


def at_most(found: Rate) -> str:
    """A rate's upper bound in whole percent, rounded up: "at most 1 %"."""
    return f"at most {math.ceil(100 * found.high)} %"


@dataclass(frozen=True)
class Names:
    """What readers call the measures, and which of them compare the groups of an attribute."""

    titles: Mapping[str, str]
    compare: frozenset[str]

    def title(self, measure: str) -> str:
        """A measure's title; a name that this version does not know as it is."""
        return self.titles.get(measure, plain(measure))

    def where(self, finding: Finding) -> str:
        """The slice of a finding in words."""
        chosen = dict(finding.slice)
        if finding.measure in self.compare and "attribute" in chosen:
            attribute = chosen["attribute"]
            if "left out" in chosen:
                return f"{attribute}: {chosen['left out']}, left out of the comparison of groups"
            return f"between the groups of {attribute}"
        return ", ".join(f"{name}: {value}" for name, value in chosen.items()) or "all cases"

    def sentence(self, finding: Finding) -> str:
        """A finding in plain words: what, where, how much, how sure, against which rule."""
        subject = f"{self.title(finding.measure)}, {self.where(finding)}"
        if finding.positive is not None:
            subject += f" (positive class: {finding.positive})"
        estimate = finding.estimate
        if estimate is None:
            return f"{subject}: no figure. {_closed(finding.reason)}".strip()
        value, interval, _ = figure(estimate)
        text = f"{subject}: {value}"
        text += f" (95 % interval {interval})" if interval != "none" else " (no interval)"
        if finding.rule is not None:
            text += f"; the rule is {rule(finding.rule)}"
        needed = _needed(finding.needed_n, estimate)
        return f"{text}. {_closed(finding.reason)}{needed}".strip()


def _needed(needed: int | None, estimate: Estimate) -> str:
    if needed is None:
        return ""
    unit = "independent units" if estimate.clusters < estimate.n else "cases"
    place = " in the smaller group" if "limiting_clusters" in estimate.details else ""
    return (
        f" About {count(needed)} {unit}{place} would decide it, if the true value is the "
        "estimate; fix the number beforehand."
    )


def _closed(reason: str) -> str:
    """A reason as a sentence."""
    if not reason:
        return ""
    text = reason[0].upper() + reason[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _hides(char: str) -> bool:
    return char not in _KEPT and unicodedata.category(char) in _UNSEEN
