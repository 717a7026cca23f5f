from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from fmaudit.selftest.trained import evidence


def decides(words):
    return [word.startswith("x") for word in words]


def test_auprc_counts_the_words_that_decide():
    text = "a xb c xd"
    spans = {"word_starts": [0, 2, 5, 7], "word_ends": [1, 4, 6, 9], "input": text}
    rows = [{**spans, "word_scores": scores} for scores in ([0, 2, 1, 3], [3, 0, 2, 1], None)]
    worst = (1 / 3 + 2 / 4) / 2
    found = evidence.auprc(pd.DataFrame(rows), decides)
    assert found == {"token_auprc": pytest.approx((1 + worst) / 2)}
    assert evidence.auprc(pd.DataFrame([rows[2]]), decides) == {}


def texts(count=300, length=10):
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        words = [*(f"w{k}" for k in range(length - 1)), "x"]
        found.append([words[k] for k in rng.permutation(length)])
    return found


def test_a_true_map_earns_what_the_word_is_worth():
    """One word of ten is worth 0.8: the map takes it out first, a random one in k of ten."""

    def chances(said):
        return np.array([0.9 if "x" in text.split() else 0.1 for text in said])

    found = evidence.best(texts(), decides, chances, np.random.default_rng(1))
    at_random = np.mean([k / 10 for k in (1, 2, 5)])
    assert found[evidence.COMPREHENSIVENESS] == pytest.approx(0.8 * (1 - at_random), abs=0.05)
    assert found[evidence.SUFFICIENCY] == pytest.approx(-0.8 * (1 - at_random), abs=0.05)


def test_where_no_word_matters_no_map_earns_anything():
    found = evidence.best(
        texts(20), decides, lambda said: np.full(len(said), 0.7), np.random.default_rng(1)
    )
    assert set(found.values()) == {0.0}
