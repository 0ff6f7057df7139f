"""The package as a whole: its entry points, its examples, what importing it costs."""

from __future__ import annotations

import doctest
import subprocess
import sys

import pytest
from nnplug.builtin import activations as builtin
from nnplug.parts import Activation
from packaged import PARTS, ROOT, entry_points, parts_of


def test_each_part_has_an_entry_point_of_its_name_and_no_other():
    for module in set(entry_points().values()):
        named = {name for name, where in entry_points().items() if where == module}
        assert named == set(parts_of(module))


def test_every_module_is_named_by_an_entry_point():
    files = (ROOT / "nnplug_activations").glob("*.py")
    modules = {f"nnplug_activations.{file.stem}" for file in files if file.stem != "__init__"}
    assert modules == set(entry_points().values())


def test_no_two_parts_share_a_name_or_alias_nor_have_a_built_in_one():
    names = [name for part in PARTS.values() for name in (part.name, *part.aliases)]
    assert len(names) == len(set(names))
    known = [part for part in vars(builtin).values() if isinstance(part, Activation)]
    assert set(names).isdisjoint(name for part in known for name in (part.name, *part.aliases))


@pytest.mark.parametrize("name", PARTS)
def test_the_example_runs(name):
    part = PARTS[name]
    module = sys.modules[part.function.__module__]
    example = doctest.DocTestParser().get_doctest(part.doc, dict(vars(module)), name, None, 0)
    assert example.examples
    failed, _ = doctest.DocTestRunner(verbose=False).run(example)
    assert failed == 0


def test_a_family_is_imported_without_the_others():
    program = (
        "import sys, nnplug_activations.rectified\n"
        "print([name for name in sys.modules if name.startswith('nnplug_activations.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "['nnplug_activations.rectified']\n"
