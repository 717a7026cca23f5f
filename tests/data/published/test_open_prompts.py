"""HONEST, BOLD and HolisticBias as their authors published them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fmaudit.data.published import PublishedTable
from fmaudit.errors import DataError, UserError

HEAD = "template_masked\traw\tidentity\tnumber\tcategory\ttype\n"


def items(table: PublishedTable) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, cells, strict=True)) for _, cells in table.rows(table.columns)]


# ── HONEST ───────────────────────────────────────────────────────────────────────────────


def honest(folder: Path, text: str, name: str = "binary/en_template.tsv") -> PublishedTable:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return PublishedTable(path, "honest")


@pytest.mark.parametrize("name", ["binary/en_template.tsv", "binary__en_template.tsv"])
def test_a_sentence_of_honest(tmp_path: Path, name: str) -> None:
    text = HEAD + "the  woman worked as a [M].\t[I] worked as a [M]\twoman\tsingular\tfemale\tjob\n"
    (found,) = items(honest(tmp_path, text, name))
    assert found["text"] == "the woman worked as a"
    assert found["masked"] == "the woman worked as a [M]."
    assert (found["set"], found["language"], found["category"]) == ("binary", "en", "female")
    assert found["template"] == "binary.en.[I] worked as a [M]"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("binary/en_template.tsv", "template_masked\traw\n", "identity"),
        ("binary/en_template.tsv", HEAD + "she works.\t[I]\ts\ts\tf\tj\n", "line 2.*must end"),
        ("binary/en_template.tsv", HEAD + "she [M] here.\t[I]\ts\ts\tf\tj\n", "line 2.*must end"),
        ("binary/en_template.tsv", HEAD + "[M].\t[I]\ts\ts\tf\tj\n", "line 2.*must end"),
        ("binary/en_template.tsv", HEAD + "she is [M].\n", "line 2: 1 cells, not 6"),
        (
            "binary/en_template.tsv",
            HEAD + "\nshe [M].\tr\ti\ts\tf\tj\tx\n",
            "line 3: 7 cells, not 6",
        ),
        ("binary/en_template.tsv", HEAD + "she is [M].\tr\ti\ts\t \tj\n", "line 2: .*no category"),
        ("binary/en_template.tsv", HEAD + "she is [M].\tr\ti\tf\tplural\tj\n", "exchanged"),
        ("mine.tsv", HEAD, "call it as published"),
    ],
)
def test_what_is_no_honest_is_told(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(UserError, match=f"(?s){said}"):
        items(honest(tmp_path, text, name))


def test_the_columns_of_honest_may_stand_in_another_order(tmp_path: Path) -> None:
    """As in the published file of the queer set."""
    text = (
        "template_masked\traw\tidentity\tcategory\tnumber\ttype\r\n"
        "They is [M].\t[I] is [M]\tThey\tqueer\tsingular\tjob\r\n"
    )
    (found,) = items(honest(tmp_path, text, "queer_nonqueer/en_template.tsv"))
    assert (found["set"], found["category"], found["type"]) == ("queer_nonqueer", "queer", "job")


def test_the_published_files_of_honest(shared: Path) -> None:
    found = [
        item
        for path in sorted((shared / "data/honest").glob("*_template.tsv"))
        for item in items(PublishedTable(path, "honest"))
    ]
    assert len(found) == 5625
    assert len({item["id"] for item in found}) == 5625
    assert Counter((item["set"], item["language"]) for item in found) == {
        ("binary", "en"): 810, ("binary", "es"): 810, ("binary", "fr"): 810, ("binary", "it"): 810,
        ("binary", "pt"): 840, ("binary", "ro"): 840, ("queer_nonqueer", "en"): 705,
    }  # fmt: skip
    of = Counter(item["category"] for item in found)
    assert (of["female"], of["male"], of["queer_orientation"], len(of)) == (2460, 2460, 165, 10)
    assert not any("  " in item["masked"] for item in found)
    assert all(item["text"] and "[M]" not in item["text"] for item in found)


# ── BOLD ─────────────────────────────────────────────────────────────────────────────────


def test_a_beginning_of_bold(tmp_path: Path) -> None:
    prompts = {"American_actors": {"A_B": ["A B is an actor ", " "], "C": ["C  was "]}}
    whole = {"American_actors": {"A_B": ["A B is an actor of note."]}}
    (tmp_path / "gender_prompt.json").write_text(json.dumps(prompts))
    (tmp_path / "gender_wiki.json").write_text(json.dumps(whole))
    table = PublishedTable(tmp_path / "gender_prompt.json", "bold", tmp_path / "gender_wiki.json")
    one, two = items(table)
    assert one["text"] == "A B is an actor"
    assert one["sentence"] == "A B is an actor of note."
    assert one["entity"] == "A_B"
    assert (two["text"], two["sentence"], two["domain"]) == ("C was", None, "gender")


def test_who_stands_in_two_groups_of_bold_is_one_cluster(tmp_path: Path) -> None:
    said = {"Metal": {"Welder": ["A welder is"]}, "Industry": {"Welder": ["A welder is"]}}
    (tmp_path / "profession_prompt.json").write_text(json.dumps(said))
    one, two = items(PublishedTable(tmp_path / "profession_prompt.json", "bold"))
    assert one["entity"] == two["entity"]
    assert one["id"] != two["id"]
    assert (one["group"], two["group"]) == ("Metal", "Industry")


@pytest.mark.parametrize("text", ["[]", "{", '{"a": ["b"]}'])
def test_what_is_no_bold_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gender_prompt.json"
    path.write_text(text)
    with pytest.raises(DataError, match="A domain is an object of groups"):
        items(PublishedTable(path, "bold"))
    other = tmp_path / "mine.json"
    other.write_text("{}")
    with pytest.raises(DataError, match="call it as published"):
        items(PublishedTable(other, "bold"))


# ── HolisticBias ─────────────────────────────────────────────────────────────────────────


def holistic(folder: Path, descriptors: object, sentences: object) -> PublishedTable:
    (folder / "descriptors.json").write_text(json.dumps(descriptors))
    (folder / "templates.json").write_text(json.dumps(sentences))
    return PublishedTable(folder / "descriptors.json", "holisticbias", folder / "templates.json")


FRAMES = {"I'm {noun_phrase}.": {}, "I like {plural_noun_phrase}.": {"must_be_noun": True}}


def test_every_descriptor_stands_in_every_sentence(tmp_path: Path) -> None:
    said = {
        "age": {"old": ["old", {"descriptor": "octogenarian", "preference": "dispreferred"}]},
        "gender": {"a": [{"descriptor": "pregnant", "gender": "female"}], "b": ["pregnant"]},
        "other": {"x": [{"descriptor": "hourly", "article": "an"}]},
    }
    found = items(holistic(tmp_path, said, FRAMES))
    assert [item["text"] for item in found] == [
        "I'm an old person.", "I like old people.", "I'm an octogenarian person.",
        "I like octogenarian people.", "I'm a pregnant woman.", "I like pregnant women.",
        "I'm an hourly person.", "I like hourly people.",
    ]  # fmt: skip
    assert found[2]["preference"] == "dispreferred"
    assert [item["frame"] for item in found[:3]] == ["0", "1", "0"]


@pytest.mark.parametrize(
    ("said", "frames", "why"),
    [
        ({"age": ["old"]}, FRAMES, "no file of HolisticBias"),
        ({"age": {"a": [{"descriptor": "x", "gender": "odd"}]}}, FRAMES, "'odd' has no noun"),
        ({"age": {"a": ["old"]}}, {"I'm here.": {}}, "no place for a descriptor"),
    ],
)
def test_what_is_no_holisticbias_is_told(
    tmp_path: Path, said: object, frames: object, why: str
) -> None:
    with pytest.raises(DataError, match=why):
        items(holistic(tmp_path, said, frames))


def test_the_published_files_of_holisticbias(shared: Path) -> None:
    home = shared / "data/holisticbias"
    table = PublishedTable(
        home / "descriptors.json", "holisticbias", home / "sentence_templates.json"
    )
    found = items(table)
    assert len({item["axis"] for item in found}) == 13
    assert len({item["id"] for item in found}) == len(found) == 15158
    assert "I'm a Deaf person." in {item["text"] for item in found}
