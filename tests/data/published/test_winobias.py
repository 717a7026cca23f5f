from __future__ import annotations

import pytest

from fmaudit.data.published import PublishedTable
from fmaudit.errors import DataError

PRO = "1 [The developer] argued with the designer because [he] did not like it.\n\n"
ANTI = "1 [The developer] argued with the designer because [she] did not like it.\n"


def table(folder, pro: str = PRO, anti: str = ANTI) -> PublishedTable:
    (folder / "pro_type1.txt.dev").write_text(pro)
    (folder / "anti_type1.txt.dev").write_text(anti)
    return PublishedTable(folder / "pro_type1.txt.dev", "winobias", folder / "anti_type1.txt.dev")


def test_a_pair_is_read_without_its_brackets(tmp_path):
    found = table(tmp_path)
    assert list(found.rows(found.columns)) == [
        (
            1,
            (
                "pro_type1.txt.dev:1",
                "1",
                "The developer argued with the designer because he did not like it.",
                "The developer argued with the designer because she did not like it.",
                "developer",
                "he",
                "masculine",
            ),
        )
    ]


def test_files_that_are_no_mirror_images(tmp_path):
    found = table(tmp_path, pro=PRO * 2)
    with pytest.raises(DataError, match="one has more sentences"):
        list(found.rows(["pro"]))


def test_a_line_that_is_no_sentence_is_told_with_its_place(tmp_path):
    found = table(tmp_path, anti="The developer argued.\n")
    with pytest.raises(DataError, match=r"anti_type1\.txt\.dev, sentence 1"):
        list(found.rows(["pro"]))


def test_the_mirror_must_be_named(tmp_path):
    found = PublishedTable(tmp_path / "pro_type1.txt.dev", "winobias")
    with pytest.raises(DataError, match="beside"):
        list(found.rows(["pro"]))


@pytest.mark.parametrize("kind", ["1", "2"])
@pytest.mark.parametrize("split", ["dev", "test"])
def test_the_published_files(shared, kind, split):
    pro, anti = (
        shared / f"data/winobias/{side}_stereotyped_type{kind}.txt.{split}"
        for side in ("pro", "anti")
    )
    found = PublishedTable(pro, "winobias", anti)
    rows = [row for _, row in found.rows(["pro", "anti", "type"])]
    assert len(rows) == 396
    assert {row[2] for row in rows} == {kind}
    assert all(one != other for one, other, _ in rows)
