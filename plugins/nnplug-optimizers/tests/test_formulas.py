"""Optimizers that no other framework has, and properties that define one.

The oracles are cases by hand, SciPy's minimum of what a step minimises, the
complex-step derivative of a loss by the rate, and theorems of the papers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath  # type: ignore[import-untyped]  # it has no types
import numpy as np
import pytest
from nnplug.parts import Optimizer
from nnplug.plugins.registry import Registry
from nnplug.testing.stepping import start, step
from scipy.optimize import minimize_scalar

Path = list[np.ndarray]


def part_of(text: str) -> Optimizer:
    part = Registry().get("optimizer", text)
    assert isinstance(part, Optimizer)
    return part


def descend(
    text: str, begin: Any, slope: Callable[[np.ndarray], Any], count: int, slot: str = ""
) -> Path:
    """Take steps along a function's slope; return the parameters after each, or a slot."""
    part = part_of(text)
    state = start(part, np.atleast_1d(np.asarray(begin, np.float64)))
    place = 1 + part.slots.index(slot) if slot else 0
    path = []
    for number in range(1, count + 1):
        grad = np.broadcast_to(np.asarray(slope(state[0]), state[0].dtype), state[0].shape)
        state = step(part, state, grad, number)
        path.append(state[place])
    return path


def along(text: str, begin: Any, gradients: list[Any], slot: str = "") -> list[float]:
    """Take steps along given gradients of one parameter."""
    given = iter(gradients)
    path = descend(text, begin, lambda _: next(given), len(gradients), slot)
    return [float(each[0]) for each in path]


# --- by the sign ----------------------------------------------------------------------


def test_powersign_counts_e_times_or_one_eth_of_a_gradient() -> None:
    # m is 0.1·1, then 0.09 - 0.1·0.5 > 0, so that the second gradient disagrees.
    e = float(mpmath.e)
    path = along("powersign:learning_rate=0.5", 1.0, [1.0, -0.5])
    np.testing.assert_allclose(path, [1 - 0.5 * e, 1 - 0.5 * e + 0.25 / e], rtol=1e-14)


def test_addsign_counts_a_gradient_twice_or_not_at_all() -> None:
    path = along("addsign:learning_rate=0.5", 1.0, [1.0, -0.5, 0.25])
    assert path == [0.0, 0.0, -0.25]


def test_powerball_takes_the_power_of_each_gradient() -> None:
    # 32^0.6 = 2³; with momentum 1/2: 8, then 8/2 - 1.
    assert along("pbsgd:learning_rate=0.5", 1.0, [32.0, -1.0]) == pytest.approx([-3.0, -2.5])
    path = along("pbsgdm:learning_rate=0.5,momentum=0.5", 1.0, [32.0, -1.0])
    assert path == pytest.approx([-3.0, -4.5])


@pytest.mark.parametrize("name", ["signsgd", "signum", "tiger", "grams", "adam_atan2", "cocob"])
def test_the_scale_of_gradients_does_not_change_a_step(name: str) -> None:
    text = f"{name}:epsilon=1e-60" if name in ("grams", "cocob") else name
    gradients = [1.0, -0.5, 2.0, 0.25]
    small = along(text, 1.0, [1e-20 * each for each in gradients])
    np.testing.assert_allclose(small, along(text, 1.0, gradients), rtol=1e-12)


# --- momentum -------------------------------------------------------------------------


def test_nesterov_convex_converges_as_its_theorem_says() -> None:
    # f(x) - f* ≤ 2·‖start‖²/(s·(t + 1)²) for the steps x, and s = 1/L (Su et al., theorem 6).
    curvature = np.array([1.0, 0.1, 1e-3, 1e-4])
    begin = np.array([1.0, -2.0, 3.0, -4.0])
    path = descend(
        "nesterov_convex:learning_rate=1.0", begin, lambda x: curvature * x, 400, "short"
    )
    for t, x in enumerate(path, start=1):
        assert 0.5 * np.sum(curvature * x**2) <= 2 * np.sum(begin**2) / (t + 1) ** 2


def test_nesterov_restart_ends_the_waves_of_its_momentum() -> None:
    curvature, begin = np.array([1.0, 1e-3]), np.array([1.0, 1.0])
    ends = []
    for name in ("nesterov_restart", "nesterov_convex"):
        path = descend(f"{name}:learning_rate=1", begin, lambda x: curvature * x, 600)
        ends.append(float(np.max(abs(path[-1]))))
    assert ends[0] < 1e-3 * ends[1]


def test_triple_momentum_converges_as_its_theorem_says() -> None:
    # The error is at most a constant times ρ^k, with ρ = 1 - 1/√κ; Nesterov's has √(1 - 1/√κ)^k.
    curvature, begin = np.geomspace(0.01, 1, 7), np.ones(7)
    text = "triple_momentum:learning_rate=1,kappa=100"
    path = descend(text, begin, lambda x: curvature * x, 300, "x")
    errors = [np.sqrt(np.sum(x**2)) for x in path]
    assert all(error < 100 * 0.9**k for k, error in enumerate(errors[:250], start=1))
    assert errors[50] > 1e-8  # the bound is not met by chance


def test_triple_momentum_has_the_factors_of_its_paper() -> None:
    # κ = 4: ρ = 1/2, and the factors are 3/2, β = 1/6, γ = 1/9 and δ = 1/3.
    text = "triple_momentum:learning_rate=1,kappa=4"
    y, x = along(text, 0.0, [1.0, 0.0]), along(text, 0.0, [1.0, 0.0], "x")
    np.testing.assert_allclose(y, [-1.5 - 1.5 / 9, -1.75 - 0.25 / 9], rtol=1e-14)
    np.testing.assert_allclose(x, [-1.5 - 1.5 / 3, -1.75 - 0.25 / 3], rtol=1e-14)


def test_fista_converges_as_its_theorem_says() -> None:
    # F(x) - F* ≤ 2·L·‖start - x*‖²/(k + 1)² (Beck & Teboulle, theorem 4.4), with exact zeros.
    curvature, centre, l1 = np.array([1.0, 0.1, 0.01]), np.array([2.0, -3.0, 4.0]), 0.05
    found = np.sign(centre) * np.maximum(abs(centre) - l1 / curvature, 0)
    begin = np.array([-5.0, 5.0, 5.0])

    def value(x: np.ndarray) -> float:
        return float(np.sum(0.5 * curvature * (x - centre) ** 2 + l1 * abs(x)))

    path = descend(
        f"fista:learning_rate=1,l1={l1}", begin, lambda x: curvature * (x - centre), 300, "x"
    )
    for k, x in enumerate(path, start=1):
        assert value(x) - value(found) <= 2 * np.sum((begin - found) ** 2) / (k + 1) ** 2
    assert path[-1][2] == 0  # the penalty outweighs its slope


def test_the_numbers_of_fista_are_those_of_nesterov() -> None:
    t = np.array([1.0, *along("fista", 0.0, [1.0] * 6, "t")])
    np.testing.assert_allclose(t[1:] ** 2 - t[1:], t[:-1] ** 2, rtol=1e-14)


def test_demon_adds_up_to_a_straight_line() -> None:
    # With momentum 1/2 and four steps: 1/2, 3/7, 1/3, 1/5, and then none.
    path = along("demon:learning_rate=1,momentum=0.5,steps=4", 0.0, [7.0, 0.0, 0.0, 0.0, 5.0])
    velocities = [7.0, 3.0, 1.0, 0.2, 5.0]
    np.testing.assert_allclose(path, -np.cumsum(velocities), rtol=1e-14)


def test_srsgd_forgets_its_momentum_at_each_restart() -> None:
    gradients = [1.0, 1.0, 1.0, 1.0]
    # With a restart at every step it is gradient descent.
    assert along("srsgd:learning_rate=0.5,restart=1", 4.0, gradients) == [3.5, 3.0, 2.5, 2.0]
    # With two: short is 3.5, then 3.0, and y = 3 - 0.5/4 = 2.875; 2.375; 1.875 - 0.125.
    path = along("srsgd:learning_rate=0.5,restart=2", 4.0, gradients)
    assert path == [3.5, 2.875, 2.375, 1.75]


def test_grokfast_adds_the_slow_gradients() -> None:
    # The mean is 2, then 0.5·2 + 0.5·4 = 3; the gradients given are 2 + 2·2 and 4 + 2·3.
    path = along("grokfast:alpha=0.5[sgd:learning_rate=0.1]", 1.0, [2.0, 4.0])
    assert path == pytest.approx([0.4, -0.6])


@pytest.mark.parametrize(
    "name",
    [
        "adabelief",
        "adam_atan2",
        "adamc",
        "adamnx",
        "adams",
        "adopt",
        "bcos",
        "exadam",
        "laprop",
        "signum",
    ],
)
def test_without_a_gradient_a_step_only_decays(name: str) -> None:
    rate = ",largest_rate=0.5" if name == "adamc" else ""
    (found,) = along(f"{name}:learning_rate=0.5,weight_decay=0.2{rate}", 2.0, [0.0])
    assert found == pytest.approx(2.0 * (1 - 0.5 * 0.2), rel=1e-15)


# --- adaptive -------------------------------------------------------------------------


def test_padam_is_the_formula_of_its_paper_to_40_digits() -> None:
    gradients, text = [2.0, -0.5, 3.0], "padam:learning_rate=0.1,p=0.125,epsilon=0"
    with mpmath.workdps(40):
        beta1, beta2 = mpmath.mpf(0.9), mpmath.mpf(0.999)
        m = v = largest = mpmath.mpf(0)
        x, expected = mpmath.mpf(1), []
        for g in gradients:
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * mpmath.mpf(g) ** 2
            largest = max(largest, v)
            x -= mpmath.mpf(0.1) * m / largest ** mpmath.mpf(0.125)
            expected.append(float(x))
    np.testing.assert_allclose(along(text, 1.0, gradients), expected, rtol=1e-13)


def test_adam_atan2_is_the_formula_of_its_paper_to_40_digits() -> None:
    gradients, text = [2.0, -0.5, 3.0], "adam_atan2:learning_rate=0.1,a=1.27,b=0.8"
    with mpmath.workdps(40):
        beta1, beta2 = mpmath.mpf(0.9), mpmath.mpf(0.999)
        m = v = mpmath.mpf(0)
        x, expected = mpmath.mpf(1), []
        for t, g in enumerate(gradients, start=1):
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * mpmath.mpf(g) ** 2
            root = mpmath.sqrt(v / (1 - beta2**t))
            x -= mpmath.mpf(0.1) * mpmath.mpf(1.27) * mpmath.atan2(m / (1 - beta1**t), 0.8 * root)
            expected.append(float(x))
    np.testing.assert_allclose(along(text, 1.0, gradients), expected, rtol=1e-13)


def test_adams_divides_by_its_last_momentum_and_the_gradient() -> None:
    # β1 = 1/2, β2 = 3/4: m = 4 over √(64/4); then m = 2 + 1 over √(3/4·16 + 1/4·4).
    text = "adams:learning_rate=0.5,beta1=0.5,beta2=0.75,epsilon=0"
    expected = [0.5, 0.5 - 1.5 / 13**0.5]
    np.testing.assert_allclose(along(text, 1.0, [8.0, 2.0]), expected, rtol=1e-14)


def test_adamnx_weights_squares_by_falling_powers() -> None:
    # After two steps the weights are 1 and b = 0.5^(1 - 0.5) of the squares, 0.9 and 1 of the
    # gradients, over their sums.
    b = 0.5**0.5
    text = "adamnx:learning_rate=0.1,beta2=0.5,epsilon=0"
    second = (0.9 * 2 + 3) / 1.9 / ((4 + 9 * b) / (1 + b)) ** 0.5
    np.testing.assert_allclose(along(text, 1.0, [2.0, 3.0]), [0.9, 0.9 - 0.1 * second], rtol=1e-14)


def test_bcos_divides_by_the_expected_square_of_its_momentum() -> None:
    # β = 1/2: m is 4 over √16 at first; then (4 + 6)/2 = 5 over √(3/4·16 + 1/4·36) = √21.
    text = "bcos:learning_rate=0.5,beta=0.5,epsilon=0,weight_decay=0"
    expected = [0.5, 0.5 - 2.5 / 21**0.5]
    np.testing.assert_allclose(along(text, 1.0, [4.0, 6.0]), expected, rtol=1e-14)


def test_smorms3_remembers_a_noisy_gradient_for_longer() -> None:
    # Memory 1, weight 1/2: mean 1, square 2, signal 1/2; then memory 1.5, weight 2/5: the mean is
    # 0.6 - 0.8, the square 1.2 + 1.6, and the signal 0.04/2.8 is below the learning rate.
    text = "smorms3:learning_rate=0.25"
    signal = 0.04 / 2.8
    expected = [1 - 0.5 / 2**0.5, 1 - 0.5 / 2**0.5 + 2 * signal / 2.8**0.5]
    np.testing.assert_allclose(along(text, 1.0, [2.0, -2.0]), expected, rtol=1e-14)
    memories = along(text, 1.0, [2.0, -2.0], "memory")
    np.testing.assert_allclose(memories, [1.5, 1 + 1.5 * (1 - signal)], rtol=1e-14)


def test_adamod_takes_no_rate_above_its_mean() -> None:
    # |g| = 1 gives the rate 1/2 at each step; its mean with β3 = 1/2 is 1/4, then 3/8.
    text = "adamod:learning_rate=0.5,beta3=0.5,epsilon=0"
    assert along(text, 1.0, [1.0, 1.0]) == pytest.approx([0.75, 0.375])


def test_kate_predicts_the_same_whatever_the_unit_of_an_input() -> None:
    rows = np.array([[1.0, 2.0], [-1.0, 0.5], [0.3, -2.0]])
    target = np.array([1.0, -1.0, 2.0])
    unit = np.array([1e3, 1e-2])

    def predictions(scaled: np.ndarray) -> np.ndarray:
        path = descend(
            "kate:learning_rate=0.5,epsilon=0",
            np.zeros(2),
            lambda w: scaled.T @ (scaled @ w - target),
            20,
        )
        return scaled @ path[-1]

    np.testing.assert_allclose(predictions(rows * unit), predictions(rows), rtol=1e-10)


def test_sc_rmsprop_with_gamma_1_is_sc_adagrad() -> None:
    gradients = [0.1, -0.05, 0.2, 0.3, -0.1]
    np.testing.assert_allclose(
        along("sc_rmsprop:gamma=1", 1.0, gradients), along("sc_adagrad", 1.0, gradients), rtol=1e-13
    )
    # v = 0.01: the divisor is 0.01 + 0.1·e^-0.001.
    expected = 1 - 0.01 * 0.1 / float(0.01 + 0.1 * mpmath.exp(-0.001))
    assert along("sc_adagrad", 1.0, [0.1])[0] == pytest.approx(expected, rel=1e-14)


def test_adagrad_norm_and_wngrad_take_one_norm_over_all_parameters() -> None:
    # √(144 + 25) = 13, and then √(169 + 169·(5/13)²...): the second gradient has the norm 0.
    path = descend("adagrad_norm:b0=12", [1.0, 1.0], lambda _: [3.0, 4.0], 1)
    np.testing.assert_allclose(path[0], [1 - 3 / 13, 1 - 4 / 13], rtol=1e-14)
    # b = 5 + 25/5 = 10, then 10 + 25/10 = 12.5.
    path = descend("wngrad:b0=5", [1.0, 1.0], lambda _: [3.0, 4.0], 2)
    np.testing.assert_allclose(path[1], [1 - 0.3 - 0.24, 1 - 0.4 - 0.32], rtol=1e-14)


def test_swats_goes_on_with_the_rate_that_adam_had() -> None:
    # Equal gradients of 20: Adam moves by the learning rate, as SGD does at the rate 0.025. The
    # mean agrees at the second step, and SGD's momentum begins: 0.1·(1, 1.9, 2.71)·0.025·20.
    path = along("swats:learning_rate=0.5,epsilon=1e-9", 1.0, [20.0] * 5)
    expected = [0.5, 0.0, -0.05, -0.145, -0.2805]
    np.testing.assert_allclose(path, expected, atol=1e-8)


# --- rates of their own -----------------------------------------------------------------


def test_rprop_plus_takes_the_last_move_back_and_then_begins_anew() -> None:
    # Sizes 0.1, 0.12, then a turn: 0.06 and one move back; the sign alone decides after it.
    path = along("rprop_plus:learning_rate=0.1", 1.0, [2.0, 3.0, -1.0, 5.0])
    np.testing.assert_allclose(path, [0.9, 0.78, 0.9, 0.84], rtol=1e-14)


def test_delta_bar_delta_raises_by_a_sum_and_lowers_by_a_factor() -> None:
    # Rates 0.5, 0.5 + 0.25, and half of that; the mean is 1, then 0.7·0.3 + 0.3·1 > 0.
    text = "delta_bar_delta:learning_rate=0.5,kappa=0.25,phi=0.5"
    np.testing.assert_allclose(
        along(text, 1.0, [1.0, 1.0, -1.0], "rate"), [0.5, 0.75, 0.375], rtol=1e-14
    )


@pytest.mark.parametrize("name", ["sgd_hd", "nesterov_hd", "adam_hd"])
def test_the_rate_moves_against_the_derivative_of_the_loss_by_the_rate(name: str) -> None:
    curvature, target = np.array([1.0, 3.0]), np.array([0.3, -0.2])
    part = part_of(f"{name}:learning_rate=0.01,beta=0.001")
    state = start(part, np.array([1.0, -2.0]))
    rate, last = 1 + part.slots.index("rate"), state[0]
    for number in range(1, 6):
        before = [array.copy() for array in state]
        state = step(part, state, curvature * (state[0] - target), number)
        if number > 1:
            # The loss where the last step would have led with a rate that is 1e-30·i larger.
            moved = before[0] + 1e-30j * (before[0] - last) / before[rate]
            loss = np.sum(0.5 * curvature * (moved - target) ** 2)
            expected = before[rate] - 0.001 * loss.imag / 1e-30
            assert np.isfinite(expected).all()
            np.testing.assert_allclose(state[rate], expected, rtol=1e-12)
        last = before[0]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("sgd_hd:learning_rate=0.1,beta=0", "sgd:learning_rate=0.1"),
        ("nesterov_hd:learning_rate=0.1,beta=0", "nesterov:learning_rate=0.1"),
        ("adam_hd:learning_rate=0.1,beta=0,epsilon=0.1", "adam:learning_rate=0.1,epsilon=0.1"),
    ],
)
def test_without_a_rate_of_the_rate_it_is_the_plain_optimizer(text: str, plain: str) -> None:
    gradients = [2.0, -0.5, 1.0, 0.3, -4.0]
    np.testing.assert_allclose(along(text, 1.0, gradients), along(plain, 1.0, gradients))


def test_adgd_lets_a_rate_grow_by_the_root_of_1_plus_its_last_growth() -> None:
    # Equal gradients do not bound the rate: 1, then 1·√(1 + 0), √(1 + 1), √2·√(1 + √2) ...
    path = along("adgd:learning_rate=1", 0.0, [1.0] * 5)
    rates = [1, 1, 2**0.5, 2**0.5 * (1 + 2**0.5) ** 0.5]
    rates.append(rates[3] * (1 + rates[3] / rates[2]) ** 0.5)
    np.testing.assert_allclose(path, -np.cumsum(rates), rtol=1e-14)


def test_adgd_takes_half_the_inverse_curvature() -> None:
    # On 2·x² the gradient is 4·x: a first step of 1e-6, then the rate 1/8 halves x.
    path = [float(each[0]) for each in descend("adgd", 1.0, lambda x: 4 * x, 4)]
    first = 1 - 4e-6
    np.testing.assert_allclose(path, [first, first / 2, first / 4, first / 8], rtol=1e-9)


def test_barzilai_borwein_ends_on_a_parabola_at_its_second_step() -> None:
    path = descend("barzilai_borwein", 1.0, lambda x: 4 * x, 2)
    assert float(path[1][0]) == pytest.approx(0, abs=1e-12)
    curvature = np.array([1.0, 10.0, 100.0])
    path = descend("barzilai_borwein", np.ones(3), lambda x: curvature * x, 60)
    assert np.max(abs(path[-1])) < 1e-8  # gradient descent with the best rate: (99/101)^60 = 0.3


# --- proximal ---------------------------------------------------------------------------


def minimum(function: Callable[[float], float]) -> float:
    """Find a convex function's minimum between -10 and 10, or 0, where it may have a corner."""
    found = float(
        minimize_scalar(function, bounds=(-10, 10), method="bounded", options={"xatol": 1e-12}).x
    )
    return min((0.0, found), key=function)


@pytest.mark.parametrize("begin", [-2.0, -0.3, 0.1, 0.8, 3.0])
def test_a_proximal_step_minimises_the_penalty_near_the_gradient_step(begin: float) -> None:
    (found,) = along("proximal_sgd:learning_rate=0.5,l1=0.6,l2=0.4", begin, [0.5])
    expected = minimum(
        lambda w: 0.5 * (w - (begin - 0.25)) ** 2 + 0.5 * (0.6 * abs(w) + 0.2 * w**2)
    )
    assert found == pytest.approx(expected, abs=1e-7)
    # Adagrad's rate: 0.5/√(0.11 + 0.5²) = 0.5/0.6.
    (found,) = along("proximal_adagrad:learning_rate=0.5,l1=0.6,l2=0.4,initial=0.11", begin, [0.5])
    rate = 0.5 / 0.6
    expected = minimum(
        lambda w: 0.5 * (w - (begin - rate / 2)) ** 2 + rate * (0.6 * abs(w) + 0.2 * w**2)
    )
    assert found == pytest.approx(expected, abs=1e-7)


def test_ftrl_minimises_its_regularised_leader() -> None:
    # The minimum of Σg·w + λ1·|w| + λ2·w²/2 + Σσ·(w - w_t)²/2, which defines the method.
    gradients, rate, beta, l1, l2 = [2.0, -0.5, 1.0], 0.5, 1.0, 0.3, 0.4
    path = along(f"ftrl:learning_rate={rate},l1={l1},l2={l2}", 0.7, gradients)
    points, centres, weights, n = [0.7, *path], [0.0], [beta / rate], 0.0
    for t, g in enumerate(gradients):
        centres.append(points[t])
        weights.append((np.sqrt(n + g**2) - np.sqrt(n)) / rate)
        n += g**2
        linear = sum(gradients[: t + 1])

        def leader(w: float, linear: float = linear) -> float:
            pairs = zip(weights, centres, strict=True)
            near = sum(weight * (w - centre) ** 2 for weight, centre in pairs) / 2
            return float(linear * w + l1 * abs(w) + l2 * w**2 / 2 + near)

        assert path[t] == pytest.approx(minimum(leader), abs=1e-7)


@pytest.mark.parametrize("name", ["dual_averaging", "adagrad_da"])
def test_dual_averaging_minimises_all_gradients_near_its_start(name: str) -> None:
    gradients = [2.0, -0.5, 1.0, 0.3]
    path = along(f"{name}:learning_rate=0.5", 0.7, gradients)
    for t in range(1, 5):
        squares = np.sum(np.square(gradients[:t]))
        weight = (np.sqrt(t) if name == "dual_averaging" else np.sqrt(squares + 0.1)) / 0.5
        total = sum(gradients[:t])

        def near(w: float, total: float = total, weight: float = weight) -> float:
            return total * w + weight * (w - 0.7) ** 2 / 2

        assert path[t - 1] == pytest.approx(minimum(near), abs=1e-7)


# --- without a learning rate ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "distance"),
    [
        ("dadapt_sgd:momentum=0", 6.0),  # the Euclidean norm
        ("dadapt_adagrad", 3.0),  # for rates of their own, the largest component
        ("dadapt_adam:beta1=0", 3.0),
        ("dadapt_lion", 3.0),
        ("prodigy", 3.0),
    ],
)
def test_the_estimate_of_the_distance_grows_to_about_the_true_one(
    text: str, distance: float
) -> None:
    # From (3, 3, 3, 3) to the minimum of |x₁| + ... + |x₄|, without the lag of a momentum.
    estimates = [float(d[0]) for d in descend(text, np.full(4, 3.0), np.sign, 300, "d")]
    assert estimates == sorted(estimates)
    assert 1e-3 < estimates[-1] < 2 * distance
    assert estimates[0] < 1e-5


@pytest.mark.parametrize("name", ["dog", "dowg"])
def test_distance_over_gradients_reaches_a_far_minimum(name: str) -> None:
    # The convex Σ√(1 + x²), from 100 units away, without a rate that is tuned.
    path = descend(name, np.full(3, 100.0), lambda x: x / np.sqrt(1 + x**2), 3000)
    assert np.max(abs(path[-1])) < 50


def test_schedule_free_predicts_with_the_mean_of_all_steps() -> None:
    # Equal gradients of 1: z is 0.9, 0.8, 0.7 ..., whose mean after t steps is 1 - 0.05·(t + 1).
    path = along("schedule_free_sgd:learning_rate=0.1", 1.0, [1.0] * 10, "x")
    np.testing.assert_allclose(path, [1 - 0.05 * (t + 1) for t in range(1, 11)], rtol=1e-12)
    path = along("schedule_free[sgd:learning_rate=0.1]", 1.0, [1.0] * 10, "x")
    np.testing.assert_allclose(path, [1 - 0.05 * (t + 1) for t in range(1, 11)], rtol=1e-12)
