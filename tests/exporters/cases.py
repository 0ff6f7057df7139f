"""Models for the tests of exporters: every activation, layer, head and kind of column."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

import nnplug
from nnplug.models import Model
from nnplug.parts import Loss
from tests.plugins.parts_of import registry_of_published

REGISTRY = registry_of_published()


@REGISTRY.register
@nnplug.activation
def rectified_arctan(x):
    """Arctangent of what is above 0: where there is no arctangent, 1 / 0 tells the sign of 0."""
    return np.arctan(np.maximum(x, 0))


_RNG = np.random.default_rng(7)
_N = 60
_NAMES = ["it's", "b", 'c"c', "é"]

ODD = 'odd "name" {c} */ \\n \'\'\'\' -- """'
"""A name that could end a string, a comment or a docstring."""

COLUMNS: dict[str, Any] = {
    "size": [None if k % 17 == 3 else float(v) for k, v in enumerate(_RNG.normal(50, 9, _N))],
    "petal length": [float(v) for v in _RNG.gamma(2.0, 3.0, _N)],
    "open": [bool(v) for v in _RNG.integers(0, 2, _N)],
    ODD: [
        None if k % 13 == 5 else v
        for k, v in enumerate(
            [*_RNG.choice(_NAMES, _N - 8).tolist(), *[f"r{k}" for k in range(7)], "a\\b?"]
        )
    ],
    "when": np.datetime64("2019-01-01T00:00:00", "us")
    + _RNG.integers(0, 24 * 900, _N).astype("timedelta64[h]"),
}
"""Numbers with and without gaps, truth values, categories with odd letters and rare ones, dates."""

NEW: dict[str, Any] = {
    "size": [51.0, None, -1e9, 1e9, 0.0, 50.5, 49.0],
    "petal length": [3.0, 0.0, 1e-300, 1e12, None, 5.5, 6.0],
    "open": [True, False, None, True, False, True, False],
    ODD: ["b", None, "never seen", "it's", "é", 'c"c', "a\\b?"],
    "when": np.array(
        ["2020-02-29T23:59:59", "1969-12-31T12:00:00", "2100-03-01T00:00:00",
         "2021-12-31T18:30:00", "NaT", "2019-06-15T06:00:00", "2000-01-01T00:00:00"],
        "datetime64[us]",
    ),
}  # fmt: skip
"""Rows to predict: ordinary, missing, unseen and extreme cells."""

ROWS = len(NEW["size"])

_TARGETS: dict[str, dict[str, Any]] = {
    "regression": {"price": [float(v) for v in _RNG.gamma(3.0, 2.0, _N) + 0.1],
                   "weight": [float(v) for v in _RNG.gamma(3.0, 2.0, _N) + 0.1]},
    "binary": {ODD + "?": _RNG.choice(["no", "yes"], _N).tolist()},
    "multiclass": {ODD + "?": _RNG.choice(["x", ODD, "z"], _N).tolist()},
    "multilabel": {"p": _RNG.integers(0, 2, _N).tolist(), "q": _RNG.integers(0, 2, _N).tolist()},
}  # fmt: skip


def _fits(loss: Loss, task: str) -> bool:
    if task == "regression":
        return loss.takes == "prediction" or bool(loss.heads)
    by_label = loss.against == "labels" or loss.by_row
    return not (loss.for_numbers or loss.heads or (task == "multilabel" and by_label))


def _cases() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for activation, _ in REGISTRY.parts("activation"):
        found[f"activation {activation.name}"] = {
            "task": "multiclass",
            "activation": activation.name,
        }
    heads: set[Any] = set()
    for loss, _ in REGISTRY.parts("loss"):
        assert isinstance(loss, Loss)
        for task in _TARGETS:
            head = (task, loss.link, loss.takes, loss.against, loss.by_row, loss.heads)
            if _fits(loss, task) and head not in heads and loss.over == "row":
                heads.add(head)
                found[f"{task} by {loss.name}"] = {"task": task, "loss": loss.name}
    found["layers"] = {
        "task": "multiclass",
        "layers": "dense:8 batch_norm gelu residual[dense:8 relu dense:8] layer_norm scale "
        "maxout:6 rms_norm glu:5 swiglu:7 dropout:0.1",
    }
    found["layers that know their inputs"] = {
        "task": "regression",
        "encoding": "robust_clip robust_one_hot",
        "layers": "embedding:3,least=5 periodic_embedding:3,outputs=2 scale dense:6 "
        "parametric[mish]",
        "initializer": "data_driven",
    }
    for transform in ("log", "asinh"):
        found[f"transform {transform}"] = {"task": "regression", "target_transform": transform}
    for task in ("regression", "multiclass", "multilabel"):
        found[f"{task}, gaps refused"] = {"task": task, "missing": "drop"}
    for name, settings in {
        "regression": {"task": "regression"},
        "regression, target as its log": {"task": "regression", "target_transform": "log"},
        "binary": {"task": "binary"},
        "multiclass by softmax": {"task": "multiclass"},
        "multiclass by probabilities": {"task": "multiclass", "loss": "mse"},
        "multilabel": {"task": "multilabel"},
        "float32": {"task": "multiclass", "dtype": "float32"},
    }.items():
        found[f"three members, {name}"] = {"members": 3, **settings}
    found["encodings of numbers"] = {
        "task": "regression",
        "encoding": "piecewise_linear:bins=5 quantile:shares=8 robust_clip log standard",
    }
    found["encodings of one another"] = {
        "task": "multiclass",
        "encoding": {
            "size": "robust_clip[log] standard[quantile:shares=4]",
            "open": "robust_clip",
            "when": "date_parts:weekly=false piecewise_linear:bins=3",
            ODD: "ordinal one_hot",
        },
    }
    found["encodings, gaps refused"] = {
        "task": "regression", "missing": "drop", "encoding": "robust_clip ordinal date_parts",
    }  # fmt: skip
    found["no hidden layer"] = {"task": "binary", "hidden": []}
    found["float32"] = {"task": "multiclass", "dtype": "float32"}
    return found


CASES = _cases()


@functools.cache
def model(case: str) -> Model:
    """Train the model of a case for two epochs."""
    settings: dict[str, Any] = {"epochs": 2, "dtype": "float64", **CASES[case]}
    task = settings["task"]
    targets = _TARGETS[task]
    if task in ("binary", "multiclass"):
        settings["task"] = None
    if "layers" not in settings:
        settings.setdefault("hidden", [6])
    data = {**COLUMNS, **targets}
    return nnplug.train(data, target=list(targets), registry=REGISTRY, **settings).model
