"""Matrix products in the source of a compiled function: as loops, or as calls of BLAS.

Letters: (N, D), (D, H) and (N, H) are a product's operands and its result.
"""

from __future__ import annotations

import math

from nnplug.engines.numba.blas import AS_IT_IS, ROW_MAJOR, TRANSPOSED, Blas
from nnplug.engines.numba.elements import name_of
from nnplug.engines.numba.source import Writer
from nnplug.engines.numpy import TURNED
from nnplug.engines.threads import PRODUCTS
from nnplug.plans.program import Instruction, Value

__all__ = ["Products"]


class Products:
    """Writes the matrix products of a function.

    Parameters
    ----------
    writer : Writer
        Writes the function.
    blas : Blas or None
        The library that products call, unless they are loops.
    small : bool
        Whether the program is small, so that small products are loops.
    """

    def __init__(self, writer: Writer, blas: Blas | None, small: bool) -> None:
        self.writer, self.blas, self.small = writer, blas, small

    @staticmethod
    def can(instruction: Instruction, blas: Blas | None, small: bool) -> bool:
        """Whether a function can compute an instruction, as fast as NumPy's call."""
        if instruction.operation.name == "squares":
            return blas is not None
        return instruction.operation.name in PRODUCTS and (blas is not None or small)

    def write(self, instruction: Instruction) -> None:
        """Write an instruction."""
        if instruction.operation.name == "squares":
            self._squares(instruction)
        elif self.small:
            self._loops(instruction)
        else:
            self._call(instruction)

    def _size(self, value: Value, axis: int) -> str:
        """Write a length of an array; for BLAS from the table, so that batches share a source."""
        table, length = self.writer.table, value.shape[axis]
        return table.size(length) if self.small else table.size(length, written_out=0)

    def _loops(self, instruction: Instruction) -> None:
        """Write three loops."""
        a, b = instruction.inputs
        out, name = instruction.output, instruction.operation.name
        rows, columns = self._size(out, 0), self._size(out, 1)
        x, y, z = map(self.writer.view, (a, b, out))
        lines = self.writer.lines
        lines += [f"for i in range({rows} * {columns}):", f"    {z}[i] = 0"]
        if name == "dot_right":  # (N, H)·(D, H)ᵀ
            inner = self._size(a, 1)
            lines += [
                f"for i in range({rows}):",
                f"    for j in range({columns}):",
                f"        s = {z}[i * {columns} + j]",
                f"        for k in range({inner}):",
                f"            s += {x}[i * {inner} + k] * {y}[j * {inner} + k]",
                f"        {z}[i * {columns} + j] = s",
            ]
            return
        left = name == "dot_left"  # (N, D)ᵀ·(N, H)
        inner = self._size(a, 0 if left else 1)
        place = f"k * {rows} + i" if left else f"i * {inner} + k"
        outer, middle = (("k", inner), ("i", rows)) if left else (("i", rows), ("k", inner))
        lines += [
            f"for {outer[0]} in range({outer[1]}):",
            f"    for {middle[0]} in range({middle[1]}):",
            f"        x = {x}[{place}]",
            f"        for j in range({columns}):",
            f"            {z}[i * {columns} + j] += x * {y}[k * {columns} + j]",
        ]

    def _call(self, instruction: Instruction) -> None:
        """Write a call of BLAS."""
        a, b = instruction.inputs
        out, name = instruction.output, instruction.operation.name
        if name == "dot":
            self._gemm(a, AS_IT_IS, b, AS_IT_IS, out)
        elif name == "dot_left":
            self._gemm(a, TRANSPOSED, b, AS_IT_IS, out)
        elif a.shape[0] not in TURNED:
            self._gemm(a, AS_IT_IS, b, TRANSPOSED, out)
        else:
            # BLAS computes the transposed result faster; see TURNED.
            place = self.writer.table.room(out.nbytes)
            turned, z = self.writer.array(place, out.dtype), self.writer.view(out)
            self._gemm(b, AS_IT_IS, a, TRANSPOSED, out, place)
            sizes = f"{self._size(out, 0)}, {self._size(out, 1)}"
            self.writer.lines.append(f"transpose({z}, {turned}, {sizes})")

    def _gemm(
        self, a: Value, take_a: int, b: Value, take_b: int, out: Value, turned: str = ""
    ) -> None:
        """Write the product of two matrices, or of a matrix and a column."""
        x, y = self.writer.locate(a)[0], self.writer.locate(b)[0]
        z = turned or self.writer.locate(out)[0]
        if b.shape[1] == 1 and take_b == AS_IT_IS:
            self._write(
                "gemv", out, f"{ROW_MAJOR}, {take_a}, {self._size(a, 0)}, {self._size(a, 1)}, "
                f"{x}, {self._size(a, 1)}, {y}, {z}",
            )  # fmt: skip
            return
        rows, inner = self._size(a, take_a == TRANSPOSED), self._size(a, take_a == AS_IT_IS)
        columns = self._size(b, take_b == AS_IT_IS)
        self._write(
            "gemm", out, f"{ROW_MAJOR}, {take_a}, {take_b}, {rows}, {columns}, {inner}, "
            f"{x}, {self._size(a, 1)}, {y}, {self._size(b, 1)}, {z}, {columns}",
        )  # fmt: skip

    def _squares(self, instruction: Instruction) -> None:
        (value,) = instruction.inputs
        size = self.writer.table.size(math.prod(value.shape))
        place = self.writer.locate(value)[0]
        self.writer.lines.append(
            f"{self.writer.view(instruction.output)}[0] = {self._name('dot', value)}"
            f"({self._address('dot', value)}, {size}, {place}, {place})"
        )

    def _write(self, name: str, value: Value, arguments: str) -> None:
        self.writer.lines.append(
            f"{self._name(name, value)}({self._address(name, value)}, {arguments})"
        )

    def _name(self, name: str, value: Value) -> str:
        """Name the intrinsic that calls a function of BLAS: by dtype and width of integers."""
        assert self.blas is not None
        return f"{name}{self.blas.bits}_{name_of(value.dtype)}"

    def _address(self, name: str, value: Value) -> str:
        """Write the address of a function of BLAS."""
        assert self.blas is not None
        return self.writer.table.function(self.blas.addresses[f"{name} {name_of(value.dtype)}"])
