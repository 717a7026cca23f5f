from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.data.published import PublishedTable
from fmaudit.data.published.stereoset import COLUMNS, LABELS, read
from fmaudit.errors import DataError

LABELLED = {
    "stereotype": "The guest was late.",
    "anti-stereotype": "The guest was early.",
    "unrelated": "The guest was a spoon.",
}


def entry(name: str = "a", said: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    sentences = [
        {"id": f"{name}-{label}", "sentence": text, "gold_label": label, "labels": []}
        for label, text in (said or LABELLED).items()
    ]
    return {
        "id": name, "target": "guest", "bias_type": "profession", "context": "The guest was BLANK.",
        "sentences": sentences, **more,
    }  # fmt: skip


def whole(folder: Path, intra: list[Any], inter: list[Any] | None = None) -> Path:
    path = folder / "dev.json"
    data = {"intersentence": inter or [], "intrasentence": intra}
    path.write_text(json.dumps({"version": "1.1", "data": data}))
    return path


def by_line(folder: Path, items: list[Any], name: str = "dev.jsonl") -> Path:
    text = "".join(f"{json.dumps(item)}\n" for item in items)
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_the_authors_file_is_read(tmp_path: Path) -> None:
    path = whole(tmp_path, [entry("a")], [entry("b", context="A guest came.")])
    table = PublishedTable(path, "stereoset")
    assert table.columns == COLUMNS
    rows = [dict(zip(COLUMNS, cells, strict=True)) for _, cells in table.rows(COLUMNS)]
    assert [(row["id"], row["task"]) for row in rows] == [
        ("b", "intersentence"), ("a", "intrasentence"),
    ]  # fmt: skip
    assert rows[1] == {
        "id": "a", "task": "intrasentence", "bias_type": "profession", "target": "guest",
        "context": "The guest was BLANK.", "stereotype": "The guest was late.",
        "anti_stereotype": "The guest was early.", "unrelated": "The guest was a spoon.",
        "stereotype_id": "a-stereotype", "anti_stereotype_id": "a-anti-stereotype",
        "unrelated_id": "a-unrelated",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["dev.jsonl", "dev.jsonl.gz"])
def test_a_file_of_lines_says_the_task_of_each(tmp_path: Path, name: str) -> None:
    same = list(read(whole(tmp_path, [entry("a")]), None))
    assert list(read(by_line(tmp_path, [entry("a", task="intrasentence")], name), None)) == same
    with pytest.raises(DataError, match=r"item 1 \(a\): it does not say its `task`"):
        list(read(by_line(tmp_path, [entry("a")]), None))


@given(st.permutations(LABELS))
def test_the_order_of_the_sentences_does_not_matter(order: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = whole(Path(folder), [entry("a", {label: LABELLED[label] for label in order})])
        (item,) = read(path, None)
    assert [item[label.replace("-", "_")] for label in LABELS] == list(LABELLED.values())


@pytest.mark.parametrize(
    ("sentences", "said"),
    [
        ([], "it has none"),
        ([("stereotype", "x"), ("unrelated", "y")], "it has stereotype, unrelated"),
        ([("stereotype", "x"), ("stereotype", "y"), ("unrelated", "z")], "stereotype, stereotype"),
    ],
)
def test_an_item_needs_one_sentence_of_each_kind(
    tmp_path: Path, sentences: list[tuple[str, str]], said: str
) -> None:
    odd = entry("b") | {
        "sentences": [{"id": "s", "sentence": t, "gold_label": k} for k, t in sentences]
    }
    with pytest.raises(DataError, match=rf"item 2 \(b\): one sentence each.*{said}"):
        list(read(whole(tmp_path, [entry("a"), odd]), None))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"data": {"intrasentence": [{"id": 3}]}}', "{"])
def test_what_is_no_such_file_is_told_with_what_it_should_be(tmp_path: Path, text: str) -> None:
    for name in ("dev.json", "dev.jsonl"):
        path = tmp_path / name
        path.write_text(text)
        if name == "dev.jsonl" and not text:
            assert list(read(path, None)) == []
            continue
        with pytest.raises(DataError, match="not as StereoSet is written"):
            list(read(path, None))


def test_the_published_development_set(shared: Path) -> None:
    items = list(read(shared / "data/stereoset/stereoset_dev.jsonl.gz", None))
    assert len(items) == 4229
    tasks = [item["task"] for item in items]
    assert (tasks.count("intrasentence"), tasks.count("intersentence")) == (2106, 2123)
    terms = {item["target"]: item["bias_type"] for item in items}
    counts = {kind: list(terms.values()).count(kind) for kind in set(terms.values())}
    assert counts == {"race": 36, "profession": 30, "gender": 10, "religion": 3}
    blanks = [i["context"].count("BLANK") for i in items if i["task"] == "intrasentence"]
    assert (blanks.count(1), blanks.count(2)) == (2104, 2)
