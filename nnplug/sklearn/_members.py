"""Estimators of several networks: the fits of each, and the mean of their outputs."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from nnplug.models import Model
from nnplug.models.nonfinite import NonfiniteRows
from nnplug.network.averaging import mean_output
from nnplug.randomness import member_seed
from nnplug.sklearn._choices import is_stochastic
from nnplug.sklearn._errors import ArgumentError, EstimatorError, as_value_errors
from nnplug.sklearn._rows import dense, stretches, validate
from nnplug.sklearn._saving import set_fitted
from nnplug.tables.folds import parts_of
from nnplug.tables.splitting import Parts, Split
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.sklearn._base import BaseMLP

__all__ = ["fit_members", "load_members", "outputs_of", "refuse_members"]


def fit_members(
    estimator: BaseMLP, X: Any, y: Any, sample_weight: Any, interrupted: Callable[[], bool]
) -> None:
    """Fit an estimator of one network for each member, and take over what the first learned.

    With `early_stopping` and without `validation_data`, each member holds out a
    fold of its own. An interrupted fit keeps the members that have begun.

    Raises
    ------
    EstimatorError
        If `members` is not a number of members, or goes with `warm_start`.
    """
    count = estimator.members
    if not isinstance(count, Integral) or count < 1:
        raise ArgumentError(f"members={count!r}: it must be a whole number, at least 1.")
    if estimator.warm_start:
        refuse_members(estimator, "warm_start=True", "Fit all anew, or leave members out.")
    seeds = _seeds(estimator.random_state, int(count))
    alone = {**estimator.get_params(deep=False), "members": 1}
    members: list[BaseMLP] = []
    parts: Parts | None = None
    for number, seed in enumerate(seeds):
        member = type(estimator)(**{**alone, "random_state": seed})
        if _holds_out(estimator):
            parts = parts or _folds(estimator, X, y, int(count), seed)
            own = parts.of_member(number)
            member._fold = own.training, own.validation
        member._fit_network(X, y, sample_weight, interrupted)
        members.append(member)
        if interrupted():
            break
    _take(estimator, members)
    if parts is not None and len(members) == count:
        estimator.out_of_fold_score_ = _out_of_fold(estimator, X, y, sample_weight, parts)


def refuse_members(estimator: BaseMLP, what: str, way_out: str) -> None:
    """Refuse what works on one network.

    Raises
    ------
    EstimatorError
        If there are several.
    """
    if estimator.members != 1:
        raise EstimatorError(
            f"{what} with members={estimator.members!r}: it is for one network.\n{way_out}"
        )


def _take(estimator: BaseMLP, members: list[BaseMLP]) -> None:
    """Give an estimator its fitted members; its other attributes are those of the first."""
    arguments = {*estimator.get_params(deep=False)}
    for name in ("estimators_", "out_of_fold_score_"):
        estimator.__dict__.pop(name, None)
    own = {name: value for name, value in vars(members[0]).items() if name not in arguments}
    estimator.__dict__.update(own)
    estimator.estimators_ = members
    estimator._link()


def _seeds(asked: Any, count: int) -> list[int]:
    """Return the members' seeds: of a whole number the first is that number."""
    if isinstance(asked, Integral):
        return [member_seed(int(asked), number) for number in range(count)]
    drawn: list[int] = check_random_state(asked).randint(2**31 - 1, size=count).tolist()
    return drawn


def _holds_out(estimator: BaseMLP) -> bool:
    return bool(
        estimator.early_stopping and estimator.validation_data is None and is_stochastic(estimator)
    )


def _folds(estimator: BaseMLP, X: Any, y: Any, count: int, seed: int) -> Parts:
    """Draw the rows that each member holds out; of classes each has its share."""
    labels = np.asarray(y) if is_classifier(estimator) and not hasattr(y, "toarray") else None
    classes = None
    if labels is not None and (labels.ndim == 1 or labels.shape[1] == 1):
        classes = np.unique(labels.reshape(-1), return_inverse=True)[1].reshape(-1)
    way = Split("random" if classes is None else "stratified")
    rows = X.shape[0] if hasattr(X, "shape") else len(X)
    return parts_of(rows, way, share=1 / count, members=count, seed=seed, classes=classes)


def _out_of_fold(estimator: BaseMLP, X: Any, y: Any, sample_weight: Any, parts: Parts) -> float:
    """Score all rows, each as predicted by the member that was not trained on it."""
    X, y = estimator._checked(X, y, reset=False)
    targets = estimator._head.encode(estimator._numbers(y), estimator.network_.dtype)
    outputs = np.empty((len(targets), estimator.network_.outputs), estimator.network_.dtype)
    for number, member in enumerate(estimator.estimators_):
        rows = parts.of_member(number).validation
        outputs[rows] = member._evaluator.run(dense(X, rows))[0]
    weights = None if sample_weight is None else np.asarray(sample_weight, float)
    return float(estimator._score_outputs(outputs, targets, weights))


# --- predicting ---------------------------------------------------------------------------


def outputs_of(estimator: BaseMLP, X: Any) -> AnyArray:
    """Compute outputs, (N, C): of several members, those whose answers are the mean of theirs.

    Raises
    ------
    EstimatorNotFiniteError
        If one is not finite.
    """
    check_is_fitted(estimator, "network_")
    X = validate(estimator, X, accept_sparse="csr", reset=False)
    members: list[BaseMLP] = vars(estimator).get("estimators_", [estimator])
    for member in members:
        member._synchronise()
    networks = [member.network_ for member in members]
    nonfinite = NonfiniteRows(networks, "X", first=0, finite=estimator._head.finite)
    whole = isinstance(X, np.ndarray)
    chunks = [X] if whole else (dense(X, rows) for rows in stretches(X.shape[0]))
    found = []
    for chunk in chunks:
        outputs = [member._evaluator.run(chunk)[0] for member in members]
        if len(outputs) > 1:
            dtype = outputs[0].dtype
            with np.errstate(all="ignore"):  # as in the network itself
                averaged = mean_output(
                    estimator._head, [output.astype(np.float64) for output in outputs]
                )
            outputs = [averaged.astype(dtype)]
        found.append(outputs[0])
        nonfinite.add(chunk, found[-1])
    with as_value_errors():
        nonfinite.check(way_out="")
    return found[0] if whole else np.concatenate(found)


def load_members(estimator: BaseMLP, model: Model) -> None:
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
    _take(estimator, members)
