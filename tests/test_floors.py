"""What a noise floor of a language model is measured on: the probes' own first questions."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from support import Listed, listed

from fmaudit import floors
from fmaudit.catalog import ProbeCard
from fmaudit.engine.asks import ask
from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Silent
from fmaudit.engine.scheduler import Engine
from fmaudit.matching import Matched
from fmaudit.models.fakes import FakeLanguage
from fmaudit.registry import Context, NoParams, method
from fmaudit.seeds import Seeds
from fmaudit.types import (
    Case,
    Decoding,
    FillMask,
    Generate,
    MaskedLogprobs,
    Tokenize,
    TokenLogprobs,
)


@dataclass
class Watched:
    """A model whose questions are kept."""

    model: FakeLanguage
    asked: list = field(default_factory=list)

    def answer(self, requests):
        self.asked += requests
        return self.model.run(self.model.prepare(requests), length=1, rows=1)


LANGUAGE = {"target": {"token_logprobs"}}


@method("scoring", needs=LANGUAGE, data={"text"}, columns={"x": float})
def scoring(cases, params, context):
    """A likelihood a case."""
    yield from ask([TokenLogprobs("", (case.input,)) for case in cases])
    raise AssertionError("nobody asks further than the first questions")


@method("choosing", needs=LANGUAGE, data={"text"}, columns={"x": float})
def choosing(cases, params, context):
    """First tokens, then two continuations a case, of the base and under conditions as well."""
    yield from ask([Tokenize(case.input) for case in cases])
    hows = ({"on": "base"}, {"replica": 1}, {"under": "alone"}, {"dtype": "float32"})
    beside = [TokenLogprobs(case.input, (" a", " b"), **how) for case in cases for how in hows]
    yield [*beside, *(TokenLogprobs(case.input, (" a", " b")) for case in cases)]
    raise AssertionError("nobody asks further")


@method("late", needs=LANGUAGE, data={"text"}, columns={"x": float})
def late(cases, params, context):
    """Asks other things for longer than anybody waits."""
    for k in range(20):
        yield from ask([Tokenize(f"{case.input} {k}") for case in cases])
    yield from ask([TokenLogprobs("", (case.input,)) for case in cases])
    return []


@method("writing", needs={"target": {"generate", "tokenize"}}, data={"text"}, columns={"x": float})
def writing(cases, params, context):
    """An answer a case."""
    yield from ask([Generate(case.input, Decoding(most_tokens=3)) for case in cases])
    return []


@method(
    "explaining",
    needs={"target": {"generate", "token_logprobs"}},
    data={"text"},
    columns={"x": float},
)
def explaining(cases, params, context):
    """What the model writes, and then how likely that was."""
    answers = yield from ask([Generate(case.input, Decoding(most_tokens=3)) for case in cases])
    yield from ask([TokenLogprobs("", (answer.text,)) for answer in answers])
    return []


@method("silent", needs=LANGUAGE, data={"text"}, columns={"x": float})
def silent(cases, params, context):
    """Asks nothing."""
    return []
    yield


def matched(found):
    card = ProbeCard.model_construct(id=f"test.{found.name}", family="test")
    return Matched(card, found, NoParams(), (), found.name)


def sampler(*methods, cases=None, seed=0, masked=False):
    rules = {"masked": masked, "fills": lambda text: [("a", -1.0), ("b", -2.0)]}
    watched = Watched(FakeLanguage(lambda before, word: -1.0, lambda prompt: "a b", **rules))
    engine = Engine({"target": watched, "base": watched}, Costs(), Silent())
    made = [matched(m) for m in methods]
    sources = {m.card.id: cases or listed(300) for m in made}
    return watched, floors.Sampler(engine, made, sources, Context(Seeds(seed)))


def plain(watched):
    """What was asked under no condition, of likelihoods and answers."""
    return [
        r
        for r in watched.asked
        if not isinstance(r, Tokenize) and not (r.under or r.dtype or r.replica)
    ]


def test_a_sample_of_a_probes_own_questions():
    watched, one = sampler(scoring)
    found = one.floor("token_logprobs", "float32")
    assert found.items == floors.ITEMS["token_logprobs"] == 60
    assert found.largest == {"alone": 0.0, "padded": 0.0, "again": 0.0}
    texts = {case.input for case in listed(300).cases}
    asked = plain(watched)
    assert len(asked) == len(set(asked)) == 60
    assert {r.continuations[0] for r in asked} <= texts
    assert all(r.input == "" for r in asked)


def test_every_probe_gets_its_part():
    watched, one = sampler(scoring, choosing)
    assert one.floor("token_logprobs", "float32").items == 60
    kinds = [len(r.continuations) for r in plain(watched)]
    assert kinds.count(1) == kinds.count(2) == 30


def test_half_precision_is_compared_on_more():
    _, one = sampler(scoring)
    assert one.floor("token_logprobs", "bfloat16").items == floors.COMPARED == 200


def test_a_probe_that_must_be_answered_at_length_first_is_left_out():
    """To write 200 answers only to see what is asked of them costs more than the floor."""
    watched, one = sampler(explaining, scoring)
    assert one.floor("token_logprobs", "float32").items == 30
    assert not any(isinstance(r, Generate) for r in watched.asked)


def test_what_the_base_is_asked_or_under_a_condition_is_not_drawn():
    watched, one = sampler(choosing, cases=listed(10))
    assert one.floor("token_logprobs", "bfloat16").items == 10
    assert not any(r.on == "base" for r in watched.asked)
    mine = [r for r in watched.asked if isinstance(r, TokenLogprobs) and r.on == "target"]
    assert not any((r.under or r.dtype) and r.replica for r in mine)


def test_a_probe_that_asks_too_late_is_left_out():
    watched, one = sampler(late, scoring)
    found = one.floor("token_logprobs", "float32")
    assert found.items == 30
    assert sum(isinstance(r, Tokenize) for r in watched.asked) == floors.ROUNDS * 200


@pytest.mark.parametrize("found", [silent, late])
def test_nothing_to_draw_is_no_floor(found):
    _, one = sampler(found)
    made = one.floor("token_logprobs", "float32")
    assert (made.items, made.answered, made.largest, made.delta) == (0, {}, {}, 0.0)


def test_written_answers_are_few():
    watched, one = sampler(writing, scoring)
    assert one.floor("generate", "float32").items == floors.ITEMS["generate"]
    assert not any(isinstance(r, TokenLogprobs) for r in watched.asked)


def test_the_draw_is_the_seeds():
    def drawn(seed):
        watched, one = sampler(scoring, seed=seed)
        one.floor("token_logprobs", "float32")
        return plain(watched)

    assert drawn(0) == drawn(0)
    assert set(drawn(0)) != set(drawn(1))


def test_equal_questions_are_one():
    cases = Listed([Case(f"c{k}", "the same text") for k in range(40)])
    _, one = sampler(scoring, cases=cases)
    assert one.floor("token_logprobs", "float32").items == 1


def test_used_are_the_capabilities_of_language_models():
    assert list(floors.used([matched(writing), matched(scoring)])) == ["token_logprobs", "generate"]
    assert list(floors.used([])) == []
    hidden = method(
        "hidden", needs={"target": {"masked_logprobs"}}, data={"text"}, columns={"x": float}
    )(lambda cases, params, context: iter([MaskedLogprobs("")]))
    assert list(floors.used([matched(hidden)])) == ["masked_logprobs"]


def test_places_to_fill_have_a_floor():
    filling = method(
        "filling", needs={"target": {"fill_mask"}}, data={"text"}, columns={"x": float}
    )(lambda cases, params, context: ask([FillMask(case.input) for case in cases]))
    watched, one = sampler(filling, masked=True)
    assert list(floors.used([matched(filling)])) == ["fill_mask"]
    found = one.floor("fill_mask", "float32")
    assert found.items == floors.ITEMS["fill_mask"]
    assert found.largest == {"alone": 0.0, "padded": 0.0, "again": 0.0}
    assert all(isinstance(r, FillMask) for r in watched.asked)
