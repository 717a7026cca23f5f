from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.data.published import PublishedTable
from fmaudit.data.published.crows_pairs import COLUMNS
from fmaudit.errors import DataError, UnknownName

HEADER = ",sent_more,sent_less,stereo_antistereo,bias_type,anon_writer\n"
ROW = '7,"She sews, it is said.","He sews, it is said.",stereo,gender,a0\n'

words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)


def read(folder: Path, text: str | bytes) -> list[tuple[str, ...]]:
    path = folder / "pairs.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [row for _, row in PublishedTable(path, "crows_pairs").rows(COLUMNS)]


def test_a_pair_with_its_number_direction_and_kind(tmp_path: Path) -> None:
    pair = ("7", "She sews, it is said.", "He sews, it is said.", "stereo", "gender")
    assert read(tmp_path, HEADER + ROW) == [pair]
    assert read(tmp_path, (HEADER + ROW).replace("\n", "\r\n")) == [pair]
    assert read(tmp_path, ("id" + HEADER + ROW)) == [pair]


def test_pairs_without_a_number_are_counted_from_1(tmp_path: Path) -> None:
    text = "".join(line.partition(",")[2] for line in (HEADER, ROW, ROW.replace("She", "Her")))
    assert [row[0] for row in read(tmp_path, text)] == ["1", "2"]


@pytest.mark.parametrize("less", ['"She sews, it is said."', '"She sews, it is said. "', "", " "])
def test_pairs_without_two_different_sentences_are_left_out(tmp_path: Path, less: str) -> None:
    odd = ROW.replace('"He sews, it is said."', less)
    assert [row[2] for row in read(tmp_path, HEADER + odd + ROW)] == ["He sews, it is said."]


def test_a_file_that_is_not_utf_8_is_mac_roman(tmp_path: Path) -> None:
    text = (HEADER + ROW).replace("sews", "siësta’s")
    assert read(tmp_path, text.encode("mac_roman"))[0][1] == "She siësta’s, it is said."
    assert read(tmp_path, text)[0][1] == "She siësta’s, it is said."


def test_a_line_break_in_a_sentence_is_the_same_in_every_copy(tmp_path: Path) -> None:
    text = HEADER + ROW.replace("He sews,", "He sews\n,")
    for copy in (text, text.replace("\n", "\r\n")):
        assert read(tmp_path, copy)[0][2] == "He sews\n, it is said."


def test_missing_columns_are_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"bias_type.*bias_typ"):
        read(tmp_path, HEADER.replace("bias_type", "bias_typ") + ROW)
    with pytest.raises(UnknownName, match="sent_more"):
        read(tmp_path, "")


def test_other_directions_and_widths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="sideways"):
        read(tmp_path, HEADER + ROW.replace("stereo", "sideways"))
    with pytest.raises(DataError, match="pair 1: 5 cells under 6"):
        read(tmp_path, HEADER + ROW.replace(",a0", ""))


@given(more=words, less=words, kind=words)
def test_any_sentences_come_back_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, more: str, less: str, kind: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(["0", more, less, "antistereo", kind, ""])
    found = read(tmp_path_factory.mktemp("any"), HEADER + text.getvalue())
    expected = [("0", more, less, "antistereo", kind)]
    assert found == (expected if more != less else [])


@pytest.mark.parametrize(
    ("file", "pairs", "stereo", "religion", "disability"),
    [
        ("crows_pairs/crows_pairs_anonymized.csv", 1508, 1290, 105, 60),
        ("crows_pairs_multilingual/crows_french.csv", 1461, 1252, 103, 59),
        ("crows_pairs_multilingual/crows_dutch.csv", 1463, 1249, 101, 58),
        ("crows_pairs_multilingual/crows_eng.csv", 1463, 1254, 99, 58),
    ],
)
def test_the_published_files(
    shared: Path, file: str, pairs: int, stereo: int, religion: int, disability: int
) -> None:
    table = PublishedTable(shared / "data" / file, "crows_pairs")
    rows = [dict(zip(COLUMNS, row, strict=True)) for _, row in table.rows(COLUMNS)]
    assert len(rows) == len({row["id"] for row in rows}) == pairs
    assert Counter(row["direction"] for row in rows)["stereo"] == stereo
    kinds = Counter(row["bias_type"] for row in rows)
    assert (len(kinds), kinds["religion"], kinds["disability"]) == (9, religion, disability)


def test_dutch_letters_are_whole(shared: Path) -> None:
    table = PublishedTable(shared / "data/crows_pairs_multilingual/crows_dutch.csv", "crows_pairs")
    said = " ".join(row[0] for _, row in table.rows(["more"]))
    assert "siësta" in said
    assert "financiële" in said
