"""Columns and tables that are called like what an exporter writes itself."""

from __future__ import annotations

import runpy
import shutil
import sqlite3
import subprocess

import duckdb
import numpy as np
import pytest

import nnplug
from nnplug.exporters import c_source, js_module

TABLE = {
    "c1": ["x", "y", "z"] * 4,
    "equals": np.linspace(1, 9, 12).tolist(),
    "t1": np.linspace(-3, 3, 12).tolist(),
    "w2": np.linspace(5, 4, 12).tolist(),
    "label": np.linspace(0, 7, 12).tolist(),
    "linux": np.linspace(0, 1, 12).tolist(),
}
TARGET = ["p", "q", "q", "p"] * 3


@pytest.fixture(scope="module")
def model():
    return nnplug.train(
        {**TABLE, "chosen": TARGET},
        target="chosen",
        recipe="fast",
        hidden=3,
        epochs=3,
        dtype="float64",
    ).model


def check(model, labels, shares):
    assert list(labels) == model.predict(TABLE).tolist()
    np.testing.assert_allclose(shares, model.probabilities(TABLE), rtol=1e-12)


@pytest.mark.parametrize("dialect", ["duckdb", "sqlite"])
def test_sql(dialect, model, tmp_path):
    (path,) = model.export(f"sql:dialect={dialect},table=s1,keep=c1", tmp_path / "model.sql")
    database = duckdb.connect() if dialect == "duckdb" else sqlite3.connect(":memory:")
    columns = ", ".join(f'"{name}" {"TEXT" if name == "c1" else "DOUBLE"}' for name in TABLE)
    database.execute(f"CREATE TABLE s1 ({columns})")
    rows = list(zip(*TABLE.values(), strict=True))
    database.executemany("INSERT INTO s1 VALUES (?, ?, ?, ?, ?, ?)", rows)
    kept, labels, *shares = zip(*database.execute(path.read_text()).fetchall(), strict=True)
    database.close()
    assert list(kept) == TABLE["c1"]
    check(model, labels, np.transpose(shares))


def test_numpy(model, tmp_path):
    (path,) = model.export("numpy", tmp_path / "page.py")
    labels, *shares = runpy.run_path(str(path))["predict"](TABLE).values()
    check(model, labels.tolist(), np.transpose(shares))


def test_onnx(model, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    (path,) = model.export("onnx", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    cells = {name: np.array(column, object if name == "c1" else float)[:, None]
             for name, column in TABLE.items()}  # fmt: skip
    assert [each.name for each in session.get_outputs()] == ["label_", "probabilities"]
    check(model, *session.run(None, cells))


@pytest.mark.parametrize("standard", ["c99", "gnu99"])
def test_c(standard, model, tmp_path):
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed: apt-get install gcc libc6-dev")
    source, _ = model.export("c", tmp_path / "model.c")
    command = ["gcc", f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-c", source, "-o",
               tmp_path / "model.o"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_target_called_probabilities_keeps_its_answer_in_javascript(tmp_path):
    if shutil.which("node") is None:
        pytest.skip("Node.js is not installed: apt-get install nodejs")
    table = {"size": np.linspace(1, 9, 12).tolist()}
    trained = nnplug.train(
        {**table, "probabilities": TARGET},
        target="probabilities",
        recipe="fast",
        hidden=3,
        epochs=3,
    ).model
    trained.export("js", tmp_path / "model.mjs")
    code = (
        f"import {{ predict }} from {str(tmp_path / 'model.mjs')!r};"
        "const answer = predict({ size: 4 });"
        "console.log(answer.probabilities, Object.keys(answer.probabilities_).join());"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-e", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [*trained.predict({"size": [4.0]}), "p,q"]


@pytest.mark.parametrize("target", ["c", "js"])
def test_the_sign_of_minus_zero_is_zero(target, tmp_path):
    program = {"c": "gcc", "js": "node"}[target]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    function = {
        "c": c_source._C.own["sign"].replace("R ", "double ").replace(" f(", " sign(")
        + '\n#include <stdio.h>\nint main(void) { printf("%g\\n", 1 / sign(-0.0)); return 0; }',
        "js": js_module._JavaScript.own["sign"] + "\nconsole.log(1 / sign(-0));",
    }[target]
    path = tmp_path / f"sign.{'c' if target == 'c' else 'mjs'}"
    path.write_text(function)
    command = ["node", str(path)]
    if target == "c":
        subprocess.run(["gcc", str(path), "-o", str(tmp_path / "sign")], check=True)
        command = [str(tmp_path / "sign")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip().lower() in ("inf", "infinity")
