"""Signals that wait: SIGINT and SIGTERM, put off until the work in hand is safe."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interruption"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """A context in which the first SIGINT or SIGTERM is only noted; a second ends the process.

    Whoever works asks `number` from time to time, leaves the work in order,
    and after the context calls `deliver`. In a thread that is not the main
    one, signals are as they were: Python gives them to the main thread.

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

    def __init__(self) -> None:
        self.number: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                before = signal.getsignal(number)
                # A signal that is ignored, as after nohup, stays so; None is not Python's own.
                if before not in (signal.SIG_IGN, None):
                    self._before[number] = before
                    signal.signal(number, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        for each in self._before:
            signal.signal(each, signal.SIG_DFL)

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
