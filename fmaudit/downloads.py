"""The cache of fetched files: where it is, its locks, its digests, and `https:` downloads.

Every file is written under another name and renamed when it is whole, under a lock that other
processes honour: a cache is never half written.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from fmaudit.errors import SourceError

_PIECE = 1 << 20


def cache_dir() -> Path:
    """The folder for fetched files: `FMAUDIT_CACHE`, else the user's cache folder."""
    named = os.environ.get("FMAUDIT_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("fmaudit")


@contextmanager
def locked(cache: Path, name: str) -> Iterator[None]:
    """Hold the cache's lock of that name; another process waits."""
    with writing(cache):
        (cache / "locks").mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache / "locks" / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.lock")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def writing(cache: Path) -> Iterator[None]:
    """Turn what the disk refuses into a `SourceError` that names the cache and the cure."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"the cache {cache} cannot be written: {error.strerror or error}. "
            "Set FMAUDIT_CACHE to a folder with room that you may write to."
        ) from error


def sha256_of(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: Path, expected: str | None, source: str) -> str:
    """The file's sha256. Raises `SourceError` where it is not `expected`; deletes nothing."""
    found = sha256_of(path)
    fetched = source.startswith(("hub:", "pypi:", "https:"))
    cure = "remove the file to have it fetched anew" if fetched else "put the file back"
    if expected is not None and found != expected.lower():
        raise SourceError(
            f"{source}: the sha256 of {path} is {found}, but {expected.lower()} was named. "
            "Either the file was changed or the named digest is another version's: compare with "
            f"the publisher's, and correct the digest, or {cure}."
        )
    return found


def kept(url: str, sha256: str | None, cache: Path) -> bool:
    """Whether an earlier run left the file in the cache."""
    return sha256 is not None and _target(url, sha256.lower(), cache).is_file()


def _target(url: str, digest: str, cache: Path) -> Path:
    name = unquote(PurePosixPath(urlsplit(url).path).name) or "download"
    return cache / "files" / digest / name.replace("/", "_").replace("\\", "_")


def fetch(url: str, sha256: str | None, cache: Path) -> Path:
    """Download an `https:` file into the cache, checked before it is put into place."""
    if sha256 is None:
        raise SourceError(
            f"{url}: an https: source needs its sha256, so that what is read is what was meant. "
            "Add `#sha256=<64 hex digits>` to the address."
        )
    digest = sha256.lower()
    target = _target(url, digest, cache)
    with locked(cache, f"https {digest}"):
        if target.is_file() and sha256_of(target) == digest:
            return target
        with writing(cache):
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=".part-")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                for piece in _stream(url):
                    with writing(cache):
                        file.write(piece)
            found = sha256_of(part)
            if found != digest:
                raise SourceError(
                    f"{url}: the sha256 of what was sent is {found}, but {digest} was named; "
                    "nothing was kept. Compare with the publisher's digest."
                )
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    return target


def _stream(url: str) -> Iterator[bytes]:
    """The bytes behind an address, in pieces."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            if urlsplit(answer.url).scheme != "https":
                raise SourceError(f"{url}: sends on to {answer.url}, which is not https.")
            while piece := answer.read(_PIECE):
                yield piece
    except OSError as error:
        raise SourceError(
            f"{url}: cannot be fetched: {error}. Check the address and the network, or fetch the "
            "file by hand and name it `file:PATH` where this address is named (for a shipped set, "
            "in a data card of your own)."
        ) from error
