"""What each target answers: exported models, run where they are meant to run, many at a time.

A target takes models by name and rows by column, and gives an answer for each,
or what went wrong in words. One process runs, and one compiler, whatever their number.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnplug.errors import NnplugError
from nnplug.exporters.c_source import c_source
from nnplug.exporters.js_module import js_module
from nnplug.exporters.numpy_page import numpy_files
from nnplug.exporters.onnx_model import onnx_model
from nnplug.exporters.sql_statement import sql_statement
from nnplug.models import Model

Rows = Mapping[str, Any]
"""Cells by column, as many in each; None where one is empty."""

Answer = tuple[np.ndarray, list[Any] | None, np.ndarray | None]
"""Numbers or probabilities, (N, K), the chosen classes, None for a regression, and sets."""

SECONDS = np.timedelta64(1, "s")


@dataclass(frozen=True)
class Case:
    """A model, and the level of the intervals that it is to give."""

    model: Model
    interval: float | None = None


Answers = dict[str, Answer | str]


def run(command: list[str], **options: Any) -> str:
    """Run a command; give what it writes, or fail with what it complains of."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, **options
    )
    assert (done.returncode, done.stderr[-3000:]) == (0, "")
    return done.stdout


def plain(cells: Any, row: int) -> Any:
    """Give a cell as JSON has it: None where it is empty, dates as text."""
    cell = cells[row]
    if cell is None or (isinstance(cell, np.datetime64) and np.isnat(cell)):
        return None
    return str(cell) if isinstance(cell, np.datetime64) else cell


def kind_of(cells: Any) -> str:
    """Say what a column has: "date", "text", "truth" or "number"."""
    if isinstance(cells, np.ndarray):
        return "date"
    first = next(cell for cell in cells if cell is not None)
    return "text" if isinstance(first, str) else "truth" if first in (True, False) else "number"


def count_of(rows: Rows) -> int:
    return len(next(iter(rows.values())))


def written(
    cases: Mapping[str, Case], write: Callable[[int, Case], Any]
) -> tuple[dict[str, Any], Answers]:
    """Write every model; give what was written, and what could not be."""
    found: dict[str, Any] = {}
    failed: Answers = {}
    for number, (name, case) in enumerate(cases.items()):
        try:
            found[name] = write(number, case)
        except NnplugError as error:
            failed[name] = f"not written: {error}"
    return found, failed


def split(rows: list[list[Any]], case: Case) -> Answer | str:
    """Take the answer's columns apart: the classes first, the numbers, then sets."""
    model = case.model
    count = {"regression": 0, "multilabel": len(model.classes)}.get(model.task, 1)
    truth = {"1", "1.0", "True", "t", "true"}
    width = len(model.classes) if model.classes else len(rows[0]) - count
    numbers = np.array(
        [[np.nan if v is None else float(v) for v in row[count : count + width]] for row in rows]
    )
    inside = [[str(v) in truth for v in row[count + width :]] for row in rows]
    sets = np.array(inside) if inside[0] else None
    if model.task == "multilabel":
        return (
            numbers,
            [
                None if None in row[:count] else [str(v) in truth for v in row[:count]]
                for row in rows
            ],
            sets,
        )
    return (
        numbers,
        [None if row[0] is None else str(row[0]) for row in rows] if count else None,
        sets,
    )


@np.errstate(all="ignore")
def expected(case: Case, rows: Rows) -> Answer:
    """Give nnplug's own answer."""
    model, encoder = case.model, case.model.encoder
    known, data = list(range(count_of(rows))), dict(rows)
    if encoder is None or encoder.missing == "drop":  # rows with gaps have no answer
        columns = rows.values()
        known = [row for row in known if all(plain(cells, row) is not None for cells in columns)]
        data = {
            name: cells[known] if isinstance(cells, np.ndarray) else [cells[row] for row in known]
            for name, cells in rows.items()
        }
    outputs = model.run(model.inputs(data))
    count = count_of(rows)
    if model.task == "regression":
        found = [model.decode(outputs)]
        if case.interval is not None:
            bounds = model.bounds(outputs, case.interval)
            found += [bound[:, k : k + 1] for k in range(bounds[0].shape[1]) for bound in bounds]
        numbers = np.full((count, sum(part.shape[1] for part in found)), np.nan)
        numbers[known] = np.concatenate(found, axis=1)
        return numbers, None, None
    predicted, shares = model.answers(outputs), model.shares(outputs)
    numbers = np.full((count, len(model.classes)), np.nan)
    numbers[known] = np.asarray(shares, float).reshape(len(known), -1)
    labels: list[Any] = [None] * count
    for row, label in zip(known, predicted.tolist(), strict=True):
        labels[row] = [value == 1 for value in label] if model.task == "multilabel" else str(label)
    if case.interval is None:
        return numbers, labels, None
    sets = np.zeros(numbers.shape, bool)
    sets[known] = model.sets(outputs, case.interval)
    return numbers, labels, sets


# --- NumPy ----------------------------------------------------------------------------

_WITHOUT_NNPLUG = """
import json, runpy, sys
sys.modules["nnplug"] = None  # an import would fail
given = json.load(sys.stdin)
found = {}
for name, path in given["pages"].items():
    try:
        answer = runpy.run_path(path, run_name="page")["predict"](given["cells"])
        found[name] = list(zip(*(column.tolist() for column in answer.values())))
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"
json.dump(found, sys.stdout)
"""


def by_numpy(cases: Mapping[str, Case], rows: Rows, folder: Path) -> Answers:
    def write(number: int, case: Case) -> str:
        path = folder / f"page{number}.py"
        for suffix, content in numpy_files(case.model, case.interval).items():
            data = content.encode() if isinstance(content, str) else content
            path.with_suffix(suffix).write_bytes(data)
        return str(path)

    pages, answers = written(cases, write)
    cells = {name: [plain(cells, k) for k in range(count_of(rows))] for name, cells in rows.items()}
    text = json.dumps({"pages": pages, "cells": cells})
    found = json.loads(run([sys.executable, "-W", "error", "-c", _WITHOUT_NNPLUG], input=text))
    for name, answer in found.items():
        answers[name] = answer if isinstance(answer, str) else split(answer, cases[name])
    return answers


# --- C ----------------------------------------------------------------------------------

COMPILERS = {
    "gcc": ["gcc", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    # Without a library of its own, which Debian's clang comes without: a fault ends the program.
    "clang": ["clang", "-fsanitize=undefined,local-bounds", "-fsanitize-trap=all"],
}
_WARNINGS = ["-std=c99", "-O0", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"]


def _c_cell(kind: str, cells: Any, row: int) -> str:
    cell = cells[row]
    if kind == "text":
        escaped = "" if cell is None else "".join(f"\\{byte:03o}" for byte in cell.encode())
        return "NULL" if cell is None else f'"{escaped}"'
    if plain(cells, row) is None:
        return "NAN"
    if kind == "date":
        return repr(float((cell - np.datetime64(0, "us")) / SECONDS))
    return repr(float(cell))


def _joined(sources: list[str]) -> str:
    """Put sources into one, which compiles faster: what all have once, the rest renamed."""
    known: dict[str, str] = {}
    found: list[str] = []
    for number, source in enumerate(sources):
        names: dict[str, str] = {}
        for block in re.split(r"\n\n+", source):
            own = re.search(r"^static (?:const )?\w+ (\w+)[\[(]", block, re.M)
            text = _renamed(block, names)
            if own is None:
                found.append(text)
                continue
            name, data = own[1], block.startswith("static const")
            if data or known.get(name, text) != text:  # `data` may be several arrays
                for each in re.findall(r"^static (?:const )?\w+ (\w+)[\[(]", block, re.M):
                    names[each] = f"{each}_of_{number}"
                found.append(_renamed(block, names))
            elif name not in known:
                known[name] = text
                found.append(text)
    return "\n\n".join(found)


def _renamed(text: str, names: Mapping[str, str]) -> str:
    if not names:
        return text
    pattern = rf"(?<!->)(?<!\.)\b(?:{'|'.join(map(re.escape, names))})\b"
    return re.sub(pattern, lambda found: names[found[0]], text)


def by_c(cases: Mapping[str, Case], rows: Rows, folder: Path, compiler: str = "gcc") -> Answers:
    columns = {name: kind_of(cells) for name, cells in rows.items()}

    def write(number: int, case: Case) -> tuple[int, str, int]:
        source, header = c_source(case.model, f"m{number}", interval=case.interval)
        (folder / f"m{number}.h").write_text(header, encoding="ascii")
        return number, source, int(re.search(rf"M{number}_VALUES (\d+)", header)[1])

    sources, answers = written(cases, write)
    count = count_of(rows)
    cells = ",\n".join(
        "{" + ", ".join(_c_cell(kind, rows[name], k) for name, kind in columns.items()) + "}"
        for k in range(count)
    )
    main, calls = [], []
    for number, _, width in sources.values():
        main.append(
            f"static const m{number}_row rows{number}[{count}] = {{\n{cells}\n}};\n"
            f"static void run{number}(void) {{\n    double values[{width}];\n"
            f"    for (int i = 0; i < {count}; i++) {{\n"
            f'        printf("{number},%d", m{number}_predict(&rows{number}[i], values));\n'
            f'        for (int k = 0; k < {width}; k++) {{ printf(",%.17g", values[k]); }}\n'
            '        printf("\\n");\n    }\n}\n'
        )
        calls.append(f"    run{number}();")
    text = "\n".join([
        "#include <stdio.h>", _joined([source for _, source, _ in sources.values()]), *main,
        "int main(void) {", *calls, "    return 0;", "}", "",
    ])  # fmt: skip
    (folder / "all.c").write_text(text, encoding="ascii")
    run([*COMPILERS[compiler], *_WARNINGS, "all.c", "-o", "all", "-lm"], cwd=folder)
    lines: dict[int, list[list[str]]] = {}
    for line in run([str(folder / "all")]).splitlines():
        number, *values = line.split(",")
        lines.setdefault(int(number), []).append(values)
    for name, (number, _, _) in sources.items():
        answers[name] = _from_c(lines[number], cases[name])
    return answers


def _from_c(lines: list[list[str]], case: Case) -> Answer:
    model = case.model
    width = len(model.classes) or len(lines[0]) - 1
    numbers = np.array([[float(value) for value in line[1 : 1 + width]] for line in lines])
    inside = np.array([[value == "1" for value in line[1 + width :]] for line in lines])
    sets = inside if inside.size else None
    chosen = [int(line[0]) for line in lines]
    if model.task == "regression":
        return numbers, None, None
    if model.task == "multilabel":
        return numbers, [
            None if bits < 0 else [bool(bits >> k & 1) for k in range(len(model.classes))]
            for bits in chosen
        ], sets  # fmt: skip
    labels = [None if place < 0 else str(model.classes[place]) for place in chosen]
    return numbers, labels, sets


# --- JavaScript -------------------------------------------------------------------------


def by_js(cases: Mapping[str, Case], rows: Rows, folder: Path) -> Answers:
    def write(number: int, case: Case) -> list[str]:
        (folder / f"m{number}.mjs").write_text(
            js_module(case.model, case.interval), encoding="utf-8"
        )
        return [f"./m{number}.mjs", case.model.targets[0]]

    modules, answers = written(cases, write)
    listed = [
        {name: plain(cells, k) for name, cells in rows.items()} for k in range(count_of(rows))
    ]
    (folder / "main.mjs").write_text(
        f"const rows = {json.dumps(listed)};\n"
        "const found = {};\n"
        f"for (const [name, [path, target]] of Object.entries({json.dumps(modules)})) {{\n"
        "  try {\n"
        "    const { names, predict } = await import(path);\n"
        "    found[name] = rows.map((row) => {\n"
        "      const answer = predict(row);\n"
        "      const numbers = answer.probabilities ?? answer;\n"
        "      return [answer.labels ?? answer[target],\n"
        "              names.map((name) => String(numbers[name])), answer.set ?? null];\n"
        "    });\n"
        "  } catch (error) { found[name] = String(error); }\n}\n"
        "console.log(JSON.stringify(found));\n",
        encoding="utf-8",
    )
    for name, found in json.loads(run(["node", str(folder / "main.mjs")])).items():
        answers[name] = found if isinstance(found, str) else _from_js(found, cases[name])
    return answers


def _from_js(found: list[Any], case: Case) -> Answer:
    model = case.model
    numbers = np.array([[float(v.replace("Infinity", "inf")) for v in row[1]] for row in found])
    sets = None
    if case.interval is not None and model.classes:
        sets = np.array([[label in row[2] for label in model.classes] for row in found])
    if model.task == "regression":
        return numbers, None, None
    if model.task == "multilabel":
        return numbers, [
            None if row[0] is None else [label in row[0] for label in model.classes]
            for row in found
        ], sets  # fmt: skip
    return numbers, [None if row[0] is None else str(row[0]) for row in found], sets


# --- ONNX -------------------------------------------------------------------------------


def by_onnx(cases: Mapping[str, Case], rows: Rows, folder: Path) -> Answers:
    files, answers = written(
        cases, lambda _, case: onnx_model(case.model, case.interval).SerializeToString()
    )
    for name, content in files.items():
        try:
            answers[name] = _from_onnx(content, cases[name], rows)
        except Exception as error:  # onnxruntime has no common one
            answers[name] = f"{type(error).__name__}: {error}"
    return answers


def _from_onnx(content: bytes, case: Case, rows: Rows) -> Answer:
    import onnxruntime

    model = case.model
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    given: dict[str, np.ndarray] = {}
    for column in session.get_inputs():
        cells = rows[column.name]
        if column.type == "tensor(string)":
            given[column.name] = np.array([["" if c is None else c] for c in cells], object)
            continue
        if isinstance(cells, np.ndarray):
            seconds = (cells - np.datetime64(0, "us")) / SECONDS
            cells = np.where(np.isnat(cells), np.nan, seconds).tolist()
        dtype = np.float32 if column.type == "tensor(float)" else np.float64
        with np.errstate(over="ignore"):
            given[column.name] = np.array(
                [[np.nan if c is None else float(c)] for c in cells], np.float64
            ).astype(dtype)
    names = [each.name for each in session.get_outputs()]
    found = dict(zip(names, session.run(None, given), strict=True))
    if model.task == "regression":
        parts = [found["prediction"]]
        if case.interval is not None:
            pair = found["lower"], found["upper"]
            parts += [bound[:, k : k + 1] for k in range(pair[0].shape[1]) for bound in pair]
        return np.concatenate(parts, axis=1), None, None
    numbers, sets = found["probabilities"], found.get("set")
    if model.task == "multilabel":
        return numbers, [
            None if -1 in row else [bit == 1 for bit in row] for row in found["labels"].tolist()
        ], sets  # fmt: skip
    return numbers, [None if label == "" else str(label) for label in found["label"]], sets


# --- SQL --------------------------------------------------------------------------------

_SQL_TYPES = {
    "duckdb": {"number": "DOUBLE", "truth": "BOOLEAN", "text": "VARCHAR", "date": "TIMESTAMP"},
    "postgresql": {
        "number": "double precision", "truth": "boolean", "text": "text", "date": "timestamp"
    },
    "sqlite": {"number": "REAL", "truth": "INTEGER", "text": "TEXT", "date": "TEXT"},
}  # fmt: skip


def sql_table(dialect: str, rows: Rows) -> str:
    """Write the statements that make the table of new rows."""
    columns = ", ".join(
        '"' + name.replace('"', '""') + f'" {_SQL_TYPES[dialect][kind_of(cells)]}'
        for name, cells in rows.items()
    )

    def literal(value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, str):
            return "'" + value.replace("'", "''") + "'"
        return repr(value).upper() if isinstance(value, bool) else repr(value)

    lines = (
        ", ".join(literal(plain(cells, k)) for cells in rows.values())
        for k in range(count_of(rows))
    )
    listed = ", ".join(f"({line})" for line in lines)
    return f"CREATE TABLE data ({columns}); INSERT INTO data VALUES {listed};"


def _statements(cases: Mapping[str, Case], dialect: str) -> tuple[dict[str, str], Answers]:
    return written(
        cases,
        lambda _, case: sql_statement(case.model, dialect=dialect, interval=case.interval),
    )


def _asked(
    cases: Mapping[str, Case], dialect: str, ask: Callable[[str], list[Any]], error: type[Exception]
) -> Answers:
    statements, answers = _statements(cases, dialect)
    for name, statement in statements.items():
        try:
            answers[name] = split(ask(statement), cases[name])
        except error as wrong:
            answers[name] = f"{type(wrong).__name__}: {wrong}"
    return answers


def by_duckdb(cases: Mapping[str, Case], rows: Rows, folder: Path) -> Answers:
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(sql_table("duckdb", rows))
        return _asked(
            cases, "duckdb", lambda text: connection.execute(text).fetchall(), duckdb.Error
        )


def by_sqlite(cases: Mapping[str, Case], rows: Rows, folder: Path) -> Answers:
    connection = sqlite3.connect(":memory:")
    connection.executescript(sql_table("sqlite", rows))
    try:
        return _asked(
            cases, "sqlite", lambda text: connection.execute(text).fetchall(), sqlite3.Error
        )
    finally:
        connection.close()


def postgresql_programs() -> Path | None:
    """Find the folder of PostgreSQL's programs."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), Path("/usr/local/bin")]
    return next((path for path in sorted(folders) if (path / "initdb").exists()), None)


@contextmanager
def postgresql(folder: Path) -> Iterator[Callable[[str], str]]:
    """Run a server that speaks through a socket of a folder alone; yield what asks it."""
    programs = postgresql_programs()
    assert programs is not None
    # It does not run as root.
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres")
    data = str(folder / "data")

    def do(program: str, *arguments: str) -> None:
        command = [str(programs / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, timeout=60, **user)

    def ask(script: str) -> str:
        command = ["psql", "-h", str(folder), "-U", "postgres", "-X", "-q", "-t", "--csv"]
        done = subprocess.run(
            command, input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        return done.stdout

    do("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C",
       "--no-sync")  # fmt: skip
    options = f"-c listen_addresses='' -c fsync=off -k {folder}"
    do("pg_ctl", "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield ask
    finally:
        do("pg_ctl", "-D", data, "-m", "immediate", "stop")


def by_postgresql(
    cases: Mapping[str, Case], rows: Rows, folder: Path, ask: Callable[[str], str]
) -> Answers:
    statements, answers = _statements(cases, "postgresql")
    table = sql_table("postgresql", rows).replace("CREATE TABLE", "CREATE TEMPORARY TABLE")
    # Names above 63 bytes are cut, with a notice.
    script = ["SET client_min_messages = error;", table]
    for number, statement in enumerate(statements.values()):
        script += [f"\\echo @@{number}", statement]
    _, *texts = re.split(r"^@@\d+\n", ask("\n".join(script)), flags=re.M)
    for name, text in zip(statements, texts, strict=True):
        if text.startswith(("ERROR", "psql")) or not text:
            answers[name] = text[:300]
            continue
        cells = csv.reader(io.StringIO(text))
        found = [[None if cell == "" else cell for cell in row] for row in cells]
        answers[name] = split(found, cases[name])
    return answers


def runner(
    name: str, folder: Path, ask: Callable[[str], str] | None
) -> Callable[[Mapping[str, Case], Rows], Answers]:
    """Give what answers for a target; `ask` is for PostgreSQL alone."""
    if name == "postgresql":
        assert ask is not None
        return lambda cases, rows: by_postgresql(cases, rows, folder, ask)
    if name in COMPILERS:
        return lambda cases, rows: by_c(cases, rows, folder, name)
    found = {"numpy": by_numpy, "js": by_js, "onnx": by_onnx, "duckdb": by_duckdb,
             "sqlite": by_sqlite}[name]  # fmt: skip
    return lambda cases, rows: found(cases, rows, folder)
