"""MLPClassifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import scipy.sparse
from sklearn.base import ClassifierMixin
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from nnplug.network.labels import class_weights
from nnplug.network.tasks import Head
from nnplug.parts import Task
from nnplug.sklearn._base import BaseMLP
from nnplug.sklearn._choices import is_stochastic
from nnplug.sklearn._display import plot_decision_boundary
from nnplug.sklearn._docs import documented
from nnplug.sklearn._errors import EstimatorError, as_value_errors
from nnplug.sklearn._uncertainty import calibration_of
from nnplug.types import AnyArray

__all__ = ["MLPClassifier"]


@documented
class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]  # scikit-learn has no types
    """A dense network that classifies, in place of scikit-learn's of the same name.

    Two classes or more, or several labels for each row. scikit-learn's
    arguments have their names, defaults and meaning; a part that is named may
    be any installed one, and those from `loss` on are nnplug's own.

    Parameters
    ----------
    {NETWORK}
    loss : str or Loss, default='log_loss'
        `'log_loss'` is cross-entropy: `cross_entropy`, for two classes
        `binary_cross_entropy`, and summed over several labels. Or any
        installed loss for classes, with its options.
    class_weight : 'balanced' or dict, optional
        The weight of the rows of each class in the loss, multiplied by
        `sample_weight`; `'balanced'`: inversely proportional to their number.
        For several labels, as in
        `sklearn.utils.class_weight.compute_sample_weight`.
    {MORE}

    Attributes
    ----------
    classes_ : array
        The classes, sorted; the columns' numbers for several labels.
    {ATTRIBUTES}

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nnplug.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier(
    ...     (20,), "gelu", learning_rate_init=0.02, max_iter=1000, random_state=0
    ... )
    >>> bool(classifier.fit(X, y).score(X, y) > 0.95)
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        loss: Any = "log_loss",
        class_weight: Any = None,
        output_activation: Any = None,
        layers: Any = None,
        dropout: Any = 0.0,
        schedule: Any = None,
        l2: float = 0.0,
        clip_global_norm: float | None = None,
        metrics: Any = None,
        validation_data: Any = None,
        engine: str = "auto",
        dtype: Any = None,
        callbacks: Sequence[object] = (),
        members: int = 1,
    ) -> None:
        self._set_arguments(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train until the loss no longer falls, or for `max_iter` epochs.

        Parameters
        ----------
        X : array, sparse matrix or DataFrame
            (N, D). An array is not copied; of a sparse matrix, one batch at a
            time is made dense.
        y : array
            (N,) of classes, or 0 and 1 for each label, (N, K).
        sample_weight : array, optional
            (N,), the weight of each row, at least 0.

        Returns
        -------
        MLPClassifier

        Raises
        ------
        EstimatorError
            If an argument, a part or the rows cannot be used. It is a
            `ValueError`.
        EstimatorDivergedError
            If a number is not finite. It is a `ValueError` too.
        """
        return self._fit(X, y, sample_weight)

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]  # scikit-learn's
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Continue training: one epoch over some rows.

        With `early_stopping` and `validation_data`, the validation rows are
        scored after each call. When patience runs out, `stopped_` is True and
        the weights are the best ones. Without `validation_data` nothing is
        held out.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array, optional
            All classes that may occur; required in the first call.

        Returns
        -------
        MLPClassifier
        """
        if classes is not None:
            classes = unique_labels(classes)
            if not hasattr(self, "classes_"):
                self.classes_ = classes
            elif not np.array_equal(classes, self.classes_):
                raise EstimatorError(
                    f"classes={classes!r} is not the same as on the last call to partial_fit, was: "
                    f"{self.classes_!r}"
                )
        elif not hasattr(self, "classes_"):
            raise EstimatorError("classes must be passed on the first call to partial_fit.")
        return self._fit_part(X, y, sample_weight)

    def predict(self, X: Any) -> AnyArray:
        """Predict the class of each row.

        Returns
        -------
        array
            (N,), or 0 and 1 for each label, (N, K); a sparse matrix if the
            labels of the fit were one.
        """
        outputs = self._outputs(X)
        chosen: AnyArray = self._head.classes(outputs)
        if self._head.task == "multilabel":
            return scipy.sparse.csr_matrix(chosen) if self._sparse_labels else chosen
        predicted: AnyArray = self.classes_[np.minimum(chosen, len(self.classes_) - 1)]
        return predicted

    def predict_proba(self, X: Any, *, calibrated: bool = False) -> AnyArray:
        """Compute the probability of each class or label.

        Parameters
        ----------
        calibrated : bool, default=False
            Whether to correct how sure they are by temperature scaling, learned from the
            validation rows of the fit.

        Returns
        -------
        array
            (N, classes), in the order of `classes_`.
        """
        outputs = self._outputs(X)
        if calibrated and len(self.classes_) > 1:
            known, _ = calibration_of(self, 0.5)
            shares: AnyArray = known.probabilities(self._head, outputs)
            return shares
        return self._probabilities(outputs)

    def predict_set(self, X: Any, level: float = 0.9) -> AnyArray:
        """Tell among which classes that of each row is with probability `level`.

        The sets are learned from the validation rows of the fit, which `early_stopping`
        holds out, or `validation_data` gives, by split conformal prediction. The most
        probable class is always among them.

        Parameters
        ----------
        level : float, default=0.9
            Above 0 and below 1.

        Returns
        -------
        array of bool
            (N, classes), in the order of `classes_`.

        Raises
        ------
        EstimatorError
            If there were no validation rows.
        ValueError
            If there were too few for the level, or the rows have several labels.
        """
        outputs = self._outputs(X)
        if len(self.classes_) == 1 and self._head.task == "binary":
            return np.ones((len(outputs), 1), bool)
        known, level = calibration_of(self, level)
        with as_value_errors():
            sets: AnyArray = known.sets(self._head, outputs, level)
        return sets

    def _probabilities(self, outputs: AnyArray) -> AnyArray:
        if len(self.classes_) == 1 and self._head.task == "binary":
            return np.ones((len(outputs), 1), outputs.dtype)
        head: Head = self._head
        return head.probabilities(outputs)

    def predict_log_proba(self, X: Any) -> AnyArray:
        """Compute the logarithm of `predict_proba`, which is -inf for 0.

        Returns
        -------
        array
            (N, classes).
        """
        with np.errstate(divide="ignore"):
            logarithms: AnyArray = np.log(self.predict_proba(X))
        return logarithms

    def plot_decision_boundary(
        self, X: Any, y: Any = None, **options: Any
    ) -> DecisionBoundaryDisplay:
        """Plot the classes over the plane of two features; see `plot_decision_boundary`."""
        return plot_decision_boundary(self, X, y, **options)

    # --- targets ----------------------------------------------------------------------

    def _read_targets(self, y: AnyArray, *, first: bool, incremental: bool) -> tuple[Task, int]:
        kind = type_of_target(y)
        if kind not in ("binary", "multiclass", "multilabel-indicator"):
            check_classification_targets(y)  # raises an error for most of them
        several = kind.startswith("multilabel")
        if not several and y.ndim > 1:
            raise EstimatorError(
                f"y has shape {y.shape}: Multioutput target data is not supported; several labels "
                "are 0 and 1 for each."
            )
        found = np.arange(y.shape[1]) if several else np.unique(y)
        if not hasattr(self, "classes_") or (first and not incremental):
            self.classes_ = found
        elif self.warm_start and not incremental:
            if set(found.tolist()) != set(self.classes_.tolist()):
                raise EstimatorError(
                    "warm_start can only be used where `y` has the same classes as in the "
                    f"previous call to fit. Previously got {self.classes_}, `y` has {found}"
                )
        elif len(np.setdiff1d(found, self.classes_)):
            raise EstimatorError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'y' has {found}."
            )
        if several:
            return "multilabel", len(self.classes_)
        return ("binary" if len(self.classes_) <= 2 else "multiclass"), len(self.classes_)

    def _numbers(self, y: AnyArray) -> AnyArray:
        if y.ndim > 1:
            return y
        if len(strange := np.setdiff1d(y, self.classes_)):
            raise EstimatorError(
                f"y has the classes {strange.tolist()}, which are not in classes_, {self.classes_}."
            )
        return np.searchsorted(self.classes_, y)

    def _row_weights(
        self, y: AnyArray, sample_weight: AnyArray | None, *, incremental: bool = False
    ) -> AnyArray | None:
        if self.class_weight is None:
            return sample_weight
        if y.ndim > 1:
            by_row: AnyArray = compute_sample_weight(self.class_weight, y)
            return by_row if sample_weight is None else by_row * sample_weight
        if self.class_weight == "balanced" and incremental:
            raise EstimatorError(
                "class_weight='balanced' in partial_fit: how many rows each class has is not known "
                "from some of them.\nGive the weights: class_weight={class: weight, ...}."
            )
        labels = self._numbers(y)
        if self.class_weight == "balanced":
            counts = np.bincount(labels, sample_weight, len(self.classes_))
            by_class = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1e-300))
        else:
            by_class = class_weights(self.class_weight, self.classes_.tolist(), np.bincount(labels))
        by_row = by_class[labels]
        return by_row if sample_weight is None else by_row * sample_weight

    def _score_outputs(
        self, outputs: AnyArray, targets: AnyArray, weights: AnyArray | None
    ) -> float:
        right = self._head.classes(outputs) == self._head.decode(targets)
        if right.ndim > 1:
            right = right.all(axis=1)
        return float(np.average(right, weights=weights))

    def _strata(self, y: AnyArray) -> AnyArray | None:
        # scikit-learn only stratifies two classes; the same rows are to be held out.
        if y.ndim > 1 or len(self.classes_) > 2:
            return None
        return np.where(self._numbers(y) > 0, "True", "False")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _more_tags(self) -> dict[str, Any]:
        return {"multilabel": True}
