"""Prompts and texts → token ids, and where each token stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct

from fmaudit.errors import ModelError
from fmaudit.requests import Chat, Prompt

Ids = tuple[int, ...]


class Text(Struct, frozen=True):
    """A text's tokens without special ones, and where they stand (() where nobody says)."""

    ids: Ids
    starts: Ids = ()
    ends: Ids = ()


class Continued(Struct, frozen=True):
    """A continuation's tokens behind a prompt. `split`: they were cut from it by force.

    `starts`, `ends` count in the continuation as it was asked for.
    """

    text: Text
    split: bool = False


class Reader:
    """How one tokenizer reads.

    Args:
        tokenizer: of transformers.
        chat: whether its chat template may be used.
    """

    def __init__(self, tokenizer: Any, *, chat: bool = False) -> None:
        self.tokenizer = tokenizer
        self.chat = chat
        self.placed = bool(getattr(tokenizer, "is_fast", False))

    @cached_property
    def opening(self) -> Ids:
        """The special tokens that it sets before a text by itself."""
        with_special = list(self.tokenizer("a")["input_ids"])
        bare = list(self.tokenizer("a", add_special_tokens=False)["input_ids"])
        for at in range(len(with_special) - len(bare) + 1):
            if with_special[at : at + len(bare)] == bare:
                return tuple(with_special[:at])
        return ()

    @cached_property
    def beginning(self) -> Ids:
        """What a text without a prompt is read after: its opening, else its first special token.

        That is the token for the beginning of a sequence, or for the end where there is none, as
        most evaluations have it; () where it has neither.
        """
        if self.opening:
            return self.opening
        for name in ("bos_token_id", "eos_token_id"):
            found = getattr(self.tokenizer, name, None)
            if found is not None:
                return (int(found),)
        return ()

    def texts(self, texts: Iterable[str]) -> dict[str, Text]:
        """Each different text's tokens, in one call of the tokenizer."""
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return {}
        found = self.tokenizer(
            distinct,
            add_special_tokens=False,
            return_offsets_mapping=self.placed,
            padding=False,
            truncation=False,
            verbose=False,
        )
        read = {}
        for k, text in enumerate(distinct):
            ids = tuple(found["input_ids"][k])
            starts, ends = (
                zip(*found["offset_mapping"][k], strict=True) if self.placed and ids else ((), ())
            )
            read[text] = Text(ids, tuple(starts), tuple(ends))
        return read

    def written(self, prompt: Prompt) -> str:
        """A prompt as the text that is read: a conversation by the chat template.

        Where there is none (a base beside its chat model), as what was said, a line each.
        """
        if not isinstance(prompt, Chat):
            return prompt
        if not self.chat:
            return "".join(f"{message.content}\n" for message in prompt.messages)
        turns = [{"role": m.role, "content": m.content} for m in prompt.messages]
        try:
            text: str = self.tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True
            )
        except Exception as error:  # jinja's own, and whatever a template raises
            raise ModelError(
                f"model: its chat template cannot write a prompt: {type(error).__name__}: {error}. "
                "Mend the tokenizer's `chat_template`, or write `chat: never` under `model:`, so "
                "that prompts are given as they are."
            ) from error
        return text

    def before(self, prompt: Prompt, ids: Ids) -> Ids:
        """The tokens of a prompt as they are read: a chat template writes its own special ones."""
        if isinstance(prompt, Chat) and self.chat:
            return ids
        return (*self.opening, *ids) if ids else self.beginning


def joined(prompt: Prompt, written: str, continuation: str) -> tuple[str, str]:
    """A prompt's text without the spaces at its end, and the continuation with them.

    Tokens take the space before a word with them. A template's own end stays as it is.
    """
    if isinstance(prompt, Chat):
        return written, continuation
    kept = written.rstrip(" ")
    return kept, written[len(kept) :] + continuation


def continued(read: Mapping[str, Text], prompt: str, continuation: str, asked: str) -> Continued:
    """The tokens of a continuation behind a prompt; both as `joined` gave them.

    `asked` is the continuation as it was asked for. Where the tokenizer runs the two together
    across their boundary, the continuation is read by itself.
    """
    whole, before = read[prompt + continuation], read[prompt]
    n = len(before.ids)
    if whole.ids[:n] == before.ids:
        shift = len(prompt) + len(continuation) - len(asked)
        places = whole.starts[n:], whole.ends[n:]
        return Continued(Text(whole.ids[n:], *(_shifted(p, shift) for p in places)))
    own = read[continuation]
    shift = len(continuation) - len(asked)
    places = own.starts, own.ends
    return Continued(Text(own.ids, *(_shifted(p, shift) for p in places)), split=True)


def _shifted(places: Sequence[int], by: int) -> Ids:
    return tuple(max(0, place - by) for place in places)
