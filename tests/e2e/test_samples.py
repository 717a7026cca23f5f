"""A card's `sample`, `where` and a rule's `minimum_n`, from the card to the verified record."""

from __future__ import annotations

import json

import msgspec
import pytest
from support_rows import audit, rows, write

from fmaudit.reporting import record, seal
from fmaudit.reporting.verify import verify

CARD = {
    "title": "Swaps of sex",
    "claim": "Decisions stay.",
    "method": "counterfactual_terms",
    "params": {"lexicon": "list:identity_terms/en", "attributes": ["sex"]},
    "harm": "Wrong decisions.",
    "citation": [{"text": "Our own policy, 2026"}],
}
TEXT = "the {sex} applicant from the old town has worked for {k} years at the same small shop"


def rated(minimum_n):
    """The excess flips of one direction of the swaps, with a rule of its own minimum."""
    rule = {"op": "<=", "value": 0.9, "minimum_n": minimum_n}
    where = {"direction": "male→female"}
    return [{"measure": "excess_flip_rate", "where": where, "minimum_n": 20, "rule": rule}]


@pytest.fixture
def run(tmp_path):
    """Audits 240 rows by a card with these measures and this sample."""
    write(tmp_path / "rows.csv", rows(240, TEXT, sexes=("male", "female")))
    folder = tmp_path / "mine" / "probes" / "bias"
    folder.mkdir(parents=True)

    def made(measures, sample=None):
        for name in ("mine", "all"):
            taken = sample if name == "mine" else None
            said = {**CARD, "id": f"bias.{name}", "measures": measures, "sample": taken}
            (folder / f"{name}.yaml").write_text(json.dumps(said), encoding="utf-8")
        named = ["bias.mine", "bias.all"]
        return audit(tmp_path, cards=[str(tmp_path / "mine")], probes=named)

    return made


def test_a_sample_is_part_of_all(run):
    done = run(rated(1), sample=100)
    some, whole = done.evidence("bias.mine"), done.evidence("bias.all")
    assert (some["case"].nunique(), whole["case"].nunique()) == (100, 240)
    covered = {c.probe: c.cases for c in done.record.coverage}
    assert (covered["bias.mine"], covered["bias.all"]) == (100, 240)
    kept = whole[whole["case"].isin(some["case"])].reset_index(drop=True)
    shared = ["case", "variant", "input", "flip", "gap"]  # controls are drawn anew by each probe
    assert some[shared].equals(kept[shared])
    assert verify(done.run).mismatches == ()


def test_the_slice_of_a_where_is_verified(run):
    done = run(rated(1))
    mine = [f for f in done.record.findings if f.probe == "bias.mine"]
    assert [dict(f.slice) for f in mine] == [{"direction": "male→female"}]
    assert mine[0].estimate.n == 120
    assert verify(done.run).mismatches == ()
    found = done.record.findings
    moved = [msgspec.structs.replace(f, slice={"direction": "female→male"}) for f in found]
    forged = seal.seal(done.run, msgspec.structs.replace(done.record, findings=tuple(moved)))
    record.write(done.run, forged)
    assert not verify(done.run).ok


@pytest.mark.parametrize(("minimum_n", "tested"), [(110, False), (30, True)])
def test_a_rules_minimum_is_verified(run, minimum_n, tested):
    done = run(rated(minimum_n), sample=100)
    (mine,) = [f for f in done.record.findings if f.probe == "bias.mine"]
    assert (mine.verdict != "not_tested") is tested
    assert (mine.estimate is not None) is tested
    assert verify(done.run).mismatches == ()


def test_a_sample_that_is_not_what_the_card_says_is_found(run):
    done = run(rated(1), sample=100)
    probes = {k: {**v, "sample": 60} for k, v in done.record.probes.items()}
    forged = seal.seal(done.run, msgspec.structs.replace(done.record, probes=probes))
    record.write(done.run, forged)
    wrong = {check.figure for check in verify(done.run).mismatches}
    assert "cases of the data" in wrong
