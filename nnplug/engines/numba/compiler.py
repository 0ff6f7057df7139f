"""From the source of a loop to machine code, once for each machine.

Numba translates the source; the object code is kept in a folder of the
user's, under a name made from all that it depends on (see `code_cache`). A later
process loads it with llvmlite alone, in a few milliseconds and without importing
Numba.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import math
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from nnplug.engines.engine import announce
from nnplug.engines.numba import mathematics
from nnplug.engines.numba.code_cache import CodeCache, cache_folder
from nnplug.interruption import uninterrupted

__all__ = ["Compiler", "Function", "compiler"]

Function = Callable[[Any, Any, Any], int]
"""A compiled function as C sees it: of the places of its result, of an exception, of its table."""

NUMBERS = ("float32", "float64", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64")
"""The dtypes of arrays, beside bytes, which stand for truth values too."""

OUTSIDE = frozenset(
    f"{name}{suffix}"
    for name in ("pow", "fmod", "sin", "cos", "sqrt", "floor", "ceil", "trunc", "rint")
    for suffix in ("", "f")
) | {"memset", "memcpy", "memmove"}
"""What code may call: functions of C that every process has."""


ANNOUNCEMENT = (
    "compiling the training step for engine='numba'; its code is kept, so that later fits need "
    "not wait"
)


@cache  # machine code, once loaded, is never changed; it cannot be unloaded either
def compiler() -> Compiler:
    """Give the compiler of this process."""
    return Compiler()


class Compiler:
    """Compiles sources and remembers the functions, in memory and on disk.

    Attributes
    ----------
    compiled : int
        How many sources Numba has translated; those that were on disk do not count.
    cache : CodeCache
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.cache = CodeCache(folder or cache_folder())
        self.compiled = 0
        self._functions: dict[str, Function] = {}
        self._engines: list[Any] = []  # they own the machine code

    def functions(self, sources: Iterable[str]) -> dict[str, Function]:
        """Give the function of each source, compiling what is nowhere yet."""
        with uninterrupted():
            keys = {source: self.key(source) for source in dict.fromkeys(sources)}
        missing = {key: s for s, key in keys.items() if key not in self._functions}
        objects = {key: self.cache.read(key) for key in missing}
        new = {key: missing[key] for key, code in objects.items() if code is None}
        if new:
            announce(ANNOUNCEMENT)
            for key, code in self._compile(new):
                objects[key] = code
                self.cache.write(key, code)
        if missing:
            with uninterrupted():
                self._load({key: code for key, code in objects.items() if code is not None})
        return {source: self._functions[key] for source, key in keys.items()}

    def known(self, source: str) -> bool:
        """Whether a source need not be compiled, here or on disk."""
        key = self.key(source)
        return key in self._functions or self.cache.read(key) is not None

    def key(self, source: str) -> str:
        """Name what the code of a source depends on."""
        return hashlib.blake2b(
            f"{self._surroundings}\n{source}".encode(), digest_size=20
        ).hexdigest()

    @cached_property
    def _surroundings(self) -> str:
        import llvmlite.binding as llvm

        texts = [Path(module).read_text("utf-8") for module in (__file__, mathematics.__file__)]
        return "\n".join(
            [
                *map(version, ("numba", "llvmlite")),
                platform.python_version(),
                np.__version__,
                llvm.get_process_triple(),
                llvm.get_host_cpu_name(),
                llvm.get_host_cpu_features().flatten(),
                *texts,
            ]
        )

    # --- machine code -------------------------------------------------------------------

    @cached_property
    def _machine(self) -> Any:
        import llvmlite.binding as llvm

        with contextlib.suppress(RuntimeError):  # llvmlite from 0.45 on does it by itself
            llvm.initialize()
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        return llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(),
            features=llvm.get_host_cpu_features().flatten(),
            opt=3,
            reloc="default",
            codemodel="jitdefault",
        )

    def _load(self, objects: Mapping[str, bytes]) -> None:
        import llvmlite.binding as llvm

        machine = self._machine
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        for code in objects.values():
            engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        self._engines.append(engine)
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        for key in objects:
            self._functions[key] = kind(engine.get_function_address(f"nnplug_{key}"))

    def _compile(self, sources: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
        """Translate sources one after the other; an interrupt waits until one is done.

        Numba imports itself, and more of itself as it goes. Broken off half-way it
        would be half there for the rest of the process.
        """
        with uninterrupted():
            import numba

            names = _names()
            signature = numba.types.int64(numba.types.CPointer(numba.types.int64))
        for key, source in sources.items():
            with uninterrupted():
                code = self._object(key, source, dict(names), signature)
            yield key, code
            self.compiled += 1

    def _object(self, key: str, source: str, namespace: dict[str, Any], signature: Any) -> bytes:
        """Translate a source to object code."""
        import llvmlite.binding as llvm
        import numba

        # Written by nnplug.engines.numba.loops alone.
        exec(compile(source, "<a plan's loop>", "exec"), namespace)
        function = numba.njit(
            signature,
            error_model="numpy",
            no_cpython_wrapper=True,
            no_cfunc_wrapper=True,
            _nrt=False,  # nothing is allocated, so Numba's runtime is not needed at loading
        )(namespace["function"])
        (result,) = function.overloads.values()
        code = result.library.get_llvm_str()
        code = code.replace(result.fndesc.llvm_func_name, f"nnplug_{key}")
        module = llvm.parse_assembly(code)
        called = {each.name for each in module.functions if each.is_declaration}
        called = {name for name in called - OUTSIDE if not name.startswith("llvm.")}
        assert not called, f"a loop calls {called}, which a later process may not have"
        made: bytes = self._machine.emit_object(module)
        return made


def _names() -> dict[str, Any]:
    """Make what the sources use: arrays at an address, bits, dtypes, functions."""
    import numba
    from numba.extending import intrinsic

    types = numba.types
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
        import llvmlite.ir as llvm

        _call_record(builder, builder.inttoptr(arguments[0], llvm.PointerType(llvm.IntType(64))))
        return context.get_dummy_value()

    @intrinsic  # type: ignore[untyped-decorator]  # Numba is untyped
    def call_record(_context: Any, _record: Any) -> Any:
        return types.void(types.int64), as_call

    names: dict[str, Any] = {
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

    names["transpose"] = compiled(transpose)
    for dtype in ("float32", "float64"):
        made = mathematics.functions(dtype, mathematics.Bits(bits_of, number_of), compiled)
        names.update({f"{name}_{dtype}": function for name, function in made.items()})
        for bits in (32, 64):
            calls = _blas_calls(getattr(types, dtype), bits)
            names.update({f"{name}{bits}_{dtype}": call for name, call in calls.items()})
    return names


def _sharing() -> Any:
    """Make what lets the threads of OpenMP call records, which lie one after the other.

    The function is of the addresses of `GOMP_parallel`, `omp_get_thread_num` and
    `omp_get_num_threads`, and of the records: their address, how many there are, the bytes
    of one. Each thread calls every n-th of them, n the number of threads that there are.
    """
    import llvmlite.ir as llvm
    from numba import types
    from numba.extending import intrinsic

    whole, short = llvm.IntType(64), llvm.IntType(32)
    block = llvm.PointerType(whole)
    job_kind = llvm.FunctionType(llvm.VoidType(), [block])
    given = llvm.ArrayType(whole, 5)  # number, count, the records, how many, bytes

    def function_at(builder: Any, address: Any, kind: Any) -> Any:
        return builder.inttoptr(address, llvm.PointerType(kind))

    def job(module: Any) -> Any:
        """Write what a thread does, once for a module."""
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
            builder.zext(builder.call(function_at(builder, each, asks), []), whole)
            for each in (number, count)
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
        with builder.goto_entry_block():  # a place for all turns of the caller's loop
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
                as_it_likes = short(0)  # as many threads as the runtime would take; no flags
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
    """Call the function of a record: its address, and those of its three arguments."""
    import llvmlite.ir as llvm

    whole = llvm.IntType(64)
    kind = llvm.FunctionType(llvm.IntType(32), [whole] * 3)
    address, *given = (builder.load(builder.gep(record, [whole(n)])) for n in range(4))
    builder.call(builder.inttoptr(address, llvm.PointerType(kind)), given)


def _blas_calls(real: Any, bits: int) -> dict[str, Any]:
    """Make what calls functions of BLAS that lie at an address, the first argument.

    Parameters
    ----------
    real : numba type
        Of the elements.
    bits : int
        Of the library's integers.
    """
    import llvmlite.ir as llvm
    from numba import types
    from numba.extending import intrinsic

    number = llvm.FloatType() if real.bitwidth == 32 else llvm.DoubleType()
    integer, choice = llvm.IntType(bits), llvm.IntType(32)
    place = llvm.PointerType(llvm.IntType(8))

    def calling(letters: str, result: Any, given: int) -> Any:
        """Write a call whose arguments are described by a letter each.

        i an integer, c a choice (of C's type int), p an address; and what is
        always the same: s a step of 1 from element to element, 1 and 0 factors.
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
