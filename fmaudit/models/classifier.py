"""`AutoModelForSequenceClassification` of transformers, from a folder: classifiers and rankers.

The folder is digested without loading anything; loading refuses what would make an audit
wrong in silence: a head that is not in the weights (it would be drawn at random), pickled
weights, code of the model's own, a missing tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmaudit.errors import ModelError
from fmaudit.models.base import Model
from fmaudit.models.folders import Folder, Trust, has_tokenizer, pick_device, pick_dtype
from fmaudit.models.torchmodel import TorchClassifier
from fmaudit.types import digest

if TYPE_CHECKING:
    import torch

    from fmaudit.spec import ModelSpec

AUTO = "AutoModelForSequenceClassification"


@dataclass(frozen=True)
class ClassifierHandle:
    """A classifier's folder, named by the digest of what transformers would read from it."""

    path: Path
    name: str
    device: str = "auto"
    dtype: str = "auto"
    allow_pickle: bool = False
    trust_remote_code: bool = False
    labels: tuple[str, ...] | None = None
    span: tuple[float, float] | None = None

    @cached_property
    def key(self) -> str:
        """Digest of the files and of the options that can move a logit or rename a class."""
        options = [self.device, self.dtype, self.trust_remote_code, self.labels]
        return digest([self._folder.digest, [*options, self.span] if self.span else options])

    @property
    def footprint(self) -> int:
        """Bytes that its weights take, about."""
        return self._folder.stored

    @cached_property
    def _folder(self) -> Folder:
        return Folder(self.path, Trust(self.allow_pickle, self.trust_remote_code))

    def load(self) -> Model:
        """Load weights and tokenizer onto the device.

        Raises:
            ModelError: says what is missing or refused, and the cure.
        """
        import torch

        config = self._folder.config
        has_tokenizer(self.path)
        device = pick_device(self.device)
        dtype, notes = pick_dtype(self.dtype, config, device)
        module = _two_sided(self._folder.module(AUTO, dtype), self.span).to(device)
        classes = _classes(config, self.labels, self.path)
        _check_span(config, self.span, self.path)
        return TorchClassifier(
            module,
            self._folder.tokenizer(),
            classes,
            name=self.name,
            digest=self.key,
            adapter="classifier",
            notes=notes,
            full=lambda: _two_sided(self._folder.module(AUTO, torch.float32), self.span),
            span=self.span,
        )


def open_model(spec: ModelSpec, path: Path | None, name: str) -> ClassifierHandle:
    """The adapter: `path` is where the model's source was resolved to."""
    if path is None:
        raise ModelError("model: the classifier adapter needs `path`.")
    return ClassifierHandle(
        path=path,
        name=name,
        device=spec.device,
        dtype=spec.dtype,
        allow_pickle=spec.allow_pickle,
        trust_remote_code=spec.trust_remote_code,
        labels=tuple(spec.labels) if spec.labels else None,
        span=spec.range,
    )


def _two_sided(module: torch.nn.Module, span: tuple[float, float] | None) -> torch.nn.Module:
    """A module of one output z as one of two: 0 and z, whose softmax is the logistic of z.

    With a `span` the softmax of the two is z's place in it, from one end to the other.
    """
    if int(module.config.num_labels) != 1:  # type: ignore[union-attr, arg-type]
        return module

    def both(_: Any, given: Any, out: Any) -> Any:
        del given
        import torch

        z = out.logits  # (texts, 1)
        sides = [torch.zeros_like(z), z]
        if span is not None:
            least = torch.finfo(torch.float32).eps  # the log of a place at an end is not finite
            z = torch.where(torch.isfinite(z), z, torch.nan)  # no number, no end of the range
            place = ((z.float() - span[0]) / (span[1] - span[0])).clamp(least, 1 - least)
            sides = [torch.log1p(-place), torch.log(place)]
        out.logits = torch.cat(sides, dim=-1)
        return out

    module.register_forward_hook(both)
    return module


def _classes(config: Any, labels: Sequence[str] | None, path: Path) -> tuple[str, ...]:
    count = int(config.num_labels)
    if getattr(config, "problem_type", None) == "multi_label_classification":
        raise ModelError(
            f"model: {path} was trained with problem_type multi_label_classification; its scores "
            "are not one distribution over classes. Wrap it in a callable, one label at a time."
        )
    if count < 2 and (labels is None or len(labels) != 2):
        raise ModelError(
            f"model: {path} has {count} output. Of a ranker or a reward model, say what a low and "
            "a high score mean: `labels: [irrelevant, relevant]`; the score is then the logistic "
            "function of the output. Of a model that predicts a number, say its range too: "
            "`labels: [low, high]` and `range: [0, 100]`."
        )
    if labels is not None:
        if len(labels) != max(2, count):
            raise ModelError(
                f"model: labels: {len(labels)} names were given, but the model has {count} classes."
            )
        return tuple(labels)
    return tuple(str(config.id2label[i]) for i in range(count))


def _check_span(config: Any, span: tuple[float, float] | None, path: Path) -> None:
    if span is not None and int(config.num_labels) != 1:
        raise ModelError(
            f"model: range: {path} has {config.num_labels} outputs, of which each scores a class; "
            "a range is of a model that predicts one number. Leave `range` out."
        )
