"""Which probes apply: what a card and its method need against what the model and data have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fmaudit import catalog, registry
from fmaudit.catalog import ProbeCard
from fmaudit.data.survey import Survey
from fmaudit.errors import SpecError, UnknownName
from fmaudit.plans import Plan, Universe, plan, universe
from fmaudit.registry import Method
from fmaudit.stats import measures
from fmaudit.types import Coverage


@dataclass(frozen=True)
class Had:
    """What cases have: every one a label, some options, or references.

    `numbers`: the label is a number, and the model predicts one.
    """

    universe: Universe
    targets: bool = False
    options: bool = False
    references: bool = False
    numbers: bool = False

    @classmethod
    def of(cls, survey: Survey, found: Universe | None = None, *, numbers: bool = False) -> Had:
        """What surveyed cases have; by default they meet a model without classes."""
        return cls(
            found or universe(survey, (), None),
            targets=survey.unlabelled == 0,
            options=survey.with_options > 0,
            references=survey.with_references > 0,
            numbers=numbers,
        )


MAIN = frozenset({"classify", "masked_logprobs", "fill_mask", "token_logprobs", "generate"})
"""What a model of another kind cannot answer."""

MEANT = {
    "classifier": "classifiers",
    "masked": "masked language models",
    "language": "language models that go on with a text",
}

NO_MEMBERS = "needs training rows and others, and the spec names none (`membership`)"


@dataclass(frozen=True)
class Matched:
    """A probe that will run, with its method, its checked parameters and its planned figures."""

    card: ProbeCard
    method: Method
    params: Any
    plans: tuple[Plan, ...]
    card_digest: str


def match(
    cards: Sequence[ProbeCard],
    had: Had,
    extra: Sequence[Path] = (),
    *,
    capabilities: Mapping[str, frozenset[str]],
    own: Callable[[str], Had | str] | None = None,
    members: Had | None = None,
) -> tuple[list[Matched], list[Coverage]]:
    """The probes that apply, and for each of the others why it does not.

    `had`: what the audited cases have. `extra`: folders of the user's own cards. `capabilities`:
    role → what its model can answer. `own`: what the cases of a data set have, for probes that
    bring their own, or why it cannot be had; asked where the models would do. `members`: what
    training rows and others have, where they are named.
    """
    run: list[Matched] = []
    left: list[Coverage] = []
    for card in cards:
        method = check(card, extra)
        params = _params(card, method, extra)
        mine: Had | str | None = None
        why = _not_offered(method, capabilities)
        if not why:
            mine = _cases_of(card, method, had, own, members)
            why = mine if isinstance(mine, str) else _missing(card, method, mine)
        if why or not isinstance(mine, Had):
            left.append(Coverage(card.id, card.family, "not_tested", why))
        else:
            planned = plan(card, mine.universe)
            run.append(Matched(card, method, params, planned, catalog.digest(card, extra)))
    return run, left


def check(card: ProbeCard, extra: Sequence[Path] = ()) -> Method:
    """The card's method, once its parameters, measures and columns are found to be in order.

    Raises:
        UnknownName: no such method, measure or column.
        SpecError: parameters that the method does not take.
    """
    method = registry.load_method(card.method, f"{card.file}: method")
    _params(card, method, extra)
    for entry in card.measures:
        measure = measures.get(entry.measure, f"{card.file}: measures")
        read = {*measure.columns, *entry.where} - {"group"}
        if entry.category is not None:
            read.add(entry.category)
        for column in sorted(read - set(method.columns)):
            raise UnknownName(
                f"column (read by {entry.measure})", column, method.columns, str(card.file)
            )
    return method


def _params(card: ProbeCard, method: Method, extra: Sequence[Path] = ()) -> Any:
    try:
        return msgspec.convert(catalog.resolve_params(card, extra), method.params)
    except msgspec.ValidationError as error:
        raise SpecError(
            f"{card.id}: params: {error} (the card is {card.file}; a spec's own `params` are laid "
            "over it)."
        ) from error


def _cases_of(
    card: ProbeCard,
    method: Method,
    had: Had,
    own: Callable[[str], Had | str] | None,
    members: Had | None,
) -> Had | str | None:
    """What the cases of a probe have: training rows and others, its own set's, or the audited."""
    if "member" in method.data:
        return members
    if card.data.card is None or own is None:
        return had
    return own(card.data.card)


def _not_offered(method: Method, capabilities: Mapping[str, frozenset[str]]) -> str:
    """Why the models cannot answer what a method asks; "" where they can."""
    for role, needed in method.needs.items():
        if role not in capabilities:
            return f"needs a model in the role {role!r}, and the spec names none"
        lacking = sorted(needed - capabilities[role])
        if lacking:
            said = f"needs {', '.join(lacking)}, which this model does not offer"
            meant = MEANT.get(method.kind, "") if MAIN & set(lacking) else ""
            return f"{said}; the probe is for {meant}" if meant else said
    return ""


def _missing(card: ProbeCard, method: Method, had: Had | None) -> str:
    if had is None:
        return NO_MEMBERS
    if "member" in method.data:  # its cases bring their own labels, or need none
        return ""
    if (card.data.groups or "groups" in method.data) and not had.universe.groups:
        return "needs groups, and the spec names none (`data.groups`)"
    for name in (name for entry in card.measures for name in entry.attributes):
        if name not in had.universe.groups:
            return f"needs the attribute {name!r}, and the data have none of that name"
    if "options" in method.data and not had.options:
        return "needs answers to choose from, and the data have none (`data.options`)"
    if "references" in method.data and not had.references:
        return "needs reference answers, and the data have none (`data.references`)"
    if "number" in method.data and not had.numbers:
        return "needs a model that predicts a number (`model.range`), and this one scores classes"
    if (card.data.target or "target" in method.data) and not had.targets:
        return "needs a label for every case, and the data have none (`data.label`)"
    return ""
