from __future__ import annotations

import csv
import gzip
import json
import string
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.cards import CsvOptions
from fmaudit.data.tables import CsvTable, JsonlTable, ParquetTable, format_of, open_table
from fmaudit.errors import DataError, UnknownName, UserError

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=30)
column_names = st.lists(
    st.text(string.ascii_letters + " é漢", min_size=1, max_size=8).filter(str.strip),
    min_size=2,
    max_size=4,
    unique=True,
)


@st.composite
def tables(draw: Any) -> tuple[list[str], list[list[str]]]:
    names = draw(column_names)
    rows = draw(st.lists(st.lists(text, min_size=len(names), max_size=len(names)), max_size=8))
    return names, rows


def values(table: Any, columns: list[str]) -> list[list[Any]]:
    return [list(cells) for _, cells in table.rows(columns)]


@settings(max_examples=60, deadline=None)
@given(tables())
def test_csv_round_trip(table: tuple[list[str], list[list[str]]]) -> None:
    names, rows = table
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerows([names, *rows])
        read = CsvTable(path)
        assert list(read.columns) == names
        assert values(read, names[::-1]) == [row[::-1] for row in rows]


@settings(max_examples=60, deadline=None)
@given(tables())
def test_jsonl_and_parquet_round_trip(table: tuple[list[str], list[list[str]]]) -> None:
    names, rows = table
    records = [dict(zip(names, row, strict=True)) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.parquet"
        pq.write_table(pa.table({n: [r[n] for r in records] for n in names}), path)
        assert list(ParquetTable(path).columns) == names
        if records:
            assert values(ParquetTable(path), names) == rows
            lines = Path(folder) / "x.jsonl.gz"
            with gzip.open(lines, "wt", encoding="utf-8", newline="\n") as file:
                file.writelines(json.dumps(record) + "\n" for record in records)
            assert list(JsonlTable(lines).columns) == names
            assert values(JsonlTable(lines), names) == rows


def write(folder: Path, data: str | bytes, name: str = "x.csv") -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def complaint(table: Any) -> str:
    with pytest.raises(UserError) as caught:
        values(table, list(table.columns))
    return str(caught.value)


def test_csv_with_quotes_line_breaks_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path, b'\xef\xbb\xbftext,n\r\n"a, ""b""\r\nc",1\r\n\r\nd,2\r\n')
    table = CsvTable(path)
    assert list(table.rows(["n", "text"])) == [(3, ("1", 'a, "b"\r\nc')), (5, ("2", "d"))]


def test_csv_without_a_header_with_comments_spaces_and_nulls(tmp_path: Path) -> None:
    path = write(tmp_path, "junk\n|note\n a , ? \n# b, 2 \n")
    options = CsvOptions(header=False, names=("x", "y"), skip=1, comment="|", strip=True, null="?")
    assert list(CsvTable(path, options).rows(["x", "y"])) == [(3, ("a", None)), (4, ("# b", "2"))]


def test_tabs_by_name_or_format(tmp_path: Path) -> None:
    path = write(tmp_path, "a\tb\n1\t2,3\n", "x.tsv")
    assert values(open_table(path, format_of(path, "x"), CsvOptions()), ["b"]) == [["2,3"]]
    other = write(tmp_path, "a\tb\n1\t2,3\n", "x.txt")
    assert values(open_table(other, "tsv", CsvOptions()), ["b"]) == [["2,3"]]


def test_other_encodings(tmp_path: Path) -> None:
    path = write(tmp_path, "text\ncafé\n".encode("cp1252"))
    assert values(CsvTable(path, CsvOptions(encoding="cp1252")), ["text"]) == [["café"]]
    said = complaint(CsvTable(path))
    assert "line 2, byte 8: not utf-8" in said
    assert "`encoding: cp1252`" in said
    assert "no encoding called 'utf9'" in complaint(CsvTable(path, CsvOptions(encoding="utf9")))
    lines = write(tmp_path, '{"text": "café"}\n'.encode("cp1252"), "x.jsonl")
    assert "line 1, byte 13: not utf-8" in complaint(JsonlTable(lines))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "the file is empty"),
        ("a,b\n1,2\n1\n", "line 3: 1 cells, but there are 2 columns"),
        ("a,b\n1,2,3\n", "line 2: 3 cells, but there are 2 columns"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ('a,b\n"1,2\n', "line 2: unexpected end of data"),
        ("a,b\n1," + "x" * 200_000 + "\n", "Write the data as JSON lines or Parquet"),
    ],
)
def test_bad_csv(tmp_path: Path, data: str, said: str) -> None:
    assert said in complaint(CsvTable(write(tmp_path, data)))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ('{"a": 1}\n{"a": \n', "line 2: not a JSON object"),
        ('[{"a": 1}]\n', "line 1: not a JSON object"),
        ('{"a": NaN}\n', "line 1: not a JSON object"),
    ],
)
def test_bad_jsonl(tmp_path: Path, data: str, said: str) -> None:
    assert said in complaint(JsonlTable(write(tmp_path, data, "x.jsonl")))


def test_bad_parquet_and_gzip(tmp_path: Path) -> None:
    good = tmp_path / "x.parquet"
    pq.write_table(pa.table({"a": list(range(1000))}), good)
    cut = write(tmp_path, good.read_bytes()[:-20], "cut.parquet")
    assert "not a whole Parquet file" in complaint(ParquetTable(cut))
    assert "the file is empty" in complaint(ParquetTable(write(tmp_path, b"", "e.parquet")))
    zipped = write(tmp_path, gzip.compress(b"a,b\n1,2\n" * 999)[:-9], "x.csv.gz")
    assert "gzip file is damaged" in complaint(CsvTable(zipped))
    assert "gzip file is damaged" in complaint(CsvTable(write(tmp_path, b"a,b\n", "y.csv.gz")))


def test_formats_by_name(tmp_path: Path) -> None:
    assert format_of(Path("a.CSV.gz"), "x") == "csv"
    assert format_of(Path("a.ndjson"), "x") == "jsonl"
    with pytest.raises(UnknownName, match=r"Did you mean '.csv'"):
        format_of(Path("a.cvs"), "x")
    with pytest.raises(DataError, match="one object a line"):
        format_of(Path("a.json"), "x")
