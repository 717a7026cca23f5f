"""Does the answer stay when a text has the small errors that real texts have?

Each text is asked as it stands, asked again in other batches, and asked with errors of several
kinds and budgets. The measures take what asking again changes off what the errors change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

from fmaudit.engine.asks import ask
from fmaudit.registry import Context, method
from fmaudit.robustness.edits import Kind, apply, edits
from fmaudit.robustness.noise import Noise
from fmaudit.robustness.places import Place, input_of, letters, parts_of, places
from fmaudit.robustness.repeats import compared, unusable, with_repeats
from fmaudit.robustness.window import fitted
from fmaudit.scoring import classified
from fmaudit.types import Asks, Case, Classify, Input, Response, Row

NOWHERE = "no letter of the text can take an edit of this kind"
UNREAD = "the model reads no beginning of the text whole"

COLUMNS = {
    "kind": str,
    "budget": str,
    "edits": int,
    "share": float,
    "read": float,
    "flip": bool,
    "repeat_flip": float,
    "correct": bool,
    "noisy_correct": bool,
    "repeat_correct": float,
    "gap": float,
    "distance": float,
    "p_base": float,
    "cut": int,
    "unedited": Input,
}


class NoiseParams(Struct, frozen=True, forbid_unknown_fields=True):
    """What a card or a spec may set.

    `noise`: the lists. `kinds`: which of the five. `budgets`: name → the most edits, as a share
    of the text's letters, over 0 and at most 0.25; one edit is made at the least. `shortest`:
    fewest letters of a word that is edited; it gets one edit for each so many letters.
    """

    noise: Noise
    kinds: tuple[Kind, ...] = ("keyboard", "ocr", "casing", "homoglyph", "invisible")
    budgets: Mapping[str, float] = field(default_factory=lambda: {"low": 0.02})
    shortest: int = 4

    def __post_init__(self) -> None:
        """Raises ValueError that names the key."""
        for name, share in self.budgets.items():
            if not 0 < share <= 0.25:
                raise ValueError(f"budgets: {name}: a share of the letters over 0, at most 0.25")
        if not self.kinds or not self.budgets:
            raise ValueError("kinds, budgets: one at the least of each")
        if self.shortest < 3:
            raise ValueError("shortest: 3 letters or more, so that a word has an inside")


class Text(Struct, frozen=True):
    """What of a case is tried, how many letters it has, and which of them may be edited."""

    case: Case
    unedited: Input
    letters: int
    places: Sequence[Place]


class Trial(Struct, frozen=True):
    """One edit of one case: `unedited` is its input, or the beginning that the model reads.

    `edits` were made; `share` of the letters of `unedited`. `read`: the part of the case's
    characters that `unedited` has, 0 to 1.
    """

    case: Case
    kind: Kind
    budget: str
    unedited: Input
    edited: Input
    edits: int
    share: float
    read: float

    @property
    def said(self) -> dict[str, object]:
        """The columns that do not wait for an answer."""
        names = ("kind", "budget", "edits", "share", "read", "unedited")
        return {name: getattr(self, name) for name in names}

    @property
    def variant(self) -> str:
        """The stable name of the edit."""
        return variant_name(self.kind, self.budget)


@method(
    "character_noise",
    needs={"target": {"classify"}},
    data={"text"},
    columns=COLUMNS,
    params=NoiseParams,
)
def character_noise(
    cases: Sequence[Case], params: NoiseParams, context: Context
) -> Asks[list[Row]]:
    """The change of the answer when a text has typing, scanning, casing or encoding errors.

    Belinkov and Bisk (2018), https://arxiv.org/abs/1711.02173; Boucher et al. (2022),
    https://arxiv.org/abs/2106.09898.
    """
    read = yield from fitted(c.input for c in cases if _places(c.input, params))
    steps = list(_steps(cases, read, params, context))
    trials = [step for step in steps if isinstance(step, Trial)]
    wanted = dict.fromkeys(
        request
        for trial in trials
        for request in (Classify(input=trial.edited), *asked_of(trial.unedited))
    )
    answers = dict(zip(wanted, (yield from ask(list(wanted))), strict=True))

    def scored(trial: Trial) -> Row:
        base, *repeats = (answers[request] for request in asked_of(trial.unedited))
        edited = answers[Classify(input=trial.edited)]
        return score(trial, base, edited, repeats, context.classes, context.positive)

    return [scored(step) if isinstance(step, Trial) else step for step in steps]


def asked_of(given: Input) -> tuple[Classify, ...]:
    """The request of an unedited text, and its repeats: those of the noise floor."""
    return with_repeats(Classify(input=given))


def score(
    trial: Trial,
    base: Response,
    edited: Response,
    repeats: Sequence[Response],
    classes: Sequence[str],
    positive: int | None = None,
) -> Row:
    """The row of one edit from the answers to the unedited, the edited, the repeated text.

    As `compared` says, and `gap`: the signed change of the probability of the class `positive`,
    −1 to 1, null where there is none; `p_base`: the probability of `positive` for the unedited
    text. `cut`: tokens that the edit pushes out of the window; a row with any is dropped with its
    reason. An answer that cannot be used gives a failed row.
    """
    named = [("base", base), ("edit", edited), *(("repeat", answer) for answer in repeats)]
    found = [(what, classified(trial.case, answer, classes)) for what, answer in named]
    if broken := unusable(found):
        return Row(trial.case, trial.said, trial.variant, trial.edited, broken, failed=True)
    before, after, *again = (row.values for _, row in found)
    cut = after["cut"] - before["cut"]
    if cut > 0:
        reason = f"the edit pushes {cut} tokens out of the model's window"
        return Row(trial.case, trial.said | {"cut": cut}, trial.variant, trial.edited, reason)

    values = {**trial.said, **compared(before, after, again), "cut": max(0, cut)}
    if positive is not None:
        values["gap"] = after["probs"][positive] - before["probs"][positive]
        values["p_base"] = before["probs"][positive]
    return Row(trial.case, values, trial.variant, trial.edited)


def variant_name(kind: str, budget: str) -> str:
    """The stable name of an edit.

    >>> variant_name("ocr", "low")
    'noise:ocr:low'
    """
    return f"noise:{kind}:{budget}"


def _places(given: Input, params: NoiseParams) -> list[Place]:
    return places(parts_of(given), params.shortest, frozenset(params.noise.leave_alone))


def _steps(
    cases: Sequence[Case],
    read: Mapping[Input, Input | None],
    params: NoiseParams,
    context: Context,
) -> Iterator[Trial | Row]:
    """Every edit of every case; a row with the reason where there is none to make."""
    for case in cases:
        unedited = read.get(case.input, case.input)
        text = (
            None
            if unedited is None
            else Text(case, unedited, letters(parts_of(unedited)), _places(unedited, params))
        )
        for kind in params.kinds:
            for budget in params.budgets:
                if text is None:
                    yield _untried(case, kind, budget, UNREAD)
                else:
                    yield _step(text, kind, budget, params, context)


def _step(
    text: Text, kind: Kind, budget: str, params: NoiseParams, context: Context
) -> Trial | Row:
    """One edit, drawn by the case's id."""
    parts, case = parts_of(text.unedited), text.case
    wanted = max(1, int(params.budgets[budget] * text.letters))
    rng = context.seeds.rng(kind, budget, case.id)
    made = edits(kind, params.noise, text.places, wanted, params.shortest, rng)
    if not made:
        return _untried(case, kind, budget, NOWHERE)
    return Trial(
        case=case,
        kind=kind,
        budget=budget,
        unedited=text.unedited,
        edited=input_of(apply(parts, made)),
        edits=len(made),
        share=len(made) / text.letters,
        read=sum(map(len, parts)) / sum(map(len, parts_of(case.input))),
    )


def _untried(case: Case, kind: str, budget: str, reason: str) -> Row:
    """An edit that was not made, counted with its reason; the model did not fail."""
    values = {"kind": kind, "budget": budget}
    return Row(case, values, variant_name(kind, budget), reason=reason)
