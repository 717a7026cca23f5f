from __future__ import annotations

import msgspec
from support_page import Page

from fmaudit.reporting import selftested
from fmaudit.reporting.html import render
from fmaudit.reporting.words import Names

replace = msgspec.structs.replace
NAMES = Names(titles={"flip_rate": "Flip rate"}, compare=frozenset())


def rate(low, high):
    return {"value": (low + high) / 2, "low": low, "high": high, "seeds": 400}


FIGURE = {
    "measure": "flip_rate",
    "op": "<=",
    "value": 0.05,
    "dose": 0.15,
    "n": 500,
    "m": 7,
    "power": rate(0.9925, 1.0),
    "false_alarms": rate(0.0, 0.0075),
    "boundary": rate(0.003, 0.0131),
    "wrong_passes": None,
}


def test_each_rate_stands_with_its_worse_end():
    (line,) = selftested.tested({"measured": {"figures": [FIGURE]}}, NAMES)
    assert (line.measure, line.rule, line.n, line.dose) == ("Flip rate", "≤ 0.050", 500, "0.15")
    assert (line.found, line.alarms, line.at, line.passes) == ("≥ 99 %", "≤ 1 %", "≤ 2 %", "—")


def test_a_probe_whose_errors_were_not_measured_has_no_lines():
    assert selftested.tested({}, NAMES) == selftested.tested({"measured": None}, NAMES) == ()


def test_it_stands_beside_its_probe(record):
    probe, card = next(iter(record.probes.items()))
    known = {"subject": "Texts with a known share.", "figures": [FIGURE], "stale": ["of old"]}
    page = Page(
        render(replace(record, probes={**record.probes, probe: card | {"measured": known}}))
    )
    assert "stale" in page.text.split("Its own measured error")[1][:20]
    assert "≥ 99 %" in page.text
    assert "of old" in page.text
