"""One measurement: a contender does a work, in a process of its own.

    python -m tests.benchmarks.measure CONTENDER WORK FILE EPOCHS

prints one line of JSON. The peak of memory is the whole process's, with the
interpreter, the libraries and the data.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module, metadata


class Clock:
    """Adds up seconds by name: `with clock("loop"): ...`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Measure a stretch of the run."""
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def main() -> None:
    """Measure once."""
    from tests.benchmarks.works import WORKS

    contender = import_module(f"tests.benchmarks.contenders.{sys.argv[1]}")
    work = replace(WORKS[sys.argv[2]], epochs=int(sys.argv[4]))
    clock = Clock()
    with clock("import"):
        import numpy as np
    with clock("data"):
        arrays = dict(np.load(sys.argv[3]))
    loss = contender.run(work, arrays, clock)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = {
        "seconds": clock.seconds,
        "loss": float(loss),
        "peak": peak if sys.platform == "darwin" else peak * 1024,  # bytes there, KiB elsewhere
        "versions": {name: metadata.version(name) for name in ("numpy", *contender.PACKAGES)},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
