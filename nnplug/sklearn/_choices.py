"""Checking an estimator's arguments, and turning them into parts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from types import NoneType
from typing import Any, cast

import numpy as np
from sklearn.base import BaseEstimator

from nnplug.builtin.activations import exponential
from nnplug.errors import NnplugError, UnknownPartError, suggest
from nnplug.network.layers import find_layers, flat
from nnplug.network.network import short_form
from nnplug.network.tasks import Head, output_activation_name
from nnplug.parts import (
    Activation,
    Initializer,
    Layer,
    Loss,
    Metric,
    Noise,
    Optimizer,
    Part,
    Schedule,
    State,
    Task,
    parse_part,
)
from nnplug.plans import Regularization
from nnplug.runs.choices import for_each_layer
from nnplug.runs.settings import ROWS
from nnplug.sklearn._errors import ArgumentError
from nnplug.sklearn._parts import (
    half_poisson_deviance,
    registry,
    sklearn_adam,
    sklearn_momentum,
    sklearn_nesterov,
)

__all__ = ["Choices", "choose", "is_stochastic"]

LEARNING_RATES = ("constant", "invscaling", "adaptive")

OWN_LOSSES: Mapping[tuple[str, str], str] = {
    ("log_loss", "binary"): "binary_cross_entropy",
    ("log_loss", "multiclass"): "cross_entropy",
    ("log_loss", "multilabel"): "binary_cross_entropy_sum",
    ("squared_error", "regression"): "half_mse_sum",
}
"""scikit-learn's names of losses, by task."""


@dataclass(frozen=True)
class Choices:
    """The parts and numbers that an estimator's arguments stand for.

    Attributes
    ----------
    layers : tuple of Activation or Layer
        The layers before the output.
    initializer : Initializer or None
        Draws the weights; None: they are drawn as scikit-learn does.
    loss : Loss
    output_activation : Activation
    optimizer : Optimizer or None
        None: lbfgs.
    rate_mode : str
        How the learning rate changes: `"constant"`, `"invscaling"` or
        `"adaptive"`.
    schedule : Schedule or None
        A factor on it.
    regularization : Regularization
    metrics : tuple of Metric
    patience : int or None
        Epochs without improvement after which training stops; None: it does
        not stop early.
    dtype : numpy.dtype or None
        None: the dtype of the inputs.
    """

    layers: tuple[Activation | Layer, ...]
    initializer: Initializer | None
    loss: Loss
    output_activation: Activation
    optimizer: Optimizer | None
    rate_mode: str
    schedule: Schedule | None
    regularization: Regularization
    metrics: tuple[Metric, ...]
    patience: int | None
    dtype: np.dtype[Any] | None

    def head(self, task: Task, width: int) -> Head:
        """Make the network's head; `width` is as in `Head`."""
        return Head(task, self.loss, self.output_activation, width)


def is_stochastic(estimator: BaseEstimator) -> bool:
    """Whether an estimator trains step by step, so that training can continue."""
    return not (isinstance(estimator.solver, str) and estimator.solver == "lbfgs")


def choose(estimator: BaseEstimator, task: Task) -> Choices:
    """Check an estimator's arguments and find its parts.

    Raises
    ------
    ArgumentError
        If an argument is out of range, or a part is not found or does not fit
        the task or another argument.
    """
    try:
        return _choose(estimator, task)
    except NnplugError as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(str(error)) from error


def _choose(estimator: BaseEstimator, task: Task) -> Choices:
    _check_numbers(estimator)
    layers = _layers(estimator)
    loss = _loss(estimator.loss, task)
    optimizer = _optimizer(estimator)
    schedule = None
    if estimator.schedule is not None:
        schedule = cast(Schedule, registry().get("schedule", estimator.schedule))
        schedule.check_pure(estimator.max_iter)
    clip = estimator.clip_global_norm
    regularization = Regularization(
        l2=ROWS["l2"].check(_plain(estimator.l2)),
        alpha=float(estimator.alpha),
        clip_global_norm=None if clip is None else ROWS["clip_global_norm"].check(_plain(clip)),
    )
    if optimizer is None:
        _check_lbfgs(estimator, regularization, layers)
    if not isinstance(estimator.callbacks, list | tuple | NoneType):
        raise ArgumentError(f"callbacks={estimator.callbacks!r}: give a list of objects.")
    metrics = estimator.metrics or ()
    if isinstance(metrics, str) or not isinstance(metrics, list | tuple):
        metrics = (metrics,)
    return Choices(
        layers,
        None if estimator.layers is None else _initializer(),
        loss,
        _output_activation(estimator.output_activation, loss, task),
        optimizer,
        # scikit-learn has these modes for sgd only; a part of nnplug's may use them too.
        "constant" if estimator.solver == "adam" else estimator.learning_rate,
        schedule,
        regularization,
        tuple(_metric(metric, task) for metric in metrics),
        # scikit-learn stops after more than `n_iter_no_change` epochs.
        None if math.isinf(estimator.n_iter_no_change) else int(estimator.n_iter_no_change) + 1,
        _dtype(estimator.dtype),
    )


# --- parts -----------------------------------------------------------------------------


def _part(kind: str, asked: Any, own: Sequence[str] = ()) -> Part:
    """Find an installed part; the error for a wrong name lists scikit-learn's own names too."""
    try:
        return registry().get(kind, asked)
    except UnknownPartError as error:
        if not own:
            raise
        names = ", ".join(map(repr, own))
        raise ArgumentError(
            f"{error}\nOf scikit-learn: {names}.{suggest(str(asked), own)}"
        ) from error


def _layers(estimator: BaseEstimator) -> tuple[Activation | Layer, ...]:
    """Find the layers before the output, from `layers` or from scikit-learn's arguments."""
    if estimator.layers is not None:
        usual = type(estimator)().get_params(deep=False)
        for name in ("hidden_layer_sizes", "activation", "dropout"):
            value, default = getattr(estimator, name), usual.get(name)
            if _plain(value) != _plain(default):
                raise ArgumentError(
                    f"{name}={value!r} and layers={estimator.layers!r}: both say what the "
                    "network's layers are.\n"
                    f"Leave {name} at {default!r} and say it in layers, or give layers=None."
                )
        return tuple(find_layers(ROWS["layers"].check(_plain(estimator.layers)), registry()))
    hidden = _widths(estimator.hidden_layer_sizes)
    dropout = for_each_layer("dropout", ROWS["dropout"].check(_plain(estimator.dropout)), hidden)
    return tuple(short_form(hidden, _activations(estimator.activation, hidden), dropout))


def _initializer() -> Initializer:
    return cast(Initializer, registry().get("initializer", ROWS["initializer"].default))


def _widths(sizes: Any) -> tuple[int, ...]:
    widths = list(np.atleast_1d(sizes)) if not isinstance(sizes, list | tuple) else list(sizes)
    if any(not _is(width, Integral) for width in widths):
        raise ArgumentError(
            f"hidden_layer_sizes={sizes!r}: it is the number of units of each hidden layer, such "
            "as (100,) or (64, 32); () for no hidden layer."
        )
    if any(width <= 0 for width in widths):
        raise ArgumentError(f"hidden_layer_sizes must be > 0, got {widths}.")
    return tuple(map(int, widths))


def _activations(asked: Any, hidden: tuple[int, ...]) -> tuple[Activation, ...]:
    several = list(asked) if isinstance(asked, list | tuple | np.ndarray) else [asked]
    found = [cast(Activation, _part("activation", name)) for name in several]
    if isinstance(asked, list | tuple | np.ndarray):
        if len(found) != len(hidden):
            raise ArgumentError(
                f"activation={asked!r}: {len(found)} activations for {len(hidden)} hidden layers; "
                "give one for all, or one for each."
            )
        return tuple(found)
    return tuple(found * len(hidden))


def _loss(asked: Any, task: Task) -> Loss:
    if isinstance(asked, str):
        if asked == "poisson" and task == "regression":
            return half_poisson_deviance
        own = {name: installed for (name, its), installed in OWN_LOSSES.items() if its == task}
        names = [*own, *(["poisson"] if task == "regression" else [])]
        return cast(Loss, _part("loss", own.get(asked, asked), names))
    if task == "regression" and isinstance(asked, int | tuple | list):
        raise ArgumentError(
            f"loss={asked!r}: it looks like hidden_layer_sizes, which is the second argument of "
            "MLPRegressor, as in scikit-learn 1.7; name it."
        )
    return cast(Loss, _part("loss", asked))


def _output_activation(asked: Any, loss: Loss, task: Task) -> Activation:
    if asked is None:
        if loss.function is half_poisson_deviance.function:
            return exponential
        asked = output_activation_name(task, loss)
    return cast(Activation, registry().get("activation", asked))


def _metric(asked: Any, task: Task) -> Metric:
    metric = cast(Metric, registry().get("metric", asked))
    if metric.takes != "prediction" and task == "regression":
        raise ArgumentError(
            f"metric {metric.name!r} compares {metric.takes} with labels, which a regression does "
            "not have.\nUse r2, mse or mae."
        )
    return metric


def _optimizer(estimator: BaseEstimator) -> Optimizer | None:
    """Find the optimizer, by one of scikit-learn's names or as any part; None for lbfgs."""
    solver, rate = estimator.solver, float(estimator.learning_rate_init)
    if not is_stochastic(estimator):
        return None
    if isinstance(solver, str) and solver == "adam":
        return sklearn_adam.with_options(
            learning_rate=rate,
            beta1=float(estimator.beta_1),
            beta2=float(estimator.beta_2),
            epsilon=float(estimator.epsilon),
        )
    if isinstance(solver, str) and solver == "sgd":
        if estimator.momentum == 0:
            plain = cast(Optimizer, registry().get("optimizer", "nnplug/sgd"))
            return plain.with_options(learning_rate=rate)
        kind = sklearn_nesterov if estimator.nesterovs_momentum else sklearn_momentum
        return kind.with_options(learning_rate=rate, momentum=float(estimator.momentum))
    found = cast(Optimizer, _part("optimizer", solver, ["lbfgs"]))
    said = parse_part(solver).options if isinstance(solver, str) else {}
    own = "learning_rate" in said or found.learning_rate != found.usual_rate
    return found if own else found.with_options(learning_rate=rate)


def _dtype(asked: Any) -> np.dtype[Any] | None:
    if asked is None:
        return None
    try:
        dtype: np.dtype[Any] = np.dtype(asked)
    except TypeError:
        dtype = np.dtype(object)
    if dtype not in (np.float32, np.float64):
        raise ArgumentError(f"dtype={asked!r}: use 'float32', 'float64', or None for that of X.")
    return dtype


def _check_lbfgs(
    estimator: BaseEstimator, regularization: Regularization, layers: Sequence[Activation | Layer]
) -> None:
    """Refuse what lbfgs cannot do: it minimizes a fixed loss, with steps that it chooses itself."""

    def first_with(kind: type) -> Activation | Layer | None:
        return next((layer for layer in flat(layers) if _declares(layer, kind)), None)

    by_argument = estimator.layers is None and np.any(estimator.dropout)
    if (random := first_with(Noise)) is not None and not by_argument:
        raise ArgumentError(
            f"{random.kind} {random.text!r} with solver='lbfgs', which needs a loss that is the "
            f"same each time: {random.name} is random in training.\n"
            f"Use solver='adam' or 'sgd', or leave out {random.name}."
        )
    if (kept := first_with(State)) is not None:
        names = [name for name, array in kept.arrays.items() if isinstance(array, State)]
        raise ArgumentError(
            f"layer {kept.text!r} with solver='lbfgs', which minimizes a loss of all rows: "
            f"{kept.name} keeps {' and '.join(names)} from the batches of training.\n"
            "Use solver='adam' or 'sgd', or a layer without such a state, such as layer_norm."
        )
    unusable = {
        "dropout": by_argument,
        "clip_global_norm": regularization.clip_global_norm is not None,
        "schedule": estimator.schedule is not None,
    }
    for name in (name for name, given in unusable.items() if given):
        raise ArgumentError(
            f"{name}={getattr(estimator, name)!r} with solver='lbfgs', which takes no steps of a "
            "learning rate, and needs a loss that is the same each time.\n"
            "Use solver='adam' or 'sgd', or leave it out."
        )


def _declares(layer: Activation | Layer, kind: type) -> bool:
    """Whether a layer declares an array of a kind."""
    return any(isinstance(array, kind) for array in layer.arrays.values())


# --- numbers ---------------------------------------------------------------------------


def _is(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool | np.bool_)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


# The name, whether it is whole, the lower and the upper bound, and which bounds are included.
NUMBERS: tuple[tuple[str, bool, float, float, str], ...] = (
    ("alpha", False, 0, math.inf, "[)"),
    ("learning_rate_init", False, 0, math.inf, "()"),
    ("power_t", False, 0, math.inf, "[)"),
    ("max_iter", True, 1, math.inf, "[)"),
    ("tol", False, 0, math.inf, "[)"),
    ("momentum", False, 0, 1, "[]"),
    ("validation_fraction", False, 0, 1, "[)"),
    ("beta_1", False, 0, 1, "[)"),
    ("beta_2", False, 0, 1, "[)"),
    ("epsilon", False, 0, math.inf, "()"),
    ("max_fun", True, 1, math.inf, "[)"),
)


SWITCHES = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping")


def _check_numbers(estimator: BaseEstimator) -> None:
    for name, whole, low, high, ends in NUMBERS:
        value = getattr(estimator, name)
        fits = _is(value, Integral if whole else Real)
        fits = fits and (low <= value if ends[0] == "[" else low < value)
        fits = fits and (value <= high if ends[1] == "]" else value < high)
        if not fits:
            kind = "a whole number" if whole else "a number"
            span = f" in {ends[0]}{low:g}, {high:g}{ends[1]}"
            raise ArgumentError(f"{name}={value!r}: it must be {kind}{span}.")
    for name in SWITCHES:
        if not isinstance(getattr(estimator, name), bool | np.bool_):
            raise ArgumentError(f"{name}={getattr(estimator, name)!r}: it must be True or False.")
    patience, size = estimator.n_iter_no_change, estimator.batch_size
    if patience != math.inf and not (_is(patience, Integral) and patience >= 1):
        raise ArgumentError(
            f"n_iter_no_change={patience!r}: it must be a whole number, at least 1, or inf."
        )
    if not (isinstance(size, str) and size == "auto") and not (_is(size, Integral) and size >= 1):
        raise ArgumentError(
            f"batch_size={size!r}: it must be 'auto', or a whole number, at least 1."
        )
    if estimator.learning_rate not in LEARNING_RATES:
        raise ArgumentError(
            f"learning_rate={estimator.learning_rate!r}: use "
            f"{', '.join(map(repr, LEARNING_RATES))}. The rate itself is learning_rate_init."
        )
