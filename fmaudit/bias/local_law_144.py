"""The people whom a model scores and selects, by the categories of New York's Local Law 144.

The law's tables are by sex, by race or ethnicity, and by both together. Each case gives a row for
each table, with its category there; what is of no known category is counted, and in no category.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from fmaudit.engine.asks import ask
from fmaudit.registry import Context, method
from fmaudit.scoring import classification
from fmaudit.types import Asks, Case, Classify, Failure, Response, Row

SEX, RACE, BOTH = "sex", "race", "sex and race"

UNKNOWN = ""
"""The category of a person whose sex or race is not known."""

NO_POSITIVE = "no favourable class is named (`data.positive`)"


class CategoryParams(Struct, frozen=True, forbid_unknown_fields=True):
    """`sex`, `race`: the columns of `data.groups`; `unknown`: values that say nothing, in any case.

    A case without a value is of no known category too.
    """

    sex: str = "sex"
    race: str = "race"
    unknown: tuple[str, ...] = ()


def score(
    case: Case,
    response: Response,
    classes: Sequence[str],
    positive: int | None,
    params: CategoryParams,
) -> list[Row]:
    """Three rows of one case: `table`, `category`, `selected`, and `score` from 0 to 1.

    `selected`: the favourable class is the predicted one; `score`: its probability.
    """
    answer = classification(response, classes)
    return [
        _row(case, answer, positive, table, category)
        for table, category in _categories(case, params)
    ]


@method(
    "local_law_144",
    needs={"target": {"classify"}},
    data={"text", "groups"},
    columns={"table": str, "category": str, "selected": bool, "score": float},
    params=CategoryParams,
)
def local_law_144(
    cases: Sequence[Case], params: CategoryParams, context: Context
) -> Asks[list[Row]]:
    """Who is selected, and with what score, by sex, by race or ethnicity, and by both.

    6 RCNY § 5-301, https://rules.cityofnewyork.us/rule/automated-employment-decision-tools-2/.
    """
    responses = yield from ask([Classify(input=case.input) for case in cases])
    return [
        row
        for case, response in zip(cases, responses, strict=True)
        for row in score(case, response, context.classes, context.positive, params)
    ]


def _categories(case: Case, params: CategoryParams) -> Iterator[tuple[str, str]]:
    """Table and category of a case, a name's own "&" written twice."""
    sex, race = (_known(case, name, params) for name in (params.sex, params.race))
    yield SEX, _named(sex)
    yield RACE, _named(race)
    yield BOTH, _named(sex, race)


def _named(*parts: str) -> str:
    """A category's name, of no known one where a part is not known."""
    return " & ".join(part.replace("&", "&&") for part in parts) if all(parts) else UNKNOWN


def _known(case: Case, name: str, params: CategoryParams) -> str:
    value = case.groups.get(name, UNKNOWN).strip()
    return UNKNOWN if value.casefold() in {word.casefold() for word in params.unknown} else value


def _row(
    case: Case,
    answer: tuple[int, tuple[float, ...]] | Failure,
    positive: int | None,
    table: str,
    category: str,
) -> Row:
    said = {"table": table, "category": category}
    if isinstance(answer, Failure):
        return Row(case, said, table, reason=answer.reason, failed=True)
    if positive is None:
        return Row(case, said, table, reason=NO_POSITIVE)
    predicted, probs = answer
    values = {**said, "selected": predicted == positive, "score": probs[positive]}
    return Row(case, values, table)
