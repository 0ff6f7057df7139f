"""Layers in their places: names, widths and arrays.

A layer that holds layers is traced in its place, since those may change the
width of its rows; all others are traced by themselves.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import numpy as np

from nnplug.errors import FormulaError, ImpureFormulaError, SettingError
from nnplug.formulas.graph import Symbol
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.shapes import Shape
from nnplug.formulas.tracing import Formula
from nnplug.parts.activation import Activation
from nnplug.parts.arranging import InputColumn, numbers
from nnplug.parts.declared import Declared, Noise, Parameter, State
from nnplug.parts.layer import Layer
from nnplug.types import AnyArray

__all__ = ["Array", "LayerRow", "Placed", "Traced", "layer_rows", "place", "trace_placed"]


@dataclass(frozen=True)
class Array:
    """An array that a layer's formula takes beside its input.

    Attributes
    ----------
    name : str
        `"hidden1.weight"`: the names of the layer and of the formula's argument.
    declared : Declared
        A parameter, a state or noise.
    shape : tuple of int
        For noise, without the rows.
    """

    name: str
    declared: Declared
    shape: tuple[int, ...]

    @property
    def by_row(self) -> bool:
        """Whether each row of the batch has its own."""
        return "N" in self.declared.shape


@dataclass(frozen=True)
class Placed:
    """A layer of a network: a part and its place.

    Attributes
    ----------
    name : str
        `"hidden1"`, `"layer_norm1"`, ..., `"output"`. A dense layer, with the
        activation and the dropout that follow it, is called hidden; the last
        one, which gives the network's outputs, is called output.
    part : Activation or Layer
    inputs, outputs : int
        The widths of its inputs and of its outputs.
    arrays : tuple of Array
        The arrays of its formula, in order: its own, then those of the layers
        that it holds.
    width : str or int
        The label of the outputs' width in its formula.
    sizes : dict of str to int
        The size of each label in its formula.
    output_name, gradient_name : str
        The names of its outputs, and of the loss's derivative by them.
    inner : tuple of Placed
        The layers that it holds.
    starts : mapping of str to array
        What some of its states start at, by their names in the formula.
    """

    name: str
    part: Activation | Layer
    inputs: int
    outputs: int
    arrays: tuple[Array, ...]
    width: str | int
    sizes: Mapping[str, int]
    output_name: str
    gradient_name: str
    inner: tuple[Placed, ...] = ()
    starts: Mapping[str, AnyArray] = field(default_factory=dict)

    def compute(self, x: Any, given: Mapping[str, Any]) -> Any:
        """Compute its outputs outside training, on arrays.

        Parameters
        ----------
        x : array
            (N, D).
        given : mapping of str to array
            The network's parameters and states, by name.
        """
        arrays = {
            array.name.rpartition(".")[2]: given[array.name]
            for array in self.own_arrays
            if not isinstance(array.declared, Noise)
        }
        if isinstance(self.part, Activation):
            return self.part(x, **arrays)
        arrays = self.part.grouped(arrays)
        options: dict[str, Any] = dict.fromkeys(set(self.part.declared) - set(arrays))
        if self.part.branches:
            options["training"] = False
        if self.part.holds:
            options["inner"] = lambda rows: _compute_all(self.inner, rows, given)
        result = self.part(x, **arrays, **options)
        return np.asarray(result[0] if isinstance(result, tuple) else result)

    @property
    def own_arrays(self) -> tuple[Array, ...]:
        """The arrays of its own, without those of the layers that it holds."""
        return self.arrays[: len(self.part.arrays)]


def _compute_all(inner: Sequence[Placed], x: Any, given: Mapping[str, Any]) -> Any:
    for placed in inner:
        x = placed.compute(x, given)
    return x


def place(
    inputs: int,
    parts: Sequence[Activation | Layer],
    *,
    head: int | None = None,
    prefix: str = "",
    columns: Sequence[InputColumn] | None = None,
) -> Iterator[Placed]:
    """Give each part its place.

    Parameters
    ----------
    inputs : int
        The width of the first one's inputs.
    head : int, optional
        The index of the first part of the output layer; None: a layer holds the
        parts, and none is called hidden.
    prefix : str
        Begins their names: the name of the layer that holds them.
    columns : sequence of InputColumn, optional
        What the inputs are; by default all are numbers. If it is empty, layers that look at
        that are left as they are, as a model file has them.
    """
    counts: Counter[str] = Counter()
    block, taken, names = "", set[str](), set[str]()
    width = inputs
    for number, part in enumerate(parts):
        starts: Mapping[str, AnyArray] = {}
        if isinstance(part, Layer) and part.arrange is not None and columns != ():
            known = numbers(width) if columns is None else columns
            part, starts, columns = part.arranged(known)  # noqa: PLW2901  # the same part, filled
        elif columns:
            columns = None  # of what a layer computes, nothing is known
        is_dense = part.kind == "layer" and part.name in ("dense", "monotone_dense")
        role = "dense" if is_dense else part.kind if isinstance(part, Activation) else part.name
        if head is not None and (number == head or is_dense):
            counts["hidden"] += number < head
            block = "output" if number >= head else f"hidden{counts['hidden']}"
            taken = set()
        # An activation's own array may be called bias too; its names then say whose it is.
        free = role not in taken and names.isdisjoint(f"{block}.{own}" for own in part.arrays)
        if block and free and role in ("dense", "activation", "dropout"):
            name = block
        else:
            counts[part.name] += 1
            name = f"{prefix}{part.name}{counts[part.name]}"
        taken.add(role)
        placed = replace(_placed(name, part, width, role), starts=starts)
        names.update(array.name for array in placed.arrays)
        yield placed
        width = placed.outputs


def _placed(name: str, part: Activation | Layer, width: int, role: str) -> Placed:
    whole = {key: value for key, value in part.options.items() if type(value) is int}
    sizes = {"D": width, "C": width, **whole}
    if least := [key for key, value in whole.items() if value < 1 and key in part.dimensions]:
        raise SettingError(
            f"{part.kind} {part.text!r}: {least[0]}={whole[least[0]]}: it must be at least 1."
        )
    arrays = tuple(
        Array(
            f"{name}.{own}",
            declared,
            tuple(
                dim if isinstance(dim, int) else sizes[dim] for dim in declared.shape if dim != "N"
            ),
        )
        for own, declared in part.arrays.items()
    )
    letter = {"dense": "z", "activation": "a", "dropout": "kept"}.get(role, "y")
    output_name = f"{name}.{letter}"
    gradient = f"{name}.delta" if letter == "z" else f"{output_name}.grad"
    inner: tuple[Placed, ...] = ()
    dim: str | int
    if isinstance(part, Layer) and part.holds:
        inner = tuple(place(width, part.inner, prefix=f"{name}."))
        arrays += tuple(array for layer in inner for array in layer.arrays)
        bare = Placed(name, part, width, 0, arrays, 0, sizes, output_name, gradient, inner)
        try:
            shape = trace_placed(bare, training=False).value.y.shape
        except ImpureFormulaError:
            raise
        except FormulaError as error:
            last = inner[-1].outputs if inner else width
            if last == width:
                raise
            raise FormulaError(
                f"{part.kind} {part.text!r}: it is given rows of {width} numbers, and the layers "
                f"in it make rows of {last} of them: its formula does not take both.\n"
                f"Way out: let them give {width}, as with dense:{width} at their end."
            ) from error
        dim = shape[-1]
        sizes = {**sizes, **{_label(size, width): size for size in _widths(inner)}}
    else:
        if isinstance(part, Activation) and part.declared:
            part.trace(*part.arguments(new_graph()), training=False)  # its errors come early
        dim = part.width
    outputs = dim if isinstance(dim, int) else sizes[dim]
    return Placed(name, part, width, outputs, arrays, dim, sizes, output_name, gradient, inner)


# --- for a person -----------------------------------------------------------------------


@dataclass(frozen=True)
class LayerRow:
    """A line of a list of layers: a layer, with what follows it under the same name.

    Attributes
    ----------
    depth : int
        The number of layers around it.
    name : str
    text : str
        Its parts, without those that they hold.
    inputs, outputs : int
        Widths.
    learned, kept : int
        How many numbers it learns, and how many it keeps as state.
    """

    depth: int
    name: str
    text: str
    inputs: int
    outputs: int
    learned: int
    kept: int


def layer_rows(placed: Sequence[Placed], depth: int = 0) -> Iterator[LayerRow]:
    """List layers, each line before those of the layers that it holds."""
    for name, group in groupby(placed, lambda layer: layer.name):
        several = list(group)
        count = Counter[type[Declared]]()
        for array in (array for layer in several for array in layer.own_arrays):
            count[type(array.declared)] += math.prod(array.shape)
        yield LayerRow(
            depth,
            name,
            " ".join(layer.part.text.partition("[")[0] for layer in several),
            several[0].inputs,
            several[-1].outputs,
            count[Parameter],
            count[State],
        )
        for layer in several:
            yield from layer_rows(layer.inner, depth + 1)


# --- tracing ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Traced:
    """The formulas of a layer in its place.

    Attributes
    ----------
    value : Formula
        The formula of the outputs; its inputs are x and the layer's arrays.
    states : dict of str to Formula
        The formula of each new state, by the array's name; empty outside training.
    """

    value: Formula
    states: dict[str, Formula]


def trace_placed(placed: Placed, *, training: bool) -> Traced:
    """Trace the formulas of a layer, and of the layers that it holds.

    Raises
    ------
    FormulaError
        If one cannot be traced.
    """
    part, graph = placed.part, new_graph()
    x, own = part.arguments(graph)
    inner = None
    if isinstance(part, Layer) and part.holds:
        inner = _Inner(placed, graph.input, training=training)
    y, new = part.trace(x, own, training=training, inner=inner)
    inputs = [x, *own.values(), *([] if inner is None else inner.symbols)]
    slope = None
    if isinstance(part, Activation) and part.own_derivative is not None:
        slope = part.slope(x, y, own)
    title = f"{part.kind} {part.name}"
    states: dict[str, Formula] = {}
    if training:
        made = {f"{placed.name}.{name}": symbol for name, symbol in new.items()}
        made |= {} if inner is None else inner.states
        states = {
            name: Formula(f"{title}, {name}", inputs, symbol) for name, symbol in made.items()
        }
    return Traced(Formula(title, inputs, y, slope), states)


class _Inner:
    """The argument `inner` of a layer around layers: it applies the layers that it holds.

    Attributes
    ----------
    symbols : list of Symbol
        Their arrays, in order.
    states : dict of str to Symbol
        Their new states; the old ones until they are applied.
    """

    def __init__(self, placed: Placed, make: Any, *, training: bool) -> None:
        self.placed, self.training = placed, training
        self.symbols: list[Symbol] = []
        self.states: dict[str, Symbol] = {}
        self._traced = [trace_placed(layer, training=training) for layer in placed.inner]
        self._given: list[list[Symbol]] = []
        for layer, traced in zip(placed.inner, self._traced, strict=True):
            labels = {name: _label(size, placed.inputs) for name, size in layer.sizes.items()}
            given = []
            for array, symbol in zip(layer.arrays, traced.value.inputs[1:], strict=True):
                shape: Shape = tuple(labels.get(str(dim), dim) for dim in symbol.shape)
                given.append(make(array.name, shape))
                if isinstance(array.declared, State):
                    self.states[array.name] = given[-1]
            self._given.append(given)
            self.symbols += given

    def __call__(self, x: Symbol) -> Symbol:
        for traced, given in zip(self._traced, self._given, strict=True):
            before = x
            if not traced.value.is_identity:
                x = x.graph.apply(traced.value.operation, before, *given)
            for name, state in traced.states.items():
                self.states[name] = x.graph.apply(state.operation, before, *given)
        return x

    def __repr__(self) -> str:
        # A trace is known by the formula's arguments, and its arrays have the layer's name.
        texts = " ".join(layer.part.text for layer in self.placed.inner)
        place = f"{self.placed.name} of {self.placed.inputs}"
        return f"<{texts} in {place}, training={self.training}>"


def _widths(inner: Sequence[Placed]) -> set[int]:
    return {size for layer in inner for size in layer.sizes.values()}


def _label(size: int, width: int) -> str:
    """Name a dimension within a layer around layers, where equal sizes are one dimension."""
    return "D" if size == width else f"of {size}"
