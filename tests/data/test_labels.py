from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.data.labels import match
from fmaudit.errors import DataError


@pytest.mark.parametrize(
    ("labels", "classes", "named"),
    [
        (["neg", "pos", "pos"], ("neg", "pos"), {"neg": "neg", "pos": "pos"}),
        (["NEG", " Pos"], ("neg", "pos"), {"NEG": "neg", " Pos": "pos"}),
        (["0", "1"], ("LABEL_0", "LABEL_1"), {"0": "LABEL_0", "1": "LABEL_1"}),
        (["0.0", "1.0"], ("no", "yes"), {"0.0": "no", "1.0": "yes"}),
        (["true", "False"], ("no", "yes"), {"true": "yes", "False": "no"}),
        (["true", "false"], ("true", "false"), {"true": "true", "false": "false"}),
        (["1", "2"], ("1", "2", "3"), {"1": "1", "2": "2"}),
        (["a"], ("a", "A"), {"a": "a"}),
        ([], ("no", "yes"), {}),
    ],
)
def test_labels_that_fit(
    labels: list[str], classes: tuple[str, ...], named: dict[str, str]
) -> None:
    assert match(labels, classes) == named


@pytest.mark.parametrize(
    ("labels", "classes", "said"),
    [
        (["positve", "neg"], ("neg", "positive"), "'positve' (1)"),
        (["positve", "neg"], ("neg", "positive"), "'positve' may be 'positive'"),
        (["0", "1", "2", "2"], ("no", "yes"), "'2' (2), '0' (1), '1' (1)"),
        (["neg", "1"], ("neg", "pos"), "'1' (1)"),
        # A rating of 0 to 2 must not become the classes "1", "2", "3" by number.
        (["0", "1", "2"], ("1", "2", "3"), "'0' (1)"),
        (["b"], ("B", "b "), "'b' (1)"),
        (["true", "false"], ("a", "b", "c"), "'true' (1)"),
        (["-1"], ("no", "yes"), "'-1' (1)"),
        (["٣"], ("a", "b", "c", "d"), "'٣' (1)"),
        ([str(i) for i in range(40)], ("no", "yes"), "and 30 more"),
    ],
)
def test_labels_that_do_not_fit(labels: list[str], classes: tuple[str, ...], said: str) -> None:
    with pytest.raises(DataError) as caught:
        match(labels, classes, "a.yaml: data.label")
    assert said in str(caught.value)
    assert "Its classes: " in str(caught.value)
    assert str(caught.value).startswith("a.yaml: data.label: ")


@given(st.lists(st.text(max_size=4), unique=True, min_size=1, max_size=6), st.data())
def test_class_names_are_always_themselves(classes: list[str], data: st.DataObject) -> None:
    labels = data.draw(st.lists(st.sampled_from(classes)))
    assert match(labels, tuple(classes)) == {label: label for label in labels}
