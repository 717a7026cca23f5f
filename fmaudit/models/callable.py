"""Any Python callable that returns probabilities, or predicts a number.

It is called with a list of texts (or of (first, second) tuples for pairs) and returns one row
of class probabilities for each, shape (texts, classes); with two classes a flat list of the
second class's probability will do, and with a range a flat list of numbers is meant. Nothing is
known of what it computes inside, so that its answers are cached in the run folder only.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fmaudit.errors import ModelError
from fmaudit.models.base import Facts, Model, Prepared, plain
from fmaudit.types import Failure, Input, Logits, Pair, Request, Response, digest

if TYPE_CHECKING:
    from fmaudit.spec import ModelSpec

LEAST = float(np.finfo(np.float32).tiny)  # log of a probability of 0 is not finite


class CallableClassifier:
    """A callable as a model. Offers `classify`.

    Args:
        function: list of inputs → array-like (inputs, classes) of probabilities.
        classes: class names in the order of the columns.
        name: what the report calls the model.
        deterministic: False where equal inputs may be answered differently.
        span: the range of a function that predicts a number, lowest and highest, with the two
            `classes` named after its ends. What it predicts beyond counts as the end.
    """

    capabilities = frozenset({"classify"})

    def __init__(
        self,
        function: Callable[[list[Any]], Any],
        classes: Sequence[str],
        *,
        name: str = "",
        deterministic: bool = True,
        span: tuple[float, float] | None = None,
    ) -> None:
        if len(classes) < 2:
            raise ModelError("model: labels: a classifier has at least two classes.")
        if span is not None and (len(classes) != 2 or not span[0] < span[1]):
            raise ModelError(
                "model: range: a predicted number has a lowest and a highest value, in this order, "
                "and two classes named after them."
            )
        self.function = function
        title = name or getattr(function, "__qualname__", type(function).__name__)
        self.facts = Facts(
            adapter="callable",
            name=title,
            classes=tuple(classes),
            device="unknown",
            dtype="unknown",
            attention="unknown",
            window=0,
            parameters=0,
            digest=callable_digest(function, classes, span),
            libraries={},
            deterministic=deterministic,
            span=span,
        )

    def prepare(self, requests: Sequence[Request]) -> list[Prepared]:
        """Nothing to prepare: a callable reads the text itself. Every length is 1."""
        return [Prepared(request, None, 1) for request in requests]

    def run(self, batch: Sequence[Prepared], *, length: int, rows: int) -> list[Response]:
        """One call; where it raises, each input is tried alone to find the one that fails."""
        del length, rows  # a callable is handed what there is, without filler
        inputs = [_plain(plain(p.request)) for p in batch]
        try:
            table = self._table(inputs)
        except ModelError:
            raise
        except (Exception, SystemExit) as error:
            if len(batch) == 1:
                return [Failure(f"{type(error).__name__}: {error}", transient=True)]
            return [r for p in batch for r in self.run([p], length=1, rows=1)]
        return [_answer(row) for row in table]

    def _table(self, inputs: list[Any]) -> np.ndarray[Any, Any]:
        table = np.asarray(self.function(inputs), dtype=np.float64)
        classes = len(self.facts.classes)
        if self.facts.span is not None:
            return self._placed(table, len(inputs))
        if table.shape == (len(inputs),) and classes == 2:
            table = np.stack([1.0 - table, table], axis=1)
        if table.shape != (len(inputs), classes):
            raise ModelError(
                f"{self.facts.name} returned an array of shape {table.shape} for "
                f"{len(inputs)} inputs; ({len(inputs)}, {classes}) was expected, a row of class "
                "probabilities for each input, in order."
            )
        return table

    def _placed(self, numbers: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
        """Each number's place in the range as the second class's probability."""
        assert self.facts.span is not None
        if numbers.shape not in ((count,), (count, 1)):
            raise ModelError(
                f"{self.facts.name} returned an array of shape {numbers.shape} for {count} "
                f"inputs; a number for each was expected, ({count},), as it has a `range`."
            )
        low, high = self.facts.span
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)  # no number, no end of the range
        place = np.clip((numbers.reshape(-1) - low) / (high - low), 0.0, 1.0)
        return np.stack([1.0 - place, place], axis=1)


@dataclass(frozen=True)
class CallableHandle:
    """A function named as "package.module:function", imported when it is loaded."""

    target: str
    labels: tuple[str, ...]
    base: Path | None = None
    span: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """The function's place."""
        return self.target

    footprint = 0

    @property
    def key(self) -> str:
        """No digest: what a callable computes cannot be read off it."""
        return ""

    def load(self) -> Model:
        """Import the function. Raises `ModelError` naming the module or the attribute."""
        module_name, _, attribute = self.target.partition(":")
        if not attribute:
            raise ModelError(
                f"model: callable: {self.target!r} should read 'package.module:function'."
            )
        try:
            with _importable(self.base):
                _forget_namesake(module_name.partition(".")[0], self.base)
                module = importlib.import_module(module_name)
        except ImportError as error:
            raise ModelError(
                f"model: callable: {module_name!r} cannot be imported: {error}. It is looked for "
                "beside the spec and on Python's path."
            ) from error
        function = getattr(module, attribute, None)
        if not callable(function):
            names = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
            raise ModelError(
                f"model: callable: {module_name!r} has no function {attribute!r}. "
                f"It has: {', '.join(sorted(names)[:20]) or 'none'}."
            )
        return CallableClassifier(function, self.labels, name=self.target, span=self.span)


def open_model(spec: ModelSpec, path: Path | None, name: str) -> CallableHandle:
    """The adapter: `path` is the folder of the spec, where the module is looked for first."""
    del name
    if not spec.labels:
        raise ModelError(
            "model: a callable needs `labels`, the class names in the order of its columns, "
            "for example `labels: [negative, positive]`."
        )
    return CallableHandle(spec.callable or "", tuple(spec.labels), path, spec.range)


def callable_digest(
    function: Callable[..., Any], classes: Sequence[str], span: tuple[float, float] | None = None
) -> str:
    """Digest of the function's own source where there is one; not of what it calls."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        source = repr(getattr(function, "__qualname__", type(function).__name__))
    said = [hashlib.sha256(source.encode()).hexdigest(), list(classes)]
    return digest([*said, span] if span else said)


def _plain(value: Input) -> str | tuple[str, str]:
    return (value.first, value.second) if isinstance(value, Pair) else value


def _answer(row: np.ndarray[Any, Any]) -> Response:
    values = row.tolist()
    if not all(math.isfinite(v) for v in values):
        return Failure(f"the probabilities are not finite: {values}")
    if min(values) < 0 or abs(sum(values) - 1) > 1e-3:
        return Failure(f"not probabilities (below 0, or not summing to 1): {values}")
    return Logits(tuple(math.log(max(v, LEAST)) for v in values))


def _forget_namesake(top: str, base: Path | None) -> None:
    """Drop an imported module of that name that is not the one in `base`, where there is one."""
    if base is None or not any((base / p).is_file() for p in (f"{top}.py", f"{top}/__init__.py")):
        return
    loaded = getattr(sys.modules.get(top), "__file__", None)
    if loaded is None or not Path(loaded).is_relative_to(base):
        for name in [n for n in sys.modules if n.partition(".")[0] == top]:
            del sys.modules[name]


@contextmanager
def _importable(folder: Path | None) -> Iterator[None]:
    """Look for modules in `folder` first, for the length of a `with`."""
    if folder is None:
        yield
        return
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
