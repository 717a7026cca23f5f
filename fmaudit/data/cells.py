"""One cell of a table as text, the same from every file format."""

from __future__ import annotations

import math
from typing import Any

from fmaudit.errors import DataError


def text_of(value: Any) -> str | None:
    """The cell as text; None where it is missing (null, or a float's NaN).

    Whole numbers are written without a point (`1.0` is "1", as in a label column that pandas
    has turned to floats) and truth values as "true" and "false".

    >>> text_of(1.0), text_of(True), text_of(0.5), text_of(float("nan")), text_of("")
    ('1', 'true', '0.5', None, '')
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, (list, dict, bytes)):
        raise DataError(f"holds a {type(value).__name__}, where text or a number belongs")
    return str(value)


def weight_of(value: Any) -> float:
    """The cell as a weight: a finite number above 0."""
    try:
        weight = float(value)
    except (TypeError, ValueError):
        raise DataError(f"the weight {value!r} is not a number") from None
    if not (math.isfinite(weight) and weight > 0):
        raise DataError(f"the weight {value!r} is not a finite number above 0")
    return weight
