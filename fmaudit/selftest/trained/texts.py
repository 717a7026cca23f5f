"""The words of the planted models: what `datasets/selftest_texts/en.yaml` holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
import numpy as np

from fmaudit import catalog
from fmaudit.documents import read_any
from fmaudit.errors import SpecError

Rng = np.random.Generator


class Applications(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Sentences that are granted or refused: frames, the groups, and the words of evidence."""

    attribute: str
    groups: tuple[str, str]
    frames: tuple[str, ...]
    speaks_for: tuple[str, ...]
    speaks_against: tuple[str, ...]


class Messages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Class → the words that decide for it, and words that say nothing."""

    planted: Mapping[str, tuple[str, ...]]
    filler: tuple[str, ...]


class Prompts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prompts that hold their answer, the word behind the cue, and words that say nothing.

    `always`: an answer that stands in no prompt.
    """

    cue: str
    always: str
    answers: tuple[str, ...]
    filler: tuple[str, ...]


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One block of words for each plant. `topics`: class → its words."""

    applications: Applications
    topics: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]
    messages: Messages
    prompts: Prompts


@cache
def load() -> Texts:
    """The shipped words. Raises `SpecError` that names the key which is wrong."""
    file = catalog.dataset("selftest_texts").file.with_name("en.yaml")
    try:
        return msgspec.convert(read_any(file), Texts)
    except msgspec.ValidationError as error:
        raise SpecError(f"{file}: {error}") from error


def words_in(block: Any) -> list[str]:
    """Every word of a block, of frames as well, once and in order; names in braces are none."""
    return list(dict.fromkeys(w for text in _strings(block) for w in _plain(text)))


def draw(words: Sequence[str], count: int, rng: Rng) -> list[str]:
    """`count` different words at random."""
    return [words[k] for k in rng.permutation(len(words))[:count]]


def _strings(block: Any) -> Iterable[str]:
    if isinstance(block, str):
        yield block
    elif isinstance(block, Mapping):
        for inner in block.values():
            yield from _strings(inner)
    else:
        for inner in block if isinstance(block, tuple) else msgspec.structs.astuple(block):
            yield from _strings(inner)


def _plain(text: str) -> list[str]:
    return [word for word in text.split() if not word.startswith("{")]
