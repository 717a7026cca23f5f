from __future__ import annotations

import random

import msgspec
import pytest
import torch
from support import Bench, listed
from support_models import Heedless
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from fmaudit.engine import floor
from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.runner import LocalRunner
from fmaudit.engine.scheduler import Engine
from fmaudit.models.torchmodel import Loaded, TorchClassifier
from fmaudit.reporting import noise
from fmaudit.seeds import Seeds
from fmaudit.types import (
    Attributions,
    Failure,
    FillMask,
    Fills,
    Generate,
    Generated,
    Likelihoods,
    MaskedLogprobs,
    Pseudo,
    Scored,
    TokenLogprobs,
)


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


def engine_of(tiny, tmp_path, wrap=lambda inner: inner, dtype=torch.float32):
    inner = AutoModelForSequenceClassification.from_pretrained(tiny).to(dtype)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    model = TorchClassifier(wrap(inner), tokenizer, ["no", "yes"])
    costs = Costs()
    runner = LocalRunner(Loaded(model), tmp_path / "answers.sqlite", costs, Silent())
    return Engine({"target": runner}, costs, Silent())


def test_a_mask_that_is_not_heeded_shows_under_padding(tiny, tmp_path):
    found = floor.measure(engine_of(tiny, tmp_path, Heedless), listed(100), Seeds(1))
    assert found.largest["padded"] > 0.1
    assert found.flips["padded"] > 0.05
    assert found.largest["again"] == 0.0


def test_a_slight_leak_shows_though_no_class_changes(tiny, tmp_path):
    engine = engine_of(tiny, tmp_path, lambda inner: Heedless(inner, heard=0.02))
    found = floor.measure(engine, listed(60), Seeds(1))
    assert 0.001 < found.delta < 0.5
    assert found.most_flips <= 0.05
    (said, mask, _) = noise.words("classify", msgspec.to_builtins(found))
    assert "scores moved by up to" in said
    assert "arithmetic" not in said
    assert "attention mask" in mask


def test_a_sound_model_is_not_told_to_heed_its_mask(tiny, tmp_path):
    found = floor.measure(engine_of(tiny, tmp_path), listed(60), Seeds(1))
    assert found.delta < 1e-4
    said = noise.words("classify", msgspec.to_builtins(found))
    assert said[0] == "The same input was answered alike every time: no class changed."
    assert said[1] == "Number format: served in float32: nothing to compare."


@pytest.mark.parametrize("heard", [0.02, 1.0])
def test_a_leak_shows_beside_the_rounding(tiny, tmp_path, heard):
    engine = engine_of(tiny, tmp_path, lambda m: Heedless(m, heard), torch.bfloat16)
    found = floor.measure(engine, listed(60), Seeds(1), dtype="bfloat16")
    assert found.float32.padded > 0.01
    said = " ".join(noise.words("classify", msgspec.to_builtins(found)))
    assert "attention mask" in said
    assert "arithmetic" not in said


def test_rounding_alone_is_no_leak(tiny, tmp_path):
    engine = engine_of(tiny, tmp_path, dtype=torch.bfloat16)
    found = floor.measure(engine, listed(60), Seeds(1), dtype="bfloat16")
    assert found.largest["padded"] > 1e-3, "padding changes the rounding"
    assert found.float32.padded < 1e-4
    said = " ".join(noise.words("classify", msgspec.to_builtins(found)))
    assert "Differences of this size are the arithmetic's" in said
    assert "attention mask" not in said


def test_chance_is_no_leak(tmp_path):
    rng = random.Random(0)
    bench = Bench(tmp_path, lambda text: (0.0, 3.0 + rng.uniform(-1, 1)))
    found = floor.measure(bench.engine, listed(100), Seeds(1))
    assert found.largest["padded"] > 1.0
    assert "attention mask" not in " ".join(noise.words("classify", msgspec.to_builtins(found)))


def test_half_precision_is_compared_and_is_no_noise(tiny, tmp_path):
    engine = engine_of(tiny, tmp_path, dtype=torch.bfloat16)
    found = floor.measure(engine, listed(60), Seeds(1), dtype="bfloat16")
    assert found.float32.items == 60
    assert 1e-4 < found.float32.largest < 1.0
    assert "float32" not in found.largest
    assert "served in bfloat16" in noise.words("classify", msgspec.to_builtins(found))[-1]


def test_what_cannot_be_run_in_float32_says_so(bench):
    found = floor.measure(bench.engine, listed(20), Seeds(1), dtype="unknown")
    assert found.float32.largest is None
    assert "cannot be run in float32" in found.float32.note


def test_attributions_are_asked_again(tiny, tmp_path):
    found = floor.measure_maps(engine_of(tiny, tmp_path), listed(15), Seeds(1))
    assert (found.items, found.answered) == (10, {"again": 10})
    assert found.delta == 0.0
    (said,) = noise.words("attribute", msgspec.to_builtins(found))
    assert "10 inputs" in said


def test_attributions_that_differ_show(tmp_path):
    class Dice:
        """Attributes at random."""

        def answer(self, requests):
            blank = Attributions(
                1, 0, (0, 0), (0, 1), (1, 2), (False, False), (1.0, 1.0), 2.0, 0.0, 0.0,
                8, 8, True, "mask",
            )  # fmt: skip
            return [
                msgspec.structs.replace(blank, scores=(1.0 + r.replica, 1.0), target=r.replica)
                for r in requests
            ]

    found = floor.measure_maps(Engine({"target": Dice()}, Costs(), Silent()), listed(4), Seeds(1))
    assert found.largest == {"again": 0.5}
    assert found.flips == {"again": 1.0}


# ── language models ──────────────────────────────────────────────────────────────────────


def scored(*logprobs):
    n = len(logprobs)
    return Scored(tuple(range(n)), tuple(logprobs), (0,) * n, (-1.0,) * n, (1.0,) * n)


def compared(answer, plain, dtype="float32"):
    """The floor of a model that is a function from a request to its answer."""

    class Rule:
        def answer(self, requests):
            return [answer(request) for request in requests]

    return floor.compare(Engine({"target": Rule()}, Costs(), Silent()), plain, dtype=dtype)


CHOICES = [TokenLogprobs(f"question {k}", (" a", " b")) for k in range(10)]
TEXTS = [TokenLogprobs("", (f"text {k}",)) for k in range(10)]


def leaning(request, by=0.0):
    """The first continuation leads by 0.2 nats, and less by what a condition moves."""
    return Likelihoods((scored(-1.0, -1.0 - by), scored(-1.0, -1.2)))


def test_likelihoods_are_compared_by_their_totals():
    found = compared(lambda r: leaning(r, 0.1 * (r.under == "padded")), CHOICES)
    assert found.items == 10
    assert found.answered == {"alone": 10, "padded": 10, "again": 10}
    assert found.largest == {"alone": 0.0, "padded": pytest.approx(0.1), "again": 0.0}
    assert found.flips == {"alone": 0.0, "padded": 0.0, "again": 0.0}
    assert found.delta == pytest.approx(0.1)


def test_another_likeliest_continuation_is_a_flip():
    def answer(request):
        odd = request.replica and int(request.input.split()[1]) < 3
        return leaning(request, 0.3 * bool(odd))

    found = compared(answer, CHOICES)
    assert found.flips == {"alone": 0.0, "padded": 0.0, "again": pytest.approx(0.3)}
    assert floor.unsteady({"token_logprobs": found}) == pytest.approx(0.3)


def test_a_text_alone_decides_nothing():
    def answer(request):
        return Likelihoods((scored(-1.0, -float(request.under == "alone")),))

    found = compared(answer, TEXTS)
    assert found.largest["alone"] == 1.0
    assert found.flips == {}
    assert floor.unsteady({"token_logprobs": found}) == 0.0


def test_flips_are_counted_among_those_that_decide():
    def answer(request):
        if request.input:
            return leaning(request, 0.3 * (request.under == "alone"))
        return Likelihoods((scored(-1.0),))

    assert compared(answer, [*CHOICES[:2], *TEXTS]).flips["alone"] == 1.0


def test_hidden_tokens_are_compared_by_their_sum():
    plain = [MaskedLogprobs(f"text {k}") for k in range(4)]
    found = compared(lambda r: Pseudo(scored(-1.0, -0.5 * r.replica), (1, 2)), plain)
    assert found.largest == {"alone": 0.0, "padded": 0.0, "again": 0.5}
    assert found.flips == {}


def test_words_of_a_place_are_compared_by_their_own_figures():
    """A word that is missing fell below the last; a newcomer may have stood right below it."""
    plain = [FillMask("the cat")]

    def compare(words, logprobs):
        changed = Fills(words, logprobs)
        base = Fills(("sat", "ran", "lay"), (-1.0, -2.0, -3.0))
        return compared(lambda r: changed if r.replica else base, plain)

    found = compare(("ran", "sat", "lay"), (-1.25, -1.5, -3.0))
    assert found.largest == {"alone": 0.0, "padded": 0.0, "again": 0.75}
    assert found.flips == {}
    assert compare(("sat", "lay", "hid"), (-1.0, -2.5, -2.75)).largest["again"] == 0.75
    assert compare(("sat", "ran", "hid"), (-1.0, -2.0, -3.0)).largest["again"] == 0.0
    assert "again" not in compare((), ()).answered


def test_written_answers_are_equal_or_not():
    plain = [Generate(f"question {k}") for k in range(4)]

    def answer(request):
        odd = request.under == "padded" and request.input.endswith("3")
        return Generated("another" if odd else "one", 2, True)

    found = compared(answer, plain)
    assert found.largest == {"alone": 0.0, "padded": 1.0, "again": 0.0}
    assert found.flips == {"alone": 0.0, "padded": 0.25, "again": 0.0}
    assert floor.unsteady({"generate": found}) == 0.0, "no rule hangs on it"


def test_what_failed_under_a_condition_is_left_out():
    def answer(request):
        if request.under == "padded" or (request.under == "alone" and "1" in request.input):
            return Failure("no room")
        return leaning(request)

    found = compared(answer, CHOICES)
    assert found.answered == {"alone": 9, "again": 10}
    assert found.largest.keys() == {"alone", "again"}


def test_how_many_more_first_ones_lead_in_float32():
    """As served 4 of 10 first continuations lead, in float32 7 of them; a tie is no lead."""

    def answer(request):
        k, most = int(request.input.split()[1]), 7 if request.dtype else 4
        lead = 0.5 if k < most else (0.0 if k == 9 else -0.5)
        return Likelihoods((scored(-1.0 + lead), scored(-1.0)))

    found = compared(answer, CHOICES, dtype="bfloat16").float32
    assert found.first == pytest.approx(0.3)
    assert found.flips == pytest.approx(0.3)
    assert found.largest == pytest.approx(1.0)
    assert found.padded == 0.0
    assert found.items == 10


def test_texts_alone_have_no_first():
    found = compared(lambda r: Likelihoods((scored(-1.0),)), TEXTS, dtype="bfloat16").float32
    assert found.first is None
    assert found.flips is None
    assert found.largest == 0.0
