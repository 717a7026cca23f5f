"""Audits of fine-tuned foundation models.

`SCIPY_ARRAY_API` must be set before scipy loads, so that scikit-learn computes on tensors.
"""

from __future__ import annotations

import os

os.environ.setdefault("SCIPY_ARRAY_API", "1")

__version__ = "0.1.0"
