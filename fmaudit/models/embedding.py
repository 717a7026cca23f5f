"""`Embed`: a text as one vector, read off a module's hidden states and reduced on its device.

Layer 0 is what the table of input embeddings gives, without places or norms. Layer k is what the
module tells of its k-th layer, −1 what leaves its body (behind the norm that many end with). Of an
encoder-decoder the encoder is read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from fmaudit.models.base import Prepared
from fmaudit.models.memory import fitting
from fmaudit.models.reading import Ids, Reader
from fmaudit.requests import Embed, Embedding, Failure, Request, Response

if TYPE_CHECKING:
    import torch

NOTHING = "the text has no token of its own"
NOT_FINITE = "the hidden states are not finite"
LAST = -1


class Line(Struct, frozen=True):
    """What is read of a text, and at which places its own tokens stand."""

    ids: Ids
    own: Ids
    unknown: int

    def places(self, pool: str) -> Ids:
        """The places that the vector is the mean of."""
        if pool == "mean":
            return self.own
        return (0,) if pool == "first" else self.own[-1:]


def kinds(module: torch.nn.Module, tokenizer: Any) -> frozenset[str]:
    """`embed`, where a module gives hidden states and its tokenizer tells a text's own tokens."""
    import torch

    try:
        table = module.get_input_embeddings()  # type: ignore[operator]
    except (AttributeError, NotImplementedError):
        return frozenset()
    told = hasattr(tokenizer, "all_special_ids")
    there = told and isinstance(table, torch.nn.Embedding) and _body(module) is not None
    return frozenset({"embed"} if there else ())


def prepare(requests: Sequence[Request], tokenizer: Any, window: int) -> list[Prepared]:
    """Each text as the tokenizer writes it, with the special tokens that it sets."""
    texts = [r.input for r in requests if isinstance(r, Embed)]
    found = tokenizer(
        texts, return_special_tokens_mask=True, padding=False, truncation=False, verbose=False
    )
    lines = [
        (tuple(ids), tuple(k for k, mark in enumerate(marks) if not mark))
        for ids, marks in zip(found["input_ids"], found["special_tokens_mask"], strict=True)
    ]
    return _prepared(requests, lines, tokenizer, window)


def prepare_behind(requests: Sequence[Request], reader: Reader, window: int) -> list[Prepared]:
    """Each text behind what its model reads a text without a prompt after."""
    texts = [r.input for r in requests if isinstance(r, Embed)]
    read, before = reader.texts(texts), reader.beginning
    lines = []
    for text in texts:
        ids = (*before, *read[text].ids)
        lines.append((ids, tuple(range(len(before), len(ids)))))
    return _prepared(requests, lines, reader.tokenizer, window)


def run(
    module: torch.nn.Module,
    batch: Sequence[Prepared],
    *,
    length: int,
    rows: int,
    pad: int = 0,
    taken: Mapping[str, Any] | None = None,
) -> list[Response]:
    """Answer a batch, in passes of the shape (rows, length).

    Args:
        pad: the id that a row is filled up with.
        taken: what the body is called with beside tokens and mask.

    Raises:
        OutOfMemory: the batch does not fit.
    """
    import torch

    lines = [(p.request, p.payload) for p in batch if isinstance(p.payload, Line)]
    by_layer: dict[int, list[int]] = {}
    for k, (request, _) in enumerate(lines):
        assert isinstance(request, Embed)
        by_layer.setdefault(request.layer, []).append(k)
    answers: dict[int, Response] = {}
    most = max(1, rows)
    for layer, mine in by_layer.items():
        for start in range(0, len(mine), most):
            part = mine[start : start + most]
            some = [lines[k] for k in part]
            with fitting(), torch.inference_mode():
                found = _pass(module, layer, some, (most, length), pad, taken or {})
            answers.update(zip(part, found, strict=True))
    in_order = (answers[k] for k in range(len(lines)))
    return [next(in_order) if isinstance(p.payload, Line) else p.payload for p in batch]


def _prepared(
    requests: Sequence[Request], lines: Sequence[tuple[Ids, Ids]], tokenizer: Any, window: int
) -> list[Prepared]:
    unknown = getattr(tokenizer, "unk_token_id", None)
    prepared = []
    for request, (ids, own) in zip(requests, lines, strict=True):
        if not own:
            prepared.append(Prepared(request, Failure(NOTHING), 1))
        elif window and len(ids) > window:
            reason = f"a text of {len(ids)} tokens is beyond the window of {window}"
            prepared.append(Prepared(request, Failure(reason, beyond=True), 1))
        else:
            strange = sum(ids[k] == unknown for k in own)
            prepared.append(Prepared(request, Line(ids, own, strange), len(ids)))
    return prepared


def _pass(
    module: torch.nn.Module,
    layer: int,
    lines: Sequence[tuple[Request, Line]],
    shape: tuple[int, int],
    pad: int,
    taken: Mapping[str, Any],
) -> list[Response]:
    """One pass over lines of one layer, filled up to `shape` (rows, length)."""
    import torch

    device = next(module.parameters()).device
    ids = torch.full(shape, pad, dtype=torch.long)
    mask, weights = torch.zeros_like(ids), torch.zeros(shape)
    for row in range(shape[0]):
        request, line = lines[row] if row < len(lines) else lines[0]
        assert isinstance(request, Embed)
        ids[row, : len(line.ids)] = torch.tensor(line.ids)
        mask[row, : len(line.ids)] = 1
        places = line.places(request.pool)
        weights[row, list(places)] = 1 / len(places)
    states = _states(module, layer, ids.to(device), mask.to(device), taken)
    if isinstance(states, Failure):
        return [states] * len(lines)
    weights = weights.to(device)[..., None]
    # What stands under padding may be anything, and 0 times that no number.
    pooled = (weights * states.float().masked_fill(weights == 0, 0.0)).sum(dim=1)
    vectors: list[list[float]] = pooled[: len(lines)].cpu().double().tolist()
    return [
        Embedding(tuple(vector), len(line.own), line.unknown)
        if all(map(math.isfinite, vector))
        else Failure(NOT_FINITE)
        for vector, (_, line) in zip(vectors, lines, strict=True)
    ]


def _states(
    module: torch.nn.Module,
    layer: int,
    ids: torch.Tensor,
    mask: torch.Tensor,
    taken: Mapping[str, Any],
) -> torch.Tensor | Failure:
    """(rows, length, width) of a layer."""
    if layer == 0:
        table: torch.Tensor = module.get_input_embeddings()(ids)  # type: ignore[operator]
        return table
    body = _body(module)
    assert body is not None
    more = {} if layer == LAST else {"output_hidden_states": True}
    out = body(input_ids=ids, attention_mask=mask, **taken, **more)
    if layer == LAST:
        last: torch.Tensor = out.last_hidden_state if hasattr(out, "last_hidden_state") else out[0]
        return last
    states: Sequence[torch.Tensor] = out.hidden_states
    depth = len(states) - 1
    if not -depth <= layer <= depth:
        return Failure(f"the model has {depth} layers, and no layer {layer}")
    return states[layer]


def _body(module: torch.nn.Module) -> torch.nn.Module | None:
    """The part that gives hidden states; of an encoder-decoder its encoder."""
    import torch

    if getattr(getattr(module, "config", None), "is_encoder_decoder", False):
        found = module.get_encoder()  # type: ignore[operator]
    else:
        found = getattr(module, str(getattr(module, "base_model_prefix", "")), None)
    return found if isinstance(found, torch.nn.Module) else None
