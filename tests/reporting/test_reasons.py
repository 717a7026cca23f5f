"""Whatever reason an explanation gives for a row without a map, a page says it in its language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmaudit.reporting.language import language

EXPLANATIONS = Path(__file__).parents[2] / "fmaudit" / "explanations"
FILES = sorted(EXPLANATIONS.glob("*.py"))
CHINESE = language("zh")
REASON = "the prompt does not fit the model's window"
STOOD_FOR = {"found.reason": REASON, "other.reason": REASON, "what": "some words"}
"""What stands in a reason in place of a value; of other values, a number."""
AS_THEY_ARE = re.compile(r"`[^`]*`|float32|logit")
"""What is no English: code, and terms that Chinese writes in Latin letters."""


def reasons(path: Path) -> set[str]:
    """The sentences of a file that are neither documentation nor raised."""
    found = _said(ast.parse(path.read_text(encoding="utf-8")))
    return {said for said in found if len(said.split()) > 2}


def _said(node: ast.AST) -> Iterator[str]:
    documentation = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    if documentation or isinstance(node, ast.Raise):
        return
    if isinstance(node, ast.JoinedStr):
        yield "".join(map(_part, node.values))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        for inner in ast.iter_child_nodes(node):
            yield from _said(inner)


def _part(value: ast.expr) -> str:
    if isinstance(value, ast.FormattedValue):
        return STOOD_FOR.get(ast.unparse(value.value), "7")
    assert isinstance(value, ast.Constant)
    return str(value.value)


def test_reasons_are_read_off_the_files_that_give_them():
    found = reasons(EXPLANATIONS / "spans.py") | reasons(EXPLANATIONS / "answer_span.py")
    assert "the model wrote a token that its likelihoods put second: a near tie" in found
    assert f"asked for alone: {REASON}" in found
    assert len(found) > 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_reason_for_no_map_is_said_in_every_part(path):
    for reason in reasons(path):
        said = CHINESE.recorded(reason)
        assert said != reason
        assert not re.search("[A-Za-z]{3,}", AS_THEY_ARE.sub("", said)), (reason, said)


@pytest.mark.parametrize("what", ["some words", "its words"])
def test_what_was_hidden_is_said_too(what):
    said = CHINESE.recorded(f"with {what} hidden: a log-probability is not finite")
    assert not re.search("[A-Za-z]{3,}", said)
