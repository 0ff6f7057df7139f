"""Estimators as nnplug's models and runs, in model files and in pickles."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.validation import check_is_fitted

from nnplug.errors import ModelFileError, NnplugError
from nnplug.models import Model, ModelInfo, load_model, warn_of
from nnplug.models.calibration import Calibration
from nnplug.network.layers import find_layers, flat
from nnplug.network.network import Network
from nnplug.network.tasks import Head
from nnplug.parts import Activation, Layer, Loss, Part
from nnplug.sklearn._choices import Choices, choose
from nnplug.sklearn._errors import EstimatorError
from nnplug.sklearn._fitted import set_fitted, take_members
from nnplug.sklearn._parts import registry
from nnplug.sklearn._rows import Order
from nnplug.sklearn._stochastic import LearningRate
from nnplug.sklearn._weights import layers_text
from nnplug.training import History

__all__ = [
    "EstimatorRun",
    "fitted_model",
    "load_estimator",
    "plain_state",
    "revive_state",
]

ARGUMENTS = "arguments"
"""The name under which a model file has the estimator's arguments, those that are plain values."""

MADE_AGAIN = (
    "_session", "_evaluator", "_calibration", "_linked", "_head", "_order", "_optimizer",
    "network_", "coefs_", "intercepts_", "history_",
)  # fmt: skip
"""Attributes that follow from the rest of the state, or are kept in another form."""

PLAIN = "_plain"
"""The name under which a state has that other form."""


class EstimatorRun:
    """The `run` that callbacks get: the part of `nnplug.Run` that an estimator has.

    Attributes
    ----------
    estimator : MLPClassifier or MLPRegressor
    network : Network
        In its present state.
    head, model, parts
        As in `nnplug.Run`.
    settings : dict
        The estimator's arguments.
    """

    def __init__(self, estimator: BaseEstimator, network: Network, choices: Choices) -> None:
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
        """Predict with the network in its present state."""
        return self.model.predict(X)

    def __repr__(self) -> str:
        return f"<run of {type(self.estimator).__name__}: {self.network!r}>"


# --- saving ----------------------------------------------------------------------------


def model_of(estimator: BaseEstimator, network: Network | None = None) -> Model:
    """Make a model of an estimator's network."""
    others: tuple[Network, ...] = ()
    if network is None:
        network = estimator.network_
        members = vars(estimator).get("estimators_", [])[1:]
        others = tuple(member.network_ for member in members)
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
        members=1 + len(others),
    )
    return Model(
        network=network,
        head=head,
        encoder=None,
        classes=classes,
        features=info.features,
        registry=registry(),
        describe=lambda: info,
        calibration=estimator._calibration,
        others=others,
    )


def fitted_model(estimator: BaseEstimator) -> Model:
    """Make a model of a fitted estimator, to be written.

    Raises
    ------
    EstimatorError
        If it was fitted on a single class.
    """
    check_is_fitted(estimator, "network_")
    estimator._synchronise()
    if len(getattr(estimator, "classes_", "two or none")) == 1:
        raise EstimatorError(
            f"{type(estimator).__name__} was fitted on a single class, {estimator.classes_[0]!r}, "
            "so a model of it would have nothing to predict.\nFit it on two classes or more."
        )
    return model_of(estimator)


def _plain_arguments(estimator: BaseEstimator) -> dict[str, Any]:
    """Return the arguments that are not defaults, and that a file can hold."""
    defaults = type(estimator)().get_params(deep=False)
    plain = {}
    for name, value in estimator.get_params(deep=False).items():
        text = _as_plain(value)
        if text is not None and text != _as_plain(defaults[name]):
            plain[name] = text
    return plain


def _as_plain(value: Any) -> Any:
    """Turn a value into one that JSON has; None if that is not possible."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Part):
        return value.text
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        items = [_as_plain(item) for item in value]
        return None if None in items else items
    return None


# --- loading ---------------------------------------------------------------------------


def load_estimator(
    cls: type[BaseEstimator], path: str | os.PathLike[str], *, allow_other_versions: bool
) -> BaseEstimator:
    """Make an estimator from a model file."""
    model = load_model(path, registry(), allow_other_versions=allow_other_versions)
    warn_of(model.notes, f"{os.fspath(path)}: ", stacklevel=3)
    if (model.task != "regression") != is_classifier(cls()):
        raise ModelFileError(
            f'"{os.fspath(path)}" holds a model for {model.task}, which is not a task of '
            f"{cls.__name__}.\nLoad it with nnplug.load."
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
    estimator._calibration = model.calibration
    _load_members(estimator, model)
    return estimator


def _say_layers(estimator: BaseEstimator, network: Network) -> None:
    """Set the arguments that describe the network's layers."""
    if network.layers:
        hidden = network.layers[:-1]
        estimator.hidden_layer_sizes = tuple(layer.fan_out for layer in hidden)
        return
    parts = [placed.part for placed in network.placed[:-2]]
    estimator.layers, found = layers_text(network), find_layers(layers_text(network), registry())
    if [part.function for part in flat(found)] != [part.function for part in flat(parts)]:
        estimator.layers = parts


def _arguments(cls: type[BaseEstimator], said: object) -> dict[str, Any]:
    """Return the arguments that a file has for an estimator: the known ones with plain values."""
    known = cls().get_params(deep=False)
    if not isinstance(said, Mapping):
        return {}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in said.items()
        if name in known and _as_plain(value) is not None
    }


def _load_members(estimator: BaseEstimator, model: Model) -> None:
    """Give an estimator that was loaded the members of its model."""
    if not model.others:
        return
    alone = {**estimator.get_params(deep=False), "members": 1}
    members = []
    for network in model.networks:
        member = type(estimator)(**alone)
        member.n_features_in_ = estimator.n_features_in_
        set_fitted(member, network, model.head, model.classes)
        members.append(member)
    take_members(estimator, members)


# --- in a pickle -------------------------------------------------------------------------
#
# A pickle holds plain values and arrays, from which the rest is made again. Tools that check the
# types in a file, such as skops, find the estimator's class and types of Python and NumPy, and
# parts of the user's own, if there are any.


def plain_state(state: dict[str, Any]) -> dict[str, Any]:
    """Return an estimator's attributes in the form that a pickle holds.

    A fitted estimator's `validation_data` is left out: it served the fit, and
    may be most of the file.
    """
    session = state.get("_session")
    if session is not None:
        state = {**state, **session.kept()}
    plain: dict[str, Any] = {}
    if "history_" in state:
        history: History = state["history_"]
        plain["history"] = (history.columns, history.best, history.seconds)
    if "_order" in state:
        order: Order = state["_order"]
        # Only a fit that continues starts with the order of the one before.
        plain["order"] = order.places if state["warm_start"] else order.places[:0]
    if "_optimizer" in state:
        rate: LearningRate = state["_optimizer"]
        plain["rate"] = (rate.initial, rate.mode, rate.power, rate.learning_rate)
    if "network_" in state:
        plain["network"] = _plain_network(state["network_"], state["_head"])
        state = {**state, "validation_data": None}
        if state.get("_calibration") is not None:
            plain["calibration"] = state["_calibration"].to_dict()
    kept = {name: value for name, value in state.items() if name not in MADE_AGAIN}
    return {**kept, PLAIN: plain}


def revive_state(state: dict[str, Any]) -> dict[str, Any]:
    """Turn the form of `plain_state` back into attributes; `_link` makes the rest."""
    state = dict(state)
    plain = state.pop(PLAIN, {})
    state["_session"] = None
    if "history" in plain:
        history = History()
        history.columns, history.best, history.seconds = plain["history"]
        state["history_"] = history
    if "order" in plain:
        state["_order"] = Order(state["_random_state"], bool(state["shuffle"]))
        state["_order"].places = plain["order"]
    if "rate" in plain:
        initial, mode, power, now = plain["rate"]
        state["_optimizer"] = LearningRate(initial, mode, power, None, 0)
        state["_optimizer"].learning_rate = now
    if "network" in plain:
        state["network_"], head = _revived_network(plain["network"])
        state["_head"] = head
        if "calibration" in plain:
            classes = 0 if head.task == "regression" else head.width
            state["_calibration"] = Calibration.from_dict(plain["calibration"], head.task, classes)
    return state


def _plain_network(network: Network, head: Head) -> dict[str, Any]:
    *layers, _, output = (placed.part for placed in network.placed)
    return {
        "inputs": network.inputs,
        "layers": [_plain_layer(layer) for layer in layers],
        "outputs": network.outputs,
        "output_activation": _plain_part(output),
        "dtype": network.dtype.name,
        "parameters": np.array(network.parameters),
        "task": head.task,
        "loss": _plain_part(head.loss),
        "width": head.width,
    }


def _revived_network(plain: dict[str, Any]) -> tuple[Network, Head]:
    output = cast(Activation, _part("activation", plain["output_activation"]))
    network = Network.of(
        plain["inputs"],
        [_layer(layer) for layer in plain["layers"]],
        plain["outputs"],
        output_activation=output,
        dtype=plain["dtype"],
        columns=(),
    )
    network.parameters[:] = plain["parameters"]
    loss = cast(Loss, _part("loss", plain["loss"]))
    return network, Head(plain["task"], loss, output, plain["width"])


PlainLayer = str | Part | tuple[str | Part, list[Any]]
"""A layer, or one with its inner layers."""


def _plain_layer(part: Activation | Layer) -> PlainLayer:
    if not (isinstance(part, Layer) and part.holds):
        return _plain_part(part)
    return _plain_part(replace(part, inner=())), [_plain_layer(inner) for inner in part.inner]


def _layer(plain: PlainLayer) -> Activation | Layer:
    if not isinstance(plain, tuple):
        return _found(plain)
    around = _found(plain[0])
    assert isinstance(around, Layer)
    return around.around([_layer(inner) for inner in plain[1]])


def _found(plain: str | Part) -> Activation | Layer:
    return find_layers([plain], registry())[0]


def _plain_part(part: Part) -> str | Part:
    """Return a part's text with its package, or the part itself if that does not find it again."""
    text = f"{registry().provider(part).package or 'local'}/{part.text}"
    try:
        in_layers = isinstance(part, Activation | Layer)
        found = _found(text) if in_layers else registry().get(part.kind, text)
    except NnplugError:
        return part
    return text if found.function is part.function else part


def _part(kind: str, plain: str | Part) -> Part:
    return registry().get(kind, plain)
