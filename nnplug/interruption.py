"""Signals that wait: SIGINT and SIGTERM, put off until the work in hand is safe."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interruption", "uninterrupted"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """A context in which the first SIGINT or SIGTERM is only noted; a second ends the process.

    Whoever works asks `number` from time to time, leaves the work in order,
    and after the context calls `deliver`. In a thread that is not the main
    one, signals are as they were: Python gives them to the main thread.

    Parameters
    ----------
    keyboard : bool, optional
        Whether Ctrl-C alone is noted, and only where it would raise
        KeyboardInterrupt; a second one raises it at once. A library waits
        like this, whose caller goes on after it.

    Attributes
    ----------
    number : int or None
        The signal that came.

    Examples
    --------
    >>> with Interruption() as interruption:
    ...     signal.raise_signal(signal.SIGINT)
    ...     print("in order")
    in order
    >>> interruption.number == signal.SIGINT
    True
    """

    def __init__(self, *, keyboard: bool = False) -> None:
        self.number: int | None = None
        self._keyboard = keyboard
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT,) if self._keyboard else _SIGNALS:
                before = signal.getsignal(number)
                # A signal that is ignored, as after nohup, stays so; None is not Python's own.
                waits = before not in (signal.SIG_IGN, None)
                if self._keyboard:
                    waits = before is signal.default_int_handler
                if waits:
                    self._before[number] = before
                    signal.signal(number, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        for each, before in self._before.items():
            signal.signal(each, before if self._keyboard else signal.SIG_DFL)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def deliver(self) -> None:
        """Let the signal that came have its effect: the caller's handler, or the end.

        Raises
        ------
        KeyboardInterrupt
            For SIGINT.
        SystemExit
            With status 143, for SIGTERM.
        """
        if self.number is None:
            return
        if self._before[self.number] is signal.SIG_DFL:
            raise SystemExit(128 + self.number)
        signal.raise_signal(self.number)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let SIGINT wait until the end of the context, and then have its effect.

    For what must not be left half done and takes a moment: an import that is
    broken off leaves modules behind that later imports find half made.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    if before in (signal.SIG_IGN, signal.SIG_DFL, None):
        yield
        return
    came = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)
