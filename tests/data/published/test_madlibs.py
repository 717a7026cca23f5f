from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from fmaudit.data.published import PublishedTable
from fmaudit.data.published.madlibs import COLUMNS, read
from fmaudit.errors import DataError

HEAD = "template,toxicity,phrase\n"


def table(folder: Path, text: str, name: str = "en.csv") -> Path:
    path = folder / name
    data = text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["en.csv", "en.csv.gz"])
def test_a_phrase_says_whom_it_names_and_by_which_word(tmp_path: Path, name: str) -> None:
    text = HEAD + (
        "verb_adj,nontoxic,hug african american\n"
        "am_hate_adj,toxic,I hate gay\n"
        "being_adj,toxic,Being middle aged is vile\n"
        "name_adj,nontoxic,서윤 is a excellent asian\n"
        "you_are_adj,toxic,You are a ugly middle eastern\n"
        "you_occupation,toxic,You are a fucked web designer\n"
    )
    found = PublishedTable(table(tmp_path, text, name), "madlibs")
    assert found.columns == COLUMNS
    assert [cells for _, cells in found.rows(["identity", "word", "toxicity"])] == [
        ("african american", "hug", "nontoxic"),
        ("gay", "hate", "toxic"),
        ("middle aged", "vile", "toxic"),
        ("asian", "excellent", "nontoxic"),
        ("middle eastern", "ugly", "toxic"),
        (None, "fucked", "toxic"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("template,phrase\nverb_adj,hug gay\n", "have a column 'toxicity'"),
        ("", "have a column 'template'"),
        (HEAD + "verb_adj,toxic,hug\n", "phrase 1: 'hug' is none of the template 'verb_adj'"),
        (HEAD + "am_identity,nontoxic,hug gay\n", "none of the template 'am_identity'"),
    ],
)
def test_what_is_no_such_table_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        list(read(table(tmp_path, text), None))


def test_the_published_phrases(shared: Path) -> None:
    items = list(read(shared / "data/madlibs/en_sentence_templates.csv.gz", None))
    assert len(items) == 76_564
    named = Counter((item["identity"], item["toxicity"]) for item in items if item["identity"])
    assert len(named) == 100
    assert set(named.values()) == {757}
    words = {(item["word"], item["toxicity"]) for item in items}
    assert Counter(kind for _, kind in words) == {"toxic": 20, "nontoxic": 21}
