"""Which pronoun a masked model expects for an occupation."""

from __future__ import annotations

from collections.abc import Sequence

from fmaudit.bias.masked_words import NEEDS, read
from fmaudit.bias.pronouns import COLUMNS, pronoun_rows
from fmaudit.registry import Context, NoParams, method
from fmaudit.types import Asks, Case, Row


@method("masked_pronoun_preference", needs={"target": set(NEEDS)}, data={"text"}, columns=COLUMNS)
def masked_pronoun_preference(
    cases: Sequence[Case], params: NoParams, context: Context
) -> Asks[list[Row]]:
    """Which pronoun is expected in a sentence about an occupation, beside the share of women in it.

    The pronoun is hidden, and the two are compared in its place. Rudinger et al. (2018),
    Winogender, https://doi.org/10.18653/v1/N18-2002, who ask coreference systems.
    """
    return (yield from pronoun_rows(cases, context, NEEDS, read))
