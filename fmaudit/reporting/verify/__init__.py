"""A second writing of every figure: what a record says, computed again from its evidence.

    rows, spread             the evidence, its slices, and how sums over them vary
    bounds, estimates        limits and p-values of shares and of smooth figures
    classifier, probabilities, gaps, swaps, explanations     the figures; `figures` names them
    resampled                what was drawn at random, drawn again
    precision                what float32 makes of a model that is served in less
    floor                    the recorded noise floor against repeats in the evidence
    promises, decisions      what the cards promise, and what follows from the figures
    check, results           the comparison, figure by figure

Nothing here imports `fmaudit.stats`: what both writings agree on, one mistake cannot have made.
"""

from __future__ import annotations

from fmaudit.reporting.verify.check import verify
from fmaudit.reporting.verify.results import Check, Verification

__all__ = ["Check", "Verification", "verify"]
