"""Starting up costs what is used: forty packages of five parts each, really installed."""

from __future__ import annotations

import pytest

from tests.plugins.environments import Environment, run
from tests.plugins.many import PACKAGES, PARTS, write_many


@pytest.fixture(scope="module")
def many(tmp_path_factory, wheels):
    folder = tmp_path_factory.mktemp("many")
    return Environment(folder, wheels, *write_many(folder / "packages"))


def imported(many, *arguments, name):
    """Run a command; what it printed, and the packages that it imported."""
    log = many.folder / f"{name}.log"
    done = run(many.bin / "nnplug", *arguments, cwd=many.folder, IMPORT_LOG=log)
    return done.stdout, log.read_text().split() if log.exists() else []


def test_training_with_builtin_parts_imports_none(many):
    written, found = imported(many, "train", "xor", "--epochs", "5", name="train")
    assert "Final Predictions:" in written
    assert found == []


def test_the_list_names_all_and_imports_none(many):
    written, found = imported(many, "plugins", "list", name="list")
    assert written.count("available") == PACKAGES
    assert "part_1, part_2, part_3, part_4, part_5" in written
    assert found == []


def test_a_part_imports_its_own_package_alone(many):
    _, found = imported(many, "train", "--epochs", "2", "--activation", "part_77", name="one")
    assert found == ["nnplug_many_15"]


def test_all_parts_can_be_listed(many):
    written, found = imported(many, "plugins", "list", "--kind", "activation", name="parts")
    assert len(set(found)) == PACKAGES
    assert written.count("nnplug-many-") == PACKAGES * PARTS
