"""The named figures: every measure that a probe's card may name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fmaudit.errors import UnknownName
from fmaudit.stats.measures import (
    agreement,
    ambiguous,
    association,
    calibration,
    classification,
    conditional,
    counterfactual,
    descriptors,
    differential,
    distances,
    entropy,
    error_rates,
    explanations,
    extraction,
    group_scores,
    groups,
    impact,
    language,
    membership,
    numbers,
    odds,
    preference,
    pronouns,
    published_preference,
    robustness,
    screen,
    speakers,
    stereoset,
    toxicity,
    written,
)
from fmaudit.stats.measures.base import Measure

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        measure.name: measure
        for family in (
            classification,
            calibration,
            groups,
            error_rates,
            odds,
            group_scores,
            numbers,
            entropy,
            differential,
            conditional,
            screen,
            impact,
            counterfactual,
            explanations,
            membership,
            robustness,
            language,
            preference,
            published_preference,
            pronouns,
            speakers,
            ambiguous,
            extraction,
            association,
            stereoset,
            toxicity,
            written,
            agreement,
            descriptors,
            distances,
        )
        for measure in family.MEASURES
    }
)
"""Name → measure."""


def get(name: str, where: str = "") -> Measure:
    """The measure of that name. Raises `UnknownName` with the nearest right one.

    `where` is the card and key that named it.
    """
    if name not in MEASURES:
        raise UnknownName("measure", name, MEASURES, where)
    return MEASURES[name]


__all__ = ["MEASURES", "Measure", "get"]
