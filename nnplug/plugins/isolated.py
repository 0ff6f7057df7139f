"""Runs a task in a process of its own, with a time limit for each thing that it reports.

A plugin may never end, may end Python, and its imports cannot be undone. So
`plugins doctor` and `plugins check` load plugins in another process, which
writes one line of JSON for each event.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Mapping
from importlib import import_module
from queue import Empty, Queue
from tempfile import TemporaryFile
from typing import IO, Any

__all__ = ["Event", "Stopped", "answer", "run_isolated"]

Event = dict[str, Any]
"""What a task reports: values that JSON can hold, with a name under `"event"`."""

_CHILD = (
    "import json, sys; request = json.loads(sys.argv[2]); sys.path[:] = request.pop('path'); "
    "from nnplug.plugins.isolated import answer; answer(sys.argv[1], request)"
)


class Stopped(Exception):  # noqa: N818  # what became of a process, not an error of nnplug's
    """The process of a task ended before the task did.

    Attributes
    ----------
    last_line : str
        The last line that it wrote to stderr, where that was kept.
    """

    def __init__(self, how: str, last_line: str = "") -> None:
        super().__init__(how)
        self.last_line = last_line


def run_isolated(
    task: str, request: Mapping[str, Any], limit: float, *, quiet: bool = False
) -> Generator[Event]:
    """Run a task in a process of its own.

    Parameters
    ----------
    task : str
        `"module:function"`: a generator function that takes the request and
        yields events.
    request : mapping
        What JSON can hold.
    limit : float
        Seconds until the next event must be there.
    quiet : bool, optional
        Keep off the terminal what the process writes to stderr.

    Yields
    ------
    dict
        The task's events, as they come.

    Raises
    ------
    Stopped
        If an event takes longer than `limit`, and the process was stopped; or
        if the process ended by itself.
    """
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(TemporaryFile()) if quiet else None
        process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, task, json.dumps({**request, "path": sys.path})],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        assert process.stdout is not None
        # A thread reads, since reading from a pipe cannot be given up.
        lines: Queue[str] = Queue()
        reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
        reader.start()
        stack.callback(_close, process.stdout, reader)
        stack.callback(_stop, process)  # the last is called first
        while True:
            try:
                line = lines.get(timeout=limit)
            except Empty:
                raise Stopped(f"did not end within {limit:g} s, and was stopped") from None
            if not line:
                code = process.wait()
                how = f"signal {-code}" if code < 0 else f"exit code {code}"
                raise Stopped(f"ended Python ({how})", _last_line(errors))
            event: Event = json.loads(line)
            if event["event"] == "end":
                return
            yield event


def _read(stream: IO[str], lines: Queue[str]) -> None:
    """Pass on each line, and an empty one at the end."""
    for line in stream:
        lines.put(line)
    lines.put("")


def _last_line(errors: IO[bytes] | None) -> str:
    if errors is None:
        return ""
    errors.seek(0)
    return errors.read().decode("utf-8", "replace").strip().rpartition("\n")[2]


def _stop(process: subprocess.Popen[str]) -> None:
    """Stop a process and what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _close(stream: IO[str], reader: threading.Thread) -> None:
    reader.join(timeout=1)
    if not reader.is_alive():  # a stray grandchild may hold the pipe open
        stream.close()


def answer(task: str, request: Mapping[str, Any]) -> None:
    """Run a task in this process, and write its events to stdout."""
    stream_of_events = os.dup(1)
    os.dup2(2, 1)  # what a plugin prints, in whatever way, is not an event
    module, _, function = task.partition(":")
    with os.fdopen(stream_of_events, "w", encoding="utf-8") as stream:
        events = getattr(import_module(module), function)(request)
        for event in itertools.chain(events, [{"event": "end"}]):
            stream.write(json.dumps(event) + "\n")
            stream.flush()
