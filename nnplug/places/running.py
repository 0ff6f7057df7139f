"""Performing tasks at a place: a few at a time, again where a worker was lost."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from nnplug.errors import SettingError
from nnplug.places.place import Examine, Place
from nnplug.plugins.registry import Registry

__all__ = ["check_place", "run_all"]

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

LOSSES = 8
"""Workers that a task may lose: it is then taken to be what ends them."""

LONELY = 300
"""Seconds to wait where there are no workers: others may come."""

_SHOWN = 3


def run_all(
    perform: Callable[[_Task], _Result],
    tasks: Iterable[_Task],
    where: str = "1",
    examine: Examine | None = None,
) -> Generator[tuple[_Task, _Result], None, None]:
    """Perform tasks that do not depend on one another, and yield each as it is done.

    A task whose worker was killed is performed again. No more tasks are taken than there
    is room for, so that a task may depend on the results yielded before it was taken.

    Parameters
    ----------
    perform : callable
        It and the tasks are sent to other processes, unless `where` is `"1"`.
    where : str
        `"1"` for this process, `"4"` for four processes of this machine,
        `"dask://HOST:PORT"`, `"ray://HOST:PORT"`, or the name of a backend that is
        registered with joblib.
    examine : callable, optional
        Tells, in a worker, what is not as it is here. All workers are asked before the
        first task begins, and a worker that comes later before its own first.

    Raises
    ------
    SettingError
        If the place is unknown, needs a package that is not installed, or has a worker that
        is not as this process is.
    """
    if where == "1":
        for task in tasks:
            yield task, perform(task)
        return
    check_place(where)
    call: Callable[[_Task], _Result] = _Alone(perform, examine, where)
    if where.isdecimal() or "://" in where:
        with _open(where) as place:
            if examine is not None:
                refuse_unlike(place, examine)
            yield from _run(place, call, iter(tasks))
        return
    from nnplug.places.backend import Backend  # noqa: PLC0415  # joblib is an extra

    backend, waiting = Backend(where), iter(tasks)
    while some := list(islice(waiting, backend.room)):
        yield from backend.perform(call, some)


def check_place(where: str, registry: Registry | None = None) -> None:
    """Refuse a place that cannot be meant, before any work is done.

    Parameters
    ----------
    registry : Registry, optional
        Asked for a plugin of that name, which may register a backend with joblib.

    Raises
    ------
    SettingError
    """
    if where == "1":
        return
    if where.isdecimal() and int(where) < 1:
        raise SettingError(f"on={where!r}: it must be at least 1, the number of processes.")
    scheme, separator, _ = where.partition("://")
    if separator and scheme not in ("dask", "ray"):
        raise SettingError(
            f"on={where!r}: write a number of processes, dask://HOST:PORT, ray://HOST:PORT, or "
            "the name of a backend that is registered with joblib."
        )
    if separator:
        return
    try:
        import joblib  # noqa: F401, PLC0415  # only who leaves this process needs it
    except ModuleNotFoundError:
        raise SettingError(
            f"on={where!r}: joblib is not installed.\n"
            "Install it (pip install joblib), or leave --on out."
        ) from None
    if registry is not None and not where.isdecimal():
        from nnplug.places.backend import Backend  # noqa: PLC0415  # joblib is an extra

        registry.plugins.load(where)
        Backend(where)


def _open(where: str) -> Place:
    scheme, separator, _ = where.partition("://")
    if not separator:
        from nnplug.places.processes import Processes  # noqa: PLC0415  # joblib is an extra

        return Processes(where)
    if scheme == "dask":
        from nnplug.places.dask_cluster import DaskCluster  # noqa: PLC0415  # Dask is an extra

        return DaskCluster(where)
    from nnplug.places.ray_cluster import RayCluster  # noqa: PLC0415  # Ray is an extra

    return RayCluster(where)


def _run(
    place: Place, call: Callable[[_Task], _Result], tasks: Iterator[_Task]
) -> Iterator[tuple[_Task, _Result]]:
    going: dict[Future[_Result], tuple[_Task, int]] = {}
    again: deque[tuple[_Task, int]] = deque()
    more, lonely = True, 0.0
    while more or going or again:
        room = place.room
        lonely = 0.0 if room else lonely or time.monotonic()
        if lonely and time.monotonic() - lonely > LONELY:
            raise SettingError(
                f"on={place.text!r}: it has had no workers for {LONELY} s.\n"
                "Start some. What was done is kept; --resume continues."
            )
        while len(going) < room:
            item = again.popleft() if again else next(((task, 0) for task in tasks), None)
            if item is None:
                more = False
                break
            going[place.submit(call, item[0])] = item
        if not going:
            time.sleep(0 if room else 1.0)
            continue
        # Woken now and then: elsewhere than on POSIX, Ctrl-C does not end such a wait.
        for future in wait(going, timeout=1.0, return_when=FIRST_COMPLETED).done:
            task, losses = going.pop(future)
            try:
                result = future.result()
            except place.lost as error:
                if losses + 1 == LOSSES:
                    raise _losing(place, task, error) from None
                again.append((task, losses + 1))
            except ImportError as error:
                raise SettingError(
                    f"on={place.text!r}: a worker cannot import what it needs: {error}.\n"
                    "Install nnplug and its plugins there as they are installed here."
                ) from None
            else:
                yield task, result


def _losing(place: Place, task: object, error: BaseException) -> SettingError:
    return SettingError(
        f"on={place.text!r}: {LOSSES} workers ended while they performed {task}: "
        f"{type(error).__name__}.\n"
        "The usual cause is too little memory: run fewer at a time, or on larger machines.\n"
        "What was done is kept; --resume continues."
    )


# --- workers that are not as this process is ----------------------------------------------


def refuse_unlike(place: Place, examine: Examine) -> None:
    """Examine all workers of a place.

    Raises
    ------
    SettingError
        If one is not as this process is: which, and what differs.
    """
    try:
        found = {name: lines for name, lines in place.survey(examine) if lines}
    except ImportError as error:
        raise SettingError(
            f"on={place.text!r}: a worker cannot import what it needs: {error}.\n"
            "Install nnplug and its plugins there as they are installed here."
        ) from None
    if found:
        raise _unlike(place.text, found)


def _unlike(text: str, found: dict[str, list[str]]) -> SettingError:
    """Write what differs, worker by worker."""
    lines = [f"on={text!r}: {len(found)} of its workers would give other numbers than here."]
    if len(found) == 1:
        lines = [f"on={text!r}: a worker would give other numbers than this process."]
    for name, differences in list(found.items())[:_SHOWN]:
        lines += [f"worker {name}:", *(f"  {line}" for line in differences)]
    if len(found) > _SHOWN:
        lines.append(f"and {len(found) - _SHOWN} more")
    lines.append("Install the same packages there, and keep the data under the same paths.")
    return SettingError("\n".join(lines))


class _Alone:
    """Performs tasks in a worker, one at a time, after it was examined."""

    def __init__(self, perform: Callable[[Any], Any], examine: Examine | None, where: str) -> None:
        self.perform, self.examine, self.where = perform, examine, where
        # The same in all tasks of a `run_all`, and in no other's.
        self.key = os.urandom(16)

    def __call__(self, task: Any) -> Any:
        # A worker with several threads would set the threads of BLAS for all of them.
        with _turn():
            if self.examine is not None and self.key not in _examined():
                lines = self.examine()
                if lines:
                    name = f"{platform.node()}, process {os.getpid()}"
                    raise _unlike(self.where, {name: lines})
                _examined().add(self.key)
            return self.perform(task)


@cache
def _turn() -> threading.RLock:
    return threading.RLock()


@cache
def _examined() -> set[bytes]:
    return set()
