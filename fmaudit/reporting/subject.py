"""What was audited, in words: what kind of model, against which base, on which cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fmaudit.reporting import words
from fmaudit.reporting.language import Language, noted
from fmaudit.types import AuditRecord

MODEL = noted("model")
"""What a model is called of which the record does not say more."""

KINDS: Mapping[str, str] = {
    "classifier": noted("classifier"),
    "causal": noted("language model"),
    "masked": noted("masked language model"),
    "seq2seq": noted("sequence-to-sequence model"),
}

MEANT: Mapping[str, str] = {
    "causal": noted(
        "A language model: it reads from left to right and says how likely each next token is (a "
        "token is a word or a part of one). What it writes, it writes token by token."
    ),
    "masked": noted(
        "A masked language model: it reads a whole text and says how likely each word is in a "
        "place that was left out (masked). It writes no texts."
    ),
    "seq2seq": noted(
        "A sequence-to-sequence model: it reads one text whole and writes another, token by token "
        "(a token is a word or a part of one)."
    ),
}

CHAT = noted("Prompts are given to it as a user's message, through its own chat template.")
CHAT_TOO = noted("Its base is asked so too, through a template of its own.")

PLAINLY = noted(
    "The audited model is asked through its chat template, and its base is given the same words "
    "without one: part of a difference between them may be of that."
)
TOKENS = noted(
    "The two cut texts into different tokens. What is counted per token, as perplexity is, cannot "
    "be compared between them; what is counted per byte, per text or per question can."
)
ALIKE = noted(
    "The two are the same, byte for byte: whatever is said of a difference between them is noise."
)

COMPARED = ("name", "path", "digest", "parameters", "dtype", "device", "attention", "adapter")
"""What is set side by side of the audited model and its base."""

FIRST = ("rows", "licence", "digest")
THEN = ("files", "mapping", "labels", "groups", "ungrouped")
"""What is told of a data set that a probe brings: at once, and in a fold."""


@dataclass(frozen=True)
class Subject:
    """The model in words.

    `kind`: "language model". `base`: the name of the model that it was tuned from, "" where none
    was asked. `said`: what its kind means, and how it is asked. `pair`: a field's name, and its
    value of the audited model and of its base. `limits`: what the two cannot be compared in.
    """

    kind: str
    base: str
    said: tuple[str, ...]
    pair: tuple[tuple[str, str, str], ...]
    limits: tuple[str, ...]


def subject(record: AuditRecord, say: Language) -> Subject:
    """What a record says of its model; of an older record, which says less, less."""
    model = record.model
    before: Mapping[str, Any] = model.get("before") or {}
    kind = model.get("kind", "")
    called = KINDS.get(kind, MODEL)
    said = [MEANT[kind]] if kind in MEANT else []
    said += [CHAT] if model.get("chat") else []
    said += [CHAT_TOO] if before.get("chat") else []
    return Subject(
        kind=say(called),
        base=str(before.get("name") or ""),
        said=tuple(map(say, said)),
        pair=tuple(_pair(model, before, say)) if before else (),
        limits=tuple(_limits(model, before, say)) if before else (),
    )


def _pair(
    model: Mapping[str, Any], before: Mapping[str, Any], say: Language
) -> Iterator[tuple[str, str, str]]:
    beside = {**before, "path": model.get("base")}
    for name in COMPARED:
        values = [_value(name, of.get(name)) for of in (model, beside)]
        if any(values):
            yield words.named(name, say), values[0] or "—", values[1] or "—"


def _value(name: str, value: Any) -> str:
    if value is None:
        return ""
    return words.count(value) if name == "parameters" else str(value)


def _limits(model: Mapping[str, Any], before: Mapping[str, Any], say: Language) -> Iterator[str]:
    if before.get("digest") and before["digest"] == model.get("digest"):
        yield say(ALIKE)
    if model.get("chat") and before.get("chat") is False:
        yield say(PLAINLY)
    if before.get("same_tokenizer") is False:
        yield say(TOKENS)


@dataclass(frozen=True)
class Brought:
    """A data set that probes bring along: what is told of it first, what folds, its sources."""

    id: str
    title: str
    facts: Mapping[str, Any]
    more: Mapping[str, Any]
    citation: tuple[Mapping[str, Any], ...]
    probes: tuple[str, ...]


def brought(record: AuditRecord) -> tuple[Brought, ...]:
    """The data sets that probes tried in place of the audited cases.

    The record names each by its id; what is known of it stands under `data.sets`.
    """
    used: dict[str, list[str]] = {}
    for probe, card in record.probes.items():
        source = card.get("cases", "data")
        if source not in ("data", "membership"):
            used.setdefault(source, []).append(probe)
    sets: Mapping[str, Any] = record.data.get("sets") or {}
    return tuple(_set(name, sets.get(name) or {}, tuple(mine)) for name, mine in used.items())


def _set(name: str, card: Mapping[str, Any], probes: tuple[str, ...]) -> Brought:
    return Brought(
        name,
        str(card.get("title") or ""),
        {key: card[key] for key in FIRST if key in card},
        {key: card[key] for key in THEN if key in card},
        tuple(card.get("citation") or ()),
        probes,
    )


def answers(data: Mapping[str, Any], say: Language) -> tuple[str, ...]:
    """How many cases bring options to choose from, how many references, and how many repeat."""
    rows = data.get("rows")
    found = []
    if n := data.get("with_options"):
        found.append(
            say(
                "%(n)s of %(rows)s cases bring options: answers to choose from, one of them right.",
                n=words.count(n),
                rows=words.count(rows),
            )
        )
    if n := data.get("with_references"):
        found.append(
            say(
                "%(n)s of %(rows)s cases bring references: texts that a written answer is held "
                "against.",
                n=words.count(n),
                rows=words.count(rows),
            )
        )
    if n := data.get("repeated"):
        found.append(
            say(
                "%(n)s of %(rows)s cases say in everything what an earlier one says, and each "
                "counts as one of its own. Where they are copies of it, every interval is too "
                "narrow.",
                n=words.count(n),
                rows=words.count(rows),
            )
        )
    return tuple(found)
