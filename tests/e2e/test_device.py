"""Figures computed on tensors, where the model's device is, equal those computed by NumPy."""

from __future__ import annotations

import pytest
import torch

import fmaudit
from fmaudit import catalog, findings, plans
from fmaudit.data import open_cases
from fmaudit.models.fakes import FakeClassifier, hashed
from fmaudit.seeds import Seeds
from fmaudit.spec import load


@pytest.mark.parametrize(
    "probe", ["performance.classification", "bias.group_outcomes", "bias.counterfactual_terms"]
)
def test_tensors_give_the_figures_of_numpy(probe, spec, tmp_path):
    done = fmaudit.audit(spec, out=tmp_path / "run", model=FakeClassifier(hashed))
    classes = tuple(done.record.model["classes"])
    survey = open_cases(load(spec).data).survey
    card = catalog.probe(probe)
    planned = plans.plan(card, plans.universe(survey, classes, 1))
    placed = []

    def place(values):
        if values.dtype == object:
            return values
        placed.append(values.dtype)
        return torch.tensor(values)

    options = {"classes": classes, "m": 7, "seeds": Seeds(0)}
    path = tmp_path / "run" / "evidence" / f"{probe}.parquet"
    by_numpy = findings.estimate(card, planned, path, **options)
    by_torch = findings.estimate(card, planned, path, place=place, **options)
    assert placed
    assert sum(f.estimate is not None for f in by_numpy) >= 3
    for one, other in zip(by_numpy, by_torch, strict=True):
        assert (one.measure, one.slice, one.verdict) == (other.measure, other.slice, other.verdict)
        if one.estimate is not None:
            for name in ("value", "low", "high", "low_adj", "high_adj", "p_fail", "p_pass"):
                a, b = getattr(one.estimate, name), getattr(other.estimate, name)
                assert (a is None) == (b is None)
                assert a is None or a == pytest.approx(b, rel=1e-9, abs=1e-12)
