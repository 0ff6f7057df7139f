"""The blocks of exported models: SQL in DuckDB, and C, beside others that run the same network.

    python -m tests.benchmarks.exports make FOLDER
    python -m tests.benchmarks.exports sql|c CONTENDER FOLDER ROWS

The first trains a network of 100 units over 20 columns, one on a table and
one on arrays, and writes all that the contenders run. The second runs one of
them in a process of its own and prints a line of JSON: the processor seconds
and what it predicted. Processor time is the same on a busy machine, or nearly
so, and both sides of a ratio are measured in turns.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks import report
from tests.benchmarks.processes import Settings, in_turns, module, run
from tests.benchmarks.report import Block, Figures

COLUMNS, UNITS, CLASSES = 20, 100, ("blue", "green", "red")
COMPILER = ("gcc", "-std=c99", "-O2")

CALLS = """
#include <stdint.h>
{head}
void run(const float *x, int64_t rows, int32_t *labels) {{
    for (int64_t n = 0; n < rows; n++, x += {columns}) {{
        {call}
    }}
}}
"""
"""A function that predicts rows (N, D) one after the other, the same for all C."""


# --- what is run ------------------------------------------------------------------------


def make(folder: Path) -> None:
    """Train the networks and write them for every contender."""
    import numpy as np

    import nnplug

    x, labels = rows(2_000, seed=0)
    table = {**{f"c{k}": x[:, k] for k in range(COLUMNS)}, "kind": np.array(CLASSES)[labels]}
    facts: dict[str, Any] = {}
    for dtype in ("float32", "float64"):
        trained = nnplug.train(
            table, target="kind", recipe="none", hidden=UNITS, epochs=5, validation=0, dtype=dtype
        ).model
        before = processor_seconds()
        trained.export("sql", folder / f"{dtype}.sql")
        facts[dtype] = {
            "seconds": processor_seconds() - before,
            "bytes": (folder / f"{dtype}.sql").stat().st_size,
        }
        trained.export("numpy", folder / f"sql_{dtype}.py")
    run_of_arrays = nnplug.train(
        (x.astype(np.float32), labels), hidden=UNITS, epochs=5, validation=0, dtype="float32"
    )
    model = run_of_arrays.model
    model.export("numpy", folder / "arrays.py")
    model.export("onnx", folder / "arrays.onnx")
    model.export("c", folder / "network.c")
    fields = ", ".join(f"x[{k}]" for k in range(COLUMNS))
    facts["nnplug"] = compile_c(
        folder, "nnplug", '#include "network.c"',
        f"double values[NETWORK_VALUES]; const network_row row = {{{fields}}};"
        " labels[n] = network_predict(&row, values);", folder,
    )  # fmt: skip
    facts.update(peers(model, folder))
    (folder / "facts.json").write_text(json.dumps(facts), "utf-8")


def rows(count: int, seed: int) -> tuple[Any, Any]:
    """Give rows of random numbers (N, D), and classes by a linear rule."""
    import numpy as np

    rule = np.random.default_rng(7).standard_normal((COLUMNS, len(CLASSES)))
    x = np.random.default_rng(seed).standard_normal((count, COLUMNS))
    return x, (x @ rule).argmax(axis=1)


def peers(model: Any, folder: Path) -> dict[str, Any]:
    """Have other tools write the same network in C; a text says why one could not."""
    import emlearn
    import m2cgen
    from sklearn.neural_network import MLPClassifier

    x, labels = rows(100, seed=0)
    network = MLPClassifier((UNITS,), max_iter=1).fit(x, labels)
    arrays = model.network.arrays
    network.coefs_ = [arrays["hidden1.weight"], arrays["output.weight"]]
    network.intercepts_ = [arrays["hidden1.bias"], arrays["output.bias"]]
    with contextlib.chdir(folder):  # it compiles in the folder where it is called
        converted = emlearn.convert(network, method="loadable", return_type="classifier")
    converted.save(file=str(folder / "emlearn_net.h"), name="peer")
    found: dict[str, Any] = {
        "emlearn": compile_c(
            folder, "emlearn", '#include "emlearn_net.h"',
            f"labels[n] = peer_predict(x, {COLUMNS});", Path(emlearn.includedir),
        )
    }  # fmt: skip
    try:
        m2cgen.export_to_c(network)
    except NotImplementedError as error:
        found["m2cgen"] = str(error)
    return found


def compile_c(folder: Path, name: str, head: str, call: str, include: Path) -> dict[str, int]:
    """Compile a network; give the bytes of its code and its data."""
    text = CALLS.format(head=head, columns=COLUMNS, call=call)
    (folder / f"{name}.c").write_text(text, "ascii")
    command = [*COMPILER, "-I", str(include), "-I", str(folder), str(folder / f"{name}.c")]
    subprocess.run([*command, "-c", "-o", str(folder / f"{name}.o")], check=True)
    library = [*command, "-fPIC", "-shared", "-o", str(folder / f"{name}.so"), "-lm"]
    subprocess.run(library, check=True)
    listed = subprocess.run(
        ["size", "-A", str(folder / f"{name}.o")], check=True, capture_output=True, text=True
    )
    sizes = {"code": 0, "data": 0}
    for line in listed.stdout.splitlines():
        section, *numbers = line.split() or [""]
        for kind, beginnings in (("code", (".text",)), ("data", (".rodata", ".data", ".bss"))):
            if section.startswith(beginnings):
                sizes[kind] += int(numbers[0])
    return sizes


# --- one contender ----------------------------------------------------------------------


def processor_seconds() -> float:
    """Give what this process and its threads have computed."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def page(path: Path) -> Callable[[Any], Any]:
    """Load an exported page of NumPy."""
    import runpy

    return runpy.run_path(str(path))["predict"]


def sql_contender(name: str, folder: Path, count: int) -> Callable[[], Any]:
    """Give a function that predicts a table's rows, and the rows."""
    x, _ = rows(count, seed=1)
    table = {f"c{k}": x[:, k].copy() for k in range(COLUMNS)}
    engine, _, dtype = name.partition("-")
    if engine == "numpy":
        predict = page(folder / f"sql_{dtype}.py")
        return lambda: predict(table)["kind"]
    import duckdb
    import pandas as pd

    database = duckdb.connect()
    frame = pd.DataFrame(table)
    database.register("frame", frame)
    database.execute("CREATE TABLE data AS FROM frame")
    statement = (folder / f"{dtype}.sql").read_text("utf-8")
    return lambda: database.execute(statement).fetchnumpy()["kind"]


def c_contender(name: str, folder: Path, count: int) -> Callable[[], Any]:
    """Give a function that predicts rows in memory."""
    import numpy as np

    x = rows(count, seed=1)[0].astype(np.float32)
    tool, _, batch = name.partition("-")
    if not batch:
        library = ctypes.CDLL(str(folder / f"{tool}.so"))
        labels = np.empty(count, np.int32)
        library.run.restype = None

        def call() -> Any:
            pointers = [ctypes.c_void_p(array.ctypes.data) for array in (x, labels)]
            library.run(pointers[0], ctypes.c_int64(count), pointers[1])
            return labels

        return call
    size = int(batch)
    if tool == "numpy":
        predict = page(folder / "arrays.py")

        def answer(part: Any) -> Any:
            (first, *_) = predict({f"x{k}": part[:, k] for k in range(COLUMNS)}).values()
            return first
    else:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(folder / "arrays.onnx"), options)

        def answer(part: Any) -> Any:
            given = {f"x{k}": part[:, k : k + 1] for k in range(COLUMNS)}
            return session.run(["label"], given)[0]

    return lambda: np.concatenate([answer(x[at : at + size]) for at in range(0, count, size)])


def measure_one(kind: str, name: str, folder: Path, count: int) -> None:
    """Run a contender twice, and print the second run: the first one fills memory."""
    import numpy as np

    call: Any = {"sql": sql_contender, "c": c_contender}[kind](name, folder, count)
    call()
    before = processor_seconds()
    labels = call()
    seconds = processor_seconds() - before
    np.save(folder / f"{kind}-{name}.npy", np.asarray(labels).astype(str))
    print(json.dumps({"seconds": seconds}))


# --- the block --------------------------------------------------------------------------

SQL = {
    "numpy-float64": "NumPy, the exported page, float64",
    "duckdb-float64": "DuckDB, the exported SQL, of the float64 network",
    "numpy-float32": "NumPy, the exported page, float32",
    "duckdb-float32": "DuckDB, the exported SQL, of the float32 network",
}

C = {
    "nnplug": ("nnplug's C", 200_000),
    "emlearn": ("emlearn's C, weights to six decimals", 200_000),
    "numpy-1": ("NumPy, the exported page, a row at a time", 500),
    "numpy-1000": ("NumPy, the exported page, 1,000 rows at a time", 200_000),
    "onnx-1": ("ONNX Runtime, the exported file, a row at a time", 5_000),
    "onnx-1000": ("ONNX Runtime, the exported file, 1,000 rows at a time", 200_000),
}
"""Of each contender its title, and how many rows it predicts."""


def measure_exports(settings: Settings) -> Block:
    """Measure SQL and C."""
    count = settings.share_of(1_000_000)
    several = {name: most if most < 1_000 else settings.share_of(most)
               for name, (_, most) in C.items()}  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        run(module("exports", "make", place), settings)
        facts = json.loads((folder / "facts.json").read_text("utf-8"))
        commands = {f"sql {name}": module("exports", "sql", name, place, count) for name in SQL}
        for name, rows_of_it in several.items():
            commands[f"c {name}"] = module("exports", "c", name, place, rows_of_it)
        # Processor time needs no quiet machine.
        finished = in_turns(commands, replace(settings, noisy=True))
        others = {
            **{f"sql {name}": differing(folder, f"sql-{name}", f"sql-numpy-{name.split('-')[1]}")
               for name in SQL},
            **{f"c {name}": differing(folder, f"c-{name}", "c-numpy-1000") for name in C},
        }  # fmt: skip
    figures: Figures = {
        name: {"seconds": [json.loads(each.output)["seconds"] for each in some]}
        for name, some in finished.items()
    }
    wrong = [
        f"{name}: it gives {number:,} rows another class than NumPy."
        for name, number in others.items()
        if number > (0 if name == "sql duckdb-float64" else 0.0001 * count)
    ]
    packages = ["nnplug", "numpy", "duckdb", "onnxruntime", "emlearn", "m2cgen", "scikit-learn"]
    how = report.conditions(settings, packages, runs=settings.runs).removesuffix(".*")
    text = "\n\n".join([
        _sql_table(facts, figures, others, count),
        _c_table(facts, figures, others, several),
        f"{how}; {compiler()}; processor time, on a busy machine.*",
    ])  # fmt: skip
    return Block(text, figures, tuple(wrong))


def differing(folder: Path, one: str, other: str) -> int:
    """Count the rows that two contenders give different classes, of those that both have."""
    import numpy as np

    labels = [np.load(folder / f"{name}.npy") for name in (one, other)]
    shared = min(map(len, labels))
    return int((labels[0][:shared] != labels[1][:shared]).sum())


def compiler() -> str:
    """Name the compiler and its options."""
    said = subprocess.run(["gcc", "-dumpfullversion"], check=True, capture_output=True, text=True)
    return f"gcc {said.stdout.strip()} {' '.join(COMPILER[1:])}"


def _sql_table(facts: dict[str, Any], figures: Figures, others: dict[str, int], count: int) -> str:
    lines = []
    for name, title in SQL.items():
        engine, _, dtype = name.partition("-")
        seconds = figures[f"sql {name}"]["seconds"]
        wrote = facts[dtype]
        written = [report.seconds(wrote["seconds"]), f"{wrote['bytes']:,}"]
        ratio = report.ratio(seconds, figures[f"sql numpy-{dtype}"]["seconds"])
        lines.append([
            title, *(written if engine == "duckdb" else ["", ""]),
            report.seconds(median(seconds)), f"{min(seconds):.3g} to {max(seconds):.3g}",
            f"{ratio:.2f}", f"{others[f'sql {name}']:,}",
        ])  # fmt: skip
    head = ["contender", "time to write", "bytes", f"{count:,} rows", "fastest to slowest, s",
            "times NumPy", "other classes than NumPy"]  # fmt: skip
    return report.table(head, lines)


def _c_table(
    facts: dict[str, Any], figures: Figures, others: dict[str, int], several: dict[str, int]
) -> str:
    a_row = {name: [each / several[name] for each in figures[f"c {name}"]["seconds"]] for name in C}
    lines = []
    for name, (title, _) in C.items():
        sizes = facts.get(name, {})
        lines.append([
            title, *(f"{sizes[kind]:,}" if sizes else "" for kind in ("code", "data")),
            f"{1 / median(a_row[name]):,.0f}",
            f"{report.ratio(a_row[name], a_row['nnplug']):.2f}", f"{others[f'c {name}']:,}",
        ])  # fmt: skip
    if "m2cgen" in facts:
        lines.append([f"m2cgen's C: {facts['m2cgen']}", *[""] * 5])
    head = ["contender", "bytes of code", "bytes of data", "predictions a second",
            "times nnplug's C", "other classes than NumPy"]  # fmt: skip
    return report.table(head, lines)


def main() -> None:
    """Prepare, or measure one contender."""
    kind, *rest = sys.argv[1:]
    if kind == "make":
        make(Path(rest[0]))
    else:
        measure_one(kind, rest[0], Path(rest[1]), int(rest[2]))


if __name__ == "__main__":
    main()
