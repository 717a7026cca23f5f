"""What a user writes to ask for an audit: the spec, its defaults, its errors, its schema.

A spec is YAML. Three lines are enough; every other key has a default that `resolved` prints.
Paths are relative to the spec's folder, and absolute once it is loaded, so that a resolved
spec can be run from anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, FiniteFloat, field_validator, model_validator

from fmaudit.documents import Bool, Document, Int, Name, Strict, Text, read, validate
from fmaudit.errors import SpecError, UserError
from fmaudit.sources import anchor, parse, resolve

Axis = Literal[
    "all", "groups", "against", "intersections", "attributes", "crossed", "classes", "categories"
]  # fmt: skip

_SOURCED = ("auto", "classifier", "causal", "masked", "seq2seq")
"""Adapters whose models are sources; another may name them in its own way ("fake:fair")."""

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
    logits, instead of the model's own names. `allow_pickle` and `trust_remote_code` run code
    that came with the model. A callable's module is looked for in `python_path` first (the
    spec's own folder where nothing is said); `batch` is how many texts it is handed at once.
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


class EvidenceSpec(Strict):
    """What the evidence keeps of the texts: themselves, or their digests alone."""

    texts: Literal["keep", "hash"] = "keep"


Model = Annotated[ModelSpec, BeforeValidator(_as_path, json_schema_input_type=str | ModelSpec)]
Choice = Annotated[
    ProbeChoice, BeforeValidator(_as_choice, json_schema_input_type=str | ProbeChoice)
]


class AuditSpec(Strict):
    """All that an audit is told. `probes` of null: all the probes that apply.

    `membership` names training rows and others, which the privacy probes need.
    `cards` names folders with your own `probes/` and `datasets/`, beside the shipped ones.
    `seed` starts every random draw. `batch_tokens` is the token budget of a batch (null: the
    engine chooses), `chunk` how many cases a method is handed at once.
    """

    name: Text = "audit"
    model: Model
    data: DataSpec
    membership: MembershipSpec | None = None
    probes: Annotated[tuple[Choice, ...], Field(min_length=1)] | None = None
    cards: tuple[Text, ...] = ()
    evidence: EvidenceSpec = EvidenceSpec()
    seed: Annotated[Int, Field(ge=0)] = 0
    batch_tokens: Annotated[Int, Field(ge=1)] | None = None
    chunk: Annotated[Int, Field(ge=1)] = 4096

    @field_validator("name")
    @classmethod
    def _folder_name(cls, name: str) -> str:
        if not name.strip() or name in {".", ".."} or re.search(r"[/\\\x00-\x1f]", name):
            raise ValueError(f"{name!r} cannot name a folder; use letters, digits and dashes.")
        return name


def load(path: Path | str) -> AuditSpec:
    """Read and check a spec file.

    Raises:
        SpecError: the file cannot be read, or holds problems (all of them are listed).
        SourceError: a source that is none, or a `model.base` that is not there.
    """
    file = Path(path)
    document = read(file)
    named = {"name": file.stem, **document.data}
    return _anchored(validate(AuditSpec, Document(named, document.where, document.node)), file)


def from_mapping(mapping: Mapping[str, Any], where: str = "") -> AuditSpec:
    """Check a spec that is a mapping already; paths are relative to the working directory."""
    if not isinstance(mapping, Mapping):
        raise SpecError(f"a spec is a mapping of keys to values, not {type(mapping).__name__}.")
    spec = validate(AuditSpec, Document(mapping, where or "spec"))
    return _anchored(spec, Path.cwd() / "spec", where or "spec")


def resolved(spec: AuditSpec) -> dict[str, Any]:
    """The spec as plain YAML values, every default written out; reads back to an equal spec."""
    plain = spec.model_dump(mode="json")
    for index, choice in enumerate(spec.probes or ()):
        if not choice.params and not choice.rules and choice.sample is None:
            plain["probes"][index] = choice.id
    return plain


def schema() -> dict[str, Any]:
    """The JSON Schema of a spec."""
    return AuditSpec.model_json_schema()


def _anchored(spec: AuditSpec, file: Path, where: str = "") -> AuditSpec:
    """The spec with its relative paths made absolute, from the folder of `file`."""
    folder = file.absolute().parent
    place = where or str(file)
    model: dict[str, Any] = {}
    for key in ("path", "base"):
        model[key] = _absolute(getattr(spec.model, key), folder, f"{place}: model.{key}", spec)
    chosen = spec.model.model_copy(update=model)
    _base_is_there(chosen, f"{place}: model.base")
    if spec.model.callable is not None:
        model["python_path"] = str(folder / (spec.model.python_path or ""))
    source = _absolute(spec.data.source, folder, f"{place}: data.source", None)
    sides = spec.membership
    membership = sides and sides.model_copy(
        update={
            key: _absolute(getattr(sides, key), folder, f"{place}: membership.{key}", None)
            for key in ("members", "nonmembers")
        }
        | {"record": _anchored_record(sides.record, folder, f"{place}: membership.record")}
    )
    return spec.model_copy(
        update={
            "model": spec.model.model_copy(update=model),
            "data": spec.data.model_copy(update={"source": source}),
            "membership": membership,
            "cards": tuple(str(folder / Path(name).expanduser()) for name in spec.cards),
        }
    )


def _base_is_there(model: ModelSpec, where: str) -> None:
    """Raise `SourceError` where the base's path leads nowhere, and the model's does not.

    Of a model that is not there itself, whoever opens it tells; one that is in memory has no path.
    """
    if model.base is None or model.path is None or model.adapter not in _SOURCED:
        return
    own = parse(model.path)
    if parse(model.base).scheme == "file" and (own.scheme != "file" or Path(own.name).exists()):
        resolve(model.base, where=where)


def _anchored_record(record: str | None, folder: Path, where: str) -> str | None:
    """A sentence as it is; the path of a file made absolute."""
    if record is None or not record.startswith("file:"):
        return record
    return f"file:{anchor(record, folder, where)}"


def _absolute(source: str | None, folder: Path, where: str, spec: AuditSpec | None) -> str | None:
    if source is None:
        return None
    try:
        return anchor(source, folder, where)
    except UserError:
        if spec is not None and spec.model.adapter not in _SOURCED:
            return source
        raise
