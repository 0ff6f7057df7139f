"""Write the folder old_models: what an nnplug wrote whose networks were hidden layers alone.

Run by hand, from the repository's root, with the nnplug of then (0.1.0, before
there were layers), as the files are read to show that they still load:

    python -m tests.reference.make_old_models

Model files of classes and of numbers and one of an estimator, each with its
outputs for the first rows; and a run that stopped halfway, with the history
that it had at its end.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

import nnplug
from nnplug.plugins.registry import Registry
from tests.reference.writing import write_json

PLACE = Path(__file__).with_name("old_models")
IRIS = Path(__file__).parents[2] / "examples" / "iris.csv"
ROWS = np.linspace(-2, 2, 12).reshape(4, 3)


@nnplug.activation
def bent_slope(x: Any, *, slope: Any = nnplug.trainable(0.25)) -> Any:  # noqa: B008  # how it is declared
    """A rectifier whose slope below 0 is learned (He et al., 2015, arXiv:1502.01852, eq. 1)."""
    return np.where(x > 0, x, slope * x)


def registry() -> Registry:
    """Make a registry that has the activation."""
    found = Registry(allowed=())
    found.register(bent_slope)
    return found


RUN: dict[str, Any] = {
    "data": "xor", "hidden": (4, 3), "activation": ("bent_slope", "tanh"), "dropout": (0.1, 0.0),
    "l2": 0.001, "optimizer": "adamw", "learning_rate": 0.05, "dtype": "float64",
    "engine": "numpy", "clip_global_norm": 1.0,
}  # fmt: skip


def main() -> None:
    """Write everything."""
    from nnplug.sklearn import MLPRegressor

    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir()
    table = {"data": IRIS, "registry": registry(), "epochs": 4}
    wanted: dict[str, Any] = {}
    classes = nnplug.train(
        **table, target="species", hidden=(6, 5), activation=("bent_slope", "tanh"),
        dropout=(0.1, 0.0),
    )  # fmt: skip
    classes.save(PLACE / "classes.safetensors")
    wanted["classes"] = classes.probabilities(IRIS)[:5].tolist()
    numbers = nnplug.train(
        **table, target="petal_length", hidden=5, activation="bent_slope", dtype="float64"
    )
    numbers.save(PLACE / "numbers.safetensors")
    wanted["numbers"] = numbers.predict(IRIS)[:5].tolist()
    estimator = MLPRegressor(hidden_layer_sizes=(4, 2), activation="tanh", dropout=0.2, max_iter=3)
    estimator.set_params(random_state=0).fit(ROWS, ROWS[:, 0])
    estimator.save(PLACE / "estimator.safetensors")
    wanted["estimator"] = estimator.predict(ROWS).tolist()
    nnplug.train(**RUN, registry=registry(), epochs=5, output=PLACE / "run")
    for name in ("report.html", ".lock"):
        (PLACE / "run" / name).unlink()
    # The ones before the last are not needed.
    for each in sorted((PLACE / "run" / "checkpoints").iterdir())[:-1]:
        each.unlink()
    whole = nnplug.train(**RUN, registry=registry(), epochs=9)
    wanted["history"] = dict(whole.history.columns)
    write_json(PLACE / "wanted.json", wanted)


if __name__ == "__main__":
    main()
