"""Takes in hostile ONNX files in a process that notes whatever Python does beside reading them.

Run as `python -m tests.importers.hostile FOLDER FUZZED`: every file of FOLDER
is taken in, and FUZZED variants of `good.onnx`. Prints a JSON object for each
file, and one for all the variants.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from nnplug.errors import UnknownPartError
from nnplug.importers import from_onnx
from nnplug.plugins.registry import Registry
from tests.reliability.audited import Auditor


def take(auditor: Auditor, path: Path, registry: Registry) -> dict[str, Any]:
    """Take a file in and say how that ended, and how much memory the process has used."""
    found = auditor.watch(path, lambda: from_onnx(path, registry=registry), "taken")
    return {**found, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10}


def fuzz(good: bytes, count: int, path: Path, auditor: Auditor, registry: Registry) -> None:
    """Take in variants of a file with bytes changed, cut out, doubled or cut off."""
    generator = np.random.default_rng(9)
    ends: Counter[str] = Counter()
    for _ in range(count):
        data = bytearray(good)
        for _ in range(generator.integers(1, 4)):
            at, way = int(generator.integers(len(data))), generator.integers(4)
            if way == 0:
                data[at] = int(generator.integers(256))
            elif way == 1:
                del data[at : at + int(generator.integers(1, 9))]
            elif way == 2:
                data[at:at] = data[at : at + int(generator.integers(1, 40))]
            else:
                del data[max(at, 1) :]
        path.write_bytes(data)
        found = take(auditor, path, registry)
        ends[found["ended"]] += 1
        if found["events"] or found["seconds"] > 5:
            ends[json.dumps(found)] += 1
    print(json.dumps(ends))


def main(folder: Path, fuzzed: int) -> None:
    """Take in every file of a folder."""
    auditor, registry = Auditor(), Registry.from_environment()
    good = folder / "good.onnx"
    # All that is imported is imported now; for an unknown name, plugins that are installed.
    with contextlib.suppress(UnknownPartError):
        registry.get("activation", "unknown")
    from_onnx(good, registry=registry)
    for path in sorted(folder.iterdir()):
        print(json.dumps(take(auditor, path, registry)))
    fuzz(good.read_bytes(), fuzzed, folder / "fuzzed.onnx", auditor, registry)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
