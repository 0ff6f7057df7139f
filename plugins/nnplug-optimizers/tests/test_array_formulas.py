"""Optimizers of arrays against linear algebra, cases by hand and exact simulations."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath  # type: ignore[import-untyped]  # it has no types
import numpy as np
import pytest
from nnplug.builtin.optimizers import momentum, sgd
from nnplug.parts import Optimizer
from nnplug.plugins.registry import Registry
from nnplug.testing.stepping import as_given, point_of, start, step

from nnplug_optimizers import arithmetic

REGISTRY = Registry()
RNG = np.random.default_rng(5)


def get(text: str) -> Optimizer:
    part = REGISTRY.get("optimizer", text)
    assert isinstance(part, Optimizer)
    return part


def steps(part: Optimizer, param: Any, grads: list[Any], **given: Any) -> list[list[Any]]:
    """Take steps with given gradients, and return the states after each."""
    state, found = start(part, np.asarray(param, float)), []
    for number, grad in enumerate(grads, start=1):
        state = step(part, state, as_given(part, np.asarray(grad, float)), number, **given)
        found.append(state)
    return found


def polar(matrix: Any) -> Any:
    u, _, v = np.linalg.svd(matrix, full_matrices=False)
    return u @ v


# --- sizes and norms ---------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (5, 1), (3, 7)])
def test_rows_and_columns_are_counted(shape: tuple[int, int]) -> None:
    matrix = np.full(shape, np.nan)
    assert arithmetic.rows(matrix) == shape[0]
    assert arithmetic.columns(matrix) == pytest.approx(shape[1], rel=1e-15)


def test_the_ratio_of_norms_is_1_where_one_is_0() -> None:
    assert arithmetic.norm_ratio(np.array([3.0, 4.0]), np.array([0.0, 2.0])) == 2.5
    assert arithmetic.norm_ratio(np.zeros(2), np.ones(2)) == 1
    assert arithmetic.norm_ratio(np.ones(2), np.zeros(2)) == 1


# --- matrix functions against eigenvectors and mpmath ------------------------------------------


@pytest.mark.parametrize("power", [2, 4])
@pytest.mark.parametrize("condition", [1.0, 1e3, 1e6])
def test_inverse_roots_are_those_by_eigenvectors(power: int, condition: float) -> None:
    q = polar(RNG.normal(size=(6, 6)))
    values = 7.0 * np.geomspace(1, 1 / condition, 6)
    matrix = q @ np.diag(values) @ q.T
    expected = q @ np.diag(values ** (-1 / power)) @ q.T
    found = arithmetic.inverse_root(matrix, np.eye(6), power, 25)
    # Rounding is magnified by the condition.
    assert np.abs(found - expected).max() < 1e-15 * (condition + 10) * np.abs(expected).max()


def test_an_inverse_root_is_mpmath_s() -> None:
    matrix = [[5.0, 2.0, 0.0], [2.0, 3.0, -1.0], [0.0, -1.0, 2.0]]
    with mpmath.workdps(40):
        expected = mpmath.powm(mpmath.matrix(matrix), mpmath.mpf(-1) / 4)
    found = arithmetic.inverse_root(np.array(matrix), np.eye(3), 4, 25)
    np.testing.assert_allclose(found, np.array(expected.tolist(), float), rtol=0, atol=1e-14)


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2), (4, 1)])
def test_newton_schulz_moves_the_singular_values_alone(shape: tuple[int, int]) -> None:
    matrix = RNG.normal(size=shape)
    u, values, v = np.linalg.svd(matrix, full_matrices=False)
    values = values / np.linalg.norm(values)
    for _ in range(5):  # the polynomial, on numbers
        values = 3.4445 * values - 4.775 * values**3 + 2.0315 * values**5
    np.testing.assert_allclose(
        arithmetic.newton_schulz(matrix, 5, 0.0), u @ np.diag(values) @ v, atol=1e-13
    )
    found = arithmetic.newton_schulz(matrix, 25, 0.0, (1.875, -1.25, 0.375))
    np.testing.assert_allclose(found, u @ v, atol=1e-13)


# --- steps along orthogonal factors ------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2)])
def test_polar_express_ends_at_the_polar_factor(shape: tuple[int, int]) -> None:
    grads = [RNG.normal(size=shape) for _ in range(3)]
    part = get("polar_express:rounds=12,learning_rate=1,momentum=0.5,nesterov=false")
    found = steps(part, np.zeros(shape), grads)
    mean = 0.5 * (0.5 * (0.5 * grads[0]) + 0.5 * grads[1]) + 0.5 * grads[2]
    scale = np.sqrt(max(1.0, shape[1] / shape[0]))
    np.testing.assert_allclose(found[1][0] - found[2][0], scale * polar(mean), atol=1e-7)


def test_the_first_three_polynomials_are_the_paper_s() -> None:
    # Singular values 3 and 4, over 1.01 times their norm; then the paper's polynomials for
    # values that are smaller by 1.01.
    values = np.array([3.0, 4.0]) / 5.05
    for a, b, c in (
        (8.28721201814563, -23.595886519098837, 17.300387312530933),
        (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
        (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    ):
        smaller = values / 1.01
        values = a * smaller + b * smaller**3 + c * smaller**5
    part = get("polar_express:rounds=3,learning_rate=1,momentum=0,epsilon=1e-30")
    (found,) = steps(part, np.zeros((2, 2)), [np.diag([3.0, 4.0])])
    np.testing.assert_allclose(-found[0], np.diag(values), atol=1e-13)


def test_polar_express_is_within_a_percent_after_seven_rounds() -> None:
    q, r = polar(RNG.normal(size=(6, 6))), polar(RNG.normal(size=(6, 6)))
    matrix = q @ np.diag(np.geomspace(1, 2e-3, 6)) @ r
    part = get("polar_express:rounds=7,learning_rate=1,momentum=0")
    (found,) = steps(part, np.zeros((6, 6)), [matrix])
    values = np.linalg.svd(found[0], compute_uv=False)
    assert values.min() > 0.98
    assert values.max() < 1.02


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2)])
def test_polargrad_moves_by_the_nuclear_norm(shape: tuple[int, int]) -> None:
    grad = RNG.normal(size=shape)
    (found,) = steps(get("polargrad:learning_rate=1,momentum=0,rounds=30"), np.zeros(shape), [grad])
    np.testing.assert_allclose(-found[0], np.linalg.norm(grad, "nuc") * polar(grad), atol=1e-12)


def test_muon_s_other_scale_is_that_of_adam() -> None:
    grad = RNG.normal(size=(8, 2))
    changes = [
        -steps(get(f"muon:learning_rate=1,match_adam={own}"), 0 * grad, [grad])[0][0]
        for own in ("true", "false")
    ]
    np.testing.assert_allclose(changes[0], 0.2 * np.sqrt(8) * changes[1], rtol=1e-12)


@pytest.mark.parametrize(
    "name", ["muon", "muon_plus", "polar_express", "normuon", "adamuon", "polargrad", "swan"]
)
def test_biases_are_adam_s(name: str) -> None:
    grads = [RNG.normal(size=3) for _ in range(4)]
    ours = steps(get(f"{name}:learning_rate=0.5,bias_rate=0.1"), np.ones(3), grads)
    adam = steps(get("adam:learning_rate=0.05"), np.ones(3), grads)
    np.testing.assert_allclose(ours[-1][0], adam[-1][0], rtol=1e-13)


def test_adamuon_orthogonalises_the_signs_and_ends_at_a_fifth() -> None:
    # The signs of the momentum are orthogonal already: Newton-Schulz scales all elements alike,
    # and so do the second moments.
    grad = np.array([[5.0, 0.1], [2.0, -0.3]])
    found = steps(get("adamuon:learning_rate=1"), np.zeros((2, 2)), [grad, grad])
    np.testing.assert_allclose(found[0][0], [[-0.2, -0.2], [-0.2, 0.2]], rtol=1e-6)
    np.testing.assert_allclose(found[1][0], 2 * found[0][0], rtol=1e-6)


def test_adamuon_divides_by_the_moments_of_the_orthogonalised_signs() -> None:
    grads = [RNG.normal(size=(3, 4)) for _ in range(4)]
    text = "adamuon:learning_rate=1,beta1=0.5,beta2=0.75,weight_decay=0.1,epsilon=1e-30"
    weight, mean, square = np.ones((3, 4)), np.zeros((3, 4)), np.zeros((3, 4))
    for state, grad in zip(steps(get(text), weight, grads), grads, strict=True):
        mean = (mean + grad) / 2
        turned = arithmetic.newton_schulz(np.where(mean > 0, 1.0, -1.0), 5, 0.0)
        square = 0.75 * square + 0.25 * turned**2
        update = turned / np.sqrt(square)
        weight = 0.9 * weight - 0.2 * np.sqrt(12) * update / np.linalg.norm(update)
        np.testing.assert_allclose(state[0], weight, rtol=1e-11)


def test_adago_s_rate_is_adagrad_s_of_clipped_norms() -> None:
    grads = [RNG.normal(size=(3, 3)) * size for size in (0.1, 100.0, 1.0)]
    text = "adago:learning_rate=2,gamma=3,momentum=0,smallest=0.001"
    found = steps(get(text), np.zeros((3, 3)), grads)
    norms = [min(float(np.linalg.norm(grad)), 3.0) for grad in grads]
    before = np.zeros((3, 3))
    for number, state in enumerate(found):
        total = 1e-12 + sum(norm**2 for norm in norms[: number + 1])
        rate = max(0.001, 2 * norms[number] / total**0.5)
        moved = before - state[0]
        expected = arithmetic.newton_schulz(grads[number], 5, 0.0)
        np.testing.assert_allclose(moved, rate * expected, rtol=1e-10)
        before = state[0]


def test_namo_s_rate_is_adam_s_of_the_norms() -> None:
    grads = [RNG.normal(size=(3, 3)) for _ in range(4)]
    text = "namo:learning_rate=2,beta1=0.5,beta2=0.75,weight_decay=0.1,epsilon=1e-30"
    weight, mean, square = np.ones((3, 3)), np.zeros((3, 3)), 0.0
    for number, state in enumerate(steps(get(text), weight, grads), start=1):
        grad = grads[number - 1]
        mean = (mean + grad) / 2
        square = 0.75 * square + 0.25 * (grad**2).sum()
        # Both means, corrected for the start at 0.
        rate = 2 * np.linalg.norm(mean / (1 - 0.5**number)) / np.sqrt(square / (1 - 0.75**number))
        weight = weight - rate * (arithmetic.newton_schulz(mean, 5, 0.0) + 0.1 * weight)
        np.testing.assert_allclose(state[0], weight, rtol=1e-12)


def test_sinkgd_balances_rows_and_columns() -> None:
    grad = RNG.normal(size=(4, 6)) * np.geomspace(1e-6, 1e6, 6)
    part = get("sinkgd:learning_rate=1,rounds=200")
    (found,) = steps(part, np.zeros((4, 6)), [grad])
    squares = found[0] ** 2
    np.testing.assert_allclose(squares.mean(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(squares.mean(axis=1), 1, rtol=1e-6)
    assert (np.sign(found[0]) == -np.sign(grad)).all()


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (4, 4)])
def test_swan_whitens_what_it_has_normalised(shape: tuple[int, int]) -> None:
    grad = RNG.normal(size=shape) + 3.0
    (found,) = steps(get("swan:learning_rate=1,rounds=20"), np.zeros(shape), [grad])
    normal = (grad - grad.mean(axis=0)) / grad.std(axis=0)
    u, values, v = np.linalg.svd(normal, full_matrices=False)
    kept = values > 1e-9 * values[0]  # without the mean, a square matrix has one less
    white = u[:, kept] @ v[kept]
    expected = white * np.linalg.norm(normal) / np.linalg.norm(white)
    np.testing.assert_allclose(-found[0], expected, atol=1e-6)
    (single,) = steps(get("swan:learning_rate=1"), [[0.0, 0.0]], [[[3.0, 4.0]]])
    np.testing.assert_allclose(single[0], [[-3.0, -4.0]], rtol=1e-9)


def test_muon_plus_normalises_outputs_then_inputs() -> None:
    grad = RNG.normal(size=(4, 3))
    base = arithmetic.newton_schulz(grad, 5, 0.0)
    columns = base / np.linalg.norm(base, axis=0)
    both = columns / np.linalg.norm(columns, axis=1)[:, None]
    one = base / np.linalg.norm(base, axis=1)[:, None]
    for options, expected in (
        ("outputs=false,inputs=false", base), ("inputs=false", columns), ("outputs=false", one),
        ("outputs=true", both),
    ):  # fmt: skip
        part = get(f"muon_plus:learning_rate=1,{options}")
        (found,) = steps(part, np.zeros((4, 3)), [grad])
        np.testing.assert_allclose(-found[0], expected, rtol=1e-9)


def test_scion_constrained_stays_in_the_balls() -> None:
    grads = [RNG.normal(size=(3, 3)) for _ in range(200)]
    part = get("scion:learning_rate=0.1,radius=2,constrained=true")
    found = steps(part, 50 * np.eye(3), grads)
    assert np.linalg.norm(found[-1][0], 2) < 2 * 1.2  # Newton-Schulz ends below 1.2


# --- preconditioners against eigenvectors ------------------------------------------------------


def root(matrix: Any, power: float) -> Any:
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(values**power) @ vectors.T


def test_shampoo_is_the_algorithm_by_eigenvectors() -> None:
    grads = [RNG.normal(size=(4, 3)) for _ in range(6)]
    text = "shampoo:learning_rate=0.3,momentum=0.5,epsilon=0.1"
    found = steps(get(text), np.ones((4, 3)), grads)
    left, right, velocity, weight = 0.1 * np.eye(4), 0.1 * np.eye(3), 0.0, np.ones((4, 3))
    for state, grad in zip(found, grads, strict=True):
        left, right = left + grad @ grad.T, right + grad.T @ grad
        velocity = 0.5 * velocity + root(left, -0.25) @ grad @ root(right, -0.25)
        weight = weight - 0.3 * velocity
        np.testing.assert_allclose(state[0], weight, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(state[2], left, rtol=1e-13, atol=1e-13)


def test_asgo_is_the_algorithm_by_eigenvectors() -> None:
    grads = [RNG.normal(size=(4, 3)) for _ in range(6)]
    found = steps(get("asgo:learning_rate=0.3,epsilon=0.1"), np.ones((4, 3)), grads)
    left, weight = 0.1 * np.eye(4), np.ones((4, 3))
    for state, grad in zip(found, grads, strict=True):
        left = left + grad @ grad.T
        weight = weight - 0.3 * root(left, -0.5) @ grad
        np.testing.assert_allclose(state[0], weight, rtol=1e-11, atol=1e-12)


# --- by hand -----------------------------------------------------------------------------------


def test_lans_takes_both_directions_to_the_norm_of_the_weights() -> None:
    # Second step, from m = v = what g1 = (1, 0) leaves; betas 1/2. g2 = (0, 2) is normalised to
    # (0, 1): m = (1/4, 1/2), v the same; corrected by 3/4: (1/3, 2/3). The slow direction is
    # (1/3, 2/3)/√(1/3, 2/3) = √(1/3, 2/3), of norm 1; the fast one (0, 1)/√(2/3) = (0, √1.5).
    text = "lans:learning_rate=0.1,beta1=0.5,beta2=0.5,epsilon=1e-30"
    found = steps(get(text), [3.0, 4.0], [[1.0, 0.0], [0.0, 2.0]])
    # First: both directions are (1, 0) of norm 1, so the step is 0.1·5 along it.
    np.testing.assert_allclose(found[0][0], [2.5, 4.0], rtol=1e-12)
    size = np.hypot(2.5, 4.0)
    step_ = 0.5 * size * np.sqrt([1 / 3, 2 / 3]) + 0.5 * size * np.array([0.0, 1.0])
    np.testing.assert_allclose(found[1][0], np.array([2.5, 4.0]) - 0.1 * step_, rtol=1e-12)


def test_lars_counts_decay_in_its_own_norm() -> None:
    # ‖w‖ = 5, ‖g‖ = 10, decay 0.5: the local rate is 2·5/(10 + 2.5) = 0.8.
    text = "lars:learning_rate=1,trust=2,weight_decay=0.5,momentum=0.5"
    found = steps(get(text), [3.0, 4.0], [[6.0, 8.0]])
    np.testing.assert_allclose(found[0][0], [3 - 0.8 * 7.5, 4 - 0.8 * 10], rtol=1e-14)


def test_tam_takes_the_cosine_as_one_number() -> None:
    # m1 = 0.5·g1 = (1.5, 2), since there is no cosine at first; then with g2 = (4, -3), at right
    # angles, the factor is 1/2 again, and with g3 = m2 it is (1 + 0.5)/2.
    text = "tam:momentum=0.5,gamma=0.5,epsilon=1e-30,learning_rate=1"
    found = steps(get(text), np.zeros((2, 1)), [[[3.0], [4.0]], [[4.0], [-3.0]], [[2.75], [-0.5]]])
    np.testing.assert_allclose(found[1][1], [[0.75 + 2.0], [1.0 - 1.5]], rtol=1e-13)
    np.testing.assert_allclose(found[2][2], [[0.5]], rtol=1e-13)
    np.testing.assert_allclose(found[2][1], 1.25 * found[1][1], rtol=1e-13)


def test_avagrad_looks_at_the_last_second_moment() -> None:
    # From v = 0 all rates are alike, so the first step is the momentum, whatever the gradient.
    found = steps(get("avagrad:learning_rate=1,beta1=0,beta2=0"), [0.0, 0.0], [[1.0, 100.0]] * 2)
    np.testing.assert_allclose(found[0][0], [-1.0, -100.0], rtol=1e-13)
    rates = 1 / (np.array([1.0, 100.0]) + 0.1)
    expected = rates / np.sqrt((rates**2).mean()) * [1.0, 100.0]
    np.testing.assert_allclose(found[0][0] - found[1][0], expected, rtol=1e-13)


def test_adam_mini_has_one_moment_for_a_neuron() -> None:
    grads = [RNG.normal(size=(4, 3)) for _ in range(5)]
    found = steps(get("adam_mini:learning_rate=0.1"), np.ones((4, 3)), grads)
    # Adam on one number for each neuron, whose gradient is the root of the mean square.
    sizes = [np.sqrt((grad**2).mean(axis=0)) for grad in grads]
    adam = steps(get("adam:learning_rate=0.1"), np.ones(3), sizes)
    np.testing.assert_allclose(found[-1][2][0], adam[-1][2], rtol=1e-13)
    bias = steps(get("adam_mini:learning_rate=0.1"), np.ones(3), [grad[0] for grad in grads])
    assert np.ptp(bias[-1][2]) == 0


def test_frank_wolfe_reaches_the_ball_s_edge_and_stays() -> None:
    target = np.array([3.0, 4.0])
    part, weight = get("frank_wolfe:radius=1"), np.zeros(2)
    for number in range(1, 2001):
        state = step(part, [weight], weight - target, number, learning_rate=2 / (number + 2))
        weight = state[0]
        assert np.linalg.norm(weight) < 1 + 1e-12
    np.testing.assert_allclose(weight, target / 5, atol=1e-3)


def test_ef_signsgd_moves_by_the_mean_of_the_sizes() -> None:
    # p = (1, -3, 0): the mean of the sizes is 4/3; the error (-1/3, -5/3, 0) is added to the next
    # gradient, (1/3, 5/3, -1): p = (0, 0, -1), whose mean size is 1/3.
    found = steps(
        get("ef_signsgd:learning_rate=1"), np.zeros(3), [[1.0, -3.0, 0.0], [1 / 3, 5 / 3, -1.0]]
    )
    np.testing.assert_allclose(found[0][0], [-4 / 3, 4 / 3, 0.0], rtol=1e-14)
    np.testing.assert_allclose(found[1][0][2], 1 / 3, rtol=1e-14)


def test_ef_signsgd_loses_nothing() -> None:
    # All steps and the error that is left are all gradients, times the rate.
    grads = [RNG.normal(size=5) for _ in range(20)]
    found = steps(get("ef_signsgd:learning_rate=0.1"), np.zeros(5), grads)
    np.testing.assert_allclose(found[-1][1] - found[-1][0], 0.1 * sum(grads), rtol=1e-12)


def test_nero_keeps_neurons_at_mean_0_and_norm_1() -> None:
    found = steps(get("nero"), RNG.normal(size=(5, 3)), [RNG.normal(size=(5, 3))] * 3)
    for state in found:
        np.testing.assert_allclose(state[0].mean(axis=0), 0, atol=1e-15)
        np.testing.assert_allclose(np.linalg.norm(state[0], axis=0), 1, rtol=1e-7)
    (single,) = steps(get("nero:learning_rate=0.1"), [[5.0, 7.0]], [[[1.0, -2.0]]])
    np.testing.assert_allclose(single[0], [[4.9, 7.1]], rtol=1e-7)


@pytest.mark.parametrize("name", ["adamp", "sgdp"])
def test_projections_are_where_the_cosine_is_small(name: str) -> None:
    weight = np.array([[1.0, 1.0], [1.0, 0.0]])
    across, along = np.array([[1.0, 0.0], [-1.0, 1.0]]), np.array([[1.0, 1.0], [1.0, 1.0]])
    # Momentum from a step along the weights, then a gradient across them: the step has no part
    # along them. `delta=0` projects nothing.
    for delta, small in (("0.5", True), ("0", False)):
        found = steps(get(f"{name}:delta={delta},learning_rate=0.001"), weight, [along, across])
        moved = found[1][0] - found[0][0]
        inner = np.abs((moved * found[0][0]).sum(axis=0))
        assert (inner < 1e-6).all() == small


# --- curvature ---------------------------------------------------------------------------------


def test_oasis_and_esgd_are_newton_s_steps_where_the_curvature_does_not_change() -> None:
    curvature, grad = np.array([4.0, -0.5]), np.array([1.0, 1.0])
    for text in ("oasis:beta1=0,smallest=1e-12,learning_rate=1", "esgd:damping=1e-30"):
        part = get(text).with_options(learning_rate=1.0)
        found = steps(part, np.zeros(2), [grad] * 3, curvature=curvature)
        np.testing.assert_allclose(found[-1][0], -3 * grad / np.abs(curvature), rtol=1e-12)


def test_adahessian_s_power_goes_from_momentum_to_newton() -> None:
    curvature = np.array([4.0, 0.25])
    for power in (0.0, 0.5, 1.0):
        part = get(f"adahessian:power={power},learning_rate=1")
        (found,) = steps(part, np.zeros(2), [np.ones(2)], curvature=curvature)
        np.testing.assert_allclose(-found[0], curvature**-power, rtol=1e-6)


# --- sharpness: the point is the largest linear growth in a set --------------------------------


def boundary(name: str, param: Any, grad: Any, rho: float) -> Any:
    """Give the size of a move, which may be rho at most, as a function of the move."""
    sizes: dict[str, Callable[[Any], Any]] = {
        "sam": np.linalg.norm,
        "asam": lambda move: np.linalg.norm(move / (np.abs(param) + 0.01)),
        "fisher_sam": lambda move: np.sqrt((move**2 * (1 + grad**2)).sum()),
        "sam_sign": lambda move: np.abs(move).max(),
    }
    return sizes[name]


@pytest.mark.parametrize("name", ["sam", "asam", "fisher_sam", "sam_sign"])
def test_no_other_move_of_the_size_climbs_more(name: str) -> None:
    param, grad = RNG.normal(size=6), RNG.normal(size=6)
    part = get(f"{name}:rho=0.3[sgd]")
    move = point_of(part, param, grad) - param
    size = boundary(name, param, grad, 0.3)
    assert size(move) == pytest.approx(0.3, rel=1e-9)
    for _ in range(500):
        other = move + 0.3 * RNG.normal(size=6) * RNG.choice([1, 1e-2, 1e-4])
        assert grad @ (other * 0.3 / size(other)) <= grad @ move * (1 + 1e-9)


def test_the_gradient_of_the_point_goes_to_the_held_optimizer() -> None:
    plain = steps(momentum, [1.0, 2.0], [[0.5, 0.25]])[0]
    for name in ("sam", "asam", "usam", "fisher_sam", "sam_sign"):
        state = steps(get(f"{name}[momentum]"), [1.0, 2.0], [[0.5, 0.25]])[0]
        for one, other in zip(state, plain, strict=True):
            assert (one == other).all()


# --- averages, in exact fractions --------------------------------------------------------------


def simulated(name: str, grads: list[int], rate: Fraction) -> tuple[list[Any], list[Any]]:
    """Simulate weights and averages around SGD, one number, by the papers' loops."""
    weights: list[Any] = []
    averages: list[Any] = []
    outer = weight = Fraction(1)
    speed, mean = Fraction(0), Fraction(0)
    counted = 0
    for number, grad in enumerate(grads, start=1):
        weight = weight - rate * grad
        if name == "lookahead" and number % 3 == 0:
            outer = weight = outer + Fraction(1, 4) * (weight - outer)
        if name in ("snoo", "slowmo") and number % 3 == 0:
            apart = outer - weight
            speed = Fraction(1, 2) * speed + apart
            ahead = Fraction(1, 2) * speed + apart if name == "snoo" else speed
            outer = weight = outer - Fraction(1, 4) * ahead
        if name == "swa":
            if number >= 4 and (number - 4) % 2 == 0:
                mean, counted = (mean * counted + weight) / (counted + 1), counted + 1
            averages.append(mean if counted else weight)
        if name in ("ema", "switch_ema"):
            mean = weight if number == 1 else Fraction(3, 4) * mean + Fraction(1, 4) * weight
            averages.append(mean)
            if name == "switch_ema" and number % 3 == 0:
                weight = mean
        weights.append(weight)
    return weights, averages


@pytest.mark.parametrize(
    "text",
    [
        "lookahead:k=3,alpha=0.25", "snoo:k=3,momentum=0.5,outer_rate=0.25",
        "slowmo:k=3,momentum=0.5,outer_rate=0.25", "swa:start=4,every=2", "ema:decay=0.75",
        "switch_ema:k=3,decay=0.75",
    ],
)  # fmt: skip
def test_averages_are_those_of_the_papers_loops(text: str) -> None:
    grads = [3, -1, 4, 1, -5, 9, 2, -6, 5, 3, 5, -8]
    weights, averages = simulated(text.partition(":")[0], grads, Fraction(1, 8))
    part = get(f"{text}[sgd:learning_rate=0.125]")
    found = steps(part, [1.0], [[grad] for grad in grads])
    assert [float(state[0][0]) for state in found] == pytest.approx(
        [float(weight) for weight in weights], rel=1e-13
    )
    if part.shown:
        place = 1 + part.slots.index(part.shown)
        assert [float(state[place][0]) for state in found] == pytest.approx(
            [float(mean) for mean in averages], rel=1e-13
        )


# --- changes of the gradient -------------------------------------------------------------------


def change(text: str, param: Any, grad: Any) -> Any:
    """Give what the held optimizer gets, which is plain descent with rate 1."""
    held = get(f"{text}[sgd:learning_rate=1]")
    return np.asarray(param) - steps(held, param, [grad])[0][0].reshape(np.shape(param))


def test_centralised_gradients_have_mean_0_for_each_neuron() -> None:
    grad = RNG.normal(size=(4, 3))
    found = change("gradient_centralization", np.ones((4, 3)), grad)
    np.testing.assert_allclose(found, grad - grad.sum(axis=0) / 4, rtol=1e-12)
    for shape in ((4,), (4, 1)):  # biases, and what looks like one to a factored optimizer
        grad = RNG.normal(size=shape)
        np.testing.assert_allclose(
            change("gradient_centralization", np.ones(shape), grad), grad, rtol=1e-12
        )


def test_a_bias_is_not_centralised_by_an_optimizer_that_sees_it_as_a_column() -> None:
    grads = [RNG.normal(size=4) for _ in range(3)]
    plain = steps(get("adafactor"), np.ones(4), grads)
    held = steps(get("gradient_centralization[adafactor]"), np.ones(4), grads)
    np.testing.assert_allclose(held[-1][0], plain[-1][0], rtol=1e-13)


def test_orthogonal_gradients_have_no_part_along_the_weights_and_their_own_norm() -> None:
    param, grad = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
    found = change("orthograd", param, grad)
    assert abs((found * param).sum()) < 1e-13
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(grad), rel=1e-13)


def test_block_normalised_gradients_have_norm_1() -> None:
    grad = 1e-3 * RNG.normal(size=(4, 3))
    np.testing.assert_allclose(
        change("block_normalized", np.ones((4, 3)), grad) * np.linalg.norm(grad), grad, rtol=1e-9
    )


def test_max_norm_limits_neurons() -> None:
    part = get("max_norm:limit=2[sgd:learning_rate=1]")
    found = steps(part, [[3.0, 0.5], [4.0, 0.5]], [np.zeros((2, 2))])[0][0]
    np.testing.assert_allclose(found, [[1.2, 0.5], [1.6, 0.5]], rtol=1e-14)
    assert steps(part, [30.0, 40.0], [np.zeros(2)])[0][0].tolist() == [30.0, 40.0]


def test_adaptive_clipping_is_by_neuron_and_by_bias() -> None:
    param, grad = np.array([[3.0, 0.3], [4.0, 0.4]]), np.array([[6.0, 0.0], [8.0, 0.1]])
    found = change("adaptive_clip:clip=0.5", param, grad)
    np.testing.assert_allclose(found, [[1.5, 0.0], [2.0, 0.1]], rtol=1e-12)
    bias = change("adaptive_clip:clip=0.5", [3.0, 4.0], [6.0, 8.0])
    np.testing.assert_allclose(bias, [1.5, 2.0], rtol=1e-12)


def test_mars_changes_the_gradient_by_its_change_and_clips_it() -> None:
    part = get("mars:gamma=0.5,beta1=0.5[sgd:learning_rate=1]")
    found = steps(part, [0.0, 0.0], [[0.2, 0.0], [0.4, 0.0], [3.0, 4.0]])
    changes = np.diff([[0.0, 0.0], *(state[0] for state in found)], axis=0)
    third = np.array([3.0, 4.0]) + 0.5 * np.array([2.6, 4.0])
    expected = np.array([[-0.2, 0.0], [-0.5, 0.0], -third / np.linalg.norm(third)])
    np.testing.assert_allclose(changes, expected, rtol=1e-13)


def test_a_trust_ratio_around_sgd_is_fromage_without_its_shrinking() -> None:
    param, grads = RNG.normal(size=(4, 3)), [RNG.normal(size=(4, 3))]
    ours = steps(get("trust_ratio:learning_rate=0.3[sgd]"), param, grads)[0][0]
    fromage = steps(get("fromage:learning_rate=0.3"), param, grads)[0][0]
    np.testing.assert_allclose(ours / np.sqrt(1.09), fromage, rtol=1e-13)


def test_cautious_momentum_stands_still_against_the_gradient() -> None:
    part = get("cautious[momentum:learning_rate=1]")
    found = steps(part, [0.0], [[1.0], [-0.1], [-2.0]])
    # Velocities 1, 0.8 and -1.28; one element that stays counts 1/(1 + 1).
    assert [state[0][0] for state in found] == pytest.approx([-0.5, -0.5, 0.14], rel=1e-12)


def test_sgd_is_what_each_wrapper_is_around() -> None:
    # Every wrapper that changes nothing for one plain step is plain descent.
    for text in ("lookahead", "snoo", "slowmo", "ema", "swa", "switch_ema"):
        (found,) = steps(get(f"{text}[sgd]"), [1.0, 2.0], [[0.5, -1.0]])
        (plain,) = steps(sgd, [1.0, 2.0], [[0.5, -1.0]])
        assert found[0].tolist() == plain[0].tolist()
