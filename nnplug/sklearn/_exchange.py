"""Converting fitted estimators from scikit-learn's to nnplug's, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse
import sklearn.neural_network
from sklearn.base import BaseEstimator, is_classifier
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from nnplug.network.network import Network
from nnplug.parts import Part, Task
from nnplug.sklearn._choices import choose
from nnplug.sklearn._errors import EstimatorError
from nnplug.sklearn._parts import half_poisson_deviance, registry
from nnplug.sklearn._saving import name_of_output, set_fitted
from nnplug.sklearn._weights import copy_weights, layers_text

__all__ = ["from_theirs", "to_theirs"]

TASKS: Mapping[str, Task] = {"softmax": "multiclass", "identity": "regression", "exp": "regression"}
"""The task of scikit-learn's networks, by output activation."""

ACTIVATIONS = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}
"""The activations that scikit-learn has, with its names."""

SOLVERS = ("lbfgs", "sgd", "adam")


# --- from scikit-learn ------------------------------------------------------------------


def from_theirs(cls: type[BaseEstimator], fitted: BaseEstimator) -> BaseEstimator:
    """Make an estimator from one that scikit-learn has fitted."""
    kinds = [base for base in type(fitted).__mro__ if base.__module__.startswith("sklearn.")]
    if cls.__name__ not in [base.__name__ for base in kinds]:
        kind = type(fitted)
        raise EstimatorError(
            f"from_sklearn: {kind.__module__}.{kind.__name__} is not scikit-learn's "
            f"{cls.__name__}, nor derived from it."
        )
    check_is_fitted(fitted, "coefs_")
    estimator = cls()
    known = estimator.get_params(deep=False)
    asked = fitted.get_params(deep=False)
    estimator.set_params(**{name: value for name, value in asked.items() if name in known})
    task, width = TASKS.get(fitted.out_activation_, "binary"), fitted.n_outputs_
    if task == "binary" and fitted._label_binarizer.y_type_.startswith("multilabel"):
        task = "multilabel"
    elif task == "binary":
        width = len(fitted.classes_)
    choices = choose(estimator, task)
    network = Network.of(
        fitted.n_features_in_,
        choices.layers,
        fitted.n_outputs_,
        output_activation=choices.output_activation,
        dtype=fitted.coefs_[0].dtype,
    )
    estimator.n_features_in_ = fitted.n_features_in_
    if hasattr(fitted, "feature_names_in_"):
        estimator.feature_names_in_ = fitted.feature_names_in_
    copy_weights(fitted.coefs_, fitted.intercepts_, network)
    set_fitted(estimator, network, choices.head(task, width), getattr(fitted, "classes_", ()))
    if is_classifier(estimator):
        estimator._sparse_labels = fitted._label_binarizer.sparse_input_
    for name in ("n_iter_", "t_", "loss_", "best_loss_", "best_validation_score_"):
        if hasattr(fitted, name):
            setattr(estimator, name, getattr(fitted, name))
    if estimator.best_loss_ is not None:
        estimator._least_watched = estimator.best_loss_
    for name in ("loss_curve_", "validation_scores_"):
        if getattr(fitted, name, None) is not None:
            setattr(estimator, name, list(getattr(fitted, name)))
    return estimator


# --- to scikit-learn --------------------------------------------------------------------


def to_theirs(estimator: BaseEstimator) -> BaseEstimator:
    """Make scikit-learn's estimator from a fitted one."""
    if "estimators_" in vars(estimator):
        raise EstimatorError(
            f"to_sklearn: scikit-learn's estimators have one network, and this one has "
            f"{len(estimator.estimators_)}.\nGive one of them: estimators_[0].to_sklearn()."
        )
    cls = getattr(sklearn.neural_network, type(estimator).__name__, None)
    if cls is None:  # of a class derived from ours
        classifier = is_classifier(estimator)
        cls = sklearn.neural_network.MLPClassifier if classifier else (
            sklearn.neural_network.MLPRegressor
        )  # fmt: skip
    known = cls().get_params(deep=False)
    arguments = estimator.get_params(deep=False) | _named_parts(estimator, known)
    theirs = cls(**{name: value for name, value in arguments.items() if name in known})
    network, head = estimator.network_, estimator._head
    theirs.n_features_in_ = estimator.n_features_in_
    if hasattr(estimator, "feature_names_in_"):
        theirs.feature_names_in_ = estimator.feature_names_in_
    for kind, whole in (("weight", "coefs_"), ("bias", "intercepts_")):
        arrays = [np.array(network[f"{layer.name}.{kind}"]) for layer in network.layers]
        setattr(theirs, whole, arrays)
        setattr(theirs, f"_best_{whole.removesuffix('_')}", [array.copy() for array in arrays])
    if is_classifier(estimator):
        labels: Any = estimator.classes_
        if head.task == "multilabel":
            labels = np.zeros((1, len(labels)), int)
            labels = scipy.sparse.csr_matrix(labels) if estimator._sparse_labels else labels
        theirs._label_binarizer = LabelBinarizer().fit(labels)
        theirs.classes_ = theirs._label_binarizer.classes_
    for name in (
        "n_layers_", "n_outputs_", "out_activation_", "n_iter_", "t_", "loss_", "best_loss_",
        "best_validation_score_", "validation_scores_", "loss_curve_", "_no_improvement_count",
    ):  # fmt: skip
        if hasattr(estimator, name):
            value = getattr(estimator, name)
            setattr(theirs, name, list(value) if isinstance(value, list) else value)
    theirs._random_state = check_random_state(theirs.random_state)
    return theirs


def _named_parts(estimator: BaseEstimator, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return scikit-learn's arguments for a network's parts.

    The parts that predictions need must be the same. A loss or a solver that
    scikit-learn does not have becomes its default, since only training needs it.
    """
    network, head = estimator.network_, estimator._head
    if not network.layers:
        raise EstimatorError(
            "to_sklearn: scikit-learn's networks are dense layers, one after the other, with an "
            f"activation each, and this one has the layers {layers_text(network)!r}.\n"
            "Save it with `save`: a model file has any part."
        )
    hidden = {layer.activation.text: layer.activation for layer in network.layers[:-1]}
    for activation in hidden.values():
        if _own_name(activation) is None:
            raise _cannot_say(activation)
    if len(hidden) > 1:
        raise EstimatorError(
            f"to_sklearn: the hidden layers have the activations {', '.join(hidden)}; "
            "scikit-learn's networks have one for all."
        )
    output = name_of_output(head)
    wanted = {"regression": ("identity", "exp"), "multiclass": ("softmax",)}
    if output not in wanted.get(head.task, ("logistic",)) or (
        output == "exp" and "loss" not in known
    ):
        by = head.activation if head.activation.text != "identity" else head.loss
        raise _cannot_say(by, f", which gives {output} at the output of a {head.task} network")
    arguments: dict[str, Any] = {
        "hidden_layer_sizes": tuple(layer.fan_out for layer in network.layers[:-1]),
        "activation": _own_name(next(iter(hidden.values()))) if hidden else "relu",
    }
    if "loss" in known:
        poisson = head.loss.function is half_poisson_deviance.function
        if poisson != (output == "exp"):
            raise _cannot_say(head.loss, f" with {output} at the output")
        arguments["loss"] = "poisson" if poisson else "squared_error"
    if not isinstance(estimator.solver, str) or estimator.solver not in SOLVERS:
        arguments["solver"] = "adam"
    return arguments


def _own_name(activation: Part) -> str | None:
    """Return scikit-learn's name of an activation, if it has one and the part is built in."""
    name = ACTIVATIONS.get(activation.text)
    if name is None:
        return None
    own = registry().get("activation", f"nnplug/{activation.text}")
    return name if own.function is activation.function else None


def _cannot_say(part: Part, what: str = "") -> EstimatorError:
    return EstimatorError(
        f"to_sklearn: scikit-learn's networks have no {part.kind} {part.text!r}{what}.\n"
        "Save it with `save`: a model file has any part."
    )
