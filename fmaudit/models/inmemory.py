"""Language models that are in memory already: any module of transformers with its tokenizer."""

from __future__ import annotations

from typing import Any

from fmaudit.models import causal, masked, seq2seq
from fmaudit.models.base import Model
from fmaudit.models.language import Kind, Loaded, facts_of
from fmaudit.models.torchmodel import module_digest

WRAPS = {"causal": causal.wrap, "masked": masked.wrap, "seq2seq": seq2seq.wrap}


def language_model(
    module: Any, tokenizer: Any, *, name: str = "", chat: bool | None = None
) -> Model:
    """A loaded language model of transformers as a model to audit.

    Args:
        module: causal, masked or sequence-to-sequence; put in evaluation mode here.
        tokenizer: of transformers.
        name: what the report calls the model.
        chat: whether prompts go through the tokenizer's chat template; by default where it has one.

    Raises:
        ModelError: a masked model without a mask token, a decoder without its first token.
    """
    kind = _kind(module)
    there = bool(getattr(tokenizer, "chat_template", None)) and kind != "masked"
    facts = facts_of(
        module.eval(),
        tokenizer,
        kind,
        name=name or type(module).__name__,
        digest=module_digest(module, tokenizer),
        chat=there if chat is None else chat and there,
    )
    return WRAPS[kind](Loaded(module, tokenizer, None, facts))


def _kind(module: Any) -> Kind:
    if getattr(module.config, "is_encoder_decoder", False):
        return "seq2seq"
    return "masked" if type(module).__name__.endswith("ForMaskedLM") else "causal"
