from __future__ import annotations

import math
import random
from pathlib import Path

import msgspec
import pytest
from support_texts import answer

from fmaudit import catalog, evidence, findings, plans, registry
from fmaudit.models.fakes import FakeLanguage
from fmaudit.plans import Universe
from fmaudit.privacy.members import EMPTY, PAIRED, SHARED
from fmaudit.privacy.membership_base_ratio import (
    ATTACKS,
    COLUMNS,
    OTHER_PARTS,
    OTHER_TOKENS,
    BaseRatioParams,
    membership_base_ratio,
    score,
)
from fmaudit.registry import Context
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.figures import FIGURES
from fmaudit.reporting.verify.rows import File
from fmaudit.seeds import Seeds
from fmaudit.types import Case, Failure, Pair, Request, TokenLogprobs

CARD = catalog.probe("privacy.membership_base_ratio")
CONTEXT = Context(Seeds(0), beside={"base": frozenset({"token_logprobs"})}, random_members=True)
QUICK = BaseRatioParams(permutations=199)
WORDS = ["river", "stone", "lamp", "cloud", "bread", "table", "window", "garden", "music"]
TOLD = {"overlap": 0.0, "drawn": True, "blind_p": 0.4, "blind": 0.3}


def texts(n, seed=0):
    rng = random.Random(seed)
    return [f"{' '.join(rng.choices(WORDS, k=7))} {rng.randrange(10**6)}" for _ in range(n)]


def cases(n, seed=0):
    return [Case(f"t{k:04d}", text, member=k % 2 == 0) for k, text in enumerate(texts(2 * n, seed))]


def models(known, gain=2.0):
    """A base, and a tuned model that finds words of what it knows by heart likelier by `gain`."""

    def base(before, word):
        return -4.0 - (sum(map(ord, word)) % 7) / 7

    def tuned(before, word):
        start = before + word
        return base(before, word) + (gain if any(t.startswith(start) for t in known) else 0.0)

    return {"target": FakeLanguage(tuned, key="tuned"), "base": FakeLanguage(base, key="base")}


def answered(models_):
    def one(request: Request):
        model = models_[request.on]
        (found,) = model.run(model.prepare([request]), length=0, rows=1)
        return found

    return one


def by_attack(rows):
    return {row.values["attack"]: row for row in rows}


def test_a_row_an_attack_of_published_answers():
    target = answer([-1.0, -0.5, -2.5, -0.1], [1, 0, 3, 0], spans=[(0, 1), (1, 2), (2, 3), (3, 4)])
    base = answer([-2.0, -0.4, -2.0, -0.2], [2, 0, 1, 0])
    rows = score(Case("a", "abcd", member=True), target, base, TOLD, lowest=0.5)
    assert [row.values["attack"] for row in rows] == list(ATTACKS)
    assert [row.variant for row in rows] == ["base", *ATTACKS[1:]]
    found = {name: row.values["score"] for name, row in by_attack(rows).items()}
    assert found["base ratio"] == pytest.approx((4.6 - 4.1) / 4)
    assert found["loss"] == pytest.approx(-4.1 / 4)
    assert found["Min-K%"] == pytest.approx(-1.75)
    assert found["Min-K%++"] == pytest.approx((0.0 - 1.5) / 2)
    assert found["EZ"] == pytest.approx(1.0 / 1.5)
    first = rows[0].values
    assert (first["nats"], first["base_nats"]) == (pytest.approx(4.1), pytest.approx(4.6))
    assert (first["scored_tokens"], first["cut"], first["blind"]) == (4, 0, 0.3)
    assert all("blind" not in row.values for row in rows[1:])
    assert all(row.values["blind_p"] == 0.4 for row in rows)
    assert all(set(row.values) <= set(COLUMNS) for row in rows)


def test_a_base_with_another_tokenizer_is_compared_by_the_whole_text():
    target = answer([-1.0, -1.0], ids=[5, 6])
    base = answer([-1.0, -1.0, -1.0], ids=[7, 8, 9])
    case = Case("a", "ab", member=True)
    rows = by_attack(score(case, target, base, TOLD))
    assert rows["base ratio"].values["score"] == 0.5
    assert rows["EZ"].reason == OTHER_TOKENS
    assert not rows["EZ"].failed
    cut = by_attack(score(case, target, answer([-1.0], ids=[7], cut=2), TOLD))
    assert cut["base ratio"].reason == OTHER_PARTS
    assert "blind" not in cut["base ratio"].values
    assert cut["loss"].values["score"] == -1.0


def test_a_shorter_window_is_compared_as_far_as_both_read():
    target = answer([-1.0, -2.0, -9.0], cut=4)
    base = answer([-2.0, -3.0], cut=5)
    rows = by_attack(score(Case("a", "abc", member=False), target, base, TOLD))
    assert rows["base ratio"].values["score"] == 1.0
    assert rows["base ratio"].values["scored_tokens"] == 2
    assert rows["loss"].values["score"] == -1.5


def test_a_failed_answer_fails_every_attack():
    case, fine = Case("a", "t", member=False), answer([-1.0])
    for target, base, why in (
        (Failure("lost"), fine, "lost"),
        (fine, Failure("no beginning"), "base: no beginning"),
        (answer([-math.inf]), fine, "not finite"),
    ):
        rows = score(case, target, base, TOLD)
        assert len(rows) == len(ATTACKS)
        assert all(row.failed and why in row.reason for row in rows)
        assert all("score" not in row.values and "blind" not in row.values for row in rows)


def test_every_case_has_its_rows_without_any_label(drive):
    some = cases(60)
    known = [case.input for case in some if case.member]
    odd = [
        Case("x1", "both", member=True),
        Case("x2", " both", member=False),
        Case("x3", " \n", member=False),
        Case("x4", Pair("a", "b"), member=False),
    ]

    def broken(request):
        if request.continuations == (some[3].input,) and request.on == "base":
            return Failure("too odd")
        return answered(models(known))(request)

    rows = drive(membership_base_ratio.run([*some, *odd], QUICK, CONTEXT), broken)
    assert [r.case.id for r in rows] == [c.id for c in [*some, *odd] for _ in ATTACKS]
    left = {r.case.id: r.reason for r in rows if r.case.id.startswith("x")}
    assert left == {"x1": SHARED, "x2": SHARED, "x3": EMPTY, "x4": PAIRED}
    assert {r.case.id for r in rows if r.failed} == {some[3].id}
    told = by_attack(r for r in rows if r.case.id == some[0].id)
    assert told["base ratio"].values["score"] == pytest.approx(2.0)
    assert {r.values["overlap"] for r in rows} == {1 / 61}
    assert len({r.values["blind_p"] for r in rows}) == 1
    assert drive(membership_base_ratio.run([*some, *odd], QUICK, CONTEXT), broken) == rows


def test_labels_are_no_part_of_what_is_asked(drive):
    """A label that gives members away is seen by the classifier without the model."""
    plain = cases(60)
    told = [msgspec.structs.replace(c, target="in" if c.member else None) for c in plain]
    some = {
        name: drive(membership_base_ratio.run(x, QUICK, CONTEXT), answered(models([])))
        for name, x in (("plain", plain), ("told", told))
    }
    scores = {k: [r.values["score"] for r in rows] for k, rows in some.items()}
    assert scores["plain"] == scores["told"]
    assert some["plain"][0].values["blind_p"] > 0.01
    assert some["told"][0].values["blind_p"] == 0.01


def test_too_few_are_not_asked_and_say_so(drive):
    def never(request):
        raise AssertionError(f"asked {request}")

    some = [c for c in cases(60) if c.member or c.id < "t0010"]
    rows = drive(membership_base_ratio.run(some, QUICK, CONTEXT), never)
    assert len(rows) == len(some) * len(ATTACKS)
    assert all("60 members and 5 non-members" in row.reason for row in rows)


def test_each_text_is_asked_once_of_either_model(drive):
    seen = []

    def noted(request):
        seen.append(request)
        return answered(models([]))(request)

    some = cases(55)
    drive(membership_base_ratio.run(some, QUICK, CONTEXT), noted)
    assert sorted(seen, key=repr) == sorted(
        (TokenLogprobs("", (c.input,), on=on) for c in some for on in ("target", "base")), key=repr
    )


@pytest.fixture(scope="module")
def audited(tmp_path_factory, drive) -> Path:
    """The evidence of a model that knows a tenth of its 1,000 members by heart."""
    some = cases(1000, seed=3)
    known = [case.input for case in some if case.member][:100]
    rows = drive(membership_base_ratio.run(some, QUICK, CONTEXT), answered(models(known)))
    path = tmp_path_factory.mktemp("audited") / "rows.parquet"
    with evidence.Writer(path, COLUMNS) as writer:
        writer.write(rows)
    return path


def test_the_card_finds_what_is_remembered(audited):
    planned = plans.plan(CARD, Universe({}, {}, (), None))
    found = findings.estimate(CARD, planned, audited, classes=(), m=3, seeds=Seeds(0))
    told = {(f.measure, f.slice.get("attack", "")): f for f in found}
    assert all(f.estimate is not None for f in found if f.measure != "tpr_at_0_1_percent_fpr")
    rate = told["tpr_at_1_percent_fpr", ""].estimate
    assert rate.value == pytest.approx(0.1, abs=0.005)
    assert (rate.n, rate.clusters) == (2000, 2000)
    assert findings.judge(found, {"privacy": 3})[0].verdict == "fail"
    assert told["blind_auc", ""].estimate.n == 2000
    areas = {name: told["membership_auc", name].estimate.value for name in ATTACKS}
    assert areas["base ratio"] == pytest.approx(0.55, abs=0.05)
    assert areas["base ratio"] > areas["loss"]
    advantage = told["membership_advantage", ""].estimate
    assert advantage.details["membership_auc"] == pytest.approx(areas["base ratio"])


def test_verify_takes_the_same_rows(audited):
    planned = plans.plan(CARD, Universe({}, {}, (), None))
    found = findings.estimate(CARD, planned, audited, classes=(), m=3, seeds=Seeds(0))
    file = File(audited)
    for plan, finding in zip(planned, found, strict=True):
        if finding.estimate is None:
            continue
        figure = FIGURES[plan.measure]
        rows = file.slice(figure.columns, plan.slice, where=plan.where, over=False)
        again = figure.compute(rows, Ask(plan.rule, 3, -1, 0, plan.minimum_n))
        for name in ("value", "low", "high", "n", "clusters", "p_fail", "p_pass"):
            assert getattr(again, name) == pytest.approx(getattr(finding.estimate, name), abs=1e-9)


def test_the_card_names_the_method_and_its_parameters():
    assert registry.load_method(CARD.method) is membership_base_ratio
    assert msgspec.convert(catalog.resolve_params(CARD), BaseRatioParams) == BaseRatioParams()
    with pytest.raises(msgspec.ValidationError, match="lowest"):
        msgspec.convert({"lowest": 0}, BaseRatioParams)
    (gated,) = (entry for entry in CARD.measures if entry.rule)
    assert (gated.measure, gated.rule.value) == ("tpr_at_1_percent_fpr", 0.027)
    (areas,) = (entry for entry in CARD.measures if entry.category)
    assert areas.values == ATTACKS
