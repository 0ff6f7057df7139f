"""Random networks of random parts: trained by hand, and by nnplug."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import numpy as np

from nnplug.engines import numpy as numpy_engine
from nnplug.engines.numba import binder
from nnplug.network.network import Network
from nnplug.parts import Activation, Loss, Optimizer
from nnplug.training import RowsInMemory, Trainer
from tests.engines import ENGINES
from tests.property.formulas import Formula, draw_activation, draw_loss, draw_optimizer, plainest
from tests.property.plain import Array, Layer, Training

EPOCHS = 3
TOLERANCE = 1e-10
STEADY = 1e-12
"""What a few roundings may change in a case that is taken."""


@dataclass(frozen=True)
class Shape:
    """A network's widths and how it is trained.

    Attributes
    ----------
    batch : int or None
        None: all rows in each step.
    """

    widths: tuple[int, ...]
    rows: int
    batch: int | None


SHAPES = {
    Shape((3, 2), 8, 4): 3,
    Shape((2, 3, 1), 6, None): 3,
    Shape((4, 5, 2), 6, 3): 3,
    Shape((1, 1, 4), 10, 10): 2,
    Shape((3, 2, 3), 3, 1): 3,
    Shape((2, 5, 3, 2), 5, None): 3,
    Shape((3, 4, 2), 12, 5): 1,  # the last batch is shorter
    Shape((2, 3, 1), 9, 4): 1,  # the last batch has one row
    Shape((5, 4, 1), 70, 35): 1,  # rows that are taken many at a time
    Shape((9, 70, 2), 54, 27): 1,  # products of BLAS, and lengths that are not in the source
    Shape((9, 70, 1), 28, None): 1,
}
"""Each with how often it is drawn; a second size of batches costs a second program."""


@dataclass(frozen=True)
class Parts:
    """A network's parts."""

    activations: tuple[Activation, ...]
    loss: Loss
    optimizer: Optimizer


@dataclass(frozen=True)
class Case:
    """A network, its data and its formulas.

    Attributes
    ----------
    seed : int
        Of the data and of the first parameters.
    weighted : bool
        Whether each row has a weight.
    called : bool
        Whether the loops of a step that is one function are functions of their own.
    """

    shape: Shape
    seed: int
    activations: tuple[Formula, ...]
    loss: Formula
    optimizer: Formula
    weighted: bool = False
    called: bool = False

    @property
    def formulas(self) -> tuple[Formula, ...]:
        return (*self.activations, self.loss, self.optimizer)

    @property
    def text(self) -> str:
        head = f"{self.shape}, seed {self.seed}{', weighted' if self.weighted else ''}"
        return "\n\n".join([head, *(formula.text for formula in self.formulas)])

    def replaced(self, old: Formula, new: Formula) -> Case:
        """Give the case with another formula in the place of one."""
        return replace(
            self,
            activations=tuple(new if each is old else each for each in self.activations),
            loss=new if self.loss is old else self.loss,
            optimizer=new if self.optimizer is old else self.optimizer,
        )

    def runs(self) -> Runs:
        activations = tuple(formula.part() for formula in self.activations)
        parts = Parts(activations, self.loss.part(), self.optimizer.part())
        return Runs(parts, self.shape, self.seed, weighted=self.weighted, called=self.called)


def draw_case(rng: np.random.Generator) -> Case:
    """Draw a case; most have nothing that the Numba engine leaves to NumPy."""
    shares = np.array(list(SHAPES.values()))
    shape = list(SHAPES)[rng.choice(len(SHAPES), p=shares / shares.sum())]
    fused = bool(rng.random() < 0.7)
    return Case(
        shape,
        int(rng.integers(2**31)),
        tuple(draw_activation(rng, fused=fused) for _ in shape.widths[1:]),
        draw_loss(rng, fused=fused),
        draw_optimizer(rng, fused=fused),
        weighted=bool(rng.random() < 0.3),
        called=bool(rng.random() < 0.4),
    )


@dataclass
class Trained:
    """What a training run came to.

    Attributes
    ----------
    slopes : list of array
        Of the loss by outputs and sums at each step, as far as they are known.
    form : str
        What the Numba engine made of a step.
    """

    losses: Sequence[float]
    parameters: Array
    slots: list[Array]
    slopes: list[Array]
    form: str = ""

    def distance(self, other: Trained) -> float:
        """Compare what both have, relative to the largest number of each array."""
        found = 0.0
        for a, b in zip(
            [np.array(self.losses), self.parameters, *self.slots, *self.slopes],
            [np.array(other.losses), other.parameters, *other.slots, *other.slopes],
            strict=bool(self.slopes),
        ):
            if not (np.isfinite(a).all() and np.isfinite(b).all()):
                return np.inf
            found = max(found, float(np.abs(a - b).max() / (np.abs(b).max() + 1e-3)))
        return found


class Runs:
    """The training runs of some parts on random data: by hand and by each engine."""

    def __init__(
        self, parts: Parts, shape: Shape, seed: int, *, weighted: bool = False, called: bool = False
    ) -> None:
        rng = np.random.default_rng(seed)
        self.parts, self.shape, self.seed, self.called = parts, shape, seed, called
        self.x = rng.standard_normal((shape.rows, shape.widths[0]))
        if parts.loss.against == "labels":
            self.y = rng.integers(0, shape.widths[-1], (shape.rows, 1))
        else:
            self.y = rng.standard_normal((shape.rows, shape.widths[-1]))
            if parts.loss.for_numbers:
                self.y = abs(self.y) + 0.1
        self.w = rng.choice([0.0, 0.5, 1.0, 2.0], (shape.rows, 1)) if weighted else None
        self.network = self._network(np.float64)
        for span in self.network.spans:
            scale = 0.9 / np.sqrt(span.shape[0]) if len(span.shape) == 2 else 0.4
            span.view(self.network.parameters)[...] = scale * rng.standard_normal(span.shape)
        self.start = self.network.parameters.copy()

    def _network(self, dtype: Any) -> Network:
        widths, activations = self.shape.widths, self.parts.activations
        return Network(
            widths[0], widths[1:-1], widths[-1], activations=activations[:-1],
            output_activation=activations[-1], dtype=dtype,
        )  # fmt: skip

    def _batches(self) -> RowsInMemory:
        return RowsInMemory(
            self.x, self.y, batch_size=self.shape.batch, seed=self.seed, weights=self.w
        )

    def steady(self) -> Trained | None:
        """Train by hand; None if it cannot be, or if roundings decide what comes out."""
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = self.by_hand()
                largest = [np.abs(a).max() for a in (found.losses, found.parameters, *found.slots)]
                if not max(largest) < 1e4:
                    return None
                again = self.by_hand(np.random.default_rng(self.seed))
        except (TypeError, ValueError, ArithmeticError):
            return None
        return found if found.distance(again) < STEADY else None

    def by_hand(self, noise: np.random.Generator | None = None) -> Trained:
        """Train by hand; the order of the rows is nnplug's."""
        size = self.shape.batch or len(self.x)
        epochs = []
        for epoch in range(EPOCHS):
            ((order, _),) = self._batches().loads(epoch)
            rows = np.arange(len(self.x)) if order is None else order
            epochs.append([rows[start : start + size] for start in range(0, len(rows), size)])
        arrays = iter(
            span.view(self.start.copy()).reshape(span.shape or (1,)) for span in self.network.spans
        )
        layers = [
            Layer(
                part.function, weight=next(arrays), bias=next(arrays),
                options={name: next(arrays) for name in part.trainables}, fixed={
                    name: value for name, value in part.options.items()
                    if name not in part.trainables
                },
            )
            for part in self.parts.activations
        ]  # fmt: skip
        loss, optimizer = self.parts.loss, self.parts.optimizer
        training = Training(
            layers,
            lambda *given: loss.function(*given, **loss.options),
            summed=loss.reduction == "sum",
            optimizer=optimizer.function,
            slots=len(optimizer.slots),
            whole=optimizer.over == "vector",
            counts=optimizer.uses_step,
            numbers=dict(optimizer.options),
            noise=noise,
        )
        losses = training.run(self.x, self.y, self.w, epochs)
        parameters = np.concatenate([a.reshape(-1) for layer in layers for a in layer.arrays])
        slots = [
            np.concatenate([group[number].reshape(-1) for group in training.state])
            for number in range(training.slots)
        ]
        return Trained(losses, parameters, slots, training.slopes)

    def overflows(self) -> bool:
        """Tell whether a number is larger than float64 has, in the functions as they are called."""
        try:
            with np.errstate(all="ignore", over="raise"):
                self.by_hand()
        except FloatingPointError:
            return True
        return False

    def in_wider_range(self) -> Trained:
        """Train by the NumPy engine's own plan on numbers of more than 1e4000."""
        given = self.x, self.y, self.w, self.network, self.start
        wide = np.longdouble
        self.network, self.x, self.start = (
            self._network(wide), self.x.astype(wide), self.start.astype(wide)
        )  # fmt: skip
        if self.y.dtype.kind == "f":
            self.y = self.y.astype(wide)
        self.w = None if self.w is None else self.w.astype(wide)
        try:
            # The engine selects by the bits of float32 and float64.
            with patch.dict(numpy_engine._CALLS, where=_where):
                return self.by_engine("numpy")
        finally:
            self.x, self.y, self.w, self.network, self.start = given

    def by_engine(self, engine: str) -> Trained:
        """Train by nnplug."""
        self.network.parameters[...] = self.start
        instructions = 0 if self.called else binder.SMALL_PROGRAM
        with (
            np.errstate(all="ignore"),  # of numbers that a formula computes while it is traced
            patch.object(binder, "SMALL_PROGRAM", instructions),
        ):
            trainer = Trainer(
                self.network, self.parts.loss, self.parts.optimizer, self._batches(),
                epochs=EPOCHS, engine=ENGINES[engine],
            )  # fmt: skip
            form = "one function" if binder.is_small(trainer.steps.program) else "called"
        losses = trainer.run().columns["loss"]
        steps = trainer.steps
        if steps.bound(steps.batch_size).many is None:
            form = "sections"
        parameters = self.network.parameters.copy()
        return Trained(losses, parameters, list(steps.slots.values()), [], form)


def _where(inputs: list[Array], output: Array) -> list[Callable[[], None]]:
    return [lambda: np.copyto(output, np.where(*inputs), casting="unsafe")]


def shrink(case: Case, fails: Callable[[Case], bool]) -> Case:
    """Cut a case down to what fails still."""
    shapes = [shape for shape in SHAPES if len(shape.widths) == len(case.shape.widths)]
    shorter = (replace(case, shape=shape) for shape in shapes)
    case = next((other for other in shorter if fails(other)), case)
    for formula in case.formulas:
        other = case.replaced(formula, plainest(formula.kind))
        case = other if fails(other) else case
    smaller: Any = True
    while smaller:
        smaller = next(
            (
                other
                for formula in case.formulas
                for other in (case.replaced(formula, each) for each in formula.smaller())
                if other.text != case.text and fails(other)
            ),
            None,
        )
        case = smaller or case
    return case
