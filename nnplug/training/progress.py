"""A bar on the terminal: how far a training is, its loss, the time that is left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Bar"]

_PAUSE = 0.1
"""Seconds between two pictures."""


class Bar:
    """A bar in the last line of a terminal, which is gone afterwards.

    Parameters
    ----------
    what : str
        What is counted: `"epoch"`.
    total : int
        As many there can be.
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

    def update(self, done: int, said: str) -> None:
        """Take note of how many are done; draw it if it is time."""
        self._drawn.update(self._task, completed=done, description=said)
        if (now := time.monotonic()) >= self._due:
            self._due = now + _PAUSE
            self._drawn.refresh()

    def hide(self) -> None:
        """Leave the last line to something else."""
        self._drawn.stop()

    def show(self) -> None:
        """Draw it again, as it stands now."""
        self._drawn.start()
        self._drawn.refresh()
