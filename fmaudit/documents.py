"""YAML files that people write: read strictly, refused in plain words.

YAML 1.2's core schema holds: only `true` and `false` are booleans (`no` is a word), `010` is
ten, a date is text. A key is always text, and one that stands twice is refused. `validate`
checks a document against a pydantic model and reports all problems at once, each with its
line, its key and the nearest right name.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictBool, StrictInt, StrictStr
from pydantic import ValidationError as Invalid

from fmaudit.errors import SpecError, UnknownName

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # a PyYAML that was built without libyaml: the same, slower
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

M = TypeVar("M", bound="Strict")


class Strict(BaseModel):
    """A frozen part of a document: unknown keys are refused, scalars are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _written(value: Any) -> Any:
    """A class name may be written as a number or a truth value; it is text all the same."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


Text = StrictStr
Int = StrictInt
Bool = StrictBool
Name = Annotated[StrictStr, BeforeValidator(_written)]


@dataclass(frozen=True)
class Document:
    """A parsed file: its mapping, its name for messages, and where each key stands."""

    data: Mapping[str, Any]
    where: str = ""
    node: yaml.Node | None = None

    def line(self, path: Sequence[str | int]) -> int | None:
        """The line of the deepest key of `path` that the file holds; None without a file."""
        node, line = self.node, None
        for part in path:
            step = _step(node, part)
            if step is None:
                break
            line, node = step
        return line


def read(path: Path, kind: str = "spec") -> Document:
    """Read a YAML mapping. Raises `SpecError` with the line of what is wrong."""
    where = str(path)
    data, node = _parse(_text(path, kind), where)
    if data is None:
        raise SpecError(f"{where}: the file is empty; a {kind} is a mapping of keys to values.")
    if not isinstance(data, dict):
        raise SpecError(
            f"{where}: a {kind} is a mapping of keys to values (`key: value`), "
            f"but this file holds {_shown(data)}."
        )
    return Document(data, where, node)


def read_any(path: Path, kind: str = "list") -> Any:
    """Read a YAML file of any shape (a word list may be a list)."""
    return _parse(_text(path, kind), str(path))[0]


def validate(model: type[M], document: Document) -> M:
    """Check a document against a model. Raises `SpecError` with all problems at once."""
    try:
        return model.model_validate(dict(document.data))
    except Invalid as error:
        errors = [dict(e) for e in error.errors(include_url=False)]
        found = [_problem(model, document, e) for e in errors if not _follows(e, errors)]
        problems = [text for _, text in sorted(found, key=lambda pair: pair[0])]
    start = f"{document.where}: " if document.where else ""
    if len(problems) == 1:
        raise SpecError(start + problems[0])
    listed = "".join(f"\n  {problem}" for problem in problems)
    raise SpecError(f"{start}{len(problems)} problems:{listed}")


# ── strict YAML ──────────────────────────────────────────────────────────────────────────


class _Loader(_SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2 and without double keys."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                problem = "a key must be a word or a number"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            # A key is text as it is written: `null: "?"`, `1: one`, `no: nein`.
            key.tag = "tag:yaml.org,2002:str"
            if key.value in lines:
                problem = f"the key {key.value!r} stands twice (first on line {lines[key.value]})"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            lines[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep=deep)


_SCALARS = (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+."),
)
for _tag, _pattern, _starts in _SCALARS:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(f"^(?:{_pattern})$"),
        [*_starts, ""] if _tag == "null" else list(_starts),
    )
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))


def _text(path: Path, kind: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        near = UnknownName("file", path.name, _neighbours(path)).near
        hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
        raise SpecError(f"{path}: no such file.{hint}") from None
    except IsADirectoryError:
        raise SpecError(f"{path}: a folder, not a {kind} file.") from None
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8."
        ) from None
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}.") from None


def _neighbours(path: Path) -> list[str]:
    return [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []


def _parse(text: str, where: str) -> tuple[Any, yaml.Node | None]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        return (None if node is None else loader.construct_document(node)), node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise SpecError(f"{where}{line}: {error.problem or error.context}.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SpecError(f"{where}: not readable as YAML: {error}") from None
    finally:
        loader.dispose()


def _step(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    """One key or index deeper: its line and its node."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    return None


# ── problems in plain words ──────────────────────────────────────────────────────────────

_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "mapping_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
}
_LIMITS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}


def _problem(
    model: type[BaseModel], document: Document, error: Mapping[str, Any]
) -> tuple[int, str]:
    """The line (0 where there is none) and the sentence of one of pydantic's errors."""
    path = tuple(part for part in error["loc"] if part != "[key]")
    line = document.line(path) or 0
    place = ", ".join(filter(None, (f"line {line}" if line else "", _dotted(path))))
    said = _said(model, path, error)
    return line, f"{place}: {said}" if place else said


def _follows(error: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a list is called too short only because its entries were refused."""
    path = error["loc"]
    inside = (e["loc"] for e in errors if len(e["loc"]) > len(path))
    return error["type"] == "too_short" and any(deep[: len(path)] == path for deep in inside)


def _said(model: type[BaseModel], path: tuple[Any, ...], error: Mapping[str, Any]) -> str:
    kind, found, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind == "extra_forbidden":
        return str(UnknownName("key", str(path[-1]), _keys(model, path[:-1])))
    if kind == "missing":
        return "missing; this key is required."
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        if isinstance(found, str):
            return str(UnknownName("value", found, choices))
        return f"must be one of {', '.join(choices)}, not {_shown(found)}."
    if kind in _LIMITS:
        words, bound = _LIMITS[kind]
        return f"must be {words} {context[bound]}, not {_shown(found)}."
    if kind == "string_pattern_mismatch":
        return f"{_shown(found)} is not of the form {context['pattern']}."
    if kind == "string_too_short":
        return "an empty text says nothing; write it, or leave the key out."
    if kind == "too_short":
        return "an empty list says nothing; name at least one, or leave the key out."
    if kind == "value_error":
        return str(context["error"])
    if kind in _WANTED:
        cure = " (write it in quotes)" if kind == "string_type" and found is not None else ""
        return f"must be {_WANTED[kind]}{cure}, not {_shown(found)}."
    return str(error["msg"])


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return f"the number {value}" if isinstance(value, (int, float)) else type(value).__name__


def _dotted(path: Sequence[Any]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _keys(model: Any, path: Sequence[Any]) -> list[str]:
    """The keys that the model knows at `path`."""
    for part in path:
        kind = _model_in(model)
        if kind is not None and part in kind.model_fields:
            model = kind.model_fields[part].annotation
    kind = _model_in(model)
    return list(kind.model_fields) if kind is not None else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model inside `X`, `X | None`, `tuple[X, ...]`, `dict[str, X]`, `Annotated[X, …]`."""
    if get_origin(annotation) is None:
        is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
        return annotation if is_model else None
    found = (_model_in(argument) for argument in get_args(annotation))
    return next((kind for kind in found if kind is not None), None)
