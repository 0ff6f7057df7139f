"""Training steps: planned and bound once for each batch size, then run many times."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from nnplug.alignment import aligned_zeros
from nnplug.engines import NUMPY, BoundProgram, Engine, Memory
from nnplug.network.network import Network
from nnplug.parts import Loss, Optimizer
from nnplug.parts.following import Followed, factor_name, followed
from nnplug.parts.placing import Array
from nnplug.plans import (
    CURVATURE,
    POINT,
    SIGN_NOISE,
    SIGNS,
    Regularization,
    StepPlanner,
    slot_layouts,
)
from nnplug.randomness import derive_generator
from nnplug.training.evaluation import check_shapes
from nnplug.types import AnyArray

__all__ = ["Steps"]


class Steps:
    """Training steps bound to one network, its data and its optimizer.

    They own all that changes: two vectors that take turns as parameters and
    gradients, the optimizer's slots, the working memory.

    A step writes the new parameters over the gradients. If all numbers are
    finite, the two vectors swap; if not, the old parameters are still whole
    in the other one, so a step that is refused needs no copy to undo.

    Parameters
    ----------
    inputs : array
        (N, D). Batches are gathered from it; it is never copied whole.
    targets : array
        (N, C), or labels (N, 1), in the form that the loss takes.
    batch_size : int or None
        None: all rows in each step, in their own order.
    weights : array, optional
        (N, 1), the weight of each row: a batch's loss is then Σwℓ / Σw.
    regularization : Regularization, optional
        Penalties and clipping.
    keep_outputs : bool
        Whether `run` and `run_many` also return the network's outputs.
    seed : int
        Seed of the noise of layers such as dropout, drawn anew for each step.
    engine : Engine
        Runs the plan.

    Attributes
    ----------
    program : Program
        The plan of a step of a whole batch.
    follows : mapping of str to callable
        The factors of options that follow a schedule, from the step's number, counted from 1.
    penalty : array of shape ()
        What the penalties added to the loss of the last step, before its update.
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
        regularization: Regularization | None = None,
        keep_outputs: bool = False,
        seed: int = 0,
        engine: Engine = NUMPY,
    ) -> None:
        check_shapes(network, loss, inputs, targets, weights)
        self.network, self.loss, self.optimizer, self.engine = network, loss, optimizer, engine
        self.regularization, self.seed = regularization or Regularization(), seed
        self.full = batch_size is None
        self.batch_size = len(inputs) if batch_size is None else min(batch_size, len(inputs))
        if self.full:
            target_dtype = np.int64 if loss.against == "labels" else network.dtype
            inputs = np.ascontiguousarray(inputs, network.dtype)
            targets = np.ascontiguousarray(targets, target_dtype)
            weights = None if weights is None else np.ascontiguousarray(weights, network.dtype)
        self.inputs, self.targets, self.weights = inputs, targets, weights
        self.vectors = [network.parameters, aligned_zeros(network.size, network.dtype)]
        self.slots: dict[str, AnyArray] = {}
        for name, layout in slot_layouts(network, optimizer).items():
            self.slots[name] = aligned_zeros(layout.size, network.dtype)
            if name in optimizer.states:
                for start, shape in layout.places.values():
                    part = self.slots[name][start : start + math.prod(shape)].reshape(shape)
                    optimizer.states[name].fill(part)
        beside = [POINT] if optimizer.moved else []
        beside += [CURVATURE, SIGNS] if optimizer.asks_curvature else []
        self._beside = {name: aligned_zeros(network.size, network.dtype) for name in beside}
        self._signs: dict[str, AnyArray] = {}
        if optimizer.asks_curvature:
            self._signs[SIGN_NOISE] = np.zeros(network.learned, network.dtype)
        self._shown = np.empty_like(network.parameters) if optimizer.shown else None
        self.learning_rate = np.array(optimizer.learning_rate)
        self.count, self.penalty = np.zeros(()), np.zeros(())
        self.follows: Mapping[str, Callable[[int], float]] = {}
        names = map(factor_name, followed(optimizer.options))
        self.factors = {f"optimizer.{name}": np.ones(()) for name in names}
        self.noise = {
            array.name: np.zeros(
                (self.batch_size, *array.shape) if array.by_row else array.shape, network.dtype
            )
            for array in network.noise
        }
        self.memory = Memory()
        self._bound: dict[tuple[str, int, int], BoundProgram] = {}
        self._process = os.getpid()
        self._rows: dict[int, AnyArray] = {}
        self.turn = 0
        self._data = {"input": self.inputs, "target": self.targets}
        if self.weights is not None:
            self._data["weight"] = self.weights
        self._planner = StepPlanner(
            network,
            loss,
            optimizer,
            gather=not self.full,
            data_dtypes=[array.dtype for array in self._data.values()],
            weighted=weights is not None,
            regularization=self.regularization,
            keep_outputs=keep_outputs,
        )
        self.program = self._planner.plan(self.batch_size)
        # The largest batch first: it sizes the memory that the others share.
        self.bound(self.batch_size)

    def bound(self, rows: int, engine: Engine | None = None) -> BoundProgram:
        """Return the step for a batch size and the vector that now holds the parameters."""
        engine = engine or self.engine
        if self._process != os.getpid():  # a forked process lacks its parent's threads
            self._process = os.getpid()
            self._bound.clear()
        key = (engine.name, rows, self.turn)
        if key not in self._bound:
            program = self.program if rows == self.batch_size else self._planner.plan(rows)
            index = self._rows.setdefault(rows, np.zeros(rows, np.intp))
            for turn in (0, 1):
                arrays = {**self._arrays(rows, turn), "rows": index}
                self._bound[engine.name, rows, turn] = engine.bind(
                    program,
                    arrays,
                    self.memory,
                    many=rows == self.batch_size,
                    like=self._bound.get((engine.name, self.batch_size, turn)),
                )
        return self._bound[key]

    def _arrays(self, rows: int, turn: int) -> dict[str, AnyArray]:
        """Return all that a program of this many rows reads and writes, by name."""
        return {
            **{f"slot.{name}": slot for name, slot in self.slots.items()},
            **{f"slot.{name}": vector for name, vector in self._beside.items()},
            **self._signs,
            **self._data,
            **dict(self._noise_of(rows)),
            "parameters": self.vectors[turn],
            "gradients": self.vectors[1 - turn],
            "learning_rate": self.learning_rate,
            "step": self.count,
            "penalty": self.penalty,
            **self.factors,
        }

    def begin(self) -> dict[str, AnyArray]:
        """Count a step on all rows and draw its noise; return what its program works on."""
        self.count += 1
        self._draw(self.batch_size)
        return self._arrays(self.batch_size, self.turn)

    def run_many(
        self,
        order: AnyArray | None,
        rates: AnyArray,
        losses: AnyArray,
        penalties: AnyArray | None = None,
        outputs: AnyArray | None = None,
    ) -> int:
        """Take one step for each learning rate, as long as all numbers are finite.

        Parameters
        ----------
        order : array of int or None
            The rows in the order in which they are taken, batch after batch;
            None: every step takes all rows.
        rates : array
            (S,), float64: the learning rate of each step.
        losses : array
            (S,), float64: filled with what `run` returns for each step.
        penalties : array, optional
            (S,), float64: filled with what the penalties add in each step.
        outputs : array, optional
            (rows of all steps, C), in the network's dtype: filled with the
            network's outputs in each step, before its update. Required if
            outputs are kept.

        Returns
        -------
        int
            The number of steps taken. If it is below S, the next step was
            refused because a number was not finite.
        """
        size, taken = self.batch_size, 0
        if penalties is None:
            penalties = np.empty(len(rates))
        whole = self.bound(size).many
        if whole is not None:
            count = len(rates) if order is None else min(len(rates), len(order) // size)
            taken = whole(order, rates[:count], losses, penalties, outputs)
            self._take_turns(taken)
            if taken < count:
                return taken
        for number in range(taken, len(rates)):
            self.learning_rate[...] = rates[number]
            rows = None if order is None else order[number * size : (number + 1) * size]
            kept = None if outputs is None else outputs[number * size : (number + 1) * size]
            part = losses[number] = self.run(rows, kept)
            penalties[number] = self.penalty
            if math.isnan(part):
                return number
        return len(rates)

    def _take_turns(self, steps: int) -> None:
        """Swap the two vectors, once for each step that was taken."""
        self.turn = (self.turn + steps) % 2
        self.network.parameters = self.vectors[self.turn]

    def run(self, rows: AnyArray | None, outputs: AnyArray | None = None) -> float:
        """Take one step.

        Parameters
        ----------
        rows : array of int or None
            The batch, as indices of rows; None for all.
        outputs : array, optional
            (N, C): filled with the network's outputs before the update, if
            they are kept.

        Returns
        -------
        float
            The sum of the loss over the batch, before the step. NaN or
            infinite if the step was refused because a number was not finite;
            the parameters are then unchanged.
        """
        size = self.batch_size if rows is None else len(rows)
        program = self.bound(size)
        if rows is not None:
            self._rows[size][...] = rows
        self.count += 1
        if self.noise or self._signs or self.factors:
            self._draw(size)
        for call in program.calls:
            call()
        if outputs is not None:
            outputs[...] = program.results["outputs"]
        total: float = program.results["loss"].item()
        if not math.isfinite(total + program.results["check"].item()) and not self._is_finite(
            size, total
        ):
            return math.nan
        self._take_turns(1)
        return total

    def _draw(self, rows: int) -> None:
        """Draw the noise of one step, layer by layer."""
        generator = derive_generator(self.seed, "dropout", step=int(self.count))
        for array, (_, noise) in zip(self.network.noise, self._noise_of(rows), strict=True):
            self._fill(generator, array, noise)
        self._set_factors()
        for signs in self._signs.values():
            generator = derive_generator(self.seed, "curvature", step=int(self.count))
            generator.random(out=signs, dtype=signs.dtype.type)

    def _set_factors(self) -> None:
        """Set the factors of the optimizer's options that follow a schedule."""
        for name, factor in self.factors.items():
            factor[...] = self._factor(name)

    def _factor(self, name: str) -> float:
        """Return the factor of a schedule in this step; 1 if nobody says what the time is."""
        return self.follows[name](int(self.count)) if name in self.follows else 1.0

    def _fill(self, generator: np.random.Generator, array: Array, noise: AnyArray) -> None:
        """Draw the noise of an array by its law, or set it by its schedule."""
        if isinstance(array.declared, Followed):
            noise[...] = array.declared.value * self._factor(array.name)
            return
        normal = getattr(array.declared, "law", "") == "normal"
        draw = generator.standard_normal if normal else generator.random
        draw(out=noise, dtype=noise.dtype.type)

    def _noise_of(self, rows: int) -> Iterator[tuple[str, AnyArray]]:
        """Return the noise of a batch of this many rows, by name."""
        for array in self.network.noise:
            noise = self.noise[array.name]
            yield array.name, noise[:rows] if array.by_row else noise

    def show(self) -> None:
        """Give the network the weights to predict with, if the optimizer keeps such weights."""
        if self._shown is None:
            return
        if not self.count:  # before the first step the slots are empty
            self.hide()
        else:
            self._shown[: self.network.learned] = self.slots[self.optimizer.shown]
            self._shown[self.network.learned :] = self.parameters[self.network.learned :]
            self.network.parameters = self._shown

    def hide(self) -> None:
        """Give the network the parameters from which training continues."""
        self.network.parameters = self.parameters

    @property
    def parameters(self) -> AnyArray:
        """The parameters that are learned, and the layers' states."""
        return self.vectors[self.turn]

    def state(self) -> dict[str, AnyArray]:
        """Return what steps change, not copied; the parameters are elsewhere after a step."""
        slots = {f"slot.{name}": slot for name, slot in self.slots.items()}
        return {"parameters": self.parameters, "count": self.count, **slots}

    def copy_state(self, into: dict[str, AnyArray] | None = None) -> dict[str, AnyArray]:
        """Copy all that steps change: parameters, slots, the count of steps.

        Parameters
        ----------
        into : dict of str to array, optional
            An earlier copy, to overwrite.
        """
        state = self.state()
        if into is None:
            return {name: array.copy() for name, array in state.items()}
        for name, array in state.items():
            into[name][...] = array
        return into

    def set_state(self, state: Mapping[str, AnyArray]) -> None:
        """Return to a copy, also one made by other steps of the same network and optimizer."""
        self.parameters[...] = state["parameters"]
        self.count[...] = state["count"]
        for name, slot in self.slots.items():
            slot[...] = state[f"slot.{name}"]

    def _is_finite(self, rows: int, total: float) -> bool:
        """Look closely at a step whose check was not finite.

        The check sums squares, which overflow long before the numbers do.
        """
        new = self.vectors[1 - self.turn]
        if not math.isfinite(total) or not np.isfinite(new).all():
            return False
        kept = new.copy()
        self._gradients(rows)
        finite = bool(np.isfinite(new).all())
        new[...] = kept
        return finite

    def recompute_gradients(self, rows: AnyArray | None) -> BoundProgram:
        """Compute loss and gradients of a batch that was refused again, without the update.

        Returns
        -------
        BoundProgram
            The program, with its results. The gradients are in the vector
            that is not the parameters'.
        """
        size = self.batch_size if rows is None else len(rows)
        if rows is not None:
            self._rows[size][...] = rows
        return self._gradients(size)

    def _gradients(self, rows: int) -> BoundProgram:
        """Compute loss and gradients of the present batch, without the update."""
        program = self.bound(rows, NUMPY)
        for section, calls in program.sections:
            if section.phase not in ("clip", "update"):
                for call in calls:
                    call()
        return program
