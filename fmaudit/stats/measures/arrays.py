"""Array code that runs alike on NumPy and on torch tensors, and scikit-learn on either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fmaudit.errors import NotEstimable, RunError
from fmaudit.stats.sample import Sample


def namespace(array: Any) -> Any:
    """The array-API namespace of an array."""
    import array_api_compat

    return array_api_compat.array_namespace(array)


def like(values: Any, array: Any) -> Any:
    """NumPy `values` where `array` lies: the same namespace and device."""
    if isinstance(array, np.ndarray):
        return np.asarray(values)
    import array_api_compat

    return namespace(array).asarray(values, device=array_api_compat.device(array))


def weights(sample: Sample, array: Any) -> Any:
    """The sample's weights where `array` lies; raises `NotEstimable` where there is no row."""
    if sample.n == 0:
        raise NotEstimable("no rows")
    return like(sample.w, array)


def share(events: Any, sample: Sample) -> float:
    """Weighted share of `events` (n booleans): Σ w·e / Σ w."""
    xp = namespace(events)
    w = weights(sample, events)
    return float(xp.sum(w * xp.astype(events, w.dtype)) / xp.sum(w))


@contextmanager
def dispatched(array: Any) -> Iterator[Any]:
    """`sklearn.metrics`, computing where `array` lies."""
    import sklearn
    from sklearn import metrics

    try:
        with sklearn.config_context(array_api_dispatch=not isinstance(array, np.ndarray)):
            yield metrics
    except RuntimeError as error:
        if "SCIPY_ARRAY_API" not in str(error):
            raise
        raise RunError(
            "scipy was loaded before fmaudit, without array support: import fmaudit first, "
            "or set SCIPY_ARRAY_API=1 in the environment"
        ) from error
