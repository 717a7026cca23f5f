from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from fmaudit.data.published import PublishedTable
from fmaudit.data.published.winogender import COLUMNS
from fmaudit.errors import DataError, UnknownName

SENTENCES = "sentid\tsentence\n" + "".join(
    f"nurse.patient.{answer}.{gender}.txt\tThe nurse told the patient that {word} {what}.\n"
    for answer, what in ((0, "had come"), (1, "could go"))
    for gender, word in (("male", "he"), ("female", "she"), ("neutral", "they"))
)
STATISTICS = "occupation\tbergsma_pct_female\tbls_pct_female\tbls_year\nnurse\t90.0\t89.58\t2016\n"


def table(folder: Path, sentences: str = SENTENCES, women: str = STATISTICS) -> PublishedTable:
    (folder / "all_sentences.tsv").write_text(sentences)
    (folder / "occupations-stats.tsv").write_text(women)
    names = (folder / name for name in ("all_sentences.tsv", "occupations-stats.tsv"))
    sentence, statistic = names
    return PublishedTable(sentence, "winogender", statistic)


def test_three_sentences_are_one_item(tmp_path: Path) -> None:
    first, second = (row for _, row in table(tmp_path).rows(COLUMNS))
    assert first == (
        "nurse.patient.0", "nurse", "patient", "occupation",
        "The nurse told the patient that she had come.",
        "The nurse told the patient that he had come.",
        "The nurse told the patient that they had come.", "89.58",
    )  # fmt: skip
    assert second[0] == "nurse.patient.1"
    assert second[3] == "other"


def test_windows_line_ends(tmp_path: Path) -> None:
    plain = list(table(tmp_path).rows(COLUMNS))
    other = [text.replace("\n", "\r\n") for text in (SENTENCES, STATISTICS)]
    assert list(table(tmp_path, *other).rows(COLUMNS)) == plain


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    for sentences, women, error, said in (
        (SENTENCES.replace("nurse.", "nuurse."), STATISTICS, UnknownName, "nuurse"),
        (SENTENCES.replace("patient.0", "patient.2"), STATISTICS, DataError, "no name of"),
        (SENTENCES.replace("sentid", "id"), STATISTICS, UnknownName, "sentid"),
        (SENTENCES, STATISTICS.replace("bls_pct_female", "pct"), UnknownName, "bls_pct_female"),
        (SENTENCES, STATISTICS.replace("\t2016", ""), DataError, "line 2: 3 cells"),
        (SENTENCES.rsplit("nurse", 2)[0], STATISTICS, DataError, "no sentence that is neutral"),
    ):
        with pytest.raises(error, match=said):
            list(table(tmp_path, sentences, women).rows(["female"]))


def test_the_published_files(shared: Path) -> None:
    folder = shared / "data/winogender"
    found = PublishedTable(
        folder / "all_sentences.tsv", "winogender", folder / "occupations-stats.tsv"
    )
    rows = [dict(zip(COLUMNS, row, strict=True)) for _, row in found.rows(COLUMNS)]
    assert len(rows) == len({row["id"] for row in rows}) == 240
    assert Counter(row["refers_to"] for row in rows) == {"occupation": 120, "other": 120}
    women = {row["occupation"]: float(row["women"]) for row in rows}
    assert len(women) == 60
    assert sum(share > 50 for share in women.values()) == 31
    for row in rows:
        words = [set(str(row[gender]).lower().split()) for gender in ("female", "male")]
        assert words[0] - words[1] <= {"she", "her", "her."}, row
