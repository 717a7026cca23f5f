"""Many verdicts at once: Holm's step-down adjustment."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float], m: int | None = None) -> list[float]:
    """Holm-adjusted p-values, in the order given (Holm 1979, Scand. J. Stat. 6:65).

    `m`: size of the family, at least the number of p-values; members without a p-value (they
    could not be tested) count as p = 1. The family-wise error of "adjusted ≤ α" is at most α.
    """
    size = len(p_values) if m is None else m
    if size < len(p_values):
        raise ValueError(f"{len(p_values)} p-values in a family of {size}")
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (size - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
