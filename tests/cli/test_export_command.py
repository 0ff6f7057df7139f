"""`nnplug export`: what it writes, where, and what it says when it cannot."""

from __future__ import annotations

import runpy
import sys

import numpy as np
import pytest

import nnplug
from tests.cli.models import nnplug_here
from tests.cli.test_completion import offered


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    houses = {"area": [30.0, 50.0, 70.0, 95.0], "town": ["Ulm", "Bonn", "Ulm", "Bonn"],
              "price": [90.0, 160.0, 200.0, 310.0]}  # fmt: skip
    run = nnplug.train(houses, target="price", hidden=2, epochs=3, validation=0)
    run.save(folder / "price.safetensors")
    return folder


@pytest.fixture
def folder(models, tmp_path):
    (tmp_path / "price.safetensors").write_bytes((models / "price.safetensors").read_bytes())
    return tmp_path


def export(folder, *arguments):
    return nnplug_here("export", "price.safetensors", *arguments, folder=folder)


def refused(folder, *arguments):
    """Give the message of an export that fails, and see that it wrote nothing."""
    before = sorted(folder.iterdir())
    done = export(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert sorted(folder.iterdir()) == before
    return done.stderr


def test_text_goes_to_stdout(folder):
    done = export(folder, "--to", "sql:table=houses,dialect=sqlite,keep=town")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        f"-- Written by nnplug {nnplug.__version__} for sqlite.\nWITH s1 AS MATERIALIZED (\n"
        '  SELECT\n    "town",\n'
    )
    assert '\n  FROM "houses"\n' in done.stdout
    assert done.stdout.endswith(";\n")


def test_a_file_has_what_stdout_has(folder):
    done = export(folder, "--to", "numpy", "-o", "price.py")
    size = (folder / "price.py").stat().st_size
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"price.py: {size:,} bytes written\n"
    assert export(folder, "--to", "numpy").stdout == (folder / "price.py").read_text()
    answer = runpy.run_path(str(folder / "price.py"))["predict"]({"area": [60], "town": ["Ulm"]})
    wanted = nnplug.load(folder / "price.safetensors").predict({"area": [60.0], "town": ["Ulm"]})
    assert answer["price"].tolist() == pytest.approx(wanted.ravel().tolist(), rel=1e-6)


def test_further_files_are_written_beside_the_first(folder):
    done = export(folder, "--to", "c", "-o", "flat.c")
    assert done.returncode == 0
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == ["flat.c", "flat.h"]
    assert '#include "flat.h"' in (folder / "flat.c").read_text()
    assert "int flat_predict(const flat_row *row" in (folder / "flat.h").read_text()
    done = export(folder, "--to", "js:page=true", "-o", "flat.js")
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == [
        "flat.js", "flat.html",
    ]  # fmt: skip


def test_a_file_that_exists_is_replaced_only_on_request(folder):
    (folder / "price.h").write_text("mine")
    assert refused(folder, "--to", "c", "-o", "price.c") == (
        "error: price.h: the file exists.\nChoose another name, or allow replacing it: "
        "--overwrite, or overwrite=True in Python.\n"
    )
    assert (folder / "price.h").read_text() == "mine"
    assert export(folder, "--to", "c", "-o", "price.c", "--overwrite").returncode == 0
    assert "price_predict" in (folder / "price.h").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "sqll"],
         "error: There is no exporter 'sqll'. Did you mean 'sql'?\nInstalled exporters:\n"
         f"  nnplug {nnplug.__version__}: c, js, numpy, onnx, sql\n"),
        (["--to", "sql:dialekt=sqlite"],
         "error: exporter 'sql' has no option 'dialekt'; its options: dialect, table, keep, "
         "interval. Did you mean 'dialect'?\n"),
        (["--to", "sql:dialect=postgres"],
         "error: dialect='postgres' is not one of duckdb, postgresql, sqlite. Did you mean "
         "'postgresql'?\n"),
        (["--to", "js:page=maybe", "-o", "a.mjs"],
         "error: exporter 'js': page=maybe is neither true nor false.\n"),
        (["--to", "c", "-o", "naïve model.c"],
         "error: 'naïve model': the source names its header, and a header is called by letters, "
         "digits and _ . + - alone. Choose another name.\n"),
        (["--to", "c"],
         "error: c makes 2 files (.c, .h): give its name, as with -o price.c\n"
         "For usage, see: nnplug export --help\n"),
        ([], "error: Missing option '--to'.\nFor usage, see: nnplug export --help\n"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused_before_a_file_is(folder, arguments, message):
    assert refused(folder, *arguments) == message


def test_a_file_that_is_not_text_needs_a_name(folder):
    pytest.importorskip("onnx")
    assert refused(folder, "--to", "onnx") == (
        "error: onnx makes a file that is not text: give its name, as with -o price.onnx\n"
        "For usage, see: nnplug export --help\n"
    )


def test_a_folder_that_is_not_there(folder):
    said = refused(folder, "--to", "c", "-o", "nowhere/price.c")
    assert said.startswith("error: nowhere/price.c: cannot be written: No such file or directory")


def test_without_the_package_onnx(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert refused(folder, "--to", "onnx", "-o", "price.onnx") == (
        "error: the package onnx is not installed.\nInstall it: pip install onnx\n"
    )


def test_targets_are_offered_at_tab(folder, monkeypatch):
    def complete(incomplete):
        line = ["export", "price.safetensors", "--to", incomplete]
        return offered(folder, *line, monkeypatch=monkeypatch)

    assert complete("") == ["c", "js", "numpy", "onnx", "sql"]
    assert complete("s") == ["sql"]
    assert complete("no:") == []


def test_an_interval_is_in_the_answer(tmp_path):
    table = {"area": [float(k) for k in range(40)], "price": [3.0 * k for k in range(40)]}
    model = nnplug.train(
        table, target="price", recipe="fast", hidden=2, epochs=3, validation=0.5
    ).model
    model.save(tmp_path / "price.safetensors")
    done = export(tmp_path, "--to", "numpy", "--interval", "0.9", "-o", "sure.py")
    assert done.returncode == 0, done.stderr
    new = {"area": [1.0, 50.0]}
    page = runpy.run_path(str(tmp_path / "sure.py"))["predict"](new)
    lower, upper = model.predict_interval(new, 0.9)
    assert list(page) == ["price", "price_lower", "price_upper"]
    np.testing.assert_allclose(page["price_lower"], lower[:, 0], rtol=1e-5)
    np.testing.assert_allclose(page["price_upper"], upper[:, 0], rtol=1e-5)


def test_an_interval_that_cannot_be_given(folder):
    said = refused(folder, "--to", "sql", "--interval", "0.9")
    assert said.startswith("error: This model does not know how sure it is:")
    said = refused(folder, "--to", "sql", "--interval", "2")
    assert said == "error: interval=2.0: it must be above 0 and below 1, as 0.9.\n"


def test_an_exporter_without_intervals(folder):
    (folder / "plain.py").write_text(
        "import nnplug\n"
        "@nnplug.hookimpl\n"
        "def register_exporters(register):\n"
        "    register(nnplug.Exporter('plain', lambda model, name: 'text', '.txt'))\n"
    )
    said = refused(folder, "-p", "./plain.py", "--to", "plain", "--interval", "0.9")
    assert "exporter 'plain' has no option 'interval'; its options: none." in said
