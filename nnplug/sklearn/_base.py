"""What the classifier and the regressor share: the fit, the weights, the outputs."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from nnplug.engines import announced
from nnplug.interruption import Interruption
from nnplug.models.nonfinite import NonfiniteRows
from nnplug.parts import Task
from nnplug.sklearn._compat import validate
from nnplug.sklearn._display import plot_history
from nnplug.sklearn._errors import EstimatorError, as_value_errors
from nnplug.sklearn._exchange import given_back, taken_over
from nnplug.sklearn._fitting import Fitting
from nnplug.sklearn._parts import registry
from nnplug.sklearn._progress import say_waiting
from nnplug.sklearn._records import model_of, restored
from nnplug.sklearn._rows import checked_weights, dense, stretches
from nnplug.sklearn._session import Session
from nnplug.sklearn._state import plain_state, revived_state
from nnplug.sklearn._weights import copy_weights
from nnplug.training import Evaluator
from nnplug.types import AnyArray

__all__ = ["BaseMLP"]

DENSE_ALONE = ("coefs_", "intercepts_")
"""What an estimator has whose network is of dense layers alone."""


class BaseMLP(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn has no types
    """A dense network with scikit-learn's interface; see the two estimators."""

    # What learning goes on with, where it was learned before.
    _session: Any = None
    _solver_state: dict[str, AnyArray] | None = None
    _best_state: dict[str, AnyArray] | None = None
    _seed_given: int | None = None
    _noise_seed: int | None = None
    _split: Any = None
    _no_improvement_count: int = 0
    _least_watched: float = np.inf
    _sparse_labels: bool = False

    def __init__(
        self,
        hidden_layer_sizes: Any,
        activation: Any,
        solver: Any,
        alpha: float,
        batch_size: Any,
        learning_rate: str,
        learning_rate_init: float,
        power_t: float,
        max_iter: int,
        loss: Any,
        shuffle: bool,
        random_state: Any,
        tol: float,
        verbose: Any,
        warm_start: bool,
        momentum: float,
        nesterovs_momentum: bool,
        early_stopping: bool,
        validation_fraction: float,
        beta_1: float,
        beta_2: float,
        epsilon: float,
        n_iter_no_change: float,
        max_fun: int,
        output_activation: Any,
        layers: Any,
        dropout: Any,
        schedule: Any,
        l2: float,
        clip_global_norm: float | None,
        metrics: Any,
        validation_data: Any,
        engine: str,
        dtype: Any,
        callbacks: Sequence[object],
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.loss = loss
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.output_activation = output_activation
        self.layers = layers
        self.dropout = dropout
        self.schedule = schedule
        self.l2 = l2
        self.clip_global_norm = clip_global_norm
        self.metrics = metrics
        self.validation_data = validation_data
        self.engine = engine
        self.dtype = dtype
        self.callbacks = callbacks

    # --- what the two differ in -------------------------------------------------------

    @abstractmethod
    def _read_targets(self, y: AnyArray, *, first: bool, incremental: bool) -> tuple[Task, int]:
        """Learn or compare classes or widths; give the task and `Head`'s width."""

    @abstractmethod
    def _numbers(self, y: AnyArray) -> AnyArray:
        """Turn targets into what `Head.encode` takes."""

    @abstractmethod
    def _row_weights(
        self, y: AnyArray, sample_weight: AnyArray | None, *, incremental: bool = False
    ) -> AnyArray | None:
        """Say what each row counts for in the loss, (N,)."""

    @abstractmethod
    def _score_outputs(
        self, outputs: AnyArray, targets: AnyArray, weights: AnyArray | None
    ) -> float:
        """Score outputs against targets as the loss takes them."""

    def _strata(self, y: AnyArray) -> AnyArray | None:
        """Give the classes that the validation rows are drawn from in their shares."""
        return None

    # --- fitting ----------------------------------------------------------------------

    @contextmanager
    def _learning(self) -> Iterator[Callable[[], bool]]:
        """Give the context of all learning; and what says whether Ctrl-C was pressed.

        It is only noted: in the middle of an import, of compiling or of a step
        it would leave something half done, in the process or the estimator.
        """
        with (
            Interruption(keyboard=True) as interruption,
            announced(partial(say_waiting, self.verbose)),
            as_value_errors(),
            registry().naming_culprits(),
        ):
            yield lambda: interruption.number is not None

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        """Learn from all rows until the end."""
        with self._learning() as interrupted:
            first = not (self._has_weights and self.warm_start)
            X, y = self._checked(X, y, reset=first)
            task, width = self._read_targets(y, first=first, incremental=False)
            sample_weight = checked_weights(sample_weight, len(y))
            if self._session is not None:
                self._session.close()
            fitting = Fitting(self, X, task, width, first=first, interrupted=interrupted)
            fitting.run(X, y, sample_weight)
            self.network_ = fitting.network
            self._link()
        return self

    def _fit_part(self, X: Any, y: Any, sample_weight: Any) -> Self:
        """Learn from some rows, once."""
        if self.early_stopping and self.validation_data is None:
            raise EstimatorError(
                "partial_fit does not support early_stopping=True without validation_data: a call "
                "sees some rows once and can hold none of them out.\n"
                "Give validation_data=(X, y), or early_stopping=False."
            )
        with self._learning() as interrupted:
            first = not self._has_weights
            X, y = self._checked(X, y, reset=first)
            task, width = self._read_targets(y, first=first, incremental=True)
            sample_weight = checked_weights(sample_weight, len(y))
            weights = self._row_weights(y, sample_weight, incremental=True)
            terms = Session.terms_of(self, X, task, width, weights)
            session: Session | None = self._session
            if session is None or not session.is_for(terms):
                if session is not None:
                    session.close()
                fitting = Fitting(
                    self, X, task, width, first=first, incremental=True, interrupted=interrupted
                )
                self._session = session = Session(terms, fitting, X)
                self.network_ = fitting.twin()
                self._link()
            else:
                session.fitting.take_random_state(first=False, incremental=True)
            self._synchronise()
            session.learn(X, y, weights, interrupted)
        return self

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, AnyArray]:
        """Take inputs as float32 or float64, and targets, as scikit-learn does."""
        X, y = validate(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=is_regressor(self),
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        sparse = not isinstance(y, np.ndarray)
        if sparse:
            y = y.toarray()
        if reset:
            self._sparse_labels = sparse
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    # --- the weights ------------------------------------------------------------------

    @property
    def _has_weights(self) -> bool:
        """Whether there is something to go on from."""
        return hasattr(self, "network_") or hasattr(self, "coefs_")

    def __getattr__(self, name: str) -> Any:
        # Python asks here for what is not there.
        if name in DENSE_ALONE and "network_" in vars(self):
            raise AttributeError(
                f"{name}: the network has more than dense layers, one after the other, with an "
                f"activation each. Its arrays are network_[{self.network_.spans[0].name!r}] and "
                "so on; network_.spans has their names."
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _link(self) -> None:
        """Make `coefs_` and `intercepts_`, where there are such, views of the parameters."""
        for name in DENSE_ALONE:
            self.__dict__.pop(name, None)
        names = [layer.name for layer in self.network_.layers]
        self._linked = []
        if names:
            self.coefs_ = [self.network_[f"{name}.weight"] for name in names]
            self.intercepts_ = [self.network_[f"{name}.bias"] for name in names]
            self._linked = [*self.coefs_, *self.intercepts_]
        self._evaluator = Evaluator(self.network_)

    def _synchronise(self) -> None:
        """Take over weights that somebody has put into `coefs_` or `intercepts_`."""
        if not self._linked:
            return
        given = [*self.coefs_, *self.intercepts_]
        if len(given) == len(self._linked) and all(
            array is view for array, view in zip(given, self._linked, strict=True)
        ):
            return
        copy_weights(self.coefs_, self.intercepts_, self.network_)
        self._link()

    def __getstate__(self) -> dict[str, Any]:
        if hasattr(self, "network_"):
            self._synchronise()
        return plain_state(super().__getstate__())

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(revived_state(state))
        if hasattr(self, "network_"):
            self._link()

    # --- using it ---------------------------------------------------------------------

    def _outputs(self, X: Any) -> AnyArray:
        """Compute the network's outputs, (N, C)."""
        check_is_fitted(self, "network_")
        X = validate(self, X, accept_sparse="csr", reset=False)
        self._synchronise()
        nonfinite = NonfiniteRows(self.network_, "X", first=0, finite=self._head.finite)
        whole = isinstance(X, np.ndarray)
        parts = [X] if whole else (dense(X, rows) for rows in stretches(X.shape[0]))
        found = []
        for part in parts:
            found.append(self._evaluator.run(part)[0])
            nonfinite.add(part, found[-1])
        with as_value_errors():
            nonfinite.check(way_out="")
        return found[0] if whole else np.concatenate(found)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the fitted network to a model file, which holds data and no code.

        `load` reads it, and so do `nnplug.load` and the command line.

        Parameters
        ----------
        path : path
            By custom it ends in `.safetensors`.
        overwrite : bool, optional
            Whether a file that is there may be replaced.

        Raises
        ------
        StorageError
            If the file cannot be written. What was there is then as it was.
        """
        check_is_fitted(self, "network_")
        self._synchronise()
        if len(getattr(self, "classes_", "two or none")) == 1:
            raise EstimatorError(
                f"It was fitted on one class alone, {self.classes_[0]!r}; there is nothing that a "
                "model of it could tell."
            )
        model_of(self).save(path, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, allow_other_versions: bool = False) -> Self:
        """Load a fitted estimator that `save` wrote.

        Nothing in the file is run. A network that `nnplug.train` was given
        arrays for can be loaded too.

        Parameters
        ----------
        allow_other_versions : bool, optional
            Whether a package of another major version may stand for the one
            that the network was made with.

        Raises
        ------
        ModelFileError
            If it is no model file, a damaged one, one of another task or of a
            table, or one that needs parts that are not installed.
        StorageError
            If the file cannot be read.
        """
        estimator: Self = restored(cls, path, allow_other_versions=allow_other_versions)
        return estimator

    @classmethod
    def from_sklearn(cls, fitted: Any) -> Self:
        """Take over a network that scikit-learn has fitted, with equal predictions.

        The arguments, the weights and the attributes are taken as they are.

        Parameters
        ----------
        fitted : sklearn.neural_network.MLPClassifier or MLPRegressor
            The one whose name this class has.

        Raises
        ------
        EstimatorError
            If it is another estimator, or not fitted.

        Examples
        --------
        >>> import sklearn.neural_network
        >>> from sklearn.datasets import load_iris
        >>> from nnplug.sklearn import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> theirs = sklearn.neural_network.MLPClassifier(
        ...     solver="lbfgs", max_iter=1000, random_state=0
        ... ).fit(X, y)
        >>> ours = MLPClassifier.from_sklearn(theirs)
        >>> bool((ours.predict(X) == theirs.predict(X)).all())
        True
        """
        estimator: Self = taken_over(cls, fitted)
        return estimator

    def to_sklearn(self) -> Any:
        """Make scikit-learn's estimator of this one, with equal predictions.

        For what knows scikit-learn's networks alone, such as converters to
        ONNX. What only training needs and scikit-learn does not have, a loss
        or a solver, is its default there.

        Returns
        -------
        sklearn.neural_network.MLPClassifier or MLPRegressor
            Fitted. Nothing is shared.

        Raises
        ------
        EstimatorError
            If a part that predicts is none of scikit-learn's; it is named.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from nnplug.sklearn import MLPClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> ours = MLPClassifier(solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
        >>> theirs = ours.to_sklearn()
        >>> type(theirs).__module__, bool((ours.predict(X) == theirs.predict(X)).all())
        ('sklearn.neural_network._multilayer_perceptron', True)
        """
        check_is_fitted(self, "network_")
        self._synchronise()
        return given_back(self)

    def plot_history(self, **options: Any) -> Any:
        """Plot the losses over the epochs; see `HistoryDisplay.from_estimator`."""
        return plot_history(self, **options)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        bundle: dict[str, str] = super()._repr_mimebundle_(**options)
        if "text/html" in bundle and hasattr(self, "network_"):
            page, body, rest = bundle["text/html"].rpartition("</body>")
            layers = self.network_._repr_html_()
            # Before version 1.7 or so what scikit-learn writes has no body.
            bundle["text/html"] = f"{page}{layers}{body}{rest}" if body else f"{rest}{layers}"
        return bundle

    # Before scikit-learn 1.6 it asks the one, since then the other.
    def _more_tags(self) -> dict[str, Any]:
        return {}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
