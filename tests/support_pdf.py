"""The words of a PDF that Chromium printed, page by page; no reader of PDFs at large."""

from __future__ import annotations

import re
import unicodedata
import zlib

Glyphs = dict[int, str]


def words(data: bytes) -> list[str]:
    """The text of each page, in the order in which it is drawn."""
    found = {
        int(number): body for number, body in re.findall(rb"(\d+) 0 obj\s(.*?)endobj", data, re.S)
    }
    fonts = {
        number: _glyphs(_stream(found[int(named[1])]))
        for number, body in found.items()
        if (named := re.search(rb"/ToUnicode (\d+) 0 R", body))
    }
    return [
        _drawn(_stream(found[int(contents[1])]), _fonts(body, fonts))
        for body in found.values()
        if re.search(rb"/Type /Page\b", body)
        and (contents := re.search(rb"/Contents (\d+) 0 R", body))
    ]


def _fonts(page: bytes, fonts: dict[int, Glyphs]) -> dict[bytes, Glyphs]:
    named = re.findall(rb"/(F\d+) (\d+) 0 R", page)
    return {name: fonts.get(int(number), {}) for name, number in named}


def _stream(body: bytes) -> bytes:
    found = re.search(rb"stream\r?\n(.*?)\r?\nendstream", body, re.S)
    assert found
    return zlib.decompress(found[1]) if b"FlateDecode" in body[: found.start()] else found[1]


def _glyphs(table: bytes) -> Glyphs:
    """Glyph → character, of a ToUnicode table."""
    found: Glyphs = {}
    code = rb"<([0-9A-Fa-f]+)>"
    for part in re.findall(rb"beginbfchar(.*?)endbfchar", table, re.S):
        for glyph, text in re.findall(code + rb" " + code, part):
            found[int(glyph, 16)] = bytes.fromhex(text.decode()).decode("utf-16-be")
    for part in re.findall(rb"beginbfrange(.*?)endbfrange", table, re.S):
        for low, high, text in re.findall(code + rb" " + code + rb" " + code, part):
            for k in range(int(high, 16) - int(low, 16) + 1):
                found[int(low, 16) + k] = chr(int(text, 16) + k)
    return found


def _drawn(stream: bytes, fonts: dict[bytes, Glyphs]) -> str:
    parts: list[str] = []
    glyphs: Glyphs = {}
    for font, shown, end in re.findall(
        rb"/(F\d+) [\d.]+ Tf|(<[0-9A-Fa-f]+> Tj|\[.*?\] TJ)|\b(ET)\b", stream, re.S
    ):
        if font:
            glyphs = fonts.get(font, {})
        elif end:
            parts.append(" ")
        for text in re.findall(rb"<([0-9A-Fa-f]+)>", shown):
            codes = [int(text[k : k + 4], 16) for k in range(0, len(text), 4)]
            parts += [glyphs.get(one, "") for one in codes]
    whole = unicodedata.normalize("NFKC", "".join(parts))  # a font draws "ff" as one
    return re.sub(r"\s+", " ", whole).strip()
