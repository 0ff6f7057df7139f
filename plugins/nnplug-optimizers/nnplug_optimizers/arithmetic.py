"""Arithmetic that several families share: sizes, norms, Adam for biases, matrix functions."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "POLAR_EXPRESS",
    "TINY",
    "adam_step",
    "bias_step",
    "columns",
    "inverse_root",
    "newton_schulz",
    "norm_ratio",
    "rms",
    "rows",
]


def rows(matrix: Any) -> Any:
    """Count a matrix's rows: a weight's inputs."""
    return np.sum(np.mean(np.ones_like(matrix), axis=1))


def columns(matrix: Any) -> Any:
    """Count a matrix's columns: a weight's outputs."""
    return np.sum(np.mean(np.ones_like(matrix), axis=0))


def rms(x: Any) -> Any:
    """Compute the root mean square of all elements."""
    return np.sqrt(np.mean(x**2))


def norm_ratio(param: Any, update: Any) -> Any:
    """Divide the norm of a parameter by that of its update; 1 if one of them is 0."""
    above, below = np.linalg.norm(param), np.linalg.norm(update)
    both = (above > 0) & (below > 0)
    return np.where(both, above / np.where(both, below, 1.0), 1.0)


def adam_step(
    grad: Any, m: Any, v: Any, step: Any, beta1: float, beta2: float, epsilon: float
) -> tuple[Any, Any, Any]:
    """Give Adam's direction and its new moments."""
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return m / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + epsilon), m, v


TINY = 1e-30
"""Added to norms, so that 0 is divided by something."""

POLAR_EXPRESS = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
    (1.891301407787398, -1.2679958271945868, 0.37680408948524835),
    (1.8750014808534479, -1.2500016453999487, 0.3750001645474248),
)
"""The polynomials of Amsel et al. (2025, arXiv:2505.16932, algorithm 1), from the first on."""


def newton_schulz(
    matrix: Any,
    rounds: int,
    epsilon: float,
    polynomial: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
) -> Any:
    """Bring a matrix's singular values near 1, by an odd polynomial of degree 5.

    X becomes aX + b(XXᵀ)X + c(XXᵀ)²X, from the matrix over its Frobenius norm.
    Jordan et al. (2024) chose the default for speed: the singular values end
    between 0.7 and 1.2. With (1.875, -1.25, 0.375) they end at 1.
    """
    x = matrix / (np.linalg.norm(matrix) + epsilon)
    a, b, c = polynomial
    for _ in range(rounds):
        gram = x @ x.T
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x


def inverse_root(matrix: Any, one: Any, power: int, rounds: int) -> Any:
    """Compute matrix^(-1/power) of a positive definite matrix by coupled Newton steps.

    Parameters
    ----------
    one : array
        The unit matrix of the same shape.
    rounds : int
        25 suffice for condition numbers of the matrix up to a million; above
        that, the result is too small in the directions of small eigenvalues.
    """
    # The largest absolute row sum bounds the largest eigenvalue.
    scale = (1 + power) / (2 * np.max(np.sum(np.abs(matrix), axis=1)))
    root, rest = scale ** (1 / power) * one, scale * matrix
    for _ in range(rounds):
        turn = ((power + 1) * one - rest) / power
        root = root @ turn
        for _ in range(power):
            rest = turn @ rest
    return root


def bias_step(param: Any, grad: Any, m: Any, v: Any, step: Any, rate: Any) -> tuple[Any, Any, Any]:
    """Take Adam's step with its usual options, for the biases of optimizers of matrices."""
    direction, m, v = adam_step(grad, m, v, step, 0.9, 0.999, 1e-8)
    return param - rate * direction, m, v
