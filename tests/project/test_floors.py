"""The floors: a module imports only from its own floor and those below."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import nnplug

ROOT = Path(nnplug.__file__).parent

# From the ground up. The name of a folder covers everything in it.
FLOORS = (
    (
        "errors",
        "types",
        "randomness",
        "durable",
        "alignment",
        "interruption",
        "launch",
        "lazy",
        "layout",
        "picture",
        "summary",
        "untrusted",
    ),
    ("formulas", "special"),
    ("parts", "tool"),
    ("hookspecs", "builtin"),
    ("plugins",),
    ("network",),
    ("plans", "engines"),
    ("training",),
    ("tables", "models", "microscope", "places"),
    ("runs", "exporters"),
    ("sklearn", "scaffold", "testing", "importers", "comparison", "searching", "play"),
    ("cli", "__main__"),
)

# Allowed imports within a floor.
BESIDE = {
    "alignment": {"types"},
    "durable": {"errors"},
    "lazy": {"errors"},
    "picture": {"durable", "errors"},
    "summary": {"layout", "untrusted"},
    "untrusted": {"errors"},
    "special": {"formulas"},
    "tool": {"parts"},
    "builtin": {"hookspecs"},
    "engines": {"plans"},
    "models": {"tables"},
    "__main__": {"cli"},
}


def rooms():
    """Return the floor of every top-level module and folder of the package."""
    return {name: floor for floor, names in enumerate(FLOORS) for name in names}


def imports(path: Path):
    """Yield the modules of nnplug that a file imports, at any place in the file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1:] for name in names if name.split(".")[0] == "nnplug")


FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def test_every_module_stands_on_a_floor():
    found = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in FILES}
    assert found == set(rooms())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_imports_upward(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    floors = rooms()
    for target in imports(path):
        if not target or target[0] not in floors:
            # Only `import nnplug` itself and `from nnplug import __version__`.
            assert target in ([], ["__version__"]), (path, target)
            continue
        other = target[0]
        allowed = other == room or floors[other] < floors[room] or other in BESIDE.get(room, set())
        assert allowed, f"{room} (floor {floors[room]}) imports {other} (floor {floors[other]})"


def test_no_modules_import_one_another():
    """There is no circle of any length, counting imports for types and inside functions."""
    names = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in FILES
    }
    needs = {}
    for name, path in names.items():
        found = (".".join(target) for target in imports(path))
        found = {
            target if target in names else target.rpartition(".")[0] for target in found if target
        }
        needs[name] = (found & names.keys()) - {name}
    try:
        tuple(TopologicalSorter(needs).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_no_module_is_longer_than_400_lines():
    """A module holds one concept."""
    found = {
        path.relative_to(ROOT).as_posix()
        for path in FILES
        if len(path.read_text(encoding="utf-8").splitlines()) > 400
    }
    assert not found


def test_no_module_keeps_state_but_the_default_registry():
    """Module-level names are constants, functions, classes and parts."""
    mutable = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            value = getattr(node, "value", None)
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(value, mutable):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    assert isinstance(target, ast.Name), path
                    # A name in capitals is a table, written once and only read.
                    assert (
                        target.id.isupper()
                        or target.id == "__all__"
                        or (target.id in ("_Gradient",))
                    ), f"{path}: {target.id}"
