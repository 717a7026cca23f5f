"""Runs requests on one model: cache, batches of fixed shape, memory that runs out.

A runner is all that the scheduler sees of a model. Another one (several GPUs, Ray) answers the
same call and changes nothing that a method sees.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from zlib import crc32

import msgspec

from fmaudit.engine.batching import Limits, Shape, pack, pack_level
from fmaudit.engine.cache import Cache, key_of, prefix
from fmaudit.engine.costs import Costs
from fmaudit.engine.progress import Progress
from fmaudit.engine.residents import Residents
from fmaudit.errors import ModelError, OutOfMemory
from fmaudit.models.base import Beginning, Facts, Handle, Model, Prepared, begun
from fmaudit.types import (
    Attribute,
    Attributions,
    Embed,
    Failure,
    Fills,
    Generate,
    Generated,
    Likelihoods,
    Logits,
    MaskedLogprobs,
    Pseudo,
    Request,
    Response,
    TokenLogprobs,
    digest,
    encode,
)

WITNESSED = "witnesses"
WITNESSES = 16  # answers of a model without a key that a later run asks for again
_UNFILLED = (Attribute.__name__, MaskedLogprobs.__name__)
"""Requests that a model takes apart into rows of its own."""
SLAB = 8192  # requests tokenised at once: bounds the memory that token ids take


class Runner(Protocol):
    """Answers distinct requests, in order."""

    def answer(self, requests: Sequence[Request]) -> list[Response]:
        """One response a request; a failure is a response."""
        ...


class LocalRunner:
    """One model in this process, loaded when it is first asked.

    Args:
        handle: the model.
        cache_path: where its answers are kept.
        tokens: token budget of a batch (rows × padded length); None: by the device.
        most_rows: the most rows of a batch.
        residents: the other models that may stand in memory beside this one.
    """

    def __init__(
        self,
        handle: Handle,
        cache_path: Path,
        costs: Costs,
        progress: Progress,
        *,
        tokens: int | None = None,
        most_rows: int = 256,
        residents: Residents | None = None,
    ) -> None:
        self.handle = handle
        self.cache = Cache(cache_path)
        self.costs = costs
        self.progress = progress
        self.most_rows = most_rows
        self._tokens = tokens
        self._residents = residents or Residents()
        self._model: Model | None = None
        self._begins: Beginning = ()
        self._prefix = b""

    @property
    def model(self) -> Model:
        """The loaded model."""
        if self._model is None:
            self._residents.admit(self, self.handle.footprint)
            self.progress.stage(f"loading {self.handle.name}")
            self._model = begun(self.handle.load(), self._begins)
        return self._model

    @property
    def key(self) -> str:
        """The handle's key, of a model that begins as another one a key of its own."""
        named = self.handle.key
        return digest([named, self._begins]) if named and self._begins else named

    def begin_as(self, begins: Beginning) -> None:
        """Have the model read its texts after another one's beginning (see `begun`)."""
        self._begins, self._prefix = begins, b""
        if self._model is not None:
            self._model = begun(self._model, begins)

    def release(self) -> None:
        """Let go of the weights; the next request loads them again."""
        self._model = None

    @property
    def facts(self) -> Facts:
        """What is recorded of the loaded model."""
        return self.model.facts

    def check_unchanged(self) -> None:
        """See that a model without a key still answers as it did when its answers were stored.

        Raises:
            ModelError: it does not; the stored answers would be another model's.
        """
        stored = self.cache.memo(WITNESSED)
        if self.handle.key or stored is None:
            return
        witnesses = msgspec.json.decode(stored, type=list[tuple[Request, Response]])
        prepared = self.model.prepare([request for request, _ in witnesses])
        longest = max(p.length for p in prepared)
        now = self.model.run(prepared, length=longest, rows=len(prepared))
        if not all(_alike(then, a) for (_, then), a in zip(witnesses, now, strict=True)):
            raise ModelError(
                f"{self.handle.name} answers otherwise than when this run's answers were stored: "
                "it has changed, or it answers at random. Name another folder with --out."
            )

    def answer(self, requests: Sequence[Request]) -> list[Response]:
        """Answer distinct requests: from the cache, then from the model, each batch stored.

        What a round leaves to the model is written down before it is run. A run that was
        killed packs the same batches again, passes over those that are stored, and so ends
        with the answers of an undisturbed run, to the last bit.
        """
        if not self._prefix:
            self._prefix = prefix(self.facts)
        asked = {key_of(self._prefix, r): r for r in requests}
        found = self.cache.get(list(asked))
        known = len(found)
        if known < len(asked):
            plan = self.cache.plan(sorted(asked), sorted(asked.keys() - found.keys()))
            for start in range(0, len(plan), SLAB):
                part = [(key, asked[key]) for key in plan[start : start + SLAB]]
                self._run_slab(self.model, part, found)
        self.costs.cached += known
        return [found[key] for key in asked]

    def _run_slab(
        self, model: Model, part: Sequence[tuple[bytes, Request]], found: dict[bytes, Response]
    ) -> None:
        """Prepare, pack and run; each batch is stored before the next begins."""
        tokens = self._tokens or default_tokens(model.facts)
        for kind in sorted({_kind(r) for _, r in part}):
            mine = [(key, r) for key, r in part if _kind(r) == kind]
            mine.sort(key=lambda pair: crc32(str(pair[1].input).encode()))
            prepared = model.prepare([r for _, r in mine])
            items = [(p, (key, p)) for (key, _), p in zip(mine, prepared, strict=True)]
            # Several continuations of a prompt stand in one row, together beyond the window.
            window = 0 if isinstance(mine[0][1], TokenLogprobs) else model.facts.window
            limits = Limits(window, tokens, self.most_rows)
            if kind[0] == Generate.__name__:
                batches = pack_level(items, limits)
            else:
                batches = pack(items, limits, filler=kind[0] not in _UNFILLED)
            for shape, batch in batches:
                if any(key not in found for key, _ in batch):
                    self._run_batch(model, shape, batch, found)

    def _run_batch(
        self,
        model: Model,
        shape: Shape,
        batch: Sequence[tuple[bytes, Prepared]],
        found: dict[bytes, Response],
    ) -> None:
        began = time.perf_counter()
        answers = self._halving(model, [p for _, p in batch], shape.length, shape.rows)
        self.costs.model_seconds += time.perf_counter() - began
        new = [
            (key, answer)
            for (key, _), answer in zip(batch, answers, strict=True)
            if key not in found
        ]
        self.costs.run += len(new)
        self.costs.batches += 1
        read = [_read(p, answer) for (_, p), answer in zip(batch, answers, strict=True)]
        self.costs.tokens += sum(read)
        rows = sum(-(-n // p.length) for (_, p), n in zip(batch, read, strict=True))
        self.costs.padded_tokens += shape.length * max(shape.rows, rows)
        if not self.handle.key and self.cache.memo(WITNESSED) is None:
            first = [(p.request, a) for (_, p), a in zip(batch, answers, strict=True)]
            self.cache.remember(WITNESSED, encode(first[:WITNESSES]))
        self.cache.put((key, answer) for key, answer in new if not _transient(answer))
        found.update(new)
        self.progress.answered(len(new))

    def _halving(
        self, model: Model, batch: Sequence[Prepared], length: int, rows: int
    ) -> list[Response]:
        """Run; out of memory halves the rows, for this run's later batches as well."""
        try:
            answers = model.run(batch, length=length, rows=rows)
        except OutOfMemory as error:
            if rows == 1:
                reason = f"out of memory on a single text of {length} tokens: {error}"
                return [Failure(reason, transient=True) for _ in batch]
            half = rows // 2
            self.costs.halvings += 1
            self.most_rows = min(self.most_rows, half)
            return [
                answer
                for start in range(0, len(batch), half)
                for answer in self._halving(model, batch[start : start + half], length, half)
            ]
        if len(answers) != len(batch):
            raise AssertionError(f"{len(answers)} answers to {len(batch)} requests")
        return answers

    def close(self) -> None:
        """Close the cache."""
        self.cache.close()


def default_tokens(facts: Facts) -> int:
    """Tokens a batch.

    On a CPU about where throughput levels off (measured on two cores: 24 to 64 rows of 50
    tokens are equally fast); elsewhere enough to keep a GPU busy.
    """
    return 1536 if facts.device == "cpu" else 16384


def _kind(request: Request) -> tuple[str, bool, str, int, str]:
    """What shares a batch: one type, the weights as served or in float32, one condition.

    A condition of the noise floor is packed apart, in an order that is its texts' own: what is
    asked again meets the padding that it met at first, and what moves is not the packing's doing.
    So are prompts with several continuations, which take a mask of their own, answers that are
    written in different ways, and vectors of different layers.
    """
    how = ""
    if isinstance(request, Generate):
        how = encode(request.decoding).decode()
    elif isinstance(request, TokenLogprobs):
        how = "several" if len(request.continuations) > 1 else "one"
    elif isinstance(request, Embed):
        how = str(request.layer)
    name = type(request).__name__
    return name, request.dtype == "float32", request.under, request.replica, how


def _read(prepared: Prepared, answer: Response) -> int:
    """How many tokens the model read for an answer, or wrote."""
    if isinstance(answer, Attributions):
        return prepared.length * answer.passes
    if isinstance(answer, (Likelihoods, Pseudo, Fills)):
        return answer.tokens
    if isinstance(answer, Generated):
        return prepared.length + answer.written
    return prepared.length


def _alike(one: Response, other: Response) -> bool:
    """Equal up to rounding; failures are alike whatever their reason."""
    if isinstance(one, Logits) and isinstance(other, Logits):
        pairs = zip(one.values, other.values, strict=True)
        return all(math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-3) for a, b in pairs)
    return type(one) is type(other) and not isinstance(one, Logits)


def _transient(answer: Response) -> bool:
    return isinstance(answer, Failure) and answer.transient
