"""The recorded noise floor against the repeats in the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fmaudit.reporting.verify.decisions import most_flips
from fmaudit.reporting.verify.results import Check
from fmaudit.reporting.verify.rows import File
from fmaudit.types import AuditRecord

REPEATS = "repeat_flip"
SLACK = 3.0  # cases
ITEMS = 500  # of the floor, at most


def check(record: AuditRecord, files: Mapping[str, File]) -> Iterator[Check]:
    """That the floor is not far below what the evidence saw of the same repeats.

    A probe with the column asks the inputs of its cases under the floor's own conditions, and
    writes the share of them under which the class changed. That share, averaged over its cases,
    is a mean over the conditions, so at most the largest share of one condition: the floor's,
    were it measured on just these inputs. It may be of a larger sample from the same ranking, or
    of texts that the probe shortened; so that only a floor below half the mean, less three cases,
    is a mismatch (of as many cases as the floor has at most, where there are more). A case that
    was not tried counts as one without a change.
    """
    stored = most_flips(record.floor)
    for probe, file in files.items():
        if file.has(REPEATS) and record.probes[probe].get("cases") != "membership":
            least = _share(file) / 2 - SLACK / max(1, min(file.cases, ITEMS))
            note = f"at least half of what {probe} saw, less three cases"
            yield Check("floor", "flips", "value", stored, least, stored >= least, note)


def _share(file: File) -> float:
    """The mean of the column over cases, one value each; 0 for a case without one."""
    values, there = file.column(REPEATS)
    of_case = {
        case: float(value)
        for (case, _), value, known in zip(file.keys, values, there, strict=True)
        if known
    }
    return sum(of_case.values()) / max(1, file.cases)
