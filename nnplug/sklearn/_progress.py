"""What `verbose` shows: scikit-learn's lines, or a bar where there is a terminal."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

__all__ = ["Progress", "say_compiling"]


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
        self.verbose, self.due = bool(verbose), 0.0
        self.bar: Any = None
        self.last: tuple[str, ...] = ()
        if self.verbose and iterations > 1 and sys.stdout.isatty() and sys.stderr.isatty():
            self._start(iterations)

    def _start(self, iterations: int) -> None:
        # Only a terminal needs the library that draws.
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415
        from rich.progress import TimeRemainingColumn as Remaining  # noqa: PLC0415

        self.bar = Progress(
            TextColumn("iteration"),
            MofNCompleteColumn(),
            BarColumn(),
            Remaining(),
            TextColumn("{task.description}"),
            console=Console(stderr=True),
            transient=True,
            auto_refresh=False,
        )
        self.bar.start()
        self.bar.add_task("", total=iterations)

    def __call__(self, iteration: int, loss: float, score: float | None) -> None:
        """Show an iteration."""
        if not self.verbose:
            return
        self.last = (f"Iteration {iteration}, loss = {loss:.8f}",)
        if score is not None:
            self.last += (f"Validation score: {score:f}",)
        if self.bar is None:
            _show(*self.last)
        elif (now := time.monotonic()) >= self.due:
            self.due = now + 0.1
            shown = f"loss {loss:.6g}" + ("" if score is None else f", score {score:.4f}")
            self.bar.update(self.bar.task_ids[0], completed=iteration, description=shown)
            self.bar.refresh()

    def say(self, text: str) -> None:
        """Print a line."""
        if self.verbose:
            _show(text)

    def close(self) -> None:
        """Take the bar away, and leave the last iteration's lines."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
            _show(*self.last)


def _show(*lines: str) -> None:
    print(*lines, sep="\n")  # noqa: T201  # what `verbose` asks for


def say_compiling(verbose: Any) -> None:
    """Say why nothing happens for a while; a fit that is not verbose logs it."""
    text = (
        "compiling the training step for engine='numba'; its code is kept, so that later fits "
        "need not wait"
    )
    if verbose:
        _show(text)
    else:
        logging.getLogger("nnplug").warning(text)
