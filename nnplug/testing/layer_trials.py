"""A layer on rows of one shape, computed by its function, by its formula and by an engine.

In a network the layer stands between a dense layer whose weights are the rows
and a head whose weights are the identity matrix: so it gets any rows, and its
outputs are the network's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nnplug.builtin.layers import dense
from nnplug.engines import Engine
from nnplug.formulas.evaluation import evaluate
from nnplug.network.network import Network
from nnplug.parts import Activation, Layer, Noise, Parameter, Placed, State, place, trace_placed
from nnplug.testing.engine import reveal, unchanged, weighted
from nnplug.testing.examples import random
from nnplug.training import Evaluator, Steps
from nnplug.types import AnyArray

__all__ = ["EngineTrial", "Found", "Trial", "arrays_of", "call_plain"]

Arrays = dict[str, AnyArray]


@dataclass
class Found:
    """What a layer computed.

    Attributes
    ----------
    value : array
        (N, H).
    states : dict of str to array
        The new states; empty outside training.
    slopes : dict of str to array
        The derivatives of Σ g·value, by `"x"` and by each parameter's name.
    """

    value: AnyArray
    states: Arrays = field(default_factory=dict)
    slopes: Arrays = field(default_factory=dict)

    def named(self) -> Iterator[tuple[str, AnyArray]]:
        """List the arrays with what messages call them."""
        yield "value", self.value
        yield from ((f"new {name}", array) for name, array in self.states.items())
        yield from ((f"derivative by {name}", array) for name, array in self.slopes.items())


def call_plain(
    placed: Placed, x: AnyArray, given: Mapping[str, Any], *, training: bool
) -> tuple[AnyArray, Arrays]:
    """Call the author's function, and those of the layers that it holds, on copies.

    Parameters
    ----------
    given : mapping of str to array
        The arrays, by their names in the network.

    Returns
    -------
    tuple of array and dict
        The value, and the new states.
    """
    part = placed.part
    own = {
        array.name.removeprefix(f"{placed.name}."): given[array.name].copy()
        for array in placed.arrays[: len(part.arrays)]
        if training or not isinstance(array.declared, Noise)
    }
    if isinstance(part, Activation):
        told = {"training": training} if part.branches else {}
        return np.asarray(part(x.copy(), **own, **told)), {}
    arguments: dict[str, Any] = {**dict.fromkeys(part.declared), **part.grouped(own)}
    new: Arrays = {}
    if part.branches:
        arguments["training"] = training
    if part.holds:

        def inner(rows: AnyArray) -> AnyArray:
            for held in placed.inner:
                rows, states = call_plain(held, np.asarray(rows), given, training=training)
                new.update(states)
            return rows

        arguments["inner"] = inner
    result = part(x.copy(), **arguments)
    value, *states = result if isinstance(result, tuple) else (result,)
    names = [name for name, own in part.declared.items() if isinstance(own, State)]
    if training:
        for name, array in zip(names, states, strict=True):
            key = f"{placed.name}.{name}"
            new[key] = np.broadcast_to(np.asarray(array), np.shape(given[key]))
    return np.asarray(value), new


def arrays_of(placed: Placed, rows: int, generator: np.random.Generator) -> Arrays:
    """Draw what a layer gets besides its rows: parameters near their start, states at it."""
    given: Arrays = {}
    for array in placed.arrays:
        declared, own = array.declared, array.name.rpartition(".")[2]
        if own in placed.starts:
            given[array.name] = np.array(placed.starts[own], float)
        elif isinstance(declared, Noise):
            shape = (rows, *array.shape) if "N" in declared.shape else array.shape
            law = generator.random if declared.law == "uniform" else generator.standard_normal
            given[array.name] = law(shape)
        elif isinstance(declared, Parameter) and isinstance(declared.start, float):
            moved = 0.3 * generator.uniform(-1, 1, array.shape)
            given[array.name] = np.asarray(moved + declared.start)
        elif isinstance(declared, Parameter):
            given[array.name] = generator.normal(size=array.shape) / np.sqrt(array.shape[0])
        elif isinstance(declared, State):
            given[array.name] = np.empty(array.shape)
            declared.fill(given[array.name])
    return given


class Trial:
    """A layer or an activation with its rows, its arrays, and g, a derivative by its outputs.

    Parameters
    ----------
    shape : tuple of int
        Of the rows, (N, D).
    inner : sequence of Activation or Layer
        The layers inside a layer that holds layers.
    """

    def __init__(
        self,
        part: Activation | Layer,
        shape: tuple[int, int],
        *,
        inner: Sequence[Activation | Layer] = (),
        seed: int = 0,
    ) -> None:
        part = part.still  # the kit compares with the function, which knows no schedule
        self.part, self.shape, self.inner = part, shape, tuple(inner)
        self.whole = part
        if isinstance(part, Layer) and part.holds and not part.inner:
            self.whole = part.around(inner)
        (self.placed,) = place(shape[1], [self.whole])
        if isinstance(part, Layer) and part.arrange is not None:  # it is filled for its place
            self.part = self.whole = self.placed.part
        generator = random(seed)
        self.x = generator.normal(size=shape) * 1.5 + 0.2
        self.g = generator.normal(size=(shape[0], self.placed.outputs)) + 0.1
        self.given = arrays_of(self.placed, shape[0], generator)
        for _ in range(3 if self.names(State) else 0):
            rows = generator.normal(size=(6, shape[1])) + 0.2
            drawn = arrays_of(self.placed, 6, generator)
            noise = {name: drawn[name] for name in self.names(Noise)}
            self.given |= call_plain(self.placed, rows, {**self.given, **noise}, training=True)[1]

    def __str__(self) -> str:
        text = f"a {self.shape[0]} x {self.shape[1]} input"
        if isinstance(self.whole, Layer) and self.whole.holds:
            around = " ".join(held.text for held in self.whole.inner)
            text += f", around {around or 'no layers'}"
        return text

    def names(self, kind: type[Parameter | State | Noise]) -> list[str]:
        """List its arrays of a kind."""
        return [array.name for array in self.placed.arrays if isinstance(array.declared, kind)]

    def plain(
        self, x: AnyArray | None = None, *, training: bool, given: Arrays | None = None
    ) -> Found:
        """Call the function as its author wrote it."""
        rows = self.x if x is None else x
        return Found(*call_plain(self.placed, rows, given or self.given, training=training))

    @cached_property
    def _traces(self) -> dict[bool, Any]:
        return {mode: trace_placed(self.placed, training=mode) for mode in (True, False)}

    def traced(
        self, x: AnyArray | None = None, *, training: bool, given: Arrays | None = None
    ) -> Found:
        """Evaluate the formula, and in training its derivatives."""
        traced = self._traces[training]
        formula, given = traced.value, given or self.given
        named = {
            symbol.name: given[array.name]
            for symbol, array in zip(formula.inputs[1:], self.placed.arrays, strict=True)
        }
        named |= {"x": self.x if x is None else x, formula.g.name: self.g.astype(self.x.dtype)}
        wanted = [formula.y, *(state.y for state in traced.states.values())]
        pulled = formula.pulled if training else []
        value, *rest = evaluate([*wanted, *pulled], named)
        states = dict(zip(traced.states, rest, strict=False))
        names = ["x", *(array.name for array in self.placed.arrays)]
        slopes = dict(zip(names, rest[len(states) :], strict=False))
        kept = {"x", *self.names(Parameter)}
        return Found(
            np.broadcast_to(value, (len(named["x"]), self.placed.outputs)),
            {name: np.broadcast_to(state, given[name].shape) for name, state in states.items()},
            {
                name: np.broadcast_to(slope, np.shape(named["x"] if name == "x" else given[name]))
                for name, slope in slopes.items()
                if name in kept
            },
        )

    def cast(self, dtype: Any) -> None:
        """Round all numbers to a dtype."""
        self.x, self.g = self.x.astype(dtype), self.g.astype(dtype)
        self.given = {name: array.astype(dtype) for name, array in self.given.items()}


class EngineTrial:
    """A trial's layer in a network, as an engine runs it."""

    def __init__(self, trial: Trial, dtype: Any, engine: Engine) -> None:
        self.trial = trial
        (rows, width), outputs = trial.shape, trial.placed.outputs
        self.network = Network.of(
            rows, [dense.with_options(units=width), trial.whole], outputs,
            output_activation=unchanged, dtype=dtype,
        )  # fmt: skip
        self.inputs = np.eye(rows, dtype=dtype)
        # The trial's arrays and the network's have different names, but the same order.
        self.own = {
            mine.name: its.name
            for mine, its in zip(trial.placed.arrays, self.network.placed[1].arrays, strict=True)
        }
        self.evaluator = Evaluator(self.network, engine=engine)
        self.steps = Steps(
            self.network, weighted, reveal, self.inputs, np.zeros((rows, outputs), dtype), None,
            keep_outputs=True, engine=engine,
        )  # fmt: skip

    def _fill(self) -> None:
        trial = self.trial
        self.network.parameters[...] = 0
        self.network["hidden1.weight"][...] = trial.x
        self.network["output.weight"][...] = np.eye(trial.placed.outputs)
        for mine, its in self.own.items():
            if mine not in trial.names(Noise):
                self.network[its][...] = trial.given[mine]

    def evaluated(self) -> Found:
        """Run it outside training."""
        self._fill()
        return Found(self.evaluator.run(self.inputs)[0].copy())

    def trained(self) -> Found:
        """Run it in a training step; the trial gets the noise that was drawn."""
        self._fill()
        steps, network = self.steps, self.network
        steps.targets[...] = self.trial.g
        value = np.empty(self.trial.g.shape, network.dtype)
        new = steps.vectors[1 - steps.turn]
        steps.run(None, value)
        for mine, its in self.own.items():
            if its in steps.noise:
                self.trial.given[mine] = steps.noise[its].astype(self.trial.x.dtype)
        by = {name: network.span(self.own[name]).view(new).copy()
              for name in (*self.trial.names(State), *self.trial.names(Parameter))}  # fmt: skip
        states = {name: by.pop(name) for name in self.trial.names(State)}
        return Found(value, states, {"x": network.span("hidden1.weight").view(new).copy(), **by})
