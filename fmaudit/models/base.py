"""What the engine knows of a model: a *handle* says what it is, a *model* answers requests.

A handle is cheap (no weights, no torch) and names the model by digest, so that a finished
audit can be recognised without loading anything. `handle.load()` gives the model:
`prepare` (tokenise, measure lengths) and `run` (one batch of a fixed shape).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

from fmaudit.errors import ModelError
from fmaudit.types import Chat, Input, Request, Response

Beginning = tuple[tuple[int, str], ...]
"""Tokens that stand before a text: each one's id, and its name in the vocabulary."""


class Facts(Struct, frozen=True):
    """What is recorded of a loaded model.

    `window`: the most tokens it reads, 0 where that is not known. `deterministic`: False where
    equal inputs may be answered differently. `kind`: "classifier", "causal", "masked" or
    "seq2seq". `chat`: prompts go through its chat template. `tokenizer`: digest of how it cuts
    texts into tokens, "" where that is not known. `begins`: what a text without a prompt is read
    after, and whatever a decoder writes; () where nothing is. `span`: the range of a model that
    predicts a number, and the probability of its second class the number's place in it.
    """

    adapter: str
    name: str
    classes: tuple[str, ...]
    device: str
    dtype: str
    attention: str
    window: int
    parameters: int
    digest: str
    libraries: dict[str, str]
    notes: tuple[str, ...] = ()
    deterministic: bool = True
    kind: str = "classifier"
    chat: bool = False
    tokenizer: str = ""
    begins: Beginning = ()
    span: tuple[float, float] | None = None

    def key_parts(self) -> list[Any]:
        """Everything of the model that can move a logit."""
        device_kind = self.device.split()[0]
        parts: list[Any] = [self.adapter, self.digest, self.dtype, device_kind, self.attention]
        parts += [self.window, list(self.classes), self.libraries, self.chat, self.begins]
        return [*parts, self.span] if self.span else parts


class Prepared(Struct, frozen=True):
    """A request made ready: `payload` is the adapter's own, `length` its cost in tokens."""

    request: Request
    payload: Any
    length: int
    cut: int = 0


@runtime_checkable
class Model(Protocol):
    """A loaded model. Rows of a batch never influence each other beyond the noise floor."""

    facts: Facts
    capabilities: frozenset[str]

    def prepare(self, requests: Sequence[Request]) -> list[Prepared]:
        """Tokenise; same order and length as `requests`. Cuts what exceeds the window."""
        ...

    def run(self, batch: Sequence[Prepared], *, length: int, rows: int) -> list[Response]:
        """Answer a batch of one kind, in order, padded to `length` tokens and `rows` rows.

        A batch is all of dtype "float32" or none of it; a model that is served in half precision
        answers it with weights and arithmetic in float32.

        Raises `OutOfMemory` where the batch does not fit. An answer that is not finite comes
        back as a `Failure`, never as a number.
        """
        ...


@runtime_checkable
class Begins(Protocol):
    """A model that can read its texts after another model's beginning."""

    facts: Facts

    def begun_as(self, begins: Beginning) -> Model:
        """The same weights behind that beginning, where its tokens are in the vocabulary.

        The facts note which one it took, or that it could not.
        """
        ...


def begun(model: Model, begins: Beginning) -> Model:
    """The model behind that beginning; itself where that is its own, or it knows of none."""
    if not begins or not isinstance(model, Begins) or model.facts.begins == begins:
        return model
    return model.begun_as(begins)


class Handle(Protocol):
    """A model that is named but not loaded."""

    @property
    def name(self) -> str:
        """The source, or the last part of a local folder."""
        ...

    @property
    def key(self) -> str:
        """Digest of weights, tokenizer, template and options; "" where there is none."""
        ...

    @property
    def footprint(self) -> int:
        """Bytes that its weights take in memory, about; 0 where that is not known."""
        ...

    def load(self) -> Model:
        """Load the weights. Raises `ModelError` with the cure."""
        ...


def plain(request: Request) -> Input:
    """The text, or the pair of texts, of a request. Raises `ModelError` for a conversation."""
    if isinstance(request.input, Chat):
        raise ModelError("a conversation was asked of a model that reads texts.")
    return request.input
