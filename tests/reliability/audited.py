"""Loads files in a process that notes whatever Python does beside reading them.

Run as `python -m tests.reliability.audited FOLDER [FUZZED SEED]`: every file of
FOLDER whose name ends in `.safetensors` is loaded; with FUZZED, as many
variants of the good ones (`good*.safetensors`) are made and loaded. Prints one
JSON object for each file, or one for all the variants.
"""

from __future__ import annotations

import copy
import faulthandler
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nnplug.errors import NnplugError
from nnplug.models import load_model, read_info
from nnplug.plugins.registry import Registry
from tests.reliability.hostile import Sample

HARMLESS = {
    "object.__getattr__",
    "object.__setattr__",
    "object.__delattr__",
    "sys._getframe",
    "builtins.id",
    "gc.get_objects",
}
"""Events of looking at objects."""

SLOWEST = 5.0
"""Seconds that no file may take."""


class Auditor:
    """Notes the audit events while a file is being read, the opening of that file aside."""

    def __init__(self) -> None:
        self.path: str | None = None
        self.events: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.path is None or event in HARMLESS:
            return
        if event == "open" and str(arguments[0]) == self.path and arguments[1] in ("r", "rb"):
            return
        self.events.append(f"{event} {arguments!r}"[:300])

    def watch(self, path: Path, read: Callable[[], object], done: str) -> dict[str, Any]:
        """Read a file and say how that ended: `done`, or the name of an error."""
        self.events = []
        start, self.path = time.perf_counter(), str(path)
        ended, message = done, ""
        try:
            read()
        except NnplugError as error:
            ended, message = type(error).__name__, str(error)
        finally:
            self.path = None
        return {
            "file": path.name,
            "ended": ended,
            "message": message,
            "events": self.events,
            "seconds": time.perf_counter() - start,
        }

    def load(self, path: Path, registry: Registry) -> dict[str, Any]:
        """Load a model file and say how that ended."""
        return self.watch(path, lambda: load_model(path, registry), "loaded")


# --- variants ----------------------------------------------------------------


def varied(rng: np.random.Generator, good: bytes, sample: Sample) -> bytes:
    """Make a variant of a good file: its bytes, its document or its header changed."""
    how = rng.integers(4)
    if how == 0:
        return _bytes_changed(rng, good)
    if how == 1:
        return sample.with_header(_changed(rng, sample.header()))
    document = _changed(rng, copy.deepcopy(sample.document))
    if not isinstance(document, dict):
        document = {"content": document}
    return Sample(document, sample.arrays).bytes(sign=how == 2)


def _bytes_changed(rng: np.random.Generator, good: bytes) -> bytes:
    data = bytearray(good)
    for _ in range(rng.integers(1, 4)):
        if not data:
            break
        place = int(rng.integers(len(data)))
        how = rng.integers(4)
        if how == 0:
            data[place] ^= 1 << int(rng.integers(8))
        elif how == 1:
            del data[place : place + int(rng.integers(1, 64))]
        elif how == 2:
            data[place:place] = rng.bytes(int(rng.integers(1, 16)))
        else:
            del data[place:]
    return bytes(data)


ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**40, 10**60, 0.5, -0.0, 1e308, 5e-324, "", "x",
    "os.system", "__class__", "../x", "\x1b[2J", "\ud800", "é" * 300, "relu", "nnplug", "1.0", [],
    {}, [[]], [0] * 50, {"a": {}}, float("nan"), float("inf"),
]  # fmt: skip


def _changed(rng: np.random.Generator, value: Any) -> Any:
    """Change something at a random place of a JSON value."""
    while isinstance(value, dict | list) and value and rng.random() < 0.9:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = keys[int(rng.integers(len(keys)))]
        how = rng.integers(12)
        if how == 0:
            del value[key]
        elif how == 1:
            other = keys[int(rng.integers(len(keys)))]
            value[key], value[other] = copy.deepcopy(value[other]), copy.deepcopy(value[key])
        elif how == 2 and isinstance(value, dict):
            value[str(ODD[int(rng.integers(len(ODD)))])] = value[key]
        elif how == 3 and isinstance(value, list):
            value.append(copy.deepcopy(value[key]))
        elif how < 6:
            value[key] = copy.deepcopy(ODD[int(rng.integers(len(ODD)))])
        elif isinstance(value[key], int | float) and not isinstance(value[key], bool):
            value[key] = value[key] + int(rng.integers(-2, 3))
        elif isinstance(value[key], str):
            value[key] = value[key][:-1] or "a"
        else:
            value[key] = _changed(rng, value[key])
        return value
    return copy.deepcopy(ODD[int(rng.integers(len(ODD)))])


# --- runs --------------------------------------------------------------------


def fuzz(folder: Path, count: int, seed: int, auditor: Auditor, registry: Registry) -> None:
    """Load many variants; print how they ended and what must not have happened."""
    good = [path.read_bytes() for path in sorted(folder.glob("good*.safetensors"))]
    samples = [Sample.of(data) for data in good]
    path = folder / "variant"
    ended: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    wrong, slowest = [], 0.0
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        which = int(rng.integers(len(good)))
        try:
            data = varied(rng, good[which], samples[which])
        except (UnicodeEncodeError, ValueError, TypeError):  # not a file that JSON can hold
            ended["not made"] += 1
            continue
        path.write_bytes(data)
        faulthandler.dump_traceback_later(SLOWEST, exit=True)
        result = auditor.load(path, registry)
        faulthandler.cancel_dump_traceback_later()
        ended[result["ended"]] += 1
        reasons[result["message"].partition("used: ")[2][:24]] += 1
        slowest = max(slowest, result["seconds"])
        known = ("loaded", "ModelFileError")
        if result["events"] or result["ended"] not in known or "Traceback" in result["message"]:
            wrong.append({"number": number, **result})
    print(json.dumps({"ended": ended, "reasons": len(reasons), "slowest": slowest, "wrong": wrong}))


def main(arguments: list[str]) -> None:
    """Warm up, so that what Python imports once is imported, then load."""
    folder = Path(arguments[0])
    registry = Registry()
    assert registry.plugins.installed is not None  # what is installed is looked for once
    for good in sorted(folder.glob("good*.safetensors")):
        read_info(good)
        load_model(good, registry)
    for kind in ("activation", "loss"):
        registry.find("none", kind, load=False)
    auditor = Auditor()
    if len(arguments) > 1:
        fuzz(folder, int(arguments[1]), int(arguments[2]), auditor, registry)
        return
    for path in sorted(folder.glob("*.safetensors")):
        faulthandler.dump_traceback_later(SLOWEST, exit=True)
        print(json.dumps(auditor.load(path, registry)))
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    os.environ["NNPLUG_PLUGINS"] = ""
    main(sys.argv[1:])
