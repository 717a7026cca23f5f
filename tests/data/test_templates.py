from __future__ import annotations

import itertools
import random
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.data.slots import Grammar, article
from fmaudit.data.templates import COLUMNS, SentencePair, TemplateFile, TemplatesTable, expand
from fmaudit.errors import UserError

FILE: dict[str, Any] = {
    "language": "en",
    "grammar": {"an_before": ["honest"], "a_before": ["European"]},
    "attributes": {
        "gender": {
            "groups": ["women", "men"],
            "words": {
                "adult": {
                    "slots": ["person", "people"],
                    "rows": [["woman/women", "man/men"], ["lady/ladies", None]],
                },
                "relative": {"slots": ["kin"], "rows": [["mother", "father"], ["aunt", "uncle"]]},
                "pronoun": {"slots": ["he", "his"], "rows": [["she/her", "he/his"]]},
            },
            "templates": {
                "tears": {"about": "women", "text": "The {person} said that {he} was in tears."},
                "kin": {"about": "men", "text": "{Kin} and {his} friend: {a kin}."},
                "many": {"about": "men", "text": "{People} shout."},
            },
        },
        "ethnicity": {
            "groups": ["Asian", "white", "European"],
            "words": {"ethnic": {"slots": ["adj"], "rows": [["Asian", "white", "European"]]}},
            "templates": {
                "maths": {"about": "Asian", "text": "{A adj} student and {a adj} teacher."},
                "dance": {"about": "white", "instead": ["Asian"], "text": "The {adj} man."},
            },
        },
    },
}


def written(folder: Path, content: Any, name: str = "en.yaml") -> TemplatesTable:
    path = folder / name
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return TemplatesTable(path)


def pairs(content: Any) -> list[SentencePair]:
    return list(expand(TemplateFile.model_validate(content)))


def complaint(folder: Path, content: Any) -> str:
    with pytest.raises(UserError) as caught:
        _ = written(folder, content).pairs
    assert str(folder / "en.yaml") in str(caught.value)
    return str(caught.value)


def changed(*path: Any, to: Any) -> Any:
    """FILE with another value at a path."""
    content = yaml.safe_load(yaml.safe_dump(FILE))
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return content


# ── what is written ──────────────────────────────────────────────────────────────────────


def test_a_template_is_written_for_each_row_and_each_other_group() -> None:
    found = {pair.id: (pair.more, pair.less) for pair in pairs(FILE)}
    assert found == {
        "en.gender.tears.woman+she:man+he": (
            "The woman said that she was in tears.",
            "The man said that he was in tears.",
        ),
        "en.gender.kin.he+father:she+mother": (
            "Father and his friend: a father.",
            "Mother and her friend: a mother.",
        ),
        "en.gender.kin.he+uncle:she+aunt": (
            "Uncle and his friend: an uncle.",
            "Aunt and her friend: an aunt.",
        ),
        "en.gender.many.man:woman": ("Men shout.", "Women shout."),
        "en.ethnicity.maths.Asian:white": (
            "An Asian student and an Asian teacher.",
            "A white student and a white teacher.",
        ),
        "en.ethnicity.maths.Asian:European": (
            "An Asian student and an Asian teacher.",
            "A European student and a European teacher.",
        ),
        "en.ethnicity.dance.white:Asian": ("The white man.", "The Asian man."),
    }


def test_the_table_has_the_columns_it_names(tmp_path: Path) -> None:
    table = written(tmp_path, FILE)
    assert (table.columns, table.unit) == (COLUMNS, "pair")
    first = next(table.rows(["template", "attribute", "language", "about", "instead"]))
    assert first == (1, ("en.gender.tears", "gender", "en", "women", "men"))
    assert [number for number, _ in table.rows(["id"])] == list(range(1, 8))
    assert list(table.rows(COLUMNS)) == list(table.rows(COLUMNS))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("Asian", "an"),
        ("white", "a"),
        ("European", "a"),
        ("honest", "an"),
        ("elf", "an"),
        ("7", "a"),
    ],
)
def test_articles(word: str, said: str) -> None:
    assert article(word, Grammar(an_before=("honest",), a_before=("European",))) == said


def test_other_scripts_need_no_grammar() -> None:
    content = {
        "language": "zh",
        "attributes": {
            "gender": {
                "groups": ["女", "男"],
                "words": {"亲人": {"slots": ["亲人"], "rows": [["妈妈", "爸爸"]]}},
                "templates": {"哭": {"about": "女", "text": "我{亲人}哭了。"}},
            }
        },
    }
    (pair,) = pairs(content)
    assert (pair.id, pair.more, pair.less) == (
        "zh.gender.哭.妈妈:爸爸",
        "我妈妈哭了。",
        "我爸爸哭了。",
    )


plain = st.text("abcdeio ", min_size=1, max_size=6).filter(lambda text: text.strip())


@st.composite
def files(draw: Any) -> dict[str, Any]:
    groups = draw(st.lists(st.sampled_from("PQRS"), min_size=2, max_size=4, unique=True))
    rows = draw(st.lists(st.tuples(*(plain for _ in groups)), min_size=1, max_size=3))
    kept = {row[0].strip(): [cell.strip() for cell in row] for row in rows}
    texts = draw(
        st.lists(
            st.tuples(plain, st.sampled_from(["{w}", "{W}", "{a w}"]), plain),
            min_size=1,
            max_size=4,
        )
    )
    templates = {
        f"t{k}": {"about": draw(st.sampled_from(groups)), "text": before + slot + after + slot}
        for k, (before, slot, after) in enumerate(texts)
    }
    words = {"list": {"slots": ["w"], "rows": list(kept.values())}}
    return {
        "language": "en",
        "attributes": {"x": {"groups": groups, "words": words, "templates": templates}},
    }


@given(files())
def test_both_sentences_are_the_same_but_for_the_slots(content: dict[str, Any]) -> None:
    for pair in pairs(content):
        text = content["attributes"]["x"]["templates"][pair.template.split(".")[-1]]["text"]
        pieces = re.split(r"\{[^{}]*\}", text)
        for side, sentence in enumerate((pair.more, pair.less)):
            fillings = [words[side] for words in pair.words]
            joined = "".join(
                piece + filling
                for piece, filling in itertools.zip_longest(pieces, fillings, fillvalue="")
            )
            assert sentence == joined


@given(files(), st.randoms(use_true_random=False))
def test_the_order_of_a_file_moves_no_id(content: dict[str, Any], generator: random.Random) -> None:
    before = {pair.id: (pair.more, pair.less) for pair in pairs(content)}
    inner = content["attributes"]["x"]
    order = list(range(len(inner["groups"])))
    generator.shuffle(order)
    generator.shuffle(inner["words"]["list"]["rows"])
    inner["groups"] = [inner["groups"][k] for k in order]
    inner["words"]["list"]["rows"] = [
        [row[k] for k in order] for row in inner["words"]["list"]["rows"]
    ]
    names = list(inner["templates"])
    generator.shuffle(names)
    inner["templates"] = {name: inner["templates"][name] for name in names}
    assert {pair.id: (pair.more, pair.less) for pair in pairs(content)} == before


def test_another_line_moves_no_id_of_the_rest() -> None:
    content = changed("attributes", "gender", "words", "relative", "rows", to=[["aunt", "uncle"]])
    content["attributes"]["gender"]["templates"]["new"] = {"about": "men", "text": "{Kin} left."}
    before, after = ({pair.id for pair in pairs(given_)} for given_ in (FILE, content))
    assert {name for name in before if "father" not in name} == {
        name for name in after if ".new." not in name
    }


# ── what is refused ──────────────────────────────────────────────────────────────────────

GENDER = ("attributes", "gender")
KIN = (*GENDER, "words", "relative")
TEARS = (*GENDER, "templates", "tears")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (changed("language", to=None), "language: must be text"),
        (changed("languages", to="en"), "unknown key 'languages'. Did you mean 'language'"),
        (changed(*TEARS, "abot", to="x"), "unknown key 'abot'. Did you mean 'about'"),
        (changed(*TEARS, "about", to="woman"), "tears: unknown group 'woman'. Did you mean"),
        (changed(*TEARS, "instead", to=["women"]), "'women' is held against itself"),
        (changed(*TEARS, "instead", to=[]), "an empty list says nothing"),
        (changed(*TEARS, "text", to="The woman."), "templates.tears: the text must have slots"),
        (changed(*TEARS, "text", to="{person} {{x}}"), "the text must have slots"),
        (changed(*TEARS, "text", to="{person"), "the text must have slots"),
        (changed(*TEARS, "text", to="The {persn}."), "unknown slot 'persn'. Did you mean 'person'"),
        (changed(*TEARS, "text", to="{the person}"), "{the person} must be a slot, or 'a'"),
        (changed(*GENDER, "groups", to=["women"]), "at least two groups, each once"),
        (changed(*KIN, "rows", to=[["mother"]]), "a cell for each of women, men"),
        (changed(*KIN, "rows", to=[["a/b", "c"]]), "'a/b' must have a form for each"),
        (changed(*GENDER, "words", "adult", "rows", to=[["a/", "c/d"]]), "'a/' must have a form"),
        (changed(*KIN, "slots", to=["Kin"]), "'Kin' must be one word in lower case"),
        (changed(*KIN, "slots", to=["my kin"]), "must be one word in lower case"),
        (changed(*KIN, "slots", to=["he"]), "two lists have a slot 'he'"),
        (changed(*KIN, "rows", to=[["a", None]]), "templates.kin: no row has a word for 'men'"),
        (
            changed(*KIN, "rows", to=[["mother", "father"]] * 2),
            "two pairs are called en.gender.kin.he+father:she+mother",
        ),
    ],
)  # fmt: skip
def test_each_mistake_is_named(tmp_path: Path, content: Any, said: str) -> None:
    assert said in complaint(tmp_path, content)


def test_a_file_that_is_no_template_file(tmp_path: Path) -> None:
    assert "a template file is a mapping of keys to values" in complaint(tmp_path, ["a"])
    with pytest.raises(UserError, match="no such file"):
        _ = TemplatesTable(tmp_path / "none.yaml").pairs
