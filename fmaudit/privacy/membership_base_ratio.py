"""Whether training made a language model's own texts likelier than others of their kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from fmaudit.engine.asks import ask, together
from fmaudit.privacy import attacks, comparison, texts
from fmaudit.privacy.members import sides
from fmaudit.registry import Context, method
from fmaudit.types import Asks, Case, Failure, Response, Row

RATIO = "base ratio"
ATTACKS = (RATIO, "loss", "zlib", "Min-K%", "Min-K%++", "EZ")
"""The attack that a rule gates, and those that are computed of the same answers."""

BASE = "base"
"""The variant of its rows; those of another attack have its name."""

COLUMNS: Mapping[str, Any] = {
    **comparison.COLUMNS,
    "attack": str,
    "nats": float,
    "base_nats": float,
    "scored_tokens": int,
    "cut": int,
}

OTHER_TOKENS = "the base cuts the text into other tokens"
OTHER_PARTS = (
    "the text is beyond a model's window, and the two cut it into other tokens: what they read of "
    "it is not the same part"
)
NO_SPREAD = "the model expects the same of all tokens that it holds possible"


class Scored(Struct, frozen=True):
    """A text's `scores`, attack → its score or why it has none; what else is `told` of it."""

    scores: Mapping[str, float | str]
    told: Mapping[str, Any]


class BaseRatioParams(comparison.MembershipParams, frozen=True, forbid_unknown_fields=True):
    """How the blind classifier is fitted; which share of the tokens Min-K% and Min-K%++ take."""

    lowest: Annotated[float, Meta(gt=0, le=1)] = 0.2


@method(
    "membership_base_ratio",
    needs={"target": {"token_logprobs"}, "base": {"token_logprobs"}},
    data={"text", "member"},
    columns=COLUMNS,
    params=BaseRatioParams,
    whole=True,
)
def membership_base_ratio(
    cases: Sequence[Case], params: BaseRatioParams, context: Context
) -> Asks[list[Row]]:
    """How much likelier each text is under the model than under its base, members and others.

    The reference attack with the base for reference: Carlini et al. (2021),
    https://arxiv.org/abs/2012.07805; Mireshghallah et al. (2022), https://arxiv.org/abs/2203.03929.
    Beside it stands what a classifier that never sees a model makes of the same texts
    (`privacy.blind`), and other attacks on the same answers, a row each.
    """
    found = sides(cases, classified=False)
    told: Mapping[str, Any] = comparison.common(found, context)
    if few := comparison.too_few(found, params.fewest):
        return [r for case in cases for r in _rows(case, found.dropped.get(case.id, few), told)]
    answers = yield from together(_asked(case, params) for case in found.kept)
    told, apart = comparison.beside(found, told, params, context)
    results: dict[str, Scored | Failure | str] = dict(found.dropped)
    results |= zip((case.id for case in found.kept), answers, strict=True)
    return [r for c in cases for r in _rows(c, results[c.id], apart.get(c.id, told))]


def score(
    case: Case,
    target: Response,
    base: Response,
    told: Mapping[str, Any] | None = None,
    lowest: float = 0.2,
) -> list[Row]:
    """The rows of one text from both models' answers, an attack each, the base ratio first.

    `score` is the attack's, higher for a member (see `privacy.attacks`). `nats` and `base_nats`
    are the text's surprise under both models, over the `scored_tokens` that were read; `cut` more
    were not. `told` are the columns that no model has a part in; `blind` stands beside the base
    ratio alone, so that what is compared with it is that attack. An answer that cannot be used
    gives failed rows.
    """
    return _rows(case, _scored(case, target, base, lowest), told or {})


def _asked(case: Case, params: BaseRatioParams) -> Asks[Scored | Failure]:
    target, base = yield from ask([texts.whole(case), texts.whole(case, texts.BASE)])
    return _scored(case, target, base, params.lowest)


def _scored(case: Case, target: Response, base: Response, lowest: float) -> Scored | Failure:
    own, was = texts.read(target), texts.read(base)
    if isinstance(own, Failure):
        return own
    if isinstance(was, Failure):
        return Failure(f"base: {was.reason}", was.transient)
    alike = texts.alike(own, was)
    tokens = min(own.tokens, was.tokens) if alike else own.tokens
    one = texts.part(own.scored, 0, tokens)
    two = texts.part(was.scored, 0, tokens) if alike else was.scored
    comparable = alike or not (own.cut or was.cut)
    shown, spread = str(case.input), attacks.standardised(one)
    scores: dict[str, float | str] = {
        RATIO: attacks.ratio(one, two) if comparable else OTHER_PARTS,
        "loss": attacks.loss(one),
        "zlib": attacks.compressed(one, shown[: one.ends[-1]] if one.ends else shown),
        "Min-K%": attacks.lowest(one.logprobs, lowest),
        "Min-K%++": attacks.lowest(spread, lowest) if spread else NO_SPREAD,
        "EZ": attacks.imbalance(one, two) if alike else OTHER_TOKENS,
    }
    told = {"nats": -one.total, "base_nats": -two.total, "scored_tokens": tokens, "cut": own.cut}
    return Scored(scores, told)


def _rows(case: Case, found: Scored | Failure | str, told: Mapping[str, Any]) -> list[Row]:
    """A row an attack; where there are no scores, each with the failure or the reason."""
    if isinstance(found, Scored):
        return [_row(case, name, found.scores[name], told, found.told) for name in ATTACKS]
    return [_row(case, name, found, told, {}) for name in ATTACKS]


def _row(
    case: Case,
    name: str,
    score: float | Failure | str,
    told: Mapping[str, Any],
    counted: Mapping[str, Any],
) -> Row:
    variant = BASE if name == RATIO else name
    values = {"member": case.member, "attack": name, **told}
    if name != RATIO or not isinstance(score, float):
        values.pop("blind", None)
    if isinstance(score, Failure):
        return Row(case, values, variant, reason=score.reason, failed=True)
    if isinstance(score, str):
        return Row(case, values, variant, reason=score)
    return Row(case, {**values, "score": score, **(counted if name == RATIO else {})}, variant)
