"""Everything fmaudit raises on purpose.

FmauditError
├── UserError                 the user's input is wrong: exit code 2, no traceback
│   ├── SpecError             a spec, a card or an option
│   ├── UnknownName           a name that nothing answers to (with the nearest right one)
│   ├── DataError             a data file, a column, a label
│   ├── SourceError           a file:, hub:, pypi: or https: source
│   ├── ModelError            a model that cannot be opened as asked
│   └── RunFolderError        a run folder in use, of another spec, or not a run
├── RunError                  the run broke: exit code 4
│   ├── DiskFull              what was done stays and is resumed
│   └── Stalled               a method that asks for ever without progress
├── OutOfMemory               a batch did not fit: the engine halves it and goes on
└── NotEstimable              a figure that does not exist on these rows: `not_tested`
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class FmauditError(Exception):
    """Base of all errors that fmaudit raises on purpose."""


class UserError(FmauditError):
    """The user's input is wrong. The message says what, where and the cure."""


class SpecError(UserError):
    """A spec, a card or a command-line option that cannot be used as written."""


class UnknownName(UserError):
    """A name that nothing answers to."""

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        place = f"{where}: " if where else ""
        hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
        listed = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
        super().__init__(f"{place}unknown {kind} {name!r}.{hint} Known: {listed or 'none'}.")
        self.name = name
        self.near = tuple(near)


class DataError(UserError):
    """A data file, a column or a label that cannot be used."""


class SourceError(UserError):
    """A source that cannot be fetched, or whose digest differs from its card's."""


class ModelError(UserError):
    """A model that cannot be opened as asked."""


class RunFolderError(UserError):
    """A run folder that is in use, belongs to another spec, or holds no run."""


class RunError(FmauditError):
    """The run broke. What was computed stays in the cache and is resumed."""


class DiskFull(RunError):
    """No room left to store responses or evidence."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"no room left to write {path}. What was done is kept: make room, then give the same "
            "command again, and it goes on where it stopped."
        )


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Turn the operating system's "no space left" into `DiskFull`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(path) from error
        raise


class Stalled(RunError):
    """A method that keeps asking without progress."""


class OutOfMemory(FmauditError):
    """A batch did not fit in the device's memory."""


class NotEstimable(FmauditError):
    """The figure does not exist on these rows; the message is the reason shown."""
