"""The workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from typing import Any

from nnplug.errors import SettingError
from nnplug.places.place import Examine, Place

__all__ = ["DaskCluster"]

PATIENCE = 15
"""Seconds to wait for a scheduler."""


class DaskCluster(Place):
    """A connection to a scheduler.

    Raises
    ------
    SettingError
        If Dask is not installed, no scheduler answers, or it has no workers.
    """

    def __init__(self, text: str) -> None:
        self.text, address = text, text.partition("://")[2]
        try:
            from distributed import Client, KilledWorker  # noqa: PLC0415  # Dask is an extra
        except ModuleNotFoundError:
            raise SettingError(
                f"on={text!r}: Dask is not installed.\n"
                "Install it (pip install distributed), or leave --on out."
            ) from None
        # A task is cancelled without being asked to be where the scheduler lost its worker too.
        self.lost = (KilledWorker, CancelledError)
        try:
            self._client = Client(address, timeout=PATIENCE)
        except OSError:
            raise SettingError(
                f"on={text!r}: no Dask scheduler answers there.\n"
                "Start one (dask scheduler), and workers for it (dask worker ADDRESS --nthreads 1)."
            ) from None
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            self._client.close()
            raise SettingError(
                f"on={text!r}: the scheduler has no workers.\n"
                "Start some: dask worker ADDRESS --nthreads 1"
            ) from None
        self._executor = self._client.get_executor(pure=False)

    @property
    def room(self) -> int:
        """The workers that there are now: each performs one task at a time."""
        return len(self._client.nthreads())

    def submit(self, perform: Callable[[Any], Any], task: Any) -> Future[Any]:
        """Begin a task."""
        found: Future[Any] = self._executor.submit(perform, task)
        return found

    def survey(self, examine: Examine) -> Iterator[tuple[str, list[str]]]:
        """Examine every worker."""
        for name, found in self._client.run(examine, on_error="return").items():
            if isinstance(found, BaseException):
                raise found
            yield name, found

    def __exit__(self, *error: object) -> None:
        self._executor.shutdown(wait=False)
        self._client.close()
