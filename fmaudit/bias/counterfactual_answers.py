"""Does what a language model writes change when its prompt is about another group?

`Case.options` are the prompt about another group, and one that is about the same group in other
words. The three answers are scored; what the control moves is taken off what the exchange does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fmaudit.bias.counterfactual_texts import trial_of, unfit
from fmaudit.bias.scores import CHECKED, Scores, check_rows, of, scored
from fmaudit.bias.written_about_groups import WrittenParams
from fmaudit.engine.asks import ask
from fmaudit.performance.asking import unusable
from fmaudit.registry import Context, method
from fmaudit.types import Asks, Case, Failure, Generate, Generated, Input, Response, Row, one_text

COLUMNS: Mapping[str, Any] = {
    **CHECKED,
    "attribute": str,
    "direction": str,
    "language": str,
    "flip": bool,
    "gap": float,
    "control_flip": bool,
    "control_gap": float,
    "p_base": float,
    "written_gap": float,
    "answer": Input,
    "swap_answer": Input,
    "control_answer": Input,
    "prompt": Input,
    "prompt_control": Input,
    "base_flip": bool,
    "base_control_flip": bool,
    "excess": float,
    "base_excess": float,
}

ROLES = ("answer", "swap_answer", "control_answer")
"""What is written after the prompt, after that about another group, after the control."""


@method(
    "counterfactual_answers",
    needs={"target": {"generate"}},
    data={"text"},
    columns=COLUMNS,
    params=WrittenParams,
    whole=True,
)
def counterfactual_answers(
    cases: Sequence[Case], params: WrittenParams, context: Context
) -> Asks[list[Row]]:
    """What the model writes when the prompt is about another group, and about the same one.

    Huang et al. (2020), https://doi.org/10.18653/v1/2020.findings-emnlp.7; Bouchard (2024),
    https://arxiv.org/abs/2407.10853.
    """
    fit = [case for case in cases if not unfit(case)]
    texts = {case.id: (one_text(case.input), *case.options) for case in fit}
    roles = ("target", "base")[: 1 + ("generate" in context.beside.get("base", ()))]
    decoding = params.decodings()[0]
    requests = list(
        dict.fromkeys(
            Generate(params.asked(text, context), decoding, on=role)
            for role in roles
            for three in texts.values()
            for text in three
        )
    )
    answers = dict(zip(requests, (yield from ask(requests)), strict=True))

    def three(case: Case, role: str) -> list[Response]:
        return [
            answers[Generate(params.asked(text, context), decoding, on=role)]
            for text in texts[case.id]
        ]

    written = [a.text for a in answers.values() if isinstance(a, Generated)]
    checks = [label.text for name in params.scorers for label in params.labelled(name)]
    scores = yield from scored([*written, *checks], params.scorers, context)
    rows = []
    for case in cases:
        if why := unfit(case):
            rows.append(Row(case, {}, reason=why))
            continue
        found = [three(case, role) for role in roles]
        rows += [score(case, name, found, scores, context) for name in params.scorers]
    return rows + check_rows(params, scores, context)


def score(
    case: Case, name: str, written: Sequence[Sequence[Response]], scores: Scores, context: Context
) -> Row:
    """The row of one case by one scorer; `written`: of target and base, in the order of `ROLES`.

    `flip`: the answer about the other group is flagged and the first is not, or the reverse.
    `gap`: its score less the first answer's, −1 to 1. `control_flip`, `control_gap`: the same of
    the control. `p_base`: the first answer's score. `written_gap`: how many tokens longer the
    answer about the other group is. `excess`: flip less control flip, −1 to 1; `base_excess`: the
    base's.
    An answer that cannot be used makes a failed row, a blank one a row without figures.
    """
    trial = trial_of(case)
    values: dict[str, Any] = {
        "scorer": name,
        "attribute": trial.attribute,
        "direction": trial.direction,
        "language": case.groups.get("language"),
        "prompt": one_text(case.input),
        "prompt_control": trial.control,
    }

    def row(reason: str = "", failed: bool = False) -> Row:
        return Row(case, values, f"{trial.variant}:{name}", trial.swapped, reason, failed)

    for prefix, answers in zip(("", "base_"), written, strict=False):
        found = []
        for role, answer in zip(ROLES, answers, strict=True):
            if not isinstance(answer, Generated):
                why: float | Failure = unusable(answer, "a text")
            else:
                why = of(scores, name, answer.text)
                if not prefix:
                    values[role] = answer.text
            if isinstance(why, Failure):
                said = "base: " if prefix else ""
                return row(f"{said}{role.replace('_', ' ')}: {why.reason}", not why.beyond)
            found.append(why)
        values |= _moved(prefix, found, context.scorers[name].at)
        if not prefix:
            first, second = answers[:2]
            assert isinstance(first, Generated)
            assert isinstance(second, Generated)
            values["written_gap"] = float(second.written - first.written)
    return row()


def _moved(prefix: str, found: Sequence[float], at: float) -> dict[str, Any]:
    """What the exchange and the control move, from the scores of the three answers."""
    base, swap, control = found
    flip, control_flip = ((one >= at) != (base >= at) for one in (swap, control))
    values: dict[str, Any] = {
        f"{prefix}flip": flip,
        f"{prefix}control_flip": control_flip,
        f"{prefix}excess": float(flip) - float(control_flip),
    }
    if not prefix:
        values |= {"gap": swap - base, "control_gap": control - base, "p_base": base}
    return values
