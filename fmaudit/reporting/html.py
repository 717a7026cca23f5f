"""The report: one self-contained page of HTML. It loads nothing, and can be read without script.

Everything that comes from a model, a data file or a card is data: it is escaped, and its
invisible and direction-changing characters are drawn (`words.visible`).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Undefined
from markupsafe import Markup

from fmaudit.catalog import roots
from fmaudit.errors import RunFolderError
from fmaudit.reporting import words
from fmaudit.reporting.exhibits.gallery import drawn
from fmaudit.reporting.exhibits.source import Source
from fmaudit.reporting.language import ENGLISH, Language, language
from fmaudit.reporting.record import load, put
from fmaudit.reporting.seal import check
from fmaudit.reporting.share import shareable
from fmaudit.reporting.view import page
from fmaudit.reporting.vocabulary import VERDICT_SHAPES
from fmaudit.types import VERDICTS, AuditRecord

KEPT = ("audit.json", "spec.yaml", "log.jsonl", "evidence")
"""What a run folder holds that no report may be written over."""


def render(
    record: AuditRecord,
    run: Path | None = None,
    *,
    texts: bool = True,
    lang: str = ENGLISH,
    altered: Sequence[str] = (),
) -> str:
    """The page of a record.

    `run`: the folder with its evidence; without one, what is drawn from evidence says so.
    `texts`: whether texts of the data are shown. `lang`: the page's language. `altered`: what
    is no longer as it was sealed; the page says so before all else.

    Raises:
        UnknownName: there is no catalogue of that language.
    """
    folder, say = _content(), language(lang)
    names = _names(record, say)
    style = "\n".join(
        path.read_text(encoding="utf-8") for path in sorted((folder / "style").glob("*.css"))
    )
    template = environment(folder / "templates", say).get_template("report.html.jinja")
    script = (folder / "script" / "report.js").read_text(encoding="utf-8")
    # Style sheets and script are the package's own: the only texts that are not escaped.
    return template.render(
        page=page(record, names, say),
        record=record,
        altered=altered,
        exhibits=drawn(Source(record, run, names, say, texts)),
        style=Markup(style),
        script=Markup(script),
        script_digest=_digest(script),
    )


def write_report(
    run: Path, *, share: bool = False, lang: str = ENGLISH, out: Path | None = None
) -> Path:
    """Render a run folder's report into it, `report.html`, or to the file `out`.

    With `share` no text of the data is shown, nor an error's message, which may quote one; the
    file is then called `report-share.html`. In another language than English its code stands in
    the name: `report.zh.html`.

    Raises:
        RunFolderError: the folder holds no record that can be read, `out` is a part of the record,
            or may not be written to.
        UnknownName: there is no catalogue of that language.
        DiskFull: no room left; the report that stood there before stays.
    """
    place = file_of(run, "html", share=share, lang=lang, out=out)
    return put(place, rendered(run, share=share, lang=lang).encode("utf-8"))


def rendered(run: Path, *, share: bool = False, lang: str = ENGLISH) -> str:
    """The page of a run folder, as `write_report` writes it."""
    record = load(run)
    altered = check(run, record) if record.seal else []
    shown = shareable(record, run) if share else record
    return render(shown, run, texts=not share, lang=lang, altered=altered)


def file_of(
    run: Path, suffix: str, *, share: bool = False, lang: str = ENGLISH, out: Path | None = None
) -> Path:
    """Where a report stands: in its run folder under its own name, in the folder or file `out`.

    Raises:
        RunFolderError: `out` is a part of the record.
    """
    if out is not None and any(_within(out, run / name) for name in KEPT):
        raise RunFolderError(f"{out}: belongs to the record. Name another file with --out.")
    spoken = "" if lang == ENGLISH else f".{lang}"
    name = f"{'report-share' if share else 'report'}{spoken}.{suffix}"
    if out is None:
        return run / name
    return out / name if out.is_dir() else out


def _within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def environment(templates: Path, say: Language) -> Environment:
    """What templates are read and filled in by."""
    found = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    found.policies["ext.i18n.trimmed"] = True
    found.newstyle_gettext = True  # type: ignore[attr-defined]
    found.globals |= _spoken(say)
    found.filters |= {
        "visible": words.visible,
        "plain": partial(words.named, say=say),
        "family": partial(words.family, say=say),
        "count": words.count,
        "number": words.number,
        "rule": partial(words.rule, say=say),
        "anchor": _anchor,
        "bytes": partial(words.size, say=say),
        "recorded": say.recorded,
        "css": _css,
        "cut": words.cut,
        "file": _file,
        "moment": _moment,
        "joined": say.joined,
    }
    found.globals |= {
        "VERDICTS": VERDICTS,
        "shape": VERDICT_SHAPES.__getitem__,
        "word": partial(words.verdict, say=say),
        "items": partial(_items, say=say),
        "chosen": _chosen,
        "href": _href,
    }
    return found


def _spoken(say: Language) -> dict[str, Any]:
    """What templates say sentences by. Values are escaped and drawn, the catalogue's are not."""

    def filled(text: str, values: Mapping[str, Any]) -> Markup:
        return Markup(text) % {name: _shown(value) for name, value in values.items()}

    def one(text: str, /, **values: Any) -> Markup:
        return filled(say.messages.gettext(text), values)

    def many(text: str, plural: str, n: int, /, **values: Any) -> Markup:
        return filled(say.messages.ngettext(text, plural, n), {"num": n, "n": n, **values})

    return {"_": one, "gettext": one, "ngettext": many, "say": say}


def _shown(value: Any) -> Any:
    """Every value on its way into the page: none hides a character, a missing one is a dash."""
    return "—" if value is None or isinstance(value, Undefined) else words.visible(value)


def _digest(script: str) -> str:
    """What the page's policy (CSP) knows its one script by."""
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _anchor(value: str) -> str:
    """A name as an id: letters, digits, dots; everything else as its code point."""
    return "".join(
        c if c.isascii() and (c.isalnum() or c in "._-") else f"-{ord(c):x}-" for c in value
    )


def _css(value: Any) -> Markup:
    """Text inside a string of the style sheet: all but letters and digits as code points."""
    text = "".join(
        c if c.isascii() and c.isalnum() else f"\\{ord(c):x} " for c in str(_shown(value))[:60]
    )
    return Markup(text)


def _file(source: Any) -> Any:
    """A source without the folders that its file lies in."""
    return source.rsplit("/", 1)[-1] if isinstance(source, str) and "://" not in source else source


def _moment(value: Any) -> Any:
    """An ISO 8601 time to the minute, as people write it; what is none as it is."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value
    return found.strftime("%Y-%m-%d %H:%M") + (" UTC" if found.utcoffset() == timedelta(0) else "")


def _items(value: Any, without: Sequence[str] = (), *, say: Language) -> list[tuple[str, Any]]:
    """A mapping's items, empty ones left out; nested ones flattened to "a, b"."""
    found: list[tuple[str, Any]] = []
    for name, inner in value.items() if isinstance(value, Mapping) else ():
        if name in without or inner is None or inner in ("", [], ()):
            continue
        if isinstance(inner, Mapping):
            found += [(f"{name}, {deeper}", v) for deeper, v in _items(inner, say=say)]
        elif isinstance(inner, bool):
            found.append((str(name), say("yes") if inner else say("no")))
        elif isinstance(inner, str) or not isinstance(inner, Sequence):
            found.append((str(name), inner))
        elif all(isinstance(one, Mapping) for one in inner):
            numbered = {f"{name} {k}": one for k, one in enumerate(inner, 1)}
            found += _items(numbered, say=say)
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


def _names(record: AuditRecord, say: Language) -> words.Names:
    from fmaudit.stats.measures import MEASURES

    entries = [entry for card in record.probes.values() for entry in card.get("measures", ())]
    return words.Names(
        titles={name: measure.title for name, measure in MEASURES.items()},
        units={name: measure.unit for name, measure in MEASURES.items()},
        compare=frozenset(n for n, measure in MEASURES.items() if "group" in measure.columns),
        categories=frozenset(
            name
            for entry in entries
            for name in (entry.get("category"), *entry.get("where", ()))
            if name
        ),
        say=say,
    )


def _content() -> Path:
    """The folder of templates and styles: `reports/`, in the package or beside it."""
    return next(root / "reports" for root in roots() if (root / "reports").is_dir())
