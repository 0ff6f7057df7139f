"""Where the tasks of a comparison run: in this process, or wherever joblib reaches."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, TypeVar

from nnplug.errors import SettingError

__all__ = ["check_place", "run_all"]

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

_PATIENCE = 15
"""Seconds to wait for a scheduler."""


def run_all(
    perform: Callable[[_Task], _Result], tasks: Sequence[_Task], where: str = "1"
) -> Iterator[tuple[_Task, _Result]]:
    """Perform tasks that do not depend on one another, and yield each as it is done.

    Parameters
    ----------
    perform : callable
        It and the tasks are sent to other processes, unless `where` is `"1"`.
    where : str
        `"1"` for this process, `"4"` for four processes of this machine,
        `"dask://HOST:PORT"`, or the name of a backend that is registered with joblib.

    Raises
    ------
    SettingError
        If the place is unknown, or needs a package that is not installed.
    """
    if where == "1":
        for task in tasks:
            yield task, perform(task)
        return
    joblib = check_place(where)
    jobs = int(where) if where.isdecimal() else -1
    with _backend(joblib, where):
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
        calls = (joblib.delayed(_numbered)(perform, *item) for item in enumerate(tasks))
        with _quiet_workers():
            answers = parallel(calls)
        # Closed early, as at an interrupt, the generator takes back what has not begun.
        with closing(answers) as found:
            for number, result in found:
                yield tasks[number], result


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


def _numbered(perform: Callable[[_Task], _Result], number: int, task: _Task) -> tuple[int, _Result]:
    return number, perform(task)


def check_place(where: str) -> Any:
    """Refuse a place that cannot be meant, before any work is done; return joblib if it is needed.

    Raises
    ------
    SettingError
    """
    if where == "1":
        return None
    if where.isdecimal() and int(where) < 1:
        raise SettingError(f"on={where!r}: it must be at least 1, the number of processes.")
    scheme, separator, _ = where.partition("://")
    if separator and scheme != "dask":
        raise SettingError(
            f"on={where!r}: write a number of processes, dask://HOST:PORT, or the name of a "
            "backend that is registered with joblib."
        )
    try:
        import joblib  # noqa: PLC0415  # only who leaves this process needs it
    except ModuleNotFoundError:
        raise SettingError(
            f"on={where!r}: joblib is not installed.\n"
            "Install it (pip install joblib), or leave --on out."
        ) from None
    return joblib


def _backend(joblib: Any, where: str) -> AbstractContextManager[Any]:
    _, separator, address = where.partition("://")
    if where.isdecimal():
        return _loky(joblib)
    if separator:
        return _dask(joblib, address)
    try:
        context: AbstractContextManager[Any] = joblib.parallel_config(backend=where)
    except (ValueError, TypeError, KeyError):
        raise SettingError(
            f"on={where!r}: joblib knows no backend of that name.\n"
            "Write a number of processes, dask://HOST:PORT, or the name of a registered backend."
        ) from None
    return context


@contextmanager
def _loky(joblib: Any) -> Iterator[None]:
    """Use processes of this machine, and end them with the context."""
    from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415  # joblib is an extra

    try:
        with joblib.parallel_config(backend="loky"):
            yield
    finally:
        get_reusable_executor().shutdown(kill_workers=True)


@contextmanager
def _dask(joblib: Any, address: str) -> Iterator[None]:
    """Use the workers of a Dask cluster."""
    try:
        from dask.distributed import Client  # noqa: PLC0415  # Dask is an extra
    except ModuleNotFoundError:
        raise SettingError(
            f"on='dask://{address}': Dask is not installed.\n"
            "Install it (pip install distributed joblib), or leave --on out."
        ) from None
    try:
        client = Client(address, timeout=_PATIENCE)
    except OSError:
        raise SettingError(
            f"on='dask://{address}': no Dask scheduler answers there.\n"
            "Start one (dask scheduler), and workers for it."
        ) from None
    with client, joblib.parallel_config(backend="dask"):
        yield
