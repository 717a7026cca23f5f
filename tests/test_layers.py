"""Imports run downward through the floors, in no circle; content folders hold no Python."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fmaudit"

# From the ground up. A module may import from its own floor and from those below it.
FLOORS = [
    {"errors", "inputs", "requests", "types", "seeds"},
    {"stats"},
    {
        "documents",
        "downloads",
        "wheels",
        "sources",
        "spec",
        "specparts",
        "specpaths",
        "cards",
        "catalog",
        "registry",
        "measured",
    },
    {"evidence", "scoring", "prompts", "segments", "environment", "runs"},
    {"data", "models"},
    {"engine"},
    {"performance", "bias", "robustness", "privacy", "explanations"},
    {"reporting"},
    {"plans", "matching", "ownsets", "rowsets", "precision", "proofs", "findings", "floors", "memo"}
    | {"proberun", "recording", "subjects", "scorers", "session"},
    {"flow"},
    {"letters", "training", "lora", "tuning", "starter", "starter_llm"},
    {"selftest"},
    {"cli"},
]
TOP = {"", "__main__"}


def floor_of(name: str) -> int:
    for level, names in enumerate(FLOORS):
        if name in names:
            return level
    raise AssertionError(f"{name} stands on no floor; give it one")


def imports(path: Path) -> set[str]:
    """The parts of fmaudit that a module imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.startswith("fmaudit")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fmaudit"):
            if node.module == "fmaudit":
                found |= {f"fmaudit.{a.name}" for a in node.names if a.name != "__version__"}
            else:
                found.add(str(node.module))
    return {name.split(".")[1] for name in found if "." in name}


def modules() -> list[Path]:
    return sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem not in TOP)


def part(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_downward(path):
    mine = part(path)
    if mine in ("__init__", "__main__"):
        return
    for name in imports(path):
        assert floor_of(name) <= floor_of(mine), f"{path.name} imports {name}, a floor above"


def test_no_part_imports_in_a_circle():
    edges: dict[str, set[str]] = {}
    for path in modules():
        if part(path) not in ("__init__", "__main__"):
            edges.setdefault(part(path), set()).update(imports(path) - {part(path)})

    def reaches(start: str) -> set[str]:
        seen, todo = set(), [start]
        while todo:
            for name in edges.get(todo.pop(), ()):
                if name not in seen:
                    seen.add(name)
                    todo.append(name)
        return seen

    assert [name for name in edges if name in reaches(name)] == []


def test_reporting_opens_a_record_without_models_or_engine():
    allowed = {
        "errors",
        "requests",
        "types",
        "seeds",
        "stats",
        "evidence",
        "reporting",
        "documents",
    }
    allowed |= {"catalog", "cards", "spec", "sources", "downloads", "wheels"}
    for path in (PACKAGE / "reporting").rglob("*.py"):
        assert imports(path) <= allowed, path


def test_verify_is_a_second_writing():
    for path in (PACKAGE / "reporting" / "verify").rglob("*.py"):
        assert "stats" not in imports(path), path


def test_families_hold_no_torch_and_define_no_measures():
    for family in ("performance", "bias"):
        for path in (PACKAGE / family).rglob("*.py"):
            assert "import torch" not in path.read_text()


def test_content_folders_hold_no_python():
    for folder in ("probes", "datasets", "reports"):
        assert list((ROOT / folder).rglob("*.py")) == []
