from __future__ import annotations

import random

from support import Bench, listed

from fmaudit.engine import floor
from fmaudit.seeds import Seeds


def test_a_deterministic_model_has_no_floor(bench):
    found = floor.measure(bench.engine, listed(700), Seeds(1))
    assert found.items == 500
    assert found.largest == {"alone": 0.0, "padded": 0.0, "again": 0.0}
    assert found.delta == 0.0
    assert found.answered == {"alone": 500, "padded": 500, "again": 500}


def test_a_model_that_answers_at_random_shows_it(tmp_path):
    rng = random.Random(0)
    bench = Bench(tmp_path, lambda text: (0.0, rng.uniform(-1, 1)))
    found = floor.measure(bench.engine, listed(200), Seeds(1))
    assert found.delta > 1.0
    assert all(0.3 < share < 0.7 for share in found.flips.values())


def test_what_cannot_be_answered_makes_no_floor(tmp_path):
    bench = Bench(tmp_path, lambda text: (0.0, float("nan")))
    found = floor.measure(bench.engine, listed(20), Seeds(1))
    assert (found.items, found.answered, found.largest) == (20, {}, {})
