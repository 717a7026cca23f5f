from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fmaudit.errors import DiskFull, RunFolderError
from fmaudit.runs import open_run, spec_text

SPEC = {"name": "ä", "model": {"path": "m", "labels": ("no", "yes")}, "data": {"source": "s"}}


def use(path: Path, spec=SPEC) -> None:
    with open_run(path, spec) as run:
        assert run.path == path


def refused(path: Path, *words: str, spec=SPEC) -> None:
    before = {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}
    with pytest.raises(RunFolderError) as said:
        use(path, spec)
    for word in (str(path), "--out", *words):
        assert word in str(said.value)
    after = {p: p.read_bytes() for p in path.rglob("*") if p.is_file() and p.name != ".lock"}
    assert after == {p: b for p, b in before.items() if p.name != ".lock"}


def test_a_new_folder_holds_the_spec_before_anything_else_happens(tmp_path):
    with open_run(tmp_path / "runs" / "a", SPEC) as run:
        text = (run.path / "spec.yaml").read_text(encoding="utf-8")
        assert run.evidence == run.path / "evidence"
    assert yaml.safe_load(text) == json.loads(json.dumps(SPEC))
    assert text == spec_text(json.loads(json.dumps(SPEC)))
    assert list(yaml.safe_load(text)) == ["name", "model", "data"]


def test_the_same_spec_goes_on_in_its_folder(tmp_path):
    use(tmp_path / "a")
    (tmp_path / "a" / "audit.json").write_text("{}")
    before = (tmp_path / "a" / "spec.yaml").stat()
    use(tmp_path / "a")
    assert (tmp_path / "a" / "spec.yaml").stat().st_mtime_ns == before.st_mtime_ns
    assert (tmp_path / "a" / "audit.json").read_text() == "{}"


def test_an_empty_folder_is_taken(tmp_path):
    use(tmp_path)
    assert (tmp_path / "spec.yaml").is_file()


def test_another_specs_folder_is_refused_and_the_keys_are_named(tmp_path):
    use(tmp_path / "a")
    other = {**SPEC, "model": {"path": "n", "labels": ["no", "yes"]}, "seed": 7}
    refused(tmp_path / "a", "another spec", "model.path", "seed", spec=other)
    with pytest.raises(RunFolderError) as said:
        use(tmp_path / "a", other)
    assert "labels" not in str(said.value)
    assert "data" not in str(said.value)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    refused(tmp_path, "thesis.tex", "no run")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", "is a file")


def test_a_spec_file_that_is_no_yaml_is_refused_without_a_traceback(tmp_path):
    use(tmp_path / "a")
    (tmp_path / "a" / "spec.yaml").write_text("name: [unclosed\n")
    refused(tmp_path / "a", "spec.yaml")


HOLD = """
import sys
from pathlib import Path
from fmaudit.runs import open_run
with open_run(Path(sys.argv[1]), {"name": "a"}):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_in_use_by_another_process_is_refused_until_that_ends(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path / "a")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        refused(tmp_path / "a", "another run", spec={"name": "a"})
        other.kill()  # as rude as can be: the lock goes with its holder
        other.wait()
    use(tmp_path / "a", {"name": "a"})


def test_the_lock_is_given_back_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), open_run(tmp_path / "a", SPEC):
        raise RuntimeError
    use(tmp_path / "a")


def test_a_run_that_was_killed_before_its_spec_was_written_goes_on(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".lock").touch()
    (tmp_path / "a" / "spec.yaml.partial").write_text("name: ")
    use(tmp_path / "a")
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) in (
        ["spec.yaml"],
        [".lock", "spec.yaml"],
    )


def test_a_disk_that_was_full_and_has_room_again(tmp_path, monkeypatch):
    def no_room(*args):
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", no_room)
        with pytest.raises(DiskFull, match="same command"):
            use(tmp_path / "a")
    use(tmp_path / "a")


def test_the_log_has_a_line_an_event(tmp_path):
    with open_run(tmp_path / "a", SPEC) as run:
        run.log("started", spec="ä\n")
        run.log("finished", exit_code=0)
    with open_run(tmp_path / "a", SPEC) as run:
        run.log("started", spec="again")
    text = (tmp_path / "a" / "log.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["event"] for line in lines] == ["started", "finished", "started"]
    assert lines[0]["spec"] == "ä\n"
    assert all(line["time"].endswith("+00:00") for line in lines)
