"""Maps of word scores: is what each row says of itself true of the row?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fmaudit.reporting.verify.results import Check
from fmaudit.types import AuditRecord

SUMS = ("word_scores", "difference", "error")
ENDED = ("converged", "error", "change", "steps")
FEWEST = 16  # steps that are always taken
ROUNDING = 1e-6


def check_maps(run: Path, record: AuditRecord) -> Iterator[Check]:
    """The rows of every evidence file that has maps, against the card that they were made by.

    One check a file for what the scores add up to, and one for `converged` where there is one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for probe, card in record.probes.items():
        path = run / "evidence" / f"{probe}.parquet"
        if not path.is_file():
            continue
        try:
            known = set(pq.read_schema(path).names)
            if not known.issuperset(SUMS):
                continue
            wanted = known & {"case", "special_score", "size", *SUMS, *ENDED}
            rows = pq.read_table(path, columns=sorted(wanted)).to_pylist()
        except (OSError, pa.ArrowException) as error:
            yield _said(probe, "maps", [str(error)])
            continue
        mapped = [row for row in rows if row["word_scores"] is not None]
        yield _said(probe, "error", [w for row in mapped if (w := _unadded(row))])
        if known.issuperset(ENDED):
            params = card.get("params") or {}
            found = [w for row in mapped if (w := _unended(row, params))]
            yield _said(probe, "converged", found)


def _said(probe: str, figure: str, wrong: list[str]) -> Check:
    note = "; ".join(wrong[:3])
    return Check(f"{probe} maps", figure, "value", 0, len(wrong), not wrong, note)


def _unadded(row: Mapping[str, Any]) -> str:
    """What is wrong with `error` = |Σ scores − difference| / max(|difference|, 0.1·Σ|scores|)."""
    if any(row[name] is None for name in ("difference", "error")):
        return f"{row['case']}: a map without its difference or error"
    scores = [*row["word_scores"], row.get("special_score") or 0.0]
    least = math.fsum(map(abs, scores))
    size = row["size"] if row.get("size") is not None else least
    scale = max(abs(row["difference"]), 0.1 * size)
    off = abs(math.fsum(scores) - row["difference"])
    if least > size * (1 + ROUNDING) + ROUNDING:
        return f"{row['case']}: scores of {least:.6g} in a map of {size:.6g}"
    if not abs(off - row["error"] * scale) <= ROUNDING * max(1.0, scale):
        return f"{row['case']}: scores are {off:.6g} off, and error says {row['error'] * scale:.6g}"
    return ""


def _unended(row: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    """What is wrong with `converged`, by error and change, the tolerance and the steps taken."""
    tolerance, most = params.get("tolerance"), params.get("most_steps")
    if any(row[name] is None for name in ENDED) or tolerance is None or most is None:
        return f"{row['case']}: nothing to hold converged against"
    worst = max(row["error"], row["change"])
    if row["converged"] and not worst < tolerance:
        return f"{row['case']}: converged, and {worst:.6g} is not under {tolerance:g}"
    if not row["converged"] and 2 * row["steps"] <= max(most, FEWEST):
        return f"{row['case']}: ended after {row['steps']} of {most} steps, and not converged"
    return ""
