"""Values and derivatives against textbook formulas in many digits: see `oracles`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from losses_at_hand import LOSSES, errors_and_slope
from mpmath import mp, mpf
from nnplug.parts import Loss
from oracles import ORACLES

from nnplug_losses import survival

SIZES = (1e-12, 1e-6, 1e-3, 0.3, 0.9, 1.7, 3.1, 9.7, 55.0, 800.0)

OTHER_OPTIONS: dict[str, list[dict[str, Any]]] = {
    "general_robust": [{"alpha": a, "c": 0.7} for a in (2.0, 0.0, -2.0, -7.5, 1.5)],
    "minkowski": [{"power": 2.5}],
    "pinball": [{"quantile": 0.9}],
    "expectile": [{"expectile": 0.1}],
    "quantile_huber": [{"quantile": 0.8, "kappa": 2.0}],
    "smooth_pinball": [{"quantile": 0.8}],
    "arctan_pinball": [{"quantile": 0.2}],
    "asymmetric_laplace_nll": [{"quantile": 0.7}],
    "student_t_nll": [{"degrees": 1.0}, {"degrees": 30.0}],
    "evidential": [{"weight": 0.5}],
    "tweedie_deviance_half": [{"power": 1.2}],
    "multi_margin": [{"power": 2, "margin": 0.5}],
    "ramp": [{"s": 0.5}],
    "generalized_ce": [{"q": 1.0}, {"q": 0.01}],
    "symmetric_ce": [{"alpha": 6.0, "beta": 0.1}],
    "taylor_ce": [{"order": 1}, {"order": 5}],
    "jensen_shannon": [{"weight": 0.1}, {"weight": 0.9}],
    "poly_ce": [{"epsilon": -0.5}],
    "bi_tempered_logistic": [{"t1": 0.2, "t2": 2.0}],
    "focal_categorical": [{"gamma": 0.5, "alpha": 1.0}],
    "asymmetric_multilabel": [{"gamma_pos": 0.0, "clip": 0.2}],
    "weighted_binary_cross_entropy": [{"pos_weight": 7.0}],
    "logit_adjusted": [{"tau": 0.5}],
    "ldam": [{"max_margin": 1.0, "scale": 2.0}],
    "tversky": [{"alpha": 0.2, "beta": 0.9}],
    "focal_tversky": [{"gamma": 0.75}],
    "power_jaccard": [{"power": 1.5}],
    "soft_f1": [{"beta": 2.0}],
    "contrastive": [{"margin": 3.0}],
    "hinge_embedding": [{"margin": 3.0}],
    "cosine_embedding": [{"margin": 0.3}],
    "triplet_hard": [{"soft": True}, {"margin": 0.2}],
    "ntxent": [{"temperature": 0.5}],
    "circle": [{"gamma": 2.0, "margin": 0.1}],
    "arcface": [{"scale": 2.0, "margin": 0.1}],
    "margin_ranking": [{"margin": 1.0}],
    "weibull_survival": [{"shape": 0.8}],
    "log_logistic_survival": [{"scale": 0.5}],
    "log_normal_survival": [{"scale": 0.3}],
    "mmd": [{"bandwidth": 2.0}],
}

ROOTS = {"sparsemax_loss", "entmax15_loss", "bi_tempered_logistic"}
"""Their oracles look for a root, which takes long with many digits."""


def digits(loss: Loss) -> int:
    """How many digits the oracle needs: the exponential of 700 has 304."""
    if loss.name in ROOTS:
        return 40
    far = loss.over == "row" and (loss.link == "logit" or loss.against == "labels")
    return 500 if far and not loss.heads else 80


ROUNDED: dict[str, float] = {
    **dict.fromkeys(
        (
            "active_passive", "approx_ndcg", "asymmetric_multilabel", "auc_square", "brier",
            "confidence_penalty", "crps_gaussian", "gamma_deviance_half", "generalized_kl",
            "hard_bootstrap", "jensen_shannon", "log_normal_survival", "mae_ce", "normalized_ce",
            "normface", "poisson_deviance_half", "savage", "sigmoid_loss", "smooth_pinball",
            "soft_bootstrap", "soft_nearest_neighbor", "spherical_score", "squared_emd",
            "taylor_ce", "tweedie_deviance_half", "zero_inflated_negative_binomial",
            "bi_tempered_logistic", "ldam",
        ),
        4e-15,
    ),
    # Their slope has the factor `scale` or 1/t.
    "arcface": 4e-13, "cosface": 4e-13, "logit_norm": 4e-13,
    # Of log Γ(1e6) the rounding stays.
    "beta_regression": 2e-8,
}  # fmt: skip
"""Losses with terms that cancel where value or slope is nearly 0, and the absolute error left."""


def drawn_targets(kind: str, rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    """Draw targets of a kind, those on the edge too."""
    edge = rng.random(shape) < 0.3
    match kind:
        case "positive":
            return np.exp(rng.normal(size=shape))
        case "nonnegative":
            return np.exp(rng.normal(size=shape)) * ~edge
        case "count":
            return rng.integers(0, 9, shape).astype(float) * ~edge
        case "binary":
            return rng.integers(0, 2, shape).astype(float)
        case "distribution":
            return rng.dirichlet(np.ones(shape[1]), shape[0])
        case "unit":
            return np.where(edge, rng.integers(0, 2, shape), rng.random(shape))
    return rng.normal(size=shape) * 2


def cases(loss: Loss) -> list[tuple[Any, Any]]:
    """Give batches of outputs and targets: drawn ones, and ones that are near 0 and far off."""
    rng = np.random.default_rng(len(loss.name))
    survival = loss.function.__module__.endswith(".survival") and not loss.heads
    width = 2 if survival or loss.heads else 3
    found = []
    for rows in (1, 7):
        outputs = rng.normal(size=(rows, width * loss.outputs_for_each)) * 1.5
        if loss.takes == "probabilities":
            outputs = rng.uniform(0.02, 0.98, outputs.shape)
        if loss.against == "labels":
            targets: Any = rng.integers(0, width, (rows, 1))
            if rows > 1:
                targets[:4, 0] = [0, 1, 2, 1]
        else:
            targets = drawn_targets(loss.targets, rng, (rows, width))
            if loss.targets == "binary" and rows > 1:
                targets[0], targets[1] = 0, 1
        if survival:
            targets = np.stack([np.exp(rng.normal(size=rows)), rng.random(rows) < 0.6], axis=1)
        if rows > 1 or loss.over == "row":
            found.append((outputs, targets))
    return found if loss.over == "batch" else [*found, *_far(loss, rng, survival)]


def _far(loss: Loss, rng: np.random.Generator, survival: bool) -> list[tuple[Any, Any]]:
    """Give rows that are near 0 or far off."""
    signed = np.array([s * x for x in SIZES for s in (1, -1)])
    if loss.heads:
        outputs = rng.normal(size=(10, loss.outputs_for_each)) * 6
        return [(outputs, drawn_targets(loss.targets, rng, (10, 1)))]
    if loss.against == "labels":
        signed = np.array([1e-12, -1e-12, 0.9, -9.7, 55, -55, 700, -700])
        outputs = np.stack([signed, 0 * signed, -0.5 * signed + 0.1], axis=1)
        return [(outputs, np.full((len(signed), 1), label)) for label in (0, 1)]
    if loss.link != "identity":
        most = 700 if loss.link == "logit" else 30
        signed = np.clip(signed, -most, most)
        if survival:
            event = np.resize([0.0, 1.0, 1.0], len(signed))
            targets = np.stack([np.full(len(signed), 1.7), event], axis=1)
            return [(np.stack([signed, 0 * signed], axis=1), targets)]
        if loss.targets == "distribution":
            return []
        kinds = {"binary": (0, 1), "unit": (0, 0.3, 1), "positive": (0.4, 1, 3)}
        values = kinds.get(loss.targets, (0, 1, 3))
        return [(signed[:, None], np.full((len(signed), 1), float(y))) for y in values]
    if loss.targets == "real":
        return [(signed[:, None], np.zeros((len(signed), 1)))]
    return []


def exact(loss: Loss, outputs: Any, targets: Any) -> tuple[Any, Any]:
    """Give the oracle's errors, and the derivative of their sum by differences of it."""
    oracle = ORACLES[loss.name]
    options = {
        key: mpf(value) if isinstance(value, float) else value
        for key, value in loss.options.items()
    }
    step = mpf(10) ** (-mp.dps // 3)
    kind: Any = int if loss.against == "labels" else mpf
    x = [[mpf(float(v)) for v in row] for row in outputs]
    y = [[kind(v) for v in row] for row in targets]

    def total(at: int, place: int, change: Any) -> Any:
        alone = loss.over == "row"
        moved = [list(row) for row in ([x[at]] if alone else x)]
        moved[0 if alone else at][place] += change
        value = oracle(moved, [y[at]] if alone else y, **options)
        if isinstance(value, list):
            return mp.fsum(v for row in value for v in row)
        return value * len(x)

    slope = [
        [float((total(i, j, step) - total(i, j, -step)) / (2 * step)) for j in range(len(row))]
        for i, row in enumerate(x)
    ]
    value = oracle(x, y, **options)
    if not isinstance(value, list):
        value = [[value]] * len(x)
    return np.array([[float(v) for v in row] for row in value]), np.array(slope)


def worst(name: str, given: Any, wanted: Any) -> float:
    """Give the largest relative error beyond the absolute one that a cancellation leaves."""
    beyond = np.maximum(abs(given - wanted) - ROUNDED.get(name, 0.0), 0)
    return float(np.max(beyond / (abs(wanted) + 1e-300)))


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(part.with_options(**options), id=f"{name}-{number}" if number else name)
        for name, part in LOSSES.items()
        for number, options in enumerate([{}, *OTHER_OPTIONS.get(name, [])])
    ],
)
def test_value_and_derivative_are_those_of_the_textbook(loss: Loss, record_property: Any) -> None:
    found = [0.0]
    with mp.workdps(digits(loss)):
        for outputs, targets in cases(loss):
            value, slope = errors_and_slope(loss, outputs, targets)
            right, steep = exact(loss, outputs, targets)
            found += [worst(loss.name, value, right), worst(loss.name, slope, steep)]
    record_property("worst", max(found))
    assert max(found) < 1e-12


def test_every_loss_has_an_oracle() -> None:
    assert sorted(ORACLES) == sorted(LOSSES)


@pytest.mark.parametrize("z", [-8.0, -1.0, 0.0, 5.0, 11.9, 12.0, 12.5, 20.0, 40.0, 1e3, 1e4])
def test_the_normal_distributions_upper_tail_is_right_far_out(z: float) -> None:
    with mp.workdps(100):
        wanted = float(mp.log(mp.erfc(mpf(z) / mp.sqrt(2)) / 2))
    with np.errstate(divide="ignore"):  # of the branch that is not taken
        given = float(survival._log_upper_tail(np.array(z)))
    assert abs(given - wanted) <= 4e-15 * abs(wanted) + 2e-16
