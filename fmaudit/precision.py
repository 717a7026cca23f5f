"""Whether a verdict outlives the dtype that the model is served in.

Half precision is no noise: it moves every answer the same way each time. Where a model is served
in it, every method that has a rule is run once more over drawn cases with the model in float32,
and each gated figure is taken of both, on the rows that both answered. With d the figure in
float32 less the served one, the full figure plus d is held against the rule; where its verdict is
another, or d rests on too few rows, the finding is inconclusive.

Figure plus d against the threshold τ is the figure against τ − d: so the p-values of the moved
figure are those of the full rows at that threshold.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from fmaudit.errors import NotEstimable
from fmaudit.plans import Plan
from fmaudit.registry import SCORER, Context, Method
from fmaudit.rowsets import Evidence, Place
from fmaudit.stats import measures
from fmaudit.stats.sample import Question, Sample
from fmaudit.types import Asks, Attribute, Case, Estimate, Finding, Request, Response, Row, Verdict

FOLDER = "float32"
"""Where under `evidence/` the rows of the model in float32 stand."""

FEWEST = 30
"""Units that a difference rests on, or all of the figure's where it has fewer."""

KEY = "float32"
"""Where in an estimate's details the comparison stands."""


def in_float32(method: Method) -> Method:
    """The same method with every request asked of the model in float32."""

    def run(cases: Sequence[Case], params: Any, context: Context) -> Asks[list[Row]]:
        inner = method.run(cases, params, context)
        answers: Sequence[Response] | None = None
        try:
            while True:
                asked = next(inner) if answers is None else inner.send(answers)
                answers = yield [_in_float32(request) for request in asked]
        except StopIteration as stop:
            rows: list[Row] = stop.value
            return rows
        finally:
            inner.close()

    return dataclasses.replace(method, run=run)


@dataclasses.dataclass(frozen=True)
class Compared:
    """A probe's evidence as served (`full`), and that of the compared cases in both."""

    full: Evidence
    served: Evidence
    other: Evidence

    @classmethod
    def read(cls, plans: Sequence[Plan], served: Path, other: Path, place: Place) -> Compared:
        """Read the columns that the plans need of both files."""
        columns = {c for p in plans for c in (*measures.get(p.measure).columns, *p.where)}
        names = sorted(columns - {"group"})
        there = Evidence(other, names, place)
        return cls(
            Evidence(served, names, place), Evidence(served, names, place, there.cases), there
        )

    def details(
        self, figure: Estimate, planned: Plan, classes: Sequence[str], m: int
    ) -> dict[str, Any]:
        """`details.float32` of a figure. Raises `NotEstimable` where there is no difference."""
        if why := self.other.failures(planned)[1]:
            raise NotEstimable(f"in float32 {why}")
        assert planned.rule is not None
        estimate = measures.get(planned.measure).estimate
        both = self.other.answered(planned) & self.served.answered(planned)
        if not both:
            raise NotEstimable("no row of it was answered both as served and in float32")
        # Of the groups that the figure itself is of, however few of one were compared.
        excluded = figure.details.get("excluded", {})
        bare = Question(positive=planned.positive, classes=len(classes))
        one, two = (
            estimate(_kept(rows.sample(planned, both), excluded), bare)
            for rows in (self.other, self.served)
        )
        units, least = min(one.clusters, two.clusters), min(FEWEST, figure.clusters)
        if units < least:
            raise NotEstimable(f"{units} units of at least {least}")
        difference = one.value - two.value
        rule = msgspec.structs.replace(planned.rule, value=planned.rule.value - difference)
        shifted = Question(
            rule=rule,
            m=max(1, m),
            positive=planned.positive,
            classes=len(classes),
            minimum_n=planned.minimum_n,
        )
        moved_ = estimate(self.full.sample(planned), shifted)
        return {"difference": difference, "p_fail": moved_.p_fail, "p_pass": moved_.p_pass}


def compared(
    found: Sequence[Finding],
    plans: Sequence[Plan],
    served: Path,
    other: Path | str,
    *,
    classes: Sequence[str],
    m: int,
    place: Place = np.asarray,
) -> list[Finding]:
    """The findings, each gated estimate with its `details.float32`.

    `served`, `other`: the evidence as served and in float32, or the reason why there is none
    of the latter. `details.float32`: `difference` d, with `p_fail` and `p_pass` of the figure
    moved by d; or `reason`, why d could not be had.
    """
    gated = {_key(plan, classes): plan for plan in plans if plan.rule is not None}
    both = None if isinstance(other, str) else Compared.read(plans, served, other, place)

    def told(finding: Finding) -> Finding:
        figure, planned = finding.estimate, gated.get(_name(finding))
        if figure is None or finding.rule is None or planned is None:
            return finding
        try:
            if both is None:
                raise NotEstimable(str(other))
            details = both.details(figure, planned, classes, m)
        except NotEstimable as reason:
            details = {"reason": str(reason)}
        more = msgspec.structs.replace(figure, details={**figure.details, KEY: details})
        return msgspec.structs.replace(finding, estimate=more)

    return [told(finding) for finding in found]


def moved(figure: Estimate) -> Estimate:
    """The estimate with the p-values that it has in float32; itself where none was compared."""
    if KEY not in figure.details:
        return figure
    there = figure.details[KEY]
    return msgspec.structs.replace(figure, p_fail=there.get("p_fail"), p_pass=there.get("p_pass"))


def why(figure: Estimate, verdict: Verdict, other: Verdict, dtype: str) -> str:
    """Why a verdict does not stand, in a sentence."""
    there = figure.details.get(KEY, {})
    if "difference" not in there:
        cause = there.get("reason", "another figure of its family could not be")
        return f"{verdict} as served in {dtype}, and not compared with float32: {cause}"
    return (
        f"{verdict} as served in {dtype}, {other} with the {there['difference']:+.3g} that float32 "
        "adds on the compared cases: the verdict hangs on the rounding"
    )


def _in_float32(request: Request) -> Request:
    """An attribution is computed in float32 whatever is served; a scorer stays as it is."""
    if isinstance(request, Attribute) or request.on.startswith(SCORER):
        return request
    return msgspec.structs.replace(request, dtype="float32")


def _kept(sample: Sample, excluded: Mapping[str, str]) -> Sample:
    """The rows of the groups that a gap is of."""
    if not excluded:
        return sample
    return sample.take(np.array([g not in excluded for g in sample.columns["group"]], dtype=bool))


def _key(planned: Plan, classes: Sequence[str]) -> tuple[Any, ...]:
    positive = None if planned.positive is None else classes[planned.positive]
    return planned.measure, tuple(sorted(planned.slice.items())), positive


def _name(finding: Finding) -> tuple[Any, ...]:
    return finding.measure, tuple(sorted(finding.slice.items())), finding.positive
