"""Which words move the decision: Partition SHAP, with the certificate of each map.

The decision is the one that integrated gradients explain; here words are hidden behind "..."
rather than blended out, so that any classifier can be explained. The certificate removes
words, so that it judges by texts that the map has not seen. Many texts are explained at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

from msgspec import Struct

from fmaudit.engine.asks import ask, together
from fmaudit.explanations.certificate import CERTIFIED, certify
from fmaudit.explanations.maps import (
    MAP,
    TOO_LONG,
    hiding,
    mapped,
    too_short,
    untold,
    without_map,
)
from fmaudit.explanations.owen import Unanswered, owen_values
from fmaudit.explanations.words import Word, by_word, hidden, words_of
from fmaudit.registry import Context, method
from fmaudit.scoring import classification
from fmaudit.types import (
    Asks,
    Attribute,
    Attributions,
    Case,
    Classify,
    Failure,
    Input,
    Logits,
    Request,
    Response,
    Row,
)

COLUMNS: Mapping[str, Any] = {
    "predicted": int,
    "difference": float,
    "error": float,
    "evaluations": int,
    "agreement": float,
    **MAP,
    **CERTIFIED,
}


class ShapParams(Struct, frozen=True, forbid_unknown_fields=True):
    """What a card or a spec may set.

    `max_evals`: evaluations a text, of which each group of words that is split takes some; the
    words of a group that is not share its score evenly. `random_orders`: orders of the words,
    drawn by the case's id, that each map is compared with. `most_words`: longer texts are not
    tried, as grouping their words takes time that grows as the square.
    """

    max_evals: int = 200
    random_orders: int = 5
    most_words: int = 512

    def __post_init__(self) -> None:
        """Raises ValueError for a number that leaves nothing to compute."""
        if self.max_evals < 4:
            raise ValueError("max_evals counts evaluations of a text: 4 or more")
        if self.random_orders < 1:
            raise ValueError("random_orders counts the orders to compare with: 1 or more")


class Decision(Struct, frozen=True):
    """What is explained: the logit of class `target` less that of the runner-up, `against`."""

    target: int
    against: int
    classes: tuple[str, ...]

    def __call__(self, response: Response) -> float | Failure:
        """Its value at an input, in logits; over 0 where `target` is ahead."""
        answer = classification(response, self.classes)
        if isinstance(answer, Failure):
            return answer
        assert isinstance(response, Logits)
        if response.cut:
            return Failure(TOO_LONG, beyond=True)
        return response.values[self.target] - response.values[self.against]


def decision_at(response: Response, classes: Sequence[str]) -> Decision | Failure:
    """The decision that the model took here: the predicted class against the next one."""
    answer = classification(response, classes)
    if isinstance(answer, Failure):
        return answer
    assert isinstance(response, Logits)
    if len(classes) < 2:
        return Failure("there is one class: no decision to explain")
    target, values = answer[0], response.values
    against = max((k for k in range(len(values)) if k != target), key=values.__getitem__)
    return Decision(target, against, tuple(classes))


@method(
    "partition_shap",
    needs={"target": {"classify"}},
    data={"text"},
    columns=COLUMNS,
    params=ShapParams,
)
def partition_shap(cases: Sequence[Case], params: ShapParams, context: Context) -> Asks[list[Row]]:
    """Partition SHAP by word, each map tried by removing words and keeping them.

    Lundberg and Lee (2017), https://arxiv.org/abs/1705.07874, over groups of words: Owen (1977),
    https://doi.org/10.1007/978-3-642-45494-3_7.
    """
    rows = yield from together(explained(case, params, context) for case in cases)
    return [
        without_map(case, row) if isinstance(row, Failure) else row
        for case, row in zip(cases, rows, strict=True)
    ]


def explained(case: Case, params: ShapParams, context: Context) -> Asks[Row | Failure]:
    """The row of one case, with the columns of `COLUMNS`; a `Failure` for an unusable answer.

    `word_scores`: in logits, over 0 for class `predicted` against the runner-up. `difference`:
    the decision at the text less that where every word is hidden; `error` = |Σ scores −
    difference| / max(|difference|, 0.1·Σ|scores|), 0 but for rounding. `evaluations`: inputs that
    shap asked for. `agreement`: Spearman's correlation with the word scores of integrated
    gradients, −1..1; null where the model gives none of the same decision, their map has not
    converged, or one of the maps is constant.
    """
    words = words_of(case.input)
    reason = too_short(words)
    if len(words) > params.most_words:
        reason = f"the text has {len(words)} words, more than {params.most_words}"
    if reason:
        return Row(case, {}, reason=reason)
    full, empty, gradients = yield from _ends(case.input, words, context)
    decision = decision_at(full, context.classes)
    if isinstance(decision, Failure):
        return decision
    ends = decision(full), decision(empty)
    if isinstance(ends[0], Failure) or isinstance(ends[1], Failure):
        return next(hiding("its words", end) for end in reversed(ends) if isinstance(end, Failure))
    difference = ends[0] - ends[1]
    if reason := untold(difference, context):
        return Row(case, {"difference": difference}, reason=reason)
    try:
        scores, evaluations = yield from owen_values(
            case.input, words, decision, params.max_evals, context.seeds.rng("shap", case.id)
        )
    except Unanswered as error:
        return hiding("some words", error.failure)
    rng = context.seeds.rng("random_orders", case.id)
    certified = yield from certify(
        case.input, words, scores, decision.target, context.classes, rng, params.random_orders
    )
    if isinstance(certified, Failure):
        return certified
    if isinstance(certified, str):
        return Row(case, {"difference": difference}, reason=certified)
    values = {
        "predicted": decision.target,
        "difference": difference,
        "error": _error(scores, difference),
        "evaluations": evaluations,
        "agreement": _agreement(words, scores, decision, gradients),
        **mapped(words, scores),
        **certified,
    }
    return Row(case, values)


def _ends(
    value: Input, words: Sequence[Word], context: Context
) -> Asks[tuple[Response, Response, Response | None]]:
    """The answers at the text and with every word hidden; gradients if there are any."""
    requests: list[Request] = [Classify(input=value), Classify(input=hidden(value, words, ()))]
    if "attribute" in context.capabilities:
        requests.append(Attribute(input=value))
    full, empty, *gradients = yield from ask(requests)
    return full, empty, gradients[0] if gradients else None


def _error(scores: Sequence[float], difference: float) -> float:
    """How far the scores are from adding up, as for integrated gradients."""
    scale = max(abs(difference), 0.1 * fsum(map(abs, scores)))
    return abs(fsum(scores) - difference) / scale


def _agreement(
    words: Sequence[Word], scores: Sequence[float], decision: Decision, found: Response | None
) -> float | None:
    """Spearman's rank correlation of two maps of the same decision."""
    from scipy.stats import spearmanr

    if not isinstance(found, Attributions) or not found.converged:
        return None
    if (found.target, found.against) != (decision.target, decision.against):
        return None
    other, _, _ = by_word(words, found)
    if len(set(scores)) == 1 or len(set(other)) == 1:
        return None
    return float(spearmanr(scores, other).statistic)
