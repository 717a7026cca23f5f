"""The noise floor in sentences, for readers who do not know what a logit is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fmaudit.reporting.language import PLAIN, Language, noted

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

CAPABILITIES = {"classify": noted("class scores"), "attribute": noted("explanations")}

ROLES = {"target": noted("the audited model"), "reference": noted("the reference model")}

SHORT = {"alone": noted("alone"), "padded": noted("padded"), "again": noted("again")}


def of(role: str, capability: str, say: Language = PLAIN) -> str:
    """Whose noise, and of what: "the audited model, class scores"."""
    names = (ROLES.get(role, role), CAPABILITIES.get(capability, capability))
    return say.listed(map(say.content, names))


def condition(name: str, say: Language = PLAIN) -> str:
    """A condition under which inputs are asked again, in a word."""
    return say.content(SHORT.get(name, name))


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
                most=f"{largest['again']:.2g}",
            )
        ]
    compared = found.get("float32") or {}
    leaks = _leaks(largest, compared)
    steady, small = _steadiness(largest, found["flips"], say)
    said = [say.joined([steady, say(ARITHMETIC)]) if small and not leaks else steady]
    if leaks:
        said.append(
            say(
                "Filling up an input with padding moves its scores by up to %(most)s. "
                "A model that heeds its attention mask does not do that: have its owner look at "
                "it. What such a model answers depends on which inputs are read together.",
                most=f"{largest['padded']:.2g}",
            )
        )
    return [*said, *_rounding(compared, say)]


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
    largest: Mapping[str, float], flips: Mapping[str, float], say: Language
) -> tuple[str, bool]:
    """How steady the answers are, and whether they differ by a little."""
    worst = max(flips, key=lambda name: flips[name])
    share, moved = flips[worst], f"{max(largest.values()):.2g}"
    how = say.content(CONDITIONS.get(worst, worst))
    if share > UNSTEADY:
        text = say(
            "The model is not steady: %(how)s, %(share)s of the inputs got another class. "
            "No rule passes or fails in this audit, for it would do so by chance.",
            how=how,
            share=_percent(share),
        )
        return text, False
    if share > 0:
        text = say(
            "The same input is not always answered alike: %(how)s, %(share)s of the inputs got "
            "another class, and scores moved by up to %(most)s.",
            how=how,
            share=_percent(share),
            most=moved,
        )
        return text, True
    if max(largest.values()) > STILL:
        text = say(
            "The same input always got the same class, but its scores moved by up to %(most)s.",
            most=moved,
        )
        return text, True
    return say("The same input was answered alike every time: no class changed."), False


def _rounding(compared: Mapping[str, Any], say: Language) -> list[str]:
    if not compared:
        return []
    if "largest" not in compared:
        note = say.recorded(compared.get("note", ""))
        return [say("Number format: %(note)s.", note=note)]
    return [
        say(
            "Number format: the model is served in %(dtype)s, which rounds. In float32, %(share)s "
            "of %(n)s inputs get another class, and scores move by up to %(most)s. Each verdict "
            "was checked against that: one that float32 would change is inconclusive.",
            dtype=compared["dtype"],
            share=_percent(compared["flips"]),
            n=compared["items"],
            most=f"{compared['largest']:.2g}",
        )
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
