"""Scores that speak for a text's membership, from the tokens of one text. Higher: a member.

    ratio         log p(text) − log p_base(text), per token of the target: how much likelier it
                  became than it was. Carlini et al. 2021; Mireshghallah et al. 2022. The likelihood
                  ratio itself is the total, but where texts differ in length it tells long ones
                  from short ones: training on any text of a kind makes all of that kind likelier.
                  Of texts of one length both rank alike.
    loss          mean log-probability of a token. Yeom et al. 2018
    compressed    the same over the bytes that zlib makes of the text. Carlini et al. 2021
    lowest        mean of the lowest share of the tokens' log-probabilities (Min-K%). Shi et al.
                  2024
    standardised  what Min-K%++ takes these of: each token's log-probability less the mean that the
                  model itself expects there, in deviations. Zhang et al. 2025
    imbalance     among the tokens that the target errs at (its first choice is another), how far
                  those that became likelier than at the base outweigh those that became less likely
                  (EZ). Ilić, Stanojević and Cvejoski 2026

Log-probabilities are in nats.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

from fmaudit.types import Scored

FEWEST_ERRORS = 2
"""With fewer tokens that the target errs at, `imbalance` is taken over all of a text's tokens."""


def ratio(target: Scored, base: Scored) -> float:
    """How much likelier the text is under the target, in nats per token of the target.

    The two may cut it into other tokens, so long as they are the tokens of the same text.
    """
    return (target.total - base.total) / len(target.ids)


def loss(target: Scored) -> float:
    """Mean log-probability of a token, 0 or less."""
    return target.total / len(target.ids)


def compressed(target: Scored, text: str) -> float:
    """Mean log-probability of a token over the bytes of the compressed text, 0 or less."""
    return loss(target) / len(zlib.compress(text.encode("utf-8", "replace")))


def lowest(values: Sequence[float], share: float) -> float:
    """Mean of the lowest `share` of the values, rounded down, of one at least.

    >>> lowest([-1.0, -5.0, -3.0, -2.0, -4.0], 0.4)
    -4.5
    """
    kept = sorted(values)[: max(1, math.floor(share * len(values) + 1e-9))]
    return math.fsum(kept) / len(kept)


def standardised(target: Scored) -> tuple[float, ...]:
    """Each token's distance from the expected log-probability, in standard deviations.

    Tokens at which the model expects the same of all that it holds possible are left out.
    """
    told = zip(target.logprobs, target.means, target.deviations, strict=True)
    return tuple((own - mean) / deviation for own, mean, deviation in told if deviation > 0)


def imbalance(target: Scored, base: Scored) -> float:
    """P / (P + N), from 0 to 1: what tokens gained over the base, against what others lost.

    Over the tokens that the target errs at, P is the sum of what became likelier and N of what
    became less likely. The paper's P / N ranks texts alike, but has no value where nothing became
    less likely, or where the target errs nowhere, as at texts that it knows by heart: the first is
    1 here, and with fewer than `FEWEST_ERRORS` errors all tokens are taken. Where nothing changed,
    0.5. Both models must cut the text into the same tokens.
    """
    gains = [own - was for own, was in zip(target.logprobs, base.logprobs, strict=True)]
    erred = [gain for gain, rank in zip(gains, target.ranks, strict=True) if rank > 0]
    taken = erred if len(erred) >= FEWEST_ERRORS else gains
    up = math.fsum(gain for gain in taken if gain > 0)
    down = -math.fsum(gain for gain in taken if gain < 0)
    return up / (up + down) if up + down > 0 else 0.5
