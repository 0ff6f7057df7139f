"""Plots of a fit: its curves over the epochs, and its decision boundary."""

from __future__ import annotations

from collections.abc import Sequence
from operator import add
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.utils.validation import check_is_fitted

from nnplug.sklearn._errors import EstimatorError
from nnplug.training import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["HistoryDisplay", "plot_decision_boundary", "plot_history"]


class HistoryDisplay:
    """The losses of a fit over its epochs, and its other curves.

    Make one with `from_estimator` or `from_history`.

    Parameters
    ----------
    curves : dict of str to list of float
        By their names in the legend.
    estimator_name : str, optional
        The title of the plot.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
    """

    def __init__(
        self, curves: dict[str, list[float]], *, estimator_name: str | None = None
    ) -> None:
        self.curves, self.estimator_name = curves, estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        columns: str | Sequence[str] | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        **line_kw: Any,
    ) -> Self:
        """Plot the curves of a fitted estimator.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Or a Pipeline that ends with one.
        columns : sequence of str, optional
            Which columns of `history_`; by default the loss, with the
            penalty, and the validation loss.
        name : str, optional
            The title; by default the estimator's class.
        ax : matplotlib Axes, optional
            Where to plot; else a new figure.
        **line_kw
            For `matplotlib.axes.Axes.plot`.

        Returns
        -------
        HistoryDisplay

        Raises
        ------
        EstimatorError
            If the history lacks a column, or is empty: a loaded network has no
            record of its fit.
        """
        estimator = getattr(estimator, "_final_estimator", estimator)
        check_is_fitted(estimator)
        name = type(estimator).__name__ if name is None else name
        history: History = estimator.history_
        if columns is None and estimator.loss_curve_ and not history:
            # Converted from scikit-learn's estimator, which only has this curve.
            history = History()
            history.columns["loss"] = list(estimator.loss_curve_)
        return cls.from_history(history, columns=columns, name=name, ax=ax, **line_kw)

    @classmethod
    def from_history(
        cls,
        history: History,
        *,
        columns: str | Sequence[str] | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        **line_kw: Any,
    ) -> Self:
        """Plot the curves of a history: an estimator's `history_`, or a run's.

        Parameters
        ----------
        history : History
        columns, name, ax, **line_kw
            As in `from_estimator`, but with no title by default.

        Returns
        -------
        HistoryDisplay
        """
        known = history.columns
        if not len(history):
            raise EstimatorError(
                "The history has no epoch to plot: the network was loaded, or not trained.\n"
                "Fit it first."
            )
        if columns is None:
            penalties = known.get("penalty") or [0.0] * len(history)
            curves = {"loss": list(map(add, known["loss"], penalties))}
            if known.get("validation_loss"):
                curves["validation loss"] = list(known["validation_loss"])
        else:
            wanted = [columns] if isinstance(columns, str) else list(columns)
            for column in wanted:
                if column not in known:
                    raise EstimatorError(
                        f"columns: the history has no {column!r}; it has {', '.join(known)}."
                    )
            curves = {column.replace("_", " "): list(known[column]) for column in wanted}
        return cls(curves, estimator_name=name).plot(ax=ax, **line_kw)

    def plot(self, ax: Axes | None = None, **line_kw: Any) -> Self:
        """Plot the curves.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        **line_kw
            For `matplotlib.axes.Axes.plot`.

        Returns
        -------
        HistoryDisplay
            Itself, with `ax_`, `figure_` and `lines_`.
        """
        if ax is None:
            _, ax = _pyplot().subplots()
        self.lines_ = [
            ax.plot(np.arange(1, len(curve) + 1), curve, **{"label": name, **line_kw})[0]
            for name, curve in self.curves.items()
        ]
        ax.set(xlabel="epoch", ylabel=next(iter(self.curves)) if len(self.curves) == 1 else "")
        if self.estimator_name is not None:
            ax.set_title(self.estimator_name)
        ax.legend(loc="best")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def plot_history(estimator: BaseEstimator, **options: Any) -> HistoryDisplay:
    """Plot the losses of a fitted estimator; see `HistoryDisplay.from_estimator`."""
    return HistoryDisplay.from_estimator(estimator, **options)


def plot_decision_boundary(
    estimator: BaseEstimator, X: Any, y: Any = None, *, ax: Axes | None = None, **options: Any
) -> DecisionBoundaryDisplay:
    """Plot an estimator's predictions over the plane of two features.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted on two features; or a Pipeline.
    X : array or DataFrame
        (N, 2); the plot covers their range.
    y : array, optional
        (N,); the rows are then plotted too, coloured by target.
    ax : matplotlib Axes, optional
    **options
        For `sklearn.inspection.DecisionBoundaryDisplay.from_estimator`.

    Returns
    -------
    sklearn.inspection.DecisionBoundaryDisplay
    """
    _pyplot()
    options = {"response_method": "predict", "alpha": 0.4, **options}
    display = DecisionBoundaryDisplay.from_estimator(estimator, X, ax=ax, **options)
    if y is not None:
        points = np.asarray(X)
        classes = getattr(estimator, "classes_", None)
        colours = np.asarray(y) if classes is None else np.searchsorted(classes, np.asarray(y))
        display.ax_.scatter(points[:, 0], points[:, 1], c=colours, edgecolor="k", s=20)
    return display


def _pyplot() -> ModuleType:
    """Import matplotlib, which is an optional dependency."""
    try:
        from matplotlib import pyplot  # noqa: PLC0415  # only plots need it
    except ImportError as error:
        raise ImportError(
            "Plots need matplotlib.\nInstall it with: pip install matplotlib"
        ) from error
    return pyplot
