"""Interruption: SIGINT and SIGTERM are put off until the present work is safe."""

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

    The code in the context checks `number` from time to time, leaves its work in
    order, and calls `deliver` after the context. In other threads than the main
    one, nothing changes: Python delivers signals to the main thread.

    Parameters
    ----------
    keyboard : bool, optional
        Whether only Ctrl-C is noted, and only where it would raise
        KeyboardInterrupt; a second one raises it at once. This is for use as a
        library, whose caller goes on afterwards.

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
                # An ignored signal, as after nohup, stays ignored; None is not Python's handler.
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
        """Let the noted signal take effect: call the caller's handler, or end the process.

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
    """Put SIGINT off until the end of the context.

    For short work that must not be left half done, such as an import: if it is
    interrupted, later imports find half-made modules.
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
