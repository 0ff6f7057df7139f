"""The pictures of a comparison."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from nnplug.runs.report.svg import INKS, PALE, Chart, number, ticks

__all__ = [
    "best_so_far",
    "curves",
    "forest",
    "profiles",
    "sensitivity",
    "strips",
    "times_to_target",
]

_LONGEST = 18
_POINTS = 80
_ROW = 26
"""Height of an arm's row."""

_Data = Mapping[str, Any]


def _rows(
    names: Sequence[str], x: tuple[float, float], label: str
) -> tuple[Chart, dict[str, float]]:
    """Make a chart with a row for each arm, the first one on top."""
    places = {name: float(len(names) - place) for place, name in enumerate(names)}
    marks = [(place, _short(name)) for name, place in places.items()]
    height = 70 + _ROW * len(names)
    limits = (0.4, len(names) + 0.6)
    return Chart(x, limits, (label, ""), height=height, ticks_y=marks), places


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _ink(names: Sequence[str], name: str) -> str:
    return INKS[list(names).index(name) % len(INKS)]


def _wide(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
    return low - room, high + room


def forest(data: _Data) -> str | None:
    """Draw each arm's mean difference to the baseline, with its interval and all pairs."""
    judged = {arm: each for arm, each in data["arms"].items() if each["verdict"] is not None}
    sign = 1.0 if data["goal"] == "maximize" else -1.0
    base = _scores(data, next(arm for arm in data["arms"] if arm not in judged))
    gains = {
        arm: [sign * (a - b) for a, b in zip(_scores(data, arm), base, strict=True)]
        for arm in judged
    }
    every = [value for each in gains.values() for value in each]
    ends = [
        end for each in judged.values() for end in (each["verdict"]["low"], each["verdict"]["high"])
    ]
    chart, places = _rows([*judged], _wide([0.0, *every, *ends]), "gain over the baseline")
    chart.line([(0, 0.4), (0, len(judged) + 0.6)], PALE, dash="4 3")
    for arm, each in judged.items():
        ink, y, verdict = _ink([*data["arms"]], arm), places[arm], each["verdict"]
        chart.dots([(gain, y - 0.22) for gain in gains[arm]], ink, size=2.5)
        chart.line([(verdict["low"], y), (verdict["high"], y)], ink)
        chart.dots([(verdict["gain"], y)], ink, size=4.5, opacity=1)
    return chart.to_html(f"paired differences on {data['name']}")


def _scores(data: _Data, arm: str) -> list[float]:
    """Return an arm's scores; a run that diverged has the worst one."""
    runs = data["arms"][arm]["runs"]
    return [data["worst"] if run["score"] is None else run["score"] for run in runs]


def strips(data: _Data) -> str | None:
    """Draw every run as a point, with the median and the quartiles of each arm."""
    names = [*data["arms"]]
    every = [score for arm in names for score in _scores(data, arm)]
    chart, places = _rows(names, _wide(every), data["metric"])
    for arm, each in data["arms"].items():
        ink, y, summary = _ink(names, arm), places[arm], each["summary"]
        low, high = sorted((summary["lower_quartile"], summary["upper_quartile"]))
        chart.area([(low, high, y - 0.3, y + 0.3)], ink)
        chart.line([(summary["median"], y - 0.3), (summary["median"], y + 0.3)], ink)
        chart.dots([(score, y) for score in _scores(data, arm)], ink, size=3)
    return chart.to_html(f"runs on {data['name']}")


def curves(data: _Data) -> str | None:
    """Draw the median run by epoch, with a band of the quartiles.

    A run that has ended keeps its last value.
    """
    found = {}
    for arm, each in data["arms"].items():
        known = [run["curve"] for run in each["runs"] if run["curve"]]
        if known:
            found[arm] = known
    if not found:
        return None
    last = max(curve[-1][0] for known in found.values() for curve in known)
    if last <= 1:
        return None
    across = np.unique(np.round(np.linspace(1, last, _POINTS)))
    bands = {
        arm: np.quantile(
            [np.interp(across, *np.transpose(curve)) for curve in known],
            (0.25, 0.5, 0.75),
            axis=0,
        )
        for arm, known in found.items()
    }
    shown = np.concatenate([band.ravel() for band in bands.values()])
    low, high = np.quantile(shown, (0.02, 1.0) if data["goal"] == "maximize" else (0.0, 0.98))
    limits = _wide([float(low), float(high)])
    chart = Chart((1, float(last)), limits, ("epoch", _known_on(data)))
    for arm, band in bands.items():
        ink = _ink([*data["arms"]], arm)
        inside = np.clip(band, *limits)
        chart.band(zip(across.tolist(), inside[0].tolist(), inside[2].tolist(), strict=True), ink)
        chart.line(zip(across.tolist(), inside[1].tolist(), strict=True), ink)
        chart.key(ink, arm)
    return chart.to_html(f"learning curves on {data['name']}")


def _known_on(data: _Data) -> str:
    return f"{data['metric']}, {'validation' if data['held_out'] else 'training'} rows"


def sensitivity(data: _Data) -> str | None:
    """Draw the scores of the search by learning rate; the chosen rate has a large dot."""
    tried = {
        arm: sorted(
            (math.log10(trial["rate"]), trial["score"])
            for trial in each["trials"]
            if trial["score"] is not None
        )
        for arm, each in data["arms"].items()
    }
    every = [point for points in tried.values() for point in points]
    if len(every) < 2:
        return None
    limits = _limits([value for _, value in every], data["goal"])
    low, high = min(x for x, _ in every), max(x for x, _ in every)
    powers = range(math.ceil(low), math.floor(high) + 1)
    step = -(-len(powers) // 6) or 1
    marks = [(float(power), number(10.0**power)) for power in powers[::step]]
    chart = Chart(
        (low - 0.1, high + 0.1), limits, ("learning rate (logarithmic)", data["metric"]),
        ticks_x=marks or [(x, number(10.0**x)) for x in ticks(low, high, 3)],
    )  # fmt: skip
    for arm, points in tried.items():
        ink = _ink([*data["arms"]], arm)
        means = sorted(
            (math.log10(trial["rate"]), trial["judged"])
            for trial in data["arms"][arm]["trials"]
            if trial["judged"] is not None
        )
        chart.dots(_inside(points, limits), ink, size=2.5, opacity=0.5)
        chart.line(_inside(means, limits), ink)
        chosen = math.log10(data["arms"][arm]["rate"])
        here = [point for point in means if point[0] == chosen]
        chart.dots(_inside(here, limits), ink, size=5, opacity=0.9)
        chart.key(ink, arm)
    return chart.to_html(f"sensitivity to the learning rate on {data['name']}")


def _limits(values: Sequence[float], goal: str) -> tuple[float, float]:
    """Choose limits that leave the worst tenth, which may be far off, at the edge."""
    ends = (0.1, 1.0) if goal == "maximize" else (0.0, 0.9)
    return _wide(np.quantile(values, ends).tolist())


def _inside(
    points: Sequence[tuple[float, float]], limits: tuple[float, float]
) -> list[tuple[float, float]]:
    return [(x, min(max(y, limits[0]), limits[1])) for x, y in points]


def best_so_far(data: _Data) -> str | None:
    """Draw the best score of the search after each trial."""
    better = max if data["goal"] == "maximize" else min
    worst = -math.inf if data["goal"] == "maximize" else math.inf
    found = {}
    for arm, each in data["arms"].items():
        scores = [worst if t["score"] is None else t["score"] for t in each["trials"]]
        found[arm] = list(accumulate(scores, better))
    every = [value for each in found.values() for value in each if math.isfinite(value)]
    longest = max(map(len, found.values()))
    if not every or longest < 2:
        return None
    chart = Chart((1, longest), _wide(every), ("trial", "best so far"))
    for arm, values in found.items():
        ink = _ink([*data["arms"]], arm)
        chart.line([(place, value) for place, value in enumerate(values, 1)], ink)
        chart.key(ink, arm)
    return chart.to_html(f"best score of the search on {data['name']}")


def times_to_target(data: _Data) -> str | None:
    """Draw the share of runs that have reached the target by a time."""
    found = {arm: each["cost"]["times_to_target"] for arm, each in data["arms"].items()}
    reached = [time for times in found.values() for time in times if time is not None]
    if not reached:
        return None
    end = 1.05 * max(reached)
    chart = Chart((0, end), (0, 1.05), ("seconds", "share of runs at the target"))
    for arm, times in found.items():
        ink, share = _ink([*data["arms"]], arm), 0.0
        corners = [(0.0, 0.0)]
        for time in sorted(time for time in times if time is not None):
            corners += [(time, share), (time, share + 1 / len(times))]
            share += 1 / len(times)
        chart.line([*corners, (end, share)], ink)
        chart.key(ink, arm)
    return chart.to_html(f"time to the target on {data['name']}")


def profiles(overall: Mapping[str, Any]) -> str | None:
    """Draw the share of all runs that score above a level."""
    drawn = {arm: each for arm, each in overall["arms"].items() if "profile" in each}
    if not drawn:
        return None
    levels = overall["levels"]
    chart = Chart((0, levels[-1]), (0, 1.05), ("normalised score", "share of runs above it"))
    for arm, each in drawn.items():
        ink = _ink([*overall["arms"]], arm)
        chart.line(zip(levels, each["profile"], strict=True), ink)
        chart.key(ink, arm)
    return chart.to_html("performance profile over all data sets")
