from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fmaudit import environment
from fmaudit.types import encode


def test_it_names_the_machine_and_the_versions_of_what_computes():
    found = environment.describe()
    assert found["python"] == platform.python_version()
    assert found["cores"] >= 1
    assert found["cpu"]
    assert isinstance(found["gpu"], list)
    assert {"fmaudit", "numpy", "scipy", "torch", "transformers"} <= set(found["packages"])
    for name, version in found["packages"].items():
        assert version == importlib.metadata.version(name)
    assert encode(found) == encode(environment.describe())


def test_what_is_not_installed_is_left_out(monkeypatch):
    monkeypatch.setattr(environment, "PACKAGES", ("numpy", "no-such-package"))
    assert list(environment.describe()["packages"]) == ["numpy"]


def test_it_loads_nothing_of_what_it_names():
    code = (
        "import sys; from fmaudit import environment as e; e.describe(); e.machine_key()\n"
        "print(sorted({'torch', 'numpy.linalg', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() in ("[]", "['numpy.linalg']")


def test_another_machine_is_another_key(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    here = environment.machine_key()
    assert environment.machine_key() == here
    with monkeypatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "1")
        assert environment.machine_key() != here
    with monkeypatch.context() as patch:
        patch.setattr(environment, "_accelerators", lambda: ["NVIDIA H100"])
        assert environment.machine_key() != here
    with monkeypatch.context() as patch:
        patch.setattr(environment, "version", lambda name: "0.0")
        assert environment.machine_key() != here
    assert environment.machine_key() == here


@pytest.fixture
def copied(tmp_path, monkeypatch) -> Path:
    """A copy of the package's source that a test may change."""
    folder = tmp_path / "fmaudit"
    kept = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(environment.__file__).parent, folder, ignore=kept)
    monkeypatch.setattr(environment, "__file__", str(folder / "environment.py"))
    return folder


def test_the_codes_digest_changes_with_any_source_and_with_nothing_else(copied):
    def digest() -> str:
        return environment.code_digest.__wrapped__()

    before = digest()
    assert before == environment.code_digest()
    (copied / "notes.md").write_text("no code")
    (copied / "stats" / "__pycache__").mkdir()
    (copied / "stats" / "__pycache__" / "x.pyc").write_bytes(b"0")
    assert digest() == before
    deep = copied / "stats" / "measures" / "rates.py"
    deep.write_text(deep.read_text() + "\n")
    changed = digest()
    assert changed != before
    deep.rename(deep.with_name("rates2.py"))
    assert digest() not in (before, changed)
