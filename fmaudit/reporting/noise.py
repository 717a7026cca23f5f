"""The noise floor in sentences, for readers who do not know what a logit is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fmaudit.reporting.language import PLAIN, Language, noted
from fmaudit.reporting.wordings import CLASSES, WORDINGS, Wording
from fmaudit.reporting.words import number

UNSTEADY = 0.05  # share of changed classes above which no rule passes or fails
STILL = 1e-3  # a change of a logit that no decision can be told to hang on
CHANCE = 1.2  # the largest of some hundred changes by chance is seldom further above another
ROUNDING = 3.0  # two answers that are each rounded differ by two roundings at the most

ARITHMETIC = noted(
    "Differences of this size are the arithmetic's and say nothing of the model's judgement."
)

CONDITIONS = {
    "alone": noted("read alone, not beside others"),
    "padded": noted("padded to twice its length"),
    "again": noted("asked once more"),
}

ROLES = {
    "target": noted("the audited model"),
    "base": noted("its base"),
    "reference": noted("the reference model"),
}

SHORT = {"alone": noted("alone"), "padded": noted("padded"), "again": noted("again")}


def of(role: str, capability: str, say: Language = PLAIN) -> str:
    """Whose noise, and of what: "the audited model, class scores"."""
    asked = WORDINGS[capability].name if capability in WORDINGS else capability
    return say.listed(map(say.content, (ROLES.get(role, role), asked)))


def condition(name: str, say: Language = PLAIN) -> str:
    """A condition under which inputs are asked again, in a word."""
    return say.content(SHORT.get(name, name))


def moves(capabilities: Iterable[str], say: Language = PLAIN) -> list[str]:
    """What the changes of these capabilities are changes of, a sentence each."""
    return [say(WORDINGS[name].moves) for name in WORDINGS if name in set(capabilities)]


def change(capability: str, found: float | None, say: Language = PLAIN) -> str:
    """A largest change with its unit; a dash where there is none, or only another text."""
    if found is None or capability == "generate":
        return number(None)
    unit = WORDINGS[capability].unit if capability in WORDINGS else ""
    return say(unit, n=number(found)) if unit else number(found)


def words(capability: str, found: Mapping[str, Any], say: Language = PLAIN) -> list[str]:
    """What the floor of a capability says, a sentence or two each.

    `found`: its figures, as they stand in the record under `floor`.
    """
    largest: Mapping[str, float] = found["largest"]
    if not largest:
        return [say("The model answered nothing of the sample, so its noise is not known.")]
    if capability == "attribute":
        return [
            say(
                "Asked once more, the explanations of %(n)s inputs moved by at most %(most)s.",
                n=found["answered"]["again"],
                most=number(largest["again"]),
            )
        ]
    wording = WORDINGS.get(capability, CLASSES)
    compared = found.get("float32") or {}
    leaks = bool(wording.leaks) and _leaks(largest, compared)
    steady, small = _steadiness(wording, largest, found["flips"], say)
    said = [say.joined([steady, say(ARITHMETIC)]) if small and not leaks else steady]
    if leaks:
        said.append(say(wording.leaks, most=number(largest["padded"])))
    return [*said, *_rounding(wording, compared, say)]


def spoken(capability: str, found: Mapping[str, Any], say: Language = PLAIN) -> list[str]:
    """What a record's floor says, in a language: its own sentences in English, else anew.

    `found`: what the record holds under `floor`, a role and that capability.
    """
    recorded: list[str] = list(found.get("words", ()))
    if not recorded or say.code == PLAIN.code:
        return recorded
    return words(capability, found, say)


def _leaks(largest: Mapping[str, float], compared: Mapping[str, Any]) -> bool:
    """Whether padding moves a score by more than chance and rounding do.

    A model that answers at random moves as far under every condition. Being read alone, or in
    another batch, moves what leaks as well, but less far than twice the length does. In float32
    there is next to no rounding, so that a slight leak shows there.
    """
    chance = CHANCE * largest.get("again", 0.0)
    shared = CHANCE * max(largest.get("alone", 0.0), largest.get("again", 0.0))
    rounded = ROUNDING * (compared.get("largest") or 0.0)
    return (
        largest.get("padded", 0.0) > STILL + max(shared, rounded)
        or (compared.get("padded") or 0.0) > STILL + chance
    )


def _steadiness(
    wording: Wording, largest: Mapping[str, float], flips: Mapping[str, float], say: Language
) -> tuple[str, bool]:
    """How steady the answers are, and whether they differ by a little."""
    most = max(largest.values())
    worst = max(flips, key=lambda name: flips[name], default="")
    share = flips.get(worst, 0.0)
    values = {
        "how": say.content(CONDITIONS.get(worst, worst)),
        "share": _percent(share),
        "most": number(most),
    }
    if not flips and wording.alone:
        return say(wording.alone, **values), most > STILL
    if share > UNSTEADY and wording.unsteady:
        return say(wording.unsteady, **values), False
    if share > 0:
        return say(wording.flipped, **values), bool(wording.moved)
    if most > STILL and wording.moved:
        return say(wording.moved, **values), True
    return say(wording.same, **values), False


def _rounding(wording: Wording, compared: Mapping[str, Any], say: Language) -> list[str]:
    if not compared:
        return []
    if "largest" not in compared:
        note = say.recorded(compared.get("note", ""))
        return [say("Number format: %(note)s.", note=note)]
    flips, first = compared.get("flips"), compared.get("first")
    values = {
        "dtype": compared["dtype"],
        "n": compared["items"],
        "most": number(compared["largest"]),
        "share": _percent(flips or 0.0),
    }
    text = wording.rounded if flips is not None else wording.rounded_alone or wording.rounded
    said = [say(text, **values)]
    if first is not None and wording.first:
        said.append(say(wording.first, points=f"{100 * first:+.2f}".replace("-", "−")))
    return [say.joined(said)]


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
