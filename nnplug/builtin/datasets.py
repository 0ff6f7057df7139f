"""The built-in datasets."""

from __future__ import annotations

import numpy as np

from nnplug.hookspecs import hookimpl
from nnplug.parts import Data, Part, dataset


@dataset
def xor() -> Data:
    """Exclusive or: the four rows that no single layer can learn.

    Its recipe is the notebook that this project began as: two hidden units,
    sigmoid twice, 10,000 epochs of full-batch gradient descent on the mean
    squared error from the weights of NumPy's legacy generator with seed 42.
    """
    return Data(
        inputs=np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]),
        targets=np.array([0, 1, 1, 0]),
        task="binary",
        classes=(0, 1),
        features=("a", "b"),
        recipe={
            "hidden": (2,),
            "activation": "sigmoid",
            "loss": "mse",
            "optimizer": "sgd:learning_rate=1.0",
            "initializer": "legacy_uniform",
            "epochs": 10_000,
            "batch_size": "full",
            "validation": 0.0,
            "metrics": (),
            "seed": 42,
            "dtype": "float64",
            "log_every": 1000,
        },
    )


@hookimpl
def register_datasets(register: object) -> None:
    """Register every dataset of this module."""
    assert callable(register)
    for part in [value for value in globals().values() if isinstance(value, Part)]:
        register(part)
