"""An engine and an exporter in a package that pip installs."""

from __future__ import annotations

import re

import pytest

from tests.plugins.environments import Environment, run, write_wheel

MODULE = """
import sys
import nnplug
from nnplug.engines import NUMPY

COUNT = [0]


def bind(program, arrays, memory, *, many=False, like=None):
    bound = NUMPY.bind(program, arrays, memory)

    def counted(call):
        def run():
            COUNT[0] += 1
            call()

        return run

    bound.calls[:] = [counted(call) for call in bound.calls]
    return bound


def write(model, name):
    return str(model.network.parameters.size)


@nnplug.hookimpl
def register_engines(register):
    register(nnplug.Engine("counting", bind, about="NumPy's calls, counted."))


@nnplug.hookimpl
def register_exporters(register):
    register(nnplug.Exporter("size", write, ".txt", about="The number of parameters."))


@nnplug.hookimpl
def on_train_end(run):
    print(f"{COUNT[0]} calls", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def counting(tmp_path_factory, wheels):
    folder = tmp_path_factory.mktemp("counting")
    wheel = write_wheel(
        folder / "packages", "nnplug-counting", {"engine": MODULE}, version="1.5",
        entry_points={"counting": "engine"},
    )  # fmt: skip
    return Environment(folder, wheels, wheel)


def said(counting, *arguments, fails=0, **environment):
    done = run(counting.bin / "nnplug", *arguments, cwd=counting.folder, fails=fails, **environment)
    return done.stdout, done.stderr


def test_it_is_listed_and_a_run_without_it_imports_none_of_it(counting):
    log = counting.folder / "imports.log"
    written, _ = said(counting, "plugins", "list", IMPORT_LOG=log)
    assert re.search(r"^nnplug-counting +1\.5 +available +counting$", written, re.MULTILINE)
    for engine in ("auto", "numpy"):
        said(counting, "train", "xor", "--epochs", 2, "--engine", engine, IMPORT_LOG=log)
    assert not log.exists()


def test_it_trains_as_numpy_does_and_its_hooks_see_the_run(counting):
    alone, before = said(counting, "train", "xor", "--epochs", 3, "--engine", "numpy")
    written, errors = said(counting, "train", "xor", "--epochs", 3, "--engine", "counting")
    assert written == alone
    assert re.fullmatch(rf"{re.escape(before)}[1-9]\d* calls\n", errors)


def test_a_run_records_its_package_and_is_reproduced(counting):
    settings = ("--engine", "counting", "--output", "kept")
    first, _ = said(counting, "train", "xor", "--epochs", 3, *settings)
    config = (counting.folder / "kept" / "config.toml").read_text()
    assert 'engine = "nnplug-counting/counting"\n' in config
    assert 'nnplug-counting = "1.5"\n' in config
    again, errors = said(counting, "train", "--config", "kept", "--no-output")
    assert again == first
    assert "calls" in errors


def test_parts_are_checked_in_it(counting):
    written, _ = said(counting, "plugins", "check", "tanh", "--engine", "counting")
    assert re.search(r"1 part, \d+ checks in the counting engine: all passed\.", written)
    _, errors = said(counting, "plugins", "check", "nnplug-counting", fails=2)
    assert errors == (
        "error: nnplug-counting has no part to check.\n"
        "Check a part in its engine: nnplug plugins check NAME --engine counting\n"
    )


def test_doctor_completion_and_show_know_it(counting):
    written, _ = said(counting, "plugins", "doctor")
    assert "nnplug-counting 1.5 (counting): ok" in written
    assert "parts    engine counting, exporter size" in written
    written, _ = said(
        counting, _NNPLUG_COMPLETE="bash_complete", COMP_WORDS="nnplug train --engine co",
        COMP_CWORD=3,
    )  # fmt: skip
    assert written == "plain,counting\n"
    written, _ = said(counting, "plugins", "show", "counting")
    assert "engine counting\n  from         nnplug-counting 1.5, loaded\n" in written
    assert "  about        NumPy's calls, counted.\n" in written
    written, _ = said(counting, "plugins", "list", "--parts")
    assert re.search(r"^engine +counting +nnplug-counting +1\.5$", written, re.MULTILINE)


def test_a_name_that_is_nearly_its_name_and_a_plugin_that_is_left_out(counting):
    _, errors = said(counting, "train", "xor", "--engine", "countin", fails=2)
    assert errors == (
        "error: There is no engine 'countin'. Did you mean 'counting'?\n"
        "Installed engines:\n  nnplug 0.1.0: numba, numpy\n  nnplug-counting 1.5: counting\n"
    )
    without = ("-p", "no:nnplug-counting")
    _, errors = said(counting, "train", "xor", "--engine", "counting", *without, fails=2)
    assert "blocked by -p no:nnplug-counting: nnplug-counting 1.5" in errors


EXPORT = """
import nnplug
from nnplug.plugins.registry import Registry
exporter = Registry().tool("exporter", "size")
(path,) = nnplug.train("xor", epochs=1).model.export("size", "model.txt")
print(exporter, exporter.about, path.read_text())
"""


def test_its_exporter_is_found_by_its_name(counting):
    assert counting.python("-c", EXPORT) == "<exporter size> The number of parameters. 9\n"
