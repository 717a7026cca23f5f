from __future__ import annotations

from support import Listed, listed

from fmaudit.engine.sampling import draw
from fmaudit.seeds import Seeds


def test_the_sample_is_the_seeds_and_not_the_orders(bench):
    cases = listed(300).cases
    one = draw(Listed(cases), Seeds(1), 20, 50)
    two = draw(Listed(cases[::-1]), Seeds(1), 20, 7)
    other = draw(Listed(cases), Seeds(2), 20, 50)
    assert [c.id for c in one] == [c.id for c in two]
    assert {c.id for c in one} != {c.id for c in other}


def test_a_small_sample_lies_within_a_larger_one():
    small, large = (draw(listed(300), Seeds(1), count, 50) for count in (20, 60))
    assert small == large[:20]
