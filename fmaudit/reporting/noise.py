"""The noise floor in sentences, for readers who do not know what a logit is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNSTEADY = 0.05  # share of changed classes above which no rule passes or fails
STILL = 1e-3  # a change of a logit that no decision can be told to hang on
CHANCE = 1.2  # the largest of some hundred changes by chance is seldom further above another
ROUNDING = 3.0  # two answers that are each rounded differ by two roundings at the most

ARITHMETIC = (
    " Differences of this size are the arithmetic's and say nothing of the model's judgement."
)

CONDITIONS = {
    "alone": "read alone, not beside others",
    "padded": "padded to twice its length",
    "again": "asked once more",
}


def words(capability: str, found: Mapping[str, Any]) -> list[str]:
    """What the floor of a capability says, a sentence each."""
    largest: Mapping[str, float] = found["largest"]
    if not largest:
        return ["The model answered nothing of the sample, so its noise is not known."]
    if capability == "attribute":
        moved, items = largest["again"], found["answered"]["again"]
        return [
            f"Asked once more, the explanations of {items} inputs moved by at most {moved:.2g}."
        ]
    compared = found.get("float32") or {}
    leaks = _leaks(largest, compared)
    said = [_steadiness(largest, found["flips"], "" if leaks else ARITHMETIC)]
    if leaks:
        said.append(
            f"Filling up an input with padding moves its scores by up to {largest['padded']:.2g}. "
            "A model that heeds its attention mask does not do that: have its owner look at it. "
            "What such a model answers depends on which inputs are read together."
        )
    return [*said, *_rounding(compared)]


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


def _steadiness(largest: Mapping[str, float], flips: Mapping[str, float], cause: str) -> str:
    """How steady the answers are; `cause` ends the sentence on small differences."""
    worst = max(flips, key=lambda name: flips[name])
    share, moved = flips[worst], max(largest.values())
    how = CONDITIONS.get(worst, worst)
    if share > UNSTEADY:
        return (
            f"The model is not steady: {how}, {_percent(share)} of the inputs got another class. "
            "No rule passes or fails in this audit, for it would do so by chance."
        )
    if share > 0:
        return (
            f"The same input is not always answered alike: {how}, {_percent(share)} of the inputs "
            f"got another class, and scores moved by up to {moved:.2g}.{cause}"
        )
    if moved > STILL:
        return (
            f"The same input always got the same class, but its scores moved by up to {moved:.2g}."
            f"{cause}"
        )
    return "The same input was answered alike every time: no class changed."


def _rounding(compared: Mapping[str, Any]) -> list[str]:
    if not compared:
        return []
    if "largest" not in compared:
        return [f"Number format: {compared.get('note', '')}."]
    return [
        f"Number format: the model is served in {compared['dtype']}, which rounds. In float32, "
        f"{_percent(compared['flips'])} of {compared['items']} inputs get another class, and "
        f"scores move by up to {compared['largest']:.2g}. Each verdict was checked "
        "against that: one that float32 would change is inconclusive."
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
