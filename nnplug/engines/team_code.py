"""The functions of a team of threads, in LLVM's own language.

They wait for each other with atomic reads and writes, which Numba's language
does not have.

- `begin(state)`: remember the memory of the team.
- `jobs(_, job, count, stride, data, extra)`: run `job(k, data + k·stride, extra)`
  for each k below count, at once; the arguments are those of OpenBLAS.
- `share(_, record, _)`: the job that is a call of a compiled function, whose
  address and the three that it is called with stand in the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import llvmlite.ir as llvm

__all__ = ["write_functions"]

LINE = 16
"""Numbers of 64 bits between two that different threads change: two lines of the cache."""

LOCK, TICKET, JOB, STARTED, HELPERS = (LINE * number for number in range(5))
"""Places in the memory of a team.

Whether somebody gives jobs, how many were given, the last one, the number of
the last helper that ever was, and the helpers, who count from 1.
"""

HELPER = 2 * LINE
"""Numbers that the memory of a team has for each helper."""

DONE, THERE = 0, LINE
"""Places in those: the last job that it did, and whether it is there."""

LOOKS = 100
"""How often a helper looks for a job before it gives the processor away."""

PATIENCE = 100_000
"""How often it does so, about 0.3 µs each time, before it ends."""

WHOLE, SHORT, NOTHING = llvm.IntType(64), llvm.IntType(32), llvm.VoidType()
PLACE = llvm.PointerType(llvm.IntType(8))
JOB_KIND = llvm.FunctionType(NOTHING, [SHORT, WHOLE, SHORT])
ROUTINE_KIND = llvm.FunctionType(WHOLE, [WHOLE])
COMPILED_KIND = llvm.FunctionType(SHORT, [WHOLE] * 3)


def write_functions() -> str:
    """Write the functions of a team."""
    module = llvm.Module("team")
    state = llvm.GlobalVariable(module, WHOLE, "state")
    state.linkage, state.initializer = "internal", WHOLE(0)
    rest = llvm.Function(module, llvm.FunctionType(SHORT, []), "sched_yield")
    _write_begin(module, state)
    _write_share(module)
    serve = _write_serve(module, state, rest)
    _write_jobs(module, state, rest, serve)
    return str(module)


class _Code:
    """Writes a function, statement after statement."""

    def __init__(self, module: Any, name: str, kind: Any) -> None:
        self.function = llvm.Function(module, kind, name)
        self.arguments = self.function.args
        self.builder = llvm.IRBuilder(self.function.append_basic_block())

    def at(self, start: Any, offset: Any) -> Any:
        """Give the place of a number of 64 bits, so many after another one."""
        index = offset if isinstance(offset, llvm.Value) else WHOLE(offset)
        address = self.builder.add(start, self.builder.mul(index, WHOLE(8)))
        return self.builder.inttoptr(address, llvm.PointerType(WHOLE))

    def read(self, start: Any, offset: Any) -> Any:
        """Read what another thread may write, and all that it wrote before."""
        return self.builder.load_atomic(self.at(start, offset), "acquire", 8)

    def write(self, start: Any, offset: Any, value: Any) -> None:
        """Write what another thread may read, after all that was written before."""
        self.builder.store_atomic(value, self.at(start, offset), "release", 8)

    def take_lock(self, start: Any) -> Any:
        """Take the lock if it is free, and say whether it was."""
        found = self.builder.cmpxchg(self.at(start, LOCK), WHOLE(0), WHOLE(1), "acq_rel", "acquire")
        return self.builder.extract_value(found, 1)

    def equal(self, a: Any, b: Any) -> Any:
        """Compare two numbers."""
        return self.builder.icmp_signed("==", a, b)

    def below(self, a: Any, b: Any) -> Any:
        """Compare two numbers by size."""
        return self.builder.icmp_signed("<", a, b)

    def block(self) -> Any:
        """Make a place to branch to."""
        return self.function.append_basic_block()

    def helper(self, start: Any, number: Any) -> Any:
        """Find the memory of a helper."""
        offset = self.builder.add(WHOLE(HELPERS), self.builder.mul(number, WHOLE(HELPER)))
        return self.builder.add(start, self.builder.mul(WHOLE(8), offset))

    @contextmanager
    def each(self, last: Any) -> Iterator[Any]:
        """Write a loop over the numbers from 1 to the last, which it may be too."""
        place = self.builder.alloca(WHOLE)
        self.builder.store(WHOLE(1), place)
        look, body, go = self.block(), self.block(), self.block()
        self.builder.branch(look)
        self.builder.position_at_end(look)
        number = self.builder.load(place)
        self.builder.cbranch(self.builder.icmp_signed("<=", number, last), body, go)
        self.builder.position_at_end(body)
        yield number
        self.builder.store(self.builder.add(number, WHOLE(1)), place)
        self.builder.branch(look)
        self.builder.position_at_end(go)

    def wait(self, ready: Callable[[], Any], rest: Any) -> None:
        """Give the processor away until something is so."""
        look, again, go = self.block(), self.block(), self.block()
        self.builder.branch(look)
        self.builder.position_at_end(look)
        self.builder.cbranch(ready(), go, again)
        self.builder.position_at_end(again)
        self.builder.call(rest, [])
        self.builder.branch(look)
        self.builder.position_at_end(go)


def _write_begin(module: Any, state: Any) -> None:
    code = _Code(module, "begin", llvm.FunctionType(NOTHING, [WHOLE]))
    code.builder.store(code.arguments[0], state)
    code.builder.ret_void()


def _write_share(module: Any) -> None:
    code = _Code(module, "share", JOB_KIND)
    record = code.arguments[1]
    address, *given = (code.builder.load(code.at(record, number)) for number in range(4))
    code.builder.call(code.builder.inttoptr(address, llvm.PointerType(COMPILED_KIND)), given)
    code.builder.ret_void()


def _write_serve(module: Any, state: Any, rest: Any) -> Any:
    """Write what a helper runs, given its number."""
    code = _Code(module, "serve", ROUTINE_KIND)
    code.function.linkage = "internal"
    builder, (number,) = code.builder, code.arguments
    start = builder.load(state)
    own = code.helper(start, number)
    looks = builder.alloca(WHOLE)
    builder.store(WHOLE(0), looks)
    look, new, mine, finished, none, patient, yielding, late, leaving, ended = (
        code.block() for _ in range(10)
    )
    builder.branch(look)

    builder.position_at_end(look)
    ticket, done = code.read(start, TICKET), builder.load(code.at(own, DONE))
    builder.cbranch(code.equal(ticket, done), none, new)

    builder.position_at_end(new)
    job, count, stride, data, extra = (
        builder.load(code.at(start, JOB + each)) for each in range(5)
    )
    builder.cbranch(code.below(number, count), mine, finished)

    builder.position_at_end(mine)
    builder.call(
        builder.inttoptr(job, llvm.PointerType(JOB_KIND)),
        [
            builder.trunc(number, SHORT),
            builder.add(data, builder.mul(number, stride)),
            builder.trunc(extra, SHORT),
        ],
    )
    builder.branch(finished)

    builder.position_at_end(finished)
    code.write(own, DONE, ticket)
    builder.store(WHOLE(0), looks)
    builder.branch(look)

    builder.position_at_end(none)
    looked = builder.add(builder.load(looks), WHOLE(1))
    builder.store(looked, looks)
    builder.cbranch(code.below(looked, WHOLE(LOOKS)), look, patient)

    builder.position_at_end(patient)
    builder.cbranch(code.below(looked, WHOLE(LOOKS + PATIENCE)), yielding, late)

    builder.position_at_end(yielding)
    builder.call(rest, [])
    builder.branch(look)

    builder.position_at_end(late)
    builder.store(WHOLE(LOOKS), looks)
    builder.cbranch(code.take_lock(start), leaving, look)

    builder.position_at_end(leaving)  # with the lock nobody gives a job
    nothing_new = code.equal(code.read(start, TICKET), done)
    code.write(own, THERE, builder.zext(builder.not_(nothing_new), WHOLE))
    code.write(start, LOCK, WHOLE(0))
    builder.cbranch(nothing_new, ended, look)

    builder.position_at_end(ended)
    builder.ret(WHOLE(0))
    return code.function


def _write_jobs(module: Any, state: Any, rest: Any, serve: Any) -> None:
    """Write what gives a job to all, does its own part, and waits for the others."""
    kinds = [PLACE, PLACE, llvm.PointerType(ROUTINE_KIND), WHOLE]
    create = llvm.Function(module, llvm.FunctionType(SHORT, kinds), "pthread_create")
    detach = llvm.Function(module, llvm.FunctionType(SHORT, [WHOLE]), "pthread_detach")
    arguments = [SHORT, WHOLE, SHORT, WHOLE, WHOLE, SHORT]
    code = _Code(module, "jobs", llvm.FunctionType(NOTHING, arguments))
    builder, (_, job, count, stride, data, extra) = code.builder, code.arguments
    start, thread = builder.load(state), builder.alloca(WHOLE)
    call = builder.inttoptr(job, llvm.PointerType(JOB_KIND))
    with builder.if_then(builder.icmp_signed("<=", count, SHORT(1))):
        builder.call(call, [SHORT(0), data, extra])
        builder.ret_void()

    code.wait(partial(code.take_lock, start), rest)
    given = (job, builder.sext(count, WHOLE), stride, data, builder.sext(extra, WHOLE))
    for place, value in enumerate(given):
        builder.store(value, code.at(start, JOB + place))
    before = code.read(start, TICKET)
    ticket = builder.add(before, WHOLE(1))
    code.write(start, TICKET, ticket)

    wanted, started = builder.sub(given[1], WHOLE(1)), code.at(start, STARTED)
    with builder.if_then(code.below(builder.load(started), wanted)):
        builder.store(wanted, started)
    with code.each(wanted) as number:
        helper = code.helper(start, number)
        with builder.if_then(code.equal(code.read(helper, THERE), WHOLE(0))):
            code.write(helper, THERE, WHOLE(1))
            code.write(helper, DONE, before)
            passed = [builder.bitcast(thread, PLACE), llvm.Constant(PLACE, None), serve, number]
            code.wait(lambda: code.equal(builder.call(create, passed), SHORT(0)), rest)
            builder.call(detach, [builder.load(thread)])

    builder.call(call, [SHORT(0), data, extra])
    # Those that have no part in this job, too: they read what it is.
    with code.each(builder.load(started)) as number:
        helper = code.helper(start, number)

        def finished() -> Any:
            gone = code.equal(code.read(helper, THERE), WHOLE(0))
            return builder.or_(gone, code.equal(code.read(helper, DONE), ticket))

        code.wait(finished, rest)
    code.write(start, LOCK, WHOLE(0))
    builder.ret_void()
