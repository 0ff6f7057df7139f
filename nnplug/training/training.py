"""A training, of one network or of several: epoch after epoch, until the end or a pause."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from nnplug.network.network import Network
from nnplug.training.batches import Batches
from nnplug.training.history import History, OnBatch
from nnplug.training.steps import Steps
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.training.shards import Shards

__all__ = ["Training"]


class Training(ABC):
    """A training that can be left between any two steps and continued later.

    It has no hidden state: from what `state()` returns, another one with the
    same networks, parts, rows and seed continues to the same bits.

    Attributes
    ----------
    network : Network
        What is trained, in place; of several networks the first.
    steps : Steps
        Its steps.
    batches : Batches
        Where its rows come from.
    history : History
    epochs : int
        The length of the run.
    per_epoch : int
        The steps of an epoch; of several networks those of the first.
    epoch, step : int
        Whole epochs done, and steps done of the next one.
    ended : str or None
        Why the run ended: all `"epochs"` are done, `"patience"` ran out, or a
        callback `"asked"` for the end. None while it has not ended.
    asked : bool
        Whether a callback asked, after a step, for the end of the run.
    shards : Shards or None
        How batches are cut, if they are, and the processes that share them.
        These answer questions such as `should_stop` together.
    """

    network: Network
    steps: Steps
    batches: Batches
    history: History
    epochs: int
    per_epoch: int
    epoch: int
    step: int
    ended: str | None = None
    asked: bool = False
    shards: Shards | None = None

    def run(
        self,
        *,
        on_epoch: Callable[[int], bool | None] | None = None,
        every: int = 1,
        should_stop: Callable[[], bool] | None = None,
        on_batch: OnBatch | None = None,
    ) -> History:
        """Train until the end, or until a callback asks to stop.

        Parameters
        ----------
        on_epoch : callable, optional
            Called with the epoch's number after the epoch is in the history;
            returning True ends the training.
        every : int
            `on_epoch` is called at least after the epochs whose number is a
            multiple of this, and after the last; it may be called after others.
        should_stop : callable, optional
            Called between steps, about ten times a second, or after each step
            if steps take longer. Returning True leaves the run where it is:
            `ended` stays None, and `run` or another trainer continues from
            there. How often it is called changes no bit of the result.
        on_batch : callable, optional
            Called after each step. The engine then takes one step per call
            instead of many, which changes no bit either.

        Returns
        -------
        History

        Raises
        ------
        DivergedError
            If a loss, a gradient or a new parameter is not finite. The step is
            not taken; the network keeps its last finite parameters.
        """
        if on_epoch is None:
            every = self.epochs
        if self.shards is not None:
            on_epoch, every, should_stop, on_batch = self.shards.agreed(
                on_epoch, every, should_stop, on_batch
            )
        started = time.perf_counter()
        try:
            with self.computing():
                while (ended := self.ended or self.over) is None:
                    if not self.take(every, should_stop, on_batch):
                        return self.history
                    if (on_epoch is not None and on_epoch(self.epoch - 1)) or self.asked:
                        self.ended = "asked"
                    elif should_stop is not None and self.over is None and should_stop():
                        return self.history
                self.ended = ended
                self.restore_best()
        finally:
            self.history.seconds += time.perf_counter() - started
        return self.history

    @property
    @abstractmethod
    def over(self) -> str | None:
        """Why there is no next step; None if there is one."""

    @abstractmethod
    def computing(self) -> AbstractContextManager[None]:
        """Give the context of all steps."""

    @abstractmethod
    def take(
        self, every: int, should_stop: Callable[[], bool] | None, on_batch: OnBatch | None
    ) -> bool:
        """Take the rest of an epoch, or several where nothing has to happen between them.

        Returns
        -------
        bool
            False if `should_stop` was True between two steps.
        """

    @abstractmethod
    def restore_best(self) -> None:
        """Give the networks the weights of their best epochs."""

    @abstractmethod
    def state(self, since: int = 0) -> tuple[dict[str, AnyArray], dict[str, Any]]:
        """Copy all that another training needs to continue.

        Parameters
        ----------
        since : int, optional
            The first epoch of the history that is copied.

        Returns
        -------
        tuple of dict
            Arrays by name, and numbers that JSON can hold.
        """

    @abstractmethod
    def restore(self, arrays: Mapping[str, AnyArray], numbers: Mapping[str, Any]) -> None:
        """Continue from a state.

        Raises
        ------
        SettingError
            If the state is from another network, optimizer or batch size.
            Nothing has changed then.
        """
