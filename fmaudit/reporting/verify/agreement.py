"""How agreement with stereotypes changed, written anew.

Where fewer than thirty units changed, limits and p-values are the more cautious ones of the mean's
own and of a change of halves, doubled; where none did, the latter.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np

from fmaudit.reporting.verify import changes, language
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.rows import Rows
from fmaudit.types import Estimate

_PAIR = ("excess", "base_excess")


def change(rows: Rows, ask: Ask) -> Estimate:
    """Excess agreement less the base's, within −2 and 2."""
    own = language.average(*_PAIR, low=-2, high=2)(rows, ask)
    moved = rows.where(np.not_equal(*(rows.columns[name] for name in _PAIR)))
    if own.low is not None and moved.units >= 30:
        return own
    rule = ask.rule and msgspec.structs.replace(ask.rule, value=ask.rule.value / 2)
    halves = {name: rows.columns[name] / 2 + 0.5 for name in _PAIR}
    found = changes.change(*_PAIR)(replace(rows, columns=halves), replace(ask, rule=rule))
    ends = ("value", "low", "high", "low_adj", "high_adj")
    found = msgspec.structs.replace(found, **{end: 2 * getattr(found, end) for end in ends})
    if own.low is None:
        return found
    cautious = {
        name: how(getattr(own, name), getattr(found, name))
        for how, names in ((min, ("low", "low_adj")), (max, ("high", "high_adj")))
        for name in names
    }
    for name in ("p_fail", "p_pass") if own.p_fail is not None else ():
        cautious[name] = max(getattr(own, name), getattr(found, name))
    return msgspec.structs.replace(own, **cautious, method=found.method)
