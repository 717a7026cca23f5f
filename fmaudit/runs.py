"""The run folder: whose it is, who is in it, and what has happened there.

audit.json   evidence/<probe>.parquet   report.html   spec.yaml   log.jsonl   .lock
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from fmaudit.errors import RunFolderError, room_for

PARTIAL = "spec.yaml.partial"


class RunFolder:
    """A locked run folder. Use `open_run`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def evidence(self) -> Path:
        """Where the evidence lies."""
        return self.path / "evidence"

    def log(self, event: str, **facts: Any) -> None:
        """Append a line to log.jsonl: a time in UTC, an event and its facts."""
        line = {"time": datetime.now(UTC).isoformat(), "event": event, **facts}
        file = self.path / "log.jsonl"
        with room_for(file), file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")


@contextmanager
def open_run(path: Path, spec: dict[str, Any]) -> Iterator[RunFolder]:
    """Lock the folder for this spec, and write `spec.yaml` before anything is asked.

    Raises:
        RunFolderError: another process is in it, or it holds another spec's run, or it is a
            folder of something else. Nothing in it is touched.
    """
    from filelock import FileLock, Timeout

    if path.exists() and not path.is_dir():
        raise RunFolderError(f"{path} is a file; name another folder with --out.")
    ours = {".lock", PARTIAL}  # all that a run leaves that was killed before it wrote its spec
    strangers = sorted({p.name for p in path.iterdir()} - ours) if path.is_dir() else []
    if strangers and "spec.yaml" not in strangers:
        raise RunFolderError(
            f"{path} holds files but no run ({', '.join(strangers[:5])}). "
            "Name another folder with --out."
        )
    with room_for(path):
        path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunFolderError(
            f"{path}: another run is in this folder now. Wait for it, or name another folder "
            "with --out."
        ) from None
    try:
        _claim(path, spec)
        yield RunFolder(path)
    finally:
        lock.release()


def spec_text(spec: dict[str, Any]) -> str:
    """A resolved spec as YAML, keys in the order of the schema."""
    text: str = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True)
    return text


def _claim(path: Path, spec: dict[str, Any]) -> None:
    """Write spec.yaml, or see that the one there says the same."""
    file = path / "spec.yaml"
    if file.is_file():
        before = _read(file)
        if before != json.loads(json.dumps(spec)):
            changed = _differences(before, spec)
            raise RunFolderError(
                f"{path} holds the run of another spec (it differs in {', '.join(changed[:5])}). "
                "Name another folder with --out, or remove this one."
            )
        return
    partial = file.with_name(PARTIAL)
    with room_for(file):
        partial.write_text(spec_text(spec), encoding="utf-8")
        os.replace(partial, file)


def _read(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RunFolderError(
            f"{file} cannot be read ({error}). Name another folder with --out, or remove this one."
        ) from error


def _differences(before: Any, now: Any, where: str = "") -> list[str]:
    """The keys in which two specs differ, as dotted paths."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [*before, *(k for k in now if k not in before)]
        return [
            found
            for key in keys
            for found in _differences(
                before.get(key), now.get(key), f"{where}.{key}" if where else key
            )
        ]
    as_json = json.loads(json.dumps(now))
    return [] if before == as_json else [where or "its form"]
