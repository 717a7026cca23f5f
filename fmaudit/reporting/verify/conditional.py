"""The largest gap of a rate between groups in any level of a control feature, written anew."""

from __future__ import annotations

from typing import Any

import msgspec

from fmaudit.errors import NotEstimable
from fmaudit.reporting.verify import gaps
from fmaudit.reporting.verify.classifier import Rate
from fmaudit.reporting.verify.contrasts import enough_rows
from fmaudit.reporting.verify.estimates import Ask
from fmaudit.reporting.verify.rows import Rows
from fmaudit.types import Estimate


def gap(rate: Rate) -> Any:
    """The gap of one rate, as of a gap over several rates: of which level, by which pair."""

    def found(rows: Rows, ask: Ask) -> Estimate:
        enough_rows(rows)
        control = rows.columns["control"]
        levels, tables = {}, {}
        excluded: dict[str, str] = {}
        for name in sorted(set(control)):
            own = rows.where(control == name)
            cells = gaps.cells(rate, own, ask)
            out = {*own.columns["group"]} - {*cells.names}
            excluded |= {f"{name}: {group}": cells.excluded.get(group, "") for group in out}
            if len(cells.names) < 2:
                excluded[name] = "fewer than two groups"
                continue
            levels[name], tables[name] = cells, gaps.table(cells, own)
        if not levels:
            raise NotEstimable("no level with two groups")
        estimate = gaps.over(levels, rows, ask, "difference")
        details = dict(estimate.details)
        for key in ("by_rate", "by_group"):
            details.pop(key, None)
        details["level"] = details.pop("rate", next(iter(levels)))
        details |= {"by_level": tables, "excluded": excluded}
        return msgspec.structs.replace(estimate, details=details)

    return found
