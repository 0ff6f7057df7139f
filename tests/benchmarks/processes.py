"""Processes of our own, one a measurement, on a machine that may not be ours alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")
"""The kernel's count of what the processors did, on Linux."""

DISTURBED = 0.1
"""The share of the processors that others may use during a measurement."""

ATTEMPTS = 4
PATIENCE = 120.0
"""Seconds to wait for a quiet machine, before each attempt."""


class FailedError(Exception):
    """A process that ended with an error; its message has what it wrote."""


@dataclass(frozen=True)
class Finished:
    """A process that has ended well.

    Attributes
    ----------
    output : str
    seconds : float
        From its start to its end.
    peak : int
        Of its memory, in bytes.
    others : float
        The share of the processors that other processes used meanwhile.
    """

    output: str
    seconds: float
    peak: int
    others: float


def module(name: str, *arguments: object) -> tuple[str, ...]:
    """Write the command that runs a module of this folder."""
    return (sys.executable, "-m", f"tests.benchmarks.{name}", *map(str, arguments))


def run(command: tuple[str, ...], threads: int) -> Finished:
    """Run a command once, every library in it with that number of threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        before, start = _busy(), time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        others = _busy() - before - usage.ru_utime - usage.ru_stime
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise FailedError(f"{' '.join(command)}\n{errors.read().decode()}")
        unit = 1 if sys.platform == "darwin" else 1024
        # The kernel counts in hundredths of a second, so a few are no evidence.
        share = max(0.0, others - 0.03) / (seconds * (os.cpu_count() or 1))
        return Finished(output.read().decode(), seconds, usage.ru_maxrss * unit, share)


def run_undisturbed(command: tuple[str, ...], threads: int) -> Finished:
    """Run a command when the machine is quiet, again if others were busy meanwhile.

    After a few attempts the least disturbed one is taken. A process that
    fails is tried again too, but only once: a machine that runs short of
    memory may fail to load a library.
    """
    finished: list[Finished] = []
    failed = False
    for _ in range(ATTEMPTS):
        _wait_for_quiet()
        try:
            finished.append(run(command, threads))
        except FailedError as error:
            if failed:
                raise
            failed = True
            print(f"  {error}  again", file=sys.stderr, flush=True)
            continue
        if finished[-1].others <= DISTURBED:
            break
        print(f"  others used {finished[-1].others:.0%}; again", file=sys.stderr, flush=True)
    return min(finished, key=lambda each: each.others)


def _wait_for_quiet() -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        before = _busy()
        time.sleep(0.3)
        if _busy() - before <= DISTURBED * 0.3 * (os.cpu_count() or 1):
            return


def _busy() -> float:
    """Add up the seconds that all processors worked, stolen time too; 0 where it is unknown."""
    if not STAT.exists():
        return 0.0
    user, nice, system, _, _, irq, softirq, steal = map(int, STAT.read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
