from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.data import CaseSource, open_cases
from fmaudit.data.columns import namer
from fmaudit.errors import UserError
from fmaudit.spec import DataSpec
from fmaudit.types import Case, Pair

ROWS = [
    {"text": "good", "label": "1", "sex": "F", "key": "a"},
    {"text": "bad", "label": "0", "sex": "M", "key": "b"},
    {"text": "", "label": "0", "sex": "", "key": "c"},
    {"text": "good", "label": "1", "sex": "F", "key": "d"},
]


def jsonl(folder: Path, rows: Iterable[dict[str, Any]], name: str = "x.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def opened(path: Path, **spec: Any) -> CaseSource:
    named = {"source": str(path), "text": "text", "label": "label", **spec}
    return open_cases(DataSpec.model_validate(named), where="a.yaml: data")


def cases(source: CaseSource, size: int = 3) -> list[Case]:
    return [case for chunk in source.chunks(size) for case in chunk]


def complaint(path: Path, **spec: Any) -> str:
    with pytest.raises(UserError) as caught:
        cases(opened(path, **spec))
    return str(caught.value)


def test_rows_become_cases(tmp_path: Path) -> None:
    source = opened(jsonl(tmp_path, ROWS), groups=["sex"], cluster="key", positive="1")
    assert [len(chunk) for chunk in source.chunks(3)] == [3, 1]
    found = cases(source)
    assert [case.input for case in found] == ["good", "bad", "", "good"]
    assert [case.target for case in found] == ["1", "0", "0", "1"]
    assert [case.cluster for case in found] == ["a", "b", "c", "d"]
    assert [dict(case.groups) for case in found] == [{"sex": "F"}, {"sex": "M"}, {}, {"sex": "F"}]
    assert source.attributes == ("sex",)
    assert cases(source) == found
    told = source.describe()
    assert told["rows"] == 4
    assert told["labels"] == {"0": 2, "1": 2}
    assert told["groups"] == {"sex": {"F": 2, "M": 1}}
    assert told["ungrouped"] == {"sex": 1}
    assert told["positive"] == "1"
    json.dumps(told)


def test_a_missing_column_of_a_file_with_another_separator(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("text|label\ngood, or so|1\n")
    said = complaint(path)
    assert "unknown column 'label'" in said
    assert "one column that holds '|'" in said
    tabs = tmp_path / "x.tsv"
    tabs.write_text("text;label\ngood;1\n")
    assert "read as separated by tabs" in complaint(tabs)


@pytest.mark.parametrize("text", ["text\ngood\n", "text,a;b\ngood,1\n", '"text,a"\ngood\n'])
def test_a_missing_column_that_no_separator_explains(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    assert "separated" not in complaint(path)
    assert "separated" not in complaint(jsonl(tmp_path, [{"text;label": "a"}]))


def test_a_card_of_a_file_with_another_separator(tmp_path: Path) -> None:
    folder = tmp_path / "datasets" / "odd"
    folder.mkdir(parents=True)
    (folder / "one.csv").write_text("text,label\ngood,1\n")
    (folder / "two.csv").write_text("text;label\ngood;1\n")
    card = {
        **dict.fromkeys(("title", "description", "licence"), "Odd"),
        "id": "odd",
        "citation": [{"text": "Ours"}],
        "files": [{"source": "file:one.csv"}, {"source": "file:two.csv"}],
        "format": "csv",
        "columns": {"text": "text", "label": "label"},
    }
    (folder / "card.yaml").write_text(json.dumps(card))
    with pytest.raises(UserError, match=r"two\.csv.*holds ';'.*`csv: \{delimiter: \";\"\}`"):
        open_cases(DataSpec(card="odd"), extra=[tmp_path])


def test_without_label_or_groups(tmp_path: Path) -> None:
    source = opened(jsonl(tmp_path, ROWS), label=None)
    assert {case.target for case in cases(source)} == {None}
    assert source.attributes == ()


def test_ids_are_the_contents_and_repeats_are_numbered(tmp_path: Path) -> None:
    first, _, _, again = cases(opened(jsonl(tmp_path, ROWS)))
    assert len(first.id) == 16
    assert again.id == f"{first.id}-2"
    assert [c.id for c in cases(opened(jsonl(tmp_path, ROWS), id="key"))] == ["a", "b", "c", "d"]


contents = st.builds(
    Case,
    id=st.just(""),
    input=st.text(max_size=3),
    target=st.sampled_from([None, "0", "1"]),
    groups=st.dictionaries(st.just("sex"), st.sampled_from("FM")),
    weight=st.floats(0.1, 9),
)


@given(st.lists(contents, max_size=30), st.randoms(use_true_random=False))
def test_ids_do_not_depend_on_order_and_are_unique(
    found: list[Case], generator: random.Random
) -> None:
    def named(items: list[Case]) -> list[Case]:
        name = namer()
        return [name(case) for case in items]

    before = named(found)
    mixed = list(found)
    generator.shuffle(mixed)
    after = named(mixed)
    assert len({case.id for case in before}) == len(found)
    assert {(c.id, c.input, c.target) for c in before} == {(c.id, c.input, c.target) for c in after}


def test_the_same_rows_in_every_format_give_the_same_cases(tmp_path: Path) -> None:
    typed = [{"text": "a", "label": 1, "g": True}, {"text": "b", "label": 0, "g": None}]
    floats = pa.table({"text": ["a", "b"], "label": [1.0, 0.0], "g": [True, None]})
    pq.write_table(floats, tmp_path / "x.parquet")
    (tmp_path / "x.csv").write_text("text,label,g\na,1,true\nb,0,\n")
    paths = [jsonl(tmp_path, typed), tmp_path / "x.parquet", tmp_path / "x.csv"]
    all_of_them = [cases(opened(path, groups=["g"])) for path in paths]
    assert all_of_them[0] == all_of_them[1] == all_of_them[2]
    assert all_of_them[0][0].target == "1"
    assert all_of_them[0][0].groups == {"g": "true"}


def test_pairs_and_templates(tmp_path: Path) -> None:
    rows = [{"age": 39, "job": None, "q": "why?", "label": "0"}]
    path = jsonl(tmp_path, rows)
    found = cases(opened(path, text="{age} years, {job} {{x}}", text_pair="q"))
    assert found[0].input == Pair("39 years, unknown {x}", "why?")
    assert "unknown column 'ages'. Did you mean 'age'" in complaint(path, text="{ages} years")
    assert "a column's name alone" in complaint(path, text="{age:>3}")
    assert "a column's name alone" in complaint(path, text="{age!r}")
    assert "a column's name alone" in complaint(path, text="{}")
    assert "unknown column 'age.real'" in complaint(path, text="{age.real}")
    assert "cannot be read" in complaint(path, text="{age")


def test_weights_and_strata(tmp_path: Path) -> None:
    rows = [{"text": "a", "w": 2, "s": "x"}, {"text": "b", "w": 0.5, "s": None}]
    found = cases(opened(jsonl(tmp_path, rows), label=None, weight="w", stratum="s"))
    assert [(c.weight, c.stratum) for c in found] == [(2.0, "x"), (0.5, "")]
    for bad in (0, -1, "much", None, "inf"):
        path = jsonl(tmp_path, [{"text": "a", "w": bad}])
        assert "weight" in complaint(path, label=None, weight="w")


def test_all_that_is_wrong_with_rows_is_counted(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": None}] * 7 + [{"text": None, "label": "1"}, *ROWS]
    said = complaint(jsonl(tmp_path, rows))
    assert "8 of 12 rows cannot be used" in said
    assert "the label (column 'label') is missing: 7 rows (line 1; line 2" in said
    assert "…" in said
    assert "the text is missing: 1 row (line 8)" in said


def test_ids_that_repeat_are_named(tmp_path: Path) -> None:
    said = complaint(jsonl(tmp_path, ROWS), id="sex")
    assert "the id 'F' was there before, in line 1: 1 row (line 4)" in said
    assert "the id (column 'sex') is missing: 1 row (line 3)" in said


@pytest.mark.parametrize("key", ["text", "label", "id", "cluster", "weight", "stratum"])
def test_a_missing_column_names_the_nearest(tmp_path: Path, key: str) -> None:
    path = jsonl(tmp_path, [{"text": "a", "label": "1", "sexes": "F"}])
    said = complaint(path, **{key: "sex"})
    assert f"a.yaml: data.{key}" in said
    assert "unknown column 'sex'. Did you mean 'sexes'" in said
    assert "Known: label, sexes, text." in said
    assert "a.yaml: data.groups" in complaint(path, groups=["sex"])


def test_no_rows(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,label\n")
    assert "there are no rows" in complaint(tmp_path / "x.csv")
    (tmp_path / "y.csv").write_text("")
    assert "the file is empty" in complaint(tmp_path / "y.csv")


def test_formats_and_options_that_do_not_fit(tmp_path: Path) -> None:
    path = jsonl(tmp_path, ROWS)
    assert "unknown file format '.cvs'. Did you mean '.csv'" in complaint(
        jsonl(tmp_path, ROWS, "x.cvs")
    )
    assert "has no splits" in complaint(path, split="test")
    assert "a saved data set is a folder" in complaint(path, format="huggingface")
    assert "is a folder, not a csv file" in complaint(tmp_path, format="csv")
    assert "Name one file in it" in complaint(tmp_path)
    nested = jsonl(tmp_path, [{"text": ["a"], "label": 1}], "n.jsonl")
    assert "holds a list, where text or a number belongs: 1 row" in complaint(nested)


def test_a_limit_keeps_the_first_rows(tmp_path: Path) -> None:
    source = opened(jsonl(tmp_path, ROWS), limit=2)
    assert [case.input for case in cases(source)] == ["good", "bad"]
    assert source.survey.rows == 2
    with pytest.raises(ValueError, match="at least one"):
        list(source.chunks(0))


def test_the_digest_follows_bytes_and_mapping_not_place(tmp_path: Path) -> None:
    path = jsonl(tmp_path, ROWS)
    (tmp_path / "b").mkdir()
    moved = jsonl(tmp_path / "b", ROWS)
    changed = jsonl(tmp_path, [*ROWS[:3], {**ROWS[3], "key": "e"}], "y.jsonl")
    digests = {
        opened(path).digest,
        opened(path, groups=["sex"]).digest,
        opened(path, limit=3).digest,
        opened(changed).digest,
    }
    assert len(digests) == 4
    assert opened(moved).digest == opened(path).digest
    assert opened(path, positive="1").digest == opened(path).digest


def test_two_hundred_thousand_rows_in_bounded_memory(tmp_path: Path) -> None:
    rows = 200_000
    path = tmp_path / "x.csv"
    with path.open("w") as file:
        file.write("text,label,sex\n")
        file.writelines(f"this is the text of row {i},{i % 2},F\n" for i in range(rows))
    source = opened(path, groups=["sex"])
    assert source.survey.rows == rows
    process = psutil.Process()
    before = process.memory_info().rss
    seen, most = 0, before
    for chunk in source.chunks(4096):
        seen += len(chunk)
        most = max(most, process.memory_info().rss)
    assert seen == rows
    assert most - before < 100e6


@pytest.mark.parametrize("kind", ["one", "many"])
def test_a_saved_hugging_face_data_set(tmp_path: Path, kind: str) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
    )
    data = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]}, features=features)
    folder = tmp_path / "saved"
    if kind == "one":
        data.save_to_disk(folder)
        source = opened(folder)
        assert "holds one split" in complaint(folder, split="train")
    else:
        datasets.DatasetDict(train=data, test=data.select([0])).save_to_disk(folder)
        source = opened(folder, split="train")
        assert "data.split: name one of train, test" in complaint(folder)
        assert "Did you mean 'train'" in complaint(folder, split="trian")
    assert [(c.input, c.target) for c in cases(source)] == [("a", "pos"), ("b", "neg")]
    assert "Did you mean 'label'" in complaint(folder, label="lable", **_split(kind))
    assert len(source.digest) == 64


def _split(kind: str) -> dict[str, str]:
    return {} if kind == "one" else {"split": "train"}


def test_a_hub_data_set_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    commit = "d" * 40
    repo = tmp_path / "hub" / "datasets--org--reviews"
    (repo / "snapshots" / commit).mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(commit)
    jsonl(repo / "snapshots" / commit, ROWS, "train.jsonl")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("hub:org/reviews@main", "hub:org/reviews#train.jsonl"):
        spec = DataSpec(source=name, text="text", label="label", groups=("sex",))
        found = cases(open_cases(spec))
        assert [case.input for case in found] == ["good", "bad", "", "good"]
        assert [case.target for case in found] == ["1", "0", "0", "1"]
