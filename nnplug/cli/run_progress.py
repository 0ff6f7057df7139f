"""The progress of many runs, with the time left."""

from __future__ import annotations

import sys
from typing import Any

from nnplug.cli.terminal import console, echo

__all__ = ["RunProgress"]


class RunProgress:
    """A bar on a terminal; elsewhere a line after each tenth of the runs.

    Parameters
    ----------
    what : str
        What is counted: `"run"`.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._bar: Any = None
        self._next = 0.1

    def __call__(self, done: int, total: int, left: float | None, said: str) -> None:
        """Show how many are done, and which one was the last."""
        if sys.stderr.isatty():
            if self._bar is None:
                from nnplug.training.progress import Bar

                self._bar = Bar(self._what, total, console(err=True))
            self._bar.update(done, said, total)
        elif done >= self._next * total:
            self._next = done / total + 0.1
            about = "" if left is None else f", about {_time(left)} left"
            echo(f"{done:,} of {total:,} {self._what}s{about}", err=True)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.hide()
            self._bar = None


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
