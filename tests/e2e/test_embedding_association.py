"""Associations of words in a real model's vectors, from the spec to the verified record."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support_language import save_language

import fmaudit
from fmaudit.bias.wordvectors import UNKNOWN
from fmaudit.reporting.verify import verify

PROBES = ("bias.embedding_association", "bias.sentence_embedding_association")


def audit(model: dict[str, str], out: Path, probes: Sequence[object] = PROBES):
    with (out / "rows.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["text"], *([f"the cat sat on mat {k}"] for k in range(30))])
    data = {"source": f"file:{out / 'rows.csv'}", "text": "text"}
    spec = {"model": model, "data": data, "probes": list(probes)}
    return fmaudit.audit(spec, out=out / "run", cache=out / "cache")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A tuned language model and its base."""
    out = tmp_path_factory.mktemp("association")
    tuned, base = (save_language(out / name, "llama", seed=k) for k, name in enumerate("tb"))
    return audit({"path": str(tuned), "base": str(base), "dtype": "float32"}, out)


def test_every_figure_is_measured_and_verified(done):
    assert done.exit_code == 0
    found = done.record.findings
    mine = [f for f in found if f.probe in PROBES]
    assert len(mine) == 2 * 3 * 11
    assert {f.verdict for f in mine} == {"measured"}
    for finding in mine:
        assert finding.estimate.low < finding.estimate.value < finding.estimate.high
        assert finding.estimate.n == (16 if finding.probe == PROBES[0] else 48)
        assert finding.estimate.clusters == 16
        assert finding.estimate.details["words"] == "X 8, Y 8, A 8, B 8"
        if finding.measure == "association_effect":
            assert finding.estimate.details["splits"] == 12_870
    assert verify(done.run).mismatches == ()


def test_the_floor_is_not_asked_for_vectors(done):
    assert all("embed" not in kinds for kinds in done.record.floor.values())


def test_words_that_the_model_does_not_have_are_named(tiny, tmp_path):
    done = audit({"path": str(tiny)}, tmp_path)
    for probe in PROBES:
        there = [f for f in done.record.findings if f.probe == probe]
        english = [f for f in there if f.slice["language"] == "en" and "change" not in f.measure]
        assert {f.verdict for f in english} == {"measured"}
        assert all("dropped" not in f.estimate.details for f in english)
        chinese = [f for f in there if f.slice["language"] == "zh"]
        assert {f.verdict for f in chinese} == {"not_tested"}
        assert any(UNKNOWN in f.reason for f in chinese)
        (covered,) = [c for c in done.record.coverage if c.probe == probe]
        assert (covered.status, covered.cases, covered.failed_rows) == ("ran", 352, 0)
        rows = pq.read_table(done.run / "evidence" / f"{probe}.parquet").to_pylist()
        unknown = [row for row in rows if row["reason"] == UNKNOWN]
        assert {row["language"] for row in unknown} == {"zh"}
        assert len(unknown) == 5 * 32
    assert verify(done.run).mismatches == ()


def test_pieces_may_be_left_out(tiny, tmp_path):
    """The tiny vocabulary holds few whole words: tests lose theirs, and say which."""
    dropping = {"id": PROBES[0], "params": {"pieces": "drop", "fewest": 1}}
    done = audit({"path": str(tiny)}, tmp_path, [dropping])
    found = [f for f in done.record.findings if f.probe == PROBES[0]]
    assert {f.verdict for f in found} == {"not_tested"}
    rows = pq.read_table(done.run / "evidence" / f"{PROBES[0]}.parquet").to_pylist()
    left = [row["input"] for row in rows if row["reason"] is None]
    assert {"man", "she", "wife", "husband"} <= set(left)
    assert verify(done.run).mismatches == ()


def test_a_layer_that_is_not_there_is_an_error(tiny, tmp_path):
    done = audit({"path": str(tiny)}, tmp_path, [{"id": PROBES[0], "params": {"layer": 9}}])
    found = [f for f in done.record.findings if f.probe == PROBES[0]]
    assert {f.verdict for f in found} == {"error"}
    assert "the model has 2 layers, and no layer 9" in found[0].reason
