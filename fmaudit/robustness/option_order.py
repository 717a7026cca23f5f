"""Does a model choose the same answer when the options only change their places?

Each multiple-choice question is asked as it stands, asked so again in other batches, and asked
with its options moved on by one place, two places, and so on, in a ring: every option stands once
at every place. The measures take what asking again changes off what the order changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from fmaudit.registry import Context, method
from fmaudit.robustness.choices import COLUMNS, Trial, answered, unaskable, way
from fmaudit.robustness.formats import Formats
from fmaudit.robustness.referring import Referring
from fmaudit.types import Asks, Case, Row

REFERS = "an option speaks of the other options, so that its place cannot be changed"


class OrderParams(Struct, frozen=True, forbid_unknown_fields=True):
    """What a card or a spec may set.

    `formats`: the list; `use`: which of its formats. `referring`: what options say that speak of
    the other options.
    """

    formats: Formats
    use: str
    referring: Referring

    def __post_init__(self) -> None:
        """Raises ValueError that names the key."""
        self.formats.check([self.use], "use")


@method(
    "option_order",
    needs={"target": {"token_logprobs"}},
    data={"options"},
    columns={"shift": int, "right_stands": str, **COLUMNS},
    params=OrderParams,
)
def option_order(cases: Sequence[Case], params: OrderParams, context: Context) -> Asks[list[Row]]:
    """The change of a chosen answer when the options change their places.

    A row a case and order, that of the original order without what is compared with it. Zheng et
    al. (2024), https://arxiv.org/abs/2309.03882; Pezeshkpour and Hruschka (2024),
    https://arxiv.org/abs/2308.11483.
    """
    steps = [step for case in cases for step in _steps(case, params, context)]
    return (yield from answered(steps))


def turns(count: int) -> list[tuple[int, ...]]:
    """Every order of a ring of `count` options: which one stands at each place.

    >>> turns(3)
    [(0, 1, 2), (2, 0, 1), (1, 2, 0)]
    """
    return [tuple((place - shift) % count for place in range(count)) for shift in range(count)]


def stands(place: int, count: int) -> str:
    """Where a place lies among `count` places, counted from 0: first, between, last.

    >>> [stands(k, 4) for k in range(4)]
    ['first', 'between', 'between', 'last']
    """
    return "first" if place == 0 else "last" if place == count - 1 else "between"


def variant_name(shift: int) -> str:
    """The stable name of an order.

    >>> variant_name(2)
    'order:2'
    """
    return f"order:{shift}"


def _steps(case: Case, params: OrderParams, context: Context) -> Iterator[Trial | Row]:
    """Every order of a case; one row with the reason where its options stay in their places."""
    layout, count = params.formats.formats[params.use], len(case.options)
    reason = unaskable(case, layout)
    if not reason and params.referring.in_any(case.options):
        reason = REFERS
    if reason:
        yield Row(case, {}, variant_name(0), reason=reason)
        return
    ways = [way(case, layout, order, context) for order in turns(count)]
    for shift, turned in enumerate(ways):
        said: dict[str, object] = {"shift": shift}
        if case.target in case.options:
            right = case.options.index(case.target)
            said["right_stands"] = stands(turned.order.index(right), count)
        yield Trial(case, variant_name(shift), said, ways[0], turned)
