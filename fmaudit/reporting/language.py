"""The languages of a report: English as it is written here, others by a catalogue.

    reports/locales/<code>.po       gettext, read as it is; nothing is compiled

A sentence is written in English where it is said, `say("%(n)s cases", n=12)`, and looked up there.
What a catalogue does not have stays English. Every sentence is a template for `%`, so that a
percent sign of its own is doubled. `catalogues` gathers the sentences and keeps the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any

from fmaudit.catalog import roots
from fmaudit.errors import UnknownName

ENGLISH = "en"
TAGS = {"zh": "zh-Hans"}
"""What a page says of its language (BCP 47), where that is more than the catalogue's name."""


def noted(text: str) -> str:
    """The text as it is: marks a sentence that is looked up elsewhere, for the catalogues."""
    return text


@dataclass(frozen=True)
class Language:
    """A language to write in. Called with a sentence and its values, it says it."""

    code: str = ENGLISH
    messages: NullTranslations = field(default_factory=NullTranslations)

    @property
    def tag(self) -> str:
        """What the page says of its language."""
        return TAGS.get(self.code, self.code)

    def __call__(self, text: str, /, **values: Any) -> str:
        """The sentence with its values filled in."""
        return self.messages.gettext(text) % values

    def plural(self, one: str, many: str, n: int, /, **values: Any) -> str:
        """The sentence for n things; `%(n)s` stands for n, unless `values` writes it otherwise."""
        return self.messages.ngettext(one, many, n) % {"n": n, **values}

    def content(self, text: str) -> str:
        """A card's sentence, which is no template and may be anybody's."""
        return self.messages.gettext(text) if text else text

    def knows(self, text: str) -> bool:
        """Whether the text stands in this language: English, or found in the catalogue."""
        return self.code == ENGLISH or self.messages.gettext(text) != text

    def recorded(self, text: str) -> str:
        """A sentence that the record holds in English: said anew where its shape is known.

        The shapes are those of `reasons.SHAPES`; what fits none comes back as it is.
        """
        if self.code == ENGLISH or not text or self.knows(text):
            return self.content(text)
        for shape, pattern in _shapes():
            if found := pattern.fullmatch(text):
                return self(shape, **{k: self.recorded(v) for k, v in found.groupdict().items()})
        return text

    def listed(self, parts: Iterable[str]) -> str:
        """Things in a row, "a, b"."""
        return self(", ").join(parts)

    def joined(self, sentences: Iterable[str]) -> str:
        """Sentences one after the other; a full stop as wide as a letter needs no space."""
        said = ""
        for sentence in sentences:
            said += sentence if not said or said.endswith("。") else f" {sentence}"
        return said


PLAIN = Language()
"""English, as sentences are written here."""


def language(code: str) -> Language:
    """A language by its code.

    Raises:
        UnknownName: there is no catalogue of it.
    """
    if code == ENGLISH:
        return Language()
    known = {
        path.stem: path for root in roots() for path in (root / "reports" / "locales").glob("*.po")
    }
    if code not in known:
        raise UnknownName("language", code, [ENGLISH, *known], "--lang")
    return Language(code, _read(known[code]))


@cache
def _read(path: Path) -> NullTranslations:
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    with path.open("rb") as stream:
        catalogue = read_po(stream)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


@cache
def _shapes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Each shape of a recorded sentence, with what finds it and its values."""
    from fmaudit.reporting.reasons import SHAPES

    return tuple((shape, re.compile(_pattern(shape), re.DOTALL)) for shape in SHAPES)


def _pattern(shape: str) -> str:
    """A template turned around: `%(n)s rows` finds "12 rows" with n = "12"."""
    parts = re.split(r"%\((\w+)\)s", shape)
    return "".join(
        f"(?P<{part}>.+?)" if k % 2 else re.escape(part.replace("%%", "%"))
        for k, part in enumerate(parts)
    )
