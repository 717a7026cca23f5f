"""Models for tests, benchmarks and planted defects: a rule in place of weights.

    FakeClassifier(lambda text: [0.0, 1.0 if "good" in text else -1.0])

They ship with the package so that a new probe can be tried without weights.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fmaudit.errors import OutOfMemory, UnknownName
from fmaudit.models.base import Facts, Handle, Prepared
from fmaudit.models.torchmodel import Loaded
from fmaudit.types import Failure, Input, Logits, Pair, Request, Response, Tokenize, Tokens

if TYPE_CHECKING:
    from fmaudit.spec import ModelSpec

Rule = Callable[[str], Sequence[float]]


class FakeClassifier:
    """A classifier that answers by a rule: text → logits. A token is a word.

    Args:
        rule: text (a pair's halves joined by a line break) → one logit a class.
        classes: class names in the order of the logits.
        window: words beyond it are cut.
        capacity: batches of more rows raise `OutOfMemory`.
        key: names the rule in the cache; two rules must not share one.
    """

    capabilities = frozenset({"classify", "tokenize"})

    def __init__(
        self,
        rule: Rule,
        classes: Sequence[str] = ("no", "yes"),
        *,
        window: int = 512,
        capacity: int | None = None,
        key: str = "fake",
    ) -> None:
        self.rule = rule
        self.capacity = capacity
        self.shapes: list[tuple[int, int, int]] = []  # (answered, rows, length) of each batch
        self.facts = Facts(
            adapter="fake",
            name=key,
            classes=tuple(classes),
            device="cpu",
            dtype="float64",
            attention="none",
            window=window,
            parameters=0,
            digest=key,
            libraries={},
        )

    def prepare(self, requests: Sequence[Request]) -> list[Prepared]:
        """Words, cut at the window."""
        return [self._prepare(r) for r in requests]

    def _prepare(self, request: Request) -> Prepared:
        words = _text(request.input).split()
        kept = words[: self.facts.window]
        return Prepared(request, tuple(kept), max(1, len(kept)), len(words) - len(kept))

    def run(self, batch: Sequence[Prepared], *, length: int, rows: int) -> list[Response]:
        """The rule on each text; a logit that is not finite is a failure."""
        if self.capacity is not None and rows > self.capacity:
            raise OutOfMemory(f"{rows} rows do not fit, {self.capacity} do")
        self.shapes.append((len(batch), rows, length))
        return [self._answer(p) for p in batch]

    def _answer(self, prepared: Prepared) -> Response:
        if isinstance(prepared.request, Tokenize):
            ids = tuple(
                int(hashlib.sha256(w.encode()).hexdigest()[:6], 16) for w in prepared.payload
            )
            return Tokens(ids, cut=prepared.cut)
        text = _text(prepared.request.input)
        values = tuple(float(v) for v in self.rule(text))
        if not all(math.isfinite(v) for v in values):
            return Failure(f"the logits are not finite: {list(values)}")
        return Logits(values, tokens=prepared.length, cut=prepared.cut)


def hashed(text: str) -> tuple[float, float]:
    """Logits that look random and depend on the text alone."""
    unit = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
    return (0.0, 6.0 * (unit - 0.5))


def constant(text: str) -> tuple[float, float]:
    """The same answer to everything."""
    del text
    return (0.0, 1.0)


RULES: dict[str, Rule] = {"hashed": hashed, "constant": constant}


def open_model(spec: ModelSpec, path: Path | None, name: str) -> Handle:
    """The adapter: `model: {path: hashed, adapter: fake}`."""
    del path
    if name not in RULES:
        raise UnknownName("fake model", name, RULES, "model: path")
    return Loaded(FakeClassifier(RULES[name], tuple(spec.labels or ("no", "yes")), key=name))


def _text(value: Input) -> str:
    return f"{value.first}\n{value.second}" if isinstance(value, Pair) else value
