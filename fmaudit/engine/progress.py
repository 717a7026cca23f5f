"""What a run tells of itself while it goes: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import TaskID

EVERY = 10.0  # seconds between plain lines


class Progress(Protocol):
    """Is told of stages and of work; knows nothing of what is measured."""

    def stage(self, text: str) -> None:
        """A new stage begins."""
        ...

    def begin(self, family: str, total: int | None) -> None:
        """A family has `total` cases to go through (None: not known)."""
        ...

    def advance(self, family: str, cases: int) -> None:
        """So many of its cases are done."""
        ...

    def answered(self, requests: int) -> None:
        """The model answered so many requests."""
        ...

    def close(self) -> None:
        """The run is over."""
        ...


class Silent:
    """Says nothing."""

    def stage(self, text: str) -> None:
        """Nothing."""

    def begin(self, family: str, total: int | None) -> None:
        """Nothing."""

    def advance(self, family: str, cases: int) -> None:
        """Nothing."""

    def answered(self, requests: int) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Lines:
    """A plain line a stage, and one every ten seconds, on standard error."""

    def __init__(self) -> None:
        self._done: dict[str, tuple[int, int | None]] = {}
        self._requests = 0
        self._start = self._last = time.monotonic()
        # when its first batch was answered, whose own time is not known, and of how many
        self._first: tuple[float, int] | None = None

    def stage(self, text: str) -> None:
        """Print the stage."""
        self._print(text)

    def begin(self, family: str, total: int | None) -> None:
        """Start counting for a family."""
        self._done[family] = (0, total)

    def advance(self, family: str, cases: int) -> None:
        """Count; print when the last line is old enough."""
        done, total = self._done.get(family, (0, None))
        self._done[family] = (done + cases, total)
        self._tick()

    def answered(self, requests: int) -> None:
        """Count; print when the last line is old enough."""
        self._requests += requests
        if self._first is None:
            self._first = (time.monotonic(), self._requests)
        self._tick()

    def close(self) -> None:
        """Print the totals."""
        self._print(self._state())

    def _tick(self) -> None:
        if time.monotonic() - self._last >= EVERY:
            self._print(self._state())

    def _state(self) -> str:
        families = ", ".join(
            f"{name} {done}{f'/{total}' if total else ''}"
            for name, (done, total) in self._done.items()
        )
        parts = [families] if families else []
        if self._first is not None:
            parts.append(f"{self._requests} answers{_rate(self._first, self._requests)}")
        return "; ".join(parts) or "done"

    def _print(self, text: str) -> None:
        self._last = time.monotonic()
        print(f"[{self._last - self._start:6.1f} s] {text}", file=sys.stderr, flush=True)


class Bars:
    """A bar a family (done, time left), the model's rate and the stage, in a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._bars = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}
        self._answers = self._bars.add_task("model answers", total=None, note="")
        # when its first batch was answered, whose own time is not known, and of how many
        self._first: tuple[float, int] | None = None
        self._bars.start()

    def stage(self, text: str) -> None:
        """Print the stage above the bars."""
        self._bars.console.print(text, markup=False, highlight=False)

    def begin(self, family: str, total: int | None) -> None:
        """Add the family's bar."""
        self._tasks[family] = self._bars.add_task(family, total=total, note="")

    def advance(self, family: str, cases: int) -> None:
        """Move the family's bar."""
        self._bars.advance(self._tasks[family], cases)

    def answered(self, requests: int) -> None:
        """Move the model's counter and its rate."""
        self._bars.advance(self._answers, requests)
        done = int(self._bars.tasks[self._answers].completed)
        if self._first is None:
            self._first = (time.monotonic(), done)
        self._bars.update(self._answers, note=_rate(self._first, done).removeprefix(", "))

    def close(self) -> None:
        """Leave the bars as they stand."""
        self._bars.stop()


def _rate(first: tuple[float, int], done: int) -> str:
    """Answers a second since the first batch; nothing where that is the only one."""
    began, then = first
    seconds = time.monotonic() - began
    return f", {(done - then) / seconds:.0f} a second" if done > then and seconds > 0 else ""


def live() -> Progress:
    """Bars where standard error is a terminal, lines elsewhere."""
    return Bars() if sys.stderr.isatty() else Lines()
