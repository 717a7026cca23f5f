"""What the language-model adapters share: the handle, the facts, which kind of model a path is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from msgspec.structs import replace

from fmaudit.errors import ModelError
from fmaudit.models.base import Beginning, Facts, Model
from fmaudit.models.folders import Trust, pick_device, pick_dtype
from fmaudit.models.precision import Float32, served
from fmaudit.models.reading import Reader
from fmaudit.models.torchmodel import device_name, libraries, tokenizer_state
from fmaudit.models.weights import Weights, adapter_config, weights_of
from fmaudit.models.window import window_of
from fmaudit.types import Asked, Chat, Message, Request, digest

if TYPE_CHECKING:
    import torch

    from fmaudit.spec import ModelSpec

T = TypeVar("T")

Kind = Literal["classifier", "causal", "masked", "seq2seq"]

AUTO: dict[str, str] = {
    "causal": "AutoModelForCausalLM",
    "masked": "AutoModelForMaskedLM",
    "seq2seq": "AutoModelForSeq2SeqLM",
}
TASKS: dict[str, Kind] = {
    "CAUSAL_LM": "causal",
    "SEQ_2_SEQ_LM": "seq2seq",
    "SEQ_CLS": "classifier",
}
"""peft's task types."""


def kind_of(path: Path, base: Path | None = None) -> Kind:
    """Which kind of model lies there, by what its files say; a classifier where they do not."""
    if path.suffix == ".gguf":
        return "causal"
    if not path.is_dir():
        return "classifier"
    adapter = adapter_config(path)
    if adapter is not None:
        named = TASKS.get(str(adapter.get("task_type")))
        return named or (kind_of(base) if base is not None else "causal")
    file = path / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (json.JSONDecodeError, UnicodeDecodeError):
        config = None
    if not isinstance(config, dict):
        return "classifier"  # which says what is wrong with the file
    for name in config.get("architectures") or ():
        if name.endswith(("ForMaskedLM", "ForPreTraining")):
            return "masked"
        if name.endswith(("ForConditionalGeneration", "ForSeq2SeqLM", "WithLMHeadModel")):
            return "seq2seq" if config.get("is_encoder_decoder") else "causal"
        if name.endswith(("ForCausalLM", "LMHeadModel")):
            return "causal"
    return "classifier"


class Each(Generic[T]):
    """What is made of a model's module, once for each of its precisions and when it is asked for.

    Args:
        module_for: the module in the precision that a request asks for.
        make: makes it of a module.
    """

    def __init__(self, module_for: Callable[[Request], Any], make: Callable[[Any], T]) -> None:
        self._module_for, self._make = module_for, make
        self._made: dict[int, T] = {}

    def of(self, request: Request) -> T:
        """Of the module in the precision that a request asks for."""
        module = self._module_for(request)
        if id(module) not in self._made:
            self._made[id(module)] = self._make(module)
        return self._made[id(module)]


@dataclass(frozen=True)
class Loaded:
    """A language model's parts, as an adapter wraps them.

    `full`: loads the module in float32. `facts`: what is recorded of it.
    """

    module: Any
    tokenizer: Any
    full: Callable[[], Any] | None
    facts: Facts

    @cached_property
    def float32(self) -> Float32:
        """The module in float32 beside the served one."""
        return Float32(self.module, self.full)

    def module_for(self, request: Request) -> Any:
        """The module in the precision that a request asks for."""
        full = isinstance(request, Asked) and request.dtype == "float32"
        return self.float32.module if full else self.module

    def each(self, make: Callable[[Any], T]) -> Each[T]:
        """What `make` makes of the module, in either precision."""
        return Each(self.module_for, make)


@dataclass(frozen=True)
class LanguageHandle:
    """A language model's files, named by their digest.

    `wrap` makes the model of its loaded parts. `chat`: "auto" takes the chat template where there
    is one; "always" refuses a model without; "never" takes none.
    """

    path: Path
    name: str
    kind: Kind
    wrap: Callable[[Loaded], Model]
    base: Path | None = None
    device: str = "auto"
    dtype: str = "auto"
    trust: Trust = Trust()
    chat: str = "auto"

    @cached_property
    def weights(self) -> Weights:
        """Its files. Raises `ModelError`."""
        return weights_of(self.path, self.base, self.trust)

    @cached_property
    def key(self) -> str:
        """Digest of the files and of the options that can move an answer."""
        options = [self.kind, self.device, self.dtype, self.trust.code, self.chat]
        return digest([self.weights.digest, options])

    @property
    def footprint(self) -> int:
        """Bytes that its weights take, about."""
        return self.weights.stored

    def load(self) -> Model:
        """Load weights and tokenizer onto the device.

        Raises:
            ModelError: says what is missing or refused, and the cure.
        """
        import torch

        weights, auto = self.weights, AUTO[self.kind]
        config = weights.config
        tokenizer = weights.tokenizer()
        device = pick_device(self.device)
        dtype, notes = pick_dtype(self.dtype, config, device)
        chat, said = self._template(tokenizer)
        module = weights.module(auto, dtype).to(device).eval()
        facts = facts_of(
            module, tokenizer, self.kind, name=self.name, digest=self.key, chat=chat,
            notes=(*notes, *said),
        )  # fmt: skip
        full = lambda: weights.module(auto, torch.float32)  # noqa: E731
        return self.wrap(Loaded(module, tokenizer, full, facts))

    def _template(self, tokenizer: Any) -> tuple[bool, tuple[str, ...]]:
        """Whether prompts go through a chat template, and what is to be noted."""
        there = bool(getattr(tokenizer, "chat_template", None))
        if self.chat == "always" and not there:
            raise ModelError(
                f"model: {self.path} has no chat template, and `chat: always` asks for one. Save "
                "the tokenizer with its `chat_template`, or write `chat: auto` under `model:`, so "
                "that prompts are given as they are."
            )
        if self.kind == "masked":
            return False, ()
        if there and self.chat != "never":
            self._tried(tokenizer)
            return True, ()
        if there:
            return False, ("prompts are given as they are, not through the chat template",)
        return False, ("no chat template: prompts are given as they are",)

    def _tried(self, tokenizer: Any) -> None:
        """See that the template writes what it is given. Raises `ModelError`."""
        marker = "What is the capital of France?"
        written = Reader(tokenizer, chat=True).written(Chat((Message("user", marker),)))
        if marker not in written:
            raise ModelError(
                f"model: {self.path}: its chat template leaves out what the user says. Mend the "
                "tokenizer's `chat_template`, or write `chat: never` under `model:`."
            )


def begun_facts(facts: Facts, begins: Beginning, *, there: bool) -> Facts:
    """The facts of a model that is to begin as another one does; `there`: it has those tokens."""
    own, other = ("".join(name for _, name in found) for found in (facts.begins, begins))
    if there:
        note = f"texts begin after {other!r}, as those of the model beside it"
        note += f", and not after {own!r}" if own else ""
        return replace(facts, begins=begins, notes=(*facts.notes, note))
    note = (
        f"texts begin after {own!r}, and after {other!r}, which is not in its vocabulary, in the "
        "model beside it: what comes first in a text is not compared like with like"
    )
    return replace(facts, notes=(*facts.notes, note))


def facts_of(
    module: Any,
    tokenizer: Any,
    kind: Kind,
    *,
    name: str,
    digest: str,
    chat: bool,
    notes: tuple[str, ...] = (),
) -> Facts:
    """What is recorded of a loaded language model."""
    device: torch.device = next(module.parameters()).device
    return Facts(
        adapter=kind,
        name=name,
        classes=(),
        device=device_name(device),
        dtype=str(served(module)).removeprefix("torch."),
        attention=str(getattr(module.config, "_attn_implementation", None) or "unknown"),
        window=window_of(module, tokenizer),
        parameters=sum(p.numel() for p in module.parameters()),
        digest=digest,
        libraries=libraries(),
        notes=notes,
        kind=kind,
        chat=chat,
        tokenizer=hashlib.sha256(tokenizer_state(tokenizer)).hexdigest(),
    )


def handle(
    spec: ModelSpec,
    path: Path | None,
    name: str,
    kind: Kind,
    wrap: Callable[[Loaded], Model],
    base: Path | None,
) -> LanguageHandle:
    """The handle of a language model that a spec names."""
    if path is None:
        raise ModelError(f"model: the {kind} adapter needs `path`.")
    return LanguageHandle(
        path=path,
        name=name,
        kind=kind,
        wrap=wrap,
        base=base,
        device=spec.device,
        dtype=spec.dtype,
        trust=Trust(spec.allow_pickle, spec.trust_remote_code),
        chat=spec.chat,
    )
