"""The report: one self-contained page of HTML, without script and without external requests.

Everything that comes from a model, a data file or a card is data: it is escaped, and its
invisible and direction-changing characters are drawn (`words.visible`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Undefined
from markupsafe import Markup

from fmaudit.catalog import roots
from fmaudit.reporting import words
from fmaudit.reporting.examples import Examples, examples
from fmaudit.reporting.record import load, put
from fmaudit.reporting.tokens import Maps, maps
from fmaudit.reporting.view import page
from fmaudit.types import VERDICTS, AuditRecord


def render(
    record: AuditRecord, shown: Sequence[Examples] = (), explained: Sequence[Maps] = ()
) -> str:
    """The page of a record; `shown` and `explained` are the texts to show."""
    folder = _content()
    style = (folder / "style" / "report.css").read_text(encoding="utf-8")
    template = _environment(folder / "templates").get_template("report.html.jinja")
    # The style sheet is the package's own: the one text that is not escaped.
    return template.render(
        page=page(record, _names()),
        record=record,
        examples=shown,
        maps=explained,
        style=Markup(style),
    )


def write_report(run: Path, *, share: bool = False) -> Path:
    """Render a run folder's report into it: `report.html`.

    With `share` no text of the data is shown, and the file is called `report-share.html`.

    Raises:
        RunFolderError: the folder holds no record that can be read.
        DiskFull: no room left; the report that stood there before stays.
    """
    record = load(run)
    text = render(record) if share else render(record, examples(run, record), maps(run, record))
    return put(run / ("report-share.html" if share else "report.html"), text.encode("utf-8"))


def _environment(templates: Path) -> Environment:
    found = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "visible": words.visible,
        "plain": words.plain,
        "count": words.count,
        "number": words.number,
        "rule": words.rule,
        "anchor": _anchor,
        "bytes": words.size,
    }
    found.globals |= {
        "VERDICTS": VERDICTS,
        "shape": words.VERDICT_SHAPES.__getitem__,
        "word": words.VERDICT_WORDS.__getitem__,
        "items": _items,
        "chosen": _chosen,
        "href": _href,
    }
    return found


def _shown(value: Any) -> Any:
    """Every value on its way into the page: none hides a character, a missing one is a dash."""
    return "—" if value is None or isinstance(value, Undefined) else words.visible(value)


def _anchor(value: str) -> str:
    """A name as an id: letters, digits, dots; everything else as its code point."""
    return "".join(
        c if c.isascii() and (c.isalnum() or c in "._-") else f"-{ord(c):x}-" for c in value
    )


def _items(value: Any, without: Sequence[str] = ()) -> list[tuple[str, Any]]:
    """A mapping's items, empty ones left out; nested ones flattened to "a, b"."""
    found: list[tuple[str, Any]] = []
    for name, inner in value.items() if isinstance(value, Mapping) else ():
        if name in without or inner is None or inner in ("", [], ()):
            continue
        if isinstance(inner, Mapping):
            found += [(f"{name}, {deeper}", v) for deeper, v in _items(inner)]
        elif isinstance(inner, bool):
            found.append((str(name), "yes" if inner else "no"))
        elif isinstance(inner, str) or not isinstance(inner, Sequence):
            found.append((str(name), inner))
        elif all(isinstance(one, Mapping) for one in inner):
            numbered = {f"{name} {k}": one for k, one in enumerate(inner, 1)}
            found += _items(numbered)
        else:
            found.append((str(name), ", ".join(map(str, inner))))
    return found


def _chosen(value: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Those of a mapping's items that are named."""
    return {name: value[name] for name in names if name in value}


def _href(source: Mapping[str, Any]) -> str | None:
    """Where a citation leads, if it is a web address."""
    doi, url = source.get("doi"), source.get("url")
    found = f"https://doi.org/{doi}" if doi else str(url or "")
    return found if found.startswith(("https://", "http://")) else None


def _names() -> words.Names:
    from fmaudit.stats.measures import MEASURES

    return words.Names(
        titles={name: measure.title for name, measure in MEASURES.items()},
        compare=frozenset(n for n, measure in MEASURES.items() if "group" in measure.columns),
    )


def _content() -> Path:
    """The folder of templates and styles: `reports/`, in the package or beside it."""
    return next(root / "reports" for root in roots() if (root / "reports").is_dir())
