from __future__ import annotations

import math

import pytest

from fmaudit.errors import ModelError
from fmaudit.models.callable import CallableClassifier, CallableHandle
from fmaudit.types import Classify, Failure, Logits, Pair


def ask(model, inputs):
    prepared = model.prepare([Classify(i) for i in inputs])
    return model.run(prepared, length=1, rows=len(prepared))


def test_probabilities_become_logits():
    model = CallableClassifier(lambda texts: [[0.25, 0.75] for _ in texts], ["no", "yes"])
    (answer,) = ask(model, ["x"])
    assert answer == Logits((math.log(0.25), math.log(0.75)))


def test_a_flat_list_is_the_second_classes_probability():
    model = CallableClassifier(lambda texts: [0.75 for _ in texts], ["no", "yes"])
    assert ask(model, ["x"])[0].values == pytest.approx((math.log(0.25), math.log(0.75)))


def test_certainty_is_finite():
    model = CallableClassifier(lambda texts: [[0.0, 1.0] for _ in texts], ["no", "yes"])
    values = ask(model, ["x"])[0].values
    assert all(map(math.isfinite, values))
    assert values[1] - values[0] > 80


def test_pairs_are_tuples():
    seen = []
    model = CallableClassifier(lambda rows: (seen.extend(rows), [[0.5, 0.5]] * len(rows))[1], "ab")
    ask(model, [Pair("a", "b"), "c"])
    assert seen == [("a", "b"), "c"]


def test_only_the_input_that_raises_fails():
    def picky(texts):
        if any("bad" in t for t in texts):
            raise ValueError("cannot read bad")
        return [[0.5, 0.5]] * len(texts)

    good, bad, other = ask(CallableClassifier(picky, ["a", "b"]), ["x", "bad", "y"])
    assert isinstance(good, Logits)
    assert isinstance(other, Logits)
    assert bad == Failure("ValueError: cannot read bad", transient=True)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([0.9, 0.9], "not summing to 1"),
        ([-0.5, 1.5], "below 0"),
        ([float("nan"), 1.0], "not finite"),
    ],
)
def test_what_are_no_probabilities_fails(row, reason):
    (answer,) = ask(CallableClassifier(lambda t: [row] * len(t), ["a", "b"]), ["x"])
    assert isinstance(answer, Failure)
    assert reason in answer.reason


def test_a_wrong_shape_is_an_error():
    model = CallableClassifier(lambda texts: [[0.2, 0.3, 0.5]] * len(texts), ["a", "b"])
    with pytest.raises(ModelError, match=r"shape \(2, 3\) for 2 inputs; \(2, 2\) was expected"):
        ask(model, ["x", "y"])


def test_a_handle_imports_from_beside_the_spec(tmp_path):
    (tmp_path / "my_model_for_test.py").write_text(
        "def predict(texts):\n    return [0.5] * len(texts)\n"
    )
    model = CallableHandle("my_model_for_test:predict", ("a", "b"), tmp_path).load()
    assert isinstance(ask(model, ["x"])[0], Logits)
    with pytest.raises(ModelError, match="no function 'predicted'. It has: predict"):
        CallableHandle("my_model_for_test:predicted", ("a", "b"), tmp_path).load()


def test_a_module_that_is_not_there(tmp_path):
    with pytest.raises(ModelError, match="'no_such_module_x' cannot be imported"):
        CallableHandle("no_such_module_x:f", ("a", "b"), tmp_path).load()


@pytest.mark.parametrize("beyond", [math.inf, -math.inf, math.nan])
def test_what_is_no_number_is_no_end_of_the_range(beyond):
    model = CallableClassifier(lambda t: [5.0, beyond], ["low", "high"], span=(0.0, 10.0))
    good, bad = ask(model, ["x", "y"])
    assert isinstance(good, Logits)
    assert isinstance(bad, Failure)
    assert "not finite" in bad.reason
