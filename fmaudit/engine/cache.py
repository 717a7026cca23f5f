"""The durable cache: responses and finished probes, in sqlite, no pickle.

One file per model. Each batch is one transaction in write-ahead mode: killed at any moment, the
file holds whole batches only. Keys are digests of everything that can move an answer, so that
nothing in it ever needs to be invalidated.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fmaudit import __version__
from fmaudit.environment import code_digest
from fmaudit.errors import DiskFull, RunError, room_for
from fmaudit.models.base import Facts
from fmaudit.types import Request, Response, encode

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA = """
create table if not exists responses (key blob primary key, value blob not null) without rowid;
create table if not exists memo (key text primary key, value blob not null) without rowid;
"""
AT_ONCE = 500  # keys a query, under sqlite's limit of variables

_decoder: msgspec.json.Decoder[Response] = msgspec.json.Decoder(Response)


class Cache:
    """Answers and finished probes of one model.

    Raises:
        DiskFull: no room left to store.
        RunError: the file is not a cache, or is damaged (says which file to remove).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._guarded():
            path.parent.mkdir(parents=True, exist_ok=True)
            # autocommit: transactions are begun by name, one a batch
            self._db = sqlite3.connect(path, timeout=60.0, isolation_level=None)
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=normal")
            self._db.executescript(SCHEMA)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Response]:
        """The stored responses among `keys`."""
        found: dict[bytes, Response] = {}
        with self._guarded():
            for start in range(0, len(keys), AT_ONCE):
                part = keys[start : start + AT_ONCE]
                marks = ",".join("?" * len(part))
                query = f"select key, value from responses where key in ({marks})"
                for key, value in self._db.execute(query, part):
                    found[key] = _decoder.decode(value)
        return found

    def put(self, answers: Iterable[tuple[bytes, Response]]) -> None:
        """Store a batch: all of it or nothing."""
        rows = [(key, encode(response)) for key, response in answers]
        with self._guarded(), self._transaction():
            self._db.executemany("insert or replace into responses values (?, ?)", rows)

    def plan(self, asked: Sequence[bytes], pending: Sequence[bytes]) -> list[bytes]:
        """What a round with these `asked` keys first left to the model; `pending` if it is new.

        Written down before it is run (the keys are 32 bytes each, one after the other).
        """
        name = f"plan:{hashlib.sha256(b''.join(asked)).hexdigest()}"
        stored = self.memo(name)
        if stored is None:
            stored = b"".join(pending)
            self.remember(name, stored)
        return [stored[k : k + 32] for k in range(0, len(stored), 32)]

    def memo(self, key: str) -> bytes | None:
        """What was stored under a finished computation's key."""
        with self._guarded():
            row = self._db.execute("select value from memo where key = ?", (key,)).fetchone()
        return row[0] if row else None

    def remember(self, key: str, value: bytes) -> None:
        """Store a finished computation."""
        with self._guarded(), self._transaction():
            self._db.execute("insert or replace into memo values (?, ?)", (key, value))

    def close(self) -> None:
        """Close the file; the next opening finds all that was stored."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise
        self._db.execute("commit")

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            with room_for(self.path):
                yield
        except sqlite3.Error as error:
            if "full" in str(error) or "disk I/O" in str(error):
                raise DiskFull(self.path) from error
            raise RunError(
                f"cache {self.path}: {error}. Remove that file to compute its answers again."
            ) from error


def prefix(facts: Facts) -> bytes:
    """What is in every key: the adapters' code, weights, dtype, device kind, kernel, libraries.

    The model's role in the audit is no part of it, nor is the batch size: answers of another
    batch size differ within the noise floor.
    """
    return encode([__version__, code_digest("models"), *facts.key_parts()])


def key_of(prefix_: bytes, request: Request) -> bytes:
    """sha256 over the model's prefix and the request without its role."""
    bare = msgspec.structs.replace(request, on="")
    return hashlib.sha256(prefix_ + encode(bare)).digest()
