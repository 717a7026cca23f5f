from __future__ import annotations

import numpy as np
import pytest

from fmaudit.evidence import Writer
from fmaudit.reporting.rows import Wanted, choose, columns, of_cases, take
from fmaudit.types import Case, Row

GAPS = (0.25, -1.5, None, float("nan"), 0.25, 1.0)


@pytest.fixture
def path(tmp_path):
    """Six rows of three cases, two to a row group."""
    found = tmp_path / "some.parquet"
    with Writer(found, {"gap": float, "flip": bool, "kind": str, "scores": list[float]}) as out:
        rows = [
            Row(
                Case(f"c{k % 3}", f"text {k}"),
                {"gap": gap, "flip": k % 2 == 0, "kind": "odd" if k % 2 else None, "scores": [1.0]},
            )
            for k, gap in enumerate(GAPS)
        ]
        for start in (0, 2, 4):
            out.write(rows[start : start + 2])
    return found


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        (Wanted(), [0, 1, 2, 3, 4, 5]),
        (Wanted(sort="gap"), [5, 0, 4, 1]),  # equal ones in the order of the file
        (Wanted(sort="gap", absolute=True), [1, 5, 0, 4]),
        (Wanted(sort="flip"), [0, 2, 4, 1, 3, 5]),
        (Wanted(where={"flip": "True"}), [0, 2, 4]),
        (Wanted(where={"kind": "odd", "case": "c0"}), [3]),
        (Wanted(having=("kind",)), [1, 3, 5]),
        (Wanted(where={"kind": "nothing"}), []),
    ],
)
def test_rows_are_chosen_and_put_in_order(path, wanted, places):
    assert choose(path, wanted).tolist() == places


def test_rows_are_taken_in_the_order_asked_for_across_row_groups(path):
    found = take(path, ["input", "scores"], [5, 0, 3])
    assert [row["input"] for row in found] == ["text 5", "text 0", "text 3"]
    assert found[0]["scores"] == [1.0]
    assert take(path, ["input"], []) == []


def test_rows_of_some_cases_keep_their_order(path):
    assert of_cases(path, np.array([5, 4, 3, 0]), ["c0", "c1"]).tolist() == [4, 3, 0]
    assert of_cases(path, np.array([5, 4]), ["else"]).tolist() == []


def test_a_columns_kind_is_what_can_be_done_with_it(path):
    kinds = columns(path)
    assert {kinds[name] for name in ("gap", "flip", "weight")} == {"number"}
    assert {kinds[name] for name in ("case", "kind", "reason")} == {"text"}
    assert {kinds[name] for name in ("groups", "scores")} == {"other"}
