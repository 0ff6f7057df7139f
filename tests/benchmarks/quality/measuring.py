"""How good each contender's defaults are on real tables.

    python -m tests.benchmarks --work table-quality             # the twelve for choices
    python -m tests.benchmarks --work table-quality --final     # all twenty
    python -m tests.benchmarks.quality.measuring --contender catboost --table ames

Each fit is a process of its own with one thread. It learns from four fifths of
a table's rows and is scored on the others. Its row in docs/table-quality.jsonl
is its result: what is there is not measured again. To measure it again, delete
the row. The machine may be busy: processor seconds are counted, not time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import report
from tests.benchmarks.processes import FailedError, Settings, module, run
from tests.benchmarks.quality import standing
from tests.benchmarks.quality.contenders import CONTENDERS
from tests.benchmarks.quality.tables import SPLITS, TABLES, names_set_aside
from tests.benchmarks.report import Block, Figures

RESULTS = report.PAGE.with_name("table-quality.jsonl")
"""One row a fit."""
QUICK = ("concrete", "titanic")

Key = tuple[str, str, int]
"""Contender, table, split."""


def read_results(path: Path = RESULTS) -> dict[Key, dict[str, Any]]:
    """Read the rows; of several for one fit, the last counts."""
    if not path.exists():
        return {}
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return {(row["contender"], row["table"], row["split"]): row for row in rows}


def measure_missing(
    contenders: Iterable[str],
    tables: Iterable[str],
    splits: int,
    settings: Settings,
    path: Path = RESULTS,
) -> dict[Key, dict[str, Any]]:
    """Fit what has no row yet, and add its row at once; a fit that fails is named and left out."""
    tables = list(tables)
    results = read_results(path)
    for name in contenders:
        for split in range(splits):
            for table in tables:
                if (name, table, split) in results:
                    continue
                try:
                    done = run(module("quality.fitting", name, table, split), settings)
                except FailedError as error:
                    # Its last line says why; the others say where.
                    why = str(error).strip().splitlines()[-1]
                    print(f"  {name}, {table}, split {split}: {why}", file=sys.stderr, flush=True)
                    continue
                row = json.loads(done.output)
                row["peak_mib"] = round(done.peak / 2**20)
                results[name, table, split] = row
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(
                    f"  {name}, {table}, split {split}: {row['score']:.4f}, {row['loss']:.5g}, "
                    f"{row['cpu']:.1f} s",
                    file=sys.stderr,
                    flush=True,
                )
    return results


def measure_quality(settings: Settings) -> Block:
    """Measure what is missing and compare."""
    tables = sorted(set(TABLES) if settings.final else set(TABLES) - names_set_aside())
    one = Settings(settings.cache, runs=SPLITS, threads=1, quick=settings.quick, noisy=True)
    if settings.quick:
        with tempfile.TemporaryDirectory() as folder:
            quick = [name for name in CONTENDERS if not CONTENDERS[name].slow]
            path = Path(folder) / RESULTS.name
            results = measure_missing(quick, QUICK, 1, one, path)
    else:
        results = measure_missing(CONTENDERS, tables, SPLITS, one)
    return compare(results, tables, one)


def compare(results: dict[Key, dict[str, Any]], tables: Sequence[str], settings: Settings) -> Block:
    """Write the tables of the page from the results."""
    asked = {key: row for key, row in results.items() if key[1] in tables and key[0] in CONTENDERS}
    text = standing.written(asked)
    figures: Figures = {}
    for (name, table, _), row in sorted(asked.items()):
        for what in ("score", "loss", "cpu"):
            figures.setdefault(name, {}).setdefault(f"{table}, {what}", []).append(row[what])
    versions = sorted({row["version"] for row in asked.values()})
    dates = sorted({row["date"] for row in asked.values()})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    how = f"*{when}; {report.machine()}; {', '.join(versions)}; 1 thread.*"
    return Block(f"{text}\n\n{how}", figures)


def main() -> int:
    """Measure some of it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.quality.measuring",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    usual = sorted(set(TABLES) - names_set_aside())
    parser.add_argument("--contender", action="append", choices=CONTENDERS)
    parser.add_argument("--table", action="append", choices=usual)
    parser.add_argument("--splits", type=int, default=SPLITS)
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    tables = arguments.table or usual
    with tempfile.TemporaryDirectory() as cache:
        settings = Settings(Path(cache), threads=1, noisy=True)
        results = measure_missing(
            arguments.contender or CONTENDERS, tables, arguments.splits, settings, arguments.results
        )
        print(compare(results, tables, settings).text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
