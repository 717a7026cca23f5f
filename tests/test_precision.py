"""A verdict that hangs on the rounding of half precision does not stand."""

from __future__ import annotations

import shutil

import pytest
import torch
from support import listed
from support_rows import mapping, rows, write
from transformers import AutoTokenizer

import fmaudit
from fmaudit import precision
from fmaudit.engine.asks import ask
from fmaudit.engine.progress import Silent
from fmaudit.evidence import Writer
from fmaudit.models.torchmodel import TorchClassifier
from fmaudit.plans import Plan
from fmaudit.registry import Context, method
from fmaudit.reporting.record import evidence_frame
from fmaudit.reporting.verify import verify
from fmaudit.seeds import Seeds
from fmaudit.types import Attribute, Case, Classify, Estimate, Finding, Logits, Row, Rule

GAP = "false_positive_rate_difference"
TEXT = "a {sex} person works {k} hours"


class Leaning(torch.nn.Module):
    """Says yes to who is male, by a margin that bfloat16 keeps (4) or rounds away (1).

    bfloat16 has no number between 256 and 258.
    """

    def __init__(self, token: int, margin: float, dtype: torch.dtype = torch.bfloat16) -> None:
        super().__init__()
        self.unit = torch.nn.Parameter(torch.ones((), dtype=dtype))
        self.token, self.margin = token, margin

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        del attention_mask, token_type_ids
        named = (input_ids == self.token).any(1)
        base = 256 * self.unit.expand(len(input_ids))
        return torch.stack([base, base + self.margin * self.unit * named.to(base.dtype)], 1)


@pytest.fixture
def audit(tiny, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    write(tmp_path / "rows.csv", rows(400, TEXT, sexes=("male", "female")))
    asked = mapping(tmp_path, probes=["bias.group_outcomes"])

    def run(margin, out="run", dtype=torch.bfloat16, progress=None, kind=Leaning):
        module = kind(tokenizer.convert_tokens_to_ids("male"), margin, dtype)
        model = TorchClassifier(module, tokenizer, ["no", "yes"])
        return fmaudit.audit(asked, out=tmp_path / out, model=model, progress=progress)

    return run


def gap(done):
    (found,) = [
        f
        for f in done.record.findings
        if f.measure == GAP and dict(f.slice) == {"attribute": "sex"}
    ]
    return found


def test_a_verdict_that_rounding_tips_is_inconclusive(audit):
    done = audit(margin=1.0)
    found = gap(done)
    assert found.estimate.value == 0.0
    assert found.estimate.p_pass <= 0.025, "as served it passes"
    assert found.estimate.details["float32"]["difference"] == 1.0
    assert found.verdict == "inconclusive"
    assert "pass as served in bfloat16, fail with the +1 that float32 adds" in found.reason
    compared = done.record.floor["target"]["classify"]["float32"]
    assert compared == {
        "dtype": "bfloat16",
        "items": 400,
        "largest": 1.0,
        "flips": 0.5,
        "padded": 0.0,
    }
    assert done.record.floor["target"]["classify"]["flips"] == {
        "alone": 0.0,
        "padded": 0.0,
        "again": 0.0,
    }, "what a dtype moves is no noise"
    assert verify(done.run).mismatches == ()


@pytest.mark.parametrize(("margin", "verdict"), [(4.0, "fail"), (0.0, "pass")])
def test_a_verdict_that_rounding_leaves_stands(audit, margin, verdict):
    done = audit(margin)
    assert gap(done).estimate.details["float32"]["difference"] == 0.0
    assert gap(done).verdict == verdict
    assert verify(done.run).mismatches == ()


def test_served_in_float32_there_is_nothing_to_compare(audit):
    done = audit(margin=1.0, dtype=torch.float32)
    assert gap(done).verdict == "fail"
    assert "float32" not in gap(done).estimate.details
    assert not (done.run / "evidence" / "float32").exists()
    assert done.record.floor["target"]["classify"]["float32"] == {
        "dtype": "float32",
        "note": "served in float32: nothing to compare",
    }
    assert verify(done.run).ok


def test_the_evidence_in_float32_is_sealed_and_no_probe_of_its_own(audit):
    done = audit(margin=1.0)
    name = "evidence/float32/bias.group_outcomes.parquet"
    assert name in done.record.seal["files"]
    served = evidence_frame(done.run, "bias.group_outcomes")
    assert list(served["predicted"].unique()) == [0]
    shutil.copy(done.run / "evidence" / "bias.group_outcomes.parquet", done.run / name)
    wrong = {check.figure for check in verify(done.run).mismatches}
    assert {"sealed", "details.float32.difference", "details.float32.p_fail"} <= wrong


def test_without_the_evidence_in_float32_the_figures_differ(audit):
    done = audit(margin=4.0)
    (done.run / "evidence" / "float32" / "bias.group_outcomes.parquet").unlink()
    wrong = [check.figure for check in verify(done.run).mismatches]
    assert "details.float32.difference" in wrong


class Stops(Silent):
    """A run that is killed as the comparison with float32 begins."""

    def stage(self, text):
        if "float32" in text:
            raise KeyboardInterrupt


def test_a_killed_comparison_goes_on_and_a_finished_one_is_known(audit):
    with pytest.raises(KeyboardInterrupt):
        audit(margin=1.0, out="killed", progress=Stops())
    resumed, whole = audit(margin=1.0, out="killed"), audit(margin=1.0, out="whole")
    assert resumed.record.findings == whole.record.findings
    assert resumed.record.seal["content"] == whole.record.seal["content"]
    again = audit(margin=1.0, out="whole", progress=Stops())  # begins no comparison
    assert again.record.seal == whole.record.seal


@method("asks", needs={"target": {"classify"}}, data={"text"}, columns={"score": float})
def asks(cases, params, context):
    """Ask in two rounds, each under a condition."""
    first = yield from ask([Classify(c.input, under="alone") for c in cases])
    yield from ask([Attribute(c.input, replica=2) for c in cases])
    return [Row(c, {"score": a.values[1]}) for c, a in zip(cases, first, strict=True)]


def test_every_request_is_asked_in_float32_under_its_own_condition():
    cases = next(listed(3).chunks(3))
    run = precision.in_float32(asks).run(cases, None, Context(Seeds(0)))
    first = next(run)
    assert first == [Classify(c.input, under="alone", dtype="float32") for c in cases]
    second = run.send([Logits((0.0, float(k))) for k in range(3)])
    assert second == [Attribute(c.input, replica=2) for c in cases]
    with pytest.raises(StopIteration) as end:
        run.send([None] * 3)
    assert [row.values["score"] for row in end.value.value] == [0.0, 1.0, 2.0]


def test_closing_closes_the_method():
    closed = []

    @method("waits", needs={}, data={"text"}, columns={})
    def waits(cases, params, context):
        """Wait for ever."""
        try:
            yield [Classify("x")]
        finally:
            closed.append(True)

    run = precision.in_float32(waits).run([], None, Context(Seeds(0)))
    next(run)
    run.close()
    assert closed == [True]


def test_a_comparison_that_broke_passes_nothing():
    figure = Estimate(0.0, 0.0, 0.02, 99, 99, "wilson", p_fail=1.0, p_pass=1e-9)
    silent = Estimate(
        0.0, 0.0, 0.02, 99, 99, "wilson", p_fail=1.0, p_pass=1e-9,
        details={"float32": {"reason": "ValueError: no"}},
    )  # fmt: skip
    assert precision.moved(figure) == figure
    assert (precision.moved(silent).p_fail, precision.moved(silent).p_pass) == (None, None)
    said = precision.why(silent, "pass", "inconclusive", "float16")
    assert said == "pass as served in float16, and not compared with float32: ValueError: no"


RULE = Rule("<=", 0.5)
PLAN = Plan("selection_rate", "all", {}, 1, RULE, 1)


def on_both(tmp_path, served, other, m=1):
    """The selection rate of predictions (case → class, None failed) as served and in float32."""
    paths = tmp_path / "served.parquet", tmp_path / "other.parquet"
    for path, predicted in zip(paths, (served, other), strict=True):
        with Writer(path, {"predicted": int}) as out:
            out.write(
                [
                    Row(Case(name, "x"), {}, reason="no answer", failed=True)
                    if value is None
                    else Row(Case(name, "x"), {"predicted": value})
                    for name, value in predicted.items()
                ]
            )
    figure = Estimate(0.1, 0.0, 0.2, len(served), len(served), "wilson", p_fail=1.0, p_pass=1e-9)
    found = Finding("a.b", "a", "selection_rate", {}, figure, RULE, "measured", positive="yes")
    classes = ("no", "yes")
    (told,) = precision.compared([found], [PLAN], *paths, classes=classes, m=m)
    return told.estimate.details["float32"]


def test_a_difference_rests_on_thirty_units(tmp_path):
    served = {f"c{k}": 0 for k in range(100)}
    few = on_both(tmp_path, served, {f"c{k}": 0 for k in range(29)})
    assert few == {"reason": "29 units of at least 30"}
    assert on_both(tmp_path, served, {f"c{k}": 0 for k in range(30)})["difference"] == 0.0


def test_a_figure_of_fewer_units_is_compared_on_all_of_them(tmp_path):
    served = {f"c{k}": 0 for k in range(12)}
    assert on_both(tmp_path, served, served)["difference"] == 0.0
    assert on_both(tmp_path, served, {f"c{k}": 0 for k in range(11)}) == {
        "reason": "11 units of at least 12"
    }


def test_only_rows_that_both_answered_make_a_difference(tmp_path):
    """Without pairing, the row that failed in float32 alone would read as a difference."""
    served = {f"c{k}": int(k < 10) for k in range(100)}
    assert on_both(tmp_path, served, {**served, "c0": None})["difference"] == 0.0
    moved = on_both(tmp_path, served, {**served, "c0": None, "c50": 1})
    assert moved["difference"] == pytest.approx(1 / 99)


def test_no_row_of_both_is_no_difference(tmp_path):
    found = on_both(tmp_path, {"a": 1}, {"b": 1})
    assert found == {"reason": "no row of it was answered both as served and in float32"}


def test_a_module_that_is_half_in_half_precision_is_compared(audit):
    class Mixed(Leaning):
        """Its first parameter is float32; what it answers with is not."""

        def __init__(self, *args):
            super().__init__(*args)
            self.unit, unit = torch.nn.Parameter(torch.ones(())), self.unit
            self.last = torch.nn.Parameter(unit.detach())

        def forward(self, input_ids, attention_mask, token_type_ids=None):
            there = Leaning.__new__(Leaning)
            torch.nn.Module.__init__(there)
            there.unit, there.token, there.margin = self.last, self.token, self.margin
            return there(input_ids, attention_mask)

    done = audit(margin=1.0, kind=Mixed)
    assert done.record.model["dtype"] == "bfloat16"
    assert gap(done).verdict == "inconclusive"


def test_only_compared_cases_are_read(tmp_path):
    from fmaudit.rowsets import Evidence

    path = tmp_path / "e.parquet"
    with Writer(path, {"k": int}) as out:
        out.write([Row(Case(name, "x"), {"k": 1}) for name in "abcd"])
    assert Evidence(path, ["k"], cases={"b", "d"}).cases == {"b", "d"}
    assert Evidence(path, ["k"]).rows == 4
