"""`Generate`: what a model writes after a prompt, with nothing left to a folder's own settings.

Drawn answers take their chance from the request alone: each row has a generator of its own, and a
token is the largest of log-probability plus Gumbel noise, which draws it with its probability
(Gumbel 1954; Maddison, Tarlow and Minka 2014). So neither its batch nor its place in it can change
an answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from fmaudit.inputs import Chat
from fmaudit.models.base import Prepared
from fmaudit.models.folders import quiet
from fmaudit.models.reading import Ids, Reader
from fmaudit.models.ropes import NEVER, turn_of
from fmaudit.requests import Decoding, Failure, Generate, Generated, Response

if TYPE_CHECKING:
    import torch


class Asked(Struct, frozen=True):
    """A prompt's tokens, and the most that may be written after them."""

    ids: Ids
    most: int


def prepare(reader: Reader, requests: Sequence[Generate], window: int) -> list[Prepared]:
    """Tokenise in one call; a prompt too long for the window loses its beginning.

    What is written takes half of the window at most: longer answers would leave no prompt.
    """
    written = [_prompt(reader, request) for request in requests]
    read = reader.texts(written)
    prepared = []
    for request, text in zip(requests, written, strict=True):
        ids = reader.before(request.input, read[text].ids)
        most = request.decoding.most_tokens
        if window:
            most = min(most, max(1, window // 2))
        cut = max(0, len(ids) - (window - most)) if window else 0
        payload: Any = Asked(ids[cut:], most) if ids else Failure("the prompt has no token")
        prepared.append(Prepared(request, payload, max(1, len(ids) - cut), cut))
    return prepared


def _prompt(reader: Reader, request: Generate) -> str:
    """Tokens take the space before a word with them; a template's own end stays as it is."""
    text = reader.written(request.input)
    return text if isinstance(request.input, Chat) else text.rstrip(" ")


def run(
    module: Any,
    reader: Reader,
    batch: Sequence[Prepared],
    length: int,
    rows: int,
    *,
    begins: Ids = (),
) -> list[Response]:
    """Answer a batch of one `Decoding`; at most `rows` prompts at once, padded to `length`.

    `begins`: what a decoder of its own begins every answer with.
    """
    ready = [p for p in batch if isinstance(p.payload, Asked)]
    answers: dict[int, Response] = {}
    for at, width, most in _sharing(ready, length, max(1, rows), turn_of(module)):
        for start in range(0, len(at), most):
            part = at[start : start + most]
            written = _written(module, reader, [ready[k] for k in part], width, begins)
            answers.update(zip(part, written, strict=True))
    found = iter([answers[k] for k in range(len(ready))])
    return [p.payload if isinstance(p.payload, Failure) else next(found) for p in batch]


def _sharing(
    ready: Sequence[Prepared], length: int, rows: int, turn: int
) -> Iterator[tuple[Sequence[int], int, int]]:
    """Which prompts may be answered together, padded to how much, and how many at once.

    The row that comes to the turn turns them all: one that comes there while its answer is written
    is alone, as are, each among their kind, those that never do and those that lie behind it.
    """
    if turn == NEVER:
        yield range(len(ready)), length, rows
        return
    within = [k for k, p in enumerate(ready) if p.length + p.payload.most <= turn]
    if within:
        yield within, min(length, turn - ready[within[0]].payload.most), rows
    yield [k for k, p in enumerate(ready) if p.length > turn], length, rows
    for k, p in enumerate(ready):
        if p.length <= turn < p.length + p.payload.most:
            yield [k], p.length, 1


def decoder_begins(module: Any) -> Ids:
    """The token that a decoder starts with, and the one that is forced behind it, if any.

    The second says which language is written, where a model writes several (mBART, NLLB). ()
    where no start is named.
    """
    own = module.generation_config
    start = own.decoder_start_token_id
    if start is None:
        start = getattr(module.config, "decoder_start_token_id", None)
    if start is None:
        return ()
    forced = own.forced_bos_token_id
    return (int(start),) if forced is None else (int(start), int(forced))


def _written(
    module: Any, reader: Reader, batch: Sequence[Prepared], length: int, begins: Ids
) -> list[Response]:
    import torch

    request, most = batch[0].request, batch[0].payload.most
    assert isinstance(request, Generate)
    how, device = request.decoding, next(module.parameters()).device
    ends = _ends(module, reader.tokenizer)
    two = bool(begins)
    begin = len(begins) if two else length
    pad = _pad(reader.tokenizer, ends)
    ids, mask = padded([p.payload.ids for p in batch], length, pad, left=not two)
    seen = _Seen(len(batch))
    drawn = [_Draws(how, [p.request for p in batch])] if how.temperature > 0 else []
    stops = [_Stops(reader.tokenizer, how.stop, begin)] if how.stop else []
    decoder = torch.tensor([begins] * len(batch)).to(device) if two else None
    settings = _settings(module, most, ends, pad, begins)
    # Quiet: transformers counts padding as text where it warns of long answers.
    with torch.inference_mode(), quiet(), _alone(module, settings):
        out = module.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            decoder_input_ids=decoder,
            logits_processor=[seen, *drawn],
            stopping_criteria=stops or None,
        )
    answers = [
        _answer(reader.tokenizer, p, row, ends, how, two)
        for p, row in zip(batch, out[:, begin:].tolist(), strict=True)
    ]
    return [
        answer if answer.written < sound else Failure("the logits are not finite")
        for answer, sound in zip(answers, seen.sound(most), strict=True)
    ]


def _answer(
    tokenizer: Any, prepared: Prepared, ids: Sequence[int], ends: Ids, how: Decoding, two: bool
) -> Generated:
    """What stands before the first end token or stop text."""
    ended = next((k for k, token in enumerate(ids) if token in ends), None)
    kept = ids[:ended]
    behind = () if two else prepared.payload.ids
    text = _text(tokenizer, kept, behind)
    stopped = any(stop in text for stop in how.stop)
    if stopped:  # behind it stand whatever filled the row up, and is no part of the answer
        kept = kept[: _until(tokenizer, kept, how.stop)]
        text = _text(tokenizer, kept, behind)
        text = text[: min(text.index(stop) for stop in how.stop if stop in text)]
    return Generated(
        text=text,
        written=len(kept),
        finished=stopped or ended is not None,
        prompt_tokens=prepared.length,
        cut=prepared.cut,
        ids=tuple(kept),
    )


def _text(tokenizer: Any, ids: Sequence[int], behind: Ids = ()) -> str:
    """What the tokens say behind those of a prompt.

    Tokenizers of the kind of SentencePiece leave out the space of a text's first token, so that
    an answer's own is seen behind its prompt alone.
    """
    before: str = tokenizer.decode(list(behind), skip_special_tokens=True) if behind else ""
    whole: str = tokenizer.decode([*behind, *ids], skip_special_tokens=True)
    if behind and whole.startswith(before):
        return whole[len(before) :]
    text: str = tokenizer.decode(list(ids), skip_special_tokens=True)
    return text


def _until(tokenizer: Any, ids: Sequence[int], stops: Sequence[str]) -> int:
    """How many tokens were written when the first stop text was whole."""
    return next(
        n
        for n in range(1, len(ids) + 1)
        if any(stop in _text(tokenizer, ids[:n]) for stop in stops)
    )


def _settings(module: Any, most: int, ends: Ids, pad: int, begins: Ids) -> Any:
    """Greedy search and nothing else; chance is drawn by `_Draws`."""
    from transformers import GenerationConfig

    return GenerationConfig(
        max_new_tokens=most,
        do_sample=False,
        num_beams=1,
        pad_token_id=pad,
        eos_token_id=list(ends) or None,
        bos_token_id=module.generation_config.bos_token_id,
        decoder_start_token_id=begins[0] if begins else None,
        use_cache=True,
    )


@contextmanager
def _alone(module: Any, settings: Any) -> Iterator[None]:
    """The module with these settings in place of its folder's.

    transformers fills up what a caller leaves open from the folder's own (a penalty on repeats, a
    least length, beams): they would change answers and stand in no record.
    """
    own = module.generation_config
    module.generation_config = settings
    try:
        yield
    finally:
        module.generation_config = own


class _Stops:
    """A stopping criterion: which rows have written a stop text.

    Args:
        begin: where in a row the written tokens begin.
    """

    def __init__(self, tokenizer: Any, stops: Sequence[str], begin: int) -> None:
        self._tokenizer, self._stops, self._begin = tokenizer, stops, begin

    def __call__(self, input_ids: torch.Tensor, scores: Any, **more: Any) -> torch.Tensor:
        import torch

        rows = input_ids[:, self._begin :].tolist()
        texts = (_text(self._tokenizer, row) for row in rows)
        found = [any(stop in text for stop in self._stops) for text in texts]
        return torch.tensor(found, device=input_ids.device)


class _Seen:
    """A logits processor that changes nothing, and counts how long each row's were finite."""

    def __init__(self, rows: int) -> None:
        self._broken: list[int | None] = [None] * rows
        self._step = 0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        finite = scores.amax(-1).isfinite().tolist()
        for row, fine in enumerate(finite):
            if not fine and self._broken[row] is None:
                self._broken[row] = self._step
        self._step += 1
        return scores

    def sound(self, most: int) -> list[int]:
        """How many tokens of each row were chosen by finite logits, `most` and one where all."""
        return [most + 1 if step is None else step for step in self._broken]


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
            left = before >= self._how.top_p
            left[:, 0] = False
            ordered = ordered.masked_fill(left, -torch.inf)
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


def _pad(tokenizer: Any, ends: Ids) -> int:
    for found in (getattr(tokenizer, "pad_token_id", None), *ends):
        if found is not None:
            return int(found)
    return 0
