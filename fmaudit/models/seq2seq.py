"""Sequence-to-sequence models of transformers (T5, BART and their kin).

An encoder reads the prompt, once for all of its continuations. A continuation is what the decoder
writes, its closing token left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from fmaudit.errors import ModelError
from fmaudit.models import embedding, generation, language
from fmaudit.models.base import Beginning, Facts, Model, Prepared
from fmaudit.models.language import LanguageHandle, Loaded
from fmaudit.models.likelihood import EMPTY
from fmaudit.models.memory import fitting
from fmaudit.models.reading import Ids, Reader, Text
from fmaudit.models.reductions import reduce
from fmaudit.models.split import Fields, Split
from fmaudit.models.tokens import tokens
from fmaudit.requests import (
    Embed,
    Failure,
    Generate,
    Likelihoods,
    Request,
    Response,
    Scored,
    Tokenize,
    TokenLogprobs,
)

if TYPE_CHECKING:
    import torch

    from fmaudit.spec import ModelSpec


class Sides(Struct, frozen=True):
    """The encoder's tokens, and those of each continuation."""

    encoded: Ids
    continuations: tuple[Text, ...]
    cut: int


class Seq2SeqModel:
    """A loaded sequence-to-sequence model, with the offers of a causal one.

    Args:
        begins: what its decoder begins with; by default what model and tokenizer say.
    """

    def __init__(self, loaded: Loaded, begins: Ids | None = None) -> None:
        self._loaded = loaded
        kinds = embedding.kinds(loaded.module, loaded.tokenizer)
        self.capabilities = frozenset({"token_logprobs", "generate", "tokenize"}) | kinds
        self.split = loaded.each(_split)
        self.reader = Reader(loaded.tokenizer, chat=loaded.facts.chat)
        self._pad = int(getattr(loaded.tokenizer, "pad_token_id", None) or 0)
        own = generation.decoder_begins(loaded.module)
        if not own:
            raise ModelError(
                f"model: {loaded.facts.name} names no `decoder_start_token_id`, so that nobody "
                "knows what its decoder begins with. Set it in config.json and save it again."
            )
        # BART and its kin write the token that begins a text before it, T5 does not
        first = (*own, *self.reader.opening) if len(own) == 1 else own
        # What stands there before anything is written, and what before a continuation
        self._given, self._first = begins or own, begins or first
        self.facts: Facts = replace(loaded.facts, begins=self.reader.named(self._first))

    def begun_as(self, begins: Beginning) -> Seq2SeqModel:
        """The same weights behind another decoder's beginning; see `fmaudit.models.base.Begins`."""
        there = self.reader.has(begins)
        facts = language.begun_facts(self.facts, begins, there=there)
        ids = tuple(token for token, _ in begins) if there else None
        return Seq2SeqModel(dataclasses.replace(self._loaded, facts=facts), ids)

    def prepare(self, requests: Sequence[Request]) -> list[Prepared]:
        """Tokenise requests of one kind; see `fmaudit.models.base.Model`."""
        first = requests[0] if requests else None
        if isinstance(first, Tokenize):
            return tokens(self.reader, requests, self.facts.window)
        if isinstance(first, Embed):
            return embedding.prepare(requests, self.reader.tokenizer, self.facts.window)
        prompts = [self._encoded(request) for request in requests]
        if isinstance(first, Generate):
            return [
                self._asked(r, ids, cut)
                for r, (ids, cut) in zip(requests, prompts, strict=True)
                if isinstance(r, Generate)
            ]
        asked = [r for r in requests if isinstance(r, TokenLogprobs)]
        read = self.reader.texts(c for r in asked for c in r.continuations)
        return [
            self._sides(r, ids, cut, [read[c] for c in r.continuations])
            for r, (ids, cut) in zip(asked, prompts, strict=True)
        ]

    def _encoded(self, request: Request) -> tuple[Ids, int]:
        """What the encoder reads of a prompt, special tokens included, and how much is left out."""
        assert isinstance(request, (TokenLogprobs, Generate))
        text, window = self.reader.written(request.input), self.facts.window
        ids = tuple(self.reader.tokenizer(text, verbose=False)["input_ids"])
        if not window or len(ids) <= window:
            return ids, 0
        kept = self.reader.tokenizer(text, truncation=True, max_length=window, verbose=False)
        return tuple(kept["input_ids"]), len(ids) - window

    def _asked(self, request: Generate, ids: Ids, cut: int) -> Prepared:
        """What the decoder writes has a window of its own, as long as the encoder's."""
        most = request.decoding.most_tokens
        room = self.facts.window - len(self._given) + 1
        most = min(most, room) if self.facts.window else most
        return Prepared(request, generation.Asked(ids, most), len(ids), cut)

    def _sides(self, request: TokenLogprobs, ids: Ids, cut: int, found: Sequence[Text]) -> Prepared:
        if not found or not all(text.ids for text in found):
            return Prepared(request, Failure(EMPTY), 1)
        longest = max(len(text.ids) for text in found)
        if self.facts.window and longest + len(self._first) - 1 > self.facts.window:
            reason = f"a continuation of {longest} tokens is beyond the window"
            return Prepared(request, Failure(reason, beyond=True), 1)
        total = len(ids) + sum(len(text.ids) for text in found)
        return Prepared(request, Sides(ids, tuple(found), cut), total, cut)

    def run(self, batch: Sequence[Prepared], *, length: int, rows: int) -> list[Response]:
        """Answer a batch of one kind; see `fmaudit.models.base.Model`."""
        import torch

        request = batch[0].request
        if isinstance(request, Tokenize):
            return [p.payload for p in batch]
        with fitting(), torch.inference_mode():
            module = self._loaded.module_for(request)
            if isinstance(request, Embed):
                return embedding.run(module, batch, length=length, rows=rows, pad=self._pad)
            if isinstance(request, Generate):
                begins = self._given
                return generation.run(module, self.reader, batch, length, rows, begins=begins)
            split = self.split.of(request)
            padded = length if request.under == "padded" else 0
            return self._likelihoods(split, batch, max(1, rows), padded)

    def _likelihoods(
        self, split: Split, batch: Sequence[Prepared], rows: int, padded: int
    ) -> list[Response]:
        ready = [p.payload for p in batch if isinstance(p.payload, Sides)]
        answers: list[Response] = []
        for start in range(0, len(ready), rows):
            answers += self._read(split, ready[start : start + rows], padded)
        found = iter(answers)
        return [p.payload if isinstance(p.payload, Failure) else next(found) for p in batch]

    def _read(self, split: Split, sides: Sequence[Sides], padded: int) -> list[Response]:
        """Encode each prompt once, and read all continuations behind it."""
        module: Any = split.module
        width = max(padded, *(len(s.encoded) for s in sides))
        pad = self._pad
        ids, mask = generation.padded([s.encoded for s in sides], width, pad, left=False)
        device = next(module.parameters()).device
        ids, mask = ids.to(device), mask.to(device)
        encoder: Any = module.get_encoder()
        states = encoder(input_ids=ids, attention_mask=mask)[0]
        lines = [(row, text) for row, s in enumerate(sides) for text in s.continuations]
        longest = max(len(text.ids) for _, text in lines)
        skipped = len(self._first) - 1
        columns = longest + skipped
        most = min(max(1, len(sides)), split.rows(longest))
        reduced = []
        for start in range(0, len(lines), most):
            part = lines[start : start + most]
            at = [row for row, _ in part]
            read = [(*self._first, *text.ids[:-1]) for _, text in part]
            decoder, _ = generation.padded(read, columns, pad, left=False)
            fields = {
                "encoder_outputs": _states(states[at]),
                "attention_mask": mask[at],
                "decoder_input_ids": decoder.to(device),
            }
            hidden = split.hidden(fields)
            flat = hidden.reshape(-1, hidden.shape[-1])
            asked = [
                [(row * columns + skipped + k, token) for k, token in enumerate(text.ids)]
                for row, (_, text) in enumerate(part)
            ]
            reduced += reduce(split, flat, asked)
        found = iter(reduced)
        return [_answer(s, [next(found) for _ in s.continuations]) for s in sides]


def open_model(
    spec: ModelSpec, path: Path | None, name: str, base: Path | None = None
) -> LanguageHandle:
    """The adapter: `path` is where the model's source was resolved to, `base` its base's."""
    return language.handle(spec, path, name, "seq2seq", wrap, base)


def wrap(loaded: Loaded) -> Model:
    """The model of loaded parts."""
    return Seq2SeqModel(loaded)


def _answer(sides: Sides, reduced: Sequence[Any]) -> Response:
    scored: list[Scored] = []
    for text, figures in zip(sides.continuations, reduced, strict=True):
        one = figures.scored(text.ids, text.starts, text.ends)
        if isinstance(one, Failure):
            return one
        scored.append(one)
    read = len(sides.encoded) + sum(len(text.ids) for text in sides.continuations)
    return Likelihoods(tuple(scored), tokens=read, cut=sides.cut)


def _split(module: Any) -> Split:
    """The decoder is the body of models that have one at their top; of others the whole inside."""
    import torch

    device = next(module.parameters()).device
    width = getattr(module.config, "d_model", None) or module.config.hidden_size
    dtype = next(module.parameters()).dtype
    given = {"encoder_outputs": _states(torch.zeros((1, 1, width), device=device, dtype=dtype))}
    own = isinstance(getattr(module, "decoder", None), torch.nn.Module)
    return Split(
        module,
        "decoder" if own else str(module.base_model_prefix),
        ids="decoder_input_ids",
        given=given,
        taken=_decoders if own else dict,
    )


def _decoders(fields: Fields) -> Fields:
    """A decoder's own names of the module's fields."""
    taken = {
        "input_ids": fields["decoder_input_ids"],
        "encoder_hidden_states": fields["encoder_outputs"][0],
        "use_cache": False,
    }
    if "attention_mask" in fields:
        taken["encoder_attention_mask"] = fields["attention_mask"]
    return taken


def _states(hidden: torch.Tensor) -> Any:
    from transformers.modeling_outputs import BaseModelOutput

    return BaseModelOutput(last_hidden_state=hidden)
