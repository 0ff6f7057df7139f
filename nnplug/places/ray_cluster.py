"""The nodes of a Ray cluster.

Ray's own backend for joblib returns nothing before all tasks are done, replaces a base
class of joblib for the whole process, and fails with the first worker that ends. So tasks
are given to Ray itself.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from nnplug.errors import SettingError
from nnplug.places.place import Examine, Place

__all__ = ["RayCluster"]


class RayCluster(Place):
    """A connection to a cluster: `ray://HOST:PORT`, or `ray://auto` for that of this machine.

    A process that is connected already keeps its connection.

    Raises
    ------
    SettingError
        If Ray is not installed, or no cluster answers.
    """

    def __init__(self, text: str) -> None:
        self.text, address = text, text.partition("://")[2]
        try:
            import ray  # noqa: PLC0415  # Ray is an extra
            from ray import exceptions  # noqa: PLC0415  # the same
        except ModuleNotFoundError:
            raise SettingError(
                f"on={text!r}: Ray is not installed.\n"
                "Install it (pip install 'ray[client]'), or leave --on out."
            ) from None
        self._ray, self._tasks = ray, set[Any]()
        self._wrapped = exceptions.RayTaskError
        self.lost = (
            exceptions.WorkerCrashedError,
            exceptions.NodeDiedError,
            exceptions.OutOfMemoryError,
            exceptions.LocalRayletDiedError,
        )
        self._own = not ray.is_initialized()
        if self._own:
            self._connect(address if address == "auto" else text)

    def _connect(self, address: str) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the error says it
                self._ray.init(address, logging_level=logging.ERROR, log_to_driver=False)
        except (ConnectionError, OSError, RuntimeError, ValueError) as error:
            reason = str(error).strip().split("\n")[-1]
            raise SettingError(
                f"on={self.text!r}: no Ray cluster answers there ({reason}).\n"
                "Start one: ray start --head --port 6379 --ray-client-server-port 10001 "
                "--runtime-env-agent-port 6380\n"
                "If it asks for a token, set RAY_AUTH_MODE=token here too."
            ) from None

    @property
    def room(self) -> int:
        """The processors of the cluster: each task takes one."""
        return int(self._ray.cluster_resources().get("CPU", 0))

    def submit(self, perform: Callable[[Any], Any], task: Any) -> Future[Any]:
        """Begin a task."""
        reference = self._remote().remote(perform, task)
        self._tasks.add(reference)
        asked: Future[Any] = reference.future()
        found: Future[Any] = Future()

        def hand_on(done: Future[Any]) -> None:
            self._tasks.discard(reference)
            error = done.exception()
            if error is None:
                found.set_result(done.result())
            else:
                found.set_exception(self._cause(error))

        asked.add_done_callback(hand_on)
        return found

    def _remote(self, **options: Any) -> Any:
        # Whoever asks for the tasks tries again, and counts how often.
        return self._ray.remote(max_retries=0, **options)(_call)

    def _cause(self, error: BaseException) -> BaseException:
        """Return the error that a task raised, without Ray's copy of its traceback."""
        cause = getattr(error, "cause", None)
        return cause if isinstance(error, self._wrapped) and cause is not None else error

    def survey(self, examine: Examine) -> Iterator[tuple[str, list[str]]]:
        """Examine every node: its workers have the same files and packages."""
        from ray.util.scheduling_strategies import (  # noqa: PLC0415  # Ray is an extra
            NodeAffinitySchedulingStrategy,
        )

        asked = {}
        for node in self._ray.nodes():
            if node["Alive"] and node.get("Resources", {}).get("CPU"):
                there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                asked[node["NodeManagerAddress"]] = self._remote(
                    scheduling_strategy=there, num_cpus=0
                ).remote(_examined, examine)
        for name, reference in asked.items():
            try:
                yield name, self._ray.get(reference)
            except self._wrapped as error:
                raise self._cause(error) from None

    def __exit__(self, *error: object) -> None:
        for reference in list(self._tasks):
            self._ray.cancel(reference, force=True)
        if self._own:
            self._ray.shutdown()


def _call(perform: Callable[[Any], Any], task: Any) -> Any:
    return perform(task)


def _examined(examine: Examine) -> list[str]:
    return examine()
