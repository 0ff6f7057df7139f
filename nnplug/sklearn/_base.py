"""What the classifier and the regressor share: the fit, the weights, the outputs."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from nnplug.engines import announced
from nnplug.interruption import Interruption
from nnplug.models.calibration import Calibration
from nnplug.parts import Task
from nnplug.sklearn._display import HistoryDisplay, plot_history
from nnplug.sklearn._epochs import say_waiting
from nnplug.sklearn._errors import EstimatorError, as_value_errors
from nnplug.sklearn._exchange import from_theirs, to_theirs
from nnplug.sklearn._fitting import Fitting
from nnplug.sklearn._members import fit_members, outputs_of, refuse_members
from nnplug.sklearn._partial_fit import PartialFit
from nnplug.sklearn._parts import registry
from nnplug.sklearn._rows import check_weights, validate
from nnplug.sklearn._saving import fitted_model, load_estimator, plain_state, revive_state
from nnplug.sklearn._weights import copy_weights
from nnplug.training import Evaluator
from nnplug.types import AnyArray

__all__ = ["BaseMLP"]

DENSE_ALONE = ("coefs_", "intercepts_")
"""Attributes of an estimator only if its network has no layers but dense ones."""


class BaseMLP(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn has no types
    """A dense network with scikit-learn's interface; see the two estimators."""

    # What later fits continue with.
    _session: PartialFit | None = None
    _solver_state: dict[str, AnyArray] | None = None
    _best_state: dict[str, AnyArray] | None = None
    _seed_given: int | None = None
    _noise_seed: int | None = None
    _split: Any = None
    _fold: tuple[AnyArray, AnyArray] | None = None
    _no_improvement_count: int = 0
    _least_watched: float = np.inf
    _sparse_labels: bool = False
    _calibration: Calibration | None = None

    def _set_arguments(self, given: Mapping[str, Any]) -> None:
        """Store the arguments of `__init__` unchanged, each under its name, as scikit-learn asks.

        Parameters
        ----------
        given : mapping
            The local variables of `__init__` at its start.
        """
        self.__dict__.update((name, value) for name, value in given.items() if name != "self")

    # --- what the two estimators differ in --------------------------------------------

    @abstractmethod
    def _read_targets(self, y: AnyArray, *, first: bool, incremental: bool) -> tuple[Task, int]:
        """Learn or compare classes or widths; return the task and the width, as `Head` has it."""

    @abstractmethod
    def _numbers(self, y: AnyArray) -> AnyArray:
        """Turn targets into the numbers that `Head.encode` takes."""

    @abstractmethod
    def _row_weights(
        self, y: AnyArray, sample_weight: AnyArray | None, *, incremental: bool = False
    ) -> AnyArray | None:
        """Return the weight of each row in the loss, (N,)."""

    @abstractmethod
    def _score_outputs(
        self, outputs: AnyArray, targets: AnyArray, weights: AnyArray | None
    ) -> float:
        """Score outputs against targets in the form that the loss takes."""

    def _strata(self, y: AnyArray) -> AnyArray | None:
        """Return the classes by which the validation split is stratified."""
        return None

    # --- fitting ----------------------------------------------------------------------

    @contextmanager
    def _learning(self) -> Iterator[Callable[[], bool]]:
        """Enter the context of all training; yield what says whether Ctrl-C was pressed.

        Ctrl-C is only recorded: in the middle of an import, of compiling or of
        a step it would leave the process or the estimator half changed.
        """
        with (
            Interruption(keyboard=True) as interruption,
            announced(partial(say_waiting, self.verbose)),
            as_value_errors(),
            registry().naming_culprits(),
        ):
            yield lambda: interruption.number is not None

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        """Train on all rows until the end."""
        with self._learning() as interrupted:
            if self.members == 1:
                self.__dict__.pop("estimators_", None)
                self._fit_network(X, y, sample_weight, interrupted)
            else:
                fit_members(self, X, y, sample_weight, interrupted)
        return self

    def _fit_network(
        self, X: Any, y: Any, sample_weight: Any, interrupted: Callable[[], bool]
    ) -> None:
        """Train one network."""
        first = not (self._has_weights and self.warm_start)
        X, y = self._checked(X, y, reset=first)
        task, width = self._read_targets(y, first=first, incremental=False)
        sample_weight = check_weights(sample_weight, len(y))
        if self._session is not None:
            self._session.close()
        fitting = Fitting(self, X, task, width, first=first, interrupted=interrupted)
        fitting.run(X, y, sample_weight)
        self.network_ = fitting.network
        self._link()

    def _fit_part(self, X: Any, y: Any, sample_weight: Any) -> Self:
        """Train for one epoch on some rows."""
        refuse_members(self, "partial_fit", "Use fit, or leave members out.")
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
            sample_weight = check_weights(sample_weight, len(y))
            weights = self._row_weights(y, sample_weight, incremental=True)
            terms = PartialFit.terms_of(self, X, task, width, weights)
            session: PartialFit | None = self._session
            if session is None or not session.is_for(terms):
                if session is not None:
                    session.close()
                fitting = Fitting(
                    self, X, task, width, first=first, incremental=True, interrupted=interrupted
                )
                self._session = session = PartialFit(terms, fitting, X)
                self.network_ = fitting.network.twin()
                self._link()
            else:
                session.fitting.take_random_state(first=False, incremental=True)
            self._synchronise()
            session.train(X, y, weights, interrupted)
        return self

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, AnyArray]:
        """Check inputs, as float32 or float64, and targets, as scikit-learn does."""
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
        """Whether there are weights to continue from."""
        return hasattr(self, "network_") or hasattr(self, "coefs_")

    def __getattr__(self, name: str) -> Any:
        # Called only for attributes that are not there.
        if name in DENSE_ALONE and "network_" in vars(self):
            raise AttributeError(
                f"{name}: the network has more than dense layers, one after the other, with an "
                f"activation each. Its arrays are network_[{self.network_.spans[0].name!r}] and "
                "so on; network_.spans has their names."
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _link(self) -> None:
        """Make `coefs_` and `intercepts_` views of the parameters, if it has such arrays."""
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
        """Copy weights that the user has put into `coefs_` or `intercepts_`."""
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
        super().__setstate__(revive_state(state))
        if hasattr(self, "network_"):
            self._link()

    # --- using the network ------------------------------------------------------------

    def _outputs(self, X: Any) -> AnyArray:
        """Compute the outputs, (N, C)."""
        return outputs_of(self, X)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the fitted network to a model file, which holds data and no code.

        `load` reads it, and so do `nnplug.load` and the command line.

        Parameters
        ----------
        path : path
            By custom it ends in `.safetensors`.
        overwrite : bool, optional
            Whether an existing file may be replaced.

        Raises
        ------
        StorageError
            If the file cannot be written. An existing file is then unchanged.
        """
        fitted_model(self).save(path, overwrite=overwrite)

    def export(
        self, to: str, path: str | os.PathLike[str], *, interval: float | None = None,
        overwrite: bool = False,
    ) -> tuple[Path, ...]:  # fmt: skip
        """Write the fitted network for another program or language.

        Parameters
        ----------
        to : str
            `"onnx"`, `"numpy"`, `"sql"`, `"c"`, `"js"`, or a plugin's exporter;
            see `nnplug.Model.export`.
        path : path
            The file to write; further files are written beside it.
        interval : float, optional
            The level of intervals or sets that the answer is to have.
        overwrite : bool, optional

        Returns
        -------
        tuple of Path

        Raises
        ------
        SettingError
            If the network cannot be written so, or a file exists.
        StorageError
            If a file cannot be written.
        """
        return fitted_model(self).export(to, path, interval=interval, overwrite=overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, allow_other_versions: bool = False) -> Self:
        """Load a fitted estimator that `save` wrote.

        No code in the file is run. The file may also hold a network that
        `nnplug.train` has trained on arrays.

        Parameters
        ----------
        allow_other_versions : bool, optional
            Whether a package may have another major version than the one that
            the network was made with.

        Raises
        ------
        ModelFileError
            If it is not a model file, is damaged, is for another task or for a
            table, or needs parts that are not installed.
        StorageError
            If the file cannot be read.
        """
        estimator: Self = load_estimator(cls, path, allow_other_versions=allow_other_versions)
        return estimator

    @classmethod
    def from_sklearn(cls, fitted: BaseEstimator) -> Self:
        """Make an estimator from one that scikit-learn has fitted, with equal predictions.

        Arguments, weights and attributes are copied.

        Parameters
        ----------
        fitted : sklearn.neural_network.MLPClassifier or MLPRegressor
            The class of this class's name.

        Raises
        ------
        EstimatorError
            If it is another estimator, or is not fitted.

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
        estimator: Self = from_theirs(cls, fitted)
        return estimator

    def to_sklearn(self) -> BaseEstimator:
        """Make scikit-learn's estimator from this one, with equal predictions.

        For tools that only know scikit-learn's networks, such as converters to
        ONNX. A loss or a solver that scikit-learn does not have is replaced by
        its default there, since only training needs it.

        Returns
        -------
        sklearn.neural_network.MLPClassifier or MLPRegressor
            Fitted. Nothing is shared.

        Raises
        ------
        EstimatorError
            If scikit-learn lacks a part that predictions need; it is named.

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
        return to_theirs(self)

    def plot_history(self, **options: Any) -> HistoryDisplay:
        """Plot the losses over the epochs; see `HistoryDisplay.from_estimator`."""
        return plot_history(self, **options)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        bundle: dict[str, str] = super()._repr_mimebundle_(**options)
        if "text/html" in bundle and hasattr(self, "network_"):
            page, body, rest = bundle["text/html"].rpartition("</body>")
            layers = self.network_._repr_html_()
            # Older versions of scikit-learn, up to about 1.6, write no body.
            bundle["text/html"] = f"{page}{layers}{body}{rest}" if body else f"{rest}{layers}"
        return bundle

    # scikit-learn before 1.6 calls the first, later versions the second.
    def _more_tags(self) -> dict[str, Any]:
        return {}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
