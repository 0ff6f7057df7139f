"""From a step's graph to sections: what is computed when, and whether row by row.

The graph says what depends on what. A section has either nodes that an engine
may compute row by row, tile by tile, in one pass, or nodes that need all rows:
products, sums over the batch. The nodes of a layer are written in turns: those
of one kind whose inputs are computed, then those of the other kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nnplug.formulas.graph import Symbol
from nnplug.plans.emission import (
    COPY,
    Emitter,
    concrete,
    reading_order,
)
from nnplug.plans.program import Instruction, Phase, Section, Value
from nnplug.plans.step_graph import Arguments, Group

__all__ = ["Schedule"]

_OVER_ROWS = {"dot", "dot_left", "dot_right", "matmul", "transpose", "sum_rows"}
"""Operations that do not compute each row of their result from that row of their inputs."""


class Schedule:
    """Writes the sections of a step's graph for one batch size.

    Parameters
    ----------
    emitter : Emitter
    graph : Arguments
        The graph with its arguments.
    batch : mapping of str to Value
        `"input"`, `"target"` and `"weight"`, if the graph has them.
    """

    def __init__(self, emitter: Emitter, graph: Arguments, batch: Mapping[str, Value]) -> None:
        self.emitter = emitter
        self.sizes = {**graph.labels, "N": emitter.rows}
        self.values: dict[int, Value] = {
            id(symbol): batch[name] for name, symbol in graph.given.items()
        }
        for name, symbol in graph.arrays.items():
            self.values[id(symbol)] = emitter.parameter(name)
        for name, symbol in graph.noise.items():
            noise = emitter.value(
                name, concrete(symbol.shape, self.sizes), role="noise", vector=name
            )
            noise.per_row = symbol.shape[:1] == ("N",)
            self.values[id(symbol)] = noise
        self._owners: list[str] = []
        self._into = ""

    def value(self, symbol: Symbol) -> Value:
        """Give the value of a node, as an operand."""
        return self.emitter.operand(symbol, self.values)

    def write_forward(self, groups: Sequence[Group]) -> None:
        """Write the layers' outputs."""
        for group in groups:
            if self.emitter.at_point:  # new states come from the parameters themselves
                states = {id(symbol) for symbol in group.gradients.values()}
                roots = [symbol for symbol in group.roots if id(symbol) not in states]
                group = replace(group, roots=roots, gradients={})  # noqa: PLW2901  # the same group without states
            self._write(group, "forward")

    def write_loss(self, group: Group, text: str, *, derivative_alone: bool = False) -> None:
        """Write the loss of each output, and its derivative if the graph has one."""
        if derivative_alone:
            group = replace(group, roots=group.roots[1:])
        self._write(group, "loss", text)

    def write_backward(self, groups: Sequence[Group], *, into: str = "") -> None:
        """Write a result for every parameter, such as its derivative, into a vector.

        Parameters
        ----------
        into : str
            The vector's name; by default that of the gradients.
        """
        self._into = into
        for group in groups:
            self._write(group, "backward")
        self._into = ""

    def _place(self, name: str) -> Value:
        if self._into:
            return self.emitter.stretch(name, self._into)
        return self.emitter.parameter(name, gradient=True)

    def _write(self, group: Group, phase: Phase, owner: str = "") -> None:
        places: dict[int, Value] = {}
        for name, symbol in group.gradients.items():
            place = self._place(name)
            own = concrete(symbol.shape, self.sizes) == place.shape
            if own and symbol.inputs and id(symbol) not in self.values:
                places.setdefault(id(symbol), place)
        # At the point, where states are left out, the derivative has more left to compute.
        waiting = [] if self.emitter.at_point else group.order
        if not waiting:
            waiting = reading_order(group.roots, self.values)
            if not self.emitter.at_point:
                group.order = waiting
        nowhere = Section("", phase)
        by_row = False  # sections for all rows come first: a pass row by row may need them
        while waiting:
            section: Section | None = None
            later: dict[int, Symbol] = {}
            for symbol in waiting:
                if not later.keys().isdisjoint(map(id, symbol.inputs)):
                    later[id(symbol)] = symbol
                elif not symbol.shape and self._is_number(symbol):
                    self._write_node(nowhere, symbol, group, places)
                elif _is_by_row(symbol) == by_row:
                    if section is None:
                        section = self._section(phase, owner or group.owner, by_row=by_row)
                    self._write_node(section, symbol, group, places)
                else:
                    later[id(symbol)] = symbol
            waiting, by_row = list(later.values()), not by_row
        self._write_gradients(group, phase)

    def _is_number(self, symbol: Symbol) -> bool:
        """Whether a node is a number that is known while the plan is made."""
        return all(
            child.is_constant or self.values[id(child)].role == "constant"
            for child in symbol.inputs
        )

    def _write_node(
        self, section: Section, symbol: Symbol, group: Group, places: Mapping[int, Value]
    ) -> None:
        output = places.get(id(symbol))
        if output is None and id(symbol) in group.names and symbol.shape[:1] == ("N",):
            shape = concrete(symbol.shape, self.sizes)
            output = self.emitter.value(group.names[id(symbol)], shape)
        self.emitter.write(
            section, symbol, self.values, prefix=group.owner, sizes=self.sizes, output=output
        )

    def _write_gradients(self, group: Group, phase: Phase) -> None:
        """Copy the derivatives that are not in their place: numbers, and nodes that two share."""
        for name, symbol in group.gradients.items():
            place = self._place(name)
            source = self.value(symbol)
            if (source.role, source.vector, source.start) != (
                place.role,
                place.vector,
                place.start,
            ):
                section = self._section(phase, group.owner, by_row=False)
                section.instructions.append(Instruction(COPY, (source,), place))

    def _section(self, phase: Phase, owner: str, *, by_row: bool) -> Section:
        """Go on with the last section if it is of this kind; otherwise begin a new one."""
        sections = self.emitter.sections
        last = sections[-1] if sections else None
        if last is not None and last.phase == phase and (last.rows is not None) == by_row:
            section = last
            if owner not in self._owners:
                self._owners.append(owner)
        else:
            section = self.emitter.section(phase, "", tiled=by_row)
            self._owners = [owner]
        section.title = _title(phase, self._owners, by_row=by_row)
        return section


def _title(phase: Phase, owners: Sequence[str], *, by_row: bool) -> str:
    if phase == "loss":
        return f"loss: {owners[0]}" if by_row else "loss: weights"
    return f"{phase}: {', '.join(owners)}{', row by row' if by_row else ''}"


def _is_by_row(symbol: Symbol) -> bool:
    """Whether each row of a node is computed from that row of its inputs, and from numbers."""
    shape = symbol.shape
    if not shape or shape[0] != "N" or symbol.operation.name in _OVER_ROWS:
        return False
    return not symbol.operation.elementwise or all(
        len(child.shape) == len(shape) or child.shape[:1] != ("N",) for child in symbol.inputs
    )
