"""Digests: equal for one formula everywhere, and others for others."""

from __future__ import annotations

import linecache
import math
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import nnplug
from nnplug.formulas import primitives
from nnplug.formulas.digest import differ
from nnplug.parts import KINDS, Part
from nnplug.testing.stepping import whole

ALL = """
import nnplug
from nnplug.testing.stepping import whole
for part, _ in nnplug.Registry().parts():
    part = whole(part) if part.kind == "optimizer" else part
    print(part.kind, part.name, part.digest)
"""

KNOWN = {
    ("activation", "relu"): "1:2853e67fdb298b9acbb5160632a8f351",
    ("activation", "gelu"): "1:8ea3c5cd0a512cd843f8871e83741db7",
    ("activation", "softmax"): "1:092c090dcc5da86121f3292754f7e796",
    ("loss", "huber"): "1:0c6edff6cba99592f963a55a95b02d94",
    ("loss", "cross_entropy"): "1:cc2b454a2c0df70917210e21268367c7",
    ("optimizer", "adam"): "1:308efb0ab208560e8769085fc4f8a77b",
}
"""Kept in model files. Where nnplug writes graphs another way, these change: raise `_SCHEME`."""


def test_digests_of_builtin_parts_are_those_that_files_have():
    registry = nnplug.Registry()
    found = {(kind, name): registry.get(kind, name).digest for kind, name in KNOWN}
    assert found == KNOWN


def builtin():
    """List the built-in parts, wrappers around an optimizer."""
    parts = [part for part, _ in nnplug.Registry().parts()]
    return [whole(part) if part.kind == "optimizer" else part for part in parts]


def test_every_builtin_part_has_one_of_its_own_but_datasets_and_recipes():
    parts = builtin()
    assert {part.kind for part in parts if not part.digest} == {"dataset", "recipe"}
    named: dict[str, set[str]] = {}
    for part in parts:
        if part.digest:
            named.setdefault(part.digest, set()).add(part.name)
    # With alpha 1 both are one function.
    assert [names for names in named.values() if len(names) > 1] == [{"elu", "celu"}]
    by_name = {part.name: part for part in parts if part.kind == "activation"}
    halves = [by_name[name].with_options(alpha=0.5).digest for name in ("celu", "elu")]
    assert halves[0] != halves[1]
    assert {part.kind for part in parts} == set(KINDS)


def test_another_process_finds_the_same():
    found = [
        subprocess.run(
            [sys.executable, "-c", ALL],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    here = "".join(f"{part.kind} {part.name} {part.digest}\n" for part in builtin())
    assert found == [here, here]


def part_of(code, kind="activation", name="part", **options):
    """Make a part of source code, as a package's module would have it."""
    text = textwrap.dedent(code)
    file = f"<part {abs(hash(text))}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    scope = {"np": np, "nnplug": nnplug, "math": math, "__name__": "some_package"}
    exec(compile(text, file, "exec"), scope)
    made = scope["part"]
    return made if isinstance(made, Part) else getattr(nnplug, kind)(name=name, **options)(made)


SLOPED = """
def part(x, *, slope=0.1, power=2):
    return np.where(x > 0, x**power, slope * x)
"""


@pytest.mark.parametrize(
    "same",
    [
        SLOPED.replace("slope=0.1, power=2", "power=2, slope=0.1"),
        SLOPED.replace("    return", "    # A comment.\n    '''Docstring.'''\n    return"),
        SLOPED.replace("    return", "    positive = x > 0\n    return").replace(
            "np.where(x > 0", "np.where(positive"
        ),
        SLOPED.replace("x**power", "np.square(x)"),
        SLOPED.replace("x > 0", "np.greater(x, 0)"),
        SLOPED.replace("slope=0.1", f"slope={math.nextafter(0.1, 1)!r}"),  # another libm's
        SLOPED.replace("slope=0.1", "slope=0.1, unused=3"),
    ],
)
def test_the_same_formula_written_otherwise(same):
    assert same != SLOPED
    assert part_of(same).digest == part_of(SLOPED).digest


@pytest.mark.parametrize(
    "other",
    [
        SLOPED.replace("slope=0.1", "slope=0.2"),
        SLOPED.replace("slope=0.1", "slope=0.1000000001"),
        SLOPED.replace("slope=0.1", "slope=-0.1"),
        SLOPED.replace("power=2", "power=3"),
        SLOPED.replace("x > 0", "x >= 0"),
        SLOPED.replace("x > 0", "0 > x"),
        SLOPED.replace("slope=0.1", "slope=nnplug.trainable(0.1)"),
        SLOPED.replace("slope * x)", "slope * x) + np.sum(x, axis=-1, keepdims=True)"),
        SLOPED.replace("slope * x)", "slope * x) + np.max(x, axis=-1, keepdims=True)"),
    ],
)
def test_another_formula(other):
    assert other != SLOPED
    found = {part_of(other).digest, part_of(SLOPED).digest}
    assert len(found) == 2
    assert differ(*found)


def test_options_are_part_of_it_and_where_learning_starts_is_not():
    part = part_of(SLOPED)
    assert part.with_options(slope=0.3).digest != part.digest
    assert part.with_options(slope=0.1).digest == part.digest
    learned = part_of(SLOPED.replace("slope=0.1", "slope=nnplug.trainable(0.1)"))
    assert learned.with_options(slope=0.3).digest == learned.digest


def test_what_stands_around_a_formula_is_part_of_it():
    loss = "def part(prediction, target): return (prediction - target) ** 2"
    assert part_of(loss, "loss").digest != part_of(loss, "loss", reduction="sum").digest
    step = "def part(param, grad, m, *, learning_rate=1.0): return param - learning_rate * m, grad"
    assert part_of(step, "optimizer").digest != part_of(step, "optimizer", over="vector").digest
    assert (
        part_of(step.replace(" m", " v"), "optimizer").digest != part_of(step, "optimizer").digest
    )
    # The rate is given anew at each step.
    other = part_of(step, "optimizer").with_options(learning_rate=0.5)
    assert other.digest == part_of(step, "optimizer").digest
    # A matrix may be treated in another way than a vector.
    ranks = step.replace("return", "return (param - grad, grad) if param.ndim > 1 else (") + ")"
    assert part_of(ranks, "optimizer").digest != part_of(step, "optimizer").digest


OPAQUE = """
FACTOR = 2.0
POINTS = (1, 2.5, "a")

def helper(x):
    return x * FACTOR

def slope(x, y):
    return np.ones_like(x)

def part(x, *, scale=1.0):
    return np.cumsum(helper(x), axis=-1) * scale + POINTS[0]
"""


def opaque(code):
    text = code + "\npart = nnplug.activation(name='part', derivative=slope)(part)\n"
    scope_part = part_of(text.replace("part = nnplug", "made = nnplug"), derivative=None)
    made = scope_part.function.__globals__["made"]
    return made.digest


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (("# nothing", "# nothing"), True),
        (("def helper(x):", "def helper(x: float) -> float:\n    '''Doc.'''"), True),
        (("FACTOR = 2.0", "FACTOR = 2.5"), False),
        (('"a")', '"b")'), False),
        (("x * FACTOR", "x / FACTOR"), False),
        (("axis=-1", "axis=0"), False),
        (("scale=1.0", "scale=1.5"), False),
        (("np.ones_like(x)", "2 * np.ones_like(x)"), False),
    ],
)
def test_what_is_not_traced_is_told_by_its_code(change, same):
    other = OPAQUE.replace(*change)
    assert (opaque(other) == opaque(OPAQUE)) is same


def test_schedules_initializers_and_metrics_are_told_by_their_code():
    schedule = "def part(epoch, epochs, *, rate=0.5):\n    return rate**epoch\n"
    one = part_of(schedule, "schedule")
    assert one.digest == part_of(schedule.replace(":\n", ":\n    # why\n"), "schedule").digest
    assert one.digest != part_of(schedule.replace("**", "*"), "schedule").digest
    assert one.digest != one.with_options(rate=0.4).digest
    decorated = "@nnplug.schedule(aliases=('other',))\n" + schedule
    assert part_of(decorated, "schedule").digest == one.digest


def test_code_without_source_has_none_and_differs_from_nothing():
    scope: dict = {}
    exec("def part(epoch, epochs):\n    return 1.0", scope)
    part = nnplug.schedule(scope["part"])
    assert part.digest == ""
    known = nnplug.Registry().get("schedule", "constant").digest
    assert not differ("", known)
    assert not differ(known, "")
    assert not differ(f"2:{known[2:]}", known)  # a scheme of another nnplug
    assert differ(f"{known[:-1]}{'0' if known[-1] != '0' else '1'}", known)


def test_how_engines_run_it_does_not_count(monkeypatch):
    code = "def part(x): return np.logaddexp(x, 0) + np.clip(x, 0, 1)"
    before = part_of(code).digest
    for name in ("logaddexp", "clip"):
        operation = primitives._OPERATIONS[name]
        assert operation.lower is not None
        monkeypatch.setitem(operation.__dict__, "lower", None)
    assert part_of(code).digest == before
