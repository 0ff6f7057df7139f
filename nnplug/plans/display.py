"""Plans for people to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from nnplug.network.network import Network
from nnplug.plans.program import Instruction, Program, Section

__all__ = ["describe", "plan_as_dict"]

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
    engine: str = "numpy",
) -> str:
    """Write the program of a step: each operation, with its shape and its operands by name.

    Parameters
    ----------
    slots : int
        The number of the optimizer's state vectors, for the line on memory.
    left : sequence of Instruction, optional
        The instructions that the engine leaves to NumPy; they are marked and counted.
    engine : str
        The engine that runs the others.

    Returns
    -------
    str
        A heading for each section, then a line for each operation.
    """
    lines: list[str] = []
    plan = plan_as_dict(program, network, slots=slots, left=left, engine=engine)
    for section in plan["sections"]:
        tiles = section["tiles"]
        lines += ["", section["title"] + (f" (in {tiles} tiles)" if tiles > 1 else "")]
        rows = [
            (
                row["output"],
                "×".join(map(str, row["shape"])) or "1",
                row["expression"] + " [NumPy]" * (left is not None and row["runs_in"] == "numpy"),
            )
            for row in section["operations"]
        ]
        width = max(len(name) for name, _, _ in rows)
        broad = max(len(shape) for _, shape, _ in rows)
        lines += [f"  {name:<{width}}  {shape:<{broad}}  = {text}" for name, shape, text in rows]
    memory = plan["memory"]
    lines += [
        "",
        f"{sum(len(section['operations']) for section in plan['sections'])} operations; "
        f"{network.size:,} parameters, {network.dtype.name}; memory: {memory['vectors']:,} bytes "
        f"in {2 + slots} vectors (parameters, gradients, {slots} of state), "
        f"{memory['working_arrays']:,} bytes of working arrays.",
        "param' is written over the gradients; when the checks are finite, the two vectors "
        "change places.",
    ]
    if left is not None:
        counts = Counter(instruction.operation.name for instruction in left)
        listed = ", ".join(f"{name} ({number})" for name, number in counts.items())
        lines.append(f"The {engine} engine leaves to NumPy: {listed or 'nothing'}.")
    return "\n".join(lines[1:])


def plan_as_dict(
    program: Program,
    network: Network,
    *,
    slots: int = 0,
    left: Sequence[Instruction] | None = None,
    engine: str = "numpy",
) -> dict[str, Any]:
    """Give the program of a step as plain values, for JSON; for the parameters, see `describe`."""
    marked = set(left or ())
    return {
        "sections": [
            {
                "title": section.title,
                "tiles": _tiles(section),
                "operations": [
                    {
                        "output": instruction.output.name,
                        "shape": list(instruction.output.shape),
                        "expression": _expression(
                            instruction.operation.name,
                            [value.name for value in instruction.inputs],
                        ),
                        "operation": instruction.operation.name,
                        "inputs": [value.name for value in instruction.inputs],
                        "runs_in": "numpy" if instruction in marked else engine,
                    }
                    for instruction in section.instructions
                ],
            }
            for section in program.sections
        ],
        "memory": {
            "vectors": (2 + slots) * network.parameters.nbytes,
            "working_arrays": sum(map(sum, program.allocation.sizes.values())),
        },
    }


def _tiles(section: Section) -> int:
    return 1 if section.rows is None else -(-section.rows // section.tile_rows)


def _expression(name: str, names: Sequence[str]) -> str:
    if name in _SIGNS and len(names) == 2:
        return f"{names[0]} {_SIGNS[name]} {names[1]}"
    if name == "dot_left":
        return f"{names[0]}.T @ {names[1]}"
    if name == "dot_right":
        return f"{names[0]} @ {names[1]}.T"
    if name in ("copy", "cast"):
        return names[0]
    return f"{name}({', '.join(names)})"
