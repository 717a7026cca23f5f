"""Prompts and texts → token ids, and where each token stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct

from fmaudit.errors import ModelError
from fmaudit.inputs import Chat, Message, Prompt
from fmaudit.models.base import Beginning

Ids = tuple[int, ...]

ANCHORS = ("\n", ".", '"')
"""What a text is set behind where its own tokens are looked for."""

ANSWER = "@@@"
"""What is answered where only what a template writes before an answer is looked for."""


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
        begins: what a text without a prompt is read after; by default what the tokenizer says.
    """

    def __init__(self, tokenizer: Any, *, chat: bool = False, begins: Ids | None = None) -> None:
        self.tokenizer = tokenizer
        self.chat = chat
        self._begins = begins
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
        if self._begins is not None:
            return self._begins
        if self.opening:
            return self.opening
        for name in ("bos_token_id", "eos_token_id"):
            found = getattr(self.tokenizer, name, None)
            if found is not None:
                return (int(found),)
        return ()

    def named(self, ids: Ids) -> Beginning:
        """Tokens with their names in the vocabulary."""
        return tuple(zip(ids, self.tokenizer.convert_ids_to_tokens(list(ids)), strict=True))

    def has(self, begins: Beginning) -> bool:
        """Whether these tokens are its own as well, by id and name."""
        own = self.tokenizer
        return all(
            own.convert_tokens_to_ids(name) == token and own.convert_ids_to_tokens(token) == name
            for token, name in begins
        )

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

    def apart(self, text: str) -> Text:
        """The tokens of a text that stands behind another one, and runs together with none of it.

        Tokenizers of SentencePiece's kind set a space before what they are given, which is not in
        the text. None is set behind something else, whose tokens are then left out.
        """
        found = self._anchored(text) if self._sets_spaces else None
        return found or self.texts([text])[text]

    @cached_property
    def _sets_spaces(self) -> bool:
        found = self._anchored("a")
        return found is not None and found.ids != self.texts(["a"])["a"].ids

    def _anchored(self, text: str) -> Text | None:
        """A text's tokens behind the first of `ANCHORS` that it leaves as it is."""
        unknown = getattr(self.tokenizer, "unk_token_id", None)
        for anchor in ANCHORS:
            read = self.texts([anchor, anchor + text])
            before, whole = read[anchor].ids, read[anchor + text]
            # An unknown token may hold some of the text as well.
            if before and unknown not in before and whole.ids[: len(before)] == before:
                return _rest(whole, len(before), len(anchor))
        return None

    def written(self, prompt: Prompt) -> str:
        """A prompt as the text that is read: a conversation by the chat template.

        Where there is none (a base beside its chat model), as what was said, a line each.
        """
        if not isinstance(prompt, Chat):
            return prompt
        if not self.chat:
            return "".join(f"{message.content}\n" for message in prompt.messages)
        try:
            return self._templated(prompt.messages, add_generation_prompt=True)
        except Exception as error:  # jinja's own, and whatever a template raises
            raise ModelError(
                f"model: its chat template cannot write a prompt: {type(error).__name__}: {error}. "
                "Mend the tokenizer's `chat_template`, or write `chat: never` under `model:`, so "
                "that prompts are given as they are."
            ) from error

    def _templated(self, messages: Sequence[Message], **options: bool) -> str:
        turns = [{"role": m.role, "content": m.content} for m in messages]
        text: str = self.tokenizer.apply_chat_template(turns, tokenize=False, **options)
        return text

    def sides(self, prompt: Prompt, continuations: Sequence[str]) -> list[tuple[str, str]]:
        """The prompt's text and a continuation's, as both stand in one text, of each of these.

        Tokens take the space before a word with them, so that spaces at the end of a prompt are
        the continuation's. A space that a template writes before an answer is not doubled.
        """
        before, behind = self.written(prompt), list(continuations)
        if isinstance(prompt, Chat) and self.chat:
            before += self._lead(prompt, before, behind)
            behind = [c.lstrip(" ") if before.endswith(" ") else c for c in behind]
        kept = before.rstrip(" ")
        return [(kept, before[len(kept) :] + c) for c in behind]

    def _lead(self, prompt: Chat, text: str, continuations: Sequence[str]) -> str:
        """What the template writes between a prompt's `text` and an answer: "" where nothing.

        A space; an empty thought, the mark of a channel. A model may write the latter itself, and
        its answer then begins with them.
        """
        turns = (*prompt.messages, Message("assistant", ANSWER))
        try:
            whole = self._templated(turns, add_generation_prompt=False)
        except Exception:  # a template that writes prompts alone
            return ""
        lead, found, _ = whole.removeprefix(text).partition(ANSWER)
        if not whole.startswith(text) or not found:
            return ""
        first = tuple(lead.split()[:1])
        return "" if any(c.lstrip().startswith(first) for c in continuations) else lead

    def before(self, prompt: Prompt, ids: Ids) -> Ids:
        """The tokens of a prompt as they are read: a chat template writes its own special ones."""
        if isinstance(prompt, Chat) and self.chat:
            return ids
        return (*self.opening, *ids) if ids else self.beginning


def continued(
    reader: Reader, read: Mapping[str, Text], prompt: str, continuation: str, asked: str
) -> Continued:
    """The tokens of a continuation behind a prompt; both as `Reader.sides` gave them.

    `asked` is the continuation as it was asked for. Where the tokenizer runs the two together
    across their boundary, the continuation is read by itself.
    """
    whole, before = read[prompt + continuation], read[prompt]
    n, moved = len(before.ids), len(continuation) - len(asked)
    if whole.ids[:n] == before.ids:
        return Continued(_rest(whole, n, len(prompt) + moved))
    return Continued(_rest(reader.apart(continuation), 0, moved), split=True)


def _rest(text: Text, tokens: int, characters: int) -> Text:
    """What stands in a text behind its first tokens, its places counted from a character on."""
    starts, ends = text.starts[tokens:], text.ends[tokens:]
    return Text(text.ids[tokens:], _shifted(starts, characters), _shifted(ends, characters))


def _shifted(places: Sequence[int], by: int) -> Ids:
    return tuple(max(0, place - by) for place in places)
