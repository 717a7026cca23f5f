"""Exhibits over evidence that is written for the test."""

from __future__ import annotations

import msgspec
import pytest

from fmaudit import evidence
from fmaudit.reporting.exhibits.source import Source
from fmaudit.reporting.language import PLAIN
from fmaudit.reporting.words import Names


@pytest.fixture
def source(record, tmp_path):
    """What an exhibit is drawn from: the record by hand, the test's own run folder."""

    def made(**changes):
        names = Names(titles={}, compare=frozenset(), categories=frozenset())
        changed = msgspec.structs.replace(record, **changes)
        return Source(changed, tmp_path, names, PLAIN)

    return made


@pytest.fixture
def written(tmp_path):
    """Write rows as the evidence of a probe, so many at a time."""

    def write(probe, columns, rows, at_once=1000):
        path = tmp_path / "evidence" / f"{probe}.parquet"
        with evidence.Writer(path, columns) as out:
            for start in range(0, len(rows), at_once):
                out.write(rows[start : start + at_once])
        return path

    return write
