"""Where a finding stands on the page: an address that stays the same from run to run."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from fmaudit.types import Finding, encode


def address(finding: Finding) -> str:
    """An id made of what the finding is of: its probe, measure, slice and positive class."""
    what = (finding.probe, finding.measure, dict(finding.slice), finding.positive)
    return f"finding-{hashlib.sha256(encode(what)).hexdigest()[:10]}"


class Anchors:
    """The id of each finding of a record; the second of two equal ones is numbered."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        seen: Counter[str] = Counter()
        self._ids: dict[int, str] = {}
        for finding in findings:
            name = address(finding)
            seen[name] += 1
            self._ids[id(finding)] = name if seen[name] == 1 else f"{name}-{seen[name]}"

    def __call__(self, finding: Finding) -> str:
        """The id of one of these findings."""
        return self._ids[id(finding)]
