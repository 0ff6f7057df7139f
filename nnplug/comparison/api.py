"""The Python API: `nnplug.compare`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from nnplug.comparison.analysis import analyse
from nnplug.comparison.bench import Bench
from nnplug.comparison.protocol import perform
from nnplug.comparison.replay import differences, read_report
from nnplug.comparison.request import Request
from nnplug.comparison.results import REPORT, Results
from nnplug.comparison.text import as_csv, as_latex, as_markdown, as_text

__all__ = ["Comparison", "Report", "compare", "run"]

Report = Callable[[int, int, "float | None", str], None]
"""Given the runs done, all runs, the seconds left or None, and which run was done."""


class Comparison:
    """The result of a comparison.

    Attributes
    ----------
    report : dict
        All of it, as plain values: `report["data"]` has scores and verdicts.
    folder : Path or None
        Where it is kept.
    """

    def __init__(self, report: dict[str, Any], folder: Path | None = None) -> None:
        self.report = report
        self.folder = folder

    @property
    def verdicts(self) -> dict[str, dict[str, str]]:
        """What is said of each arm, by data set and arm."""
        return {
            each["name"]: {
                arm: found["verdict"]["word"]
                for arm, found in each["arms"].items()
                if found["verdict"] is not None
            }
            for each in self.report["data"]
        }

    def text(self, width: int = 80) -> str:
        """Write it for a terminal."""
        return as_text(self.report, width)

    def differences(self, earlier: str | os.PathLike[str] | Comparison) -> list[str]:
        """Write, a line each, what differs from an earlier report of the same comparison."""
        before = earlier.report if isinstance(earlier, Comparison) else read_report(Path(earlier))
        changes, results = differences(before, self.report)
        return [*changes, *results]

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        asked = self.report["request"]
        names = ", ".join(each["name"] for each in self.report["data"])
        return f"<comparison of {asked['factor']} {', '.join(asked['arms'])} on {names}>"

    def _repr_html_(self) -> str:
        from nnplug.comparison.page import body  # noqa: PLC0415  # only a notebook asks for it

        return "\n".join(body(self.report))


def compare(
    data: Any = "xor",
    *,
    baseline: str | None = None,
    effort: Literal["standard", "paper", "quick"] = "standard",
    seeds: int | None = None,
    trials: int | None = None,
    budget: str | int | None = None,
    rope: float | None = None,
    plugins: Sequence[str] = (),
    on: str | int = 1,
    output: str | os.PathLike[str] | None = None,
    progress: Report | None = None,
    **settings: Any,
) -> Comparison:
    """Compare parts, so that "better" can be defended.

    For each arm and data set a learning rate is searched. Then each arm is trained
    with several seeds; a seed gives all arms the same test rows, validation rows,
    starting weights and order of rows. The pairs are judged by an interval and a
    permutation test.

    Parameters
    ----------
    data : str, or a sequence
        Data sets: `"xor,iris.csv:species"`, or a list of such texts, of pairs of data
        and the name of its target, and of data as `nnplug.train` takes it.
    baseline : str, optional
        What the others are compared with; by default the first.
    effort : str, optional
        `"standard"`: 10 seeds and 16 trials of the search. `"paper"`: 30 and 36.
        `"quick"`: 3 seeds without a search, which support no claim.
    seeds, trials : int, optional
        In place of those of `effort`.
    budget : int or str, optional
        The most epochs of a run, or seconds: `"60s"`.
    rope : float, optional
        The difference, in units of the metric, within which arms count as equivalent.
    plugins : sequence of str, optional
        Files and packages to load, as `-p` of the command line.
    on : int or str, optional
        Processes of this machine; `"dask://HOST:PORT"`, `"ray://HOST:PORT"`, or a backend
        of joblib. The numbers are the same.
    output : path, optional
        A folder to keep the comparison in. If it holds the beginning of the same
        comparison, that is completed.
    progress : callable, optional
        Called after each run with the runs done, all runs, the seconds left (or
        None), and which run it was.
    **settings
        Those of `nnplug.train` about the network and training. One of `activation`,
        `loss`, `optimizer`, `initializer`, `schedule`, `layers` and `recipe` has several
        values, `"relu,gelu"` or a list: these are the arms. The first of `metrics`
        judges.

    Returns
    -------
    Comparison

    Raises
    ------
    NnplugError
        If a setting or the data cannot be used; before anything is trained.

    Examples
    --------
    >>> found = compare("moons", activation="relu,tanh", effort="quick", budget=5)
    >>> found.verdicts
    {'moons': {'tanh': 'no claim'}}
    """
    request = Request.of(
        data,
        settings,
        baseline=baseline,
        effort=effort,
        seeds=seeds,
        trials=trials,
        budget=budget,
        rope=rope,
        plugins=plugins,
    )
    folder = None if output is None else Path(output)
    results = Results() if folder is None else Results.of(folder, request)
    return run(Bench(request), results, on=str(on), progress=progress)


def run(
    bench: Bench, results: Results, *, on: str = "1", progress: Report | None = None
) -> Comparison:
    """Do what is not yet done of a comparison, and write its report."""
    began = time.monotonic()
    with bench.registry.naming_culprits():
        stages = perform(bench, results, on=on, report=progress)
    report = analyse(bench.request, stages, seconds=time.monotonic() - began)
    if results.folder is not None:
        from nnplug.comparison.page import write_page  # noqa: PLC0415  # not all are kept

        results.write(REPORT, json.dumps(report, indent=1, allow_nan=False) + "\n")
        results.write("report.html", write_page(report))
        results.write("report.md", as_markdown(report))
        results.write("report.tex", as_latex(report))
        results.write("runs.csv", as_csv(report))
    return Comparison(report, results.folder)
