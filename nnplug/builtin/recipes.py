"""The built-in recipes."""

from __future__ import annotations

import math
from typing import Any

from nnplug.hookspecs import hookimpl
from nnplug.parts import Facts, Part, recipe

STEPS_OF_AN_EPOCH = 625
"""Batches grow with the rows, by doubling, so that an epoch has fewer than twice these steps."""


@recipe
def notebook(facts: Facts) -> dict[str, Any]:
    """The notebook that nnplug began as: gradient descent on two sigmoid units.

    Full-batch steps on the mean squared error, from the weights of NumPy's
    legacy generator. The dataset `xor` comes with it.
    """
    return {
        "hidden": (2,),
        "activation": "sigmoid",
        "loss": "mse",
        "optimizer": "sgd:learning_rate=1.0",
        "initializer": "legacy_uniform",
        "epochs": 10_000,
        "batch_size": "full",
        "metrics": (),
        "log_every": 1000,
    }


@recipe(aliases=("sklearn",))
def scikit_learn(facts: Facts) -> dict[str, Any]:
    """The defaults of scikit-learn's MLPClassifier and MLPRegressor (version 1.9).

    One hidden layer of 100 relu units, Adam at 0.001, batches of 200 rows or
    fewer, at most 200 epochs, alpha 0.0001. scikit-learn divides alpha by the
    rows of a batch, so l2 is alpha divided by them.

    Differs from scikit-learn in what a recipe does not say: nnplug holds out a
    fifth of the rows and stops by their loss, scikit-learn by the training loss.

    Examples
    --------
    >>> scikit_learn.settings(Facts(rows=50, inputs=4, outputs=1, task="regression"))["l2"]
    2e-06
    """
    rows = min(200, facts.rows)
    return {
        "hidden": (100,),
        "activation": "relu",
        "optimizer": "adam:learning_rate=0.001",
        "initializer": "glorot_uniform",
        "batch_size": rows,
        "epochs": 200,
        "patience": 10,
        "min_delta": 1e-4,
        "l2": 1e-4 / rows,
    }


@recipe(
    before_rows={
        "encoding": "piecewise_linear:bins=16 standard:far=3",
        "members": "auto",
        "target_transform": "auto",
    }
)
def default(facts: Facts) -> dict[str, Any]:
    """For tables: chosen by measurement on twelve real ones, to be as good as boosted trees.

    Numbers become 16 piecewise-linear bins (Gorishniy et al., 2022,
    arXiv:2203.05556) beside their standard score, so a network can bend at each
    quantile. Eight members are averaged, and each holds out another eighth of
    the rows; of more than 20,000 rows there are fewer members, and batches are
    larger. A positive target is learned as its logarithm where that is less
    skewed. One hidden layer of 100 silu units, or relu where the network must
    be monotone; Adam at 0.003.

    What was tried, and what did not help, is in the documentation: "How the
    default was chosen".

    Examples
    --------
    >>> facts = Facts(rows=100_000, inputs=60, outputs=1, task="regression")
    >>> default.settings(facts)["batch_size"]
    128
    """
    return {
        "hidden": (100,),
        "activation": "relu" if facts.monotone else "silu",
        "optimizer": "adam:learning_rate=0.003",
        "batch_size": max(32, 2 ** int(math.log2(facts.rows / STEPS_OF_AN_EPOCH))),
    }


@recipe
def fast(facts: Facts) -> dict[str, Any]:
    """One network on standardised inputs: an eighth of the work of `default`, or less.

    One hidden layer of 100 relu units, Adam at 0.001, batches of 32.
    """
    return {
        "hidden": (100,),
        "activation": "relu",
        "optimizer": "adam:learning_rate=0.001",
        "batch_size": 32,
    }


@hookimpl
def register_recipes(register: object) -> None:
    """Register every recipe of this module."""
    assert callable(register)
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
