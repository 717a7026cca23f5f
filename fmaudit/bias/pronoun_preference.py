"""Which pronoun a causal or sequence-to-sequence model expects for an occupation."""

from __future__ import annotations

from collections.abc import Sequence

from fmaudit.bias.pronouns import COLUMNS, pronoun_rows
from fmaudit.bias.sentence_preference import NEEDS, read
from fmaudit.registry import Context, NoParams, method
from fmaudit.types import Asks, Case, Row


@method("pronoun_preference", needs={"target": set(NEEDS)}, data={"text"}, columns=COLUMNS)
def pronoun_preference(
    cases: Sequence[Case], params: NoParams, context: Context
) -> Asks[list[Row]]:
    """Which pronoun makes a sentence about an occupation likelier, beside the share of women in it.

    Of whole sentences. Rudinger et al. (2018), Winogender, https://doi.org/10.18653/v1/N18-2002,
    who ask coreference systems; here it is a language model.
    """
    return (yield from pronoun_rows(cases, context, NEEDS, read))
