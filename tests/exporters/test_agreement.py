"""Every exported model answers as nnplug does, where it is meant to run."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest

from nnplug.exporters.cells import Cells, encode
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.tables.encoder import Encoder
from nnplug.tables.encodings import Categories, Scale
from tests.exporters.cases import CASES, model
from tests.exporters.targets import TARGETS, PostgreSQL, by_c, expected


@pytest.fixture(scope="module")
def postgresql():
    # The path of a socket must be short, and its folder open to the server's user.
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = PostgreSQL(Path(folder))
        yield server
        server.stop()


def check(case, target, folder):
    """Compare the answer of a target with nnplug's own."""
    trained = model(case)
    numbers, labels = target(trained, folder)
    wanted, classes = expected(trained)
    assert labels == classes
    if trained.network.dtype == np.float32:
        np.testing.assert_allclose(numbers, wanted, rtol=1e-5, atol=1e-6)
    else:
        np.testing.assert_allclose(numbers, wanted, rtol=1e-12, atol=0)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("target", [name for name in TARGETS if name != "c"])
def test_a_target_answers_as_nnplug_does(case, target, tmp_path):
    if target == "js" and shutil.which("node") is None:
        pytest.skip("Node.js is not installed: apt-get install nodejs")
    if target == "onnx":
        pytest.importorskip("onnxruntime")
    check(case, TARGETS[target], tmp_path)


@pytest.mark.parametrize("case", CASES)
def test_postgresql_answers_as_nnplug_does(case, postgresql, tmp_path):
    check(case, postgresql, tmp_path)


@pytest.mark.parametrize("case", CASES)
def test_c_answers_as_nnplug_does(case, tmp_path):
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed: apt-get install gcc libc6-dev")
    check(case, by_c, tmp_path)


def test_a_column_may_have_rare_categories_alone():
    cells = Cells(new_graph())
    text = Categories("kind", (), ("a", "b"))
    encoder = Encoder("regression", ("y",), (text,), scales=(Scale("y", "number", 0, 1, 0),))
    (other,) = encode(encoder, cells)
    assert [cell.fact for cell in cells.found.values()] == ["missing"]
    (found,) = evaluate([other], {"cell1": np.array([True, False])})
    assert found.tolist() == [0, 1]


@pytest.mark.parametrize("case", ["layers", "regression by mse", "float32"])
def test_clang_takes_the_same_source(case, tmp_path):
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed: apt-get install clang")
    check(case, lambda trained, folder: by_c(trained, folder, "clang"), tmp_path)
