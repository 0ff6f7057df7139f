"""MLPRegressor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if

from nnplug.parts import Task
from nnplug.sklearn._base import BaseMLP
from nnplug.sklearn._choices import is_stochastic
from nnplug.sklearn._docs import documented
from nnplug.sklearn._errors import EstimatorError, as_value_errors
from nnplug.sklearn._uncertainty import calibration_of
from nnplug.types import AnyArray

__all__ = ["MLPRegressor"]


@documented
class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]  # scikit-learn has no types
    """A dense network that predicts numbers, in place of scikit-learn's of the same name.

    scikit-learn's arguments have their names, defaults and meaning; a part
    that is named may be any installed one, and those from
    `output_activation` on are nnplug's own.

    Parameters
    ----------
    loss : str or Loss, default='squared_error'
        `'squared_error'` is half the squared error, summed over outputs and
        averaged over rows (`half_mse_sum`). scikit-learn minimizes the same
        and reports its mean over outputs: with K outputs, `loss_` and
        `loss_curve_` are K times as large here, apart from the penalty.
        `'poisson'` is half the Poisson deviance, with an exponential output.
        Or any installed loss for regression, with its options.
    {NETWORK}
    {MORE}

    Attributes
    ----------
    {ATTRIBUTES}

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from nnplug.sklearn import MLPRegressor
    >>> X, y = make_regression(200, 20, random_state=1)
    >>> regressor = MLPRegressor(
    ...     "huber", learning_rate_init=0.02, max_iter=2000, tol=0.1, random_state=1
    ... )
    >>> bool(regressor.fit(X, y).score(X, y) > 0.9)
    True
    """

    def __init__(
        self,
        loss: Any = "squared_error",
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
            (N,), or (N, K) for several outputs.
        sample_weight : array, optional
            (N,), the weight of each row, at least 0.

        Returns
        -------
        MLPRegressor

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
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Continue training: one epoch over some rows.

        With `early_stopping` and `validation_data`, the validation rows are
        scored after each call. When patience runs out, `stopped_` is True and
        the weights are the best ones. Without `validation_data` nothing is
        held out.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        MLPRegressor
        """
        return self._fit_part(X, y, sample_weight)

    def predict(self, X: Any) -> AnyArray:
        """Predict numbers for each row.

        Returns
        -------
        array
            (N,), or (N, K) for several outputs.
        """
        outputs = self._outputs(X)  # first, since it checks whether there is a fit
        numbers: AnyArray = self._head.numbers(outputs)
        return numbers[:, 0] if numbers.shape[1] == 1 else numbers

    def predict_interval(self, X: Any, level: float = 0.9) -> tuple[AnyArray, AnyArray]:
        """Give bounds between which the target of each row is with probability `level`.

        They are learned from the validation rows of the fit, which `early_stopping` holds
        out, or `validation_data` gives, by split conformal prediction.

        Parameters
        ----------
        level : float, default=0.9
            Above 0 and below 1.

        Returns
        -------
        tuple of array
            Lower and upper bounds, in the shape of `predict`.

        Raises
        ------
        EstimatorError
            If there were no validation rows.
        ValueError
            If there were too few for the level.
        """
        outputs = self._outputs(X)
        known, level = calibration_of(self, level)
        with as_value_errors():
            pair = known.bounds(self._head, outputs, level)
        lower, upper = (bound[:, 0] if bound.shape[1] == 1 else bound for bound in pair)
        return lower, upper

    # --- targets ----------------------------------------------------------------------

    def _read_targets(self, y: AnyArray, *, first: bool, incremental: bool) -> tuple[Task, int]:
        if self.loss == "poisson" and y.min() < 0:
            raise EstimatorError(
                f"loss='poisson': the target {y.min():g} is below 0; counts are not."
            )
        width = 1 if y.ndim == 1 else y.shape[1]
        if not first and width != self.n_outputs_:
            raise EstimatorError(
                f"y has {width} columns, and the network was fitted with {self.n_outputs_} "
                "outputs.\nFor another number fit anew, with warm_start=False."
            )
        return "regression", width

    def _numbers(self, y: AnyArray) -> AnyArray:
        return y

    def _row_weights(
        self, y: AnyArray, sample_weight: AnyArray | None, *, incremental: bool = False
    ) -> AnyArray | None:
        return sample_weight

    def _score_outputs(
        self, outputs: AnyArray, targets: AnyArray, weights: AnyArray | None
    ) -> float:
        numbers = self._head.numbers(outputs)
        return float(r2_score(targets, numbers, sample_weight=weights))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _more_tags(self) -> dict[str, Any]:
        return {"multioutput": True}
