"""Processes of our own, one a measurement, on a machine that may not be ours alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.works import ROOT

STAT = Path("/proc/stat")
"""The kernel's count of what the processors did, on Linux."""

DISTURBED = 0.1
"""The share of the processors that others may use during a measurement."""

ATTEMPTS = 4
PATIENCE = 120.0
"""Seconds to wait for a quiet machine, before each attempt."""

LOOK = 0.1
"""Seconds over which it is seen whether the machine is quiet."""

Command = tuple[str, ...]


class FailedError(Exception):
    """A process that ended with an error; its message has what it wrote."""


@dataclass(frozen=True)
class Settings:
    """How everything is measured.

    Attributes
    ----------
    cache : Path
        A folder of this run's own, empty at its start, in which compilers
        keep what they compiled.
    runs : int
        Of each contender.
    threads : int
        Of every library.
    quick : bool
        A tenth of the work, for a look.
    noisy : bool
        Do not wait for a quiet machine.
    final : bool
        Tables that are set aside, too.
    """

    cache: Path
    runs: int = 5
    threads: int = 2
    quick: bool = False
    noisy: bool = False
    final: bool = False

    def share_of(self, count: int) -> int:
        """Give a number of epochs, or the tenth of it that a quick look takes."""
        return max(1, count // 10) if self.quick else count


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


def module(name: str, *arguments: object) -> Command:
    """Write the command that runs a module of this folder."""
    return (sys.executable, "-m", f"tests.benchmarks.{name}", *map(str, arguments))


def environment(settings: Settings) -> dict[str, str]:
    """Give the environment of every process: its threads, and where compilers keep things."""
    threads = (
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
        "NPROC",  # XLA's
    )  # fmt: skip
    caches = ("NNPLUG_CACHE", "NUMBA_CACHE_DIR")
    # Installing a package compiles it; so does the first run from a checkout, if it may.
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **usual,
        **dict.fromkeys(threads, str(settings.threads)),
        **dict.fromkeys(caches, str(settings.cache)),
    }


def run(command: Command, settings: Settings) -> Finished:
    """Run a command once, whatever else the machine does."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        before, start = _busy(), time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(settings), stdout=output, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        others = _busy() - before - usage.ru_utime - usage.ru_stime
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            ended = f"ended with {process.returncode}"
            if process.returncode < 0:
                ended = f"was ended by {signal.Signals(-process.returncode).name}"
            raise FailedError(f"{' '.join(command)} {ended}\n{errors.read().decode()}")
        unit = 1 if sys.platform == "darwin" else 1024
        # The kernel counts in hundredths of a second, so a few are no evidence.
        share = max(0.0, others - 0.03) / (seconds * (os.cpu_count() or 1))
        return Finished(output.read().decode(), seconds, usage.ru_maxrss * unit, share)


def run_undisturbed(command: Command, settings: Settings) -> Finished:
    """Run a command when the machine is quiet, again if others were busy meanwhile.

    After a few attempts the least disturbed one is taken. A process that
    fails is tried again too, but only once: a machine that runs short of
    memory may fail to load a library.
    """
    if settings.noisy:
        return run(command, settings)
    finished: list[Finished] = []
    failed = False
    for _ in range(ATTEMPTS):
        _wait_for_quiet()
        try:
            finished.append(run(command, settings))
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


def in_turns(
    commands: Mapping[str, Command],
    settings: Settings,
    *,
    runs: int | None = None,
    first: Mapping[str, Command] | None = None,
) -> dict[str, list[Finished]]:
    """Run each command several times, each round begun by another of them.

    So whatever else the machine does meets all of them alike, and the runs of
    one round are neighbours in time.

    Parameters
    ----------
    runs : int, optional
        Of each; by default the settings'.
    first : mapping, optional
        What to run in the first round instead.
    """
    names = list(commands)
    finished: dict[str, list[Finished]] = {name: [] for name in names}
    for turn in range(settings.runs if runs is None else runs):
        asked = commands if first is None or turn else first
        for at in range(len(names)):
            name = names[(turn + at) % len(names)]
            finished[name].append(run_undisturbed(asked[name], settings))
        print(f"  round {turn + 1}", file=sys.stderr, flush=True)
    return finished


def _wait_for_quiet() -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        before = _busy()
        time.sleep(LOOK)
        if _busy() - before <= DISTURBED * LOOK * (os.cpu_count() or 1):
            return


def _busy() -> float:
    """Add up the seconds that all processors worked, stolen time too; 0 where it is unknown."""
    if not STAT.exists():
        return 0.0
    user, nice, system, _, _, irq, softirq, steal = map(int, STAT.read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
