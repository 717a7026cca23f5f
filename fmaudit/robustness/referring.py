"""Options that speak of the other options: what `datasets/prompt_formats/referring.yaml` lists.

"All of the above" means something else, or nothing, where it stands first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from msgspec import Struct

LABEL = "{label}"


class Referring(Struct, frozen=True, forbid_unknown_fields=True):
    """The phrases.

    `whole`: options that say nothing else. `within`: what may stand anywhere in an option.
    {label} in a phrase stands for any of `labels`. Case, width, spaces and the punctuation around
    an option do not count.
    """

    labels: tuple[str, ...]
    whole: tuple[str, ...]
    within: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check what types cannot. Raises ValueError that names the list and the entry."""
        for key in ("labels", "whole", "within"):
            listed: tuple[str, ...] = getattr(self, key)
            if not listed:
                raise ValueError(f"{key}: one entry at the least")
            for entry in listed:
                if not _plain(entry) or re.search("[{}]", entry.replace(LABEL, "")):
                    raise ValueError(f"{key}: {entry!r}: words, and no braces but those of {LABEL}")

    def in_any(self, options: Iterable[str]) -> bool:
        """Whether one of the options speaks of the others."""
        pattern = _pattern(self)
        return any(pattern.search(_plain(option)) for option in options)


@cache
def _pattern(listed: Referring) -> re.Pattern[str]:
    """What a plain option is searched for. A phrase ends where a word of letters does."""
    labels = "|".join(re.escape(_plain(label)) for label in listed.labels)
    slot = rf"\(?(?:{labels})\)?"

    def phrases(found: Iterable[str]) -> str:
        pieces = (map(re.escape, map(_folded, phrase.split(LABEL))) for phrase in found)
        return "|".join(slot.join(parts) for parts in pieces)

    # Only letters and digits of the Latin script hang together as words; Chinese has no spaces.
    inside = rf"(?<![a-z0-9])(?:{phrases(listed.within)})(?![a-z0-9])"
    return re.compile(rf"^(?:{phrases(listed.whole)})$|{inside}")


def _folded(text: str) -> str:
    """Without differences of case and width, with one space for several."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).casefold())


def _plain(text: str) -> str:
    """Folded, without the punctuation and spaces around it."""
    return _folded(text).strip(" .,;:!?。、()'\"“”‘’")
