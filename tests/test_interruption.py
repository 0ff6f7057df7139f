"""Signals that wait until the work in hand is safe."""

import signal
import subprocess
import sys
import threading

import pytest

from nnplug.interruption import Interruption, uninterrupted

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no signals that are sent to a process"
)


def test_a_signal_waits_and_is_then_delivered():
    before = signal.getsignal(signal.SIGINT)
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGINT)
        assert interruption.number == signal.SIGINT
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        interruption.deliver()


def test_sigterm_ends_the_process_with_143():
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        interruption.deliver()
    assert ended.value.code == 143


def test_the_callers_own_handler_gets_it():
    got = []
    before = signal.signal(signal.SIGTERM, lambda number, _: got.append(number))
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGTERM)
            assert got == []
        interruption.deliver()
        assert got == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGINT)
        assert interruption.number is None
        interruption.deliver()
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_signals_are_as_they_were():
    before, found = signal.getsignal(signal.SIGINT), []

    def work():
        with Interruption():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [before]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_one_ends_the_process_at_once(number):
    code = f"""
import signal
from nnplug.interruption import Interruption
with Interruption():
    signal.raise_signal({int(number)})
    print("still here", flush=True)
    signal.raise_signal({int(number)})
    print("too late")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-number, "still here\n")


def test_a_second_ctrl_c_of_a_library_raises_at_once():
    before = signal.getsignal(signal.SIGINT)
    with Interruption(keyboard=True) as interruption:
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        signal.raise_signal(signal.SIGINT)
        assert interruption.number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_library_leaves_a_handler_of_the_callers_own():
    got = []
    before = signal.signal(signal.SIGINT, lambda number, _: got.append(number))
    try:
        with Interruption(keyboard=True) as interruption:
            signal.raise_signal(signal.SIGINT)
        assert got == [signal.SIGINT]
        assert interruption.number is None
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_must_not_be_broken_off_is_interrupted_after_it():
    done = []

    def work():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all of it"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with Interruption(keyboard=True) as interruption:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            assert interruption.number is None
        assert interruption.number == signal.SIGINT


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_signal_that_python_does_not_handle_stays_so(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        with uninterrupted():
            assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_nothing_waits():
    found = []

    def work():
        with uninterrupted():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
