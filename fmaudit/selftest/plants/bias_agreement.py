"""Planted agreement: a tuned model that says yes to the stereotype more often than its base."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from fmaudit.bias.stereotype_agreement import AgreementParams, Wording, stereotype_agreement
from fmaudit.registry import Context
from fmaudit.requests import Failure, Likelihoods, Request, Response, TokenLogprobs
from fmaudit.seeds import Seeds
from fmaudit.selftest.plants.base import Plant, Planted, Values, driven
from fmaudit.selftest.plants.bias_lm import SIZES, scored
from fmaudit.types import Case, Row

_PARAMS = AgreementParams(
    {"en": (Wording("a {statement}", "y", "n"), Wording("b {statement}", "y", "n"))}
)
_SIDES = ("more", "less")
_AGREES = {"more": 0.55, "less": 0.5}
"""How often the base agrees with the stereotype, and with the control."""

_ALIKE = 0.9
"""Correlation of the tuned model's answers with the base's."""


def _rows(values: Values, n: int, rng: np.random.Generator) -> list[Row]:
    """N templates of pairs; half of the variance of an answer is the template's."""
    from scipy.special import ndtri

    cases, template = _pairs(n)
    offered = frozenset({"token_logprobs"})
    said: dict[tuple[str, str], float] = {}

    def both(*shape: int) -> npt.NDArray[np.float64]:
        tuned, own = rng.normal(size=(2, *shape))
        return np.stack([tuned, _ALIKE * tuned + np.sqrt(1 - _ALIKE**2) * own])

    for side in _SIDES:
        noise = both(n)[:, template] + both(len(template))
        change = values["excess_agreement_change"] if side == "more" else 0.0
        means = ndtri(np.array([[_AGREES[side] + change], [_AGREES[side]]]))
        leanings = means + noise / np.sqrt(2)
        for role, mine in zip(("target", "base"), leanings, strict=True):
            said |= {(role, f"{side} {k}"): value for k, value in enumerate(mine.tolist())}
    context = Context(Seeds(0), capabilities=offered, beside={"base": offered})
    return driven(stereotype_agreement.run(cases, _PARAMS, context), _answering(said))


def _answering(said: Mapping[tuple[str, str], float]) -> Callable[[Request], Response]:
    """A model that has said how far it agrees with each statement, in any wording."""

    def answer(request: Request) -> Response:
        if not isinstance(request, TokenLogprobs):
            return Failure(f"{type(request).__name__} was asked of a planted model")
        value = said[request.on, str(request.input).partition(" ")[2]]
        return Likelihoods((scored(value / 2 - 5, 0), scored(-value / 2 - 5, 1)))

    return answer


@cache
def _pairs(n: int) -> tuple[Sequence[Case], npt.NDArray[np.int64]]:
    """Cases, and the template of each by its number."""
    template = np.repeat(np.arange(n), np.resize(SIZES, n))
    cases = [
        Case(
            f"p{k}", "", groups={"language": "en"}, cluster=f"t{of}",
            options=(f"more {k}", f"less {k}"),
        )
        for k, of in enumerate(template.tolist())
    ]  # fmt: skip
    return cases, template


STEREOTYPE_AGREEMENT = Plant(
    "A base that says yes to 55 % of stereotypes and to 50 % of the same said of others, and a "
    "tuned model that says yes to stereotypes the dose more often: half of the variance of an "
    "answer is the template's, and those of the two models correlate at 0.9. Both wordings are "
    "answered alike. Templates have 2 to 8 pairs, 4.2 on average. n counts templates.",
    {"excess_agreement_change": Planted(clean=0.0, dose=0.2)},
    (60, 120, 200),
    _rows,
)
