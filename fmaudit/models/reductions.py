"""From hidden states to what is kept of a prediction: four figures a token, never its logits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from fmaudit.models.split import Split
from fmaudit.models.trees import Place
from fmaudit.requests import Failure, Scored

if TYPE_CHECKING:
    import torch


BLOCK = 16
"""Places that are reduced at once: their logits stay near the processor for all the passes."""


class Reduced(Struct, frozen=True):
    """Of each asked place: log-probability, rank, mean and deviation (see `Scored`)."""

    logprobs: tuple[float, ...]
    ranks: tuple[int, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]

    def scored(
        self, ids: Sequence[int], starts: Sequence[int] = (), ends: Sequence[int] = ()
    ) -> Scored | Failure:
        """With the tokens and where they stand; a `Failure` where a figure is not finite."""
        if not all(map(math.isfinite, (*self.logprobs, *self.means, *self.deviations))):
            return Failure("the logits are not finite")
        figures = (self.logprobs, self.ranks, self.means, self.deviations)
        return Scored(tuple(ids), *figures, tuple(starts), tuple(ends))


def reduce(split: Split, hidden: torch.Tensor, asked: Sequence[Sequence[Place]]) -> list[Reduced]:
    """The figures of every asked place, a `Reduced` a list of places.

    Args:
        hidden: (places, width), what `Split.hidden` gave, flat.
        asked: lists of (row of `hidden`, token).
    """
    import torch

    flat = [place for one in asked for place in one]
    rows = sorted({row for row, _ in flat})
    index = {row: k for k, row in enumerate(rows)}
    which = torch.tensor([index[row] for row, _ in flat])
    targets = torch.tensor([token for _, token in flat])
    order = torch.argsort(which, stable=True)
    found = torch.empty((4, len(flat)), dtype=torch.float64)
    chosen = hidden[torch.tensor(rows, device=hidden.device)]
    step, done, sorted_ = split.places, 0, which[order].contiguous()
    for start in range(0, len(rows), step):
        logits = split.logits(chosen[start : start + step])
        for block in range(0, len(logits), BLOCK):
            first = start + block
            until = int(torch.searchsorted(sorted_, min(first + BLOCK, start + step)))
            mine = order[done:until]
            part = (which[mine] - first).to(hidden.device), targets[mine].to(hidden.device)
            found[:, mine] = _reduced(logits[block : block + BLOCK], *part).double().cpu()
            done = until
    columns = found.tolist()
    lists, at = [], 0
    for one in asked:
        span = slice(at, at + len(one))
        logprobs, ranks, means, deviations = (tuple(column[span]) for column in columns)
        lists.append(Reduced(logprobs, tuple(map(int, ranks)), means, deviations))
        at += len(one)
    return lists


def _reduced(logits: torch.Tensor, which: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """(4, places) of logits (rows, vocabulary), the row of each place, and its token.

    Memory decides how long this takes: the exponentials are made once, and used by all of it.
    """
    import torch

    above = logits.float()
    above = above - above.amax(-1, keepdim=True)
    powers = above.exp()
    total = powers.sum(-1)
    own = above[which, targets]
    each = len(which) == len(above) and bool((which[1:] > which[:-1]).all())
    ranks = ((above if each else above[which]) > own[:, None]).sum(-1)
    means = torch.linalg.vecdot(powers, above) / total
    if not bool(means.isfinite().all()):  # a token that can never come: 0 · −∞
        above = above.clamp(min=-1e30)
        means = torch.linalg.vecdot(powers, above) / total
    away = above.sub_(means[:, None])
    spread = torch.linalg.vecdot(powers.mul_(away), away) / total
    whole = total.log()
    return torch.stack(
        [
            own - whole[which],
            ranks.float(),
            (means - whole)[which],
            spread.clamp(min=0).sqrt()[which],
        ]
    )
