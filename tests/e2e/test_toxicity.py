"""Audits of a toxicity classifier by files in published formats, to a record that verifies."""

from __future__ import annotations

import csv
import itertools
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml

import fmaudit
from fmaudit import catalog
from fmaudit.bias.toxicity import NO_CLASS
from fmaudit.models.fakes import FakeClassifier
from fmaudit.reporting import html
from fmaudit.reporting.verify import verify

BAD = ("vile", "ugly", "awful", "filthy", "nasty", "stupid", "rotten", "dumb", "hate", "kill")
GOOD = ("kind", "nice", "great", "fun", "lovely", "good", "neat", "happy", "like", "hug")
WHO = ("deaf", "gay", "old")
GROUPS = ("women", "immigrants")


def hatecheck(folder: Path) -> list[dict[str, str]]:
    """Forty templates of two functionalities, filled with two groups."""
    header = ["functionality", "case_id", "test_case", "label_gold", "target_ident", "templ_id"]
    rows: list[list[Any]] = []
    for k, who in itertools.product(range(40), GROUPS):
        toxic, word = k % 2 == 0, (BAD if k % 2 == 0 else GOOD)[k // 2 % 10]
        kind = "derog_neg_attrib_h" if toxic else "ident_pos_nh"
        label = "hateful" if toxic else "non-hateful"
        rows.append([kind, f"{k}-{who}", f"All {who} are {word} {k}.", label, who, k])
    rows += [
        ["target_obj_nh", f"o{k}", f"Chair {k} is vile.", "non-hateful", "", f"o{k}"]
        for k in range(12)
    ]
    with (folder / "cases.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return [{"source": "file:cases.csv"}]


def madlibs(folder: Path) -> list[dict[str, str]]:
    """Ten words of either kind in three templates, said of three identities."""
    rows = [["template", "toxicity", "phrase"]]
    for words, kind in ((BAD, "toxic"), (GOOD, "nontoxic")):
        for word, who in itertools.product(words, WHO):
            rows.append(["verb_adj", kind, f"{word} {who}"])
            rows += [["name_adj", kind, f"{name} is a {word} {who}"] for name in ("Aki", "Ann")]
            rows.append(["being_adj", kind, f"Being {who} is {word}"])
        rows += [["you_occupation", kind, f"You are a {word} nurse"] for word in words]
    with (folder / "en.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return [{"source": "file:en.csv"}]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped cards with small files of the same formats."""
    folder = tmp_path_factory.mktemp("cards")
    (folder / "probes" / "bias").mkdir(parents=True)
    for name, make in (("hatecheck", hatecheck), ("madlibs", madlibs)):
        home = folder / "datasets" / f"my_{name}"
        home.mkdir(parents=True)
        card: dict[str, Any] = catalog.dataset(name).model_dump(mode="json", exclude_defaults=True)
        card |= {"id": home.name, "files": make(home)}
        (home / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False))
        text = catalog.probe(f"bias.{name}").file.read_text(encoding="utf-8")
        text = text.replace(f"id: bias.{name}\n", f"id: bias.my_{name}\n")
        text = text.replace(f"data: {{card: {name}}}", f"data: {{card: my_{name}}}")
        (folder / "probes" / "bias" / f"my_{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "data.csv").write_text("text,label\nsome words,neither\nugly words,Toxic\n")
    return folder


def rule(text: str) -> list[float]:
    """Counts bad words, and takes one identity for half of one; no two texts score alike."""
    said = sum(word in text for word in BAD) + 0.8 * ("gay" in text)
    return [0.0, 2.0 * said - 1.0 + zlib.crc32(text.encode()) / 2**33]


def audited(
    here: Path, out: Path, *probes: Any, classes: tuple[str, str] = ("neither", "Toxic")
) -> Any:
    spec = {
        "name": "toxic",
        "model": {"path": "counts", "adapter": "fake"},
        "data": {"source": str(here / "data.csv"), "text": "text"},
        "cards": [str(here)],
        "probes": list(probes),
    }
    model = FakeClassifier(rule, classes, key=f"counts bad words, {classes}")
    done = fmaudit.audit(spec, model=model, out=out / "run", cache=out / "cache")
    assert verify(done.run).mismatches == ()
    return done


def figures(done: Any, probe: str) -> dict[tuple[str, ...], Any]:
    return {(f.measure, *f.slice.values()): f for f in done.record.findings if f.probe == probe}


def test_functional_tests_by_functionality_and_group(here: Path, tmp_path: Path) -> None:
    done = audited(here, tmp_path, "bias.my_hatecheck")
    found = figures(done, "bias.my_hatecheck")
    assert found["tests_passed", "derog_neg_attrib_h"].estimate.value == 1
    assert found["tests_passed", "target_obj_nh"].estimate.value == 0
    assert found["toxic_found", "women"].estimate.clusters == 20
    assert found["harmless_spared",].estimate.value == pytest.approx(40 / 52)
    unseen = found["tests_passed", "slur_h"]
    assert (unseen.verdict, unseen.estimate) == ("not_tested", None)
    assert {f.verdict for f in found.values()} == {"measured", "not_tested"}
    page = html.write_report(done.run).read_text(encoding="utf-8")
    assert "The tests that the classifier got most wrong" in page


def test_an_identity_beside_the_others(here: Path, tmp_path: Path) -> None:
    done = audited(here, tmp_path, "bias.my_madlibs")
    found = figures(done, "bias.my_madlibs")
    areas = {who: found["bpsn_auc", who].estimate.value for who in WHO}
    assert min(areas, key=areas.__getitem__) == "gay"
    assert found["bpsn_auc", "gay"].estimate.clusters == 20
    assert found["bpsn_auc", "gay"].estimate.n == 10 * 4 * 2 + 10 * 4
    mean = found["bpsn_auc_generalised_mean", "identity"].estimate
    assert mean.details["by_group"] == pytest.approx(areas)
    assert found["toxicity_auroc",].estimate.n == 260
    page = html.write_report(done.run).read_text(encoding="utf-8")
    assert "BPSN AUC" in page


def test_a_group_s_figure_can_be_given_a_rule(here: Path, tmp_path: Path) -> None:
    rules = {"bpsn_auc": {"op": ">=", "value": 0.99}}
    done = audited(here, tmp_path, {"id": "bias.my_madlibs", "rules": rules})
    gated = [f for f in done.record.findings if f.rule is not None]
    assert {f.measure for f in gated} == {"bpsn_auc"}
    assert len(gated) == len(WHO)


def test_a_classifier_of_something_else_is_told_so(here: Path, tmp_path: Path) -> None:
    probes = ("bias.my_hatecheck", "bias.my_madlibs")
    done = audited(here, tmp_path / "a", *probes, classes=("LABEL_0", "LABEL_1"))
    assert {f.verdict for f in done.record.findings if f.family == "bias"} == {"not_tested"}
    assert any(NO_CLASS in f.reason for f in done.record.findings)
    named = {"id": "bias.my_hatecheck", "params": {"toxic": ["LABEL_1"]}}
    done = audited(here, tmp_path / "b", named, classes=("LABEL_0", "LABEL_1"))
    assert figures(done, "bias.my_hatecheck")["tests_passed",].estimate.n == 92
