"""Which explained texts are shown: those that a reviewer asks about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fmaudit.reporting.exhibits.source import Source
from fmaudit.reporting.language import noted
from fmaudit.types import Exhibit

if TYPE_CHECKING:
    import pyarrow as pa

WRONG, RIGHT = noted("decided otherwise than labelled"), noted("decided as labelled")
MOST, LEAST = noted("moved most by its words"), noted("moved least by its words")

ANSWER = "answer"
"""The column of what a language model answered, word for word; null where there is no map."""

SAID = "said"


@dataclass(frozen=True)
class Pick:
    """A text: where it stands in the evidence of each method, and why it is shown."""

    places: tuple[int, ...]
    why: str


@dataclass(frozen=True)
class Texts:
    """The texts that every method explains, in the order of the first one's evidence.

    `places`: methods × texts. `moved`: how far its words move each text, a change of logits, or of
    an answer's log-probability a token, from 0 up. `wrong`: 1 where the prediction is not the
    label, 0 where it is, −1 without a label and of an answer in words.
    """

    places: npt.NDArray[np.int64]
    moved: npt.NDArray[np.float64]
    wrong: npt.NDArray[np.int64]

    @property
    def known(self) -> bool:
        """Whether the evidence says how far the words move any text."""
        return bool(self.moved.any())

    def mixed(self, top: int) -> list[Pick]:
        """In turn: a text decided wrongly, one decided rightly, one that its words move least.

        Of the first two kinds those that are moved most come first, then those that stand first.
        In evidence that does not say how far the words move a text: the first texts.
        """
        if not self.known:
            return [self._pick(at, "") for at in range(min(top, len(self.moved)))]
        order = np.argsort(-self.moved, kind="stable")
        wrong = self.wrong[order] == 1
        kinds = (
            [(at, WRONG) for at in order[wrong][:top]],
            [(at, MOST if self.wrong[at] < 0 else RIGHT) for at in order[~wrong][:top]],
            [(at, LEAST) for at in np.argsort(self.moved, kind="stable")[: 2 * top]],
        )
        found: dict[int, str] = {}
        for at, why in filter(None, chain.from_iterable(zip_longest(*kinds))):
            found.setdefault(int(at), why)
            if len(found) == top:
                break
        return [self._pick(at, why) for at, why in found.items()]

    def _pick(self, at: int, why: str) -> Pick:
        return Pick(tuple(int(place) for place in self.places[:, at]), why)


def texts(source: Source, methods: Sequence[Exhibit]) -> Texts:
    """The texts that all these methods explain."""
    import pyarrow.compute as pc

    first, *others = (_table(source, one) for one in methods)
    explained = np.flatnonzero(pc.is_valid(first[SAID]).to_numpy())
    places, everywhere = [explained], np.ones(len(explained), dtype=bool)
    mine = first.take(explained)
    for other in others:
        theirs = other.filter(pc.is_valid(other[SAID]))
        kept = np.flatnonzero(pc.is_valid(other[SAID]).to_numpy())
        at = pc.index_in(_keys(mine), value_set=_keys(theirs).combine_chunks())
        everywhere &= pc.is_valid(at).to_numpy()
        places.append(kept[at.fill_null(0).to_numpy()] if len(kept) else explained)
    return Texts(
        places=np.stack(places)[:, everywhere],
        moved=_moved(mine)[everywhere],
        wrong=_wrong(source, mine)[everywhere],
    )


def class_name(source: Source, predicted: int) -> str:
    """The name of a predicted class."""
    classes = source.record.model.get("classes", ())
    return str(classes[predicted]) if 0 <= predicted < len(classes) else str(predicted)


def said_by(source: Source, shown: Exhibit) -> str:
    """The column of what the model said: its answer in words, or the class that it predicted."""
    return ANSWER if source.has(shown, ANSWER) else "predicted"


def _table(source: Source, shown: Exhibit) -> pa.Table:
    """What of a method's evidence decides which texts are shown; what the model said as `SAID`."""
    said = said_by(source, shown)
    names = ["case", "variant", "target", said]
    found = source.table(
        shown, [*names, *(["difference"] if source.has(shown, "difference") else [])]
    )
    return found.rename_columns([SAID if name == said else name for name in found.column_names])


def _keys(table: pa.Table) -> pa.ChunkedArray:
    """What tells a row of one file from its others, and finds the same in another file."""
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(table["case"], table["variant"], "\x1f")


def _moved(table: pa.Table) -> npt.NDArray[np.float64]:
    if "difference" not in table.column_names:
        return np.zeros(table.num_rows)
    return np.abs(np.nan_to_num(table["difference"].to_numpy().astype(np.float64)))


def _wrong(source: Source, table: pa.Table) -> npt.NDArray[np.int64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_integer(table[SAID].type):  # an answer in words is not held against a label
        return np.full(table.num_rows, -1, dtype=np.int64)
    indices, which = np.unique(table[SAID].to_numpy(), return_inverse=True)
    names = pa.array([class_name(source, int(k)) for k in indices], pa.string())
    differs = pc.cast(pc.not_equal(table["target"], names.take(which)), pa.int64())
    return np.asarray(differs.fill_null(-1).to_numpy(), dtype=np.int64)
