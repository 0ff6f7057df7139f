"""What the page knows beside frames: the data, the networks, the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnplug.play.choices import CHOSEN
from nnplug.play.columns import SHOWN
from nnplug.play.content import Content, scales_of
from nnplug.play.learner import Learner
from nnplug.play.maps import Plane
from nnplug.runs.run import Run

__all__ = ["address", "data", "network"]

POINTS = 1000
"""The most rows that are drawn as points."""


def data(content: Content, start: Content, run: Run, plane: Plane) -> dict[str, Any]:
    """Describe the rows, with those that are drawn as points.

    Parameters
    ----------
    start : Content
        What the session began with.
    """
    rows = run.rows
    return {
        "name": content.dataset if content.is_dataset else run.settings.data,
        "table": None if content.is_dataset else content.label,
        # What it is called where it is taken away.
        "file": None if content.is_dataset else Path(content.name).name,
        "columns": list(content.names),
        "target": list(content.target),
        "task": run.settings.task,
        "classes": [str(name) for name in rows.classes],
        "features": [str(name) for name in rows.features],
        "standardised": rows.encoder is not None,
        "rows": {"train": len(run.train_rows), "test": len(run.validation_rows)},
        "points": _points(run, plane.axes, len(content.points)),
        "added": [list(point) for point in content.points],
        "clickable": content.takes_points(run),
        "scales": scales_of(run),
        "others": _others(run, plane),
        "own": "" if start.is_dataset else start.label,
        "plane": plane.to_dict(),
    }


def _others(run: Run, plane: Plane) -> list[dict[str, Any]]:
    """Describe the inputs that do not vary in the maps: the first of them."""
    inputs = run.rows.inputs
    places = [k for k in range(inputs.shape[1]) if k not in plane.axes][:SHOWN]
    return [
        {
            "input": k,
            "value": float(plane.base[k]),
            "low": float(inputs[:, k].min()),
            "high": float(inputs[:, k].max()),
        }
        for k in places
    ]


def _points(run: Run, axes: tuple[int, int], added: int) -> list[list[float]]:
    """Return rows as points of a plane: x, y, the class or number, and 1 for testing."""
    rows, count = run.rows, len(run.rows.inputs)
    step = -(-count // POINTS)
    chosen = [*range(0, count - added, step), *range(count - added, count)]
    test = np.zeros(count, int)
    test[run.validation_rows] = 1
    x = rows.inputs[chosen][:, list(axes)].astype(float).tolist()
    y = np.asarray(rows.targets)[chosen].reshape(len(chosen), -1)[:, 0]
    return [
        [*point, float(value), int(mark)]
        for point, value, mark in zip(x, y, test[chosen], strict=True)
    ]


def network(learner: Learner) -> dict[str, Any]:
    """Describe a network and its settings."""
    run = learner.run
    settings = run.settings.to_dict()
    return {
        "given": dict(learner.given),
        "settings": {name: settings[name] for name in CHOSEN if name in settings},
        "learning_rate": run.optimizer.learning_rate,
        "columns": [column.to_dict() for column in learner.columns],
        "inputs": run.network.inputs,
        "shown_inputs": min(run.network.inputs, SHOWN),
        "parameters": run.network.learned,
        "per_epoch": learner.trainer.per_epoch,
        "planned": learner.planned,
        "metric": next((metric.text for metric in learner.metrics), None),
    }


def address(
    content: Content,
    learners: Sequence[Learner],
    given: Sequence[Mapping[str, Any]],
    axes: tuple[int, int],
    fixed: Mapping[int, float],
) -> dict[str, Any]:
    """Return all that gives a screen again, for JSON; edits and the seed, too."""
    run = learners[0].run
    edits = [
        {**vars(edit), "place": list(edit.place), "lane": lane}
        for lane, learner in enumerate(learners)
        for edit in learner.edits
    ]
    seeded = [{**one, "seed": run.settings.seed} for one in given]
    found: dict[str, Any] = {**content.to_dict(), "settings": seeded}
    if edits:
        found["edits"] = edits
    if axes != (0, min(1, run.network.inputs - 1)) or fixed:
        found["axes"] = list(axes)
    if fixed:
        found["fixed"] = {str(key): value for key, value in fixed.items()}
    return found
