"""The nouns of an audit, frozen, and JSON both ways.

    AuditSpec → model + cases → requests → responses → rows → evidence
              → estimates → findings → AuditRecord

Every type here is a `msgspec.Struct`: `encode` writes it as JSON with sorted keys, `decode`
reads it back to an equal value. Nothing here computes a figure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct, field

from fmaudit.inputs import Chat, Input, Message, Pair, Prompt, one_text
from fmaudit.requests import (
    NO_GRADIENTS,
    Asked,
    Asks,
    Attribute,
    Attributions,
    Classify,
    Decoding,
    Embed,
    Embedding,
    Failure,
    FillMask,
    Fills,
    Generate,
    Generated,
    Likelihoods,
    Logits,
    MaskedLogprobs,
    Pseudo,
    Request,
    Response,
    Scored,
    Tokenize,
    TokenLogprobs,
    Tokens,
)

__all__ = [
    "NO_BASE", "NO_GRADIENTS", "OF_BASE", "SCHEMA", "VERDICTS",
    "Asked", "Asks", "Attribute", "Attributions", "AuditRecord", "Case", "Chat", "Classify",
    "Coverage", "Decoding", "Embed", "Embedding", "Estimate", "Exhibit", "Failure", "FillMask",
    "Fills", "Finding",
    "Generate", "Generated", "Input", "Likelihoods", "Logits", "MaskedLogprobs", "MeasuredError",
    "Message", "Pair", "Prompt", "Pseudo", "Rate", "Request", "Response", "Row", "Rule", "Scored",
    "TokenLogprobs", "Tokenize", "Tokens", "Verdict", "decode", "digest", "encode", "one_text",
]  # fmt: skip

T = TypeVar("T")

# ── what is tried ──────────────────────────────────────────────────────────────────────


class Case(Struct, frozen=True):
    """One item to try.

    `id` is stable: the same item has the same id in another run, another order, another file
    position. `groups` maps an attribute ("sex") to this item's value ("Female"). `cluster` names
    what the item shares with others (its template, person, source item); an item alone is its own
    cluster. `weight` is how many items of the population it stands for; `stratum` the stratum it
    was drawn from. `member`: whether the model was trained on it; None where that is not what the
    case is for. `options`: the answers to choose from, all different; `target` is then the right
    one, word for word. `references`: texts that a written answer is held against. `number`: of a
    model that predicts one, the true number's place in its range, from 0 to 1.
    """

    id: str
    input: Input
    target: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    cluster: str = ""
    weight: float = 1.0
    stratum: str = ""
    member: bool | None = None
    options: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    number: float | None = None


# ── rows ─────────────────────────────────────────────────────────────────────────────────


CHECK = "check:"
"""How the variant of a row begins that is of a labelled text and no case of the data."""

OF_BASE = "base_"
"""How a column's name begins that says of the base what the column of the rest says."""

NO_BASE = "no answers of a base to compare with; `model.base` names one"
"""Why nothing is found where every column of the base is empty."""


class Row(Struct, frozen=True):
    """What a method found for one case, or for one variant of it.

    `values` holds the method's declared columns; a missing or None value is null. A row
    without values carries the `reason`. `input` is the changed input of a variant. `failed`:
    the model could not answer; False where the method just does not apply to the case.
    """

    case: Case
    values: Mapping[str, Any]
    variant: str = "base"
    input: Input | None = None
    reason: str = ""
    failed: bool = False


# ── figures and verdicts ─────────────────────────────────────────────────────────────────

Verdict = Literal["pass", "fail", "inconclusive", "measured", "not_tested", "error"]
VERDICTS: tuple[Verdict, ...] = ("error", "fail", "inconclusive", "not_tested", "pass", "measured")


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """A threshold on a measure: the finding is on the good side where `value op threshold`.

    `origin`: "law", "standard", "policy" (the user's own) or "default" (ours).
    """

    op: Literal["<=", ">="]
    value: float
    origin: Literal["law", "standard", "policy", "default"] = "default"


class Estimate(Struct, frozen=True, forbid_unknown_fields=True):
    """A measure over a slice's rows.

    `low, high`: 95 % interval, unadjusted. `low_adj, high_adj`: at 0.025/m a side, m the size
    of the Holm family. `p_fail` tests "the value is on the good side", `p_pass` "the value is
    on the bad side", each one-sided; None where there is no rule. `n` rows, `clusters`
    independent units. `method` names the interval's construction; `details` what belongs to
    it (the pair that drives a gap, a permutation p).
    """

    value: float
    low: float | None
    high: float | None
    n: int
    clusters: int
    method: str
    low_adj: float | None = None
    high_adj: float | None = None
    p_fail: float | None = None
    p_pass: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


class Rate(Struct, frozen=True, forbid_unknown_fields=True):
    """A share of simulated audits with its one-sided 95 % bounds (Clopper and Pearson)."""

    value: float
    low: float
    high: float
    seeds: int


class MeasuredError(Struct, frozen=True, forbid_unknown_fields=True):
    """How often a probe's rule was wrong on planted models, at `n` units and a Holm family of `m`.

    `power`: share of FAIL where the planted value is `dose` (in the measure's unit).
    `false_alarms`: share of FAIL where the model is clean; `boundary`: where the value is the
    threshold itself. `stale`: the method or its parameters are not those that were measured.
    `wrong_passes`: share of PASS at the threshold, None where it was not counted.
    """

    dose: float
    n: int
    m: int
    power: Rate
    false_alarms: Rate
    boundary: Rate
    stale: bool = False
    wrong_passes: Rate | None = None


class Finding(Struct, frozen=True, forbid_unknown_fields=True):
    """One measured statement of a probe: measure, slice, estimate, rule, verdict, evidence.

    `slice`: {} is all rows; {"sex": "Female"} one group; {"sex": "F", "race": "Black"} an
    intersection; {"attribute": "sex"} a figure over the groups of an attribute. `positive` is
    the class that the figure counts as positive, None where it has none. `measured_error`
    says how often this rule errs, at the largest simulated n that is not above this one's.
    """

    probe: str
    family: str
    measure: str
    slice: Mapping[str, str]
    estimate: Estimate | None
    rule: Rule | None
    verdict: Verdict
    reason: str = ""
    needed_n: int | None = None
    evidence: str = ""
    positive: str | None = None
    controls: tuple[str, ...] = ()
    measured_error: MeasuredError | None = None


class Coverage(Struct, frozen=True, forbid_unknown_fields=True):
    """One probe of the catalogue in this audit: that it ran, or why it did not.

    `cases` went through it; its evidence has `rows` rows, of which `failed_rows` failed.
    """

    probe: str
    family: str
    status: Literal["ran", "not_tested", "error", "not_asked"]
    reason: str = ""
    cases: int = 0
    rows: int = 0
    failed_rows: int = 0


class Exhibit(Struct, frozen=True, forbid_unknown_fields=True):
    """A recipe for a view over evidence or findings; reporting knows the kinds only."""

    probe: str
    kind: Literal["forest", "curve", "table", "heatmap", "tokens", "examples"]
    title: str
    options: Mapping[str, Any] = field(default_factory=dict)


SCHEMA = "fmaudit.record/1"


class AuditRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """`audit.json`: all that the report shows, with the evidence beside it."""

    audit: Mapping[str, Any]
    model: Mapping[str, Any]
    data: Mapping[str, Any]
    environment: Mapping[str, Any]
    floor: Mapping[str, Any]
    findings: tuple[Finding, ...]
    exhibits: tuple[Exhibit, ...]
    coverage: tuple[Coverage, ...]
    costs: Mapping[str, Any]
    probes: Mapping[str, Any] = field(default_factory=dict)
    seal: Mapping[str, Any] = field(default_factory=dict)
    schema: str = SCHEMA


# ── JSON both ways ───────────────────────────────────────────────────────────────────────

_encoder = msgspec.json.Encoder(order="sorted")


def encode(value: Any) -> bytes:
    """Canonical UTF-8 JSON: sorted keys, no spaces, finite floats read back to the same bits."""
    return _encoder.encode(value)


def decode(data: bytes | str, kind: type[T]) -> T:
    """Read `kind` back from JSON. Raises `msgspec.ValidationError` where it does not fit."""
    return msgspec.json.decode(data, type=kind)


def digest(value: Any) -> str:
    """sha256 (hex) of the canonical JSON of `value`."""
    return hashlib.sha256(encode(value)).hexdigest()
