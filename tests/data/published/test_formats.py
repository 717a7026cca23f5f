from __future__ import annotations

from typing import get_args

from fmaudit.cards import Published
from fmaudit.data.published import FORMATS


def test_a_card_may_name_every_format():
    assert set(get_args(Published)) == set(FORMATS)


def test_columns_are_named_once():
    for name, kind in FORMATS.items():
        assert len(set(kind.columns)) == len(kind.columns), name
