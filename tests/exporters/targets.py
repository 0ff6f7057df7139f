"""What each target answers: the exported model, run where it is meant to run."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnplug.exporters.c_source import c_source
from nnplug.exporters.js_module import js_module
from nnplug.exporters.onnx_model import onnx_model
from nnplug.exporters.sql_statement import sql_statement
from nnplug.models import Model
from tests.exporters.cases import NEW, ODD, ROWS

Answer = tuple[np.ndarray, list[Any] | None]
"""Numbers or probabilities, (N, K), and the chosen classes; None for a regression."""

SECONDS = np.timedelta64(1, "s")


def run(command: list[str], **options: Any) -> str:
    """Run a command; give what it writes, or fail with what it complains of."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, **options
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def plain(name: str, row: int) -> Any:
    """Give a cell as JSON has it: None where it is empty, dates as text."""
    cell = NEW[name][row]
    if cell is None or (isinstance(cell, np.datetime64) and np.isnat(cell)):
        return None
    return str(cell) if isinstance(cell, np.datetime64) else cell


def split(rows: list[list[Any]], model: Model) -> Answer:
    """Take the answer's columns apart: the classes first, then the numbers."""
    count = 0 if model.task == "regression" else 1
    if model.task == "multilabel":
        count = len(model.classes)
    numbers = np.array([[np.nan if v is None else float(v) for v in row[count:]] for row in rows])
    if model.task == "multilabel":
        truth = {"1", "1.0", "True", "t", "true"}
        return numbers, [
            None if None in row[:count] else [str(v) in truth for v in row[:count]] for row in rows
        ]
    return numbers, [None if row[0] is None else str(row[0]) for row in rows] if count else None


def expected(model: Model) -> Answer:
    """Give nnplug's own answer."""
    encoder = model.encoder
    assert encoder is not None
    if encoder.missing == "drop":  # which refuses rows with gaps; they have no answer
        rows = [row for row in range(ROWS) if all(plain(name, row) is not None for name in NEW)]
        data = {name: [NEW[name][row] for row in rows] for name in NEW}
        data["when"] = NEW["when"][rows]
    else:
        rows, data = list(range(ROWS)), NEW
    predicted = model.predict(data)
    found = predicted if model.task == "regression" else model.probabilities(data)
    numbers = np.full((ROWS, len(model.classes) or len(model.targets)), np.nan)
    numbers[rows] = np.asarray(found, float).reshape(len(rows), -1)
    if model.task == "regression":
        return numbers, None
    labels: list[Any] = [None] * ROWS
    for row, label in zip(rows, predicted.tolist(), strict=True):
        labels[row] = [value == 1 for value in label] if model.task == "multilabel" else str(label)
    return numbers, labels


# --- NumPy ----------------------------------------------------------------------------

_WITHOUT_NNPLUG = """
import json, runpy, sys
sys.modules["nnplug"] = None  # an import would fail
page = runpy.run_path(sys.argv[1], run_name="page")
answer = page["predict"](json.load(sys.stdin))
rows = list(zip(*(column.tolist() for column in answer.values())))
json.dump(rows, sys.stdout)
"""


def by_numpy(model: Model, folder: Path) -> Answer:
    model.export("numpy", folder / "model.py")
    cells = json.dumps({name: [plain(name, row) for row in range(ROWS)] for name in NEW})
    command = [sys.executable, "-c", _WITHOUT_NNPLUG, str(folder / "model.py")]
    return split(json.loads(run(command, input=cells)), model)


# --- C ----------------------------------------------------------------------------------

_WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"]


def _c_cell(name: str, row: int) -> str:
    cell = NEW[name][row]
    if name == ODD:
        escaped = "" if cell is None else "".join(f"\\{byte:03o}" for byte in cell.encode())
        return "NULL" if cell is None else f'"{escaped}"'
    if plain(name, row) is None:
        return "NAN"
    if name == "when":
        return repr(float((cell - np.datetime64(0, "us")) / SECONDS))
    return repr(float(cell))


def by_c(model: Model, folder: Path, compiler: str = "gcc") -> Answer:
    source, header = c_source(model, "model")
    (folder / "model.c").write_text(source, encoding="ascii")
    (folder / "model.h").write_text(header, encoding="ascii")
    rows = ",\n".join(
        "{" + ", ".join(_c_cell(name, row) for name in NEW) + "}" for row in range(ROWS)
    )
    (folder / "main.c").write_text(
        '#include "model.h"\n#include <math.h>\n#include <stdio.h>\n'
        f"static const model_row rows[{ROWS}] = {{{rows}}};\n"
        "int main(void) {\n"
        "    double values[MODEL_VALUES];\n"
        f"    for (int i = 0; i < {ROWS}; i++) {{\n"
        '        printf("%d", model_predict(&rows[i], values));\n'
        '        for (int k = 0; k < MODEL_VALUES; k++) { printf(",%.17g", values[k]); }\n'
        '        printf("\\n");\n    }\n    return 0;\n}\n'
    )
    command = [compiler, "-std=c99", "-O1", *_WARNINGS, "-fsanitize=address,undefined",
               "-fno-sanitize-recover=all", "main.c", "model.c", "-o", "model", "-lm"]  # fmt: skip
    run(command, cwd=folder)
    lines = [line.split(",") for line in run([str(folder / "model")]).splitlines()]
    numbers = np.array([[float(value) for value in line[1:]] for line in lines])
    chosen = [int(line[0]) for line in lines]
    if model.task == "regression":
        return numbers, None
    if model.task == "multilabel":
        return numbers, [
            None if bits < 0 else [bool(bits >> k & 1) for k in range(len(model.classes))]
            for bits in chosen
        ]
    return numbers, [None if place < 0 else str(model.classes[place]) for place in chosen]


# --- JavaScript -------------------------------------------------------------------------


def by_js(model: Model, folder: Path) -> Answer:
    (folder / "model.mjs").write_text(js_module(model), encoding="utf-8")
    rows = [{name: plain(name, row) for name in NEW} for row in range(ROWS)]
    target = model.encoder.target[0] if model.encoder is not None else ""
    (folder / "main.mjs").write_text(
        'import { names, predict } from "./model.mjs";\n'
        f"const rows = {json.dumps(rows)};\n"
        "const text = rows.map((row) => {\n"
        "  const answer = predict(row);\n"
        "  const numbers = answer.probabilities ?? answer;\n"
        f"  return [answer.labels ?? answer[{json.dumps(target)}],\n"
        "          names.map((name) => String(numbers[name]))];\n"
        "});\nconsole.log(JSON.stringify(text));\n",
        encoding="utf-8",
    )
    found = json.loads(run(["node", str(folder / "main.mjs")]))
    numbers = np.array([[float(v.replace("Infinity", "inf")) for v in row[1]] for row in found])
    if model.task == "regression":
        return numbers, None
    if model.task == "multilabel":
        return numbers, [
            None if row[0] is None else [label in row[0] for label in model.classes]
            for row in found
        ]
    return numbers, [None if row[0] is None else str(row[0]) for row in found]


# --- ONNX -------------------------------------------------------------------------------


def by_onnx(model: Model, folder: Path) -> Answer:
    import onnxruntime

    path = folder / "model.onnx"
    path.write_bytes(onnx_model(model).SerializeToString())
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given: dict[str, np.ndarray] = {}
    for column in session.get_inputs():
        cells = [NEW[column.name][row] for row in range(ROWS)]
        if column.type == "tensor(string)":
            given[column.name] = np.array([["" if c is None else c] for c in cells], object)
            continue
        if column.name == "when":
            seconds = (NEW["when"] - np.datetime64(0, "us")) / SECONDS
            cells = np.where(np.isnat(NEW["when"]), np.nan, seconds).tolist()
        dtype = np.float32 if column.type == "tensor(float)" else np.float64
        given[column.name] = np.array([[np.nan if c is None else float(c)] for c in cells], dtype)
    *labels, numbers = session.run(None, given)
    if model.task == "regression":
        return numbers, None
    if model.task == "multilabel":
        return numbers, [
            None if -1 in row else [bit == 1 for bit in row] for row in labels[0].tolist()
        ]
    return numbers, [None if label == "" else str(label) for label in labels[0]]


# --- SQL --------------------------------------------------------------------------------

_SQL_TYPES = {
    "duckdb": ("DOUBLE", "DOUBLE", "BOOLEAN", "VARCHAR", "TIMESTAMP"),
    "postgresql": ("double precision", "double precision", "boolean", "text", "timestamp"),
    "sqlite": ("REAL", "REAL", "INTEGER", "TEXT", "TEXT"),
}


def sql_table(dialect: str) -> str:
    """Write the statements that make the table of new rows."""
    columns = ", ".join(
        '"' + name.replace('"', '""') + f'" {kind}'
        for name, kind in zip(NEW, _SQL_TYPES[dialect], strict=True)
    )

    def literal(value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, str):
            return "'" + value.replace("'", "''") + "'"
        return repr(value).upper() if isinstance(value, bool) else repr(value)

    rows = (", ".join(literal(plain(name, row)) for name in NEW) for row in range(ROWS))
    listed = ", ".join(f"({row})" for row in rows)
    return f"CREATE TABLE data ({columns}); INSERT INTO data VALUES {listed};"


def by_duckdb(model: Model, folder: Path) -> Answer:
    import duckdb

    with duckdb.connect() as connection:
        connection.execute(sql_table("duckdb"))
        return split(connection.execute(sql_statement(model)).fetchall(), model)


def by_sqlite(model: Model, folder: Path) -> Answer:
    connection = sqlite3.connect(":memory:")
    connection.executescript(sql_table("sqlite"))
    rows = connection.execute(sql_statement(model, dialect="sqlite")).fetchall()
    connection.close()
    return split(rows, model)


class PostgreSQL:
    """A server of PostgreSQL that speaks through a socket of a folder alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = [*Path("/usr/lib/postgresql").glob("*/bin"), Path("/usr/local/bin")]
        found = [path for path in programs if (path / "initdb").exists()]
        if not found:
            pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
        self._programs = sorted(found)[0]
        # It does not run as root.
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._user = {"user": "postgres", "group": "postgres", "extra_groups": []}
            shutil.chown(folder, "postgres")
        data = str(folder / "data")
        self._run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C")
        options = f"-c listen_addresses='' -c fsync=off -k {folder}"
        self._run("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder,
                       timeout=60, **self._user)  # fmt: skip

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def __call__(self, model: Model, folder: Path) -> Answer:
        statement = sql_statement(model, dialect="postgresql")
        script = sql_table("postgresql").replace("CREATE TABLE", "CREATE TEMPORARY TABLE")
        command = ["psql", "-h", str(self.folder), "-U", "postgres", "-X", "-q", "-t", "--csv",
                   "-v", "ON_ERROR_STOP=1"]  # fmt: skip
        quiet = "SET client_min_messages = error;"  # of names above 63 bytes, which are cut
        text = run(command, input=f"{quiet}\n{script}\n{statement}")
        rows = [
            [None if cell == "" else cell for cell in row] for row in csv.reader(io.StringIO(text))
        ]
        return split(rows, model)


TARGETS: dict[str, Callable[[Model, Path], Answer]] = {
    "numpy": by_numpy,
    "c": by_c,
    "js": by_js,
    "onnx": by_onnx,
    "duckdb": by_duckdb,
    "sqlite": by_sqlite,
}
