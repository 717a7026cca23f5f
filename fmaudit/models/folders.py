"""A model's folder: what transformers would read of it, and what is refused before it does.

It is digested without loading anything; loading refuses what would make an audit wrong in silence:
weights that are missing (they would be drawn at random), pickled weights, a missing tokenizer.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmaudit.errors import ModelError

if TYPE_CHECKING:
    import torch

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "*.model")
READ = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors", "*.py", *PICKLED)
HEAD = {
    "AutoModelForSequenceClassification": "Give the fine-tuned classifier, not the base model that "
    "it started from.",
}
"""What to give instead, where a model has no weights for its head."""


@dataclass(frozen=True)
class Trust:
    """What may be run that came with a model."""

    pickle: bool = False
    code: bool = False


@dataclass(frozen=True)
class Folder:
    """What `save_pretrained` wrote: configuration, tokenizer, weights."""

    path: Path
    trust: Trust = Trust()

    @cached_property
    def digest(self) -> str:
        """sha256 over the names and contents of the files that transformers reads."""
        return folder_digest(self.path)

    @property
    def stored(self) -> int:
        """Bytes of its weights."""
        found = list(self.path.glob("*.safetensors")) or [
            p for pattern in PICKLED for p in self.path.glob(pattern)
        ]
        return sum(p.stat().st_size for p in found)

    @cached_property
    def config(self) -> Any:
        """The configuration. Raises `ModelError`."""
        from transformers import AutoConfig

        _has_config(self.path)
        try:
            return AutoConfig.from_pretrained(
                self.path, local_files_only=True, trust_remote_code=self.trust.code
            )
        except (OSError, ValueError, KeyError, json.JSONDecodeError) as error:
            raise ModelError(f"model: {self.path}/config.json: {error}") from error

    def tokenizer(self) -> Any:
        """The tokenizer. Raises `ModelError` where there is none, or a broken one."""
        from transformers import AutoTokenizer

        has_tokenizer(self.path)
        try:
            return AutoTokenizer.from_pretrained(
                self.path, local_files_only=True, trust_remote_code=self.trust.code
            )
        except Exception as error:  # tokenizers raise bare Exception for a broken file
            raise ModelError(f"model: the tokenizer in {self.path}: {error}") from error

    def module(self, auto: str, dtype: torch.dtype) -> Any:
        """The weights as transformers' class of that name ("AutoModelForCausalLM")."""
        _has_weights(self.path, self.trust.pickle)
        with quiet():
            try:
                module, info = auto_class(auto).from_pretrained(
                    self.path,
                    dtype=dtype,
                    local_files_only=True,
                    trust_remote_code=self.trust.code,
                    use_safetensors=not self.trust.pickle or None,
                    output_loading_info=True,
                    ignore_mismatched_sizes=True,  # `all_there` names them
                )
            except Exception as error:  # safetensors, torch and transformers each raise their own
                raise ModelError(
                    f"model: the weights in {self.path} cannot be loaded: {error}. "
                    "If a file was cut short, copy or download it again."
                ) from error
        all_there(info, self.path, auto)
        return module


def folder_digest(path: Path) -> str:
    """sha256 over the names and contents of the files that transformers reads."""
    files = sorted({p for pattern in READ for p in path.glob(pattern) if p.is_file()})
    total = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            total.update(f"{file.name}\0".encode())
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def is_folder(path: Path) -> None:
    """Raise `ModelError` where there is no folder."""
    if not path.is_dir():
        raise ModelError(
            f"model: {path} is not a folder. Give the folder that `save_pretrained` wrote."
        )


def has_tokenizer(path: Path) -> None:
    """Raise `ModelError` where there is no tokenizer."""
    if not any(list(path.glob(pattern)) for pattern in TOKENIZER):
        raise ModelError(
            f"model: {path} holds no tokenizer. Save it beside the weights with "
            "`tokenizer.save_pretrained(folder)`."
        )


def pick_device(asked: str) -> torch.device:
    """The device that is asked for; "auto" is the first accelerator, else the CPU."""
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


def pick_dtype(
    asked: str, config: Any, device: torch.device
) -> tuple[torch.dtype, tuple[str, ...]]:
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


@contextmanager
def quiet() -> Iterator[None]:
    """Loading without the libraries' own progress and warnings, for the length of a `with`."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)


def auto_class(name: str) -> Any:
    """The class of transformers with that name."""
    import transformers

    return getattr(transformers, name)


def _has_config(path: Path) -> None:
    is_folder(path)
    if not (path / "config.json").is_file():
        raise ModelError(
            f"model: {path} holds no config.json. Save the model with "
            "`model.save_pretrained(folder)` and give that folder."
        )


def _has_weights(path: Path, pickle: bool) -> None:
    safe = list(path.glob("*.safetensors"))
    pickled = [p.name for pattern in PICKLED for p in path.glob(pattern)]
    if not safe and not pickled:
        raise ModelError(f"model: {path} holds no weights (no *.safetensors).")
    if not safe and not pickle:
        raise ModelError(
            f"model: {path} holds pickled weights only ({', '.join(sorted(pickled))}); "
            "loading them can run code. Save them again with `safe_serialization`, or, if you "
            "trust the file, set `allow_pickle: true` under `model:` (the record prints it)."
        )


def all_there(info: Any, path: Path, auto: str) -> None:
    """Raise `ModelError` where weights are missing, or are of another shape."""
    for name, stored, asked in sorted(info.get("mismatched_keys", ()))[:1]:
        raise ModelError(
            f"model: {path}: {name} is stored in the shape {tuple(stored)}, and the configuration "
            f"asks for {tuple(asked)}. Give configuration and weights that were saved together."
        )
    missing = sorted(info["missing_keys"])
    if missing:
        cure = HEAD.get(auto, "Give the weights of the whole model, its head included.")
        raise ModelError(
            f"model: {path} has no weights for {', '.join(missing[:6])}. transformers would draw "
            f"them at random, and the audit would be of chance. {cure}"
        )
