"""One measurement: a contender does a work, in a process of its own.

    python -m tests.benchmarks.measure CONTENDER WORK FILE EPOCHS [check]

prints one line of JSON. The peak of memory is the whole process's, with the
interpreter, the libraries and the data. With `check`, the contender then
takes a few steps in float64 for the loss that shows what it computes.
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


def peak() -> int:
    """Give the most memory that this process ever had, in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # bytes there, KiB elsewhere


class Clock:
    """Adds up seconds and the growth of memory by name: `with clock("loop"): ...`.

    Attributes
    ----------
    seconds : dict of str to float
    grown : dict of str to int
        By how many bytes the peak of memory rose.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.grown: dict[str, int] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Measure a stretch of the run."""
        before, start = peak(), time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.grown[name] = self.grown.get(name, 0) + peak() - before


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Give the versions of installed distributions."""
    return {name: metadata.version(name) for name in packages}


def main() -> None:
    """Measure once."""
    from tests.benchmarks.works import find_work

    contender = import_module(f"tests.benchmarks.contenders.{sys.argv[1]}")
    work = replace(find_work(sys.argv[2]), epochs=int(sys.argv[4]))
    clock = Clock()
    with clock("import"):
        import numpy as np
    with clock("data"):
        arrays = dict(np.load(sys.argv[3]))
    loss = contender.run(work, arrays, clock)
    result = {
        "seconds": clock.seconds,
        "grown": clock.grown,
        "loss": float(loss),
        "peak": peak(),
        "versions": versions(("numpy", *contender.PACKAGES)),
    }
    if sys.argv[5:] == ["check"]:
        result["check"] = float(contender.run(*work.checked(arrays), Clock()))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
