from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fmaudit import spec
from fmaudit.data import Membership, open_membership
from fmaudit.errors import UserError
from fmaudit.spec import DataSpec, MembershipSpec

INSIDE = [{"text": "a", "label": "1", "key": "p"}, {"text": "a", "label": "1", "key": "q"}]
OUTSIDE = [{"text": "b", "label": "0", "key": "p"}, {"text": "a", "label": "1", "key": "r"}]
DATA = {"source": "unused.csv", "text": "text", "label": "label"}


def jsonl(folder: Path, name: str, rows: Iterable[dict[str, Any]]) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    jsonl(tmp_path, "in.jsonl", INSIDE)
    jsonl(tmp_path, "out.jsonl", OUTSIDE)
    return tmp_path


def opened(folder: Path, data: dict[str, Any] | None = None, **said: Any) -> Membership:
    named = {"members": str(folder / "in.jsonl"), "nonmembers": str(folder / "out.jsonl"), **said}
    return open_membership(
        MembershipSpec.model_validate(named),
        DataSpec.model_validate(DATA | (data or {})),
        where="a.yaml: membership",
    )


def complaint(folder: Path, **said: Any) -> str:
    with pytest.raises(UserError) as caught:
        list(opened(folder, **said).chunks(3))
    return str(caught.value)


def test_cases_say_which_side_they_are_of(folder: Path) -> None:
    found = opened(folder, id="key")
    cases = [case for part in found.chunks(3) for case in part]
    assert [case.id for case in cases] == ["member:p", "member:q", "nonmember:p", "nonmember:r"]
    assert [case.member for case in cases] == [True, True, False, False]
    assert [case.target for case in cases] == ["1", "1", "0", "1"]
    assert {(case.weight, case.cluster, case.stratum) for case in cases} == {(1.0, "", "")}
    assert (found.rows, found.labels, found.random) == (4, ["0", "1"], False)


def test_ids_without_a_column_differ_between_the_sides(folder: Path) -> None:
    ids = [case.id for part in opened(folder).chunks(9) for case in part]
    assert len(set(ids)) == 4
    assert [name.split(":")[0] for name in ids] == ["member", "member", "nonmember", "nonmember"]


def test_columns_of_its_own_come_before_those_of_data(folder: Path) -> None:
    found = opened(folder, {"text": "missing"}, text="{text} {key}")
    assert next(found.chunks(1))[0].input == "a p"
    said = complaint(folder, text="txt")
    assert "a.yaml: membership.members.text" in said
    assert "Did you mean 'text'" in said


def test_a_cluster_may_stand_on_both_sides(folder: Path) -> None:
    for found in (opened(folder, cluster="key"), opened(folder, {"cluster": "key"})):
        cases = [case for part in found.chunks(9) for case in part]
        assert [case.cluster for case in cases] == ["p", "q", "p", "r"]
    said = complaint(folder, cluster="person")
    assert "a.yaml: membership.members.cluster" in said


def test_without_a_label_column_cases_have_no_target(folder: Path) -> None:
    found = opened(folder, {"label": None})
    assert {case.target for part in found.chunks(9) for case in part} == {None}
    assert found.labels == []


def test_a_missing_label_or_an_empty_file_is_told_by_side(folder: Path) -> None:
    jsonl(folder, "out.jsonl", [*OUTSIDE, {"text": "c", "label": None, "key": "s"}])
    said = complaint(folder)
    assert "a.yaml: membership.nonmembers" in said
    assert "the label (column 'label') is missing" in said
    jsonl(folder, "out.jsonl", [])
    assert "out.jsonl: the file is empty" in complaint(folder)


def test_members_cannot_be_their_own_non_members(folder: Path) -> None:
    jsonl(folder, "out.jsonl", INSIDE)
    said = complaint(folder)
    assert "are the same rows" in said
    assert "a.yaml: membership" in said


def test_a_draw_is_told_in_a_sentence_or_a_file(folder: Path) -> None:
    with pytest.raises(ValueError, match="needs a `record`"):
        opened(folder, drawn="random", record=" ")
    found = opened(folder, drawn="random", record="by lot, seed 3")
    told = found.describe()
    assert found.random
    assert (told["drawn"], told["record"], told["record_sha256"]) == (
        "random",
        "by lot, seed 3",
        None,
    )
    made = folder / "made.json"
    made.write_text("{}")
    found = opened(folder, drawn="random", record=f"file:{made}")
    told = found.describe()
    assert told["record"] == str(made)
    assert told["record_sha256"] == hashlib.sha256(b"{}").hexdigest()
    said = complaint(folder, drawn="random", record="file:/nowhere/made.json")
    assert "a.yaml: membership.record: there is no file /nowhere/made.json" in said


def test_the_digest_follows_what_decides_and_not_where_files_lie(folder: Path) -> None:
    made, moved = folder / "made.json", folder / "moved.json"
    for path in (made, moved):
        path.write_text("{}")
    plain = opened(folder).digest
    drawn = [opened(folder, drawn="random", record=f"file:{p}").digest for p in (made, moved)]
    assert drawn[0] == drawn[1]
    swapped = {"members": str(folder / "out.jsonl"), "nonmembers": str(folder / "in.jsonl")}
    others = [opened(folder, limit=1).digest, opened(folder, **swapped).digest, drawn[0], plain]
    assert len(set(others)) == 4
    made.write_text("{ }")
    assert opened(folder, drawn="random", record=f"file:{made}").digest != drawn[0]


def test_a_record_describes_both_sides(folder: Path) -> None:
    told = opened(folder, limit=1).describe()
    assert (told["members"], told["nonmembers"]) == (1, 1)
    inside = told["sources"]["members"]
    assert inside["labels"] == {"1": 1}
    assert inside["files"][0]["path"] == str(folder / "in.jsonl")
    json.dumps(told)


def test_paths_of_a_spec_are_relative_to_its_folder(folder: Path) -> None:
    path = folder / "a.yaml"
    path.write_text(
        "model: ./m\ndata: {source: file:x.csv}\nmembership:\n  members: file:in.jsonl\n"
        "  nonmembers: out.jsonl\n  drawn: random\n  record: file:made.json\n"
    )
    sides = spec.load(path).membership
    assert sides is not None
    assert sides.members == str(folder / "in.jsonl")
    assert sides.record == f"file:{folder / 'made.json'}"
    again = spec.from_mapping(spec.resolved(spec.load(path)))
    assert again.membership == sides


def test_splits_of_one_saved_data_set(folder: Path) -> None:
    datasets = pytest.importorskip("datasets")
    whole = datasets.Dataset.from_list(INSIDE + OUTSIDE)
    saved = folder / "saved"
    datasets.DatasetDict(train=whole.select([0, 1]), test=whole.select([2, 3])).save_to_disk(saved)
    both = {"members": str(saved), "nonmembers": str(saved)}
    found = opened(folder, **both, members_split="train", nonmembers_split="test")
    assert [case.input for part in found.chunks(9) for case in part] == ["a", "a", "b", "a"]
    turned = opened(folder, **both, members_split="test", nonmembers_split="train")
    assert turned.digest != found.digest
    assert "name one of train, test" in complaint(folder, **both)
    assert "the same rows" in complaint(
        folder, **both, members_split="test", nonmembers_split="test"
    )
