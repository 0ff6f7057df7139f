"""Functions that the sources of loops call, and Python lacks: arrays at an address, BLAS, threads.

Numba calls such functions intrinsics. Numba translates Python to the language of
LLVM, from which LLVM makes machine code; an intrinsic writes a piece of LLVM's
language itself. This module imports Numba, which takes long: it is imported when
something is compiled, and not before.
"""

from __future__ import annotations

import math
from typing import Any

import llvmlite.ir as llvm
import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from nnplug.engines.numba import mathematics

__all__ = ["names"]

NUMBERS = ("float32", "float64", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64")
"""The dtypes of arrays, beside bytes, which stand for truth values too."""


def names() -> dict[str, Any]:
    """Make the names that the sources use: arrays at an address, bits, dtypes, functions."""
    whole = {types.float32: types.int32, types.float64: types.int64}
    real = {integer: number for number, integer in whole.items()}

    def as_bits(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    @intrinsic  # type: ignore[untyped-decorator]  # Numba is untyped
    def bits_of(context: Any, number: Any) -> Any:
        return whole[number](number), as_bits

    @intrinsic  # type: ignore[untyped-decorator]  # Numba is untyped
    def number_of(context: Any, bits: Any) -> Any:
        return real[bits](bits), as_bits

    def pointer(kind: Any) -> Any:
        def as_pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        @intrinsic  # type: ignore[untyped-decorator]  # Numba is untyped
        def at(context: Any, address: Any) -> Any:
            return types.CPointer(kind)(types.int64), as_pointer

        return at

    def as_call(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _call_record(builder, builder.inttoptr(arguments[0], llvm.PointerType(llvm.IntType(64))))
        return context.get_dummy_value()

    @intrinsic  # type: ignore[untyped-decorator]  # Numba is untyped
    def call_record(_context: Any, _record: Any) -> Any:
        return types.void(types.int64), as_call

    found: dict[str, Any] = {
        "np": np,
        "call_record": call_record,
        "share_records": _sharing(),
        "math": math,
        "bits_of": bits_of,
        **{name: getattr(np, name) for name in (*NUMBERS, "uint8")},
        **{f"{name}_at": pointer(getattr(types, name)) for name in (*NUMBERS, "uint8")},
    }
    compiled = numba.njit(error_model="numpy")

    def transpose(out: Any, turned: Any, rows: int, columns: int) -> None:
        """Transpose an array of (columns, rows)."""
        for i in range(rows):
            for j in range(columns):
                out[i * columns + j] = turned[j * rows + i]

    found["transpose"] = compiled(transpose)
    for dtype in ("float32", "float64"):
        made = mathematics.functions(dtype, mathematics.Bits(bits_of, number_of), compiled)
        found.update({f"{name}_{dtype}": function for name, function in made.items()})
        for bits in (32, 64):
            calls = _blas_calls(getattr(types, dtype), bits)
            found.update({f"{name}{bits}_{dtype}": call for name, call in calls.items()})
    return found


def _sharing() -> Any:
    """Make the function by which the threads of OpenMP call records that lie in a row.

    Its arguments are the addresses of `GOMP_parallel`, `omp_get_thread_num` and
    `omp_get_num_threads`, the address of the records, their number, and the bytes
    of one. Of n threads, each calls every n-th record.
    """
    whole, short = llvm.IntType(64), llvm.IntType(32)
    block = llvm.PointerType(whole)
    job_kind = llvm.FunctionType(llvm.VoidType(), [block])
    given = llvm.ArrayType(whole, 5)  # number, count, the records, how many, bytes

    def function_at(builder: Any, address: Any, kind: Any) -> Any:
        return builder.inttoptr(address, llvm.PointerType(kind))

    def job(module: Any) -> Any:
        """Write the function that each thread runs, once for a module."""
        name = "nnplug_share"
        if name in module.globals:
            return module.globals[name]
        function = llvm.Function(module, job_kind, name)
        function.linkage = "internal"
        builder = llvm.IRBuilder(function.append_basic_block())
        (block,) = function.args
        number, count, records, total, size = (
            builder.load(builder.gep(block, [whole(n)])) for n in range(5)
        )
        asks = llvm.FunctionType(short, [])
        first, step = (
            builder.zext(builder.call(function_at(builder, asked, asks), []), whole)
            for asked in (number, count)
        )
        here = builder.block
        loop, end = function.append_basic_block(), function.append_basic_block()
        builder.cbranch(builder.icmp_unsigned("<", first, total), loop, end)
        builder.position_at_end(loop)
        at = builder.phi(whole)
        record = builder.inttoptr(
            builder.add(records, builder.mul(at, size)), llvm.PointerType(whole)
        )
        _call_record(builder, record)
        following = builder.add(at, step)
        at.add_incoming(first, here)
        at.add_incoming(following, builder.block)
        builder.cbranch(builder.icmp_unsigned("<", following, total), loop, end)
        builder.position_at_end(end)
        builder.ret_void()
        return function

    def as_sharing(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        parallel, *rest = arguments
        *_, records, total, _ = rest
        with builder.goto_entry_block():  # one place on the stack for all turns of the loop
            place = builder.alloca(given)
        with builder.if_else(builder.icmp_unsigned("==", total, whole(1))) as (alone, together):
            with alone:
                _call_record(builder, builder.inttoptr(records, block))
            with together:
                for position, value in enumerate(rest):
                    builder.store(value, builder.gep(place, [short(0), short(position)]))
                kind = llvm.FunctionType(
                    llvm.VoidType(), [llvm.PointerType(job_kind), block, short, short]
                )
                as_it_likes = short(0)  # the runtime chooses the number of threads; no flags
                builder.call(
                    function_at(builder, parallel, kind),
                    [job(builder.module), builder.bitcast(place, block), as_it_likes, short(0)],
                )
        return context.get_dummy_value()

    @intrinsic  # type: ignore[untyped-decorator]  # Numba is untyped
    def share_records(
        _context: Any, _parallel: Any, _number: Any, _count: Any, _records: Any, _total: Any,
        _size: Any,
    ) -> Any:  # fmt: skip
        return types.void(*[types.int64] * 6), as_sharing

    return share_records


def _call_record(builder: Any, record: Any) -> None:
    """Write the call of a record: a function's address, then those of its three arguments."""
    whole = llvm.IntType(64)
    kind = llvm.FunctionType(llvm.IntType(32), [whole] * 3)
    address, *given = (builder.load(builder.gep(record, [whole(n)])) for n in range(4))
    builder.call(builder.inttoptr(address, llvm.PointerType(kind)), given)


def _blas_calls(real: Any, bits: int) -> dict[str, Any]:
    """Make functions that call BLAS, at the address that is their first argument.

    Parameters
    ----------
    real : numba type
        The type of the elements.
    bits : int
        The width of the library's integers.
    """
    number = llvm.FloatType() if real.bitwidth == 32 else llvm.DoubleType()
    integer, choice = llvm.IntType(bits), llvm.IntType(32)
    place = llvm.PointerType(llvm.IntType(8))

    def calling(letters: str, result: Any, given: int) -> Any:
        """Write a call, whose arguments are described by one letter each.

        i is an integer, c a choice (C's int), p an address. The others are always
        the same: s is the step 1 from element to element, 1 and 0 are factors.
        """
        kinds = {"i": integer, "c": choice, "p": place, "s": integer, "1": number, "0": number}
        always = {"s": integer(1), "1": number(1.0), "0": number(0.0)}

        def write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address, *values = arguments
            taken = iter(values)
            passed = []
            for letter in letters:
                if letter in always:
                    passed.append(always[letter])
                elif letter == "p":
                    passed.append(builder.inttoptr(next(taken), place))
                elif kinds[letter].width < 64:
                    passed.append(builder.trunc(next(taken), kinds[letter]))
                else:
                    passed.append(next(taken))
            back = llvm.VoidType() if result is types.void else number
            kind = llvm.FunctionType(back, [kinds[letter] for letter in letters])
            called = builder.call(builder.inttoptr(address, llvm.PointerType(kind)), passed)
            return context.get_dummy_value() if result is types.void else called

        return result(*[types.int64] * (given + 1)), write

    @intrinsic  # type: ignore[untyped-decorator]  # Numba is untyped
    def gemm(
        _context: Any, _at: Any, _order: Any, _take_a: Any, _take_b: Any, _m: Any, _n: Any,
        _k: Any, _a: Any, _lda: Any, _b: Any, _ldb: Any, _c: Any, _ldc: Any,
    ) -> Any:  # fmt: skip
        return calling("ccciii1pipi0pi", types.void, 12)

    @intrinsic  # type: ignore[untyped-decorator]  # Numba is untyped
    def gemv(
        _context: Any, _at: Any, _order: Any, _take: Any, _m: Any, _n: Any, _a: Any, _lda: Any,
        _x: Any, _y: Any,
    ) -> Any:  # fmt: skip
        return calling("ccii1pips0ps", types.void, 8)

    @intrinsic  # type: ignore[untyped-decorator]  # Numba is untyped
    def dot(_context: Any, _at: Any, _n: Any, _x: Any, _y: Any) -> Any:
        return calling("ipsps", real, 3)

    return {"gemm": gemm, "gemv": gemv, "dot": dot}
