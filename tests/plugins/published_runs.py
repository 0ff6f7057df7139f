"""Trains with the parts of nnplug-published where it is installed: by name, from its folder.

Each run is trained whole; left in the middle and resumed; and repeated from
its config.toml: the same bits. Its model file predicts what the run did.
Prints a line a run. Started by test_published_package.py.
"""

import csv
import sys
from pathlib import Path

import numpy as np

import nnplug
from nnplug.cli import main

RUNS = {
    "intervals": {
        "loss": "gaussian_nll",
        "activation": "rrelu:upper=0.5",
        "initializer": "within_layer",
        "optimizer": "ema:decay=0.8[lookahead[adam:beta1=0.8]]",
    },
    "overlap": {
        "target": "kind",
        "loss": "batch_dice",
        "activation": "unit_snake",
        "optimizer": "shampoo:epsilon=0.5",
        "rate": {"*.bias": 0.1},
    },
    "triplets": {
        "target": "kind",
        "loss": "batch_hard",
        "layers": "gated_swish:6 dense:4 nnplug-published/rrelu",
        "optimizer": "sophia:k=3,weight_decay=0.1",
        "decay": {"*.bias": 0.0},
    },
    "shares": {
        "target": ["p", "q", "r"],
        "loss": "soft_cross_entropy",
        "layers": "dense:6 sparsemax",
        "optimizer": "lookahead:k=3[nnplug-published/adafactor]",
    },
    "flat": {"optimizer": "sam:rho=0.1[momentum]"},
    "average": {"optimizer": "schedule_free:learning_rate=0.2"},
    "curved": {"optimizer": "adahessian"},
}
COMPILED = ("triplets",)
"""What the engine that compiles is tried with too, which takes it seconds."""


def write_tables() -> None:
    """Write rows.csv."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(45, 3))
    y = x[:, 0] ** 2 + 0.1 * rng.normal(size=45)
    shares = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    kinds = np.array(["ash", "elm", "fir"])[np.digitize(x[:, 0], [-0.5, 0.5])]
    for name, columns, values in (
        ("y", ["y"], y[:, None]), ("kind", ["kind"], kinds[:, None]), ("p", ["p", "q", "r"], shares)
    ):  # fmt: skip
        with Path(f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["a", "b", "c", *columns])
            writer.writerows([*map(float, row), *map(plain, given)]
                             for row, given in zip(x, values, strict=True))  # fmt: skip


def plain(value):
    return float(value) if isinstance(value, np.floating) else str(value)


def command(*words: object) -> None:
    """Run a command in this process."""
    code: object = 0
    try:
        main([*map(str, words)])
    except SystemExit as end:
        code = end.code
    assert not code, words


def same(first: Path, second: Path) -> None:
    """Make sure that two runs ended with the same numbers."""
    mine, other = (nnplug.load(each / "model.safetensors").network.parameters
                   for each in (first, second))  # fmt: skip
    assert mine.tobytes() == other.tobytes(), (first, abs(mine - other).max())


def try_run(name: str, engine: str) -> None:
    """Train it in the ways of the module's docstring."""
    asked = {"target": "y", **RUNS[name]}
    table = f"{asked['target'][0] if isinstance(asked['target'], list) else asked['target']}.csv"
    folder = Path(engine) / name
    given = {"recipe": "none", "hidden": [6], "batch_size": 10, "engine": engine, **asked}
    if "layers" in given:
        del given["hidden"]
    run = nnplug.train(table, **given, epochs=4, output=folder / "whole")
    assert all(np.isfinite(loss) for loss in run.history["loss"])
    model = nnplug.load(folder / "whole" / "model.safetensors")
    assert np.array_equal(model.predict(table), run.predict(table))
    assert np.array_equal(model.network.parameters, run.network.parameters)
    nnplug.train(table, **given, epochs=2, output=folder / "half")
    command("train", "--resume", folder / "half", "--epochs", "4")
    same(folder / "whole", folder / "half")
    config = folder / "whole" / "config.toml"
    command("train", "--config", config, "--output", folder / "again")
    same(folder / "whole", folder / "again")
    print(engine, name, run.optimizer.text)


if __name__ == "__main__":
    write_tables()
    (which,) = sys.argv[1:]
    for each in RUNS if which == "numpy" else COMPILED:
        try_run(each, which)
