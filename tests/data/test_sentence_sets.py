"""The published sentence sets, from file to cases, by the shipped cards."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from fmaudit import catalog
from fmaudit.bias.preference import unfit
from fmaudit.data import CaseSource, open_cases
from fmaudit.spec import DataSpec
from fmaudit.types import Case

FILES: dict[str, list[dict[str, str]]] = {
    "crows_pairs": [{"source": "crows_pairs/crows_pairs_anonymized.csv"}],
    "crows_pairs_french": [{"source": "crows_pairs_multilingual/crows_french.csv"}],
    "crows_pairs_dutch": [{"source": "crows_pairs_multilingual/crows_dutch.csv"}],
    "winobias": [
        {
            "source": f"winobias/pro_stereotyped_type{kind}.txt.{split}",
            "beside": f"winobias/anti_stereotyped_type{kind}.txt.{split}",
        }
        for kind in (1, 2)
        for split in ("dev", "test")
    ],
    "winogender": [
        {"source": "winogender/all_sentences.tsv", "beside": "winogender/occupations-stats.tsv"}
    ],
    "gest": [{"source": "gest/gest.csv"}],
}
PAIRS = {"crows_pairs": 1508, "crows_pairs_french": 1461, "crows_pairs_dutch": 1463,
         "winobias": 1584, "winogender": 240}  # fmt: skip


def local(name: str, shared: Path, folder: Path) -> CaseSource:
    """The cases of a shipped card, its files a user's own copies."""
    card: dict[str, Any] = catalog.dataset(name).model_dump(mode="json", exclude_defaults=True)
    card["files"] = [
        {key: str(shared / "data" / path) for key, path in file.items()} for file in FILES[name]
    ]
    mine = f"my_{name}"
    card |= {"id": mine}
    home = folder / "datasets" / mine
    home.mkdir(parents=True)
    (home / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False, allow_unicode=True))
    return open_cases(DataSpec(card=mine), extra=[folder])


def cases(source: CaseSource) -> list[Case]:
    return [case for chunk in source.chunks(4096) for case in chunk]


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_whole_sentences(name: str, shared: Path, tmp_path: Path) -> None:
    found = cases(local(name, shared, tmp_path))
    assert len(found) == len({case.id for case in found}) == PAIRS[name]
    assert not any(map(unfit, found))


@pytest.mark.parametrize("name", ["crows_pairs", "crows_pairs_french", "crows_pairs_dutch"])
def test_kinds_are_those_that_the_probes_slice_by(name: str, shared: Path, tmp_path: Path) -> None:
    found = local(name, shared, tmp_path).survey
    for probe in (f"bias.{name}", f"bias.{name}_masked"):
        card = catalog.probe(probe)
        assert card.data.card == name
        listed = {v for entry in card.measures if entry.category for v in entry.values}
        assert listed == set(found.groups["attribute"])
    assert set(found.groups["direction"]) == {"stereo", "antistereo"}
    assert found.ungrouped == {"attribute": 0, "direction": 0}


def test_winobias_counts_forty_occupations_and_balances_the_pronouns(
    shared: Path, tmp_path: Path
) -> None:
    source = local("winobias", shared, tmp_path)
    per = Counter(case.cluster for case in cases(source))
    assert len(per) == 40
    assert 36 <= min(per.values()) <= max(per.values()) <= 42
    assert source.survey.groups["type"] == {"1": 792, "2": 792}
    feminine = source.survey.groups["gender"]["feminine"]
    assert feminine / 1584 == pytest.approx(0.5, abs=0.01)


def test_winogender_has_the_share_of_women_beside_each_occupation(
    shared: Path, tmp_path: Path
) -> None:
    found = cases(local("winogender", shared, tmp_path))
    assert len({case.cluster for case in found}) == 60
    assert all(0 < float(case.groups["women"]) < 100 for case in found)


def test_gest_has_sixteen_stereotypes_that_the_probes_name(shared: Path, tmp_path: Path) -> None:
    found = local("gest", shared, tmp_path).survey
    assert found.rows == 3565
    for probe in ("bias.gest", "bias.gest_masked"):
        named = catalog.probe(probe).params["stereotypes"]
        assert set(named) == set(found.groups["stereotype"])
        men = sum(n for k, n in found.groups["stereotype"].items() if named[k]["about"] == "men")
        assert men == 1993


@pytest.mark.network
@pytest.mark.parametrize("name", ["crows_pairs", "winobias", "winogender"])
def test_the_wheel_holds_the_same_cases(
    name: str, shared: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.getbasetemp() / "sets"
    fetched = open_cases(DataSpec(card=name), cache=cache)
    assert cases(fetched) == cases(local(name, shared, tmp_path))
