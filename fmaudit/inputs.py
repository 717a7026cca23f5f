"""What a model is shown: texts, pairs of them, conversations. Frozen, JSON both ways."""

from __future__ import annotations

from msgspec import Struct


class Pair(Struct, frozen=True, tag="pair"):
    """Two texts that are read together (premise and hypothesis, question and passage)."""

    first: str
    second: str


class Message(Struct, frozen=True):
    """One turn of a conversation; `role`: "system", "user" or "assistant"."""

    role: str
    content: str


class Chat(Struct, frozen=True, tag="chat"):
    """A conversation, which the model reads by its own chat template, its turn to answer."""

    messages: tuple[Message, ...]


Input = str | Pair


def one_text(value: Input) -> str:
    """An input as one text; of a pair, the first one (a passage) on lines above the second."""
    return f"{value.first}\n{value.second}" if isinstance(value, Pair) else value


Prompt = str | Chat
"""What a language model goes on from: text as it is, or a conversation."""
