"""`AutoModelForSequenceClassification` of transformers, from a folder.

The folder is digested without loading anything; loading refuses what would make an audit
wrong in silence: a head that is not in the weights (it would be drawn at random), pickled
weights, code of the model's own, a missing tokenizer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmaudit.errors import ModelError
from fmaudit.models.base import Model
from fmaudit.models.torchmodel import TorchClassifier
from fmaudit.types import digest

if TYPE_CHECKING:
    import torch

    from fmaudit.spec import ModelSpec

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "*.model")
READ = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors", "*.py", *PICKLED)


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

    @cached_property
    def key(self) -> str:
        """Digest of the files and of the options that can move a logit or rename a class."""
        options = [self.device, self.dtype, self.trust_remote_code, self.labels]
        return digest([folder_digest(self.path), options])

    def load(self) -> Model:
        """Load weights and tokenizer onto the device.

        Raises:
            ModelError: says what is missing or refused, and the cure.
        """
        import torch

        self._check()
        config = self._config()
        tokenizer = self._tokenizer()
        device = _device(self.device)
        dtype, notes = _dtype(self.dtype, config, device)
        module = self._module(dtype).to(device)
        classes = _classes(config, self.labels, self.path)
        return TorchClassifier(
            module,
            tokenizer,
            classes,
            name=self.name,
            digest=self.key,
            adapter="classifier",
            notes=notes,
            full=lambda: self._module(torch.float32),
        )

    def _check(self) -> None:
        if not self.path.is_dir():
            raise ModelError(
                f"model: {self.path} is not a folder. Give the folder that `save_pretrained` wrote."
            )
        if not (self.path / "config.json").is_file():
            raise ModelError(
                f"model: {self.path} holds no config.json. Save the model with "
                "`model.save_pretrained(folder)` and give that folder."
            )
        safe = list(self.path.glob("*.safetensors"))
        pickled = [p.name for pattern in PICKLED for p in self.path.glob(pattern)]
        if not safe and not pickled:
            raise ModelError(f"model: {self.path} holds no weights (no *.safetensors).")
        if not safe and not self.allow_pickle:
            raise ModelError(
                f"model: {self.path} holds pickled weights only ({', '.join(sorted(pickled))}); "
                "loading them can run code. Save them again with `safe_serialization`, or, if you "
                "trust the file, set `allow_pickle: true` under `model:` (the record prints it)."
            )
        if not any(list(self.path.glob(pattern)) for pattern in TOKENIZER):
            raise ModelError(
                f"model: {self.path} holds no tokenizer. Save it beside the weights with "
                "`tokenizer.save_pretrained(folder)`."
            )

    def _config(self) -> Any:
        from transformers import AutoConfig

        try:
            return AutoConfig.from_pretrained(
                self.path, local_files_only=True, trust_remote_code=self.trust_remote_code
            )
        except (OSError, ValueError, KeyError, json.JSONDecodeError) as error:
            raise ModelError(f"model: {self.path}/config.json: {error}") from error

    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        try:
            return AutoTokenizer.from_pretrained(
                self.path, local_files_only=True, trust_remote_code=self.trust_remote_code
            )
        except Exception as error:  # tokenizers raise bare Exception for a broken file
            raise ModelError(f"model: the tokenizer in {self.path}: {error}") from error

    def _module(self, dtype: torch.dtype) -> Any:
        from transformers import AutoModelForSequenceClassification
        from transformers.utils import logging

        logging.disable_progress_bar()
        level = logging.get_verbosity()
        logging.set_verbosity_error()
        try:
            module, info = AutoModelForSequenceClassification.from_pretrained(
                self.path,
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=self.trust_remote_code,
                use_safetensors=not self.allow_pickle or None,
                output_loading_info=True,
            )
        except Exception as error:  # safetensors, torch and transformers each raise their own
            raise ModelError(
                f"model: the weights in {self.path} cannot be loaded: {error}. "
                "If a file was cut short, copy or download it again."
            ) from error
        finally:
            logging.set_verbosity(level)
        missing = sorted(info["missing_keys"])
        mismatched = sorted(str(k) for k in info.get("mismatched_keys", ()))
        if missing or mismatched:
            raise ModelError(
                f"model: {self.path} has no weights for {', '.join([*missing, *mismatched][:6])}. "
                "transformers would draw them at random, and the audit would be of chance. "
                "Give the fine-tuned classifier, not the base model that it started from."
            )
        return module


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
    )


def folder_digest(path: Path) -> str:
    """sha256 over the names and contents of the files that transformers reads."""
    files = sorted({p for pattern in READ for p in path.glob(pattern) if p.is_file()})
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            total.update(f"{file.name}\0".encode())
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def _classes(config: Any, labels: Sequence[str] | None, path: Path) -> tuple[str, ...]:
    count = int(config.num_labels)
    if getattr(config, "problem_type", None) == "multi_label_classification":
        raise ModelError(
            f"model: {path} was trained with problem_type multi_label_classification; its scores "
            "are not one distribution over classes. Wrap it in a callable, one label at a time."
        )
    if count < 2:
        raise ModelError(
            f"model: {path} has {count} output (a regression head); the classifier adapter needs "
            "at least two classes. Wrap it in a callable that returns probabilities."
        )
    if labels is not None:
        if len(labels) != count:
            raise ModelError(
                f"model: labels: {len(labels)} names were given, but the model has {count} classes."
            )
        return tuple(labels)
    return tuple(str(config.id2label[i]) for i in range(count))


def _device(asked: str) -> torch.device:
    import torch

    if asked == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(asked)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"model: device {asked!r} is not to be had here: {error}. Use auto, cpu, cuda or mps."
        ) from error
    return device


def _dtype(asked: str, config: Any, device: torch.device) -> tuple[torch.dtype, tuple[str, ...]]:
    """The dtype to serve in: the checkpoint's own, except half precision on a CPU."""
    import torch

    if asked == "auto":
        stored = getattr(config, "dtype", None) or torch.float32
        stored = getattr(torch, stored) if isinstance(stored, str) else stored
        if stored is torch.float16 and device.type == "cpu":
            return torch.float32, ("stored in float16, served in float32 on the CPU",)
        return stored, ()
    found = getattr(torch, asked, None)
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ModelError(
            f"model: dtype {asked!r} is unknown. Use auto, float32, bfloat16 or float16."
        )
    return found, ()
