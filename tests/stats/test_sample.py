from __future__ import annotations

import numpy as np
import pytest
import torch

from fmaudit.errors import NotEstimable
from fmaudit.stats.sample import Question, Sample, unit_strata


def test_take_keeps_rows_weights_and_design() -> None:
    sample = Sample(
        {"x": np.arange(6), "name": np.array(list("abcdef"), dtype=object)},
        weight=np.array([1.0, 2, 1, 2, 1, 2]),
        cluster=np.array([7, 7, 3, 3, 9, 9]),
        stratum=np.array([0, 0, 0, 0, 1, 1]),
    )
    part = sample.take(np.array([True, False, True, False, False, True]))
    assert part.columns["x"].tolist() == [0, 2, 5]
    assert part.columns["name"].tolist() == ["a", "c", "f"]
    assert part.w.tolist() == [1, 1, 2]
    assert part.unit_count == 3
    assert part.design is not None
    assert part.design.tolist() == [2, 1]
    assert part.take(np.array([True, True, False])).design is part.design


def test_take_of_tensors_stays_a_tensor() -> None:
    sample = Sample({"probs": torch.rand(4, 2)})
    part = sample.take(torch.tensor([True, False, False, True]))
    assert isinstance(part.columns["probs"], torch.Tensor)
    assert part.columns["probs"].shape == (2, 2)
    assert isinstance(part.host().columns["probs"], np.ndarray)


def test_equal_weights_are_no_weights() -> None:
    assert not Sample({"x": np.arange(3)}, weight=np.full(3, 0.2)).weighted
    assert Sample({"x": np.arange(3)}, weight=np.array([1.0, 1, 2])).weighted


def test_clusters_of_one_row_are_no_clusters() -> None:
    assert not Sample({"x": np.arange(3)}, cluster=np.array([5, 1, 9])).clustered
    assert Sample({"x": np.arange(3)}, cluster=np.array([5, 1, 5])).clustered


@pytest.mark.parametrize("weight", [[1.0, 0, 1], [1.0, -1, 1], [1.0, np.nan, 1]])
def test_weights_must_count(weight: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Sample({"x": np.arange(3)}, weight=np.array(weight))


def test_arrays_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        Sample({"x": np.arange(3)}, cluster=np.arange(4))


def test_a_cluster_in_two_strata_has_no_variance() -> None:
    sample = Sample({"x": np.arange(3)}, cluster=np.array([0, 0, 1]), stratum=np.array([0, 1, 1]))
    with pytest.raises(NotEstimable, match="more than one stratum"):
        unit_strata(sample)


def test_the_positive_class_must_be_named() -> None:
    assert Question(positive=0).positive_class == 0
    with pytest.raises(NotEstimable, match="positive"):
        _ = Question().positive_class
