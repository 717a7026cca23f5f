"""Which words move the decision: integrated gradients, with the certificate of each map.

The model gives a score to each token; here they are summed by word, and the map that results is
tried on the model itself (`certificate`). What stands in no word (special tokens) is kept apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

from msgspec import Struct

from fmaudit.engine.asks import ask, together
from fmaudit.explanations.certificate import CERTIFIED, certify
from fmaudit.explanations.maps import MAP, TOO_LONG, mapped, too_short, untold
from fmaudit.explanations.words import by_word, words_of
from fmaudit.registry import Context, method
from fmaudit.scoring import classification
from fmaudit.types import (
    NO_GRADIENTS,
    Asks,
    Attribute,
    Attributions,
    Case,
    Classify,
    Failure,
    Logits,
    Response,
    Row,
)

FOUND = ("converged", "error", "change", "steps", "passes", "difference", "baseline")
"""What is taken over from the model's answer."""

COLUMNS = {
    "predicted": int,
    "converged": bool,
    "error": float,
    "change": float,
    "steps": int,
    "passes": int,
    "difference": float,
    "special_score": float,
    "special_share": float,
    "size": float,
    "baseline": str,
    **MAP,
    **CERTIFIED,
}


class GradientParams(Struct, frozen=True, forbid_unknown_fields=True):
    """What a card or a spec may set.

    `keep_special`, `tolerance` and `most_steps` as in `Attribute`; `random_orders`: orders of
    the words, drawn by the case's id, that each map is compared with.
    """

    random_orders: int = 5
    keep_special: bool = False
    tolerance: float = 0.05
    most_steps: int = 256

    def __post_init__(self) -> None:
        """Raises ValueError for a bound that no map could keep or be compared by."""
        if self.random_orders < 1:
            raise ValueError("random_orders counts the orders to compare with: 1 or more")
        if not 0 < self.tolerance < 1:
            raise ValueError("tolerance is a share of the map: over 0 and under 1")
        if self.most_steps < 16:
            raise ValueError("most_steps: 16 or more, as convergence is seen by doubling 8")


@method(
    "integrated_gradients",
    needs={"target": {"attribute", "classify"}},
    data={"text"},
    columns=COLUMNS,
    params=GradientParams,
)
def integrated_gradients(
    cases: Sequence[Case], params: GradientParams, context: Context
) -> Asks[list[Row]]:
    """Integrated gradients by word, each map tried by removing words and keeping them.

    Sundararajan et al. (2017), https://proceedings.mlr.press/v70/sundararajan17a.html.
    """
    rows = yield from together(explained(case, params, context) for case in cases)
    return [
        Row(case, {}, reason=row.reason, failed=True) if isinstance(row, Failure) else row
        for case, row in zip(cases, rows, strict=True)
    ]


def explained(case: Case, params: GradientParams, context: Context) -> Asks[Row]:
    """The row of one case, with the columns of `COLUMNS`.

    `difference` = F(text) − F(baseline) in logits; `error`, `change`, `steps`, `passes`,
    `converged` and `baseline` as in `Attributions`. `special_score`: the signed score of what
    stands in no word; `special_share`: its size as a share of `size`, Σ|all scores|,
    0 to 1. An answer that cannot be used gives a failed row; a text that cannot be explained, and
    a model without gradients, its reason.
    """
    words = words_of(case.input)
    if reason := too_short(words):
        return Row(case, {}, reason=reason)
    request = Attribute(
        input=case.input,
        keep_special=params.keep_special,
        tolerance=params.tolerance,
        most_steps=params.most_steps,
    )
    found, response = yield from ask([request, Classify(input=case.input)])
    answer = classification(response, context.classes)
    if isinstance(answer, Failure):
        return Row(case, {}, reason=answer.reason, failed=True)
    if isinstance(response, Logits) and response.cut:
        return Row(case, {}, reason=TOO_LONG)
    if not isinstance(found, Attributions):
        reason = _why(found)
        return Row(case, {}, reason=reason, failed=not reason.startswith(NO_GRADIENTS))
    if reason := _unexplained(found, answer[0], context):
        return Row(case, {"difference": found.difference}, reason=reason)
    scores, special_score, special_share = by_word(words, found)
    rng = context.seeds.rng("random_orders", case.id)
    certified = yield from certify(
        case.input, words, scores, answer[0], context.classes, rng, params.random_orders
    )
    if isinstance(certified, Failure):
        return Row(case, {}, reason=certified.reason, failed=True)
    if isinstance(certified, str):
        return Row(case, {"difference": found.difference}, reason=certified)
    values = {
        "predicted": answer[0],
        **{name: getattr(found, name) for name in FOUND},
        "special_score": special_score,
        "special_share": special_share,
        "size": fsum(map(abs, found.scores)),
        **mapped(words, scores),
        **certified,
    }
    return Row(case, values)


def _why(response: Response) -> str:
    """Why an answer is no map."""
    if isinstance(response, Failure):
        return response.reason
    return f"the model answered with {type(response).__name__}, not with attributions"


def _unexplained(found: Attributions, predicted: int, context: Context) -> str:
    """The reason why a map cannot be used; "" where it can."""
    if found.target != predicted:  # a tie that the served type of numbers breaks otherwise
        one, other = (context.classes[k] for k in (found.target, predicted))
        return f"float32 decides for {one!r} and the served model for {other!r}: no one decision"
    return untold(found.difference, context)
