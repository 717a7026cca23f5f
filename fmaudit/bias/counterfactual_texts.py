"""Does the answer change when a text is about another group, in texts written for that?

`Case.options` are the text about another group, and one that is about the same group in other
words: the neutral control. What is measured is as of exchanged words (`counterfactual_terms`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from fmaudit.bias.counterfactual_terms import COLUMNS as SWAPPED
from fmaudit.bias.counterfactual_terms import Trial
from fmaudit.bias.counterfactual_terms import score as scored
from fmaudit.engine.asks import ask
from fmaudit.registry import Context, NoParams, method
from fmaudit.types import Asks, Case, Classify, Input, Row

COLUMNS = {**SWAPPED, "language": str, "first": Input}

MATCHED = "template"


@method("counterfactual_texts", needs={"target": {"classify"}}, data={"text"}, columns=COLUMNS)
def counterfactual_texts(
    cases: Sequence[Case], params: NoParams, context: Context
) -> Asks[list[Row]]:
    """The change of the answer between groups, and within one, in templates written for it.

    Garg et al. (2019), https://doi.org/10.1145/3306618.3317950; Huang et al. (2020),
    https://doi.org/10.18653/v1/2020.findings-emnlp.7.
    """
    trials = [trial_of(case) for case in cases if not unfit(case)]
    inputs = list(dict.fromkeys(i for t in trials for i in (t.case.input, t.swapped, t.control)))
    answers = yield from ask([Classify(input=each) for each in inputs])
    given = dict(zip(inputs, answers, strict=True))
    done = iter(trials)
    return [
        Row(case, {}, reason=why)
        if (why := unfit(case))
        else _whole(scored(next(done), given, context.classes, context.positive))
        for case in cases
    ]


def unfit(case: Case) -> str:
    """Why a case has no text about another group and no control; "" where it has both."""
    if len(case.options) != 2:
        return f"the case has {len(case.options)} options, and a text about another group has two"
    return ""


def trial_of(case: Case) -> Trial:
    """The three texts of a case."""
    swapped, control = case.options
    groups = case.groups
    direction = f"{groups.get('about', 'a')}→{groups.get('instead', 'b')}"
    return Trial(case, groups.get("attribute", ""), direction, swapped, control, MATCHED)


def _whole(row: Row) -> Row:
    """With the language of the texts, and the one about the first group (`first`)."""
    named = {"language": row.case.groups.get("language"), "first": row.case.input}
    return msgspec.structs.replace(row, values={**row.values, **named})
