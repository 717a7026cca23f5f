"""What the model decides for people who are alike in a control feature.

Groups that differ in what a decision may rest on, such as education, are decided on differently
by any model that reads it. The rows name each case's value of the control, so that groups are
compared where it is the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from fmaudit.bias import group_outcomes
from fmaudit.engine.asks import ask
from fmaudit.registry import Context, method
from fmaudit.scoring import CLASSIFIED
from fmaudit.types import Asks, Case, Classify, Response, Row

NO_CONTROL = "no control feature is named: write its column in data.groups and in params.control"


class ControlParams(Struct, frozen=True, forbid_unknown_fields=True):
    """`control`: the column of `data.groups` that people are to be alike in; None: none."""

    control: str | None = None


def score(
    cases: Sequence[Case],
    responses: Sequence[Response],
    classes: Sequence[str],
    control: str,
) -> list[Row]:
    """One row a case, in order: the columns of `scoring.CLASSIFIED`, and `control`.

    A case without a label, a group or a value of the control has a row without values.

    Raises:
        UnknownName: a case's target is none of the classes.
        ValueError: not one response a case.
    """
    rows = group_outcomes.score(cases, responses, classes)
    return [_controlled(row, control) for row in rows]


@method(
    "conditional_outcomes",
    needs={"target": {"classify"}},
    data={"text", "target", "groups"},
    columns={**CLASSIFIED, "control": str},
    params=ControlParams,
)
def conditional_outcomes(
    cases: Sequence[Case], params: ControlParams, context: Context
) -> Asks[list[Row]]:
    """The predicted and the true class of every case, beside its value of a control feature.

    Kamiran, Žliobaitė and Calders (2013), https://doi.org/10.1007/s10115-012-0584-8.
    """
    if params.control is None:
        return [Row(case, {}, reason=NO_CONTROL) for case in cases]
    responses = yield from ask([Classify(input=case.input) for case in cases])
    return score(cases, responses, context.classes, params.control)


def _controlled(row: Row, control: str) -> Row:
    level = row.case.groups.get(control)
    if level is None:
        return Row(row.case, {}, reason=f"the case has no value of {control}", failed=row.failed)
    return msgspec.structs.replace(row, values={**row.values, "control": level})
