"""The built-in datasets, for teaching: each shows what some networks can learn and others cannot.

All but `xor` are drawn with a seed of their own, not the run's:
`nnplug train spiral:noise=0.2,size=400,seed=3`. The rows of the classes take
turns, so that there are as many of each as can be.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnplug.builtin.recipes import notebook
from nnplug.hookspecs import hookimpl
from nnplug.parts import Data, Dataset, Facts, Task, dataset
from nnplug.types import AnyArray

_RANGES = {"size": "[10, inf)", "noise": "[0, inf)", "seed": "[0, inf)"}
_EPOCHS = {"hidden": (16, 16), "activation": "tanh", "learning_rate": 0.01, "epochs": 200}


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


@dataset(ranges=_RANGES)
def noisy_xor(*, size: int = 200, noise: float = 0.15, seed: int = 0) -> Data:
    """Exclusive or of two signs: clouds around the corners of a square, opposite ones alike.

    Parameters
    ----------
    size : int
        Rows, at least 10, at the corners in turn.
    noise : float
        Standard deviation of what is added to the inputs, at least 0. The
        corners are at 0 and 1.
    seed : int
        Seed of the noise, at least 0.
    """
    corner = np.arange(size) % 4
    points = np.stack([corner // 2, corner % 2], axis=1)
    label = points[:, 0] ^ points[:, 1]
    return _plane(points, label, _numbered(2), noise, np.random.default_rng(seed))


@dataset(ranges={**_RANGES, "gap": "[0, 1)"})
def circle(*, size: int = 200, noise: float = 0.0, gap: float = 0.2, seed: int = 0) -> Data:
    """A disk within a ring: no straight line parts them, three units can.

    The points lie evenly: as many on each piece of the same area of a class.

    Parameters
    ----------
    size : int
        Rows, at least 10; half of them of each class.
    noise : float
        Standard deviation of what is added to the inputs, at least 0. The
        ring's outer radius is 1.
    gap : float
        How empty it is between the disk and the ring, from 0, where they
        touch at radius 0.6, to below 1.
    seed : int
        Seed of the points and the noise, at least 0.
    """
    rng, label = np.random.default_rng(seed), np.arange(size) % 2
    low, high = np.where(label, 0.6 + 0.4 * gap, 0), np.where(label, 1, 0.6 - 0.6 * gap)
    radius = np.sqrt(rng.uniform(low**2, high**2))
    angle = rng.uniform(0, 2 * np.pi, size)
    return _plane(_polar(radius, angle), label, ("disk", "ring"), noise, rng)


@dataset(ranges=_RANGES)
def moons(*, size: int = 200, noise: float = 0.1, seed: int = 0) -> Data:
    """Two half circles, each with an end within the other's bend.

    Without noise they are those of scikit-learn's `make_moons`.

    Parameters
    ----------
    size : int
        Rows, at least 10; half of them of each class.
    noise : float
        Standard deviation of what is added to the inputs, at least 0. The
        half circles have radius 1.
    seed : int
        Seed of the noise, at least 0.
    """
    label = np.arange(size) % 2
    upper = _polar(np.ones(size), np.pi * _through(label, 2))
    points = np.where(label[:, None] == 1, [1, 0.5] - upper, upper)
    return _plane(points, label, ("upper", "lower"), noise, np.random.default_rng(seed))


@dataset(ranges={**_RANGES, "classes": "[2, 10]", "turns": "(0, inf)"})
def spiral(
    *, size: int = 200, noise: float = 0.02, turns: float = 1.0, classes: int = 2, seed: int = 0
) -> Data:
    """Arms of a spiral, one for each class (after Lang & Witbrock, 1988).

    A point of radius r is turned by r·`turns` whole turns from where its arm begins.

    Parameters
    ----------
    size : int
        Rows, at least 10.
    noise : float
        Standard deviation of what is added to the inputs, at least 0. The
        arms are as long as radius 1.
    turns : float
        Of an arm, above 0.
    classes : int
        Arms, from 2 to 10.
    seed : int
        Seed of the noise, at least 0.
    """
    label = np.arange(size) % classes
    radius = _through(label, classes)
    points = _polar(radius, 2 * np.pi * (turns * radius + label / classes))
    return _plane(points, label, _numbered(classes), noise, np.random.default_rng(seed))


@dataset(ranges={**_RANGES, "classes": "[2, 10]"})
def gaussians(*, size: int = 200, noise: float = 0.3, classes: int = 2, seed: int = 0) -> Data:
    """Clouds of points around the corners of a regular polygon: straight lines part them.

    Parameters
    ----------
    size : int
        Rows, at least 10.
    noise : float
        Standard deviation of each cloud, at least 0. The corners are 1 from
        the origin, the first at (1, 0).
    classes : int
        Clouds, from 2 to 10.
    seed : int
        Seed of the points, at least 0.
    """
    label = np.arange(size) % classes
    corners = _polar(np.ones(size), 2 * np.pi * label / classes)
    return _plane(corners, label, _numbered(classes), noise, np.random.default_rng(seed))


@dataset(ranges={**_RANGES, "turns": "(0, inf)"})
def waves(*, size: int = 200, noise: float = 0.1, turns: float = 2.0, seed: int = 0) -> Data:
    """Regression: y = sin(π·turns·x), with x from -1 to 1.

    Parameters
    ----------
    size : int
        Rows, at least 10, at equal distances.
    noise : float
        Standard deviation of what is added to y, at least 0.
    turns : float
        Whole waves, above 0.
    seed : int
        Seed of the noise, at least 0.
    """
    x = np.linspace(-1, 1, size).reshape(-1, 1)
    y = np.sin(np.pi * turns * x)
    y = y + noise * np.random.default_rng(seed).standard_normal((size, 1))
    recipe = {**_EPOCHS, "hidden": (32, 32), "epochs": 500}
    return Data(inputs=x, targets=y, task="regression", features=("x",), recipe=recipe)


def _plane(
    points: AnyArray,
    label: AnyArray,
    classes: tuple[str, ...],
    noise: float,
    rng: np.random.Generator,
) -> Data:
    """Make the data of points in the plane, shape (N, 2), and their classes, shape (N,)."""
    return Data(
        inputs=points + noise * rng.standard_normal(points.shape),
        targets=label,
        task="binary" if len(classes) == 2 else "multiclass",
        classes=classes,
        features=("x", "y"),
        recipe=_EPOCHS,
    )


def _polar(radius: AnyArray, angle: AnyArray) -> AnyArray:
    """Give points (N, 2)."""
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _through(label: AnyArray, classes: int) -> AnyArray:
    """Number the rows of each class from 0 to 1, at equal distances."""
    size = len(label)
    counts = np.bincount(label, minlength=classes)
    share: AnyArray = (np.arange(size) // classes) / np.maximum(counts[label] - 1, 1)
    return share


def _numbered(classes: int) -> tuple[Any, ...]:
    return tuple(range(classes))


@hookimpl
def register_datasets(register: object) -> None:
    """Register every dataset of this module."""
    assert callable(register)
    for part in [value for value in globals().values() if isinstance(value, Dataset)]:
        register(part)
