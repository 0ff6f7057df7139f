"""The works that contenders do: the data, the network, the optimizer, the batches.

A new work is one more `Work` in `WORKS`. NumPy is imported where it is used:
the harness reads this module too, and has to stay small (see `measure`).

    python -m tests.benchmarks.works NAME FILE    # writes a work's arrays
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "plugins" / "nnplug-example" / "nnplug_example"
TWINS = Path(__file__).with_name("twins.py")


@dataclass(frozen=True)
class Work:
    """One training run, the same for every contender.

    Attributes
    ----------
    name, title : str
        On the command line, and above the table.
    widths : tuple of int
        Inputs, units of each hidden layer, outputs.
    make : callable
        Makes the inputs and targets.
    epochs : int
    batch_size : int or None
        None: all rows, in their order.
    hidden, output, loss, optimizer : str
        By nnplug's names.
    plugins : tuple of str
        Files of the parts that are not built in, as `-p` takes them.
    tolerance : float
        How far a contender's final loss may lie from nnplug's, of it. In
        float32 last bits differ and grow with each step; what two contenders
        compute is compared in float64, see `checked`.
    seed : int
        Of the weights and the order of the rows. XOR alone has the notebook's
        weights.
    """

    name: str
    title: str
    widths: tuple[int, ...]
    make: Callable[[], tuple[Any, Any]]
    epochs: int
    batch_size: int | None
    hidden: str = "relu"
    output: str = "identity"
    loss: str = "cross_entropy"
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    dtype: str = "float32"
    plugins: tuple[str, ...] = ()
    tolerance: float = 0.02
    seed: int = 0

    def order(self, epoch: int, rows: int) -> Any:
        """Give the order of the rows in an epoch: nnplug's own for this seed."""
        from nnplug.randomness import derive_generator

        return derive_generator(self.seed, "shuffle", epoch).permutation(rows)

    def prepare(self) -> dict[str, Any]:
        """Make all arrays of the work, the initial weights among them."""
        import numpy as np

        from nnplug.randomness import derive_generator, legacy_generator

        inputs, targets = self.make()
        arrays = {"inputs": inputs, "targets": targets}
        xor = self.name == "xor"
        generator = legacy_generator(42) if xor else derive_generator(self.seed, "init")
        for layer, shape in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            bound = 1.0 if xor else (6 / shape[0]) ** 0.5  # He's: relu keeps the variance
            arrays[f"weight{layer}"] = generator.uniform(-bound, bound, shape).astype(self.dtype)
            arrays[f"bias{layer}"] = np.zeros(shape[1], self.dtype)
        return arrays

    def checked(self, arrays: dict[str, Any]) -> tuple[Work, dict[str, Any]]:
        """Give a few steps of this work in float64, a last and smaller batch among them.

        There rounding is too small to grow into anything seen, so that the
        losses of two contenders agree to many digits, or they do not compute
        the same.
        """
        import numpy as np

        rows = None if self.batch_size is None else 3 * self.batch_size + self.batch_size // 2
        cut = {name: arrays[name][:rows] for name in ("inputs", "targets")}
        exact = {
            name: array.astype(np.float64) if array.dtype == np.float32 else array
            for name, array in {**arrays, **cut}.items()
        }
        epochs = 100 if self.batch_size is None else 2
        return replace(self, dtype="float64", epochs=epochs), exact


def xor() -> tuple[Any, Any]:
    """The four rows, as whole numbers, as the notebook has them."""
    import numpy as np

    return np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])


def digits() -> tuple[Any, Any]:
    """Scikit-learn's 1,797 pictures of 8 by 8 pixels."""
    import numpy as np
    from sklearn.datasets import load_digits

    data = load_digits()
    return (data.data / 16).astype(np.float32), data.target.astype(np.int64)


def noise(rows: int, columns: int, classes: int = 10) -> tuple[Any, Any]:
    """Rows of random numbers, labelled by a linear rule."""
    import numpy as np

    generator = np.random.default_rng(1)
    inputs = generator.standard_normal((rows, columns), np.float32)
    rule = generator.standard_normal((columns, classes), np.float32)
    return inputs, (inputs @ rule).argmax(axis=1).astype(np.int64)


PICTURES = partial(noise, 20_000, 784)
"""As many rows, as large as MNIST's pictures, as make a run of seconds."""


def _wide(batch_size: int, epochs: int) -> Work:
    return Work(
        name=f"wide-{batch_size}",
        title=f"784-512-512-10, 20,000 rows, relu, Adam, batches of {batch_size}",
        widths=(784, 512, 512, 10),
        make=PICTURES,
        epochs=epochs,
        batch_size=batch_size,
    )


DIGITS = Work(
    name="digits",
    title="64-100-10, 1,797 rows, relu, Adam, batches of 200",
    widths=(64, 100, 10),
    make=digits,
    epochs=200,
    batch_size=200,
)

_TRAININGS = (
    Work(
        name="xor",
        title="2-2-1, 4 rows at once, sigmoid, gradient descent, float64",
        widths=(2, 2, 1),
        make=xor,
        epochs=10_000,
        batch_size=None,
        hidden="sigmoid",
        output="sigmoid",
        loss="mse",
        optimizer="sgd",
        learning_rate=1.0,
        dtype="float64",
        tolerance=1e-6,
    ),
    DIGITS,
    _wide(32, 1),
    _wide(128, 1),
    _wide(512, 2),
    Work(
        name="large",
        title="1024-2048-2048-10, 2,560 rows, relu, Adam, batches of 512",
        widths=(1024, 2048, 2048, 10),
        make=partial(noise, 2_560, 1024),
        epochs=1,
        batch_size=512,
        learning_rate=1e-4,  # at 1e-3 the first steps overshoot, and small differences grow
    ),
    Work(
        name="deep",
        title="20 layers of 32, 4,000 rows, relu, Adam, batches of 64",
        widths=(32,) * 21 + (10,),
        make=partial(noise, 4_000, 32),
        epochs=12,
        batch_size=64,
        learning_rate=1e-4,  # at 1e-3 last bits grow to a tenth of the loss
    ),
    replace(
        _wide(128, 1),
        name="gelu",
        title="784-512-512-10, 20,000 rows, gelu, AdamW, batches of 128",
        hidden="gelu",
        optimizer="adamw",
    ),
    replace(
        _wide(128, 1),
        name="example-plugin",
        title="784-512-512-10, 20,000 rows, squareplus, Lion, batches of 128",
        hidden="squareplus",
        optimizer="lion",
        learning_rate=1e-4,
        plugins=(str(EXAMPLE / "squareplus.py"),),
    ),
)

WORKS = {work.name: work for work in _TRAININGS}
"""The works that every contender does, each a block of the page."""


def twin_of(work: Work) -> Work:
    """Give the same work with the parts of `twins` in place of built-in ones."""
    return replace(
        work,
        name=f"{work.name}-twin",
        hidden=f"twin_{work.hidden}",
        optimizer=f"twin_{work.optimizer}",
        plugins=(str(TWINS),),
    )


def find_work(name: str) -> Work:
    """Find a work by its name, that of a twin too."""
    original, twin, _ = name.partition("-twin")
    return twin_of(WORKS[original]) if twin else WORKS[name]


def main() -> None:
    """Write a work's arrays to a file."""
    import numpy as np

    name, place = sys.argv[1:]
    np.savez(Path(place), **find_work(name).prepare())


if __name__ == "__main__":
    main()
