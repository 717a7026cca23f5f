"""What a user writes to ask for an audit: the spec, its defaults, its errors, its schema.

A spec is YAML. Three lines are enough; every other key has a default that `resolved` prints.
Paths are relative to the spec's folder, and absolute once it is loaded, so that a resolved
spec can be run from anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from fmaudit.documents import Document, Int, Name, Strict, Text, read, validate
from fmaudit.errors import SpecError
from fmaudit.specparts import (
    Axis,
    Choice,
    Columns,
    DataSpec,
    EvidenceSpec,
    MembershipSpec,
    Model,
    ModelSpec,
    PolicyRule,
    ProbeChoice,
    ScorerSpec,
)
from fmaudit.specpaths import absolute, anchored_model, anchored_record, base_is_there

__all__ = [
    "AuditSpec",
    "Axis",
    "Columns",
    "DataSpec",
    "EvidenceSpec",
    "MembershipSpec",
    "ModelSpec",
    "PolicyRule",
    "ProbeChoice",
    "ScorerSpec",
    "from_mapping",
    "load",
    "resolved",
    "schema",
]


class AuditSpec(Strict):
    """All that an audit is told. `probes` of null: all the probes that apply.

    `membership` names training rows and others, which the privacy probes need.
    `scorers`: name → what scores written texts under it, in place of the word list that ships.
    `cards` names folders with your own `probes/` and `datasets/`, beside the shipped ones.
    `seed` starts every random draw. `batch_tokens` is the token budget of a batch (null: the
    engine chooses), `chunk` how many cases a method is handed at once.
    """

    name: Text = "audit"
    model: Model
    data: DataSpec
    membership: MembershipSpec | None = None
    probes: Annotated[tuple[Choice, ...], Field(min_length=1)] | None = None
    scorers: dict[Name, ScorerSpec] = Field(default_factory=dict)
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
    model = anchored_model(spec.model, folder, f"{place}: model")
    base_is_there(model, f"{place}: model.base")
    source = absolute(spec.data.source, folder, f"{place}: data.source")
    sides = spec.membership
    membership = sides and sides.model_copy(
        update={
            key: absolute(getattr(sides, key), folder, f"{place}: membership.{key}")
            for key in ("members", "nonmembers")
        }
        | {"record": anchored_record(sides.record, folder, f"{place}: membership.record")}
    )
    return spec.model_copy(
        update={
            "model": model,
            "data": spec.data.model_copy(update={"source": source}),
            "membership": membership,
            "scorers": {
                name: scorer.model_copy(
                    update={
                        "model": scorer.model
                        and anchored_model(scorer.model, folder, f"{place}: scorers.{name}.model")
                    }
                )
                for name, scorer in spec.scorers.items()
            },
            "cards": tuple(str(folder / Path(name).expanduser()) for name in spec.cards),
        }
    )
