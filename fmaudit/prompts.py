"""A question as a language model is asked it: through its chat template, or as it is."""

from __future__ import annotations

from fmaudit.registry import Context
from fmaudit.types import Chat, Message, Prompt


def prompted(text: str, context: Context) -> Prompt:
    """The text as a user's message where the model reads conversations, else as it is.

    >>> from fmaudit.seeds import Seeds
    >>> prompted("How many?", Context(Seeds(0)))
    'How many?'
    """
    return Chat((Message("user", text),)) if context.chat else text
