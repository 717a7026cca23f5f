"""Any `torch.nn.Module` with a tokenizer, as a text classifier.

The module is called as `module(**batch)` with `input_ids`, `attention_mask` and, where the
tokenizer gives them, `token_type_ids`; it returns logits (batch, classes), or an object with
`.logits` of that shape. Batches have the shape that the engine asks for: short rows are padded
and missing rows filled, so that a text's logits are the same to the last bit whatever stands
beside it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from fmaudit.errors import ModelError
from fmaudit.models import embedding
from fmaudit.models.base import Facts, Model, Prepared, plain
from fmaudit.models.gradients import MARKED, attributor, marks
from fmaudit.models.memory import fitting
from fmaudit.models.precision import Float32, check_logits, served
from fmaudit.models.window import window_of
from fmaudit.types import (
    Attribute,
    Embed,
    Failure,
    Input,
    Logits,
    Pair,
    Request,
    Response,
    Tokenize,
    Tokens,
)

if TYPE_CHECKING:
    import torch

FIELDS = ("input_ids", "token_type_ids")


class TorchClassifier:
    """A loaded torch classifier. Offers `classify`, `tokenize`, where it can `attribute`, `embed`.

    Args:
        module: returns logits (batch, classes); put in evaluation mode here.
        tokenizer: a transformers tokenizer, or any callable of its kind.
        classes: class names in the order of the logits.
        name: what the report calls the model.
        window: the most tokens the module reads; by default what the tokenizer and the
            module's configuration say.
        digest: names the weights and the tokenizer; by default computed from both.
        full: loads the module in float32, for requests of that dtype; by default a copy.
        span: the range of a predicted number, where the second of two classes has its place in
            it as probability.

    Raises:
        ModelError: no padding token, or no class names that fit.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        tokenizer: Any,
        classes: Sequence[str],
        *,
        name: str = "",
        window: int | None = None,
        digest: str = "",
        adapter: str = "module",
        notes: Sequence[str] = (),
        full: Callable[[], torch.nn.Module] | None = None,
        span: tuple[float, float] | None = None,
    ) -> None:
        self.module = module.eval()
        self.float32 = Float32(self.module, full)
        self.tokenizer = tokenizer
        self.pad = _pad_token(module, tokenizer)
        self.attributor = attributor(module, self.float32, tokenizer)
        kinds = {"classify", "tokenize"} | ({"attribute"} if self.attributor else set())
        self.capabilities = frozenset(kinds) | embedding.kinds(module, tokenizer)
        self.device = next(module.parameters()).device
        self.dtype = served(module)
        config = getattr(module, "config", None)
        self.facts = Facts(
            adapter=adapter,
            name=name or type(module).__name__,
            classes=tuple(classes),
            device=device_name(self.device),
            dtype=str(self.dtype).removeprefix("torch."),
            attention=str(getattr(config, "_attn_implementation", None) or "unknown"),
            window=window or window_of(module, tokenizer),
            parameters=sum(p.numel() for p in module.parameters()),
            digest=digest or module_digest(module, tokenizer),
            libraries=libraries(),
            notes=tuple(notes),
            span=span,
        )

    def prepare(self, requests: Sequence[Request]) -> list[Prepared]:
        """Tokenise in one call; texts beyond the window are cut and the cut is counted."""
        if requests and isinstance(requests[0], Embed):
            return embedding.prepare(requests, self.tokenizer, self.facts.window)
        marked = bool(requests) and isinstance(requests[0], Attribute)
        encoded = self._encode([plain(r) for r in requests], cut=False, marked=marked)
        long = [i for i, e in enumerate(encoded) if len(e["input_ids"]) > self.facts.window]
        short = self._encode([plain(requests[i]) for i in long], cut=True, marked=marked)
        lost = dict.fromkeys(long, 0)
        for i, fitted in zip(long, short, strict=True):
            lost[i] = len(encoded[i]["input_ids"]) - len(fitted["input_ids"])
            encoded[i] = fitted
        return [
            Prepared(
                request,
                tuple(tuple(e[f]) if f in e else None for f in (*FIELDS, "marks")),
                len(e["input_ids"]),
                lost.get(i, 0),
            )
            for i, (request, e) in enumerate(zip(requests, encoded, strict=True))
        ]

    def run(self, batch: Sequence[Prepared], *, length: int, rows: int) -> list[Response]:
        """One forward pass of shape (rows, length); see `fmaudit.models.base.Model`."""
        if isinstance(batch[0].request, Tokenize):
            return [Tokens(ids=p.payload[0], cut=p.cut) for p in batch]
        if isinstance(batch[0].request, Embed):
            module = self._module_for(batch)
            return embedding.run(module, batch, length=length, rows=rows, pad=self.pad)
        read = [p for p in batch if p.length]
        answer = self._attribute if isinstance(batch[0].request, Attribute) else self._classify
        answers = iter(answer(read, length, max(rows, len(read))) if read else [])
        return [next(answers) if p.length else Failure("the text has no token") for p in batch]

    def _classify(self, batch: Sequence[Prepared], length: int, rows: int) -> list[Response]:
        values = self._forward(batch, length, rows)
        return [_answer(found, p) for found, p in zip(values, batch, strict=True)]

    def _attribute(self, batch: Sequence[Prepared], length: int, rows: int) -> list[Response]:
        if self.attributor is None:
            raise ModelError(f"{self.facts.name} does not offer `attribute`")
        return self.attributor.run(batch, self._tensors(batch, length), rows)

    def _module_for(self, batch: Sequence[Prepared]) -> torch.nn.Module:
        """The module in the precision that a batch asks for."""
        return self.float32.module if batch[0].request.dtype == "float32" else self.module

    def _forward(self, batch: Sequence[Prepared], length: int, rows: int) -> list[list[float]]:
        import torch

        filled = [*batch, *[batch[0]] * (rows - len(batch))]
        with fitting(), torch.inference_mode():
            module = self._module_for(batch)
            out = module(**self._tensors(filled, length))
            logits = getattr(out, "logits", out)
            weights = self.dtype if module is self.module else torch.float32
            check_logits(logits, weights, self.facts.name)
            # (rows, classes) -> the real rows, in double precision on the host
            values = logits[: len(batch)].float().cpu().double()
        if values.shape != (len(batch), len(self.facts.classes)):
            raise ModelError(
                f"{self.facts.name}: the logits have shape {tuple(values.shape)}, "
                f"but {len(batch)} texts and {len(self.facts.classes)} classes were expected. "
                "Name as many classes as the model's head has."
            )
        rows_: list[list[float]] = values.tolist()
        return rows_

    def _tensors(self, batch: Sequence[Prepared], length: int) -> dict[str, torch.Tensor]:
        """What the module is called with: (texts, length) each, padded."""
        import torch

        fields = {
            name: [list(p.payload[k]) + [fill] * (length - p.length) for p in batch]
            for k, (name, fill) in enumerate(zip(FIELDS, (self.pad, 0), strict=True))
            if batch[0].payload[k] is not None
        }
        fields["attention_mask"] = [[1] * p.length + [0] * (length - p.length) for p in batch]
        return {
            name: torch.tensor(values, dtype=torch.long).to(self.device)
            for name, values in fields.items()
        }

    def _encode(
        self, inputs: Sequence[Input], *, cut: bool, marked: bool
    ) -> list[Mapping[str, Sequence[Any]]]:
        """Token ids of each input, and `marks` (where its tokens stand) where they are asked."""
        limit = {"truncation": True, "max_length": self.facts.window} if cut else {}
        more = MARKED if marked else {}
        encoded: list[Mapping[str, Sequence[Any]]] = [{} for _ in inputs]
        for paired in (False, True):
            at = [i for i, x in enumerate(inputs) if isinstance(x, Pair) is paired]
            if not at:
                continue
            sides = [_sides(inputs[i]) for i in at]
            columns = [list(side) for side in zip(*sides, strict=True)]
            found = self.tokenizer(*columns, **limit, **more, padding=False, verbose=False)
            for row, i in enumerate(at):
                own = {f: found[f][row] for f in FIELDS if f in found}
                encoded[i] = own | ({"marks": marks(found, row, sides[row])} if marked else {})
        return encoded


class Loaded:
    """A handle for a model that is in memory already.

    What Python code computes cannot be read off it, so that it has no key: its answers stay in
    the run folder, and a later run there asks some of them again.
    """

    key = ""
    footprint = 0

    def __init__(self, model: Model) -> None:
        self.model = model
        self.name = model.facts.name

    def load(self) -> Model:
        """The model itself."""
        return self.model


def module_digest(module: torch.nn.Module, tokenizer: Any) -> str:
    """sha256 over the names, types, shapes and bytes of the weights, and the tokenizer."""
    import torch

    total = hashlib.sha256(f"{type(module).__module__}.{type(module).__qualname__}".encode())
    for name, tensor in sorted(module.state_dict().items()):
        total.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        total.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    total.update(tokenizer_state(tokenizer))
    return total.hexdigest()


def tokenizer_state(tokenizer: Any) -> bytes:
    """All that decides how a tokenizer cuts texts, or its vocabulary where no more is known."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return repr(sorted(_vocabulary(tokenizer))).encode()
    state = json.loads(backend.to_str())
    for passing in ("truncation", "padding"):  # set anew by each call
        state.pop(passing, None)
    return json.dumps(state, sort_keys=True).encode()


def libraries() -> dict[str, str]:
    """Versions of the libraries that can move a logit."""
    found = {}
    for name in ("torch", "transformers", "tokenizers", "captum"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _answer(values: Sequence[float], prepared: Prepared) -> Response:
    if not all(math.isfinite(v) for v in values):
        return Failure(f"the logits are not finite: {list(values)}")
    return Logits(tuple(values), tokens=prepared.length, cut=prepared.cut)


def _sides(value: Input) -> tuple[str, ...]:
    return (value.first, value.second) if isinstance(value, Pair) else (value,)


def _vocabulary(tokenizer: Any) -> Sequence[tuple[str, int]]:
    return list(tokenizer.get_vocab().items()) if hasattr(tokenizer, "get_vocab") else []


def device_name(device: torch.device) -> str:
    """The kind of a device; of a CUDA device its model too."""
    import torch

    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def _pad_token(module: torch.nn.Module, tokenizer: Any) -> int:
    config = getattr(module, "config", None)
    for found in (
        getattr(config, "pad_token_id", None),
        getattr(tokenizer, "pad_token_id", None),
    ):
        if found is not None:
            return int(found)
    raise ModelError(
        "neither the model's configuration nor its tokenizer names a padding token, so texts of "
        "different lengths cannot share a batch. Set `pad_token_id` in the model's config.json "
        "(a decoder usually takes its end-of-text token) and save it again."
    )
