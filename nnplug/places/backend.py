"""A backend that a plugin has registered with joblib, by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

from nnplug.errors import SettingError

__all__ = ["Backend"]


class Backend:
    """A backend of joblib: `joblib.register_parallel_backend(NAME, ...)` made it known.

    Raises
    ------
    SettingError
        If joblib knows no backend of that name.
    """

    def __init__(self, text: str) -> None:
        import joblib  # noqa: PLC0415  # joblib is an extra

        self.text, self._joblib = text, joblib
        try:
            with joblib.parallel_config(backend=text):
                self.room = max(1, joblib.effective_n_jobs(-1))
        except (ValueError, TypeError, KeyError):
            raise SettingError(
                f"on={text!r}: joblib knows no backend of that name.\n"
                "Write a number of processes, dask://HOST:PORT, ray://HOST:PORT, or the name of a "
                "registered backend."
            ) from None

    def perform(
        self, perform: Callable[[Any], Any], tasks: Sequence[Any]
    ) -> Iterator[tuple[Any, Any]]:
        """Perform tasks, and yield each with its result as soon as the backend gives it."""
        calls = [self._joblib.delayed(_numbered)(perform, *item) for item in enumerate(tasks)]
        with self._joblib.parallel_config(backend=self.text):
            try:
                parallel = self._joblib.Parallel(n_jobs=-1, return_as="generator_unordered")
            except ValueError:  # the backend returns all results at once
                parallel = self._joblib.Parallel(n_jobs=-1)
                yield from ((tasks[number], result) for number, result in parallel(calls))
                return
            # Closed early, as at an interrupt, the generator takes back what has not begun.
            with closing(parallel(calls)) as found:
                yield from ((tasks[number], result) for number, result in found)


def _numbered(perform: Callable[[Any], Any], number: int, task: Any) -> tuple[int, Any]:
    return number, perform(task)
