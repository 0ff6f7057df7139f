"""Estimators as models and runs of nnplug, and back: saving, loading, callbacks."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from nnplug.errors import ModelFileError
from nnplug.models import Model, ModelInfo, load_model, warn_of
from nnplug.network.layers import find_layers, flat
from nnplug.network.network import Network
from nnplug.network.tasks import Head
from nnplug.parts import Part
from nnplug.sklearn._choices import Choices, choose, is_stochastic
from nnplug.sklearn._parts import registry
from nnplug.sklearn._weights import layers_text
from nnplug.training import History

__all__ = ["EstimatorRun", "model_of", "name_of_output", "restored", "set_fitted"]

ARGUMENTS = "arguments"
"""Under this name a model file has the estimator's arguments, as far as they are plain."""


class EstimatorRun:
    """What callbacks are given as `run`: the part of `nnplug.Run` that an estimator has.

    Attributes
    ----------
    estimator : MLPClassifier or MLPRegressor
    network : Network
        As it stands.
    head, model, parts
        As in `nnplug.Run`.
    settings : dict
        The estimator's arguments.
    """

    def __init__(self, estimator: Any, network: Network, choices: Choices) -> None:
        self.estimator, self.network, self.head = estimator, network, estimator._head
        self.loss, self.metrics = choices.loss, choices.metrics
        self.optimizer, self.schedule = choices.optimizer, choices.schedule
        self.model = model_of(estimator, network)
        self.settings = estimator.get_params(deep=False)

    @property
    def history(self) -> History:
        """Losses and metrics by epoch."""
        history: History = self.estimator.history_
        return history

    def predict(self, X: Any) -> Any:
        """Predict with the network as it stands."""
        return self.model.predict(X)

    def __repr__(self) -> str:
        return f"<run of {type(self.estimator).__name__}: {self.network!r}>"


# --- saving ----------------------------------------------------------------------------


def model_of(estimator: Any, network: Network | None = None) -> Model:
    """Make a model of an estimator's network."""
    network = estimator.network_ if network is None else network
    head: Head = estimator._head
    classes = tuple(estimator.classes_.tolist()) if is_classifier(estimator) else ()
    columns = network.inputs
    names = getattr(estimator, "feature_names_in_", [f"x{number}" for number in range(columns)])
    choices = choose(estimator, head.task)
    roles: dict[str, tuple[Part, ...]] = {
        "layers": tuple(flat([placed.part for placed in network.placed[:-2]])),
        "output_activation": (head.activation,),
        "loss": (head.loss,),
        "metrics": choices.metrics,
        "optimizer": () if choices.optimizer is None else choices.optimizer.chain,
        "schedule": () if choices.schedule is None else (choices.schedule,),
    }
    info = ModelInfo.of(
        network,
        roles,
        registry().provider,
        task=head.task,
        classes=classes,
        features=tuple(map(str, names)),
        encoder=None,
        settings={
            "estimator": type(estimator).__name__,
            "epochs": estimator.n_iter_,
            ARGUMENTS: _plain_arguments(estimator),
        },
    )
    return Model(
        network=network,
        head=head,
        encoder=None,
        classes=classes,
        features=info.features,
        registry=registry(),
        describe=lambda: info,
    )


def _plain_arguments(estimator: Any) -> dict[str, Any]:
    """Give the arguments that are not the default, as far as a file can hold them."""
    defaults = type(estimator)().get_params(deep=False)
    plain = {}
    for name, value in estimator.get_params(deep=False).items():
        text = _as_plain(value)
        if text is not None and text != _as_plain(defaults[name]):
            plain[name] = text
    return plain


def _as_plain(value: Any) -> Any:
    """Bring a value to what JSON has; None where there is no such."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Part):
        return value.text
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple) and all(_as_plain(each) is not None for each in value):
        return [_as_plain(each) for each in value]
    return None


# --- loading ---------------------------------------------------------------------------


def restored(cls: Any, path: str | os.PathLike[str], *, allow_other_versions: bool) -> Any:
    """Make an estimator of a model file."""
    model = load_model(path, registry(), allow_other_versions=allow_other_versions)
    warn_of(model.notes, f"{os.fspath(path)}: ", stacklevel=3)
    if (model.task != "regression") != is_classifier(cls()):
        raise ModelFileError(
            f'"{os.fspath(path)}" holds a model for {model.task}, which is none of a '
            f"{cls.__name__}."
        )
    if model.encoder is not None:
        raise ModelFileError(
            f'"{os.fspath(path)}" holds a model of a table, whose columns it encodes itself; an '
            "estimator takes arrays of numbers.\nLoad it with nnplug.load."
        )
    estimator = cls(**_arguments(cls, model.info.settings.get(ARGUMENTS)))
    if estimator.layers is None:
        _say_layers(estimator, model.network)
    estimator.n_features_in_ = model.info.inputs
    if model.info.features != tuple(f"x{number}" for number in range(model.info.inputs)):
        estimator.feature_names_in_ = np.array(model.info.features, object)
    set_fitted(estimator, model.network, model.head, model.classes)
    return estimator


def _say_layers(estimator: Any, network: Network) -> None:
    """Set the arguments that give the network's layers."""
    if network.layers:
        hidden = network.layers[:-1]
        estimator.hidden_layer_sizes = tuple(layer.fan_out for layer in hidden)
        return
    parts = [placed.part for placed in network.placed[:-2]]
    estimator.layers, found = layers_text(network), find_layers(layers_text(network), registry())
    if [each.function for each in flat(found)] != [each.function for each in flat(parts)]:
        estimator.layers = parts


def _arguments(cls: Any, said: object) -> dict[str, Any]:
    """Take what a file says of an estimator's arguments: those that there are, if plain."""
    known = cls().get_params(deep=False)
    if not isinstance(said, Mapping):
        return {}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in said.items()
        if name in known and _as_plain(value) is not None
    }


def set_fitted(estimator: Any, network: Network, head: Head, classes: Any) -> None:
    """Give an estimator a network, as a fit does that saw nothing of the rows."""
    if is_classifier(estimator):
        estimator.classes_ = np.array(classes)
    estimator.network_, estimator._head = network, head
    estimator.n_layers_, estimator.n_outputs_ = len(network.widths), head.outputs
    estimator.out_activation_ = name_of_output(head)
    estimator.history_ = History()
    if is_stochastic(estimator):
        estimator.loss_curve_ = []
    estimator.n_iter_ = estimator.t_ = estimator._no_improvement_count = 0
    estimator.best_loss_ = np.inf
    estimator.validation_scores_ = estimator.validation_loss_curve_ = None
    estimator.best_validation_score_ = None
    estimator._link()


def name_of_output(head: Head) -> str:
    """Name what turns the network's sums into answers, in scikit-learn's words."""
    if head.loss.link != "identity" and not head.activation.gives:
        return {"log": "exp", "logit": "logistic", "softmax": "softmax"}[head.loss.link]
    return {"sigmoid": "logistic", "exponential": "exp"}.get(
        head.activation.name, head.activation.text
    )
