from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.data.published import PublishedTable
from fmaudit.errors import DataError, UserError

LISTS = ("first_target", "second_target", "first_attribute", "second_attribute")
TEST = {
    "first_target": {"name": "Flowers", "words": ["rose", "lily"]},
    "second_target": {"name": "Insects", "words": ["ant", "fly"]},
    "first_attribute": {"name": "Pleasant", "words": ["love"]},
    "second_attribute": {"name": "Unpleasant", "words": ["pain", "war"], "remove": ["war"]},
    "original_finding": {"N": "32", "d": "1.35"},
}


def rows(path):
    found = PublishedTable(path, "weat")
    return [dict(zip(found.columns, row, strict=True)) for _, row in found.rows(found.columns)]


def written(folder, tests, name="weat.json"):
    (folder / name).write_text(json.dumps(tests), encoding="utf-8")
    return folder / name


def test_a_row_is_a_word(tmp_path):
    found = rows(written(tmp_path, [TEST, TEST]))
    assert found[0] == {
        "id": "en/WEAT 1: Flowers and Insects/X/rose",
        "language": "en",
        "test": "WEAT 1: Flowers and Insects",
        "set": "X",
        "name": "Flowers",
        "word": "rose",
    }
    assert [row["set"] for row in found[:6]] == ["X", "X", "Y", "Y", "A", "B"]
    assert [row["word"] for row in found if row["set"] == "B"] == ["pain", "pain"]
    assert {row["test"][:6] for row in found} == {"WEAT 1", "WEAT 2"}
    assert len({row["id"] for row in found}) == len(found) == 12


def test_tests_of_their_own_names_and_language_in_yaml(tmp_path):
    path = tmp_path / "zh.yaml"
    path.write_text(
        "language: zh\ntests:\n  - test: 花与虫\n"
        + "".join(f"    {k}: {{name: {k}, words: [{k[:7]}一, no]}}\n" for k in LISTS[::3])
        + "".join(f"    {k}: {{name: {k}, words: [{k}]}}\n" for k in LISTS[1:3]),
        encoding="utf-8",
    )
    found = rows(path)
    assert {row["language"] for row in found} == {"zh"}
    assert {row["test"] for row in found} == {"花与虫"}
    assert [row["word"] for row in found if row["set"] == "X"] == ["first_t一", "no"]


@pytest.mark.parametrize("side", LISTS)
def test_a_list_without_words(tmp_path, side):
    empty = {**TEST, side: {"name": "x", "words": ["a"], "remove": ["a"]}}
    with pytest.raises(DataError, match=r"test 2 .*has no words"):
        rows(written(tmp_path, [TEST, empty]))


@pytest.mark.parametrize(("one", "other"), [(0, 0), (0, 1), (2, 3)])
def test_a_word_that_stands_twice(tmp_path, one, other):
    said = {**TEST, LISTS[one]: {"name": "x", "words": ["twice", "a"]}}
    there = said[LISTS[other]]
    said[LISTS[other]] = {**there, "words": [*there["words"], "twice"]}
    with pytest.raises(DataError, match="twice stands twice"):
        rows(written(tmp_path, [said]))


def test_a_word_may_be_target_and_attribute(tmp_path):
    said = {**TEST, "first_attribute": {"name": "x", "words": ["rose"]}}
    assert len(rows(written(tmp_path, [said]))) == 6


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '[{"first_target": {}}]', '[{"first_target": 1', "nonsense"]
)
def test_what_is_no_test_is_told(tmp_path, text):
    (tmp_path / "weat.json").write_text(text)
    with pytest.raises(DataError, match="no tests of word lists"):
        rows(tmp_path / "weat.json")


@given(st.binary(max_size=60))
def test_whatever_a_file_holds_is_read_or_told(tmp_path_factory, data):
    for name in ("weat.json", "weat.yaml"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_bytes(data)
        with contextlib.suppress(UserError):
            rows(path)


def test_the_published_lists(shared):
    found = rows(shared / "data/weat/weat.json")
    counts = {}
    for row in found:
        key = int(row["test"].split(":")[0].split()[1]), row["set"]
        counts[key] = counts.get(key, 0) + 1
    assert {k: [counts[k, s] for s in "XYAB"] for k, _ in counts} == {
        1: [25, 25, 25, 25],
        2: [25, 25, 25, 25],
        3: [32, 32, 25, 25],
        4: [16, 16, 25, 25],
        5: [16, 16, 8, 8],
        6: [8, 8, 8, 8],
        7: [8, 8, 8, 8],
        8: [8, 8, 8, 8],
        9: [6, 6, 7, 7],
        10: [8, 8, 8, 8],
    }
