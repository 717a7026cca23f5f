"""Does a model choose the same answer when the same question is only laid out otherwise?

Each multiple-choice question is asked in a first format, asked so again in other batches, and
asked in other formats that mean the same. The measures take what asking again changes off what
the formats change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from fmaudit.registry import Context, method
from fmaudit.robustness.choices import COLUMNS, Trial, answered, unaskable, way
from fmaudit.robustness.formats import Formats
from fmaudit.types import Asks, Case, Row


class FormatParams(Struct, frozen=True, forbid_unknown_fields=True):
    """What a card or a spec may set.

    `formats`: the list. `use`: which of its formats, the one that the others are held against
    first.
    """

    formats: Formats
    use: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raises ValueError that names the key."""
        self.formats.check(self.use, "use")
        if len(self.use) < 2 or len(set(self.use)) < len(self.use):
            raise ValueError("use: two formats or more, each once")


@method(
    "prompt_format",
    needs={"target": {"token_logprobs"}},
    data={"options"},
    columns={"format": str, **COLUMNS},
    params=FormatParams,
)
def prompt_format(cases: Sequence[Case], params: FormatParams, context: Context) -> Asks[list[Row]]:
    """The change of a chosen answer when the same question is laid out otherwise.

    A row a case and format, that of the first format without what is compared with it. Sclar et
    al. (2024), https://arxiv.org/abs/2310.11324.
    """
    steps = [step for case in cases for step in _steps(case, params, context)]
    return (yield from answered(steps))


def variant_name(name: str) -> str:
    """The stable name of a format.

    >>> variant_name("plain")
    'format:plain'
    """
    return f"format:{name}"


def _steps(case: Case, params: FormatParams, context: Context) -> Iterator[Trial | Row]:
    """Every format of a case; a row with the reason where it cannot be asked so."""
    layouts = {name: params.formats.formats[name] for name in params.use}
    first, order = layouts[params.use[0]], range(len(case.options))
    for name, layout in layouts.items():
        said, variant = {"format": name}, variant_name(name)
        if reason := unaskable(case, first) or unaskable(case, layout):
            yield Row(case, said, variant, reason=reason)
        else:
            base, changed = (way(case, one, order, context) for one in (first, layout))
            yield Trial(case, variant, said, base, changed)
