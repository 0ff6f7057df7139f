"""Runs that are killed and interrupted at random instants: resumed, they are the same runs."""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import pytest

from tests.reliability.runs import MEMBERS, SETTINGS, finish, results, start, whole

KILLS = int(os.environ.get("NNPLUG_RUN_KILLS", "4"))
SIGNALS = int(os.environ.get("NNPLUG_RUN_SIGNALS", "4"))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return whole(tmp_path_factory.mktemp("whole") / "run")


def _again(folder, settings=SETTINGS):
    """Arguments that begin the run, or go on with it as far as it was begun."""
    if (folder / "config.toml").exists():
        return ("--resume", folder)
    return (*settings, "--output", folder)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_kills_at_random_instants(uninterrupted, tmp_path):
    _kill(uninterrupted, SETTINGS, KILLS, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_kills_of_several_members_at_random_instants(tmp_path):
    _kill(whole(tmp_path / "whole", MEMBERS), MEMBERS, -(-KILLS // 2), tmp_path)


def _kill(uninterrupted, settings, most, tmp_path):
    """Kill runs until there were enough kills, and compare each that ends with the whole one."""
    (wanted, seconds), rng = uninterrupted, random.Random(11)
    kills = runs = trained = 0
    while kills < most:
        folder = tmp_path / f"run{runs}"
        runs += 1
        while True:
            anew = not folder.exists()
            process = start(*_again(folder, settings))
            # Not before Python and NumPy are there: that would be the same instant each time.
            instant = rng.uniform(0.3, 1.1) * seconds
            time.sleep(instant)
            if anew and process.poll() is not None:
                # The machine may have been busy when the whole run was timed: kills that
                # always come too late would never be enough.
                seconds = min(seconds, instant)
            if kills < most and process.poll() is None:
                process.send_signal(signal.SIGKILL)
            code, errors = finish(process)
            if code == -signal.SIGKILL:
                kills += 1
                trained += any((folder / "checkpoints").glob("checkpoint-*"))
                continue
            assert code == 0, errors
            break
        assert results(folder) == wanted
        left = [each.name for each in folder.rglob(".nnplug-*")]
        assert left == [], "what a killed process left is gone at the end"
    assert trained > 0, "no kill hit the training"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM that can be noted")
def test_signals_at_random_instants(uninterrupted, tmp_path):
    (wanted, seconds), rng = uninterrupted, random.Random(12)
    sent = runs = 0
    codes = []
    while sent < SIGNALS:
        folder = tmp_path / f"run{runs}"
        runs += 1
        while True:
            anew = not folder.exists()
            process = start(*_again(folder))
            # The last line of the header is printed when the training is about to begin.
            for line in process.stderr:
                if line.startswith("loss "):
                    break
            number = rng.choice([signal.SIGINT, signal.SIGTERM])
            instant = rng.uniform(0.02, 0.6) * seconds
            time.sleep(instant)
            if anew and process.poll() is not None:
                seconds = min(seconds, instant)
            at = time.perf_counter()
            if sent < SIGNALS and process.poll() is None:
                process.send_signal(number)
            code, errors = finish(process)
            # After its last words a process is the operating system's, and a signal ends it.
            if code == 0 or f"kept in {folder}" in errors:
                assert code in (0, -number, 128 + number), errors
                break
            sent += 1
            codes.append(code)
            assert code == 128 + number, errors
            assert time.perf_counter() - at < 2
            assert f"Continue with: nnplug train --resume {folder}" in errors
        assert results(folder) == wanted
    assert set(codes) <= {130, 143}
