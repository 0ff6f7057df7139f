"""The Python API: `nnplug.search`."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nnplug.durable import write_file
from nnplug.errors import SettingError, StorageError
from nnplug.parts import Part
from nnplug.plugins.travelling import Luggage
from nnplug.runs.configuration import check_setting
from nnplug.runs.folder import check_free
from nnplug.runs.setting_kinds import Interval, Whole
from nnplug.runs.settings import ROWS, no_setting
from nnplug.searching.study import Study
from nnplug.searching.text import as_text, ordered
from nnplug.searching.trials import Trials
from nnplug.untrusted import read_small

__all__ = ["ASKED", "BEST", "Request", "Search", "begin", "run", "search"]

ASKED = "search.json"
BEST = "best.toml"
_LARGEST = 2**20

Report = Callable[[int, int, "float | None", str], None]
"""Given the trials done, all trials, the seconds left, and which trial was done."""


class Request:
    """What a search is asked to do.

    Parameters
    ----------
    data : object
        As `nnplug.train` takes it.
    settings : mapping
        Those that all trials have, by name.
    search : mapping
        What is searched: by the name of a setting, a text or a list of values.
    trials : int
    budget : str or None
        A time, after which no trial begins.
    plugins : sequence of str

    Raises
    ------
    SettingError
    """

    def __init__(
        self,
        data: Any,
        settings: Mapping[str, Any],
        search: Mapping[str, Any],
        *,
        trials: int = 30,
        budget: str | None = None,
        plugins: Sequence[str] = (),
    ) -> None:
        try:
            Whole(1).check(trials)
        except ValueError as error:
            raise SettingError(f"trials={trials!r}: {error}.") from None
        self.seconds = math.inf
        if budget is not None:
            try:
                unit, self.seconds = Interval().split(budget)
            except ValueError:
                unit = "epochs"
            if unit == "epochs":
                raise SettingError(
                    f"budget={budget!r}: it must be a time for the whole search, as 60s, 5m or "
                    "1h.\nThe epochs of a trial are those of --epochs."
                )
        self.data, self.search = data, dict(search)
        self.settings = {name: v for name, v in settings.items() if v is not None}
        for name, value in self.settings.items():
            if name not in ROWS:
                raise SettingError(no_setting(name, ROWS))
            if isinstance(value, str | int | float | list | tuple | dict):
                check_setting(name, value, "search")
        self.trials, self.budget, self.plugins = trials, budget, tuple(plugins)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values; data and parts that are objects by their type or text."""
        data = self.data
        if isinstance(data, str | os.PathLike):
            data = os.fspath(data)
        return {
            "data": data if isinstance(data, str) else None,
            "settings": {name: _plain(value) for name, value in self.settings.items()},
            "search": {name: _plain(value) for name, value in self.search.items()},
            "trials": self.trials,
            "budget": self.budget,
            "plugins": list(self.plugins),
        }

    @classmethod
    def read(cls, folder: Path) -> Request:
        """Read that of a folder.

        Raises
        ------
        StorageError, SettingError
            If there is none, or it is damaged, or its data was an object in Python.
        """
        path = folder / ASKED
        try:
            found = json.loads(read_small(path, _LARGEST))
            if found["data"] is None:
                raise SettingError(
                    f"{path}: its data was an object in Python, which the file does not hold.\n"
                    "Search again from Python, with the same output."
                )
            return cls(
                str(found["data"]),
                {name: _tuples(value) for name, value in found["settings"].items()},
                found["search"],
                trials=found["trials"],
                budget=found["budget"],
                plugins=[str(plugin) for plugin in found["plugins"]],
            )
        except OSError:
            raise StorageError(
                f"{folder}: there is no search to resume: {ASKED} is missing.\n"
                "Name the folder of a search, such as searches/NAME."
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SettingError(
                f"{path} is not the record of a search: {type(error).__name__} {error}."
            ) from None


class Search:
    """The result of a search.

    Attributes
    ----------
    report : dict
        All of it, as plain values: `report["trials"]` has every trial.
    best : dict
        The settings of the best trial, for `nnplug.train(data, ..., **found.best)`.
    score : float
        Its score.
    folder : Path or None
        Where the search is kept.
    """

    def __init__(self, report: dict[str, Any], best: dict[str, Any], folder: Path | None) -> None:
        self.report, self.best, self.folder = report, best, folder

    @property
    def score(self) -> float:
        """The score of the best trial."""
        return float(self.report["best"]["score"])

    @property
    def trials(self) -> list[dict[str, Any]]:
        """Every trial, the best first: its settings, score, loss, epochs and seconds."""
        found: list[dict[str, Any]] = ordered(self.report)
        return found

    def text(self, width: int = 80) -> str:
        """Write it for a terminal."""
        return as_text(self.report, width)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<search of {len(self.report['trials'])} trials; best score {self.score:.4g}>"


def search(
    data: Any = "xor",
    *,
    search: Mapping[str, Any],
    trials: int = 30,
    budget: str | None = None,
    plugins: Sequence[str] = (),
    on: str | int = 1,
    output: str | os.PathLike[str] | None = None,
    progress: Report | None = None,
    **settings: Any,
) -> Search:
    """Search settings of a network: each trial trains it, and the validation rows judge.

    Parameters
    ----------
    data : object
        As `nnplug.train` takes it.
    search : mapping
        By the name of a setting, its values: `"1e-4..1e-1"`, `"16..256"`, `"relu,gelu"`,
        `"adam,adamw:weight_decay=1e-3..1e-1"`, or a list of values. A range that spans a
        decade has a logarithmic scale; one between whole numbers has only those.
    trials : int, optional
        How many, besides one with the usual settings.
    budget : str, optional
        A time for the whole search, `"5m"`, after which no more trials begin.
    plugins : sequence of str, optional
        Files and packages to load, as `-p` of the command line.
    on : int or str, optional
        Processes of this machine; `"dask://HOST:PORT"`, `"ray://HOST:PORT"`, or a backend
        of joblib. With several at a time other trials are proposed, since less is known.
    output : path, optional
        A folder to keep the search in. If it holds the beginning of the same search, that
        is completed.
    progress : callable, optional
        Called after each trial with the trials done, all trials, the seconds left, and
        which trial it was.
    **settings
        Those of `nnplug.train` that all trials have, `target` among them. The first of
        `metrics` judges, by default accuracy or R²; with `folds`, its mean over the folds.

    Returns
    -------
    Search

    Raises
    ------
    NnplugError
        If a setting or the data cannot be used; before anything is trained.

    Examples
    --------
    >>> found = search("moons", search={"activation": "relu,tanh"}, epochs=5, validation=0.2)
    >>> sorted(trial["settings"]["activation"] for trial in found.trials)
    ['relu', 'tanh']
    """
    request = Request(data, settings, search, trials=trials, budget=budget, plugins=plugins)
    folder = None if output is None else Path(output)
    if folder is not None:
        begin(folder, request)
    return run(request, folder, on=str(on), progress=progress)


def begin(folder: Path, request: Request) -> None:
    """Choose a folder for a search: a new one, or that of this very search.

    Raises
    ------
    StorageError
        If it holds anything else.
    """
    if not (folder / ASKED).is_file():
        check_free(folder)
        return
    try:
        there = json.loads(read_small(folder / ASKED, _LARGEST))
    except (OSError, ValueError) as error:
        raise StorageError(f"{folder / ASKED} cannot be read: {error}.") from None
    if there != json.loads(json.dumps(request.to_dict())):
        raise StorageError(
            f"{folder} holds another search.\nName another folder, or go on with that one: "
            f"nnplug search --resume {folder}"
        )


def run(
    request: Request,
    folder: Path | None,
    *,
    strict: bool = False,
    on: str = "1",
    progress: Report | None = None,
) -> Search:
    """Do what is not yet done of a search, and write its results."""
    luggage = Luggage.pack(request.plugins, strict=strict)
    with luggage.registry.naming_culprits():
        trials = Trials.of(request.data, request.settings, request.search, luggage)
        seed = int(request.settings.get("seed") or 0)
        study = Study(trials, folder, seed)
        if folder is not None and not (folder / ASKED).exists():
            folder.mkdir(parents=True, exist_ok=True)
            _write(folder / ASKED, json.dumps(request.to_dict(), indent=1) + "\n")
        study.perform(request.trials, seconds=request.seconds, on=on, report=progress)
    report: dict[str, Any] = {
        "request": request.to_dict(),
        "metric": study.metric.text,
        "goal": study.metric.goal,
        "usual": study.usual(),
        "trials": study.done,
        "best": None,
    }
    best = next(iter(ordered(report)), None)
    if best is None or best["score"] is None:
        reasons = {each["failed"] for each in report["trials"]}
        why = next(iter(sorted(filter(None, reasons))), "the budget was over before the first.")
        raise SettingError(f"No trial has a score: {why}")
    report["best"] = best
    values = trials.space.values(best["settings"])
    if folder is not None:
        _write(folder / "report.json", json.dumps(report, indent=1, allow_nan=False) + "\n")
        _write(folder / "trials.csv", _as_csv(report))
        _write(folder / BEST, _as_toml(trials, request, best["settings"]))
    return Search(report, values, folder)


def _as_toml(trials: Trials, request: Request, texts: Mapping[str, str]) -> str:
    """Write the settings of a trial as a file for `nnplug train --config`."""
    from dataclasses import replace  # noqa: PLC0415  # few searches are kept

    from nnplug.runs.preparing import prepare  # noqa: PLC0415  # the same

    settings = {**request.settings, **trials.space.values(texts)}
    settings = {name: v for name, v in settings.items() if name != "log_every"}
    run = prepare(request.data, registry=trials.parts, usual_recipe=True, **settings)
    configuration = run.configuration(plugins=request.plugins)
    if "folds" in settings:
        kept = {**configuration.settings, "folds": None}
        configuration = replace(configuration, settings=kept)
    return configuration.to_toml()


def _as_csv(report: Mapping[str, Any]) -> str:
    """Write a line for each trial."""
    out = io.StringIO()
    names = list(report["request"]["search"])
    results = ("score", "sd", "loss", "epochs", "seconds", "failed")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["trial", *names, *results])
    for each in report["trials"]:
        texts = [each["settings"][name] for name in names]
        writer.writerow([each["number"], *texts, *(each[key] for key in results)])
    return out.getvalue()


def _write(path: Path, text: str) -> None:
    write_file(path, text.encode(), overwrite=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Part):
        return value.text
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
