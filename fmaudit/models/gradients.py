"""Integrated gradients of a torch classifier, in float32, with as many steps as each text needs.

F is the logit of the target class less that of the runner-up. A token's score is the integral of
F's gradient along the straight line from the baseline's embeddings to the text's, times the way:
the scores add up to F(text) − F(baseline). Sundararajan et al. (2017),
https://proceedings.mlr.press/v70/sundararajan17a.html; the gradients are captum's.

Only the texts that have not converged go on to twice the steps (`quadrature`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fmaudit.models.base import Prepared
from fmaudit.models.memory import fitting
from fmaudit.models.precision import Float32
from fmaudit.models.quadrature import FIRST, Floats, Text, points
from fmaudit.types import NO_GRADIENTS, Attribute, Failure, Response

if TYPE_CHECKING:
    import torch

Fields = Mapping[str, "torch.Tensor"]

SAME = 1e-3
"""How far two logits may lie apart, as a share where they are over 1, that should be one."""

BASELINES = ("mask_token", "pad_token", "unk_token")  # the first that the tokenizer has
MARKED: Mapping[str, bool] = {
    "return_offsets_mapping": True,
    "return_special_tokens_mask": True,
}
"""What a tokenizer is asked for beside the ids, so that `marks` can be read off its answer."""


def attributor(module: torch.nn.Module, full: Float32, tokenizer: Any) -> Attributor | None:
    """What attributes a classifier; None where it cannot be done.

    It takes an embedding layer, a tokenizer that says where its tokens stand, and a token for
    the baseline. `full` is the module in float32.
    """
    import torch

    embeds = any(isinstance(part, torch.nn.Embedding) for part in module.modules())
    known = any(getattr(tokenizer, f"{name}_id", None) is not None for name in BASELINES)
    placed = bool(getattr(tokenizer, "is_fast", False))
    return Attributor(full, tokenizer) if embeds and known and placed else None


def marks(encoded: Any, row: int, sides: Sequence[str]) -> tuple[tuple[Any, ...], ...]:
    """`(parts, starts, ends, special)` of one encoded text's tokens (see `Attributions`).

    Spaces before a token, which some tokenizers count as its own, are left out.
    """
    special = tuple(bool(mark) for mark in encoded["special_tokens_mask"][row])
    parts = tuple(part or 0 for part in encoded.sequence_ids(row))
    starts, ends = [], []
    for part, (start, end) in zip(parts, encoded["offset_mapping"][row], strict=True):
        text = sides[part][start:end]
        starts.append(end - len(text.lstrip()) if text.strip() else start)
        ends.append(end)
    return parts, tuple(starts), tuple(ends), special


class Attributor:
    """Integrated gradients of one classifier; made by `attributor`."""

    def __init__(self, full: Float32, tokenizer: Any) -> None:
        self._full = full
        name = next(n for n in BASELINES if getattr(tokenizer, f"{n}_id", None) is not None)
        self._blank, self._name = int(getattr(tokenizer, f"{name}_id")), getattr(tokenizer, name)

    @cached_property
    def baseline(self) -> str:
        """The token that stands in place of the others in the baseline, and where it does not."""
        config = getattr(self._full.module, "config", None)
        two = getattr(config, "is_encoder_decoder", False)
        return f"{self._name}{' (the decoder reads the text as it is)' if two else ''}"

    def run(self, batch: Sequence[Prepared], fields: Fields, rows: int) -> list[Response]:
        """Answer `Attribute` requests.

        Args:
            fields: the batch's tensors (texts, length).
            rows: how many texts of that length fit in memory at once.

        Raises:
            OutOfMemory: they did not.
        """
        try:
            with fitting(), _frozen(self._full.module) as module:
                layer = _layer(module, {name: tensor[:1] for name, tensor in fields.items()})
                line = _Line(module, layer, fields, self._blanked(batch, fields), rows)
                two = getattr(getattr(module, "config", None), "is_encoder_decoder", False)
                if not two:  # a decoder reads the text as it is, and the baseline's name says so
                    line.check(_monotonous(batch, fields["input_ids"]))
                texts = _open(batch, line)
                _converge(texts, line)
        except RuntimeError as error:  # a part that knows no gradient, or takes no embeddings
            return [Failure(f"{NO_GRADIENTS}: {error}")] * len(batch)
        return [text.answer(self.baseline) for text in texts]

    def _blanked(self, batch: Sequence[Prepared], fields: Fields) -> torch.Tensor:
        """The baseline's token ids (texts, length)."""
        ids = fields["input_ids"].clone()
        for row, prepared in enumerate(batch):
            assert isinstance(prepared.request, Attribute)
            *_, special = _marks(prepared)
            for place, mark in enumerate(special):
                if not (mark and prepared.request.keep_special):
                    ids[row, place] = self._blank
        return ids


class _Line:
    """The straight lines from the baselines of some texts to the texts."""

    def __init__(
        self,
        module: torch.nn.Module,
        layer: torch.nn.Module,
        fields: Fields,
        blanked: torch.Tensor,
        rows: int,
    ) -> None:
        import torch

        self._module, self._layer, self._fields, self._rows = module, layer, fields, rows
        with torch.no_grad():
            self._start = layer(blanked)  # (texts, length, width)
            self._way = layer(fields["input_ids"]) - self._start

    def logits(self, at: float) -> Floats:
        """The logits (texts, classes) of every text at one point of its line, from 0 to 1."""
        import torch

        found = []
        for part in self._parts([(row, at) for row in range(len(self._start))]):
            with torch.no_grad():
                found.append(self._logits(*self._point(part)).double().cpu().numpy())
        return np.concatenate(found)

    def check(self, other: torch.Tensor) -> None:
        """Are embeddings put in place of those of the ids all that the module reads of a text?

        `other`: ids (texts, length) unlike the texts' own. As many texts as fit at once are tried.

        Raises:
            RuntimeError: with the embeddings of other ids, the module does not answer as it does
                to these ids; what has been integrated would not be its decision.
        """
        import torch

        which = torch.arange(min(self._rows, len(other)), device=other.device)
        for ids in (self._fields["input_ids"][which], other[which]):
            with torch.no_grad():
                put = self._logits(self._layer(ids), which)
                fields = {name: tensor[which] for name, tensor in self._fields.items()}
                out = self._module(**(fields | {"input_ids": ids}))
                asked = getattr(out, "logits", out)
            if ((put - asked).abs() > SAME * asked.abs().clamp(min=1.0)).any():
                raise RuntimeError("it reads the tokens elsewhere than through their embedding")

    def slopes(self, texts: Sequence[Text], nodes: Floats) -> Floats:
        """How F rises along the lines by each token (texts, nodes, tokens)."""
        import torch
        from captum.attr import Saliency

        todo = [(text, float(at)) for text in texts for at in nodes]
        found = []
        for pairs in self._parts(todo):
            part = [(text.row, at) for text, at in pairs]
            point, which = self._point(part)
            sides = torch.tensor([[t.target, t.against] for t, _ in pairs], device=point.device)

            def margin(
                point: torch.Tensor, which: torch.Tensor = which, sides: torch.Tensor = sides
            ) -> torch.Tensor:
                two = self._logits(point, which).gather(1, sides)
                # A model that ignores its input has the gradient 0, not none.
                return two[:, 0] - two[:, 1] + 0.0 * point.flatten(1).sum(1)

            gradient = Saliency(margin).attribute(point.requires_grad_(), abs=False)
            found.append((gradient * self._way[which]).sum(2).double().cpu().numpy())
        return np.concatenate(found).reshape(len(texts), len(nodes), -1)

    def _parts(self, todo: Sequence[Any]) -> Iterator[Sequence[Any]]:
        return (todo[k : k + self._rows] for k in range(0, len(todo), self._rows))

    def _point(self, part: Sequence[tuple[int, float]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings (points, length, width) on the lines, and the text of each."""
        import torch

        device = self._start.device
        which = torch.tensor([row for row, _ in part], device=device)
        at = torch.tensor([at for _, at in part], device=device, dtype=self._start.dtype)
        return self._start[which] + at[:, None, None] * self._way[which], which

    def _logits(self, point: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        """The module's logits (points, classes) with the embeddings of the ids replaced."""
        fields = {name: tensor[which] for name, tensor in self._fields.items()}
        with _replaced(self._layer, point):
            out = self._module(**fields)
        found: torch.Tensor = getattr(out, "logits", out)
        return found


def _monotonous(batch: Sequence[Prepared], ids: torch.Tensor) -> torch.Tensor:
    """The ids (texts, length), with the first word's in place of every token that is not special.

    No blank tokens: where these are padding, some models take their first for the text's end.
    """
    other = ids.clone()
    for row, prepared in enumerate(batch):
        *_, special = _marks(prepared)
        places = [place for place, mark in enumerate(special) if not mark]
        other[row, places] = ids[row, places[:1]]
    return other


def _open(batch: Sequence[Prepared], line: _Line) -> list[Text]:
    """The texts at the start: their classes and F at both ends."""
    texts = []
    for row, (prepared, end, start) in enumerate(
        zip(batch, line.logits(1.0), line.logits(0.0), strict=True)
    ):
        request = prepared.request
        assert isinstance(request, Attribute)
        target = int(end.argmax()) if request.target is None else request.target
        against = max((k for k in range(len(end)) if k != target), key=lambda k: float(end[k]))
        difference = float((end - start)[target] - (end - start)[against])
        empty = np.zeros((0, prepared.length))
        texts.append(
            Text(row, request, _marks(prepared), prepared.cut, target, against, difference, empty)
        )
    return texts


def _converge(texts: Sequence[Text], line: _Line) -> None:
    """Double the steps of the texts that are open until none is."""
    steps, nodes, live = FIRST, points(FIRST), list(texts)
    while live:
        for text, fresh in zip(live, line.slopes(live, nodes), strict=True):
            text.take(fresh)
        live = [text for text in live if text.open]
        steps *= 2
        nodes = points(steps)[1::2]


def _layer(module: torch.nn.Module, fields: Fields) -> torch.nn.Module:
    """The embedding that the token ids go through, found by watching a text pass.

    Raises:
        RuntimeError: there is none.
    """
    import torch

    met: list[torch.nn.Module] = []

    def watch(layer: torch.nn.Module, given: tuple[Any, ...], named: Any, _: Any) -> None:
        ids = given[0] if given else named.get("input")
        if isinstance(ids, torch.Tensor) and torch.equal(ids, fields["input_ids"]):
            met.append(layer)

    hooks = [
        part.register_forward_hook(watch, with_kwargs=True)
        for part in module.modules()
        if isinstance(part, torch.nn.Embedding)
    ]
    try:
        with torch.no_grad():
            module(**fields)
    finally:
        for hook in hooks:
            hook.remove()
    if not met:
        raise RuntimeError("no embedding receives the token ids")
    own = getattr(module, "get_input_embeddings", lambda: None)()
    return own if own in met else met[0]


@contextmanager
def _replaced(layer: torch.nn.Module, point: torch.Tensor) -> Iterator[None]:
    """Within it, the layer's first answer is `point` (a decoder may ask it a second time)."""
    left = [point]
    hook = layer.register_forward_hook(lambda *_: left.pop() if left else None)
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def _frozen(module: torch.nn.Module) -> Iterator[torch.nn.Module]:
    """The module; no gradient goes to the weights, so that nothing is kept in memory for one."""
    wanted = [p for p in module.parameters() if p.requires_grad]
    try:
        for p in wanted:
            p.requires_grad_(False)
        yield module
    finally:
        for p in wanted:
            p.requires_grad_(True)


def _marks(prepared: Prepared) -> tuple[tuple[Any, ...], ...]:
    found: tuple[tuple[Any, ...], ...] = prepared.payload[-1]
    return found
