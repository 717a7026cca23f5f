"""What is wrong with the rows of a source, told at once and counted."""

from __future__ import annotations

from collections import Counter

from fmaudit.errors import DataError

_EXAMPLES = 5


class Problems:
    """What is wrong with rows: each kind counted, the first few places kept."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._places: dict[str, list[str]] = {}

    @property
    def total(self) -> int:
        """How many problems there are, each row's counted."""
        return self._counts.total()

    def add(self, problem: str, place: str) -> None:
        """One more; `place` is the row's, in words."""
        # Past a few hundred different problems only their number grows.
        key = problem if problem in self._counts or len(self._counts) < 200 else "other problems"
        self._counts[key] += 1
        places = self._places.setdefault(key, [])
        if len(places) < _EXAMPLES:
            places.append(place)

    def include(self, others: Problems) -> None:
        """Those of another count as well."""
        self._counts.update(others._counts)
        for problem, places in others._places.items():
            kept = self._places.setdefault(problem, [])
            kept += places[: _EXAMPLES - len(kept)]

    def raise_any(self, where: str, rows: int) -> None:
        """Raise `DataError` with all of them, the most frequent first, where there are any."""
        if not self._counts:
            return
        total = self._counts.total()
        said = [self._said(key, count) for key, count in self._counts.most_common(20)]
        more = len(self._counts) - len(said)
        listed = "".join(f"\n  {line}" for line in said) + (f"\n  … {more} more" if more else "")
        raise DataError(
            f"{where}: {total} of {rows} rows cannot be used:{listed}\n"
            "Mend or remove these rows; nothing is dropped in silence."
        )

    def _said(self, key: str, count: int) -> str:
        places = "; ".join(self._places[key]) + ("; …" if count > _EXAMPLES else "")
        return f"{key}: {count} row{'s' if count > 1 else ''} ({places})"
