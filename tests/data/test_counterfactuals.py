"""Counterfactual texts and frames: what is written out, what is refused, what ships."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fmaudit import catalog
from fmaudit.data import open_cases
from fmaudit.data.counterfactuals import CounterfactualFile, CounterfactualsTable, expand
from fmaudit.data.frames import FramesTable
from fmaudit.errors import DataError, UserError
from fmaudit.spec import DataSpec

FILE: dict[str, Any] = {
    "language": "en",
    "neutral": {"day": ["Monday", "Friday"]},
    "templates": {"late": "{name} came late on {day}."},
    "attributes": {
        "names": {
            "groups": ["women", "men"],
            "words": {"name": {"slots": ["name"], "rows": [["Ann", "Tom"], ["Eve", "Bob"]]}},
        },
        "pronouns": {
            "groups": ["she", "he"],
            "words": {"pronoun": {"slots": ["she", "her"], "rows": [["she/her", "he/his"]]}},
            "templates": {"key": "On {day} {she} lost {her} key."},
        },
        "dialect": {
            "groups": ["standard", "other"],
            "texts": {"bus": {"standard": ["It is late.", "It's late."], "other": ["It late."]}},
        },
    },
}


def rows(**changes: Any) -> list[dict[str, str]]:
    return list(expand(CounterfactualFile.model_validate(copy.deepcopy(FILE) | changes), "x.yaml"))


def test_a_name_is_exchanged_with_the_other_groups_and_with_one_of_its_own() -> None:
    (row,) = (r for r in rows() if r["attribute"] == "names")
    assert (row["about"], row["instead"]) == ("women", "men")
    women, men = {"Ann": "Tom", "Eve": "Bob"}, {"Ann", "Eve"}
    name = row["text"].split()[0]
    assert row["swapped"].split()[0] == women[name]
    assert {row["control"].split()[0]} == men - {name}
    assert len({r.split(" ", 1)[1] for r in (row["text"], row["swapped"], row["control"])}) == 1
    assert row["id"] == "en.names.late.women:men"


def test_a_pronoun_has_another_neutral_word_for_its_control() -> None:
    (row,) = (r for r in rows() if r["attribute"] == "pronouns")
    day, other = re.findall("Monday|Friday", row["text"] + row["control"])
    assert day != other
    assert row["swapped"] == f"On {day} he lost his key."
    assert row["control"] == f"On {other} she lost her key."


def test_texts_that_are_written_out() -> None:
    (row,) = (r for r in rows() if r["attribute"] == "dialect")
    told = row["text"], row["swapped"], row["control"]
    assert told == ("It is late.", "It late.", "It's late.")


def test_a_line_more_changes_no_other() -> None:
    before = {r["id"]: r for r in rows()}
    after = {r["id"]: r for r in rows(templates=FILE["templates"] | {"more": "{name} is here."})}
    assert before.items() <= after.items()


def test_a_template_of_the_file_is_the_same_under_every_attribute() -> None:
    names = FILE["attributes"]["names"]
    found = rows(attributes=FILE["attributes"] | {"more": names})
    shared = {r["attribute"]: r["template"] for r in found}
    assert shared["names"] == shared["more"] == "en.late"
    assert shared["pronouns"] == "en.pronouns.key"
    assert len({r["id"] for r in found}) == len(found)


def test_a_group_whose_other_word_has_no_match_still_has_a_control() -> None:
    words = {"name": {"slots": ["name"], "rows": [["Ann", "Tom"], ["Eve", None]]}}
    (row,) = rows(attributes={"names": {"groups": ["women", "men"], "words": words}})
    assert [row[side].split()[0] for side in ("text", "swapped", "control")] == [
        "Ann", "Tom", "Eve",
    ]  # fmt: skip


def test_the_control_takes_all_forms_of_the_other_word() -> None:
    cells = [["woman/women", "man/men"], ["lady/ladies", "boy/boys"]]
    words = {"adult": {"slots": ["adult", "adults"], "rows": cells}}
    lists = {"groups": ["women", "men"], "words": words}
    (row,) = rows(attributes={"adults": lists}, templates={"t": "{Adult} among {adults}."})
    assert {row["text"], row["control"]} == {"Woman among women.", "Lady among ladies."}
    assert row["swapped"] == {"W": "Man among men.", "L": "Boy among boys."}[row["text"][0]]


def test_written_out_texts_are_drawn_among_the_pairs_that_have_a_control() -> None:
    for number in range(12):
        texts = {f"t{number}": {"a": ["One.", "Two."], "b": ["Three."], "c": ["Four."]}}
        content = {"groups": ["c", "b", "a"], "texts": texts, "pairs": 1}
        (row,) = rows(attributes={"dialect": content}, templates={})
        assert row["about"] == "a"
        assert row["instead"] in {"b", "c"}


def test_pairs_of_groups_are_drawn_by_the_templates_name() -> None:
    names = {"slots": ["name"], "rows": [list("ABCD"), list("EFGH")]}
    four = {"groups": ["a", "b", "c", "d"], "pairs": 2, "words": {"name": names}}
    found = rows(attributes={"four": four})
    assert len(found) == 2
    assert all(r["about"] < r["instead"] for r in found)


@given(st.permutations(["Ann", "Eve", "Liz"]), st.integers(0, 5))
def test_only_slots_differ(names: list[str], number: int) -> None:
    words = {"name": {"slots": ["name"], "rows": [[n, n.upper()] for n in names]}}
    attribute = {"groups": ["low", "high"], "words": words}
    found = rows(
        attributes={"names": attribute}, templates={f"t{number}": "So {name} said on {day}."}
    )
    for row in found:
        assert row["swapped"] == row["text"].replace(
            row["text"].split()[1], row["text"].split()[1].upper()
        )
        assert row["control"].split()[1] in names
        assert row["control"] != row["text"]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("templates", "late"), "{nmae} came.", "nmae.*name"),
        (("templates", "late"), "He came.", "must have slots"),
        (("attributes", "names", "groups"), ["women", "women"], "each group once"),
        (("attributes", "names", "words", "name", "rows"), [["Ann"]], "a cell for each"),
        (("attributes", "dialect", "texts", "bus"), {"standard": ["It is."]}, "two groups"),
        (
            ("attributes", "dialect", "texts", "bus"),
            {"othr": ["a", "b"], "other": ["c"]},
            "othr.*other",
        ),
        (("attributes", "dialect", "texts", "bus", "other"), ["{he} late"], "written out whole"),
        (("attributes", "dialect", "texts", "bus", "other"), ["It is late."], "like the text"),
        (("attributes", "dialect", "texts", "bus", "standard"), ["No.", "No."], "control reads"),
        (
            ("attributes", "pronouns", "templates", "key"),
            "On {day} it rained.",
            "slots are neutral",
        ),
        (("attributes", "pronouns", "templates", "bus"), "{She} left.", "second word"),
        (("attributes", "names", "words", "name", "slots"), ["day"], "two lists.*'day'"),
        (("attributes", "names", "words", "name", "rows"), [["Ann", None]], "a word for 'women'"),
        (
            ("attributes", "names", "texts"),
            {"late": {"women": ["a", "b"], "men": ["c"]}},
            "name too",
        ),
        (("templates", "both"), "{name} met {her} on {day}.", "no attribute has words for all"),
        (("templates", "rain"), "On {day} it rained.", "no attribute has words for all"),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, path: tuple[str, ...], value: Any, said: str
) -> None:
    changed = copy.deepcopy(FILE)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(changed))
    with pytest.raises(UserError, match=f"(?s){said}"):
        _ = CounterfactualsTable(tmp_path / "x.yaml").texts


def test_a_sentence_without_a_control_is_refused() -> None:
    lone = {"groups": ["she", "he"], "words": FILE["attributes"]["pronouns"]["words"],
            "templates": {"key": "So {she} lost {her} key."}}  # fmt: skip
    with pytest.raises(DataError, match="Give 'she' a second word, or put a slot of `neutral`"):
        rows(attributes={"pronouns": lone}, templates={})


# ── what ships ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["counterfactual_statements", "counterfactual_prompts", "group_prompts", "descriptors"]
)
def test_the_cards_numbers_are_the_files(name: str) -> None:
    source = open_cases(DataSpec(card=name))
    rows_ = sum(len(part) for part in source.chunks(512))
    assert f"{rows_:,}" in catalog.dataset(name).description
    assert rows_ == source.survey.rows


# ── frames ───────────────────────────────────────────────────────────────────────────────


def frames(folder: Path, **changes: Any) -> FramesTable:
    file: dict[str, Any] = {
        "language": "en",
        "slots": ["person", "people"],
        "attributes": {"age": {"old": "an old man/old men", "young": "a boy/boys"},
                       "body": {"tall": "a tall man/tall men", "short": "a short man/short men"}},
        "frames": {"bus": "{Person} took the bus.", "many": "There were {people}."},
    }  # fmt: skip
    (folder / "x.yaml").write_text(yaml.safe_dump(file | changes))
    return FramesTable(folder / "x.yaml")


def test_every_frame_is_written_for_every_group(tmp_path: Path) -> None:
    found = frames(tmp_path).sentences
    assert [r["text"] for r in found[:4]] == [
        "An old man took the bus.", "A boy took the bus.", "There were old men.",
        "There were boys.",
    ]  # fmt: skip
    assert len(found) == 8
    assert found[0]["template"] == "en.age.bus"
    assert found[0]["frame"] == found[4]["frame"] == "en.bus"


def test_a_frame_of_some_attributes_alone(tmp_path: Path) -> None:
    found = frames(tmp_path, only={"bus": ["age"]}).sentences
    assert {r["attribute"] for r in found if r["frame"] == "en.bus"} == {"age"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attributes": {"age": {"old": "an old man/old men"}}}, "at least two groups"),
        ({"attributes": {"age": {"old": "an old man", "young": "a/b"}}}, "a form for each"),
        ({"frames": {"bus": "{Persn} came."}}, "persn.*person"),
        ({"only": {"buss": ["age"]}}, "buss.*bus"),
        ({"only": {"bus": ["agee"]}}, "agee.*age"),
    ],
)
def test_what_is_wrong_with_frames_is_named(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=f"(?s){said}"):
        _ = frames(tmp_path, **changes).sentences


def test_the_shipped_frames_say_the_same_of_everybody() -> None:
    for name in ("group_prompts", "descriptors"):
        for language in ("en", "zh"):
            table = FramesTable(catalog.dataset(name).file.parent / f"{language}.yaml")
            by_frame: dict[str, set[str]] = {}
            for row in table.sentences:
                by_frame.setdefault(row["template"], set()).add(row["group"])
            groups = {frozenset(found) for found in by_frame.values()}
            assert len(groups) == len({row["attribute"] for row in table.sentences})
            assert len({row["text"] for row in table.sentences}) == len(table.sentences)
