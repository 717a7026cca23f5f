"""A model's files: what transformers would read of them, and what is refused before it does.

A folder that `save_pretrained` wrote, a GGUF file, or a folder with a LoRA adapter over one of
these. All are digested without loading anything; loading refuses what would make an audit wrong in
silence: weights that are missing (they would be drawn at random), pickled weights, a missing
tokenizer.
"""

from __future__ import annotations

import hashlib
import json
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
                module, info = _auto(auto).from_pretrained(
                    self.path,
                    dtype=dtype,
                    local_files_only=True,
                    trust_remote_code=self.trust.code,
                    use_safetensors=not self.trust.pickle or None,
                    output_loading_info=True,
                )
            except Exception as error:  # safetensors, torch and transformers each raise their own
                raise ModelError(
                    f"model: the weights in {self.path} cannot be loaded: {error}. "
                    "If a file was cut short, copy or download it again."
                ) from error
        _all_there(info, self.path, auto)
        return module


@dataclass(frozen=True)
class Gguf:
    """A GGUF file: weights and tokenizer in one, which transformers reads to full tensors."""

    path: Path

    @cached_property
    def digest(self) -> str:
        """sha256 of the file."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @property
    def stored(self) -> int:
        """Bytes of its weights as floats of four bytes, where a quantised one takes half a byte."""
        return 8 * self.path.stat().st_size

    @cached_property
    def config(self) -> Any:
        """The configuration that the file's header tells. Raises `ModelError`."""
        from transformers import AutoConfig

        with self._read():
            return AutoConfig.from_pretrained(self.path.parent, gguf_file=self.path.name)

    def tokenizer(self) -> Any:
        """The tokenizer in the file. Raises `ModelError`."""
        from transformers import AutoTokenizer

        with self._read():
            return AutoTokenizer.from_pretrained(self.path.parent, gguf_file=self.path.name)

    def module(self, auto: str, dtype: torch.dtype) -> Any:
        """The weights, no longer quantised, as transformers' class of that name."""
        with self._read(), quiet():
            module, info = _auto(auto).from_pretrained(
                self.path.parent,
                gguf_file=self.path.name,
                dtype=dtype,
                output_loading_info=True,
            )
        _all_there(info, self.path, auto)
        # The tensors are plain floats now; what says otherwise would keep them from being moved.
        module.hf_quantizer, module.is_quantized = None, False
        if hasattr(module.config, "quantization_config"):
            del module.config.quantization_config
        return module

    @contextmanager
    def _read(self) -> Iterator[None]:
        try:
            yield
        except ImportError as error:
            raise ModelError(
                f"model: {self.path}: reading GGUF needs the packages `gguf` and `accelerate`: "
                f"{error}. Install them beside fmaudit."
            ) from error
        except ModelError:
            raise
        except Exception as error:  # gguf, torch and transformers each raise their own
            raise ModelError(
                f"model: {self.path}: transformers cannot read this GGUF file: {error}. It reads "
                "the architectures of its page on GGUF (Llama, Mistral, Qwen, Phi, Gemma, GPT-2 "
                "among them); give another model's weights as a folder of safetensors."
            ) from error


@dataclass(frozen=True)
class Lora:
    """A folder with a LoRA adapter of peft, over the weights that it was tuned from.

    The adapter is merged into the weights: the model is then as quick as its base.
    """

    path: Path
    base: Folder | Gguf

    @cached_property
    def digest(self) -> str:
        """sha256 over the adapter's files and its base's digest."""
        return hashlib.sha256(f"{folder_digest(self.path)}{self.base.digest}".encode()).hexdigest()

    @property
    def stored(self) -> int:
        """Bytes of the base's weights, which it is merged into."""
        return self.base.stored

    @property
    def config(self) -> Any:
        """The base's configuration."""
        return self.base.config

    def tokenizer(self) -> Any:
        """Its own tokenizer where one was saved beside it, else the base's."""
        own = any((self.path / name).is_file() for name in ("tokenizer.json", "tokenizer.model"))
        return Folder(self.path).tokenizer() if own else self.base.tokenizer()

    def module(self, auto: str, dtype: torch.dtype) -> Any:
        """The base's weights with the adapter merged into them in float32, then in `dtype`."""
        import torch
        from peft import PeftModel

        if not (self.path / "adapter_model.safetensors").is_file():
            raise ModelError(
                f"model: {self.path} holds no adapter_model.safetensors. Save the adapter with "
                "`model.save_pretrained(folder)` of peft."
            )
        module = self.base.module(auto, torch.float32)
        tokens = len(self.tokenizer())
        if tokens > module.get_input_embeddings().num_embeddings:
            module.resize_token_embeddings(tokens)
        with quiet():
            try:
                tuned = PeftModel.from_pretrained(module, str(self.path), is_trainable=False)
                merged = tuned.merge_and_unload()
            except Exception as error:  # peft, safetensors and torch each raise their own
                raise ModelError(
                    f"model: the adapter in {self.path} does not fit its base {self.base.path}: "
                    f"{error}. Name the base that it was tuned from as `model.base`."
                ) from error
        return merged.to(dtype)


Weights = Folder | Gguf | Lora


def adapter_config(path: Path) -> dict[str, Any] | None:
    """What `adapter_config.json` of a peft folder says; None where the folder is no such one."""
    file = path / "adapter_config.json"
    if not file.is_file() or (path / "config.json").is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"model: {file} is no JSON: {error}. Save the adapter again.") from error
    return found


def weights_of(path: Path, base: Path | None = None, trust: Trust | None = None) -> Weights:
    """What lies at a path; `base` is what a LoRA adapter there was tuned from.

    Raises:
        ModelError: it is none of the three, or an adapter without its base.
    """
    trust = trust or Trust()
    if path.suffix == ".gguf" and path.is_file():
        return Gguf(path)
    is_folder(path)
    found = adapter_config(path)
    if found is None:
        return Folder(path, trust)
    if base is None:
        named = found.get("base_model_name_or_path") or "no model"
        raise ModelError(
            f"model: {path} holds a LoRA adapter alone, and its base is not there (it names "
            f"{named!r}). Write `base:` under `model:`, with the model that it was tuned from."
        )
    under = weights_of(base, None, trust)
    if isinstance(under, Lora):
        raise ModelError(f"model: base: {base} is a LoRA adapter itself; merge it first.")
    return Lora(path, under)


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
    """Loading without transformers' own progress and warnings, for the length of a `with`."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def _auto(name: str) -> Any:
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


def _all_there(info: Any, path: Path, auto: str) -> None:
    missing = sorted(info["missing_keys"])
    mismatched = sorted(str(k) for k in info.get("mismatched_keys", ()))
    if missing or mismatched:
        cure = HEAD.get(auto, "Give the weights of the whole model, its head included.")
        raise ModelError(
            f"model: {path} has no weights for {', '.join([*missing, *mismatched][:6])}. "
            f"transformers would draw them at random, and the audit would be of chance. {cure}"
        )
