"""How many training texts a language model gives away, and how many its base gives away already.

Rows are training texts; those that share a cluster are not independent.

    extraction_rate         share of texts whose ending the model writes word for word
    base_extraction_rate    share whose ending its base writes: these it did not learn from them
    excess_extraction_rate  extraction_rate − base_extraction_rate, paired by text
    discoverable_rate, base_discoverable_rate, excess_discoverable_rate    the same of texts whose
                            ending would be found among a number of samples

Rates are proportions (`estimates`). An excess is bounded by the score test (`changes`), which
counts the texts that one model gives away and the other does not, so that what both know widens
nothing, and has limits where neither gives anything away: 0 of 200 excludes an excess of 0.019.
Held against 0.02 a model at the threshold fails in at most 2.7 % and passes in at most 2.5 %,
summed over all outcomes from 50 to 2,000 texts. Where the texts of a cluster go together
(intra-cluster correlation 0.3) and the base gives none away alone, it passes in 7 % at 60 clusters
of ten. Carlini et al. 2021, 2023.
"""

from __future__ import annotations

from fmaudit.stats.measures.base import Measure
from fmaudit.stats.measures.columns import change, rate

_WHAT = "texts"


def _rates(stem: str, title: str, column: str) -> tuple[Measure, Measure, Measure]:
    """The model's rate, its base's, and the excess of the first."""
    base = f"base_{column}"
    return (
        rate(f"{stem}_rate", title, column, "lower", _WHAT),
        rate(f"base_{stem}_rate", f"{title}, of the base", base, "neither", _WHAT),
        change(f"excess_{stem}_rate", f"{title}, less the base's", (column, base), "lower", _WHAT),
    )


MEASURES = (
    *_rates("extraction", "Extraction rate", "extracted"),
    *_rates("discoverable", "Discoverable rate", "discoverable"),
)
