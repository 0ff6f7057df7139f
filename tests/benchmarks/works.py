"""The works that contenders do: the data, the network, the optimizer, the batches.

A new work is one more `Work` in `WORKS`. NumPy is imported where it is used:
the harness reads this module too, and has to stay small (see `measure`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Work:
    """One training run, the same for every contender.

    Attributes
    ----------
    name, title : str
        On the command line, and in the table.
    widths : tuple of int
        Inputs, units of each hidden layer, outputs.
    hidden, output, loss, optimizer : str
        By nnplug's names.
    batch_size : int or None
        None: all rows, in their order.
    make : callable
        Makes the inputs and targets.
    seed : int
        Of the weights and the order of the rows. XOR alone has the notebook's
        weights.
    """

    name: str
    title: str
    widths: tuple[int, ...]
    hidden: str
    output: str
    loss: str
    optimizer: str
    learning_rate: float
    epochs: int
    batch_size: int | None
    dtype: str
    make: Callable[[], tuple[Any, Any]]
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
            bound = 1.0 if xor else (6 / sum(shape)) ** 0.5
            arrays[f"weight{layer}"] = generator.uniform(-bound, bound, shape).astype(self.dtype)
            arrays[f"bias{layer}"] = np.zeros(shape[1], self.dtype)
        return arrays


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


def pictures() -> tuple[Any, Any]:
    """20,000 rows of noise as large as MNIST's, labelled by a linear rule."""
    import numpy as np

    generator = np.random.default_rng(1)
    inputs = generator.standard_normal((20_000, 784), np.float32)
    rule = generator.standard_normal((784, 10), np.float32)
    return inputs, (inputs @ rule).argmax(axis=1).astype(np.int64)


def _pictures(batch_size: int, epochs: int) -> Work:
    return Work(
        name=f"wide-{batch_size}",
        title=f"784-512-512-10, 20,000 rows, batch {batch_size}, Adam, {epochs} epochs, float32",
        widths=(784, 512, 512, 10),
        hidden="relu",
        output="identity",
        loss="cross_entropy",
        optimizer="adam",
        learning_rate=1e-3,
        epochs=epochs,
        batch_size=batch_size,
        dtype="float32",
        make=pictures,
    )


WORKS = {
    work.name: work
    for work in (
        Work(
            name="xor",
            title="XOR, 2-2-1, sigmoid, 4 rows at once, gradient descent, 10,000 epochs, float64",
            widths=(2, 2, 1),
            hidden="sigmoid",
            output="sigmoid",
            loss="mse",
            optimizer="sgd",
            learning_rate=1.0,
            epochs=10_000,
            batch_size=None,
            dtype="float64",
            make=xor,
        ),
        Work(
            name="digits",
            title="Digits, 64-100-10, 1,797 rows, batch 200, Adam, 100 epochs, float32",
            widths=(64, 100, 10),
            hidden="relu",
            output="identity",
            loss="cross_entropy",
            optimizer="adam",
            learning_rate=1e-3,
            epochs=100,
            batch_size=200,
            dtype="float32",
            make=digits,
        ),
        _pictures(32, 2),
        _pictures(128, 3),
        _pictures(512, 4),
    )
}


def main() -> None:
    """Write a work's arrays to a file: `python -m tests.benchmarks.works NAME FILE`."""
    import numpy as np

    name, place = sys.argv[1:]
    np.savez(Path(place), **WORKS[name].prepare())


if __name__ == "__main__":
    main()
