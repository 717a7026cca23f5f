from __future__ import annotations

import errno
import hashlib
import os
import struct
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit import evidence
from fmaudit.errors import DiskFull
from fmaudit.evidence import COMMON, Writer
from fmaudit.types import Case, Input, Pair, Row, decode

COLUMNS = {
    "score": float,
    "hits": int,
    "flip": bool,
    "word": str,
    "probs": list[float],
    "control": Input,
}


def written(path: Path, rows, columns=COLUMNS, **options) -> pa.Table:
    with Writer(path, columns, **options) as out:
        out.write(rows)
    return evidence.read(path)


def test_the_schema_is_fixed_before_the_first_row(tmp_path):
    table = written(tmp_path / "e.parquet", [])
    assert table.num_rows == 0
    assert table.schema.equals(evidence.schema(COLUMNS))
    assert table.schema.names == [*COMMON, *COLUMNS]
    kinds = {field.name: field.type for field in table.schema}
    assert kinds["groups"] == pa.map_(pa.string(), pa.string())
    assert (kinds["weight"], kinds["failed"]) == (pa.float64(), pa.bool_())
    assert kinds["probs"] == pa.list_(pa.float64())
    assert [kinds[n] for n in ("score", "hits", "flip", "word", "control")] == [
        pa.float64(),
        pa.int64(),
        pa.bool_(),
        pa.string(),
        pa.string(),
    ]


def test_a_column_of_nothing_but_nulls_keeps_its_type(tmp_path):
    table = written(tmp_path / "e.parquet", [Row(Case("a", "x"), {}, reason="no answer")])
    assert table.schema.equals(evidence.schema(COLUMNS))
    assert table["score"].null_count == table["probs"].null_count == 1


def test_a_row_says_all_that_its_case_says(tmp_path):
    case = Case("a", "x", "yes", {"sex": "F", "race": "B"}, "template 1", 2.5, "small")
    rows = [
        Row(case, {"hits": 1}),
        Row(case, {"hits": 2}, variant="swap", input="y"),
        Row(Case("b", "z"), {}, reason="lost", failed=True),
    ]
    first, second, third = written(tmp_path / "e.parquet", rows).to_pylist()
    assert (first["case"], first["variant"], first["input"]) == ("a", "base", "x")
    assert (first["target"], first["cluster"]) == ("yes", "template 1")
    assert (first["weight"], first["stratum"]) == (2.5, "small")
    assert dict(first["groups"]) == {"sex": "F", "race": "B"}
    assert (first["reason"], first["failed"]) == (None, False)
    assert (second["variant"], second["input"], second["hits"]) == ("swap", "y", 2)
    assert third["cluster"] == "b"
    assert (third["reason"], third["failed"], third["hits"]) == ("lost", True, None)


def test_rows_are_kept_in_order_and_counted(tmp_path):
    with Writer(tmp_path / "e.parquet", {"k": int}) as out:
        for start in range(0, 30, 10):
            numbers = range(start, start + 10)
            out.write([Row(Case(f"c{k}", "x"), {"k": k}, failed=k % 10 == 0) for k in numbers])
        assert (out.rows, out.failed) == (30, 3)
    table = evidence.read(tmp_path / "e.parquet", ["k"])
    assert table.column_names == ["k"]
    assert table["k"].to_pylist() == list(range(30))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20))
def test_floats_are_exact(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("floats") / "e.parquet"
    rows = [Row(Case("a", "x"), {"score": v, "probs": [v, v]}) for v in values]
    table = written(path, rows, {"score": float, "probs": list[float]})

    def bits(found):
        return [struct.pack("<d", v) for v in found]

    assert bits(table["score"].to_pylist()) == bits(values)
    assert [bits(p) for p in table["probs"].to_pylist()] == [bits([v, v]) for v in values]


def test_a_pair_is_json(tmp_path):
    pair, other = Pair('he said "no"', "ä\n"), Pair("a", "b")
    rows = [Row(Case("a", pair), {"control": other}), Row(Case("b", "x"), {}, input=other)]
    table = written(tmp_path / "e.parquet", rows)
    assert [decode(t, Pair) for t in table["input"].to_pylist()] == [pair, other]
    assert decode(table["control"][0].as_py(), Pair) == other


def test_hashing_leaves_no_text_and_equal_texts_equal(tmp_path):
    pair = Pair("secret one", "secret two")
    rows = [
        Row(Case("a", "secret", "yes"), {"word": "direction", "control": "secret edit"}),
        Row(Case("b", "other"), {"control": None}, input="secret"),
        Row(Case("c", pair), {}),
    ]
    table = written(tmp_path / "e.parquet", rows, hash_texts=True)
    shown = table["input"].to_pylist()
    assert shown[0] == shown[1] == f"sha256:{hashlib.sha256(b'secret').hexdigest()}"
    assert shown[2] == evidence.hashed(pair)
    assert table["control"].to_pylist() == [evidence.hashed("secret edit"), None, None]
    assert "secret" not in str(table.to_pylist())
    # what is no text of a person stays readable
    assert table["word"][0].as_py() == "direction"
    assert table["target"][0].as_py() == "yes"


# ── whole or not at all ──────────────────────────────────────────────────────────────────


def test_nothing_stands_in_its_place_before_it_is_whole(tmp_path):
    path = tmp_path / "evidence" / "e.parquet"
    with Writer(path, {"k": int}) as out:
        out.write([Row(Case("a", "x"), {"k": 1})] * 10)
        assert not path.exists()
    assert [p.name for p in path.parent.iterdir()] == ["e.parquet"]


@pytest.mark.parametrize("fault", [RuntimeError, KeyboardInterrupt])
def test_a_broken_write_leaves_what_stood_there(tmp_path, fault):
    path = tmp_path / "e.parquet"
    written(path, [Row(Case("a", "x"), {"k": 1})], {"k": int})
    before = path.read_bytes()

    def break_off():
        with Writer(path, {"k": int}) as out:
            out.write([Row(Case("b", "y"), {"k": 2})])
            raise fault

    with pytest.raises(fault):
        break_off()
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["e.parquet"]


full = pytest.mark.skipif(
    not (Path("/dev/full").exists() and Path("/proc/self/fd").is_dir()),
    reason="needs Linux's /dev/full",
)


def fill_the_disk(path: Path) -> None:
    """From now on the system has no room for what is written to an open file."""
    nowhere = os.open("/dev/full", os.O_WRONLY)
    (number,) = [f.name for f in Path("/proc/self/fd").iterdir() if f.resolve() == path.resolve()]
    os.dup2(nowhere, int(number))
    os.close(nowhere)


def fill_up_while_writing(path: Path, rows: list[Row]) -> None:
    with Writer(path, {"k": int}) as out:
        fill_the_disk(path.with_name(path.name + ".partial"))
        out.write(rows)
        raise AssertionError("there was room")


def fill_up_at_the_end(path: Path, rows: list[Row]) -> None:
    with Writer(path, {"k": int}) as out:
        out.write(rows)
        fill_the_disk(path.with_name(path.name + ".partial"))


def full_from_the_start(path: Path, rows: list[Row]) -> None:
    path.with_name(path.name + ".partial").symlink_to("/dev/full")
    with Writer(path, {"k": int}) as out:
        out.write(rows)


@full
@pytest.mark.parametrize("write", [full_from_the_start, fill_up_while_writing, fill_up_at_the_end])
def test_a_full_disk_is_said_and_leaves_what_stood_there(tmp_path, write):
    path = tmp_path / "e.parquet"
    rows = [Row(Case(f"c{k}", "x"), {"k": k}) for k in range(1000)]
    written(path, rows, {"k": int})
    before = path.read_bytes()
    with pytest.raises(DiskFull, match=r"e\.parquet"):
        write(path, rows)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["e.parquet"]


def test_a_disk_without_room_for_the_folder(tmp_path, monkeypatch):
    def no_room(self, *args, **options):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Path, "mkdir", no_room)
    with pytest.raises(DiskFull):
        Writer(tmp_path / "evidence" / "e.parquet", {"k": int})


# ── what a method may not do ─────────────────────────────────────────────────────────────


def test_an_undeclared_column_is_refused_by_name(tmp_path):
    with (
        pytest.raises(TypeError, match="'extra'"),
        Writer(tmp_path / "e.parquet", {"score": float}) as out,
    ):
        out.write([Row(Case("a", "x"), {"score": 1.0}), Row(Case("b", "y"), {"extra": 1.0})])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (float, "0.5"),
        (int, 1.5),
        (int, "1"),
        (int, 2**70),
        (bool, "yes"),
        (bool, 2),
        (str, 3),
        (list[float], 0.5),
        (list[float], ["a"]),
    ],
)
def test_a_value_of_another_type_is_refused(tmp_path, kind, value):
    with (
        pytest.raises(TypeError, match="does not fit"),
        Writer(tmp_path / "e.parquet", {"score": kind}) as out,
    ):
        out.write([Row(Case("a", "x"), {"score": value})])


def test_a_column_that_every_file_has_already_is_refused():
    with pytest.raises(TypeError, match="'weight'"):
        evidence.schema({"weight": float})


def test_a_column_of_no_known_type_is_refused():
    with pytest.raises(TypeError, match="complex"):
        evidence.schema({"score": complex})


def test_where_texts_are_hashed_a_failure_does_not_quote_them(tmp_path):
    """A callable's own message may hold the text."""
    rows = [
        Row(Case("a", "secret"), {}, reason="edit: ValueError: cannot parse: secret", failed=True),
        Row(Case("b", "secret"), {}, reason="secret broke it", failed=True),
        Row(Case("c", "secret"), {}, reason="fewer than 5 words"),
    ]
    with evidence.Writer(tmp_path / "p.parquet", {"x": float}, hash_texts=True) as out:
        out.write(rows)
    reasons = evidence.read(tmp_path / "p.parquet")["reason"].to_pylist()
    assert reasons == ["ValueError", "the model failed", "fewer than 5 words"]
