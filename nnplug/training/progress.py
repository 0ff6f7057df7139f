"""A progress bar on the terminal: epochs done, the loss, the time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Bar"]

_PAUSE = 0.1
"""Seconds between two updates of the screen."""


class Bar:
    """A progress bar in the last line of a terminal, removed at the end.

    Parameters
    ----------
    what : str
        What is counted: `"epoch"`.
    total : int
        The largest number that there can be.
    console : Console
        Where it is drawn.
    """

    def __init__(self, what: str, total: int, console: Console) -> None:
        from rich.progress import (  # noqa: PLC0415  # only a terminal needs the library that draws
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._drawn = Progress(
            TextColumn(what),
            MofNCompleteColumn(),
            BarColumn(bar_width=20),
            TimeRemainingColumn(),
            TextColumn("left"),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._drawn.add_task("", total=total)
        self._due = 0.0
        self._drawn.start()

    def update(self, done: int, said: str, total: int | None = None) -> None:
        """Set how many are done, and draw the bar unless it was drawn a moment ago.

        Parameters
        ----------
        total : int, optional
            If there turn out to be more than it was made for.
        """
        self._drawn.update(self._task, completed=done, description=said, total=total)
        if (now := time.monotonic()) >= self._due:
            self._due = now + _PAUSE
            self._drawn.refresh()

    def hide(self) -> None:
        """Remove the bar, to leave the last line to other output."""
        self._drawn.stop()

    def show(self) -> None:
        """Draw the bar again, with its latest numbers."""
        self._drawn.start()
        self._drawn.refresh()
