"""Rows whose map is not what they say of it."""

from __future__ import annotations

import pytest

from fmaudit.evidence import Writer
from fmaudit.reporting.verify.maps import check_maps
from fmaudit.types import AuditRecord, Case, Row

PROBE = "explanations.integrated_gradients"
COLUMNS = {
    "converged": bool,
    "error": float,
    "change": float,
    "steps": int,
    "difference": float,
    "special_score": float,
    "size": float,
    "word_scores": list[float],
}
TRUE = {
    "converged": True,
    "error": 0.1 / 2.0,
    "change": 0.01,
    "steps": 16,
    "difference": 2.0,
    "special_score": -0.4,
    "size": 4.0,  # more than the words': two tokens of one word speak against each other
    "word_scores": [3.0, -0.5],
}
UNSETTLED = TRUE | {"converged": False, "steps": 256}


def wrong(tmp_path, values, params=None, columns=COLUMNS, sound=TRUE):
    """The figures of the checks that fail for a sound row, this one, and one without a map."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    params = {"tolerance": 0.06, "most_steps": 256} if params is None else params
    with Writer(folder / f"{PROBE}.parquet", columns) as out:
        rows = [({k: v[k] for k in columns if k in v}, k) for k, v in enumerate((sound, values))]
        out.write([Row(Case(f"c{k}", "x"), found) for found, k in rows])
        out.write([Row(Case("short", "x"), {}, reason="too few words")])
    record = AuditRecord({}, {}, {}, {}, {}, (), (), (), {}, {PROBE: {"params": params}})
    return [found.figure for found in check_maps(tmp_path, record) if not found.ok]


@pytest.mark.parametrize("values", [TRUE, UNSETTLED, TRUE | {"steps": 128, "change": 0.0}])
def test_what_a_row_says_of_its_map_is_true(tmp_path, values):
    assert wrong(tmp_path, values) == []


@pytest.mark.parametrize(
    ("changes", "figures"),
    [
        ({"error": 0.9}, ["error", "converged"]),
        ({"change": 0.2}, ["converged"]),
        ({"converged": False}, ["converged"]),  # it had steps left
        ({"word_scores": [3.0, 0.5]}, ["error"]),
        ({"special_score": 0.4}, ["error"]),
        ({"difference": 1.0}, ["error"]),
        ({"word_scores": [30.0, -27.5]}, ["error"]),  # the sum is kept, not the size
        ({"error": None}, ["error", "converged"]),
    ],
)
def test_what_was_changed_is_found(tmp_path, changes, figures):
    assert wrong(tmp_path, TRUE | changes) == figures


def test_without_a_tolerance_in_the_card_nothing_is_called_verified(tmp_path):
    assert wrong(tmp_path, TRUE, params={}) == ["converged"]


@pytest.mark.parametrize(("error", "figures"), [(0.25, []), (0.125, ["error"])])
def test_a_map_without_special_tokens_or_steps(tmp_path, error, figures):
    columns = {name: COLUMNS[name] for name in ("error", "difference", "word_scores")}
    found = {"word_scores": [2.0, 0.5], "difference": 2.0, "error": error}
    assert wrong(tmp_path, found, columns=columns, sound=found | {"error": 0.25}) == figures
