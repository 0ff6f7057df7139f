"""The attributes that a fitted estimator has, however it came by its network."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier

from nnplug.network.network import Network
from nnplug.network.tasks import Head
from nnplug.sklearn._choices import is_stochastic
from nnplug.training import History

__all__ = ["name_of_output", "set_fitted", "take_members"]


def set_fitted(estimator: BaseEstimator, network: Network, head: Head, classes: Any) -> None:
    """Give an estimator a network, with the attributes of a fit of no epochs."""
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


def take_members(estimator: BaseEstimator, members: list[BaseEstimator]) -> None:
    """Give an estimator its fitted members; its other attributes are those of the first."""
    arguments = {*estimator.get_params(deep=False)}
    for name in ("estimators_", "out_of_fold_score_"):
        estimator.__dict__.pop(name, None)
    own = {name: value for name, value in vars(members[0]).items() if name not in arguments}
    estimator.__dict__.update(own)
    estimator.estimators_ = members
    estimator._link()


def name_of_output(head: Head) -> str:
    """Return scikit-learn's name for the function that turns the last sums into predictions."""
    if head.loss.link != "identity" and not head.activation.gives:
        return {"log": "exp", "logit": "logistic", "softmax": "softmax"}[head.loss.link]
    return {"sigmoid": "logistic", "exponential": "exp"}.get(
        head.activation.name, head.activation.text
    )
