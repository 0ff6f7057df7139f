"""Training steps whose batch is cut into shards, which several processes may share.

The gradient of each shard is computed by itself, and the gradients are added up
in an order that does not depend on the number of processes. So a run has the
same bits on 1, 2, 4, ... processes, as many as there are shards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnplug.alignment import aligned_zeros
from nnplug.engines import NUMPY, BoundProgram, Engine, Memory
from nnplug.errors import SettingError
from nnplug.network.network import Network
from nnplug.parts import Loss, Optimizer
from nnplug.plans import StepPlanner
from nnplug.randomness import derive_generator
from nnplug.training.evaluation import weight_of
from nnplug.training.history import BatchRecord, OnBatch
from nnplug.training.ranks import Ranks, tree_sum, world
from nnplug.training.steps import Steps
from nnplug.types import AnyArray

__all__ = ["ShardedSteps", "Shards", "connect"]


@dataclass(frozen=True)
class Shards:
    """How a batch is dealt out.

    Attributes
    ----------
    count : int
        The shards of a batch, a power of two.
    ranks : Ranks
        The processes that share them, each the same number.
    dealt : bool
        Whether a process has only the rows of its own shards.
    """

    count: int
    ranks: Ranks = field(default_factory=Ranks)
    dealt: bool = False

    @property
    def own(self) -> range:
        """The shards of this process."""
        each = self.count // self.ranks.count
        return range(self.ranks.rank * each, (self.ranks.rank + 1) * each)

    def rows(self, batch: int, shard: int) -> slice:
        """Return the place of a shard in a batch of some rows; it may be empty."""
        return slice(batch * shard // self.count, batch * (shard + 1) // self.count)

    def most(self, batch: int) -> int:
        """Return the rows of the largest shard."""
        return -(-batch // self.count)

    def cut(self, batch: AnyArray) -> list[AnyArray]:
        """Cut out the rows of each shard of this process."""
        return [batch[self.rows(len(batch), shard)] for shard in self.own]

    def weight(self, batch: AnyArray, weights: AnyArray | None) -> float:
        """Return the total weight of a batch, whose rows several processes may have."""
        if weights is None or not self.dealt:
            return weight_of(len(batch), None if weights is None else weights[batch])
        own = [weight_of(len(rows), weights[rows]) for rows in self.cut(batch)]
        return math.fsum(self.ranks.join(np.array(own)))

    def collected(self, steps: Steps, batch: AnyArray) -> AnyArray:
        """Bring the rows of a batch that was refused together; return where they are then."""
        if not self.dealt:
            return batch
        own = np.concatenate(self.cut(batch))
        for whole in (steps.inputs, steps.targets, steps.weights):
            if whole is not None:
                # Training ends, so the buffers are free.
                whole[: len(batch)] = np.concatenate(self.ranks.gather(whole[own]))
        return np.arange(len(batch))

    def steps(self, *parts: Any, **more: Any) -> Steps:
        """Make training steps that go shard by shard; see `Steps`."""
        return ShardedSteps(*parts, shards=self, **more)

    def agreed(
        self,
        on_epoch: Callable[[int], bool | None] | None,
        every: int,
        should_stop: Callable[[], bool] | None,
        on_batch: OnBatch | None,
    ) -> tuple[Callable[[int], bool], int, Callable[[], bool], OnBatch | None]:
        """Make the callbacks of a loop stop all processes at the same place, whoever asks."""
        asked = False

        def after_batch(record: BatchRecord) -> None:
            nonlocal asked
            if on_batch is not None and on_batch(record) is True:
                asked = True

        def after_epoch(epoch: int) -> bool:
            nonlocal asked
            if on_epoch is not None and on_epoch(epoch):
                asked = True
            ends = self.ranks.any(asked)
            asked = False
            return ends

        def stop() -> bool:
            return self.ranks.any(should_stop is not None and should_stop())

        # Rank 0 alone has the plugins' hooks, and a callback after each batch changes the loop.
        listens, every = self.ranks.of_first((on_batch is not None, every))
        return after_epoch, every, stop, after_batch if listens else None

    def check_alike(self, description: Mapping[str, Any]) -> None:
        """Compare what must be the same for all processes.

        Raises
        ------
        SettingError
            If it is not, with the first difference.
        """
        for rank, other in enumerate(self.ranks.gather(description)):
            for name, value in description.items():
                if other[name] != value:
                    raise SettingError(
                        f"shards: {name} is {value!r} on rank {self.ranks.rank}, and "
                        f"{other[name]!r} on rank {rank}.\nAll processes must train the same run, "
                        "with the same packages."
                    )


def connect(count: int, *, dealt: bool = False) -> Shards:
    """Make the shards of a run on this process, or on all that `mpiexec` started; see `world`."""
    return Shards(count, world(count), dealt)


class ShardedSteps(Steps):
    """Training steps that compute the gradient shard by shard.

    Every process has all parameters and slots, and makes the same update. It has all
    rows, or those of its shards: then a batch lists -1 for the others.

    Parameters
    ----------
    shards : Shards
    more
        As for `Steps`.

    Raises
    ------
    SettingError
        If the loss, a layer or the optimizer needs a whole batch at once.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        inputs: AnyArray,
        targets: AnyArray,
        batch_size: int | None,
        weights: AnyArray | None = None,
        *,
        shards: Shards,
        keep_outputs: bool = False,
        **more: Any,
    ) -> None:
        _check_divisible(network, loss, optimizer)
        self.shards = shards
        self._updates: dict[int, BoundProgram] = {}
        self._parts: dict[tuple[int, int], tuple[BoundProgram, dict[str, AnyArray]]] = {}
        self._gradient = aligned_zeros(network.size, network.dtype)
        self._free: list[AnyArray] = []
        self._all = self._batch = np.arange(len(inputs))
        self._part_memory = Memory()
        super().__init__(
            network, loss, optimizer, inputs, targets, batch_size, weights,
            keep_outputs=keep_outputs, **more,
        )  # fmt: skip
        self._part_planner = StepPlanner(
            network,
            loss,
            None,
            data_dtypes=[array.dtype for array in self._data.values()],
            weighted=weights is not None,
            keep_outputs=keep_outputs,
        )

    def bound(self, rows: int, engine: Engine | None = None) -> BoundProgram:
        """Return what follows the gradients, for a batch size: penalties, clipping, the update.

        With an engine: the whole step, in one piece.
        """
        if engine is not None:
            return super().bound(rows, engine)
        key = rows if self.regularization.counts_rows(summed=self.loss.reduction == "sum") else 0
        key = 2 * key + self.turn
        if key not in self._updates:
            arrays = {f"slot.{name}": slot for name, slot in self.slots.items()}
            arrays |= {
                "parameters": self.parameters,
                "gradients": self.vectors[1 - self.turn],
                "learning_rate": self.learning_rate,
                "step": self.count,
                "penalty": self.penalty,
                **self.factors,
            }
            program = self._planner.plan_update(rows)
            self._updates[key] = self.engine.bind(program, arrays, self.memory)
        return self._updates[key]

    def _part(self, rows: int) -> tuple[BoundProgram, dict[str, AnyArray]]:
        """Return the program of a shard's gradient, and the arrays that it reads."""
        key = (rows, self.turn)
        if key not in self._parts:
            noise = {
                array.name: np.zeros(
                    (rows, *array.shape) if array.by_row else array.shape, self.network.dtype
                )
                for array in self.network.noise
            }
            arrays = {
                **self._data,
                **noise,
                "parameters": self.parameters,
                "gradients": self._gradient,
                "rows": np.zeros(rows, np.intp),
            }
            program = self._part_planner.plan(rows)
            bound = self.engine.bind(program, arrays, self._part_memory)
            self._parts[key] = bound, {"rows": arrays["rows"], **noise}
        return self._parts[key]

    def run(self, rows: AnyArray | None, outputs: AnyArray | None = None) -> float:
        """Take one step; see `Steps.run`."""
        self._batch = self._all if rows is None else np.asarray(rows, np.intp)
        self.count += 1
        self._set_factors()
        if len(self.shards.own) and not self._parts:
            self._part(self.shards.most(self.batch_size))  # it sizes the memory of all others
        total = self._sum_gradients(outputs)
        update = self.bound(len(self._batch))
        for call in update.calls:
            call()
        checked = total + update.results["check"].item()
        if not math.isfinite(checked) and not self._is_finite(len(self._batch), total):
            return math.nan
        self._take_turns(1)
        return total

    def _sum_gradients(self, outputs: AnyArray | None = None) -> float:
        """Add up the gradients of all shards, in the vector that is not the parameters'.

        Returns
        -------
        float
            The sum of the loss over the batch.
        """
        batch, own = self._batch, self.shards.own
        whole = self.shards.weight(batch, self.weights)
        losses, sums = np.zeros(len(own)), list[tuple[int, AnyArray]]()
        kept = None
        if outputs is not None:
            kept = np.zeros(
                (len(own), self.shards.most(len(batch)), outputs.shape[1]), outputs.dtype
            )
        for place, (shard, part) in enumerate(zip(own, self.shards.cut(batch), strict=True)):
            vector = self._free.pop() if self._free else np.empty_like(self._gradient)
            weight = self._weight(part)
            if len(part):
                program, arrays = self._part(len(part))
                arrays["rows"][...] = part
                self._draw_for(shard, arrays)
                for call in program.calls:
                    call()
                losses[place] = program.results["loss"].item()
                if kept is not None:
                    kept[place, : len(part)] = program.results["outputs"]
            if weight > 0:
                np.multiply(self._gradient, self._share(weight, whole), out=vector)
            else:
                vector[...] = 0
            level = 0
            while sums and sums[-1][0] == level:  # two sums of equal size: neighbours
                _, left = sums.pop()
                left += vector
                self._free.append(vector)
                vector, level = left, level + 1
            sums.append((level, vector))
        ((_, summed),) = sums
        self.shards.ranks.sum(summed)
        self.vectors[1 - self.turn][...] = summed
        self._free.append(summed)
        if outputs is not None and kept is not None:
            for shard, part in enumerate(self.shards.ranks.join(kept)):
                where = self.shards.rows(len(batch), shard)
                outputs[where] = part[: where.stop - where.start]
        return float(tree_sum(self.shards.ranks.join(losses)))

    def _weight(self, rows: AnyArray) -> float:
        return weight_of(len(rows), None if self.weights is None else self.weights[rows])

    def _share(self, weight: float, whole: float) -> Any:
        """Return the factor of a shard's gradient in that of the batch."""
        share = 1.0 if self.loss.reduction == "sum" else weight / whole
        return self.network.dtype.type(share)

    def _draw_for(self, shard: int, noise: dict[str, AnyArray]) -> None:
        """Draw the noise of a shard's rows, which is the same on whatever process they are."""
        for array in self.network.noise:
            purpose = f"noise {array.name}" + (f" of shard {shard}" if array.by_row else "")
            generator = derive_generator(self.seed, purpose, step=int(self.count))
            self._fill(generator, array, noise[array.name])

    def _is_finite(self, rows: int, total: float) -> bool:
        new = self.vectors[1 - self.turn]
        if not math.isfinite(total) or not np.isfinite(new).all():
            return False
        kept = new.copy()
        self._sum_gradients()
        finite = bool(np.isfinite(new).all())
        new[...] = kept
        return finite

    def recompute_gradients(self, rows: AnyArray | None) -> BoundProgram:
        """Compute loss and gradients of a batch that was refused again; see `Steps`."""
        size = self.batch_size if rows is None else len(rows)
        for shard in range(self.shards.count):
            place = self.shards.rows(size, shard)
            parts = dict(self._noise_of(size))
            by_row = {array.name for array in self.network.noise if array.by_row}
            self._draw_for(
                shard, {name: one[place] if name in by_row else one for name, one in parts.items()}
            )
        super().bound(size, NUMPY)
        return super().recompute_gradients(rows)


def _check_divisible(network: Network, loss: Loss, optimizer: Optimizer) -> None:
    """Refuse what needs a whole batch at once.

    Raises
    ------
    SettingError
    """
    reason = ""
    if loss.over == "batch":
        reason = f"loss {loss.name!r} compares the rows of a batch"
    elif optimizer.moved or optimizer.asks_curvature:
        reason = f"optimizer {optimizer.name!r} takes a second gradient"
    else:
        for span in network.spans:
            if span.is_state:
                reason = f"layer {span.name.rpartition('.')[0]!r} keeps a state from step to step"
                break
    if reason:
        raise SettingError(
            f"shards: {reason}, which needs a batch in one piece.\n"
            "Leave shards out, or use another part."
        )
