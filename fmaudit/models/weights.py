"""A model's files: a folder, a GGUF file, or a folder with a LoRA adapter over one of these."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmaudit.errors import ModelError
from fmaudit.models.folders import (
    Folder,
    Trust,
    all_there,
    auto_class,
    folder_digest,
    is_folder,
    quiet,
)

if TYPE_CHECKING:
    import torch

SAVED = "adapter_model.safetensors"


@dataclass(frozen=True)
class Gguf:
    """A GGUF file: weights and tokenizer in one, which transformers reads to full tensors."""

    path: Path

    @cached_property
    def digest(self) -> str:
        """sha256 of the file."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @cached_property
    def stored(self) -> int:
        """Bytes of its weights as floats of four bytes, however few the file takes for one.

        Raises `ModelError`.
        """
        with self._read():
            from gguf import GGUFReader

            return 4 * sum(int(tensor.n_elements) for tensor in GGUFReader(self.path).tensors)

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
        with self._read(), quiet(), _without_bar():
            module, info = auto_class(auto).from_pretrained(
                self.path.parent,
                gguf_file=self.path.name,
                dtype=dtype,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # `all_there` names them
            )
        all_there(info, self.path, auto)
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
                f"model: {self.path}: transformers cannot read this GGUF file: "
                f"{str(error).rstrip('.')}. It reads the architectures of its page on GGUF "
                "(Llama, Mistral, Qwen, Phi, Gemma, GPT-2 among them); give another model's "
                "weights as a folder of safetensors. If the file was cut short, copy or download "
                "it again."
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

        if not (self.path / SAVED).is_file():
            raise ModelError(
                f"model: {self.path} holds no {SAVED}. Save the adapter with "
                "`model.save_pretrained(folder)` of peft."
            )
        module = self.base.module(auto, torch.float32)
        try:
            with quiet():
                merged = _merged(module, self.path)
        except Exception as error:  # peft, safetensors and torch each raise their own
            raise ModelError(
                f"model: the adapter in {self.path} does not fit its base {self.base.path}: "
                f"{error}. Name the base that it was tuned from as `model.base`."
            ) from error
        return merged.to(dtype)


def _merged(module: Any, path: Path) -> Any:
    """The module with the adapter merged into it. Raises `ValueError` where a part does not fit.

    peft warns of an adapter for more layers or fewer, and tunes those that are there.
    """
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import safe_open

    with safe_open(path / SAVED, framework="pt") as file:
        saved = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    _resize(module, saved)
    tuned = PeftModel.from_pretrained(module, str(path), is_trainable=False)
    taken = set(get_peft_model_state_dict(tuned, save_embedding_layers=False))
    odd = (taken - saved.keys()) | {name for name in saved.keys() - taken if ".lora_" in name}
    if odd:
        raise ValueError(f"one of the two lacks {', '.join(sorted(odd)[:4])}")
    return tuned.merge_and_unload()


def _resize(module: Any, saved: Mapping[str, Sequence[int]]) -> None:
    """Make room for tokens that were added in tuning, whose embeddings the adapter brings."""
    own = module.get_input_embeddings().weight
    name = next(name for name, weights in module.named_parameters() if weights is own)
    rows, *_ = saved.get(f"base_model.model.{name}", own.shape)
    if rows != len(own):
        module.resize_token_embeddings(rows, mean_resizing=False)


@contextmanager
def _without_bar() -> Iterator[None]:
    """Without the progress bar of transformers' GGUF reader, which no setting turns off."""
    from transformers import modeling_gguf_pytorch_utils as reader

    bar, reader.tqdm = reader.tqdm, lambda items, **options: items
    try:
        yield
    finally:
        reader.tqdm = bar


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
    if found.get("peft_type", "LORA") != "LORA":
        raise ModelError(
            f"model: {path} holds an adapter of the type {found['peft_type']}, and LoRA alone is "
            "read. Merge it into its base and give the folder of the whole model."
        )
    if base is None:
        named = found.get("base_model_name_or_path") or "no model"
        raise ModelError(
            f"model: {path} holds a LoRA adapter alone, and its base is not there (it names "
            f"{named!r}). Write `base:` under `model:`, with the model that it was tuned from."
        )
    if base.is_dir() and adapter_config(base) is not None:
        raise ModelError(f"model: base: {base} is a LoRA adapter itself; merge it first.")
    under = weights_of(base, None, trust)
    assert not isinstance(under, Lora)
    return Lora(path, under)
