"""What `verbose` shows: scikit-learn's lines, or a bar where there is a terminal."""

from __future__ import annotations

import logging
import sys
from typing import Any

from nnplug.training.progress import Bar

__all__ = ["Progress", "say_waiting"]


class Progress:
    """Shows the iterations of a fit.

    Parameters
    ----------
    verbose : bool or int
        Whether it shows anything.
    iterations : int
        As many there can be.
    """

    def __init__(self, verbose: Any, iterations: int) -> None:
        self.verbose = bool(verbose)
        self.bar: Bar | None = None
        self.last: tuple[str, ...] = ()
        if self.verbose and iterations > 1 and sys.stdout.isatty() and sys.stderr.isatty():
            from rich.console import Console  # noqa: PLC0415  # only a terminal needs it

            self.bar = Bar("iteration", iterations, Console(stderr=True))

    def __call__(self, iteration: int, loss: float, score: float | None) -> None:
        """Show an iteration."""
        if not self.verbose:
            return
        self.last = (f"Iteration {iteration}, loss = {loss:.8f}",)
        if score is not None:
            self.last += (f"Validation score: {score:f}",)
        if self.bar is None:
            _show(*self.last)
        else:
            shown = f"loss {loss:.6g}" + ("" if score is None else f", score {score:.4f}")
            self.bar.update(iteration, shown)

    def say(self, text: str) -> None:
        """Print a line."""
        if self.verbose:
            _show(text)

    def close(self) -> None:
        """Take the bar away, and leave the last iteration's lines."""
        if self.bar is not None:
            self.bar.hide()
            self.bar = None
            _show(*self.last)


def _show(*lines: str) -> None:
    print(*lines, sep="\n")  # noqa: T201  # what `verbose` asks for


def say_waiting(verbose: Any, text: str) -> None:
    """Say why nothing happens for a while; a fit that is not verbose logs it."""
    if verbose:
        _show(text)
    else:
        logging.getLogger("nnplug").warning(text)
