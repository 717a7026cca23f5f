"""Audits of fine-tuned foundation models.

    import fmaudit
    done = fmaudit.audit("audit.yaml")       # or a mapping of the same keys
    done.findings                            # a pandas frame, a row a finding
    done = fmaudit.load("runs/audit")        # an earlier run
    done.evidence("bias.group_outcomes")     # a row a case and variant

The names below are loaded when they are first used, so that `import fmaudit` is quick.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# scikit-learn computes on tensors only where this is set before scipy is first imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fmaudit.flow import Audit, audit, load
    from fmaudit.models.callable import CallableClassifier
    from fmaudit.models.inmemory import language_model
    from fmaudit.models.torchmodel import TorchClassifier
    from fmaudit.reporting.verify import verify
    from fmaudit.starter import quickstart

_PUBLIC = {
    "Audit": "fmaudit.flow",
    "CallableClassifier": "fmaudit.models.callable",
    "TorchClassifier": "fmaudit.models.torchmodel",
    "audit": "fmaudit.flow",
    "language_model": "fmaudit.models.inmemory",
    "load": "fmaudit.flow",
    "quickstart": "fmaudit.starter",
    "verify": "fmaudit.reporting.verify",
}

__all__ = [
    "Audit",
    "CallableClassifier",
    "TorchClassifier",
    "audit",
    "language_model",
    "load",
    "quickstart",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'fmaudit' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)
