"""Explained texts of the evidence: each word with its signed score.

A text's words are coloured in steps of its own largest score, and its strongest words stand in
a table beside it with their numbers, so that nothing is said by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from fmaudit import evidence
from fmaudit.reporting.words import number
from fmaudit.types import AuditRecord, Exhibit, Pair

COUNT = 6
"""Texts shown where the card does not say how many."""

STRONGEST = 5
"""Words of a text that stand in its table."""

STEPS = 4
"""Shades of each sign."""

WORDS = ("word_parts", "word_starts", "word_ends", "word_scores")
ROWS = ("input", "target", "predicted", *WORDS)
QUALITY = ("comprehensiveness", "random_comprehensiveness", "sufficiency", "random_sufficiency")


@dataclass(frozen=True)
class Piece:
    """A run of a text: a word with its score, or what stands between (no score).

    `shade`: from −STEPS (strongest against the prediction) to STEPS (strongest for it).
    """

    text: str
    score: float | None = None
    shade: int = 0


@dataclass(frozen=True)
class Explained:
    """One text with its scores. `notes`: what is to be known of this map, name by name."""

    predicted: str
    target: str | None
    pieces: tuple[Piece, ...]
    notes: tuple[tuple[str, str], ...]

    @property
    def strongest(self) -> tuple[Piece, ...]:
        """The words with the largest scores, either sign, the largest first."""
        scored = [piece for piece in self.pieces if piece.score]
        return tuple(sorted(scored, key=lambda p: -abs(p.score or 0.0))[:STRONGEST])


@dataclass(frozen=True)
class Maps:
    """The explained texts of one exhibit. `missing` says why there are none."""

    probe: str
    title: str
    texts: tuple[Explained, ...] = ()
    missing: str = ""


def maps(run: Path, record: AuditRecord) -> tuple[Maps, ...]:
    """What the record's exhibits of kind `tokens` show: the first `top` texts of the evidence."""
    wanted = [shown for shown in record.exhibits if shown.kind == "tokens"]
    if record.audit.get("evidence_texts") == "hash":
        reason = "the spec asks to keep digests in place of texts"
        return tuple(Maps(shown.probe, shown.title, missing=reason) for shown in wanted)
    classes = list(record.model.get("classes", ()))
    return tuple(_one(run, shown, classes) for shown in wanted)


def _one(run: Path, shown: Exhibit, classes: Sequence[str]) -> Maps:
    import pyarrow.parquet as pq

    path = run / "evidence" / f"{shown.probe}.parquet"
    if not path.is_file():
        return Maps(shown.probe, shown.title, missing="the evidence is not beside the record")
    known = pq.read_schema(path).names
    if strange := [name for name in ROWS if name not in known]:
        missing = f"the evidence has no column {', '.join(strange)}"
        return Maps(shown.probe, shown.title, missing=missing)
    also = [name for name in (*QUALITY, "converged", "agreement") if name in known]
    rows = evidence.read(path, [*ROWS, *also]).to_pylist()
    whole = (row for row in rows if row["word_scores"])
    top = int(shown.options.get("top", COUNT))
    texts = tuple(_explained(row, classes) for _, row in zip(range(top), whole, strict=False))
    return Maps(shown.probe, shown.title, texts, "" if texts else "no text could be explained")


def _explained(row: Mapping[str, Any], classes: Sequence[str]) -> Explained:
    return Explained(
        predicted=classes[row["predicted"]],
        target=row["target"],
        pieces=tuple(_pieces(_parts(row["input"]), row)),
        notes=tuple(_notes(row)),
    )


def _parts(shown: str) -> tuple[str, ...]:
    """The texts of an input as evidence shows it: one, or the two of a pair."""
    if shown.startswith("{"):
        try:
            pair = msgspec.json.decode(shown, type=Pair)
        except msgspec.MsgspecError:
            return (shown,)
        return (pair.first, pair.second)
    return (shown,)


def _pieces(parts: Sequence[str], row: Mapping[str, Any]) -> Iterator[Piece]:
    """The words in their order, with what stands between them."""
    words = sorted(zip(*(row[name] for name in WORDS), strict=True))
    largest = max((abs(score) for *_, score in words), default=0.0)
    for part, text in enumerate(parts):
        at = 0
        for _, start, end, score in (word for word in words if word[0] == part):
            if start > at:
                yield Piece(text[at:start])
            yield Piece(text[start:end], score, _shade(score, largest))
            at = end
        yield Piece(text[at:] + ("\n" if part + 1 < len(parts) else ""))


def _shade(score: float, largest: float) -> int:
    """A step away from 0 for each quarter of the largest score; 0 under an eighth of it."""
    if largest <= 0:
        return 0
    return int(math.copysign(math.floor(STEPS * abs(score) / largest + 0.5), score))


def _notes(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    removed, at_random, kept, kept_at_random = (row.get(name) for name in QUALITY)
    if removed is not None and at_random is not None:
        yield (
            "probability lost without its strongest words",
            f"{number(removed)} (at random {number(at_random)})",
        )
    if kept is not None and kept_at_random is not None:
        yield "with them alone", f"{number(kept)} (at random {number(kept_at_random)})"
    if row.get("converged") is not None:
        yield "converged", "yes" if row["converged"] else "no"
    if row.get("agreement") is not None:
        yield "rank agreement with integrated gradients", number(row["agreement"])
