"""Checks parts in a process of their own, for `nnplug plugins check`.

A part may never end, or end Python. So its plugin is loaded and checked in
another process, with a time limit for each check, and what was seen comes
back as one line of JSON for each event.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from queue import Empty, Queue
from typing import IO, Any

__all__ = ["examine"]

Event = dict[str, Any]

_CHILD = (
    "import json, sys; request = json.loads(sys.argv[1]); sys.path[:] = request['path']; "
    "from nnplug.testing.child import main; main(request)"
)


def examine(request: Mapping[str, Any], limit: float) -> Iterator[Event]:
    """Check the parts of a name, a package or a file in other processes.

    Parameters
    ----------
    request : mapping
        `target`; `kind` or None; `engine` or None; `plugins` and `strict`, as
        the command line gives them.
    limit : float
        Seconds that loading, or one check, may take.

    Yields
    ------
    dict
        By its `event`: `"error"` (with `message`; nothing can be checked),
        `"note"`, `"part"` (who it is and the names of its checks), `"start"`
        of a check, its `"result"`, or `"stopped"` in place of one (with
        `message`), after which the part's other checks are not run.
    """
    first = 0
    while True:
        part = None
        for event in _one_process({**request, "first": first, "path": sys.path}, limit):
            if event["event"] == "end":
                return
            if event["event"] == "stopped" and part is None:
                yield {"event": "error", "message": f"{request['target']}: {event['message']}"}
                return
            part = event["number"] if event["event"] == "part" else part
            if event["event"] != "note" or not first:
                yield event
            if event["event"] == "error":
                return
        assert part is not None
        first = part + 1  # what stopped costs no other part its checks


def _one_process(request: Mapping[str, Any], limit: float) -> Iterator[Event]:
    """Run one process to its end; the last event is `end`, `error` or `stopped`."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, json.dumps(request)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    assert process.stdout is not None
    lines: Queue[str] = Queue()
    reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
    reader.start()
    doing = "it was not loaded"
    try:
        while True:
            try:
                line = lines.get(timeout=limit)
            except Empty:
                yield {"event": "stopped", "message": f"{doing} after {limit:g} s, and was stopped"}
                return
            if not line:
                code = process.wait()
                how = f"signal {-code}" if code < 0 else f"exit code {code}"
                message = f"{doing} when it ended Python ({how})"
                yield {"event": "stopped", "message": message}
                return
            event: Event = json.loads(line)
            if event["event"] == "part":
                doing = "it had not begun"
            elif event["event"] == "start":
                doing = "it had not ended"
            yield event
            if event["event"] in ("end", "error"):
                return
    finally:
        _stop(process)
        reader.join(timeout=1)
        if not reader.is_alive():  # a stray grandchild may hold the pipe open
            process.stdout.close()


def _read(stream: IO[str], lines: Queue[str]) -> None:
    """Pass on each line, and an empty one at the end."""
    for line in stream:
        lines.put(line)
    lines.put("")


def _stop(process: subprocess.Popen[str]) -> None:
    """Stop a process, and what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
