"""The carrier of a notebook: commands, answers and frames as messages of a widget.

In place of a server's requests and events; the page and the session are the same.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from nnplug.play.worker import Worker, trouble

__all__ = ["PATIENCE", "View"]

PATIENCE = 5.0
"""Seconds without a sign that a frame was taken, after which nothing is learned for this view: its
browser is closed, or the kernel is busy with a cell."""

Send = Callable[[dict[str, Any], bytes], None]
"""Sends a message, and bytes that are compressed JSON."""


class View:
    """One place that shows a playground; a notebook may show the same one twice.

    A frame waits until the one before it was taken, and the latest wins: neither a slow
    browser nor the limits of Jupyter's server make them pile up.

    Parameters
    ----------
    name : str
        Given by the view; messages to it begin with it.
    tab : str
        The session's tab.
    worker : Worker
    send : callable
    """

    def __init__(self, name: str, tab: str, worker: Worker, send: Send) -> None:
        self.name, self._tab, self._worker, self._send = name, tab, worker, send
        self._lock = threading.Lock()
        self._latest, self._sent = "", 0.0
        self._looking = self._resting = False

    def hear(self, message: Mapping[str, Any]) -> None:
        """Do what a message asks for: obey a command, begin or end frames, send the next one."""
        if "command" in message:
            self._obey(message.get("number"), message["command"])
        elif "look" in message:
            self._look(bool(message["look"]))
        else:
            self._taken()

    def close(self) -> None:
        """Send no more frames."""
        self._look(False)

    # --- commands ---------------------------------------------------------------------

    def _obey(self, number: Any, command: Any) -> None:
        def answer(done: Future[dict[str, Any]]) -> None:
            error = done.exception()
            self._tell("answer", number, done.result() if error is None else trouble(error))

        if isinstance(command, Mapping):
            self._worker.do(self._tab, command).add_done_callback(answer)
        else:
            self._tell("answer", number, {"error": "The command is not an object."})

    def _tell(self, kind: str, number: Any, answer: Any) -> None:
        self._post(kind, number, json.dumps(answer, allow_nan=False, separators=(",", ":")))

    def _post(self, kind: str, number: Any, text: str) -> None:
        message = {"view": self.name, "kind": kind, "number": number}
        self._send(message, zlib.compress(text.encode(), 1))

    # --- frames -----------------------------------------------------------------------

    def _look(self, looking: bool) -> None:
        with self._lock:
            changed = looking != self._looking
            self._looking, self._resting = looking, False
            self._latest, self._sent = "", 0.0
        if changed and looking:
            self._listen()
        elif changed:
            self._worker.leave(self._tab, self._arrived)

    def _listen(self) -> None:
        def refused(done: Future[None]) -> None:
            if (error := done.exception()) is not None:
                self._tell("refused", 0, trouble(error)["error"])

        self._worker.listen(self._tab, self._arrived).add_done_callback(refused)

    def _arrived(self, frame: str) -> None:
        """Take a frame, in the worker's thread."""
        with self._lock:
            waits, now = bool(self._sent), time.monotonic()
            rests = waits and not self._resting and now - self._sent > PATIENCE
            if waits:
                self._latest, self._resting = frame, self._resting or rests
            else:
                self._sent = now
        if not waits:
            self._post("frame", 0, frame)
        elif rests:
            self._worker.leave(self._tab, self._arrived)

    def _taken(self) -> None:
        with self._lock:
            frame, resting = self._latest, self._resting and self._looking
            self._latest, self._resting = "", False
            self._sent = time.monotonic() if frame else 0.0
        if frame:
            self._post("frame", 0, frame)
        if resting:
            self._listen()
