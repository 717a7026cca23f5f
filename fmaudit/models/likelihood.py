"""`TokenLogprobs` of a causal language model: continuations as one tree behind their prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from msgspec import Struct

from fmaudit.models.base import Prepared
from fmaudit.models.reading import Continued, Ids, Reader, Text, continued
from fmaudit.models.reductions import Reduced, reduce
from fmaudit.models.ropes import turn_of
from fmaudit.models.split import Split
from fmaudit.models.trees import Tree, grow
from fmaudit.requests import Failure, Likelihoods, Response, Scored, TokenLogprobs

if TYPE_CHECKING:
    import torch

EMPTY = "an empty continuation has no likelihood"
NO_BEGINNING = "the tokenizer has no token that a text could begin after; give a prompt"
LOCAL = ("sliding_window", "attention_chunk_size", "window_size", "local_attention")
"""What configurations call the window that a layer sees alone."""

SAME = 1e-3
COARSE = 0.25
"""How far log-probabilities of one tree and of its paths may lie apart, in nats."""


class Planted(Struct, frozen=True):
    """A request made ready: `trees`, one where a model reads trees, else one a continuation."""

    trees: tuple[Tree, ...]
    continuations: tuple[Continued, ...]
    cut: int


def prepare(
    reader: Reader, requests: Sequence[TokenLogprobs], window: int, *, deepest: int
) -> list[Prepared]:
    """Tokenise in one call.

    The continuations of a request grow on one tree where none is of more than `deepest` tokens.
    """
    sides = [reader.sides(request.input, request.continuations) for request in requests]
    every = chain.from_iterable((p, p + c) for pairs in sides for p, c in pairs)
    read = reader.texts(every)
    prepared = []
    for request, pairs in zip(requests, sides, strict=True):
        found = [
            continued(reader, read, p, c, asked)
            for (p, c), asked in zip(pairs, request.continuations, strict=True)
        ]
        before = reader.before(request.input, read[pairs[0][0]].ids if pairs else ())
        prepared.append(_prepared(request, before, found, window, deepest, reader.opening))
    return prepared


def _prepared(
    request: TokenLogprobs,
    before: Ids,
    found: Sequence[Continued],
    window: int,
    deepest: int,
    opening: Ids,
) -> Prepared:
    if not found or "" in request.continuations or not all(c.text.ids for c in found):
        return Prepared(request, Failure(EMPTY), 1)
    if not before:
        return Prepared(request, Failure(NO_BEGINNING), 1)
    longest = max(len(c.text.ids) for c in found)
    over = max(0, len(before) + longest - 1 - window) if window else 0
    if over and request.input == "" and len(found) == 1:  # a text of its own: its end is left out
        found = [_shortened(found[0], longest - over)]
    elif over:
        room = len(before) - over
        if room < 1:
            reason = f"a continuation of {longest} tokens is beyond the window of {window}"
            return Prepared(request, Failure(reason, beyond=True), 1)
        kept = len(opening) if before[: len(opening)] == opening and room > len(opening) else 0
        before = (*before[:kept], *before[kept + over :])
    sequences = [((*before, *c.text.ids), len(before)) for c in found]
    together = max(len(ids) for ids, _ in sequences) <= deepest
    trees = (grow(sequences),) if together else tuple(grow([s]) for s in sequences)
    length = max(len(tree.tokens) for tree in trees)
    return Prepared(request, Planted(trees, tuple(found), over), length, over)


def _shortened(found: Continued, keep: int) -> Continued:
    text = found.text
    return Continued(Text(text.ids[:keep], text.starts[:keep], text.ends[:keep]), found.split)


class Likelihood:
    """Reads trees with one module.

    Args:
        split: the module in two halves.
        dtype: the module's own.
    """

    def __init__(self, split: Split) -> None:
        self.split = split

    @cached_property
    def reads_trees(self) -> bool:
        """Whether the module heeds a mask and positions of its own, as a tree needs them."""
        import torch

        if getattr(self.split.module.config, "_attn_implementation", "") not in ("sdpa", "eager"):
            return False
        most = self.split.module.get_input_embeddings().num_embeddings  # type: ignore[operator]
        ids = [(k * 11 + 3) % most for k in range(12)]
        sequences = [(ids[:5], 2), ([*ids[:3], *ids[6:9]], 2), ([*ids[:2], *ids[9:]], 2)]
        tree, paths = grow(sequences), [grow([s]) for s in sequences]
        try:
            with torch.inference_mode():
                (one,) = self._scored([tree], len(tree.tokens))
                apart = [s for p in paths for (s,) in self._scored([p], len(p.tokens))]
        except (TypeError, ValueError, AttributeError, RuntimeError, IndexError):
            return False
        near = SAME if self._dtype in (torch.float32, torch.float64) else COARSE
        return all(
            abs(a - b) <= near
            for x, y in zip(one, apart, strict=True)
            for a, b in zip(x.logprobs, y.logprobs, strict=True)
        )

    @cached_property
    def deepest(self) -> int:
        """How many tokens a path of a tree may have; 0 where the module reads no trees.

        A layer that sees a window alone would count what stands on other branches, and where
        positions turn by the longest path, a shorter one would be read by its factors.
        """
        if not self.reads_trees:
            return 0
        config = self.split.module.config
        windows = [getattr(config, name, None) for name in LOCAL]
        return min([self.turn, *(int(w) for w in windows if isinstance(w, int) and w)])

    @cached_property
    def turn(self) -> int:
        """How many tokens a path may have before its positions turn otherwise; see `ropes`."""
        return turn_of(self.split.module)

    def run(self, batch: Sequence[Prepared], length: int, rows: int) -> list[Response]:
        """Answer a batch; `rows` trees of `length` tokens at once."""
        ready = [p for p in batch if isinstance(p.payload, Planted)]
        trees = [tree for p in ready for tree in p.payload.trees]
        most = min(max(1, rows), self.split.rows(length))
        found: dict[int, list[Reduced]] = {}
        for at, width in self._sharing(trees, length):
            for start in range(0, len(at), most):
                part = at[start : start + most]
                whole = len(at) == len(trees) <= rows == most
                filler = rows - len(part) if whole else 0
                scored = self._scored([trees[k] for k in part], width, filler)
                found.update(zip(part, scored, strict=True))
        answers = iter([one for k in range(len(trees)) for one in found[k]])
        return [p.payload if isinstance(p.payload, Failure) else _answer(p, answers) for p in batch]

    def _sharing(self, trees: Sequence[Tree], length: int) -> Iterator[tuple[list[int], int]]:
        """Which trees may share a batch, and how many tokens its rows have.

        A path among trees would be read with their mask, and not with the model's own. What stands
        before the turn is padded up to it at most: padding behind a path has positions too.
        """
        branched = [k for k, tree in enumerate(trees) if tree.branches]
        paths = [k for k, tree in enumerate(trees) if not tree.branches]
        yield branched, length
        yield [k for k in paths if trees[k].deepest <= self.turn], min(length, self.turn)
        yield [k for k in paths if trees[k].deepest > self.turn], length

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.split.module.parameters()).dtype

    def _scored(self, trees: Sequence[Tree], length: int, filler: int = 0) -> list[list[Reduced]]:
        """Of each tree, the reduced predictions of each of its sequences."""
        fields = self._fields([*trees, *[trees[0]] * filler], length)
        hidden = self.split.hidden(fields)
        flat = hidden.reshape(-1, hidden.shape[-1])
        asked = [
            [(row * length + node, token) for node, token in places]
            for row, tree in enumerate(trees)
            for places in tree.asked
        ]
        reduced = iter(reduce(self.split, flat, asked))
        return [[next(reduced) for _ in tree.asked] for tree in trees]

    def _fields(self, trees: Sequence[Tree], length: int) -> dict[str, torch.Tensor]:
        """What the module is called with. What fills a row up stands behind all that is read."""
        import numpy as np
        import torch

        device = next(self.split.module.parameters()).device
        ids = np.zeros((len(trees), length), dtype=np.int64)
        for row, tree in enumerate(trees):
            ids[row, : len(tree.tokens)] = tree.tokens
        fields = {"input_ids": torch.from_numpy(ids).to(device)}
        if not any(tree.branches for tree in trees):
            return fields
        positions = np.zeros((len(trees), length), dtype=np.int64)
        seen = np.broadcast_to(np.eye(length, dtype=bool), (len(trees), length, length)).copy()
        for row, tree in enumerate(trees):
            n = len(tree.tokens)
            positions[row, :n] = tree.depths
            seen[row, :n, :n] = tree.mask()
        lowest = torch.finfo(self._dtype).min
        mask = torch.zeros(seen.shape, dtype=self._dtype).masked_fill_(
            ~torch.from_numpy(seen), lowest
        )
        # (rows, heads, seeing, seen)
        fields["attention_mask"] = mask[:, None].to(device)
        fields["position_ids"] = torch.from_numpy(positions).to(device)
        return fields


def _answer(prepared: Prepared, answers: Iterator[Reduced]) -> Response:
    ready: Planted = prepared.payload
    scored: list[Scored] = []
    broken: Failure | None = None
    for continuation in ready.continuations:
        text = continuation.text
        one = next(answers).scored(text.ids, text.starts, text.ends)
        if isinstance(one, Failure):
            broken = broken or one
        else:
            scored.append(one)
    if broken is not None:
        return broken
    return Likelihoods(
        tuple(scored),
        tokens=sum(len(tree.tokens) for tree in ready.trees),
        cut=ready.cut,
        split=sum(c.split for c in ready.continuations),
    )
