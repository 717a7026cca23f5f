from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from gettext import NullTranslations
from html.parser import HTMLParser

import msgspec
import pytest
from babel.messages.pofile import read_po
from jinja2 import nodes

from fmaudit.reporting import catalogues, html
from fmaudit.reporting.language import Language
from fmaudit.types import Coverage

FOLDER = catalogues.folder()
FILES = sorted(FOLDER.glob("*.po"))
TEMPLATES = sorted((FOLDER.parent / "templates").rglob("*.jinja"))

PLACES = re.compile(r"%\((\w+)\)s")
TAGS = re.compile(r"</?\w+[^>]*>")
SEEN = ("aria-label", "title", "alt", "placeholder")
UNREAD = {"code", "script", "style", "pre"}
ANCHORS = {"start", "middle", "end"}  # of a text in a drawing: code that a macro hands on
VOID = {"br", "col", "hr", "img", "input", "link", "meta", "wbr"}


@pytest.fixture(scope="module")
def said():
    return catalogues.gathered()


def strings(message):
    return message.string if isinstance(message.string, tuple) else (message.string,)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_sentence_is_translated(path, said):
    with path.open("rb") as stream:
        found = read_po(stream)
    wanted = {message.id for message in said if message.id}
    known = {message.id: message for message in found if message.id}
    assert sorted(map(str, wanted - set(known))) == [], "run `make messages`, and translate"
    assert sorted(map(str, set(known) - wanted)) == [], "run `make messages`"
    assert [id for id, m in known.items() if m.fuzzy or not all(strings(m))] == []
    assert not found.obsolete


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_translation_holds_what_its_sentence_holds(path):
    """The same values, the same tags, and `%%` where the sentence is a template."""
    with path.open("rb") as stream:
        found = read_po(stream)
    for message in found:
        if not message.id:
            continue
        many = message.id if isinstance(message.id, str) else message.id[1]
        for text in filter(None, strings(message)):
            assert set(PLACES.findall(text)) == set(PLACES.findall(many)), many
            assert sorted(TAGS.findall(text)) == sorted(TAGS.findall(many)), many
            values = {name: "x" for name in PLACES.findall(many)}
            if values or "%%" in many:
                assert "%" not in (text.replace("%%", "") % values), many
            assert text.strip() == text or many.strip() != many, many


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_no_translation_claims_more(path):
    """No word of compliance, certification or safety as a result."""
    text = path.read_text(encoding="utf-8")
    assert not re.search("合规|合乎法律|安全可靠|保证安全", text)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_catalogue_is_brought_up_to_date_once(path, tmp_path):
    copy = tmp_path / path.name
    shutil.copy(path, copy)
    assert catalogues.update(copy) == []
    lines = (
        [x for x in p.read_text("utf-8").splitlines() if "Generated-By" not in x]
        for p in (copy, path)
    )
    assert next(lines) == next(lines)


def test_bringing_up_to_date_keeps_drops_and_names(tmp_path):
    copy = tmp_path / "zh.po"
    text = FILES[0].read_text(encoding="utf-8")
    text = text.replace('msgid "Accuracy"\nmsgstr "准确率"', 'msgid "Accuracy"\nmsgstr ""')
    copy.write_text(text + '\nmsgid "Said no longer."\nmsgstr "旧"\n', encoding="utf-8")
    assert "Accuracy" in catalogues.update(copy)
    assert "Said no longer" not in copy.read_text(encoding="utf-8")
    assert "召回率" in copy.read_text(encoding="utf-8")


def test_an_empty_file_becomes_a_catalogue(tmp_path, said):
    path = tmp_path / "de.po"
    path.touch()
    assert len(catalogues.update(path)) == len([m for m in said if m.id])
    with path.open("rb") as stream:
        found = read_po(stream)
    assert (found.locale_identifier, found.num_plurals) == ("de", 2)


def test_a_sentence_must_stand_where_it_is_said():
    with pytest.raises(TypeError, match="a.py:3: a sentence is not written"):
        catalogues._sentence((None,), "a.py:3")


# ── nothing is said past the catalogues ──────────────────────────────────────────────────


class Words(HTMLParser):
    """Letters that a reader sees or hears, outside code and what is marked as foreign."""

    def __init__(self, foreign=()):
        super().__init__()
        self.open: list[tuple[str, bool]] = []
        self.found: list[str] = []
        self.foreign = foreign

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.found += [str(given[name]) for name in SEEN if name in given]
        hidden = tag in UNREAD or tag in self.foreign or given.get("lang") == "en"
        if tag not in VOID:
            self.open.append((tag, hidden))

    def handle_startendtag(self, tag, attrs):
        self.found += [str(dict(attrs)[name]) for name in SEEN if name in dict(attrs)]

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not any(hidden for _, hidden in self.open):
            self.found.append(data)


def words(page: str, foreign=()) -> set[str]:
    reader = Words(foreign)
    reader.feed(page)
    return {word for text in reader.found for word in re.findall(r"[A-Za-z]{2,}", text)}


def bare(node: nodes.Node) -> Iterator[str]:
    """A template's own text, with a sign for each value and the words that one may stand for."""
    if isinstance(node, nodes.Output):
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                yield part.data
            else:
                yield " ".join(constants(part)) or "\ufffc"
        return
    for name in ("body", "elif_", "else_"):
        for inner in getattr(node, name, None) or ():
            yield from bare(inner)


def constants(node: nodes.Node) -> Iterator[str]:
    """Texts that an expression may come out as; those of a function are the function's."""
    if isinstance(node, nodes.Const):
        yield str(node.value)
    elif isinstance(node, nodes.CondExpr):
        yield from (text for n in (node.expr1, node.expr2) if n for text in constants(n))
    elif isinstance(node, nodes.BinExpr):
        yield from (*constants(node.left), *constants(node.right))
    elif isinstance(node, nodes.Concat):
        yield from (text for inner in node.nodes for text in constants(inner))
    elif isinstance(node, nodes.Filter) and node.node is not None:
        yield from constants(node.node)
        yield from (text for inner in node.args for text in constants(inner))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_a_template_has_no_words_of_its_own(path):
    parsed = html.environment(path.parent, Language()).parse(path.read_text(encoding="utf-8"))
    assert words("".join(bare(parsed))) - ANCHORS == set()


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Plain</p>", {"Plain"}),
        ('<p aria-label="Heard">{{ x }}</p>', {"Heard"}),
        ('{{ x or "none" }}', {"none"}),
        ("{{ 'one' if x else 'two' }}", {"one", "two"}),
        ('<p class="{{ "word" }}">{{ _("Said") }}{% trans %}Too{% endtrans %}</p>', set()),
        ("<code>run</code>{% if x %}<i>Seen</i>{% endif %}", {"Seen"}),
    ],
)
def test_what_is_called_a_word(template, found, tmp_path):
    assert words("".join(bare(html.environment(tmp_path, Language()).parse(template)))) == found


class Marked(NullTranslations):
    """A language without Latin letters: each known sentence keeps its values and tags alone."""

    def __init__(self, known):
        super().__init__()
        self.known = known

    def gettext(self, message):
        if message not in self.known:
            return message
        kept = [m.group() for m in re.finditer(f"{PLACES.pattern}|{TAGS.pattern}|%%", message)]
        return "§" + " ".join(kept)

    def ngettext(self, one, many, n):
        return self.gettext(many)


def test_a_page_in_another_language_leaves_no_word_of_english(record, said, monkeypatch):
    """But what the record says in its own words, names of the data, and code."""
    known = {text for m in said if m.id for text in ((m.id,) if isinstance(m.id, str) else m.id)}
    other = Language("xx", Marked(known))
    monkeypatch.setattr(html, "language", lambda code: other)
    broken = Coverage("bias.other", "bias", "error", "it broke")
    record = msgspec.structs.replace(record, coverage=(*record.coverage, broken))
    page = html.render(record, lang="xx")
    assert 'lang="xx"' in page
    left = words(page, foreign={"bdi", "time", "data"}) - values(record)
    assert sorted(left) == []


def values(record) -> set[str]:
    """Words that the record's values hold, and units: they stay as they are."""

    def texts(value) -> Iterator[str]:
        if isinstance(value, dict):
            for name in value:
                yield from texts(value[name])
        elif isinstance(value, list | tuple):
            for inner in value:
                yield from texts(inner)
        elif isinstance(value, str):
            yield value

    own = [f.slice for f in record.findings] + [list(f.slice) for f in record.findings]
    cards = [{k: v for k, v in card.items() if k != "params"} for card in record.probes.values()]
    titles = [shown.title for shown in record.exhibits]
    held = (titles, record.model, record.data, record.audit, record.environment, own, cards)
    names = [
        *record.environment["packages"],
        *record.model["libraries"],
        *record.probes,
        *record.data["dropped"],
        "GiB",
    ]
    return {word for text in (*texts(held), *names) for word in re.findall(r"[A-Za-z]{2,}", text)}
