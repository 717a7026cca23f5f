from __future__ import annotations

import pytest
from support import Bench, Listed, listed

from fmaudit.engine.asks import ask, together
from fmaudit.errors import DiskFull, ModelError
from fmaudit.models.fakes import hashed
from fmaudit.registry import method
from fmaudit.types import Case, Classify, Logits, Row


def columns(needs=None, **options):
    return {
        "needs": needs or {"target": {"classify"}},
        "data": {"text"},
        "columns": {"score": float},
        **options,
    }


@method("twice", **columns())
def twice(cases, params, context):
    """Ask for the case, then for a longer one."""
    first = yield from ask([Classify(c.input) for c in cases])
    second = yield from ask([Classify(c.input + " more") for c in cases])
    return [
        Row(c, {"score": b.values[1] - a.values[1]})
        for c, a, b in zip(cases, first, second, strict=True)
    ]


@method("whole", **columns(whole=True))
def whole(cases, params, context):
    """Ask once, over all cases."""
    answers = yield from ask([Classify(c.input) for c in cases])
    return [Row(c, {"score": a.values[1]}) for c, a in zip(cases, answers, strict=True)]


@method("breaks", **columns())
def breaks(cases, params, context):
    """Break at the third chunk."""
    answers = yield from ask([Classify(c.input) for c in cases])
    if any(c.id == "c120" for c in cases):
        raise ValueError("c120 is too much")
    return [Row(c, {"score": a.values[1]}) for c, a in zip(cases, answers, strict=True)]


@method("searches", **columns())
def searches(cases, params, context):
    """A search a case; one of them breaks."""

    def search(case):
        best = 0.0
        for k in range(4):
            (answer,) = yield from ask([Classify(f"{case.input} {k}")])
            best = max(best, answer.values[1])
        if case.id == "c3":
            raise KeyError("lost")
        return best

    found = yield from together(search(c) for c in cases)
    return [
        Row(c, {"score": f}) if isinstance(f, float) else Row(c, {}, reason=f.reason, failed=True)
        for c, f in zip(cases, found, strict=True)
    ]


@method("forever", **columns())
def forever(cases, params, context):
    """Ask the same again and again."""
    while True:
        yield [Classify("the same")]


@method("nothing", **columns())
def nothing(cases, params, context):
    """Ask for nothing, for ever."""
    while True:
        yield []


def test_rows_come_in_order_and_equal_the_model(bench):
    cases = listed(175)
    task = bench.task("plain")
    bench.engine.run([task], cases)
    assert [r.case.id for r in bench.rows["plain"]] == [c.id for c in cases.cases]
    assert all(r.values["score"] == hashed(r.case.input)[1] for r in bench.rows["plain"])
    assert task.error is None
    assert task.cases == 175


def test_equal_requests_of_several_probes_are_run_once(bench):
    names = ["a", "b", "c"]
    bench.engine.run([bench.task(n) for n in names], listed(120))
    costs = bench.costs
    assert (costs.asked, costs.merged, costs.run, costs.cached) == (360, 240, 120, 0)
    assert bench.calls() == 120
    assert bench.rows["a"] == bench.rows["b"] == bench.rows["c"]


def test_methods_of_several_rounds_stay_in_step(bench):
    bench.engine.run([bench.task("plain"), bench.task("twice", twice)], listed(120))
    assert bench.calls() == 240
    assert len(bench.rows["twice"]) == 120


def test_whole_methods_see_all_cases_and_share_through_the_cache(bench):
    bench.engine.run([bench.task("plain"), bench.task("whole", whole)], listed(120))
    assert [r.values for r in bench.rows["whole"]] == [r.values for r in bench.rows["plain"]]
    assert bench.calls() == 120


def test_an_error_is_that_probes_alone(bench):
    broken, good = bench.task("breaks", breaks), bench.task("plain")
    bench.engine.run([broken, good], listed(200))
    assert isinstance(broken.error, ValueError)
    assert good.error is None
    assert len(bench.rows["plain"]) == 200
    assert len(bench.rows["breaks"]) == 100  # the chunks before


def test_a_childs_error_is_that_cases_alone(bench):
    task = bench.task("searches", searches)
    bench.engine.run([task], listed(40))
    assert task.error is None
    failed = [r for r in bench.rows["searches"] if r.failed]
    assert [(r.case.id, r.reason) for r in failed] == [("c3", "KeyError: 'lost'")]
    longest = max(answered for answered, _, _ in bench.model.shapes)
    assert longest > 1  # searches share batches


@pytest.mark.parametrize("endless", [forever, nothing])
def test_asking_without_progress_is_an_error(bench, endless):
    task, good = bench.task("endless", endless), bench.task("plain")
    bench.engine.run([task, good], listed(60))
    assert "asked nothing new" in str(task.error)
    assert len(bench.rows["plain"]) == 60


def test_a_full_disk_ends_the_run(bench, tmp_path):
    def full(rows):
        raise DiskFull(tmp_path)

    task = bench.task("plain")
    task.sink = full
    with pytest.raises(DiskFull, match="goes on where it stopped"):
        bench.engine.run([task], listed(10))


def test_a_role_without_a_model_is_an_error(bench):
    @method("asks_base", **columns())
    def asks_base(cases, params, context):
        """Ask a model that is not there."""
        yield from ask([Classify("x", on="base")])

    with pytest.raises(ModelError, match="role 'base'"):
        bench.engine.run([bench.task("base", asks_base)], listed(3))


def test_order_of_cases_and_chunks_cannot_matter(tmp_path):
    cases = listed(130).cases
    one, two = Bench(tmp_path / "1"), Bench(tmp_path / "2")
    two.engine.chunk = 7
    one.engine.run([one.task("twice", twice)], Listed(cases))
    two.engine.run([two.task("twice", twice)], Listed(cases[::-1]))
    by_id = {r.case.id: r.values for r in two.rows["twice"]}
    assert all(by_id[r.case.id] == r.values for r in one.rows["twice"])


def test_failures_are_rows_with_their_reason(tmp_path):
    bench = Bench(tmp_path, lambda t: (0.0, float("nan")) if "3" in t else (0.0, 1.0))
    bench.engine.run([bench.task("plain")], listed(20))
    failed = {r.case.id for r in bench.rows["plain"] if r.failed}
    assert failed == {"c3", "c13"}
    assert all(isinstance(r.case, Case) for r in bench.rows["plain"])
    assert isinstance(bench.engine.answer([Classify("ok")])[0], Logits)


def ids(rows):
    return [row.case.id for row in rows]


def test_a_task_is_handed_only_its_cases(bench):
    cases = listed(120)
    chosen = {c.id for c in cases.cases[::7]}
    some, every, alone = bench.task("some"), bench.task("every"), bench.task("alone", whole)
    some.only = alone.only = frozenset(chosen)
    bench.engine.run([some, every, alone], cases)
    assert ids(bench.rows["some"]) == ids(bench.rows["alone"])
    assert set(ids(bench.rows["some"])) == chosen
    assert (some.cases, every.cases) == (len(chosen), 120)
    assert bench.calls() == 120, "what a sample asks is asked once"


def test_a_task_with_its_own_source_is_not_handed_the_audits_cases(bench):
    own = Listed([Case(f"own{k}", f"another text {k}") for k in range(70)])
    mine, every = bench.task("mine"), bench.task("every")
    mine.source, mine.only = own, frozenset(c.id for c in own.cases[:60])
    bench.engine.run([mine, every], listed(30))
    assert ids(bench.rows["mine"]) == [c.id for c in own.cases[:60]]
    assert (mine.cases, every.cases) == (60, 30)


def test_a_task_without_a_case_asks_nothing(bench):
    task = bench.task("none")
    task.only = frozenset()
    bench.engine.run([task], listed(30))
    assert (task.cases, task.error, bench.calls()) == (0, None, 0)
