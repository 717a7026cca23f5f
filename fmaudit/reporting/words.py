"""How figures, slices and verdicts are written for a reader.

A figure is rounded to two significant digits of its uncertainty (half the 95 % interval), or to
two significant digits of its own where it has none; the page carries the exact figure beside it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fmaudit.reporting.language import PLAIN, Language, noted
from fmaudit.reporting.vocabulary import (
    FAMILY_WORDS,
    ORIGIN_WORDS,
    UNITS,
    UNTOLD,
    VERDICT_WORDS,
)
from fmaudit.types import Estimate, Finding, Rate, Rule, Verdict

NEEDED = noted(
    "About %(n)s %(units)s would decide it, if the true value is the estimate; fix the number "
    "beforehand."
)
NEEDED_OF_GROUP = noted(
    "About %(n)s %(units)s in the smaller group would decide it, if the true value is the "
    "estimate; fix the number beforehand."
)

OPEN = {"groups", "labels", "ungrouped", "packages", "libraries", "n"}
"""Fields whose own fields are named by the data or the machine."""

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


def cut(text: Any, most: int) -> str:
    """The first characters of a text that is longer than `most`, and how many it has."""
    shown = str(text)
    return shown if len(shown) <= most else f"{shown[:most]}… ({count(len(shown))})"


def plain(name: str) -> str:
    """A measure's or parameter's name as words: "flip_rate" is "flip rate"."""
    return _SPLIT.sub(" ", name).strip()


def named(name: str, say: Language = PLAIN) -> str:
    """A field's, column's or parameter's name as words of the language, where it has them.

    A nested field, "groups, race, Black", is said part by part, up to what the data name.
    """
    parts = name.split(", ")
    own = next((k + 1 for k, part in enumerate(parts) if part in OPEN), len(parts))
    return say.listed([*(say.recorded(plain(part)) for part in parts[:own]), *parts[own:]])


def family(name: str, say: Language = PLAIN) -> str:
    """A family's name as a title; one of the user's own with a capital letter."""
    return say(FAMILY_WORDS[name]) if name in FAMILY_WORDS else plain(name).capitalize()


def verdict(name: Verdict, say: Language = PLAIN) -> str:
    """A verdict in a word or two."""
    return say(VERDICT_WORDS[name])


def places(low: float | None, high: float | None) -> int | None:
    """Decimals that show two significant digits of half the interval; None without one."""
    if low is None or high is None or not high > low or math.isinf(high - low):
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


def size(value: float, say: Language = PLAIN) -> str:
    """A number of bytes, "1.5 GiB"."""
    for unit in ("", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.3g} {unit}" if unit else say("%(n)s bytes", n=f"{value:.3g}")
        value /= 1024
    return f"{value:.3g} GiB"


def span(low: float | None, high: float | None, decimals: int | None, say: Language = PLAIN) -> str:
    """An interval, "0.018 to 0.052"; "none" where there is none."""
    if low is None and high is None:
        return say("none")
    return say("%(low)s to %(high)s", low=number(low, decimals), high=number(high, decimals))


def figure(estimate: Estimate, say: Language = PLAIN) -> tuple[str, str, str]:
    """Value, 95 % interval and adjusted interval, rounded alike."""
    decimals = places(estimate.low, estimate.high)
    return (
        number(estimate.value, decimals),
        span(estimate.low, estimate.high, decimals, say),
        span(estimate.low_adj, estimate.high_adj, decimals, say),
    )


def rule(found: Rule | None, say: Language = PLAIN) -> str:
    """A rule, "≤ 0.05 (fmaudit's default)"; "none" where the figure is only measured."""
    if found is None:
        return say("none")
    return say("%(bound)s (%(origin)s)", bound=bound(found), origin=say(ORIGIN_WORDS[found.origin]))


def bound(found: Rule) -> str:
    """A rule's threshold alone, "≤ 0.05"."""
    sign = {"<=": "≤", ">=": "≥"}[found.op]
    return f"{sign} {found.value:g}".replace("-", "−")


def at_least(found: Rate, say: Language = PLAIN) -> str:
    """A rate's lower bound in whole percent, rounded down: "at least 93 %"."""
    return say("at least %(n)s %%", n=math.floor(100 * found.low))


def at_most(found: Rate, say: Language = PLAIN) -> str:
    """A rate's upper bound in whole percent, rounded up: "at most 1 %"."""
    return say("at most %(n)s %%", n=math.ceil(100 * found.high))


@dataclass(frozen=True)
class Names:
    """What readers call the measures and slices.

    `titles`: the measures' titles. `compare`: measures that compare the groups of an attribute.
    `categories`: columns that cards cut figures by, whose names and values are fmaudit's own
    words; the names and values of groups are the data's, and stay as they are. `units`: those of
    the measures, as `UNITS` names them.
    """

    titles: Mapping[str, str]
    compare: frozenset[str]
    categories: frozenset[str] = frozenset()
    say: Language = PLAIN
    units: Mapping[str, str] = field(default_factory=dict)

    def title(self, measure: str) -> str:
        """A measure's title; a name that this version does not know as it is."""
        return self.say.content(self.titles.get(measure, plain(measure)))

    def measured(self, measure: str) -> str:
        """Its title, and the unit that the title leaves open: "Log loss (nats)"."""
        title, unit = self.title(measure), self.units.get(measure, "")
        if unit not in UNTOLD:
            return title
        return self.say("%(measure)s (%(unit)s)", measure=title, unit=self.say(UNITS[unit]))

    def where(self, finding: Finding) -> str:
        """The slice of a finding in words."""
        say, chosen = self.say, dict(finding.slice)
        if finding.measure in self.compare and "attribute" in chosen:
            attribute = chosen["attribute"]
            if "left out" in chosen:
                return say(
                    "%(attribute)s: %(group)s, left out of the comparison of groups",
                    attribute=attribute,
                    group=chosen["left out"],
                )
            return say("between the groups of %(attribute)s", attribute=attribute)
        cut = [self._cut(name, value) for name, value in chosen.items()]
        return say.listed(cut) if cut else say("all cases")

    def what(self, finding: Finding) -> str:
        """Measure and slice: "Flip rate, all cases"."""
        title, where = self.measured(finding.measure), self.where(finding)
        return self.say("%(measure)s, %(where)s", measure=title, where=where)

    def positive(self, finding: Finding) -> str:
        """The class that a finding takes against the rest, in brackets; "" where it takes none."""
        if finding.positive is None:
            return ""
        return self.say(" (positive class: %(positive)s)", positive=finding.positive)

    def sentence(self, finding: Finding) -> str:
        """A finding in plain words: what, where, how much, how sure, against which rule, why."""
        return self.say.joined(filter(None, (self.figures(finding), self.why(finding))))

    def figures(self, finding: Finding) -> str:
        """The first half of the sentence: what, where, how much, how sure, against which rule."""
        say, subject = self.say, self.what(finding) + self.positive(finding)
        estimate = finding.estimate
        if estimate is None:
            return say("%(subject)s: no figure.", subject=subject)
        value, interval, _ = figure(estimate, say)
        if estimate.low is None and estimate.high is None:
            text = say("%(subject)s: %(value)s (no interval)", subject=subject, value=value)
        else:
            text = say(
                "%(subject)s: %(value)s (95 %% interval %(interval)s)",
                subject=subject,
                value=value,
                interval=interval,
            )
        if finding.rule is None:
            return say("%(text)s.", text=text)
        return say("%(text)s; the rule is %(rule)s.", text=text, rule=rule(finding.rule, say))

    def why(self, finding: Finding) -> str:
        """The second half: the verdict's reason, and how many cases would decide; "" for none."""
        reason = self.say.recorded(finding.reason)
        said = _closed(reason, PLAIN if reason == finding.reason else self.say)
        return self.say.joined(filter(None, (said, self.needed(finding))))

    def needed(self, finding: Finding) -> str:
        """How many cases would decide an inconclusive figure; "" where that is not known."""
        if finding.needed_n is None or finding.estimate is None:
            return ""
        say, estimate = self.say, finding.estimate
        units = say("independent units") if estimate.clusters < estimate.n else say("cases")
        text = NEEDED_OF_GROUP if "limiting_clusters" in estimate.details else NEEDED
        return say(text, n=count(finding.needed_n), units=units)

    def part(self, name: str, value: str) -> tuple[str, str]:
        """A column of a slice and its value: fmaudit's own in words, the data's as they are."""
        if name not in self.categories:
            return name, value
        return named(name, self.say), self.word(value)

    def word(self, value: str) -> str:
        """A value of fmaudit's own: in the page's language, or with its parts apart."""
        said = self.say.content(value)
        return plain(said) if said == value else said

    def _cut(self, name: str, value: str) -> str:
        name, value = self.part(name, value)
        return self.say("%(name)s: %(value)s", name=name, value=value)


def _closed(reason: str, say: Language) -> str:
    """A reason as a sentence."""
    if not reason:
        return ""
    text = reason[0].upper() + reason[1:]
    return text if text.endswith((".", "!", "?", "。")) else say("%(text)s.", text=text)


def _hides(char: str) -> bool:
    return char not in _KEPT and unicodedata.category(char) in _UNSEEN
