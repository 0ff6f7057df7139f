"""The threads that share BLAS's products and the long loops between them."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from nnplug.engines import ENGINES, numba_engine
from nnplug.engines.called import CalledLoop
from nnplug.engines.team import find_team
from nnplug.errors import DivergedError
from nnplug.network import Network
from nnplug.registry import Registry
from nnplug.training import train_network

team = find_team()
pytestmark = pytest.mark.skipif(
    team is None or team.size < 2, reason="NumPy's BLAS has one thread here, or keeps its own"
)


@pytest.fixture(autouse=True)
def _two_threads():
    with threadpool_limits(2, user_api="blas"):  # whatever another test has left
        yield


PRODUCTS = """
import os, sys, threading, time
import numpy as np
from nnplug.engines.team import find_team

team = find_team()
rng = np.random.default_rng(0)
pairs = [
    (rng.normal(size=(n, k)), rng.normal(size=(k, m)))
    for n, k, m in [(300, 400, 500), (32, 784, 512), (1000, 50, 700), (512, 512, 10)]
]
wanted = [a @ b for a, b in pairs]

def check(times):
    for _ in range(times):
        for (a, b), c in zip(pairs, wanted):
            assert np.array_equal(a @ b, c)
"""


def run(code):
    """Run a program that might wait for ever."""
    source = PRODUCTS + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def threads_of():
    """How a program of this file counts the threads of its process."""
    return "len(os.listdir('/proc/self/task'))"


def test_products_are_the_same_to_the_bit():
    run("""
        with team.at_work():
            check(30)
        check(2)
    """)


def test_several_threads_may_multiply_at_once():
    run("""
        def work():
            with team.at_work():
                check(15)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for each in threads: each.start()
        check(15)
        for each in threads: each.join()
    """)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts threads in /proc")
def test_a_helper_that_waits_in_vain_ends_and_another_comes():
    printed = run(f"""
        print(team.size - 1)
        before = {threads_of()}
        with team.at_work():
            check(2)
            print({threads_of()} - before)
            for _ in range(100):
                time.sleep(0.1)
                if {threads_of()} == before: break
            print({threads_of()} - before)
            check(2)
            print({threads_of()} - before)
    """)
    helpers, *counted = map(int, printed.split())
    assert helpers > 0
    assert counted == [helpers, 0, helpers]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_goes_on_without_the_team():
    run("""
        with team.at_work():
            check(2)
            child = os.fork()
            check(2)
            if child == 0:
                with team.at_work():
                    check(2)
                os._exit(7)
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 7
    """)


def trained(engine="numba", dtype=np.float32, learning_rate=0.01, optimizer="adam"):
    registry = Registry()
    identity = registry.get("activation", "identity")
    network = Network(
        450, (500,), 3, activations=[registry.get("activation", "gelu")],
        output_activation=identity, dtype=dtype,
    )  # fmt: skip
    network.initialize(registry.get("initializer", "glorot_uniform"), 0)
    rng = np.random.default_rng(3)
    inputs = rng.normal(size=(1000, 450)).astype(dtype)
    targets = rng.integers(0, 3, (1000, 1))
    method = registry.get("optimizer", optimizer).with_options(learning_rate=learning_rate)
    # Of 300 rows, the 135,000 inputs and the 150,000 hidden numbers are shared out too.
    history = train_network(
        network, registry.get("loss", "cross_entropy"), method, inputs, targets,
        epochs=3, batch_size=300, seed=1, engine=ENGINES[engine],
    )  # fmt: skip
    return network.parameters.copy(), history["loss"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shared_loops_compute_the_same_bits(dtype, monkeypatch):
    shares = []
    write = CalledLoop.call

    def call(loop):
        shares.append(loop.records.shape[1])
        return write(loop)

    monkeypatch.setattr(CalledLoop, "call", call)
    found, losses = trained(dtype=dtype)
    # In both turns: the rows, the hidden layer twice, the update.
    assert sum(count > 1 for count in shares) == 2 * 4
    monkeypatch.setattr(numba_engine, "find_team", lambda: None)
    wanted, before = trained(dtype=dtype)
    assert found.tobytes() == wanted.tobytes()
    assert losses == before
    numpys, _ = trained("numpy", dtype)
    np.testing.assert_allclose(found, numpys, rtol=1e-2, atol=1e-3 if dtype == np.float32 else 1e-9)


def test_a_share_with_a_number_that_is_not_finite_is_seen():
    messages = []
    for engine in ("numpy", "numba"):
        with pytest.raises(DivergedError) as caught:
            trained(engine, learning_rate=1e38, optimizer="sgd")
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
