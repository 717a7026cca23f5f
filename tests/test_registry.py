from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from fmaudit import registry
from fmaudit.errors import SpecError, UnknownName
from fmaudit.registry import Context, Method, NoParams, method


@pytest.fixture
def plugged(monkeypatch):
    """Entry points of another package, as if it were installed."""

    def plug(**points: str) -> None:
        def found(*, group: str) -> list[EntryPoint]:
            every = [EntryPoint(n, v, "fmaudit.methods") for n, v in points.items()]
            return [point for point in every if point.group == group]

        monkeypatch.setattr(registry, "entry_points", found)
        registry.known.cache_clear()

    yield plug
    monkeypatch.undo()
    registry.known.cache_clear()


def test_every_method_and_adapter_that_is_named_is_there():
    for name in registry.BUILT_IN["methods"]:
        found = registry.load_method(name)
        assert isinstance(found, Method)
        assert found.name == name
        assert found.summary.endswith(".")
        assert "\n" not in found.summary
    for name in registry.BUILT_IN["adapters"]:
        assert callable(registry.load("adapters", name))


def test_an_unknown_name_says_the_nearest_right_one_and_where():
    with pytest.raises(UnknownName, match="card.yaml: method: unknown method 'prediction'") as said:
        registry.load_method("prediction", "card.yaml: method")
    assert said.value.near[0] == "predictions"
    with pytest.raises(UnknownName, match="unknown adapter 'clasifier'.*'classifier'"):
        registry.load("adapters", "clasifier")


def test_nothing_is_imported_before_it_is_asked_for():
    code = (
        "import sys; from fmaudit import registry\n"
        "registry.known('methods'); registry.known('adapters')\n"
        "early = {'fmaudit.performance', 'fmaudit.bias', 'fmaudit.models', 'torch', 'pandas'}\n"
        "print(sorted(early & set(sys.modules)))\n"
        "registry.load_method('predictions')\n"
        "print('fmaudit.performance' in sys.modules, 'torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split("\n")[:2] == ["[]", "True False"]


def test_another_packages_method_is_found(plugged):
    plugged(theirs="fmaudit.performance.predictions:predictions")
    assert registry.load_method("theirs") is registry.load_method("predictions")
    assert "theirs" in registry.known("methods")
    assert "theirs" not in registry.known("adapters")


def test_two_plug_ins_of_one_name_clash_and_both_are_named(plugged):
    plugged(predictions="theirs.module:predictions")
    with pytest.raises(SpecError, match="two plug-ins are called 'predictions'") as said:
        registry.load_method("predictions")
    assert "theirs.module:predictions" in str(said.value)
    assert registry.BUILT_IN["methods"]["predictions"] in str(said.value)


def test_one_plug_in_named_twice_is_no_clash(plugged):
    plugged(predictions=registry.BUILT_IN["methods"]["predictions"])
    assert registry.load_method("predictions").name == "predictions"


def test_the_decorator_keeps_what_it_is_told():
    @method("mine", needs={"target": {"classify"}}, data={"text"}, columns={"x": float}, whole=True)
    def mine(cases, params, context: Context):
        """One line
        that runs on.

        And more.
        """
        yield []

    assert (mine.name, mine.whole, mine.params) == ("mine", True, NoParams)
    assert mine.needs == {"target": frozenset({"classify"})}
    assert mine.data == frozenset({"text"})
    assert mine.columns == {"x": float}
    assert mine.summary == "One line that runs on."


def test_the_digest_changes_with_what_the_method_imports_of_its_package(tmp_path, monkeypatch):
    package = tmp_path / "their_methods"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "words.py").write_text("LIMIT = 1\n")
    (package / "one.py").write_text(
        "from fmaudit.registry import method\n"
        "from their_methods import words\n"
        "@method('one', needs={}, data=set(), columns={})\n"
        "def one(cases, params, context):\n"
        "    yield []\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    one = importlib.import_module("their_methods.one").one
    before = one.digest()
    assert one.digest() == before
    assert registry.load_method("predictions").digest() != before
    (package / "notes.txt").write_text("no code")
    assert one.digest() == before
    (package / "words.py").write_text("LIMIT = 2\n")
    assert one.digest() != before
    (package / "words.py").write_text("LIMIT = 1\n")
    assert one.digest() == before
    (package / "new.py").write_text("X = 1\n")
    assert one.digest() == before
    (package / "words.py").write_text("from .new import X as LIMIT\n")
    through = one.digest()
    assert through != before
    (package / "new.py").write_text("X = 2\n")
    assert one.digest() not in (before, through)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("predictions", "classifier"),
        ("integrated_gradients", "classifier"),
        ("sentence_preference", "language"),
        ("written_answers", "language"),
        ("masked_preference", "masked"),
        ("embedding_association", "any"),
    ],
)
def test_which_models_a_method_is_for(name, kind):
    assert registry.load_method(name).kind == kind


def test_a_method_that_stands_on_another_familys_has_that_in_its_digest():
    def files(name: str) -> set[str]:
        module = sys.modules[registry.load_method(name).run.__module__]
        found = registry._reached(Path(str(module.__file__)), "fmaudit.bias")
        return {f"{path.parent.name}/{path.name}" for path in found}

    asked = files("ambiguous_questions")
    assert {"bias/ambiguous.py", "performance/asking.py", "performance/multiple_choice.py"} <= asked
    assert "robustness/formats.py" not in asked
    assert {"performance/overlap.py", "robustness/formats.py"} <= files("ambiguous_answers")
    assert files("sentence_preference") == {"bias/preference.py", "bias/sentence_preference.py"}


@pytest.mark.parametrize("file", ["gradients.py", "quadrature.py"])
def test_what_computes_attributions_is_of_the_methods_that_need_them(tmp_path, monkeypatch, file):
    root = Path(registry.__file__).parent
    shutil.copytree(root / "models", tmp_path / "models")
    for name in ("scoring.py", "prompts.py", "segments.py"):
        shutil.copy(root / name, tmp_path)
    found = [registry.load_method(name) for name in ("integrated_gradients", "predictions")]
    before = [method.digest() for method in found]
    monkeypatch.setattr(registry, "__file__", str(tmp_path / "registry.py"))
    assert [method.digest() for method in found] == before
    (tmp_path / "models" / file).write_text("changed = True\n")
    assert found[0].digest() != before[0]
    assert found[1].digest() == before[1]


@pytest.mark.parametrize("changed", ["scoring.py", "prompts.py", "segments.py"])
def test_what_families_share_changes_every_digest(tmp_path, monkeypatch, changed):
    found = registry.load_method("predictions")
    before = found.digest()
    for name in ("scoring.py", "prompts.py", "segments.py"):
        shutil.copy(Path(registry.__file__).parent / name, tmp_path)
    (tmp_path / changed).write_text("changed = True\n")
    monkeypatch.setattr(registry, "__file__", str(tmp_path / "registry.py"))
    assert found.digest() != before
