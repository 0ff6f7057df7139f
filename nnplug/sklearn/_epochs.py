"""What every solver does after an epoch: record it on the estimator, and show it."""

from __future__ import annotations

import logging
import sys

from sklearn.base import BaseEstimator

from nnplug.training import History
from nnplug.training.progress import Bar

__all__ = [
    "INTERRUPTED",
    "NOT_FINITE",
    "Progress",
    "loss_and_penalty",
    "record_epoch",
    "say_waiting",
]

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)
"""scikit-learn's sentence, which users search for."""

INTERRUPTED = "Training interrupted by user."
"""Also scikit-learn's."""


def loss_and_penalty(history: History) -> tuple[float, float]:
    """Return the loss of the last epoch, and what the penalties add to it."""
    penalty = history["penalty"][-1] if "penalty" in history.columns else 0.0
    return history["loss"][-1], penalty


class Progress:
    """Shows the epochs of a fit: scikit-learn's lines, or a bar on a terminal.

    Parameters
    ----------
    verbose : bool or int
        Whether anything is shown.
    epochs : int
        The largest number that there can be.
    """

    def __init__(self, verbose: bool | int, epochs: int) -> None:
        self.verbose = bool(verbose)
        self.bar: Bar | None = None
        self.last: tuple[str, ...] = ()
        if self.verbose and epochs > 1 and sys.stdout.isatty() and sys.stderr.isatty():
            from rich.console import Console  # noqa: PLC0415  # only a terminal needs it

            self.bar = Bar("iteration", epochs, Console(stderr=True))

    def update(self, epoch: int, loss: float, score: float | None) -> None:
        """Show an epoch."""
        if not self.verbose:
            return
        self.last = (f"Iteration {epoch}, loss = {loss:.8f}",)
        if score is not None:
            self.last += (f"Validation score: {score:f}",)
        if self.bar is None:
            _show(*self.last)
        else:
            shown = f"loss {loss:.6g}" + ("" if score is None else f", score {score:.4f}")
            self.bar.update(epoch, shown)

    def say(self, text: str) -> None:
        """Print a line."""
        if self.verbose:
            _show(text)

    def close(self) -> None:
        """Remove the bar, and print the lines of the last epoch in its place."""
        if self.bar is not None:
            self.bar.hide()
            self.bar = None
            _show(*self.last)


def record_epoch(estimator: BaseEstimator, progress: Progress, *, scored: bool) -> None:
    """Write the last epoch of an estimator's history to its attributes, and show it.

    Parameters
    ----------
    scored : bool
        Whether there are validation rows, whose score has been appended.
    """
    history: History = estimator.history_
    estimator.n_iter_ += 1
    estimator.loss_ = sum(loss_and_penalty(history))
    score = None
    if scored:
        score = estimator.validation_scores_[-1]
        estimator.validation_loss_curve_.append(history["validation_loss"][-1])
        estimator.best_validation_score_ = max(estimator.best_validation_score_, score)
    progress.update(estimator.n_iter_, estimator.loss_, score)


def say_waiting(verbose: bool | int, text: str) -> None:
    """Say why nothing happens for a while; a fit that is not verbose logs it."""
    if verbose:
        _show(text)
    else:
        logging.getLogger("nnplug").warning(text)


def _show(*lines: str) -> None:
    print(*lines, sep="\n")  # noqa: T201  # what `verbose` asks for
