"""Audits by a file in StereoSet's format, to a record that verifies and its report."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support_language import save_language

import fmaudit
from fmaudit import catalog
from fmaudit.bias.stereoset_masked import FOLLOWS
from fmaudit.reporting import html
from fmaudit.reporting.verify import verify

KINDS = {"race": 32, "profession": 30, "gender": 10, "religion": 3}
WORDS = ("cat", "dog", "mat", "man", "nurse", "film", "food", "parcel", "engineer", "woman")


def item(number: int, kind: str, term: str, context: str, texts: tuple[str, ...]) -> dict[str, Any]:
    labels = ("unrelated", "stereotype", "anti-stereotype")
    return {
        "id": f"i{number}", "bias_type": kind, "target": term, "context": context,
        "sentences": [
            {"id": f"i{number}-{label}", "sentence": text, "gold_label": label, "labels": []}
            for label, text in zip(labels, texts, strict=True)
        ],
    }  # fmt: skip


def stereoset(folder: Path) -> list[dict[str, str]]:
    """75 terms with two items that fill a blank and one that follows; one with two blanks."""
    fills, follows, number = [], [], itertools.count()
    terms = [(kind, f"{kind} {k}") for kind, count in KINDS.items() for k in range(count)]
    for place, (kind, term) in enumerate(terms):
        for turn in range(2):
            words = [WORDS[(place + turn + 3 * k) % len(WORDS)] for k in range(3)]
            context = f"the {term} sat on the BLANK and was good"
            texts = tuple(context.replace("BLANK", word) for word in words)
            fills.append(item(next(number), kind, term, context, texts))
        texts = tuple(f"the {WORDS[(place + k) % len(WORDS)]} was bad." for k in range(3))
        follows.append(item(next(number), kind, term, f"the {term} sat down", texts))
    twice = "BLANK and BLANK sat"
    texts = tuple(twice.replace("BLANK", word) for word in WORDS[:3])
    fills.append(item(next(number), "race", "race 0", twice, texts))
    data = {"intersentence": follows, "intrasentence": fills}
    (folder / "dev.json").write_text(json.dumps({"version": "1.1", "data": data}))
    return [{"source": "file:dev.json"}]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped cards with a small file of the format, tuned models and their bases."""
    folder = tmp_path_factory.mktemp("cards")
    home = folder / "datasets" / "my_stereoset"
    home.mkdir(parents=True)
    (folder / "probes" / "bias").mkdir(parents=True)
    card: dict[str, Any] = catalog.dataset("stereoset").model_dump(
        mode="json", exclude_defaults=True
    )
    card |= {"id": home.name, "files": stereoset(home)}
    (home / "card.yaml").write_text(yaml.safe_dump(card, sort_keys=False))
    for probe in ("stereoset", "stereoset_masked"):
        text = catalog.probe(f"bias.{probe}").file.read_text(encoding="utf-8")
        text = text.replace(f"id: bias.{probe}\n", f"id: bias.my_{probe}\n")
        text = text.replace("data: {card: stereoset}", "data: {card: my_stereoset}")
        (folder / "probes" / "bias" / f"my_{probe}.yaml").write_text(text, encoding="utf-8")
    (folder / "data.csv").write_text("text\nthe cat sat on the mat\n" * 2)
    for seed, (kind, name) in enumerate(itertools.product(("gpt2", "roberta"), ("tuned", "base"))):
        save_language(folder / f"{kind}-{name}", kind, seed=seed)
    return folder


def audited(here: Path, out: Path, kind: str, probe: str) -> Any:
    spec = {
        "name": kind,
        "model": {"path": str(here / f"{kind}-tuned"), "base": str(here / f"{kind}-base")},
        "data": {"source": str(here / "data.csv"), "text": "text"},
        "cards": [str(here)],
        "probes": [probe],
    }
    done = fmaudit.audit(spec, out=out / "run", cache=out / "cache")
    assert verify(done.run).mismatches == ()
    return done


@pytest.mark.parametrize(
    ("kind", "probe", "rows"),
    [("gpt2", "bias.my_stereoset", 226), ("roberta", "bias.my_stereoset_masked", 150)],
)
def test_a_tuned_model_beside_its_base(
    here: Path, tmp_path: Path, kind: str, probe: str, rows: int
) -> None:
    done = audited(here, tmp_path, kind, probe)
    (ran,) = [c for c in done.record.coverage if c.probe == probe]
    assert (ran.status, ran.rows, ran.failed_rows) == ("ran", 226, 0)
    found = {(f.measure, *f.slice.values()): f for f in done.record.findings if f.probe == probe}
    gated = found["stereotype_score_change",]
    assert gated.verdict in ("pass", "fail", "inconclusive")
    assert (gated.estimate.clusters, gated.estimate.n) == (75, rows)
    for measure in ("stereotype_score", "language_modelling_score", "stereotype_score_change"):
        assert found[measure, "race"].estimate.clusters == 32
        for kind_ in ("gender", "religion"):
            few = found[measure, kind_]
            assert (few.verdict, few.estimate) == ("not_tested", None)
            assert "fewer than the 30 asked for" in few.reason
    assert 0 <= found["icat",].estimate.value <= 1
    page = html.write_report(done.run).read_text(encoding="utf-8")
    assert "Association on this set" in page


def test_what_fills_no_blank_is_left_out_and_told(here: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    done = audited(here, tmp_path, "roberta", "bias.my_stereoset_masked")
    path = done.run / "evidence" / "bias.my_stereoset_masked.parquet"
    table = pq.read_table(path).to_pylist()
    reasons = [row["reason"] for row in table if row["reason"]]
    assert reasons.count(FOLLOWS) == 75
    assert [r for r in reasons if r != FOLLOWS] == ["the context has 2 blanks, and one is filled"]


@pytest.mark.parametrize(
    ("kind", "probe"), [("gpt2", "bias.my_stereoset_masked"), ("roberta", "bias.my_stereoset")]
)
def test_a_probe_of_other_models_says_what_it_needs(
    here: Path, tmp_path: Path, kind: str, probe: str
) -> None:
    done = audited(here, tmp_path, kind, probe)
    (left,) = [c for c in done.record.coverage if c.probe == probe]
    assert left.status == "not_tested"
    assert "which this model does not offer" in left.reason
