from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fmaudit import language_model
from fmaudit.models.torchmodel import module_digest
from fmaudit.selftest.trained import language
from fmaudit.selftest.trained.language import Recipe
from fmaudit.types import MaskedLogprobs, TokenLogprobs

WORDS = ["red", "blue", "green", "one", "two", "three"]
TOKENS = {kind: language.tokenizer(WORDS, closed=kind == "masked") for kind in ("causal", "masked")}
NEW = {"causal": language.causal, "masked": language.masked}
RNG = np.random.default_rng
TEXTS = [" ".join(RNG(k).choice(WORDS, 3 + k % 5)) for k in range(40)]
PAIRED = ["red one", "blue two", "green three"] * 40


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def trained(kind, seed=0, texts=PAIRED, **recipe):
    drawn = NEW[kind](TOKENS[kind], RNG(seed))
    recipe = Recipe(**{"epochs": 6, "batch": 16, "rate": 0.01, **recipe})
    return language.trained(drawn, TOKENS[kind], texts, recipe, RNG(seed))


@given(st.lists(st.sampled_from([*WORDS, "unheard", "Red", "..."]), min_size=1, max_size=9))
@settings(max_examples=50, deadline=None)
def test_a_word_is_a_token_with_the_space_before_it(words):
    text = " ".join(words)
    for kind, closing in (("causal", []), ("masked", [language.END])):
        tokens = TOKENS[kind]
        ids = tokens(text)["input_ids"]
        known = tokens.get_vocab()
        inner = [known.get(f"Ġ{word}", language.UNKNOWN) for word in words]
        assert ids == [language.START, *inner, *closing]
        if language.UNKNOWN not in inner:
            assert tokens.decode(inner) == f" {text}"


@pytest.mark.parametrize("kind", NEW)
def test_a_model_learns_what_stands_together(kind):
    module = trained(kind, epochs=15)
    right, wrong = (
        language.log_probabilities(module, TOKENS[kind], texts)[:, 1]
        for texts in (["red one", "blue two"], ["red two", "blue one"])
    )
    assert np.exp(right).min() > 0.8
    assert np.exp(wrong).max() < 0.2


@pytest.mark.parametrize("kind", NEW)
def test_the_same_seed_gives_the_same_weights(kind):
    first, second, other = (
        module_digest(trained(kind, seed, epochs=1), TOKENS[kind]) for seed in (0, 0, 1)
    )
    assert first == second != other


def test_training_leaves_the_global_generator_and_the_base_alone():
    base = language.causal(TOKENS["causal"], RNG(0))
    before = module_digest(base, TOKENS["causal"])
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    language.causal(TOKENS["causal"], RNG(1))
    tuned = language.trained(base, TOKENS["causal"], PAIRED, Recipe(epochs=1), RNG(0))
    assert torch.equal(torch.rand(2), expected)
    assert module_digest(base, TOKENS["causal"]) == before
    assert module_digest(tuned, TOKENS["causal"]) != before


def test_only_the_end_of_a_text_is_learned_where_that_is_asked():
    module = trained("causal", texts=[f"{text} red" for text in TEXTS * 6], last=2)
    found = language.log_probabilities(module, TOKENS["causal"], ["one two three red"])
    assert np.exp(found[0, 3:]).min() > 0.9  # "red", and that the text is over
    assert np.exp(found[0, :3]).max() < 0.2


def test_only_the_words_that_are_named_have_to_be_found():
    ids, _ = language.encoded(TOKENS["masked"], ["red one", "unheard two red"])
    every = language._found(TOKENS["masked"], ids, ())
    named = language._found(TOKENS["masked"], ids, ["red", "three"])
    red, one, two = (TOKENS["masked"].get_vocab()[f"Ġ{w}"] for w in ("red", "one", "two"))
    assert every.tolist() == [[0, red, one, 0, 0], [0, 0, two, red, 0]]
    assert named.tolist() == [[0, red, 0, 0, 0], [0, 0, 0, red, 0]]


@pytest.mark.parametrize("kind", NEW)
def test_log_probabilities_are_those_that_an_audit_reads(kind):
    tokens = TOKENS[kind]
    module = NEW[kind](tokens, RNG(0))
    ours = language.log_probabilities(module, tokens, TEXTS)
    model = language_model(module, tokens)
    request = (
        (lambda text: TokenLogprobs(input="", continuations=(text,)))
        if kind == "causal"
        else (lambda text: MaskedLogprobs(input=text))
    )
    prepared = model.prepare([request(text) for text in TEXTS])
    answers = model.run(prepared, length=max(p.length for p in prepared), rows=len(TEXTS))
    for text, mine, answer in zip(TEXTS, ours, answers, strict=True):
        scored = answer.scored[0] if kind == "causal" else answer.scored
        assert len(scored.logprobs) == len(text.split())
        assert mine[: len(scored.logprobs)] == pytest.approx(scored.logprobs, abs=1e-4)


@pytest.mark.parametrize("kind", NEW)
def test_what_stands_behind_a_text_counts_nothing(kind):
    module = NEW[kind](TOKENS[kind], RNG(0))
    alone = language.log_probabilities(module, TOKENS[kind], ["red one"])
    beside = language.log_probabilities(module, TOKENS[kind], ["red one", " ".join(WORDS)])
    assert alone.shape == (1, 3)  # two words and the end
    assert beside.shape == (2, 7)
    assert beside[0, :3] == pytest.approx(alone[0], abs=1e-5)
    assert (beside[0, 3:] == 0).all()


def test_a_model_between_two_is_the_one_or_the_other_at_the_ends():
    tokens = TOKENS["causal"]
    one, other = (language.causal(tokens, RNG(seed)) for seed in (0, 1))
    digests = [module_digest(language.between(one, other, s), tokens) for s in (0.0, 1.0)]
    assert digests == [module_digest(one, tokens), module_digest(other, tokens)]
    half = language.between(one, other, 0.5).state_dict()
    for name, weights in one.state_dict().items():
        assert torch.allclose(half[name], (weights + other.state_dict()[name]) / 2, atol=1e-6)
