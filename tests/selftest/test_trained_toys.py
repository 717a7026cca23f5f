from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit.selftest.trained import toys
from fmaudit.selftest.trained.toys import Recipe

WORDS = ["red", "green", "blue", "one", "two", "three"]
TOKENS = toys.tokenizer(WORDS)
RNG = np.random.default_rng
TEXTS = [" ".join(RNG(k).choice(WORDS[:5], 3)) for k in range(200)]
TARGETS = [int("red" in text) for text in TEXTS]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(seed=0, **recipe):
    return toys.train(TOKENS, TEXTS, TARGETS, 2, Recipe(**recipe), RNG(seed))


def answers(module, texts=TEXTS):
    return toys.log_probabilities(module, TOKENS, texts)


@given(st.lists(st.lists(st.sampled_from([*WORDS, "unheard", "Red"]), max_size=9), min_size=1))
@settings(max_examples=50, deadline=None)
def test_training_reads_what_the_tokenizer_gives(texts):
    lines = [" ".join(words) for words in texts]
    ids, mask = toys._encode(TOKENS, lines)
    theirs = TOKENS(lines, padding=True, return_tensors="pt")
    assert torch.equal(ids, theirs["input_ids"])
    assert torch.equal(mask, theirs["attention_mask"])


def test_a_toy_learns_and_is_the_same_for_the_same_seed():
    module = trained()
    assert (answers(module).argmax(1) == TARGETS).all()
    assert np.array_equal(answers(module), answers(trained()))
    assert not np.array_equal(answers(module), answers(trained(seed=1)))


def test_training_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    trained()
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize("pairs", [0, 512])
def test_a_word_that_training_never_showed_has_no_effect(pairs):
    module = trained(pairs=pairs)
    assert np.array_equal(answers(module, ["three"]), answers(module, ["three three three"]))


def test_versions_with_one_label_are_told_apart_by_nothing():
    first = [text.replace("one", "two") for text in TEXTS]
    second = [text.replace("two", "one") for text in first]
    both = [*first, *second]
    labels = np.tile(TARGETS, 2)
    module = toys.train(TOKENS, both, labels, 2, Recipe(), RNG(0), versions=2)
    assert np.allclose(answers(module, first), answers(module, second), atol=1e-5)
    alone = toys.train(TOKENS, both, labels, 2, Recipe(), RNG(0))
    assert not np.allclose(answers(alone, first), answers(alone, second), atol=1e-5)


def mixed(share, seed=0):
    return toys.Mixed(Constant(1.0), Constant(-1.0), share, RNG(seed)).eval()


class Constant(torch.nn.Module):
    def __init__(self, side):
        super().__init__()
        self.side = torch.nn.Parameter(torch.tensor([-side, side]))

    def forward(self, input_ids, attention_mask):
        return self.side.expand(len(input_ids), 2)


def test_a_mixture_answers_as_the_planted_model_for_its_share_of_texts():
    texts = [" ".join(RNG(k).choice(WORDS, 12)) for k in range(4000)]
    for share in (0.0, 0.1, 0.5, 1.0):
        found = answers(mixed(share), texts).argmax(1).mean()
        assert found == pytest.approx(share, abs=4 * np.sqrt(0.25 / 4000) * (0 < share < 1))


def test_a_mixture_answers_a_text_alike_however_it_is_padded():
    module = mixed(0.5)
    longest = " ".join(["blue"] * 30)
    alone = [answers(module, [text])[0] for text in TEXTS[:40]]
    together = answers(module, [*TEXTS[:40], longest])[:40]
    assert np.array_equal(np.array(alone), together)
    assert {0, 1} == set(together.argmax(1))


def test_another_seed_tosses_other_coins():
    texts = [" ".join(RNG(k).choice(WORDS, 12)) for k in range(100)]
    one, two = (answers(mixed(0.5, seed), texts).argmax(1) for seed in (0, 1))
    assert 20 < (one != two).sum() < 80


def test_probabilities_add_up_and_have_one_row_a_text():
    found = np.exp(answers(trained(), TEXTS[:7]))
    assert found.shape == (7, 2)
    assert np.allclose(found.sum(1), 1)
