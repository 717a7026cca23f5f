"""The parts of a spec: the model, the data, training rows and others, probes, scorers.

Paths are relative to the spec's folder, and absolute once it is loaded.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, FiniteFloat, field_validator, model_validator

from fmaudit.documents import Bool, Int, Name, Strict, Text

Axis = Literal[
    "all", "groups", "against", "intersections", "attributes", "crossed", "classes", "categories"
]  # fmt: skip

_CALLABLE = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")


def _as_path(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


def _as_columns(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_choice(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) else value


Columns = Annotated[
    tuple[Text, ...],
    Field(min_length=1),
    BeforeValidator(_as_columns, json_schema_input_type=str | tuple[str, ...]),
]
"""Columns in their order; one may be written without the brackets."""


class ModelSpec(Strict):
    """The model to audit: a `path` (folder or source) or a Python `callable`, never both.

    `base` is the model before fine-tuning; of a folder that holds a LoRA adapter, the model that
    it is laid over. `chat`: whether prompts are put through the model's chat template (auto:
    where it has one). `labels` names the classes in the order of the
    logits, instead of the model's own names. `range` is for a model that predicts a number: its
    lowest and its highest, beside the `labels` of both ends. `allow_pickle` and
    `trust_remote_code` run code that came with the model. A callable's module is looked for
    in `python_path` first (the spec's own folder where nothing is said); `batch` is how many texts
    it is handed at once.
    """

    path: Text | None = None
    base: Text | None = None
    adapter: Text = "auto"
    chat: Literal["auto", "always", "never"] = "auto"
    device: Text = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    allow_pickle: Bool = False
    trust_remote_code: Bool = False
    revision: Text | None = None
    labels: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    range: tuple[FiniteFloat, FiniteFloat] | None = None
    callable: Text | None = None
    python_path: Text | None = None
    batch: Annotated[Int, Field(ge=1)] = 64

    @model_validator(mode="after")
    def _one_model(self) -> ModelSpec:
        if self.path is None and self.callable is None:
            raise ValueError("no model is named; write `path:` or `callable:`.")
        if self.path is not None and self.callable is not None:
            raise ValueError("`path` and `callable` exclude each other; keep one.")
        if self.callable is not None and not _CALLABLE.match(self.callable):
            raise ValueError(f"`callable` {self.callable!r} must read 'package.module:function'.")
        if self.callable is not None and self.labels is None:
            raise ValueError(
                "a callable does not name its classes; write `labels: [first, second, …]` "
                "in the order of its probabilities."
            )
        if self.labels is not None and len(set(self.labels)) < len(self.labels):
            raise ValueError("`labels` names a class twice.")
        return self

    @model_validator(mode="after")
    def _number(self) -> ModelSpec:
        if self.range is None:
            return self
        if self.range[0] >= self.range[1]:
            raise ValueError("`range` is the lowest and then the highest number, as in [0, 100].")
        if self.labels is None or len(self.labels) != 2:
            raise ValueError("`range` needs two `labels`, of its low end and of its high one.")
        return self


class DataSpec(Strict):
    """The data to try: a `source` with its columns, or a dataset `card` of the catalogue.

    `text` and `text_pair` name a column, or are a template over columns ("{age} years, {job}").
    `options` are the answers to choose from: one column that holds a list of texts, or several
    columns, an option each; `label` is then the right one, said in all rows alike by its text,
    its number from 0 or its letter. Where options are given and there is no `text`, the prompt is
    empty. `references` are the texts that a written answer is held against, in one column (a
    text, or a list of texts) or in several.
    `groups` lists the columns that hold people's attributes; `id`, `cluster`, `weight` and
    `stratum` are columns too. `positive` names the favourable class. `limit` keeps the first
    rows alone. With a card, a key left out is the card's.
    """

    source: Text | None = None
    card: Text | None = None
    text: Text | None = None
    text_pair: Text | None = None
    label: Text | None = None
    options: Columns | None = None
    references: Columns | None = None
    groups: tuple[Text, ...] | None = None
    id: Text | None = None
    cluster: Text | None = None
    weight: Text | None = None
    stratum: Text | None = None
    positive: Name | None = None
    format: Literal["auto", "csv", "tsv", "jsonl", "parquet", "huggingface"] = "auto"
    encoding: Text = "utf-8"
    split: Text | None = None
    limit: Annotated[Int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> DataSpec:
        if self.source is None and self.card is None:
            raise ValueError("no data are named; write `source:` or `card:`.")
        if self.source is not None and self.card is not None:
            raise ValueError("`source` and `card` exclude each other; keep one.")
        for key in ("groups", "options", "references"):
            named = getattr(self, key) or ()
            if len(set(named)) < len(named):
                raise ValueError(f"`{key}` names a column twice.")
        return self


class MembershipSpec(Strict):
    """Texts that the model was trained on, and texts that it was not, for the privacy probes.

    Both are files, or saved data sets (with the split of each, where one holds several), with
    the columns that `data` names, or the other keys here say. `drawn` says whether a draw at
    random decided which texts went into training; `record` is to tell of it, in a sentence or as
    `file:` and a path. Where no such draw is on record, privacy figures are read with what the
    texts alone give away. `cluster` is the column of what rows have in common, such as a person
    (who may stand on both sides): the rates at few false alarms are then not tested. `groups` are
    columns to show figures by, such as how often a text was trained on.
    """

    members: Text
    nonmembers: Text
    members_split: Text | None = None
    nonmembers_split: Text | None = None
    text: Text | None = None
    text_pair: Text | None = None
    label: Text | None = None
    id: Text | None = None
    cluster: Text | None = None
    groups: tuple[Text, ...] = ()
    drawn: Literal["random", "unknown"] = "unknown"
    record: Text | None = None
    limit: Annotated[Int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _told(self) -> MembershipSpec:
        if self.drawn == "random" and not (self.record or "").strip():
            raise ValueError(
                "`drawn: random` needs a `record` that says how the draw was made "
                "(a sentence, or `file:` and the path of what wrote it down)."
            )
        return self


class PolicyRule(Strict):
    """The user's own threshold on a measure; `over` restricts it to some axes."""

    op: Literal["<=", ">="]
    value: FiniteFloat
    over: Annotated[tuple[Axis, ...], Field(min_length=1)] | None = None

    @field_validator("value", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        if isinstance(value, (bool, str)):
            raise ValueError(f"must be a number, not {value!r}.")
        return value


class ProbeChoice(Strict):
    """A probe or a family of probes; for one probe, the user's parameters, rules and sample.

    A rule of null makes a gated measure a measured one. `sample`: at most this many cases.
    """

    id: Text
    params: dict[Text, Any] = Field(default_factory=dict)
    rules: dict[Text, PolicyRule | None] = Field(default_factory=dict)
    sample: Annotated[Int, Field(ge=1)] | None = None


Model = Annotated[ModelSpec, BeforeValidator(_as_path, json_schema_input_type=str | ModelSpec)]


class ScorerSpec(Strict):
    """What scores the texts that a language model writes: a classifier, or a list of words.

    `model` is named as the audited one is (a source, a callable with its `labels`), `words` as
    `list:` and its place under `datasets/`. `positive` is the class whose probability is the score
    (default: class 1 of two); a text is flagged where it is `at` or more.
    """

    model: Model | None = None
    words: Text | None = None
    positive: Name | None = None
    at: Annotated[FiniteFloat, Field(gt=0, lt=1)] = 0.5

    @model_validator(mode="before")
    @classmethod
    def _indented(cls, value: Any) -> Any:
        keys = value if isinstance(value, dict) else {}
        misplaced = sorted({"callable", "path", "labels"} & keys.keys())
        if misplaced:
            inside = ", ".join(f"{key}: …" for key in misplaced)
            raise ValueError(f"a scorer's model has a key of its own: `model: {{{inside}}}`.")
        return value

    @model_validator(mode="after")
    def _one(self) -> ScorerSpec:
        if (self.model is None) == (self.words is None):
            raise ValueError("a scorer is a `model` or a list of `words`; write one of the two.")
        return self


class EvidenceSpec(Strict):
    """What the evidence keeps of the texts: themselves, or their digests alone."""

    texts: Literal["keep", "hash"] = "keep"


Choice = Annotated[
    ProbeChoice, BeforeValidator(_as_choice, json_schema_input_type=str | ProbeChoice)
]
