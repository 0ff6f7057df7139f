"""Processes of this machine, by loky, which comes with joblib."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from typing import Any

from nnplug.places.place import Place

__all__ = ["Processes"]


class Processes(Place):
    """So many processes, ended with the context.

    If one of them ends, loky gives up all tasks that were being performed.
    """

    lost = (BrokenExecutor,)

    def __init__(self, text: str) -> None:
        from joblib.externals import loky  # noqa: PLC0415  # joblib is an extra

        self.text, self._loky = text, loky

    @property
    def room(self) -> int:
        """Their number."""
        return int(self.text)

    def submit(self, perform: Callable[[Any], Any], task: Any) -> Future[Any]:
        """Begin a task, in new processes if the others are broken."""
        with _quiet_workers():
            # Kept while there is work: a new process costs seconds of imports.
            executor = self._loky.get_reusable_executor(max_workers=self.room, timeout=300)
            try:
                found: Future[Any] = executor.submit(perform, task)
            except self.lost:  # it broke since it was asked for
                executor = self._loky.get_reusable_executor(max_workers=self.room, timeout=300)
                found = executor.submit(perform, task)
        return found

    def __exit__(self, *error: object) -> None:
        self._loky.get_reusable_executor(max_workers=self.room).shutdown(kill_workers=True)


@contextmanager
def _quiet_workers() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: this one ends them, and they say nothing.

    A process inherits which signals are ignored where it is started. (That they are
    blocked it would inherit too, but Python's resource tracker lets them through again.)
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signals
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
