"""A plan as a person reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nnplug.network import Network
from nnplug.plans.program import Instruction, Program, Section, Value

__all__ = ["describe"]

_SIGNS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "greater": ">",
    "greater_equal": ">=", "less": "<", "less_equal": "<=", "equal": "==", "not_equal": "!=",
    "dot": "@",
}  # fmt: skip


def describe(
    program: Program,
    network: Network,
    *,
    slots: int = 0,
    left: Sequence[Instruction] | None = None,
) -> str:
    """Write out the program of a step: each operation, its operands by name, the shapes.

    Parameters
    ----------
    slots : int
        How many state vectors the optimizer has, for the line on memory.
    left : sequence of Instruction, optional
        What an engine that compiles leaves to NumPy: it is marked, and counted.

    Returns
    -------
    str
        A heading for each section, then a line for each operation.
    """
    lines: list[str] = []
    marked = set(left or ())
    for section in program.sections:
        tiles = _tiles(section)
        lines += ["", section.title + (f" (in {tiles} tiles)" if tiles > 1 else "")]
        rows = [
            (
                i.output.name,
                _shape(i.output),
                _expression(i.operation.name, i.inputs) + (" [NumPy]" if i in marked else ""),
            )
            for i in section.instructions
        ]
        width = max(len(name) for name, _, _ in rows)
        broad = max(len(shape) for _, shape, _ in rows)
        lines += [f"  {name:<{width}}  {shape:<{broad}}  = {text}" for name, shape, text in rows]
    sizes = program.allocation.sizes
    vectors = (2 + slots) * network.parameters.nbytes
    lines += [
        "",
        f"{sum(len(section.instructions) for section in program.sections)} operations; "
        f"{network.size:,} parameters, {network.dtype.name}; memory: {vectors:,} bytes in "
        f"{2 + slots} vectors (parameters, gradients, {slots} of state), "
        f"{sum(map(sum, sizes.values())):,} bytes of working arrays.",
        "param' is written over the gradients; when the checks are finite, the two vectors "
        "change places.",
    ]
    if left is not None:
        counts = Counter(instruction.operation.name for instruction in left)
        listed = ", ".join(f"{name} ({number})" for name, number in counts.items())
        lines.append(
            f"Numba compiles the operations of a section into loops; left to NumPy: {listed}."
        )
    return "\n".join(lines[1:])


def _tiles(section: Section) -> int:
    return 1 if section.rows is None else -(-section.rows // section.tile_rows)


def _shape(value: Value) -> str:
    return "×".join(map(str, value.shape)) if value.shape else "1"


def _expression(name: str, inputs: tuple[Value, ...]) -> str:
    names = [value.name for value in inputs]
    if name in _SIGNS and len(names) == 2:
        return f"{names[0]} {_SIGNS[name]} {names[1]}"
    if name == "dot_left":
        return f"{names[0]}.T @ {names[1]}"
    if name == "dot_right":
        return f"{names[0]} @ {names[1]}.T"
    if name in ("copy", "cast"):
        return names[0]
    return f"{name}({', '.join(names)})"
