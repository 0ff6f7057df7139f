"""The notebook that nnplug began as, as a plain NumPy script.

The same arithmetic in the same order: sigmoid twice, squared error, the
whole of XOR in each step, each result a new array, the data as integers. Its
step of 0.5 along the sum of the errors is nnplug's of 1.0 along the gradient
of their mean square.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def sigmoid(x: Any) -> Any:
    """Squash to (0, 1)."""
    return 1 / (1 + np.exp(-x))


def train(
    X: Any, y: Any, W1: Any, b1: Any, W2: Any, b2: Any, *, epochs: int, log_every: int | None = None
) -> tuple[float, Any]:
    """Train in place; give the last epoch's loss and outputs."""
    rate = 0.5
    for epoch in range(epochs):
        hidden = sigmoid(np.dot(X, W1) + b1)
        output = sigmoid(np.dot(hidden, W2) + b2)
        loss = np.mean((y - output) ** 2)

        error = y - output
        by_output = error * (output * (1 - output))
        by_hidden = np.dot(by_output, W2.T) * (hidden * (1 - hidden))

        W2 += np.dot(hidden.T, by_output) * rate
        b2 += np.sum(by_output, axis=0, keepdims=True) * rate
        W1 += np.dot(X.T, by_hidden) * rate
        b1 += np.sum(by_hidden, axis=0, keepdims=True) * rate

        if log_every and epoch % log_every == 0:
            print(f"Epoch {epoch}, Loss: {loss:.6f}")
    return float(loss), output


def main() -> None:
    """Run as the notebook does, with its printing."""
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    y = np.array([[0], [1], [1], [0]])
    np.random.seed(42)  # noqa: NPY002  # the notebook's generator
    W1, b1 = np.random.uniform(-1, 1, (2, 2)), np.zeros((1, 2))  # noqa: NPY002
    W2, b2 = np.random.uniform(-1, 1, (2, 1)), np.zeros((1, 1))  # noqa: NPY002
    _, output = train(X, y, W1, b1, W2, b2, epochs=10_000, log_every=1000)
    print("Final Predictions:", output.round())


if __name__ == "__main__":
    main()
