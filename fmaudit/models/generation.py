"""`Generate`: what a model writes after a prompt, with nothing left to a folder's own settings.

Drawn answers take their chance from the request alone: each row has a generator of its own, and a
token is the largest of log-probability plus Gumbel noise, which draws it with its probability
(Gumbel 1954; Maddison, Tarlow and Minka 2014). So neither its batch nor its place in it can change
an answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from fmaudit.models.base import Prepared
from fmaudit.models.reading import Ids, Reader
from fmaudit.requests import Decoding, Failure, Generate, Generated, Response

if TYPE_CHECKING:
    import torch


class Asked(Struct, frozen=True):
    """A prompt's tokens, and how many of its first did not fit."""

    ids: Ids
    cut: int


def prepare(reader: Reader, requests: Sequence[Generate], window: int) -> list[Prepared]:
    """Tokenise in one call; a prompt too long for the window loses its beginning."""
    written = [reader.written(request.input).rstrip(" ") for request in requests]
    read = reader.texts(written)
    prepared = []
    for request, text in zip(requests, written, strict=True):
        ids = reader.before(request.input, read[text].ids)
        room = max(1, window - request.decoding.most_tokens) if window else len(ids)
        cut = max(0, len(ids) - room)
        payload: Any = Asked(ids[cut:], cut) if ids else Failure("the prompt has no token")
        prepared.append(Prepared(request, payload, max(1, len(ids) - cut), cut))
    return prepared


def run(
    module: Any, reader: Reader, batch: Sequence[Prepared], length: int, rows: int
) -> list[Response]:
    """Answer a batch of one `Decoding`; at most `rows` prompts at once, padded to `length`."""
    ready = [p for p in batch if isinstance(p.payload, Asked)]
    answers: list[Response] = []
    for start in range(0, len(ready), max(1, rows)):
        answers += _written(module, reader, ready[start : start + max(1, rows)], length)
    found = iter(answers)
    return [p.payload if isinstance(p.payload, Failure) else next(found) for p in batch]


def _written(module: Any, reader: Reader, batch: Sequence[Prepared], length: int) -> list[Response]:
    import torch

    request = batch[0].request
    assert isinstance(request, Generate)
    how, device = request.decoding, next(module.parameters()).device
    pad = _pad(module, reader.tokenizer)
    two = bool(getattr(module.config, "is_encoder_decoder", False))
    ids, mask = padded([p.payload.ids for p in batch], length, pad, left=not two)
    drawn = [_Draws(how, [p.request for p in batch])] if how.temperature > 0 else []
    with torch.inference_mode():
        out = module.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            generation_config=_settings(module, how, pad),
            logits_processor=drawn or None,
            tokenizer=reader.tokenizer if how.stop else None,
        )
    begin = 1 if two else length
    ends = _ends(module, reader.tokenizer)
    return [
        _answer(reader.tokenizer, p, row, ends, how)
        for p, row in zip(batch, out[:, begin:].tolist(), strict=True)
    ]


def _answer(
    tokenizer: Any, prepared: Prepared, ids: Sequence[int], ends: Ids, how: Decoding
) -> Generated:
    """What stands before the first end token or stop text."""
    ended = next((k for k, token in enumerate(ids) if token in ends), None)
    kept = list(ids[: len(ids) if ended is None else ended])[: how.most_tokens]
    text: str = tokenizer.decode(kept, skip_special_tokens=True)
    stops = [text.index(stop) for stop in how.stop if stop in text]
    finished = ended is not None or bool(stops)
    if stops:
        text = text[: min(stops)]
    return Generated(
        text=text,
        written=len(kept),
        finished=finished,
        prompt_tokens=prepared.length,
        cut=prepared.cut,
    )


def _settings(module: Any, how: Decoding, pad: int) -> Any:
    """Greedy search and nothing else: what a folder's own settings add would go unrecorded."""
    from transformers import GenerationConfig

    own = module.generation_config
    return GenerationConfig(
        max_new_tokens=how.most_tokens,
        do_sample=False,
        num_beams=1,
        pad_token_id=pad,
        eos_token_id=own.eos_token_id,
        bos_token_id=own.bos_token_id,
        decoder_start_token_id=getattr(own, "decoder_start_token_id", None),
        stop_strings=list(how.stop) or None,
        use_cache=True,
    )


class _Draws:
    """A logits processor: the largest of its scores is a draw from the model's distribution."""

    def __init__(self, how: Decoding, requests: Sequence[Any]) -> None:
        import torch

        self._how = how
        self._rngs = [
            torch.Generator().manual_seed(_seed(how.seed, str(r.input), r.replica))
            for r in requests
        ]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        import torch

        logs = (scores.float() / self._how.temperature).log_softmax(-1)
        if self._how.top_p < 1:
            ordered, order = logs.sort(dim=-1, descending=True)
            before = ordered.exp().cumsum(-1) - ordered.exp()
            ordered = ordered.masked_fill(before >= self._how.top_p, -torch.inf)
            logs = torch.full_like(logs, -torch.inf).scatter(-1, order, ordered)
        size = logs.shape[-1]
        noise = torch.stack(
            [-torch.empty(size).exponential_(generator=rng).log() for rng in self._rngs]
        )
        return logs + noise.to(logs.device)


def _seed(*parts: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:7], "little")


def padded(
    rows: Sequence[Ids], length: int, pad: int, *, left: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and their mask, (rows, length); the padding stands before the prompts, or after."""
    import torch

    ids = torch.full((len(rows), length), pad, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for k, row in enumerate(rows):
        at = slice(length - len(row), length) if left else slice(0, len(row))
        ids[k, at] = torch.tensor(row)
        mask[k, at] = 1
    return ids, mask


def _ends(module: Any, tokenizer: Any) -> Ids:
    found = module.generation_config.eos_token_id
    if found is None:
        found = getattr(tokenizer, "eos_token_id", None)
    if found is None:
        return ()
    return tuple(found) if isinstance(found, (list, tuple)) else (int(found),)


def _pad(module: Any, tokenizer: Any) -> int:
    ends = _ends(module, tokenizer)
    for found in (getattr(tokenizer, "pad_token_id", None), *ends):
        if found is not None:
            return int(found)
    return 0
