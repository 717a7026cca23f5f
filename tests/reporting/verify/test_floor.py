"""A recorded floor that the repeats in the evidence speak against."""

from __future__ import annotations

import numpy as np
import pytest

from fmaudit.evidence import Writer
from fmaudit.reporting.verify.floor import check
from fmaudit.reporting.verify.rows import File
from fmaudit.types import AuditRecord, Case, Row

PROBE = "robustness.character_noise"


def repeats(path, shares, untried=0):
    """Evidence of three edits a case; `shares` of its repeats changed the class."""
    with Writer(path, {"repeat_flip": float}) as out:
        for k, share in enumerate(shares):
            case = Case(f"c{k}", "x")
            out.write([Row(case, {"repeat_flip": share}, variant=f"v{v}") for v in range(3)])
        out.write([Row(Case(f"u{k}", "x"), {}, reason="no place") for k in range(untried)])
    return File(path)


def holds(file, flips, cases="data"):
    floor = {"target": {"classify": {"flips": flips}}} if flips is not None else {}
    record = AuditRecord({}, {}, {}, {}, floor, (), (), (), {}, {PROBE: {"cases": cases}})
    return all(found.ok for found in check(record, {PROBE: file}))


def test_a_floor_without_flips_is_found_where_the_evidence_has_them(tmp_path):
    file = repeats(tmp_path / "e.parquet", [1.0] * 30 + [0.0] * 270)
    assert holds(file, {"alone": 0.0, "padded": 0.1})
    assert not holds(file, {"alone": 0.0, "padded": 0.0})
    assert not holds(file, {})
    assert not holds(file, None)


def test_a_still_model_has_no_floor(tmp_path):
    assert holds(repeats(tmp_path / "e.parquet", [0.0] * 100), {"padded": 0.0})


def test_what_was_not_tried_counts_as_still(tmp_path):
    """Three of four tried cases change, of 500: the floor may have seen no more than these."""
    file = repeats(tmp_path / "e.parquet", [1.0, 1.0, 1.0, 0.0], untried=496)
    assert holds(file, {"padded": 3 / 500})


def test_members_are_not_what_the_floor_is_of(tmp_path):
    file = repeats(tmp_path / "e.parquet", [1.0] * 100)
    assert holds(file, {"padded": 0.0}, cases="membership")
    assert not holds(file, {"padded": 0.0})


@pytest.mark.parametrize("chance", [0.002, 0.02, 0.05, 0.3])
@pytest.mark.parametrize("cases", [30, 500, 3000])
def test_chance_is_no_mismatch(tmp_path, chance, cases):
    """A floor and a probe that drew from one ranking, a thousand times: the worst of them."""
    rng = np.random.default_rng(cases)
    changes = rng.random((1000, max(cases, 500))) < chance
    seen, floor = changes[:, :cases].mean(axis=1), changes[:, :500].mean(axis=1)
    worst = int(np.argmax(seen - 2 * floor))
    changed = round(seen[worst] * cases)
    file = repeats(tmp_path / "e.parquet", [1.0] * changed + [0.0] * (cases - changed))
    assert holds(file, {"padded": float(floor[worst])})
