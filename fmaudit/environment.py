"""The machine and the software of a run, read without loading any of it."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fmaudit.types import digest

PACKAGES = (
    "fmaudit",
    "accelerate",
    "captum",
    "fairlearn",
    "faker",
    "gguf",
    "numpy",
    "pandas",
    "peft",
    "pyarrow",
    "rouge-score",
    "sacrebleu",
    "scikit-learn",
    "scipy",
    "shap",
    "statsmodels",
    "tokenizers",
    "torch",
    "transformers",
)


def describe() -> dict[str, Any]:
    """Python, platform, processor, accelerators seen, and the versions of what computes."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "gpu": _accelerators(),
        "packages": found,
    }


def machine_key() -> str:
    """Digest of what decides device and kernels: another machine is another key."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return digest([describe(), visible])


@cache
def code_digest(part: str = "") -> str:
    """sha256 over fmaudit's own source, or over one folder of it.

    Finished work, and an adapter's answers, are recognised under equal code alone.
    """
    total = hashlib.sha256()
    root = Path(__file__).parent / part
    for file in sorted(root.rglob("*.py")):
        total.update(f"{file.relative_to(root)}\0".encode())
        total.update(file.read_bytes())
    return total.hexdigest()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _accelerators() -> list[str]:
    """Names of NVIDIA devices as the driver lists them; none where there is no driver."""
    folders = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    names = []
    for folder in folders:
        for line in folder.read_text(errors="replace").splitlines():
            if line.startswith("Model"):
                names.append(line.partition(":")[2].strip())
    return names
