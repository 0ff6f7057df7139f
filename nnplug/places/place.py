"""What a place is: somewhere that takes tasks, and may lose the process that performs one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, Self

__all__ = ["Place"]

Examine = Callable[[], list[str]]
"""Asked in a worker: a line for each thing there that is not as here."""


class Place:
    """Somewhere that performs tasks; a context manager, which ends what it started.

    Attributes
    ----------
    text : str
        What the user wrote, such as `dask://HOST:PORT`.
    lost : tuple of type
        The errors of a task whose worker ended before it was done. It may be tried again.
    """

    text: str
    lost: tuple[type[BaseException], ...] = ()

    @property
    def room(self) -> int:
        """The tasks that it performs at a time."""
        raise NotImplementedError

    def submit(self, perform: Callable[[Any], Any], task: Any) -> Future[Any]:
        """Begin a task; both arguments are sent to another process."""
        raise NotImplementedError

    def survey(self, examine: Examine) -> Iterator[tuple[str, list[str]]]:
        """Examine all workers there are now, and yield the name of each with what it found.

        Processes of this machine need not be: each examines itself before its first task.
        """
        yield from ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass
