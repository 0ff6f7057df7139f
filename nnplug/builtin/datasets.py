"""The built-in datasets."""

from __future__ import annotations

import numpy as np

from nnplug.builtin.recipes import notebook
from nnplug.hookspecs import hookimpl
from nnplug.parts import Data, Dataset, Facts, Task, dataset


@dataset
def xor() -> Data:
    """Exclusive or: the four rows that no single layer can learn.

    Its recipe is the notebook that this project began as, with seed 42 and in
    float64: two hidden units, sigmoid twice, 10,000 epochs of full-batch
    gradient descent on the mean squared error.
    """
    inputs = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    task: Task = "binary"
    own = {"validation": 0.0, "seed": 42, "dtype": "float64"}
    return Data(
        inputs=inputs,
        targets=np.array([0, 1, 1, 0]),
        task=task,
        classes=(0, 1),
        features=("a", "b"),
        recipe=notebook.settings(Facts(4, 2, 2, task)) | own,
    )


@hookimpl
def register_datasets(register: object) -> None:
    """Register every dataset of this module."""
    assert callable(register)
    for part in [value for value in globals().values() if isinstance(value, Dataset)]:
        register(part)
