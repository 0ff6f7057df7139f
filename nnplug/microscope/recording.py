"""Runs the plan of a step instruction by instruction, and keeps what each one computes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnplug.engines import Binder, Memory
from nnplug.formulas.graph import INPUT, Graph, Kind, Operation, Symbol
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.shapes import Shape
from nnplug.plans.program import Instruction, Program, Section, Value
from nnplug.types import AnyArray

__all__ = ["Recorded", "Recording", "record"]


@dataclass(eq=False)
class Recorded:
    """A named value, and how it was computed.

    Attributes
    ----------
    value : Value
        Its name and its place.
    section : Section
    formula : Symbol
        How it is computed from other named values.
    symbol : Symbol
        Stands for it in the formulas of others.
    """

    value: Value
    section: Section
    formula: Symbol
    symbol: Symbol


@dataclass(eq=False)
class Recording:
    """The numbers of a step.

    Attributes
    ----------
    steps : list of Recorded
        In the order in which they were computed.
    numbers : dict of int to array
        What each node of the formulas is, by its identity.
    leaves : dict of int to Value
        The values that symbols stand for, by the symbols' identity.
    """

    steps: list[Recorded] = field(default_factory=list)
    numbers: dict[int, AnyArray] = field(default_factory=dict)
    leaves: dict[int, Value] = field(default_factory=dict)
    nodes: list[Symbol] = field(default_factory=list)
    """All nodes, so that no other gets the identity of one that is not used any more."""
    computed: set[int] = field(default_factory=set)
    """The symbols of values that the step computed."""
    made: set[int] = field(default_factory=set)
    """Those that the update computed."""

    def numbers_of(self, symbol: Symbol) -> AnyArray:
        """Return the numbers of a node; what the plan has no array for is computed."""
        if id(symbol) not in self.numbers:
            if symbol.is_constant:
                made = np.asarray(symbol.value)
            else:
                inputs = [self.numbers_of(child) for child in symbol.inputs]
                with np.errstate(all="ignore"):
                    made = symbol.operation.evaluate(*inputs, **dict(symbol.options))
            self.nodes.append(symbol)
            self.numbers[id(symbol)] = np.asarray(made)
        return self.numbers[id(symbol)]


def record(program: Program, arrays: Mapping[str, AnyArray]) -> Recording:
    """Run a program in NumPy, and keep the numbers of every instruction.

    Parameters
    ----------
    program : Program
    arrays : mapping
        See `nnplug.engines.numpy.bind`; the vectors are overwritten.
    """
    return _Recorder(program, arrays).run()


class _Recorder:
    def __init__(self, program: Program, arrays: Mapping[str, AnyArray]) -> None:
        self.program, self.binder = program, Binder(program, arrays, Memory())
        self.graph: Graph = new_graph()
        self.found = Recording()
        self._symbols: dict[Value, Symbol] = {}
        self._names: Counter[str] = Counter()

    def run(self) -> Recording:
        with np.errstate(all="ignore"):
            for section in self.program.sections:
                self._run(section)
        for step in self.found.steps:
            numbers = self.found.numbers[id(step.symbol)]
            self.found.numbers.setdefault(id(step.formula), numbers)
        return self.found

    def _run(self, section: Section) -> None:
        pieces: dict[Instruction, list[AnyArray]] = {}
        written: dict[Instruction, Symbol] = {}
        for tile in self.binder.tiles(section):
            for instruction in section.instructions:
                if instruction.output.vector == "checks":  # of the training loop
                    continue
                if instruction not in written:  # before it runs: it may overwrite what it reads
                    inputs = [self._read(value) for value in instruction.inputs]
                for call in self.binder.instruction(instruction, tile):
                    call()
                output = instruction.output
                pieces.setdefault(instruction, []).append(self.binder.array(output, tile).copy())
                if instruction not in written:
                    written[instruction] = self._write(section, instruction, inputs)
        for instruction, parts in pieces.items():
            whole = len(parts) > 1 and instruction.output.per_row
            numbers = np.concatenate(parts) if whole else parts[-1]
            self.found.numbers[id(written[instruction])] = numbers

    def _read(self, value: Value) -> Symbol:
        """Give the symbol of a value; if nothing has computed it, with its numbers of now."""
        if value in self._symbols:
            return self._symbols[value]
        if value.role == "constant":
            symbol = self.graph.number(_short(value.number), _kind(value.dtype))
            self.found.numbers[id(symbol)] = np.asarray(value.number)
        else:
            symbol = self._leaf(value)
            self.found.numbers[id(symbol)] = self.binder.array(value, None).copy()
        self._symbols[value] = symbol
        return symbol

    def _leaf(self, value: Value) -> Symbol:
        kind = _kind(value.dtype)
        symbol = Symbol(self.graph, INPUT, (), (), value.shape, kind, name=value.name)
        self.found.nodes.append(symbol)
        self.found.leaves[id(symbol)] = value
        return symbol

    def _write(
        self, section: Section, instruction: Instruction, inputs: Sequence[Symbol]
    ) -> Symbol:
        """Record an instruction; return the symbol whose numbers its output is."""
        output, operation = instruction.output, instruction.operation
        moves = operation.name in ("copy", "cast")
        if moves and output.role in ("buffer", "scalar"):  # the same numbers elsewhere
            self._symbols[output] = inputs[0]
            return inputs[0]
        source = self.found.leaves.get(id(inputs[0])) if moves else None
        if source is not None and section.phase == "update" and source.role == "buffer":
            step = next(step for step in self.found.steps if step.symbol is inputs[0])
            step.value = output  # it waited in working memory until its place was free
            self.found.leaves[id(step.symbol)] = output
            self._symbols[output] = step.symbol
            return step.symbol
        formula = inputs[0] if moves else self._apply(operation, inputs, instruction)
        if output.within:
            self._symbols[output] = formula
            return formula
        symbol = self._symbols[output] = self._leaf(output)
        self.found.computed.add(id(symbol))
        if section.phase == "update":
            self.found.made.add(id(symbol))
        self.found.steps.append(Recorded(output, section, formula, symbol))
        return symbol

    def _apply(
        self, operation: Operation, inputs: Sequence[Symbol], instruction: Instruction
    ) -> Symbol:
        """Write an operation of a plan as one of formulas."""
        name, known = operation.name, self.graph.operations
        options = instruction.options
        if name == "broadcast_like":  # a plan leaves out the array whose shape it takes
            inputs = [inputs[0], inputs[0]]
        if name in ("dot_left", "dot_right"):
            place = 0 if name == "dot_left" else 1
            turned = inputs[place]
            transposed = self._node(known["transpose"], [turned], turned.shape[::-1], {})
            inputs = [transposed, inputs[1]] if place == 0 else [inputs[0], transposed]
        if name.startswith("dot"):
            operation = known["matmul"]
        elif name in ("sum_rows", "total"):
            operation = known["sum"]
            options = {"axis": 0 if name == "sum_rows" else None, "keepdims": False}
        return self._node(operation, inputs, instruction.output.shape, options)

    def _node(
        self,
        operation: Operation,
        inputs: Sequence[Symbol],
        shape: Shape,
        options: Mapping[str, object],
    ) -> Symbol:
        settings = tuple(sorted(options.items()))
        kind: Kind = "bool" if operation.dtype == "bool" else "float"
        symbol = Symbol(self.graph, operation, tuple(inputs), settings, shape, kind)
        self.found.nodes.append(symbol)
        return symbol


def _kind(dtype: np.dtype[Any]) -> Kind:
    kinds: dict[str, Kind] = {"b": "bool", "i": "int", "u": "int"}
    return kinds.get(dtype.kind, "float")


def _short(number: float) -> float:
    """Write 1 - 0.9 as 0.1, but leave the digits of a number that has many."""
    less = float(f"{number:.12g}")
    return less if len(repr(less)) + 6 <= len(repr(number)) else number
