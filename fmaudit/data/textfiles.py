"""Text files read a line at a time, perhaps gzipped; what is damaged is told with its place."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fmaudit.errors import DataError


@contextmanager
def lines_of(path: Path, encoding: str) -> Iterator[Iterator[str]]:
    """The lines of a text file, their ends kept as they are."""
    codec = "utf-8-sig" if encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else encoding
    try:
        with _opened(path) as raw, _decoded(raw, codec) as text:
            yield iter(text)
    except LookupError:
        raise DataError(f"{path}: there is no encoding called {encoding!r}.") from None
    except UnicodeDecodeError as error:
        place = _first_bad(path, encoding) if codec == "utf-8-sig" else ""
        raise DataError(
            f"{path}{place}: not {encoding} ({error.reason}). Save the file as UTF-8, or name its "
            "encoding: `encoding: cp1252` (Windows, Western Europe), `gb18030`, `shift_jis`, …"
        ) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: the gzip file is damaged: {error}.") from error


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _decoded(raw: IO[bytes], codec: str) -> IO[str]:
    # newline="": a line break inside a quoted cell belongs to the cell.
    return io.TextIOWrapper(raw, encoding=codec, newline="")


def _first_bad(path: Path, encoding: str) -> str:
    """The line and byte of the first byte that is not UTF-8."""
    offset = 0
    with _opened(path) as raw:
        for number, line in enumerate(raw, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError as error:
                return f", line {number}, byte {offset + error.start}"
            offset += len(line)
    return ""
