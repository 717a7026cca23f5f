from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys

import pytest

import fmaudit

HEAVY = ("torch", "transformers", "pandas", "scipy", "sklearn", "pyarrow", "fairlearn")


def loaded_by(*arguments: str, code: str = "") -> set[str]:
    """The modules that a fresh interpreter has loaded when the code or the command ends."""
    script = (
        f"import atexit, sys\n"
        f"atexit.register(lambda: print('LOADED', *sys.modules))\n"
        f"sys.argv = ['fmaudit', *{list(arguments)}]\n{code}"
    )
    command = [sys.executable, "-c", script]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(said.stdout.rsplit("LOADED ", 1)[1].split())


@pytest.mark.parametrize("name", fmaudit.__all__)
def test_every_public_name_is_the_thing_itself_every_time(name):
    first = getattr(fmaudit, name)
    assert callable(first)
    assert first.__name__ == name
    # importing the module that holds it must not put the module in its place
    module = importlib.import_module(fmaudit._PUBLIC[name])
    assert getattr(fmaudit, name) is getattr(module, name)
    assert getattr(fmaudit, name) is first


def test_the_names_that_are_promised_are_the_names_that_there_are():
    assert sorted(fmaudit._PUBLIC) == sorted(fmaudit.__all__)


def test_another_name_is_an_error_of_python():
    with pytest.raises(AttributeError, match="'fmaudit' has no attribute 'audits'"):
        _ = fmaudit.audits
    with pytest.raises(ImportError):
        exec("from fmaudit import audits")


def test_the_version_is_that_of_the_package():
    assert fmaudit.__version__ == importlib.metadata.version("fmaudit")


def test_importing_fmaudit_loads_nothing_heavy():
    found = loaded_by(code="import fmaudit")
    assert "fmaudit" in found
    assert found & {*HEAVY, "numpy", "pydantic", "fmaudit.flow"} == set()


@pytest.mark.parametrize("words", [["--help"], ["audit", "--help"], ["probes", "list"]])
def test_help_and_lists_load_no_torch(words):
    found = loaded_by(*words, code="from fmaudit.cli import main; main()")
    assert "fmaudit.cli" in found
    assert found & set(HEAVY) == set()


def test_fmaudit_runs_as_a_module():
    command = [sys.executable, "-m", "fmaudit", "-h"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "quickstart" in said.stdout
