from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from fmaudit.errors import SourceError
from fmaudit.matching import Had
from fmaudit.ownsets import OwnSets
from fmaudit.sources import at_hand

ROWS = "sentence,kind\nShe sews.,a\nHe sews.,b\n"


def card(folder: Path, source: str, **file: str) -> Path:
    """A folder of cards with one data set, `mine`."""
    where = folder / "cards" / "datasets" / "mine"
    where.mkdir(parents=True)
    said = {
        "id": "mine",
        "title": "Mine",
        "description": "Rows.",
        "licence": "CC0",
        "citation": [{"text": "Mine"}],
        "files": [{"source": source, **file}],
        "format": "csv",
        "columns": {"text": "sentence", "label": "kind"},
    }
    (where / "card.yaml").write_text(yaml.safe_dump(said))
    return folder / "cards"


def kept(folder: Path, text: str = ROWS) -> tuple[str, str]:
    """An address and the digest of a file of that text, which lies in the cache of `folder`."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    place = folder / "cache" / "files" / digest
    place.mkdir(parents=True)
    (place / "rows.csv").write_text(text)
    return "https://example.invalid/rows.csv", digest


def test_a_set_that_was_not_fetched_is_told_and_no_connection_opened(tmp_path):
    extra = card(tmp_path, "https://example.invalid/rows.csv", sha256="0" * 64)
    found = OwnSets(extra=[extra], cache=tmp_path / "cache").had("mine")
    assert found == "needs the data set mine; fetch it with `fmaudit datasets fetch mine`"


def test_what_was_fetched_before_is_read(tmp_path):
    address, digest = kept(tmp_path)
    extra = card(tmp_path, address, sha256=digest)
    sets = OwnSets(extra=[extra], cache=tmp_path / "cache")
    found = sets.had("mine")
    assert isinstance(found, Had)
    assert found.targets
    assert sets["mine"] is sets["mine"]


def test_a_set_of_a_probe_that_is_named_is_fetched_or_the_audit_stops(tmp_path):
    extra = card(tmp_path, "https://example.invalid/rows.csv", sha256="0" * 64)
    sets = OwnSets(frozenset({"mine"}), [extra], tmp_path / "cache")
    with pytest.raises(SourceError, match=r"example\.invalid"):
        sets.had("mine")


def test_a_fetched_set_that_was_changed_is_a_reason(tmp_path):
    address, digest = kept(tmp_path)
    (file,) = (tmp_path / "cache" / "files" / digest).iterdir()
    file.write_text(ROWS + "They sew.,a\n")
    extra = card(tmp_path, address, sha256=digest)
    found = OwnSets(extra=[extra], cache=tmp_path / "cache").had("mine")
    assert isinstance(found, str)
    assert "cannot be read" in found


def test_a_file_of_the_user_s_that_is_not_there_stops_the_audit(tmp_path):
    extra = card(tmp_path, "file:gone.csv")
    with pytest.raises(SourceError, match=r"gone\.csv"):
        OwnSets(extra=[extra], cache=tmp_path / "cache").had("mine")


def test_what_is_at_hand(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert at_hand("file:anything.csv", cache=cache)
    assert not at_hand("pypi:some-package==1.0#a.csv", cache=cache)
    assert not at_hand("hub:some/set#a.csv", cache=cache, repo_type="dataset")
    (cache / "wheels").mkdir(parents=True)
    wheel = cache / "wheels" / "some_package-1.0-py3-none-any.whl"
    wheel.touch()
    assert not at_hand("pypi:some-package==1.0#a.csv", cache=cache)  # of another set's wheel
    out = cache / "unpacked" / hashlib.sha256(wheel.read_bytes()).hexdigest()
    out.mkdir(parents=True)
    (out / "a.csv").write_text(ROWS)
    assert at_hand("pypi:some-package==1.0#a.csv", cache=cache)
    snapshot = tmp_path / "hub/datasets--some--set/snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "a.csv").write_text(ROWS)
    refs = tmp_path / "hub/datasets--some--set/refs"
    refs.mkdir()
    (refs / "main").write_text("a" * 40)
    assert at_hand("hub:some/set#a.csv", cache=cache, repo_type="dataset")
    assert not at_hand("hub:some/set#b.csv", cache=cache, repo_type="dataset")
