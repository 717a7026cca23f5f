"""Data → cases: files and cards by a column mapping, labels, recorded random draws."""

from __future__ import annotations

from fmaudit.data.cases import CaseSource
from fmaudit.data.membership import Membership, open_membership
from fmaudit.data.opening import open_cases
from fmaudit.data.survey import Survey

__all__ = ["CaseSource", "Membership", "Survey", "open_cases", "open_membership"]
