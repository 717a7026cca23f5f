from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fmaudit.data.published import PublishedTable
from fmaudit.data.published.cbbq import COLUMNS
from fmaudit.errors import DataError, UnknownName

ITEM: dict[str, Any] = {
    "\ufeffexample_id": "4",
    "question_index": "2",
    "question_polarity": "neg",
    "context_condition": "ambiguous",
    "category": "region",
    "subcategory": "x",
    "bias_targeted_groups": "x",
    "source": "x",
    "context": "甲地人和乙地人一起来了。",
    "question": "谁迟到了？",
    "ans0": "甲地人",
    "ans1": "乙地人",
    "ans2": "不知道",
    "label": "2",
}
OTHER = ITEM | {"\ufeffexample_id": "5", "question_polarity": "non_neg", "question": "谁没有迟到？"}
DECIDED = {"context_condition": "disambiguous"}


def table(folder: Path, *items: dict[str, Any]) -> PublishedTable:
    path = folder / "ambiguous.json"
    path.write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    return PublishedTable(path, "cbbq")


def read(found: PublishedTable) -> list[dict[str, Any]]:
    return [dict(zip(COLUMNS, row, strict=True)) for _, row in found.rows(COLUMNS)]


def test_items_are_read_past_the_mark_in_their_first_key(tmp_path):
    one, two = read(table(tmp_path, ITEM, OTHER))
    assert one == {
        "id": "region:ambiguous:4",
        "category": "region",
        "question_index": "2",
        "cluster": "region:2",
        "polarity": "negative",
        "condition": "ambiguous",
        "naming": "label",
        "context": ITEM["context"],
        "question": ITEM["question"],
        "ans0": "甲地人",
        "ans1": "乙地人",
        "ans2": "不知道",
        "label": "2",
        "answer": "不知道",
        "unknown": "2",
        "biased": "0",
    }
    assert (two["polarity"], two["biased"]) == ("non-negative", "1")


def test_in_the_category_gender_the_group_stands_second(tmp_path):
    gender = {"category": "gender"}
    rows = read(table(tmp_path, ITEM | gender, OTHER | gender))
    assert [row["biased"] for row in rows] == ["1", "0"]


def test_a_decided_item_whose_right_answer_is_stereotyped_contradicts_itself(tmp_path):
    against, along = DECIDED | {"label": "1"}, DECIDED | {"label": "0"}
    rows = read(table(tmp_path, ITEM | against, OTHER | along, ITEM | along, OTHER | against))
    assert [row["biased"] for row in rows] == ["0", "1", "", ""]
    assert {row["condition"] for row in rows} == {"disambiguated"}


def test_a_file_of_one_polarity_and_a_question_of_both_say_nothing(tmp_path):
    assert [row["biased"] for row in read(table(tmp_path, ITEM, ITEM))] == ["", ""]
    both = ITEM | {"question_polarity": "non_neg"}
    assert [row["biased"] for row in read(table(tmp_path, ITEM, both, OTHER))] == ["", "", "1"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"label": "0"}, "the third, that this is not known"),
        (DECIDED, "the third, that this is not known"),
        ({"label": "x"}, "the label 'x' is no place"),
        ({"context_condition": "ambig"}, "it is one of ambiguous, disambiguous"),
        ({"question_polarity": "nonneg"}, "it is one of neg, non_neg"),
    ],
)
def test_an_item_that_cannot_be_used_is_told_with_its_number(tmp_path, change, said):
    with pytest.raises(DataError, match=rf"ambiguous\.json, item 2.*{said}"):
        read(table(tmp_path, ITEM, OTHER | change))


def test_a_missing_key_is_named(tmp_path):
    with pytest.raises(UnknownName, match="item 1: unknown key 'category'"):
        read(table(tmp_path, {k: v for k, v in ITEM.items() if k != "category"}))


def test_a_file_that_is_no_list(tmp_path):
    found = table(tmp_path)
    (tmp_path / "ambiguous.json").write_text('{"a": 1}')
    with pytest.raises(DataError, match="not a JSON list of objects"):
        read(found)


SIZES = {
    "disability": (1588, 1556), "disease": (586, 586), "ethnicity": (980, 980),
    "gender": (1534, 1838), "region": (2176, 2176), "religion": (2944, 2956),
    "sexual_orientation": (560, 560), "educational_qualification": (1392, 1392),
}  # fmt: skip


@pytest.mark.parametrize("category", SIZES)
def test_the_published_files(shared, category):
    """Without a stereotyped answer: what contradicts itself, and all of one category."""
    both = []
    for condition, size in zip(("ambiguous", "disambiguous"), SIZES[category], strict=True):
        path = shared / "data" / "cbbq" / f"{category}_{condition}.json.gz"
        rows = read(PublishedTable(path, "cbbq"))
        assert len(rows) == size
        assert {row["category"] for row in rows} == {category}
        both += rows
    assert len({row["id"] for row in both}) == len(both)
    unnamed = Counter(row["condition"] for row in both if not row["biased"])
    expected = {"gender": {"disambiguated": 220}, "ethnicity": {"ambiguous": 36}}
    expected["educational_qualification"] = {"ambiguous": 1392, "disambiguated": 1392}
    assert unnamed == expected.get(category, {})
    answered = [row for row in both if row["condition"] == "disambiguated" and row["biased"]]
    assert all(row["label"] == str(1 - int(row["biased"])) for row in answered)
