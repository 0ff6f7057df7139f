"""The thread in which all sessions compute: one at a time, and no BLAS in two threads."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from nnplug.errors import NnplugError
from nnplug.play.session import Session

__all__ = ["MOST_SESSIONS", "Tab", "Worker", "trouble"]

MOST_SESSIONS = 8
"""The most tabs that are served at a time."""

MOST_SECONDS_TO_STOP = 1.0
"""How long the end of the program waits for a command that is being obeyed."""


@dataclass(eq=False)
class Tab:
    """A session and who looks at it.

    Attributes
    ----------
    session : Session
    listeners : list of callable
        Called in the worker's thread with each new frame, as JSON. While there is
        none, the session does not compute.
    left : float
        When the last listener left, by `time.monotonic`.
    """

    session: Session
    listeners: list[Callable[[str], None]] = field(default_factory=list)
    left: float = field(default_factory=time.monotonic)


class Worker:
    """Does what tabs ask for, and trains those that are playing, by turns.

    Parameters
    ----------
    make : callable
        Makes a session for a new tab.
    """

    def __init__(self, make: Callable[[], Session]) -> None:
        self._make, self.tabs = make, dict[str, Tab]()
        self._asked: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="nnplug-play", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and close the sessions; a long command ends with the program."""
        self._asked.put(None)
        self._thread.join(MOST_SECONDS_TO_STOP)
        for tab in self.tabs.values():
            tab.session.close()

    # --- from other threads -----------------------------------------------------------

    def do(self, name: str, asked: Mapping[str, Any]) -> Future[dict[str, Any]]:
        """Let a tab's session obey a command; see `Session.do`."""

        def obey() -> dict[str, Any]:
            tab = self._tab(name)
            answer = tab.session.do(asked)
            if "error" not in answer and asked.get("do") not in ("probe", "trace"):
                self._publish(tab, self._frame_of(tab, answer))
            return answer

        return self._in_thread(obey)

    def listen(self, name: str, listener: Callable[[str], None]) -> Future[None]:
        """Call a function with every frame of a tab from now on, and with the present one."""

        def add() -> None:
            tab = self._tab(name)
            tab.listeners.append(listener)
            if tab.session.learners:
                listener(_json(tab.session.frame()))

        return self._in_thread(add)

    def add(self, name: str, session: Session) -> Future[None]:
        """Give a session a tab of its own, before anybody looks at it."""

        def keep() -> None:
            self._keep(name, session)

        return self._in_thread(keep)

    def drop(self, name: str) -> None:
        """Close a tab's session."""

        def close() -> None:
            if name in self.tabs:
                self.tabs.pop(name).session.close()

        self._in_thread(close)

    def leave(self, name: str, listener: Callable[[str], None]) -> None:
        """Stop calling it."""

        def remove() -> None:
            tab = self.tabs.get(name)
            if tab is not None and listener in tab.listeners:
                tab.listeners.remove(listener)
                tab.left = time.monotonic()

        self._in_thread(remove)

    def _in_thread(self, function: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():  # the server ends
                return
            try:
                future.set_result(function())
            # Whatever happens is the asker's to hear; the thread goes on for the other tabs.
            except BaseException as error:
                future.set_exception(error)

        self._asked.put(run)
        return future

    # --- in the thread ----------------------------------------------------------------

    def _run(self) -> None:
        while True:
            playing = [tab for tab in self.tabs.values() if tab.listeners and tab.session.playing]
            due = min((tab.session.due for tab in playing), default=float("inf"))
            wait = max(0.0, due - time.perf_counter()) if playing else None
            try:
                task = self._asked.get(timeout=wait) if wait != 0 else self._asked.get_nowait()
            except queue.Empty:
                self._train(playing)
                continue
            if task is None:
                return
            task()

    def _train(self, playing: list[Tab]) -> None:
        share = 1 / max(1, len(playing))
        for tab in playing:
            if tab.session.due <= time.perf_counter():
                try:
                    self._publish(tab, tab.session.work(share))
                except Exception as error:  # a part of a plugin may raise anything
                    tab.session.pause()
                    self._publish(tab, trouble(error))

    def _publish(self, tab: Tab, frame: Mapping[str, Any] | None) -> None:
        if frame is not None and tab.listeners:
            text = _json(frame)
            for listener in tab.listeners:
                listener(text)

    def _frame_of(self, tab: Tab, answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Take the frame out of an answer, if it has one."""
        if "lanes" in answer and "frame" not in answer:
            return answer
        found: Mapping[str, Any] | None = answer.get("frame")
        return found

    def _tab(self, name: str) -> Tab:
        """Find a tab, or make room for a new one in place of one that nobody looks at.

        Raises
        ------
        NnplugError
            If all of them are looked at.
        """
        if name not in self.tabs:
            self._keep(name, self._make())
        return self.tabs[name]

    def _keep(self, name: str, session: Session) -> None:
        if len(self.tabs) >= MOST_SESSIONS:
            idle = [key for key, tab in self.tabs.items() if not tab.listeners]
            if not idle:
                raise NnplugError(
                    f"{MOST_SESSIONS} tabs are open already.\nClose one of them, and reload."
                )
            oldest = min(idle, key=lambda key: self.tabs[key].left)
            self.tabs.pop(oldest).session.close()
        self.tabs[name] = Tab(session)


def trouble(error: BaseException) -> dict[str, Any]:
    """Return the answer that tells of an error; a part of a plugin may raise anything."""
    text = str(error) if isinstance(error, NnplugError) else f"{type(error).__name__}: {error}"
    return {"error": text}


def _json(frame: Mapping[str, Any]) -> str:
    return json.dumps(frame, allow_nan=False, separators=(",", ":"))
