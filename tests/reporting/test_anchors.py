from __future__ import annotations

import msgspec
from support_page import Page

from fmaudit.reporting.html import render

replace = msgspec.structs.replace


def test_each_finding_has_one_address_that_stays(record):
    ids = [i for i in Page(render(record)).attributes("id") if i.startswith("finding-")]
    assert len(ids) == len(set(ids)) == len(record.findings)
    again = replace(record, findings=record.findings[::-1])
    assert set(ids) == {i for i in Page(render(again)).attributes("id") if i.startswith("finding-")}
