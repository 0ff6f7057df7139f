"""From the source of a loop to machine code, once for each machine.

Numba translates the source to the language of LLVM, and LLVM makes machine code
(object code) of it, which takes seconds. So the object code is kept in a folder
of the user's, under a name made from everything that it depends on (see
`code_cache`). A later process loads it with llvmlite alone, in a few
milliseconds and without importing Numba.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
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
"""A compiled function as C sees it: its arguments are where to put the result and an exception,
and where its table is."""

OUTSIDE = frozenset(
    f"{name}{suffix}"
    for name in ("pow", "fmod", "sin", "cos", "sqrt", "floor", "ceil", "trunc", "rint")
    for suffix in ("", "f")
) | {"memset", "memcpy", "memmove"}
"""The functions that compiled code may call: those of C that every process has."""


ANNOUNCEMENT = (
    "compiling the training step for engine='numba'; its code is kept, so that later fits need "
    "not wait"
)


@cache  # loaded machine code never changes, and cannot be unloaded
def compiler() -> Compiler:
    """Give the compiler of this process."""
    return Compiler()


class Compiler:
    """Compiles sources and remembers the functions, in memory and on disk.

    Attributes
    ----------
    compiled : int
        How many sources Numba has translated, without those whose code was on disk.
    cache : CodeCache
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.cache = CodeCache(folder or cache_folder())
        self.compiled = 0
        self._functions: dict[str, Function] = {}
        self._engines: list[Any] = []  # LLVM's, which own the machine code

    def functions(self, sources: Iterable[str]) -> dict[str, Function]:
        """Give the function of each source; those found neither here nor on disk are compiled."""
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
        """Whether a source's code is here or on disk, so that it need not be compiled."""
        key = self.key(source)
        return key in self._functions or self.cache.read(key) is not None

    def key(self, source: str) -> str:
        """Make the name of a source's code, from everything that the code depends on."""
        return hashlib.blake2b(
            f"{self._surroundings}\n{source}".encode(), digest_size=20
        ).hexdigest()

    @cached_property
    def _surroundings(self) -> str:
        import llvmlite.binding as llvm

        intrinsics = Path(__file__).with_name("intrinsics.py")  # to import it is to import Numba
        modules = (__file__, intrinsics, mathematics.__file__)
        texts = [Path(module).read_text("utf-8") for module in modules]
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

        Numba goes on importing parts of itself while it translates. Interrupted
        there, it would stay half imported for the rest of the process.
        """
        with uninterrupted():
            import numba

            from nnplug.engines.numba import intrinsics

            names = intrinsics.names()
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
        called = {function.name for function in module.functions if function.is_declaration}
        called = {name for name in called - OUTSIDE if not name.startswith("llvm.")}
        assert not called, f"a loop calls {called}, which a later process may not have"
        made: bytes = self._machine.emit_object(module)
        return made
