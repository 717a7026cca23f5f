"""Planted bias in texts written for it: decisions and answers that turn with the group.

What the model writes is its prompt, with a word before it by which a scorer that never errs knows
whether the answer is to be flagged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from fmaudit.bias.counterfactual_answers import counterfactual_answers
from fmaudit.bias.counterfactual_texts import counterfactual_texts
from fmaudit.bias.filled_about_groups import FilledParams, filled_about_groups
from fmaudit.bias.written_about_groups import WrittenParams, written_about_groups
from fmaudit.registry import Context, Method, NoParams, Scorer
from fmaudit.requests import (
    Classify,
    Failure,
    FillMask,
    Fills,
    Generate,
    Generated,
    Request,
    Response,
)
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import (
    CLASSES,
    SAID,
    Plant,
    Planted,
    Rows,
    Values,
    driven,
    together,
)
from fmaudit.types import Case, Row

_ROLES = ("text", "swapped", "control")
_PAIRS = 3
"""Pairs of groups that a template is written for."""

_BASE = 0.1
"""Share of answers that the base has flagged."""

_ALIKE = 0.9
"""Correlation of what the tuned model and its base write."""

Said = Mapping[tuple[str, str], bool]
"""Role and prompt → whether the answer is to be flagged."""


def _turning(method: Method, params: Any, anyway: float, scorer: str = "") -> Rows:
    """N templates of pairs; another word of the same group turns `anyway` of what is said."""
    context = _context(scorer)

    def rows(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
        shape = (n, _PAIRS)
        base = rng.random(shape) < 0.5
        swap = base != together(rng, np.full(shape, anyway + values["excess_flip_rate"]))
        control = base != together(rng, np.full(shape, anyway))
        said = {
            ("target", f"{role} {k}"): flag
            for role, flags in zip(_ROLES, (base, swap, control), strict=True)
            for k, flag in enumerate(flags.ravel().tolist())
        }
        return driven(method.run(_triples(n), params, context), _answering(said))

    return rows


def _written(scorer: str, method: Method, params: Any) -> Rows:
    """N units of three prompts each; half of the variance of what is written is the unit's."""
    context = _context(scorer)

    def rows(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
        from scipy.special import ndtri

        def both(count: int) -> Any:
            tuned, own = rng.normal(size=(2, count))
            return np.stack([tuned, _ALIKE * tuned + np.sqrt(1 - _ALIKE**2) * own])

        unit = np.repeat(np.arange(n), _PAIRS)
        drawn = (both(n)[:, unit] + both(len(unit))) / np.sqrt(2)
        shares = np.array([[_BASE + values["flagged_share_change"]], [_BASE]])
        flags = drawn < ndtri(shares)
        said = {
            (role, case.id): flag
            for role, mine in zip(("target", "base"), flags.tolist(), strict=True)
            for case, flag in zip(_prompts(n), mine, strict=True)
        }
        return driven(method.run(_prompts(n), params, context), _answering(said))

    return rows


def _context(scorer: str) -> Context:
    both = frozenset({"generate", "fill_mask"})
    scorers = {scorer: Scorer(("other", "flagged"), 1)} if scorer else {}
    beside = {"base": both} if scorer else {}
    return Context(Seeds(0), CLASSES, 1, capabilities=both, beside=beside, scorers=scorers)


def _answering(said: Said) -> Callable[[Request], Response]:
    """A classifier, or a model that writes and a scorer that reads it."""

    def answer(request: Request) -> Response:
        text = str(request.input)
        if isinstance(request, Generate):
            # Of a base that was not planted: the prompts' own answers, which turn by chance alone.
            flagged = said.get((request.on, text), False)
            return Generated(f"{'bad' if flagged else 'fine'} {text}", 3, True)
        if isinstance(request, FillMask):
            return Fills(("bad" if said[request.on, text] else "fine",), (-1.0,))
        if isinstance(request, Classify):
            if request.on == "target":
                return SAID[said["target", text]]
            return SAID["bad" in text]
        return Failure(f"{type(request).__name__} was asked of a planted model")

    return answer


@cache
def _triples(n: int) -> Sequence[Case]:
    groups = {"attribute": "names", "about": "a", "instead": "b", "language": "en"}
    return [
        Case(
            f"c{k}", f"text {k}", groups=groups, cluster=f"t{k // _PAIRS}",
            options=(f"swapped {k}", f"control {k}"),
        )
        for k in range(n * _PAIRS)
    ]  # fmt: skip


@cache
def _prompts(n: int) -> Sequence[Case]:
    return [Case(f"p{k}", f"p{k}", cluster=f"u{k // _PAIRS}") for k in range(n * _PAIRS)]


_TURN = (
    "{what} that turn at a known rate: three pairs of groups a template, which share half of their "
    "chance; another word of the same group turns {anyway} %, another group the dose more. n "
    "counts templates."
)

COUNTERFACTUAL_TEXTS = Plant(
    _TURN.format(what="Decisions", anyway=3),
    {"excess_flip_rate": Planted(clean=0.0, dose=0.15)},
    (30, 200),
    _turning(counterfactual_texts, NoParams(), 0.03),
)
COUNTERFACTUAL_ANSWERS = Plant(
    _TURN.format(what="Answers", anyway=10) + " The scorer never errs.",
    {"excess_flip_rate": Planted(clean=0.0, dose=0.25)},
    (30, 180),
    _turning(
        counterfactual_answers,
        WrittenParams(scorers=("negative_sentiment",), continues=True),
        0.1,
        "negative_sentiment",
    ),
)
_FLAGGED = (
    "A base of which the scorer flags 10 % of answers, and a tuned model of which it flags the "
    "dose more: three prompts a unit, half of their variance the unit's; the two models' answers "
    "correlate at 0.9. The scorer never errs. n counts units."
)
_ADDED = {"flagged_share_change": Planted(clean=0.0, dose=0.15)}

WRITTEN_ABOUT_GROUPS = Plant(
    _FLAGGED,
    _ADDED,
    (60, 200),
    _written(
        "toxicity", written_about_groups, WrittenParams(scorers=("toxicity",), continues=True)
    ),
)
FILLED_ABOUT_GROUPS = Plant(
    _FLAGGED,
    _ADDED,
    (60, 200),
    _written("toxicity", filled_about_groups, FilledParams(scorers=("toxicity",), most=1)),
)
