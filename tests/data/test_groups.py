"""Columns that hold attributes, under their own name or another one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fmaudit import catalog
from fmaudit.data import CaseSource, open_cases
from fmaudit.errors import SpecError, UnknownName
from fmaudit.spec import DataSpec

CARD: dict[str, Any] = {
    "id": "toy_pairs",
    "title": "Toy pairs",
    "description": "Pairs.",
    "licence": "Apache-2.0",
    "citation": [{"text": "Written for this test"}],
    "files": [{"source": "file:pairs.csv"}],
    "format": "csv",
    "columns": {"options": ["more", "less"]},
}
ROWS = "more,less,bias_type,age\nShe sews.,He sews.,gender,old\nA b.,C d.,,young\n"


def opened(folder: Path, mapped: Any, **spec: Any) -> CaseSource:
    home = folder / "datasets" / "toy_pairs"
    home.mkdir(parents=True, exist_ok=True)
    (home / "pairs.csv").write_text(ROWS)
    card = CARD | {"columns": CARD["columns"] | {"groups": mapped}}
    (home / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False))
    asked = DataSpec.model_validate({"card": "toy_pairs", **spec})
    return open_cases(asked, where="a.yaml: data", extra=[folder])


def groups_of(source: CaseSource) -> list[dict[str, str]]:
    return [dict(case.groups) for chunk in source.chunks(9) for case in chunk]


def test_a_list_names_the_columns_themselves(tmp_path: Path) -> None:
    source = opened(tmp_path, ["bias_type", "age"])
    assert source.attributes == ("bias_type", "age")
    assert groups_of(source) == [{"bias_type": "gender", "age": "old"}, {"age": "young"}]
    assert source.mapping["columns"]["groups"] == ["bias_type", "age"]


def test_a_mapping_calls_a_column_otherwise(tmp_path: Path) -> None:
    source = opened(tmp_path, {"attribute": "bias_type", "age": "age"})
    assert source.attributes == ("attribute", "age")
    assert groups_of(source) == [{"attribute": "gender", "age": "old"}, {"age": "young"}]
    assert source.survey.groups["attribute"] == {"gender": 1}
    assert source.survey.ungrouped == {"attribute": 1, "age": 0}


def test_what_attributes_are_called_is_part_of_what_the_cases_are(tmp_path: Path) -> None:
    listed, named = (opened(tmp_path, g) for g in (["bias_type"], {"attribute": "bias_type"}))
    assert listed.digest != named.digest


def test_two_attributes_may_be_of_one_column(tmp_path: Path) -> None:
    source = opened(tmp_path, {"attribute": "age", "age": "age"})
    assert groups_of(source)[0] == {"attribute": "old", "age": "old"}


def test_a_spec_s_list_wins_over_the_card_s_mapping(tmp_path: Path) -> None:
    source = opened(tmp_path, {"attribute": "bias_type"}, groups=["age"])
    assert groups_of(source) == [{"age": "old"}, {"age": "young"}]


def test_a_mapped_column_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="bias_type"):
        opened(tmp_path, {"attribute": "bias_typ"})


@pytest.mark.parametrize("odd", [{"attribute": ["bias_type"]}, 3, {"attribute": 2}])
def test_other_shapes_are_refused_with_their_place(tmp_path: Path, odd: Any) -> None:
    with pytest.raises(SpecError, match=r"card\.yaml"):
        opened(tmp_path, odd)


def test_shipped_cards_map_to_what_the_methods_slice_by() -> None:
    for name in ("crows_pairs", "crows_pairs_french", "crows_pairs_dutch"):
        columns = catalog.dataset(name).columns
        assert columns is not None
        assert columns.grouped == {"attribute": "bias_type", "direction": "direction"}


def test_rows_that_repeat_another_in_all_but_their_id_are_counted(tmp_path: Path) -> None:
    source = opened(tmp_path, ["bias_type", "age"])
    assert source.survey.repeated == 0
    assert "repeated" not in source.describe()
    again = tmp_path / "again"
    home = again / "datasets" / "toy_pairs"
    home.mkdir(parents=True)
    rows = ROWS + "She sews.,He sews.,gender,old\nShe sews.,He sews.,gender,young\n" * 2
    (home / "pairs.csv").write_text(rows)
    (home / "card.yaml").write_text(
        yaml.safe_dump(CARD | {"columns": CARD["columns"] | {"groups": ["bias_type", "age"]}})
    )
    source = open_cases(
        DataSpec.model_validate({"card": "toy_pairs"}), where="a.yaml: data", extra=[again]
    )
    assert source.survey.rows == 6
    assert source.survey.repeated == source.describe()["repeated"] == 3
