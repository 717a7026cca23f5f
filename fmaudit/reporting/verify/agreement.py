"""How agreement with stereotypes changed, written anew.

Where no pair changed, the limits are those of a change of halves that none showed, doubled.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from fmaudit.reporting.verify import changes, language
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.rows import Rows
from fmaudit.types import Estimate

_PAIR = ("excess", "base_excess")


def change(rows: Rows, ask: Ask) -> Estimate:
    """Excess agreement less the base's, within −2 and 2."""
    found = language.average(*_PAIR, low=-2, high=2)(rows, ask)
    if found.low is not None:
        return found
    rule = ask.rule and msgspec.structs.replace(ask.rule, value=ask.rule.value / 2)
    halves = {name: rows.columns[name] / 2 + 0.5 for name in _PAIR}
    still = changes.change(*_PAIR)(replace(rows, columns=halves), replace(ask, rule=rule))
    ends = ("value", "low", "high", "low_adj", "high_adj")
    return msgspec.structs.replace(still, **{end: 2 * getattr(still, end) for end in ends})
