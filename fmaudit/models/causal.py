"""Causal language models of transformers: a folder, a GGUF file, or a LoRA adapter over one.

Likelihoods are read off one pass: every continuation of a prompt in one row, what they share once.
Models that cannot read such rows (recurrent ones, ALiBi) are given a row a continuation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from fmaudit.models import embedding, generation, language, likelihood
from fmaudit.models.base import Beginning, Facts, Model, Prepared
from fmaudit.models.language import LanguageHandle, Loaded
from fmaudit.models.likelihood import Likelihood
from fmaudit.models.memory import fitting
from fmaudit.models.reading import Ids, Reader
from fmaudit.models.split import Split
from fmaudit.models.tokens import tokens
from fmaudit.requests import Embed, Generate, Request, Response, Tokenize, TokenLogprobs

if TYPE_CHECKING:
    from fmaudit.spec import ModelSpec


class CausalModel:
    """A loaded causal language model. Offers `token_logprobs`, `generate`, `tokenize`, `embed`.

    Args:
        begins: what a text without a prompt is read after; by default what the tokenizer says.
    """

    def __init__(self, loaded: Loaded, begins: Ids | None = None) -> None:
        self._loaded = loaded
        kinds = embedding.kinds(loaded.module, loaded.tokenizer)
        self.capabilities = frozenset({"token_logprobs", "generate", "tokenize"}) | kinds
        self.likelihood = loaded.each(_likelihood)
        self.reader = Reader(loaded.tokenizer, chat=loaded.facts.chat, begins=begins)
        own = self.reader.named(self.reader.beginning)
        self.facts: Facts = replace(loaded.facts, begins=own)

    def begun_as(self, begins: Beginning) -> CausalModel:
        """The same weights behind another model's beginning; see `fmaudit.models.base.Begins`."""
        there = self.reader.has(begins)
        facts = language.begun_facts(self.facts, begins, there=there)
        ids = tuple(token for token, _ in begins) if there else None
        return CausalModel(dataclasses.replace(self._loaded, facts=facts), ids)

    def prepare(self, requests: Sequence[Request]) -> list[Prepared]:
        """Tokenise requests of one kind; see `fmaudit.models.base.Model`."""
        first = requests[0] if requests else None
        if isinstance(first, TokenLogprobs):
            asked: Any = requests
            deepest = self.likelihood.of(first).deepest
            return likelihood.prepare(self.reader, asked, self.facts.window, deepest=deepest)
        if isinstance(first, Generate):
            asked = requests
            return generation.prepare(self.reader, asked, self.facts.window)
        if isinstance(first, Embed):
            return embedding.prepare_behind(requests, self.reader, self.facts.window)
        return tokens(self.reader, requests, self.facts.window)

    def run(self, batch: Sequence[Prepared], *, length: int, rows: int) -> list[Response]:
        """Answer a batch of one kind; see `fmaudit.models.base.Model`."""
        import torch

        request = batch[0].request
        if isinstance(request, Tokenize):
            return [p.payload for p in batch]
        with fitting(), torch.inference_mode():
            module = self._loaded.module_for(request)
            if isinstance(request, Generate):
                return generation.run(module, self.reader, batch, length, rows)
            if isinstance(request, Embed):
                taken = {"use_cache": False}
                return embedding.run(module, batch, length=length, rows=rows, taken=taken)
            return self.likelihood.of(request).run(batch, length, rows)


def open_model(
    spec: ModelSpec, path: Path | None, name: str, base: Path | None = None
) -> LanguageHandle:
    """The adapter: `path` is where the model's source was resolved to, `base` its base's."""
    return language.handle(spec, path, name, "causal", wrap, base)


def wrap(loaded: Loaded) -> Model:
    """The model of loaded parts."""
    return CausalModel(loaded)


def _likelihood(module: Any) -> Likelihood:
    body = str(getattr(module, "base_model_prefix", ""))
    return Likelihood(Split(module, body, taken=lambda fields: {**fields, "use_cache": False}))
