"""Models for the tests of exporters: trained on a table with every kind of column."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

import nnplug
from tests.exporters.targets import Case
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

_TARGETS: dict[str, dict[str, Any]] = {
    "regression": {"price": [float(v) for v in _RNG.gamma(3.0, 2.0, _N) + 0.1],
                   "weight": [float(v) for v in _RNG.gamma(3.0, 2.0, _N) + 0.1]},
    "binary": {ODD + "?": _RNG.choice(["no", "yes"], _N).tolist()},
    "multiclass": {ODD + "?": _RNG.choice(["x", ODD, "z"], _N).tolist()},
    "multilabel": {"p": _RNG.integers(0, 2, _N).tolist(), "q": _RNG.integers(0, 2, _N).tolist()},
}  # fmt: skip


def _cases() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name in ("unit_snake", "sparsemax", "gelu"):
        found[f"activation {name}"] = {"task": "multiclass", "activation": name}
    for task, losses in {
        "regression": ("mse", "msle", "gaussian_nll"),
        "binary": ("mse", "binary_cross_entropy", "cross_entropy"),
        "multiclass": ("mse", "binary_cross_entropy", "cross_entropy"),
        "multilabel": ("mse", "binary_cross_entropy"),
    }.items():
        for loss in losses:
            found[f"{task} by {loss}"] = {"task": task, "loss": loss}
    for name, settings in {
        "regression": {"task": "regression"},
        "regression, target as its log": {"task": "regression", "target_transform": "log"},
        "regression by gaussian_nll": {"task": "regression", "loss": "gaussian_nll"},
        "regression by msle": {"task": "regression", "loss": "msle"},
        "binary": {"task": "binary"},
        "multiclass": {"task": "multiclass"},
        "multiclass, gaps refused": {"task": "multiclass", "missing": "drop"},
        "three members, regression": {"task": "regression", "members": 3},
        "float32, multiclass": {"task": "multiclass", "dtype": "float32"},
        "float32, regression": {"task": "regression", "dtype": "float32"},
    }.items():
        found[f"with intervals, {name}"] = {"interval": 0.8, **settings}
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
def trained(case: str) -> Case:
    """Train the model of a case for two epochs."""
    settings: dict[str, Any] = {
        "epochs": 2, "dtype": "float64", "recipe": "fast", **CASES[case],
    }  # fmt: skip
    task = settings["task"]
    targets = _TARGETS[task]
    if task in ("binary", "multiclass"):
        settings["task"] = None
    if "layers" not in settings:
        settings.setdefault("hidden", [6])
    data = {**COLUMNS, **targets}
    model = nnplug.train(data, target=list(targets), registry=REGISTRY, **settings).model
    return Case(model, settings.get("interval"))
