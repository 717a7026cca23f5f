"""Whatever reason a method or a figure gives for what it lacks, a page says it in its language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmaudit import ownsets
from fmaudit.cards import DatasetCard
from fmaudit.errors import UserError
from fmaudit.reporting.language import language
from fmaudit.stats.measures import error_rates, rates

FMAUDIT = Path(__file__).parents[2] / "fmaudit"
EXPLANATIONS = FMAUDIT / "explanations"
METHODS = [
    *sorted(EXPLANATIONS.glob("*.py")),
    *sorted(set((FMAUDIT / "bias").glob("*.py")) - {FMAUDIT / "bias" / "lexicon.py"}),
    FMAUDIT / "models" / "embedding.py",
    FMAUDIT / "scoring.py",
]
"""Files whose sentences are reasons; those of a lexicon say what is wrong with it as it is read."""
FIGURES = sorted((FMAUDIT / "stats").rglob("*.py"))
CHINESE = language("zh")
REASON = "the prompt does not fit the model's window"
STOOD_FOR = {
    "found.reason": REASON,
    "other.reason": REASON,
    "answer.reason": REASON,
    "reason": REASON,
    "what": "some words",
    "AMBIGUOUS": "ambiguous",
    "DISAMBIGUATED": "disambiguated",
    "_WHAT": "occupations",
    "score": "recall",
    "denominator.replace('_', ' ')": "bytes",
    "_unlike(blind.value, p)": "the texts alone tell members from non-members",
}
"""What stands in a reason in place of a value; of other values, a number."""
IN_ONE_FILE = {
    "counterfactual_terms": {"what": "swap"},
    "ambiguous": {"what": "sentence pairs"},
    "speakers": {"side": "men"},
    "estimates": {"what": "rows", "kind": ""},
    "rates": {"self.what": "rows"},
}
"""The same in one file alone."""
AS_THEY_ARE = re.compile(
    r"`[^`]*`|float32|logit|[a-z]+\.[a-z_]+|demographic_parity_ratio|unknown|condition|BLANK|AUC"
    r"|Local Law"
)
"""What is no English: code, and terms that Chinese writes in Latin letters."""


def reasons(path: Path) -> set[str]:
    """The sentences of a file that are neither documentation nor raised."""
    found = _said(ast.parse(path.read_text(encoding="utf-8")), path.stem)
    return {said for said in found if len(said.split()) > 2 and not said.startswith("(?")}


def causes(path: Path) -> set[str]:
    """The sentences of a file that say why a figure cannot be had, or has no interval."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "NotEstimable":
            found.update(_said(node, path.stem))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            found.update(_said(node.value, path.stem))
    return {said for said in found if len(said.split()) > 1}


def _said(node: ast.AST, file: str) -> Iterator[str]:
    documentation = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if documentation or isinstance(node, ast.Raise):
        return
    if isinstance(node, ast.JoinedStr):
        yield "".join(_part(value, file) for value in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        for inner in ast.iter_child_nodes(node):
            yield from _said(inner, file)


def _part(value: ast.expr, file: str) -> str:
    if isinstance(value, ast.FormattedValue):
        held = STOOD_FOR | IN_ONE_FILE.get(file, {})
        said = held.get(ast.unparse(value.value), "7")
        return f"'{said}'" if value.conversion == ord("r") else said
    assert isinstance(value, ast.Constant)
    return str(value.value)


def in_chinese(reason: str) -> bool:
    """Whether no word of a reason stays English."""
    said = CHINESE.recorded(reason)
    return said != reason and not re.search("[A-Za-z]{3,}", AS_THEY_ARE.sub("", said))


def test_reasons_are_read_off_the_files_that_give_them():
    found = reasons(EXPLANATIONS / "spans.py") | reasons(EXPLANATIONS / "answer_span.py")
    assert "the model wrote a token that its likelihoods put second: a near tie" in found
    assert f"asked for alone: {REASON}" in found
    assert len(found) > 10
    assert f"swap: {REASON}" in reasons(FMAUDIT / "bias" / "counterfactual_terms.py")
    peak = causes(FMAUDIT / "stats" / "measures" / "stereoset.py")
    assert [said for said in peak if said.startswith("the stereotype score lies within")]
    assert "every pair is a tie" in causes(
        FMAUDIT / "stats" / "measures" / "published_preference.py"
    )


@pytest.mark.parametrize("path", METHODS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_reason_for_no_value_is_said_in_every_part(path):
    left = {said: CHINESE.recorded(said) for said in reasons(path) if not in_chinese(said)}
    assert left == {}


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_a_reason_for_no_figure_is_said_in_every_part(path):
    left = {said: CHINESE.recorded(said) for said in causes(path) if not in_chinese(said)}
    assert left == {}


@pytest.mark.parametrize("what", ["some words", "its words"])
def test_what_was_hidden_is_said_too(what):
    said = CHINESE.recorded(f"with {what} hidden: a log-probability is not finite")
    assert not re.search("[A-Za-z]{3,}", said)


@pytest.mark.parametrize(
    "what",
    sorted(
        {rate.what for rate in (rates.SELECTION, rates.TRUE_POSITIVE, rates.FALSE_POSITIVE,
                                rates.PREDICTIVE_VALUE, *error_rates.RATES)}
        | {"texts", "answers", "edited texts", "sentence pairs", "occupations"}
    ),
)  # fmt: skip
def test_what_there_are_none_of_is_said_too(what):
    assert in_chinese(f"no {what}")
    assert in_chinese(f"7 {what}, fewer than the 30 asked for")


@pytest.mark.parametrize(
    "reason",
    [
        "fewer than two groups with an estimable selection rate (7: 5 rows, fewer than the 30 "
        "asked for; 8: 3 rows, fewer than the 30 asked for)",
        "7 words of the list X, fewer than the 8 asked for",
        "fewer than two categories that are 2% of the rows",
        "0.50% of the data, under 2%: not compared",
        "all rows give the same value: nothing to estimate a variance from",
        "one independent row in a denominator: nothing to estimate a variance from",
        "nothing was resampled",
        "the estimate has no interval",
    ],
)
def test_a_reason_with_values_of_its_own_is_said_too(reason):
    assert in_chinese(reason)


def test_a_shape_takes_no_part_of_another_for_a_value():
    said = CHINESE.recorded("7 words of the list X, fewer than the 8 asked for")
    assert "X" in said
    assert "2 to" not in CHINESE.recorded("9 options, where the format has labels for 2 to 7")


def test_why_a_data_set_is_not_read_is_said_too(monkeypatch):
    card = DatasetCard.__new__(DatasetCard)
    monkeypatch.setattr(ownsets.catalog, "dataset", lambda name, extra: card)
    monkeypatch.setattr(ownsets, "_lies_in_files", lambda card: False)
    monkeypatch.setattr(ownsets, "at_hand", lambda card, cache: False)
    assert in_chinese(str(ownsets.OwnSets().had("7")))

    def broken(*given, **named):
        raise UserError("7")

    monkeypatch.setattr(ownsets, "at_hand", lambda card, cache: True)
    monkeypatch.setattr(ownsets, "open_cases", broken)
    assert in_chinese(str(ownsets.OwnSets().had("7")))
