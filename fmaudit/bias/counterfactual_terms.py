"""Does the answer change when only the identity words of a text change?

Each text is asked as it stands, with the identity terms of one attribute exchanged, and with
as many neutral words exchanged. The measures take the second change off the first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from msgspec import Struct

from fmaudit.bias.controls import Neutral, Size, neutral
from fmaudit.bias.lexicon import Lexicon, joined
from fmaudit.bias.swaps import Swap, finder
from fmaudit.bias.words import Edit, Parts, apply, input_of, parts_of
from fmaudit.engine.asks import ask
from fmaudit.errors import UnknownName
from fmaudit.registry import Context, method
from fmaudit.scoring import classification
from fmaudit.types import (
    Asks,
    Case,
    Classify,
    Failure,
    Input,
    Response,
    Row,
    Tokenize,
    Tokens,
)

NO_CONTROL = "no neutral control: the text has too few neutral words of the swap's sizes"

COLUMNS = {
    "attribute": str,
    "direction": str,
    "flip": bool,
    "gap": float,
    "distance": float,
    "control_flip": bool,
    "control_gap": float,
    "matched": str,
    "p_base": float,
    "control": Input,
}


class SwapParams(Struct, frozen=True, forbid_unknown_fields=True):
    """What a card or a spec may set.

    `lexicon`: the word list; `beside`: another, whose neutral words, grammar and what is left alone
    serve it too. `attributes`: which of its attributes; () is all. `per_item`:
    at most this many swaps of an item and attribute, drawn by the item's id; 0 is all.
    `single_person`: every text speaks of one person (a structured row written as a sentence),
    so that words which exclude each other make it impossible.
    """

    lexicon: Lexicon
    attributes: tuple[str, ...] = ()
    per_item: int = 0
    single_person: bool = False
    beside: Lexicon | None = None

    def __post_init__(self) -> None:
        """Raises UnknownName for an attribute that the word list does not have."""
        _ = self.words
        for name in self.attributes:
            if name not in self.lexicon.attributes:
                raise UnknownName("attribute", name, self.lexicon.attributes, "attributes")
        if self.per_item < 0:
            raise ValueError("per_item counts swaps: 0 (all) or more")

    @property
    def words(self) -> Lexicon:
        """The word list, with what another lends it."""
        return joined(self.lexicon, self.beside)


class Trial(Struct, frozen=True):
    """One swap of one case with its control: three inputs to ask."""

    case: Case
    attribute: str
    direction: str
    swapped: Input
    control: Input
    matched: str

    @property
    def variant(self) -> str:
        """The stable name of the swap."""
        return variant_name(self.attribute, self.direction)


class Plan(Struct, frozen=True):
    """A swap that can be made, before its control is chosen."""

    case: Case
    attribute: str
    swap: Swap
    parts: Parts
    places: tuple[tuple[Edit, ...], ...]


@method(
    "counterfactual_terms",
    needs={"target": {"classify"}},
    data={"text"},
    columns=COLUMNS,
    params=SwapParams,
    choosing={"attributes", "per_item", "single_person"},
)
def counterfactual_terms(
    cases: Sequence[Case], params: SwapParams, context: Context
) -> Asks[list[Row]]:
    """The change of the answer when identity words change, and when neutral words do.

    Swap and control are asked alike, so that the noise floor is in both and leaves with their
    difference.

    Counterfactual token fairness: Garg et al. (2019), https://doi.org/10.1145/3306618.3317950.
    """
    plans = list(_plans(cases, params, context))
    lengths = (yield from _lengths(plans)) if "tokenize" in context.capabilities else {}
    words = neutral(params.words)
    steps = [_trial(p, words, lengths, context) if isinstance(p, Plan) else p for p in plans]
    trials = [step for step in steps if isinstance(step, Trial)]
    inputs = list(dict.fromkeys(i for t in trials for i in (t.case.input, t.swapped, t.control)))
    answers = yield from ask([Classify(input=each) for each in inputs])
    given = dict(zip(inputs, answers, strict=True))
    return [
        score(step, given, context.classes, context.positive) if isinstance(step, Trial) else step
        for step in steps
    ]


def score(
    trial: Trial,
    answers: Mapping[Input, Response],
    classes: Sequence[str],
    positive: int | None = None,
) -> Row:
    """The row of one swap from the model's answers to its three inputs.

    `flip`: the predicted class differs from the base's. `gap`: the signed change of the
    probability of the class `positive`, −1 to 1, null where there is none; `distance`: half
    the summed absolute change of all class probabilities (total variation), 0 to 1.
    `control_flip`, `control_gap`: the same of the neutral control. `p_base`: the probability
    of `positive` for the unchanged input. `matched`: swap and control change words of the
    same number of "tokens", or of "words" where the model does not tell its tokens. An
    answer that cannot be used gives a failed row.
    """
    named = {"attribute": trial.attribute, "direction": trial.direction}
    asked = {"base": trial.case.input, "swap": trial.swapped, "control": trial.control}
    probs: dict[str, tuple[float, ...]] = {}
    picked: dict[str, int] = {}
    for what, shown in asked.items():
        answer = classification(answers[shown], classes)
        if isinstance(answer, Failure):
            reason = f"{what}: {answer.reason}"
            return Row(trial.case, named, trial.variant, trial.swapped, reason, failed=True)
        picked[what], probs[what] = answer

    def gap(what: str) -> float | None:
        return None if positive is None else probs[what][positive] - probs["base"][positive]

    moved = zip(probs["swap"], probs["base"], strict=True)
    values = {
        **named,
        "flip": picked["swap"] != picked["base"],
        "gap": gap("swap"),
        "distance": math.fsum(abs(after - before) for after, before in moved) / 2,
        "control_flip": picked["control"] != picked["base"],
        "control_gap": gap("control"),
        "matched": trial.matched,
        "p_base": None if positive is None else probs["base"][positive],
        "control": trial.control,
    }
    return Row(trial.case, values, trial.variant, trial.swapped)


def _plans(cases: Sequence[Case], params: SwapParams, context: Context) -> Iterator[Plan | Row]:
    """Every swap of every case; a row with the reason where there is none to make."""
    lexicon = params.words
    finders = [finder(lexicon, name) for name in params.attributes or lexicon.attributes]
    words = neutral(lexicon)
    for case in cases:
        parts = parts_of(case.input)
        terms = {found.name: found.terms(parts) for found in finders}
        taken = [(t.part, t.start, t.end) for found in terms.values() for t in found]
        places = tuple(words.places(parts, taken)) if taken else ()
        for found in finders:
            if not terms[found.name]:
                yield _untested(case, found.name, "", f"the text has no {found.name} term")
                continue
            swaps = list(found.swaps(parts, single_person=params.single_person))
            for swap in _drawn(swaps, params.per_item, context, case, found.name):
                if swap.reason:
                    yield _untested(case, found.name, swap.direction, swap.reason)
                else:
                    yield Plan(case, found.name, swap, parts, places)


def _drawn(
    swaps: Sequence[Swap], at_most: int, context: Context, case: Case, attribute: str
) -> list[Swap]:
    """All swaps, or `at_most` of those that can be made, drawn by the case's id."""
    makeable = [swap for swap in swaps if not swap.reason]
    if not at_most or len(makeable) <= at_most:
        return list(swaps)
    rng = context.seeds.rng("per_item", case.id, attribute)
    drawn = set(rng.choice(len(makeable), at_most, replace=False).tolist())
    left = {swap.direction for number, swap in enumerate(makeable) if number not in drawn}
    return [swap for swap in swaps if swap.direction not in left]


def _lengths(plans: Sequence[Plan | Row]) -> Asks[Mapping[str, int]]:
    """How many tokens the model reads for each word that a swap or a control may touch."""
    edits = (
        edit
        for plan in plans
        if isinstance(plan, Plan)
        for edit in chain(plan.swap.edits, *plan.places)
        if not edit.agrees
    )
    words = sorted({word for edit in edits for word in (edit.old, edit.new)})
    answers = yield from ask([Tokenize(input=word) for word in words])
    # The special tokens around a word are the same for all words, so sizes stay comparable.
    return {
        word: len(answer.ids)
        for word, answer in zip(words, answers, strict=True)
        if isinstance(answer, Tokens)
    }


def _trial(plan: Plan, words: Neutral, lengths: Mapping[str, int], context: Context) -> Trial | Row:
    """Choose the control of a swap, by the case's id; a row with the reason where none fits."""
    swap = plan.swap
    own = [word for edit in swap.edits if not edit.agrees for word in (edit.old, edit.new)]
    by_tokens = all(word in lengths for word in own)
    size: Size = lengths.get if by_tokens else _words
    rng = context.seeds.rng("control", plan.case.id, plan.attribute, swap.direction)
    control = words.control(plan.parts, swap.edits, plan.places, size, rng)
    if control is None:
        return _untested(plan.case, plan.attribute, swap.direction, NO_CONTROL)
    return Trial(
        case=plan.case,
        attribute=plan.attribute,
        direction=swap.direction,
        swapped=input_of(apply(plan.parts, swap.edits)),
        control=input_of(apply(plan.parts, control)),
        matched="tokens" if by_tokens else "words",
    )


def _untested(case: Case, attribute: str, direction: str, reason: str) -> Row:
    """A swap that was not asked, counted with its reason; the model did not fail."""
    values = {"attribute": attribute, "direction": direction or None}
    return Row(case, values, variant_name(attribute, direction), reason=reason)


def _words(text: str) -> int:
    return len(text.split())


def variant_name(attribute: str, direction: str) -> str:
    """The stable name of a swap: "swap:sex:male→female"; "swap:sex" where there is none."""
    return f"swap:{attribute}:{direction}" if direction else f"swap:{attribute}"
