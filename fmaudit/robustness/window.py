"""How much of a text is tried: all of it, or the beginning that the model reads whole."""

from __future__ import annotations

from collections.abc import Iterable

from fmaudit.engine.asks import ask
from fmaudit.robustness.places import beginning, input_of, parts_of
from fmaudit.types import Asks, Classify, Input, Logits

ROOM = 0.75
"""The part of the window that a shortened text may fill; edits need the rest for their tokens."""

ROUNDS = 6


def fitted(inputs: Iterable[Input]) -> Asks[dict[Input, Input | None]]:
    """Each input, or its beginning where its end does not fit the model's window.

    An edit costs tokens. In a text that is cut already it would push more of the end out, and
    what changes then is not the edit's doing; so such a text is tried without its end, edited
    and unedited. None: no beginning of it is read whole.
    """
    found = {given: given for given in inputs}
    shares = dict.fromkeys(found, 1.0)
    unknown = list(found)
    for _ in range(ROUNDS):
        answers = yield from ask([Classify(input=found[given]) for given in unknown])
        cut = [
            (given, answer)
            for given, answer in zip(unknown, answers, strict=True)
            if isinstance(answer, Logits) and answer.cut
        ]
        for given, answer in cut:
            shares[given] *= ROOM * answer.tokens / (answer.tokens + answer.cut)
            found[given] = input_of(beginning(parts_of(given), shares[given]))
        unknown = [given for given, _ in cut]
    return {**found, **dict.fromkeys(unknown)}
