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


@recipe(before_rows={"encoding": "robust_clip robust_one_hot"})
def realmlp(facts: Facts) -> dict[str, Any]:
    """RealMLP-TD: a network whose defaults were tuned on many tables, for its own sake.

    Holzmüller, Grinsztajn & Steinwart (2024, arXiv:2407.04491), with the settings of
    pytabkit 1.7.3: robust scale and smooth clip, periodic embeddings (PBLD) of numbers,
    vectors for categories of many levels, a factor for each input, three layers of 256
    with a parametric SELU (classes) or Mish (numbers), NTK parametrisation, a start from
    the data, Adam with a learning rate in four cycles, dropout and weight decay that end
    at 0, label smoothing, 256 epochs, the best epoch by accuracy or loss.

    What is as in pytabkit and what is not, and how the two compare, is in the
    documentation: "Networks of papers".
    """
    regression = facts.task == "regression"
    block = f"dense:256 parametric[{'mish' if regression else 'selu'}] dropout:0.15*flat_cos"
    rate = 0.2 if regression else 0.04
    loss = {"binary": "cross_entropy:smoothing=0.1", "multiclass": "cross_entropy:smoothing=0.1",
            "multilabel": "binary_cross_entropy:smoothing=0.1"}  # fmt: skip
    return {
        "layers": f"embedding periodic_embedding scale {block} {block} {block}",
        "initializer": "data_driven",
        "optimizer": f"adamw:learning_rate={rate},beta2=0.95,weight_decay=0.02*flat_cos",
        # The NTK parametrisation: a weight W/√n with a learning rate for W is W with a rate
        # that is divided by √n; its decay, which rates multiply, is not.
        "rate": {
            "*.weight": "fan_in^-0.5",
            "*.bias": 0.1,
            "scale1.*": 6.0,
            "parametric*.*": 0.1,
            "periodic_embedding1.*": 0.1,
        },
        # pytabkit multiplies the decay by an array's rate twice.
        "decay": {
            "*.weight": "fan_in^0.5",
            "*.bias": 0.0,
            "scale1.*": 6.0,
            "parametric*.*": 0.1,
            "periodic_embedding1.*": 0.1,
        },
        "schedule": "coslog",
        "epochs": 256,
        "batch_size": 256,
        **({} if regression else {"loss": loss[facts.task]}),
        **({"monitor": "accuracy"} if facts.task in ("binary", "multiclass") else {}),
    }


@hookimpl
def register_recipes(register: object) -> None:
    """Register every recipe of this module."""
    assert callable(register)
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
