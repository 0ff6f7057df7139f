"""BLAS gets one thread while all products are small, and its own number again afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
import threadpoolctl

from nnplug.engines import Threads, one_thread
from nnplug.network.network import Network
from nnplug.plans import plan_step
from nnplug.plugins.registry import Registry


def threads():
    pools = threadpoolctl.threadpool_info()
    return {pool["num_threads"] for pool in pools if pool["user_api"] == "blas"}


def plan(widths, rows):
    registry = Registry()
    network = Network(
        widths[0],
        widths[1:-1],
        widths[-1],
        activations=[registry.get("activation", "relu")] * (len(widths) - 2),
        output_activation=registry.get("activation", "identity"),
    )
    loss, optimizer = registry.get("loss", "mse"), registry.get("optimizer", "sgd")
    return plan_step(network, loss, optimizer, rows)


@pytest.mark.parametrize(
    ("widths", "rows", "inside"),
    [
        ((64, 100, 10), 200, 1),  # 1.3 million multiplications
        ((784, 512, 10), 32, 2),  # 13 million
        ((4, 10, 3), 32, 2),  # so few that BLAS takes one thread by itself
    ],
)
def test_threads_by_the_largest_product(widths, rows, inside):
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        with Threads(plan(widths, rows)).limited():
            assert threads() == ({1} if inside == 1 else before)
        assert threads() == before


def test_the_number_of_threads_is_given_back_after_an_error():
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        with pytest.raises(KeyboardInterrupt), Threads(plan((64, 100, 10), 200)).limited():
            raise KeyboardInterrupt
        assert threads() == before


def test_the_last_of_several_trainings_at_once_gives_the_number_back():
    program = plan((64, 100, 10), 200)
    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        first, second = Threads(program).limited(), Threads(program).limited()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)  # the one that found two threads ends before the other
        assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == before


def test_limits_of_one_library_and_of_all_go_beside_each_other():
    import scipy.linalg  # noqa: F401  # which loads a BLAS of its own

    def of_scipy(path):
        return "scipy" in path.parent.name

    with threadpoolctl.threadpool_limits(limits=2, user_api="blas"):
        before = threads()
        everything, scipys = one_thread(), one_thread(of_scipy)
        everything.__enter__()
        scipys.__enter__()  # which finds one thread
        everything.__exit__(None, None, None)
        left = {
            "scipy" in Path(pool["filepath"]).parent.name: pool["num_threads"]
            for pool in threadpoolctl.threadpool_info()
            if pool["user_api"] == "blas"
        }
        assert left == {False: 2, True: 1}
        scipys.__exit__(None, None, None)
        assert threads() == before
