"""Train while other threads of the process use NumPy: is a result wrong, does a thread hang?

    python -m tests.reliability.beside_others ENGINE SECONDS [--no-further-thread]

prints one line of JSON: how often each work was done, which gave another
result than at first, and which never ended. With `--no-further-thread` the
process is left no room for the stack of another thread, as where a container
limits memory or processes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import nnplug

PATIENCE = 60
"""Seconds after the end in which every thread must have ended; the longest work takes two."""

ROOM = 256 << 20
"""Bytes that a process without room for another thread still has for arrays."""


def works() -> dict[str, Callable[[], Any]]:
    """Give what other threads do: linear algebra of sizes that take one thread, and several."""
    rng = np.random.default_rng(0)
    square, v = rng.normal(size=(700, 700)), rng.normal(size=700)
    spd = square[:300, :300] @ square[:300, :300].T + 300 * np.eye(300)
    tall, wide = rng.normal(size=(600, 200)), rng.normal(size=(32, 784)).astype("f4")
    weight = rng.normal(size=(784, 512)).astype("f4")
    return {
        "inv": lambda: np.linalg.inv(spd),
        "solve": lambda: np.linalg.solve(spd, v[:300]),
        "svd": lambda: np.linalg.svd(tall, compute_uv=False),
        "eigh": lambda: np.linalg.eigvalsh(spd),
        "lstsq": lambda: np.linalg.lstsq(tall, v[:600], rcond=None)[0],
        "matrix-vector": lambda: square @ v,
        "matrix-matrix": lambda: wide @ weight,
    }


def training(engine: str, hidden: int) -> Callable[[], Any]:
    """Give a training; with 100 units BLAS is limited to one thread for it, with 500 it is not."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 450)).astype("f4"), rng.integers(0, 3, 100)
    x = x[:, :100] if hidden == 100 else x
    settings = {"hidden": hidden, "batch_size": 100, "validation": 0, "engine": engine}

    def train() -> Any:
        return nnplug.train((x, y), epochs=4, **settings).network.parameters.copy()

    return train


def cross_validation(engine: str) -> Callable[[], Any]:
    """Give scikit-learn's cross-validation in threads: of our estimator, and of one of its own."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score

    from nnplug.sklearn import MLPClassifier

    x, y = load_iris(return_X_y=True)
    ours = MLPClassifier((20,), max_iter=5, random_state=0, engine=engine)
    theirs = LogisticRegression(max_iter=50)

    def validate() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a few epochs do not converge
            return np.concatenate([cross_val_score(each, x, y, cv=3) for each in (ours, theirs)])

    return validate


def leave_no_room_for_a_thread() -> None:
    """Limit the process's memory to what it has and a little more, less than a thread's stack."""
    mapped = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + ROOM, mapped + ROOM))
    try:
        threading.Thread(target=print).start()
    except RuntimeError:
        return
    raise AssertionError("a further thread could be made: start this process with larger stacks")


def main() -> None:
    """Run all works at once."""
    warnings.simplefilter("ignore")
    engine, seconds, *flags = sys.argv[1:]
    limited = "--no-further-thread" in flags
    trained = ["training of 500 units", "training of 100 units"]
    jobs = works() | {name: training(engine, int(name.split()[2])) for name in trained}
    if not limited:  # it makes threads of its own
        jobs["cross-validation"] = cross_validation(engine)
    first = {name: job() for name, job in jobs.items()}
    # Three threads share the linear algebra, as different users of one process would.
    algebra = list(works())
    threads = [algebra[0::3], algebra[1::3], algebra[2::3], trained]
    threads += [] if limited else [["cross-validation"]]
    done = dict.fromkeys(jobs, 0)
    wrong: list[str] = []
    begin = threading.Event()

    def repeat(names: list[str]) -> None:
        begin.wait()
        while time.monotonic() < end:
            for name in names:
                tolerance = 0 if name in trained else 1e-6
                try:
                    right = np.allclose(jobs[name](), first[name], rtol=tolerance, atol=tolerance)
                except Exception as error:
                    wrong.append(f"{name}: {error!r}")
                    return
                if not right:
                    wrong.append(name)
                done[name] += 1

    running = [threading.Thread(target=repeat, args=(names,), daemon=True) for names in threads]
    end = time.monotonic() + float(seconds)
    for thread in running:
        thread.start()
    if limited:
        leave_no_room_for_a_thread()
    begin.set()
    for thread in running:
        thread.join(max(0.0, end - time.monotonic()) + PATIENCE)
    stuck = [names for names, thread in zip(threads, running, strict=True) if thread.is_alive()]
    print(json.dumps({"done": done, "wrong": wrong, "stuck": stuck}), flush=True)
    os._exit(0)  # whatever hangs


if __name__ == "__main__":
    main()
