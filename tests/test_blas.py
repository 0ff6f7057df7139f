"""The library of compiled products: Intel's MKL where it is installed, and its threads."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from dataclasses import replace
from importlib import metadata

import numpy as np
import pytest
import threadpoolctl

from nnplug.engines.numba import binder
from nnplug.engines.numba.blas import OpenMP, find_blas
from nnplug.network.network import Network
from nnplug.plugins.registry import Registry
from nnplug.training import Steps
from tests.engines import ENGINES

ROWS = 600


def has_mkl():
    try:
        metadata.version("mkl")
    except metadata.PackageNotFoundError:
        return False
    return True


needs_mkl = pytest.mark.skipif(not has_mkl(), reason="needs MKL: pip install '.[mkl]'")


def runtime(threads):
    """Give a runtime of OpenMP: the one that scikit-learn brings along."""
    import sklearn.utils._openmp_helpers as helpers

    helpers._openmp_effective_n_threads()
    found = [each for each in threadpoolctl.threadpool_info() if each["user_api"] == "openmp"]
    if not found:
        pytest.skip("scikit-learn was built without OpenMP")
    library = ctypes.CDLL(found[0]["filepath"])

    def address(name):
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value

    names = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")
    if not all(hasattr(library, name) for name in names):
        pytest.skip("this runtime of OpenMP has another binary interface than GCC's")
    return OpenMP(*map(address, names), lambda: threads)


def trained(batch=100, optimizer="adam", dtype=np.float32, **options):
    registry = Registry()
    network = Network(
        300, (500, 200), 3, activations=[registry.get("activation", "gelu")] * 2,
        output_activation=registry.get("activation", "identity"), dtype=dtype,
    )  # fmt: skip
    network.initialize(registry.get("initializer", "he_normal"), 0)
    generator = np.random.default_rng(3)
    inputs = generator.normal(size=(ROWS, 300)).astype(dtype)
    targets = np.sin(inputs[:, :3])
    made = Steps(
        network, registry.get("loss", "mse"), registry.get("optimizer", optimizer),
        inputs, targets, batch, engine=ENGINES["numba"], **options,
    )  # fmt: skip
    count = ROWS // batch
    losses, order = np.empty(count), generator.permutation(ROWS)
    taken = made.run_many(order, np.full(count, 1e-3), losses)
    return made, network.parameters.copy(), losses[:taken]


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_shares_of_loops_give_the_bits_of_the_whole_loops(threads, optimizer, monkeypatch):
    alone = replace(find_blas(), openmp=None)
    monkeypatch.setattr(binder, "find_blas", lambda: alone)
    _, wanted, before = trained(optimizer=optimizer)
    shared = replace(alone, openmp=runtime(threads))
    monkeypatch.setattr(binder, "find_blas", lambda: shared)
    made, found, losses = trained(optimizer=optimizer)
    assert "share_records" in made.bound(100).sources[0]
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(losses, before)


def test_each_row_is_in_one_share(monkeypatch):
    """As many shares as there are threads, though a runtime may have fewer."""
    monkeypatch.setattr(binder, "find_blas", lambda: replace(find_blas(), openmp=runtime(5)))
    with threadpoolctl.threadpool_limits(limits=2, user_api="openmp"):
        _, found, _ = trained()
    monkeypatch.setattr(binder, "find_blas", lambda: replace(find_blas(), openmp=None))
    np.testing.assert_array_equal(found, trained()[1])


def test_a_share_that_is_not_finite_ends_the_steps(monkeypatch):
    shared = replace(find_blas(), openmp=runtime(2))
    monkeypatch.setattr(binder, "find_blas", lambda: shared)
    made, _, _ = trained()
    parameters = made.network.parameters
    parameters[-700] = np.nan  # in the last share of the update alone
    losses = np.empty(2)
    assert made.run_many(np.arange(200), np.full(2, 1e-3), losses) == 0


def test_a_shorter_batch_has_the_same_source_though_its_loops_are_not_shared(monkeypatch):
    shared = replace(find_blas(), openmp=runtime(2))
    monkeypatch.setattr(binder, "find_blas", lambda: shared)
    made, _, _ = trained(batch=450)
    compiled = binder.compiler().compiled
    assert made.bound(150).many is not None
    assert binder.compiler().compiled == compiled


# --- MKL itself -----------------------------------------------------------------------------


@needs_mkl
def test_mkl_is_taken_where_it_is_installed():
    assert find_blas().openmp is not None
    assert {"mkl"} <= {each["internal_api"] for each in threadpoolctl.threadpool_info()}


CODE = """
import numpy as np
from tests.test_blas import trained
_, parameters, _ = trained()
import hashlib, threadpoolctl
print(hashlib.sha256(parameters.tobytes()).hexdigest())
print(*sorted({each["internal_api"] for each in threadpoolctl.threadpool_info()}))
"""


def run(code, **variables):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300,
        env={**os.environ, **variables},
    )  # fmt: skip
    return done.stdout.split("\n")


@needs_mkl
def test_with_mkl_two_processes_give_the_same_bits():
    first, libraries, *_ = run(CODE)
    assert "mkl" in libraries
    assert run(CODE)[0] == first


def test_numpys_own_library_can_be_asked_for():
    _, libraries, *_ = run(CODE, NNPLUG_BLAS="numpy")
    assert "mkl" not in libraries


FORKED = """
import multiprocessing, warnings
from nnplug.engines.numba.blas import find_blas
from tests.test_blas import trained
def child(queue):
    queue.put((trained()[1].tobytes(), ["mkl" if find_blas().openmp else "numpy"]))
here = trained()[1].tobytes()
context = multiprocessing.get_context("fork")
queue = context.Queue()
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside threads, on purpose
    process = context.Process(target=child, args=(queue,))
    process.start()
there, apis = queue.get(timeout=120)
process.join()
print(there == here, *sorted(apis))
"""


GOES_ON = """
import os
import numpy as np
from tests.test_blas import trained
made, _, _ = trained()
def further():
    losses = np.empty(6)
    made.run_many(np.arange(600), np.full(6, 1e-3), losses)
    return losses
reader, writer = os.pipe()
if os.fork() == 0:
    os.write(writer, further().tobytes())
    os._exit(0)
there = np.frombuffer(os.read(reader, 48))
os.wait()
print("close" if np.allclose(further(), there, rtol=1e-4) else "not close")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("anew", ["TRUE", "FALSE"])
def test_a_forked_process_trains_too(anew):
    """Beside scikit-learn, which sets it to FALSE, MKL's threads are missing in the child."""
    same, *libraries = run(FORKED, KMP_INIT_AT_FORK=anew)[0].split()
    by_mkl = has_mkl() and anew == "TRUE"
    assert libraries == (["mkl"] if by_mkl else ["numpy"])
    assert same == "True" or (has_mkl() and not by_mkl)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_network_trains_on_in_a_forked_process():
    assert run(GOES_ON, KMP_INIT_AT_FORK="FALSE")[0] == "close"
