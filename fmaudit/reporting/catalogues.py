"""The message catalogues: which sentences a report may say, and the files they are translated in.

    make messages       brings every reports/locales/*.po up to date and names what is missing

Sentences are gathered from where they are written: the templates, the Python of this package
(`say`, `plural`, `noted`), the cards (titles, claims, harms, limits, exhibits, columns that
figures are cut by, the titles of data sets that they bring), the measures' titles, and
`reports/locales/fields.yaml` (names of fields).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmaudit import catalog, documents
from fmaudit.reporting.html import environment
from fmaudit.reporting.language import Language
from fmaudit.reporting.words import plain

if TYPE_CHECKING:
    from babel.messages import Catalog

Sentence = str | tuple[str, str]
"""A sentence, or one for one thing and one for many."""

SPOKEN = {"say": 1, "noted": 1, "plural": 2}
"""Functions of this package that take sentences, and how many."""

TEMPLATES = {"_": 1, "gettext": 1, "say": 1, "ngettext": 2}
"""The same in templates; `{% trans %}` is read as a call of `gettext` or `ngettext`."""

CARD = ("title", "claim", "harm")


def folder() -> Path:
    """Where the catalogues lie."""
    return catalog.roots()[-1] / "reports" / "locales"


def update(path: Path) -> list[str]:
    """Bring a catalogue up to date, translations kept, and name what it does not translate.

    An empty file becomes a catalogue of the language that it is called after.

    Sentences that are said no longer are dropped; none is translated by guessing from another.
    """
    from babel.messages.pofile import read_po, write_po

    with path.open("rb") as stream:
        found = read_po(stream, locale=path.stem)  # its own header says more, where it has one
    found.update(gathered(), no_fuzzy_matching=True, update_creation_date=False)
    found.obsolete.clear()
    with path.open("wb") as stream:
        write_po(stream, found, width=100, include_lineno=False, omit_header=False)
    return [str(message.id) for message in found if message.id and not all(_strings(message))]


def gathered() -> Catalog:
    """Every sentence, with the files that say it."""
    from babel.messages import Catalog

    found = Catalog(fuzzy=False)
    for sentence, place in (*_templates(), *_python(), *_content()):
        found.add(sentence, locations=[(place, 0)])
    return found


def _strings(message: Any) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def _templates() -> Iterator[tuple[Sentence, str]]:
    from jinja2.ext import extract_from_ast

    root = catalog.roots()[-1] / "reports" / "templates"
    read = environment(root, Language())
    for path in sorted(root.rglob("*.jinja")):
        parsed = read.parse(path.read_text(encoding="utf-8"))
        for line, function, said in extract_from_ast(parsed, tuple(TEMPLATES)):
            given = said if isinstance(said, tuple) else (said,)
            yield _sentence(given[: TEMPLATES[function]], f"{path}:{line}"), _named(path)


def _python() -> Iterator[tuple[Sentence, str]]:
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not (n := SPOKEN.get(_function(node))):
                continue
            if not _looked_up(node.args[0] if node.args else None):
                given = tuple(a.value if isinstance(a, ast.Constant) else None for a in node.args)
                yield _sentence(given[:n], f"{path}:{node.lineno}"), _named(path)


def _content() -> Iterator[tuple[Sentence, str]]:
    """What cards, measures and the record's fields are called. Raises `SpecError` on a bad card."""
    from fmaudit.stats.measures import MEASURES

    for card in catalog.probes().values():
        place, measured = _named(card.file), card.file.with_suffix(".measured.json")
        cut = [name for entry in card.measures for name in (*entry.values, *entry.where.values())]
        cut += [
            plain(name)  # as a page says it, and looks it up
            for entry in card.measures
            for name in (entry.category, *entry.where)
            if name
        ]
        yield from (
            (text, place)
            for text in (
                *(getattr(card, name) for name in CARD),
                *card.limits,
                *(exhibit.title for exhibit in card.exhibits),
                *(text for e in card.exhibits for text in e.options.get("labels", {}).values()),
                *dict.fromkeys(cut),
                *([_subject(measured)] if measured.is_file() else []),
                *([catalog.dataset(card.data.card).title] if card.data.card else []),
            )
        )
    yield from ((measure.title, "fmaudit/stats/measures") for measure in MEASURES.values())
    path = folder() / "fields.yaml"
    for names in documents.read_any(path).values():
        yield from ((name, _named(path)) for name in names)


def _subject(measured: Path) -> str:
    """How the models of a measured error were made up."""
    subject: str = json.loads(measured.read_bytes())["subject"]
    return subject


def _sentence(given: tuple[Any, ...], place: str) -> Sentence:
    """The sentence of a call's first arguments. Raises `TypeError` where one is no text."""
    if not given or not all(isinstance(text, str) for text in given):
        raise TypeError(f"{place}: a sentence is not written where it is said")
    return given[0] if len(given) == 1 else (given[0], given[1])


def _looked_up(argument: ast.expr | None) -> bool:
    """Whether a sentence is one that was `noted` where it stands."""
    return isinstance(argument, ast.Name | ast.Attribute | ast.Subscript)


def _function(node: ast.Call) -> str:
    return getattr(node.func, "attr", "") or getattr(node.func, "id", "")


def _named(path: Path) -> str:
    """A file by its place in the project."""
    return str(path.relative_to(catalog.roots()[-1]))


def main() -> None:
    """Bring all catalogues up to date, and say what they lack."""
    for path in sorted(folder().glob("*.po")):
        missing = update(path)
        print(f"{path.name}: {len(missing)} not translated")
        for text in missing:
            print(f"  {text}")


if __name__ == "__main__":
    main()
