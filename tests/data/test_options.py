from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.data import CaseSource, open_cases, open_membership
from fmaudit.data.columns import namer
from fmaudit.data.options import Reading, meant
from fmaudit.errors import UserError
from fmaudit.spec import DataSpec, MembershipSpec
from fmaudit.types import Case

ROWS = [
    {"text": "2 + 2?", "a": "four", "b": "five", "c": "six", "label": "four"},
    {"text": "Capital of Italy?", "a": "Paris", "b": "Rome", "c": "Bern", "label": "rome"},
]
COLUMNS = ["a", "b", "c"]


def jsonl(folder: Path, rows: Iterable[dict[str, Any]], name: str = "x.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def opened(path: Path, **spec: Any) -> CaseSource:
    return open_cases(DataSpec.model_validate({"source": str(path), **spec}), where="a.yaml: data")


def cases(source: CaseSource) -> list[Case]:
    return [case for chunk in source.chunks(2) for case in chunk]


def complaint(path: Path, **spec: Any) -> str:
    with pytest.raises(UserError) as caught:
        cases(opened(path, **spec))
    return str(caught.value)


def labelled(*labels: Any, options: Iterable[str] = ("four", "five", "six")) -> list[Any]:
    return [{"text": f"q{k}", "o": list(options), "label": x} for k, x in enumerate(labels)]


# ── where options come from ──────────────────────────────────────────────────────────────


def test_several_columns_are_an_option_each(tmp_path: Path) -> None:
    source = opened(jsonl(tmp_path, ROWS), options=COLUMNS, label="label")
    found = cases(source)
    assert [case.options for case in found] == [("four", "five", "six"), ("Paris", "Rome", "Bern")]
    assert [case.target for case in found] == ["four", "Rome"]
    assert [case.input for case in found] == ["2 + 2?", "Capital of Italy?"]


def test_one_column_holds_a_list_in_every_format(tmp_path: Path) -> None:
    rows = [{"text": "q", "o": ["yes", "no, never"]}, {"text": "r", "o": ["1", "2", "3"]}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    (tmp_path / "x.csv").write_text(
        'text,o\nq,"[""yes"", ""no, never""]"\nr,"[""1"", ""2"", ""3""]"\n'
    )
    paths = [jsonl(tmp_path, rows), tmp_path / "x.parquet", tmp_path / "x.csv"]
    found = [cases(opened(path, options="o")) for path in paths]
    assert found[0] == found[1] == found[2]
    assert [case.options for case in found[0]] == [("yes", "no, never"), ("1", "2", "3")]
    assert {case.target for case in found[0]} == {None}


def test_a_saved_data_set_holds_lists(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    data = {"text": ["q"], "o": [["yes", "no"]], "label": [1], "r": [["a", "b"]]}
    datasets.Dataset.from_dict(data).save_to_disk(tmp_path / "saved")
    spec = {"options": "o", "label": "label", "references": "r"}
    (case,) = cases(opened(tmp_path / "saved", **spec))
    assert (case.options, case.target, case.references) == (("yes", "no"), "no", ("a", "b"))


def test_numbers_in_a_list_are_texts(tmp_path: Path) -> None:
    path = jsonl(tmp_path, [{"text": "q", "o": [4, 5.5, True], "label": 4}])
    (case,) = cases(opened(path, options="o", label="label"))
    assert (case.options, case.target) == (("4", "5.5", "true"), "4")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["a"], "1 options, where at least two are chosen from"),
        ([], "0 options, where at least two are chosen from"),
        (["a", "b", "a"], "two options are equal: 'a'"),
        (["a", " a "], "two options are equal: 'a'"),
        (["a", ""], "option 2 of the list is empty"),
        (["a", " \n"], "option 2 of the list is empty"),
        (["a", None], "option 2 of the list is missing"),
        (["a", ["b"]], "holds a list, where text or a number belongs"),
        (None, "column 'o' holds no list of options"),
        ("a", "column 'o' holds no list of options"),
        ('["a", "b"]', "column 'o' holds no list of options"),
        ({"text": ["a", "b"]}, "column 'o' holds no list of options"),
    ],
)
def test_options_that_cannot_be_chosen_from(tmp_path: Path, options: Any, said: str) -> None:
    rows = [{"text": "p", "o": ["x", "y"]}, {"text": "q", "o": options}]
    found = complaint(jsonl(tmp_path, rows), options="o")
    assert "1 of 2 rows cannot be used" in found
    assert f"{said}: 1 row (line 2)" in found


def test_a_missing_option_in_a_column_is_named(tmp_path: Path) -> None:
    path = jsonl(tmp_path, [ROWS[0], {**ROWS[1], "c": None}])
    assert "the option in column 'c' is missing: 1 row (line 2)" in complaint(path, options=COLUMNS)
    assert "Did you mean 'c'" in complaint(path, options=["a", "cc"])
    assert "data.options" in complaint(path, options=["a", "cc"])


def test_csv_cells_that_are_no_list_of_texts(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for cell in ("yes", "[yes]", '"[1, 2]"', '"{""a"": 1}"', ""):
        path.write_text(f"text,o\nq,{cell}\n")
        assert "holds no list of options: 1 row (line 2)" in complaint(path, options="o")


def test_a_prompt_may_be_left_out_where_there_are_options(tmp_path: Path) -> None:
    rows = [{"more": "He is rich.", "less": "She is rich."}]
    path = jsonl(tmp_path, rows)
    (case,) = cases(opened(path, options=["more", "less"]))
    assert (case.input, case.options) == ("", ("He is rich.", "She is rich."))
    assert "unknown column 'text'" in complaint(path)
    assert "a second text needs a first" in complaint(
        path, options=["more", "less"], text_pair="more"
    )


def test_a_column_text_is_the_prompt_without_being_named(tmp_path: Path) -> None:
    assert cases(opened(jsonl(tmp_path, ROWS), options=COLUMNS))[0].input == "2 + 2?"


# ── which option a label means ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("labels", "options", "targets", "reading"),
    [
        (["four", "SIX"], ("four", "five", "six"), ["four", "six"], "text"),
        ([0, 2], ("four", "five", "six"), ["four", "six"], "number"),
        (["1.0", "0"], ("four", "five", "six"), ["five", "four"], "number"),
        (["A", "c"], ("four", "five", "six"), ["four", "six"], "letter"),
        ([False, True], ("no", "yes"), ["no", "yes"], "number"),
        # The texts are numbers or letters themselves: they win.
        ([2, 1], ("1", "2", "3"), ["2", "1"], "text"),
        (["B", "A"], ("B", "A"), ["B", "A"], "text"),
        # Letters and numbers may still say the place among the other kind.
        (["B", "A"], ("1", "2"), ["2", "1"], "letter"),
        ([1, 0], ("b", "a"), ["a", "b"], "number"),
        # A difference of case is a difference where both stand there.
        (["polish"], ("Polish", "polish"), ["polish"], "text"),
    ],
)
def test_a_label_says_its_option(
    tmp_path: Path, labels: list[Any], options: Any, targets: list[str], reading: str
) -> None:
    source = opened(jsonl(tmp_path, labelled(*labels, options=options)), options="o", label="label")
    assert [case.target for case in cases(source)] == targets
    assert source.survey.reading == reading
    assert source.describe()["label_read_as"] == reading


@pytest.mark.parametrize(
    ("labels", "options", "said"),
    [
        # One reading for all rows: that of most of them.
        (
            ["four", "five", "seven"],
            None,
            "the label 'seven' is none of the options: 1 row (line 3)",
        ),
        (["four", "five", "0"], None, "the label '0' is none of the options: 1 row (line 3)"),
        ([0, 1, "six"], None, "the label 'six' is no option's number, as other rows' labels are"),
        (["A", "B", 2], None, "the label '2' is no option's letter, as other rows' labels are"),
        ([0, 1, 3], None, "the label '3' is no option's number"),
        (["A", "D", "B"], None, "the label 'D' is no option's letter"),
        (["four", "POLISH"], ("Polish", "polish", "four"), "'POLISH' is none of the options"),
        ([0], ("1", "2"), "(where an option is itself a number, a number is read as a text)"),
        (
            ["C"],
            ("A", "B", "no"),
            "(where an option is itself a letter, a letter is read as a text)",
        ),
        ([-1], None, "the label '-1' is none of the options"),
        ([None], None, "the label (column 'label') is missing"),
    ],
)
def test_a_label_that_says_none(tmp_path: Path, labels: list[Any], options: Any, said: str) -> None:
    rows = labelled(*labels, options=options or ("four", "five", "six"))
    assert said in complaint(jsonl(tmp_path, rows), options="o", label="label")


def test_a_number_among_numbers_is_never_a_place_in_any_row(tmp_path: Path) -> None:
    rows = [
        {"text": "q", "o": ["four", "five"], "label": 1},
        {"text": "r", "o": ["4", "5"], "label": 1},
    ]
    said = complaint(jsonl(tmp_path, rows), options="o", label="label")
    assert "the label '1' is no option's number, as other rows' labels are: 1 row (line 2)" in said


def test_a_cards_target_comes_before_the_reading(tmp_path: Path) -> None:
    folder = tmp_path / "datasets" / "quiz"
    folder.mkdir(parents=True)
    jsonl(folder, [{"text": "q", "o": ["1", "2", "3"], "label": "2"}])
    (folder / "card.yaml").write_text(
        "id: quiz\ntitle: Quiz\ndescription: A quiz.\nlicence: Apache-2.0\n"
        "citation: [{text: Written for this test}]\nfiles: [{source: x.jsonl}]\nformat: jsonl\n"
        'columns: {text: text, options: o, label: label}\ntarget: {"1": A, "2": B, "3": C}\n'
    )
    (case,) = cases(open_cases(DataSpec(card="quiz"), extra=[tmp_path]))
    assert case.target == "2"


words = st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=3)


@given(st.lists(st.lists(words.filter(str.strip), min_size=2, max_size=5, unique=True)), st.data())
def test_the_text_of_an_option_is_always_that_option(
    rows: list[list[str]], data: st.DataObject
) -> None:
    drawn = [
        Case(f"c{k}", "", data.draw(st.sampled_from(o)), options=tuple(o))
        for k, o in enumerate(rows)
    ]
    reading = Reading()
    for case in drawn:
        reading.note(case, case.id)
    assert reading.problems.total == 0
    assert [meant(case, reading.chosen).target for case in drawn] == [case.target for case in drawn]


@given(st.lists(st.integers(0, 3), min_size=1), st.sampled_from(["number", "letter"]))
def test_places_are_read_whatever_the_options_are(places: list[int], kind: str) -> None:
    options = ("Oslo", "Rome", "Bern", "Wien")
    reading = Reading()
    drawn = [
        Case("c", "", str(place) if kind == "number" else "ABCD"[place], options=options)
        for place in places
    ]
    for case in drawn:
        reading.note(case, "")
    assert reading.chosen == kind
    assert [meant(case, kind).target for case in drawn] == [options[place] for place in places]


# ── references ───────────────────────────────────────────────────────────────────────────


def test_references_are_texts_or_lists_of_texts(tmp_path: Path) -> None:
    rows = [
        {"text": "q", "r": "Rome", "s": ["Roma", "the city of Rome"]},
        {"text": "p", "r": None, "s": "Bern"},
        {"text": "o", "r": None},
        {"text": "n", "r": 1789, "s": None},
    ]
    path = jsonl(tmp_path, rows)
    both = [case.references for case in cases(opened(path, references=["r", "s"]))]
    assert both == [("Rome", "Roma", "the city of Rome"), ("Bern",), (), ("1789",)]
    source = opened(path, references="r")
    assert [case.references for case in cases(source)] == [("Rome",), (), (), ("1789",)]
    assert (source.survey.with_references, source.describe()["with_references"]) == (2, 2)


def test_a_text_that_looks_like_a_list_is_one_only_in_csv(tmp_path: Path) -> None:
    path = jsonl(tmp_path, [{"text": "q", "r": '["a", "b"]'}])
    assert cases(opened(path, references="r"))[0].references == ('["a", "b"]',)
    (tmp_path / "x.csv").write_text('text,r\nq,"[""a"", ""b""]"\np,[1]\n')
    found = cases(opened(tmp_path / "x.csv", references="r"))
    assert [case.references for case in found] == [("a", "b"), ("[1]",)]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("", "a reference in column 'r' is empty"),
        (" ", "a reference in column 'r' is empty"),
        ([], "the list of references in column 'r' is empty; write null"),
        (["a", ""], "a reference in column 'r' is empty"),
        (["a", None], "a reference in column 'r' is missing"),
        ({"text": "a"}, "holds a dict"),
    ],
)
def test_references_that_cannot_be_used(tmp_path: Path, cell: Any, said: str) -> None:
    assert said in complaint(jsonl(tmp_path, [{"text": "q", "r": cell}]), references="r")


# ── what else they move ──────────────────────────────────────────────────────────────────


def test_labels_of_options_are_no_class_labels(tmp_path: Path) -> None:
    survey = opened(jsonl(tmp_path, ROWS), options=COLUMNS, label="label").survey
    assert (survey.labels, survey.unlabelled) == ({}, 0)
    assert (survey.with_options, survey.with_references) == (2, 0)
    plain = opened(jsonl(tmp_path, ROWS), label="label")
    assert plain.survey.labels == {"four": 1, "rome": 1}
    assert (plain.survey.with_options, plain.survey.reading) == (0, "")
    assert "with_options" not in plain.describe()
    unlabelled = opened(jsonl(tmp_path, ROWS), options=COLUMNS).survey
    assert (unlabelled.unlabelled, unlabelled.reading) == (2, "")


def test_ids_of_cases_without_options_are_what_they_were() -> None:
    # The first 16 digits of the sha256 of ["good","1",{"sex":"F"},"k"].
    named = namer()(Case("", "good", "1", {"sex": "F"}, "k"))
    assert named.id == "91c0cbbcb0bfd5ee"


def test_ids_are_of_options_and_references_too() -> None:
    plain = Case("", "q", "a")
    others = [
        Case("", "q", "a", options=("a", "b")),
        Case("", "q", "a", options=("b", "a")),
        Case("", "q", "a", references=("a", "b")),
        Case("", "q", "a", references=("ab",)),
    ]
    ids = {namer()(case).id for case in (plain, *others)}
    assert len(ids) == 5


def test_naming_loses_nothing() -> None:
    case = Case("", "q", "a", {"g": "x"}, "c", 2.0, "s", True, ("a", "b"), ("r",))
    named = namer()(case)
    for field in ("input", "target", "groups", "cluster", "weight", "stratum", "member"):
        assert getattr(named, field) == getattr(case, field)
    assert (named.options, named.references) == (("a", "b"), ("r",))


def test_options_and_references_move_the_digest(tmp_path: Path) -> None:
    path = jsonl(tmp_path, ROWS)
    named = [{}, {"options": COLUMNS}, {"options": COLUMNS[::-1]}, {"references": "a"}]
    assert len({opened(path, **spec).digest for spec in named}) == 4


def test_membership_reads_no_options_and_takes_no_label_that_says_one(tmp_path: Path) -> None:
    inside = jsonl(tmp_path, [{"text": "a", "label": "B"}], "in.jsonl")
    outside = jsonl(tmp_path, [{"text": "b", "label": "A"}], "out.jsonl")
    sides = MembershipSpec(members=str(inside), nonmembers=str(outside))
    data = DataSpec(source="unused", text="text", label="label", options=("x", "y"))
    found = open_membership(sides, data)
    assert found.labels == []
    assert {case.options for part in found.chunks(9) for case in part} == {()}
    assert open_membership(sides.model_copy(update={"label": "label"}), data).labels == ["A", "B"]
