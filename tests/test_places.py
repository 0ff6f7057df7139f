"""Results over inputs: what may lie where, in the plan and in each engine.

The oracle of an operation is NumPy on copies. The oracle of a plan is the
same plan with a place of its own for every value.
"""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

import nnplug
from nnplug import special
from nnplug.engines import Memory
from nnplug.engines.numba.fusion import Fused, pieces
from nnplug.formulas.primitives import _OPERATIONS
from nnplug.network.network import Network
from nnplug.plans import Regularization, emission, program
from nnplug.plans.program import Allocation, Instruction, Program, Section, Slot, Value
from nnplug.plugins.registry import Registry
from nnplug.runs.preparing import prepare
from nnplug.training import Steps
from tests.engines import ENGINES

N, C = 40, 6

# Shapes of inputs and output, and options, of what is not elementwise. Shapes
# are chosen so that the output fits the place of an input wherever it can.
ROWS = {"axis": -1, "keepdims": True}
SHAPES = {
    "sum": ([(N, 1)], (N, 1), ROWS),
    "max": ([(N, 1)], (N, 1), ROWS),
    "min": ([(N, 1)], (N, 1), ROWS),
    "matmul": ([(C, C), (C, C)], (C, C), {}),
    "transpose": ([(C, C)], (C, C), {}),
    "take_along_axis": ([(N, 1), (N, 1)], (N, 1), {}),
    "one_hot": ([(N, 1)], (N, C), {}),
    "broadcast_like": ([(N, C)], (N, C), {}),
    **{name: ([(N, C)], (N, C), {}) for name in ("sort", "cumsum", "flip")},
    **{name: ([(N, C), (N, C)], (N, C), {}) for name in ("sort_as", "unsort_as")},
    "columns": ([(N, 2 * C)], (N, C), {"place": 1}),
    "place_columns": ([(N, C)], (N, 2 * C), {"place": 1}),
    "expand_dims": ([(N,)], (N, 1), {"axis": -1}),
    "dot": ([(C, C), (C, C)], (C, C), {}),
    "dot_left": ([(C, C), (C, C)], (C, C), {}),
    "dot_right": ([(C, C), (C, C)], (C, C), {}),
    "sum_rows": ([(N, C)], (C,), {}),
    "total": ([(N, C)], (), {}),
    "squares": ([(N, C)], (), {}),
    "take": ([(N, C), (N,)], (N, C), {}),
    "copy": ([(N, C)], (N, C), {}),
    "cast": ([(N, C)], (N, C), {}),
}
PLANS = [each for each in vars(emission).values() if isinstance(each, type(emission.DOT))]
# What no plan has, since it is lowered first, has no array call of its own.
PRIMITIVES = [each for each in _OPERATIONS.values() if each.lower is None or each.ufunc is not None]
LOGICAL = {"logical_and", "logical_or", "logical_not", "logical_xor"}
COMPARES = {"greater", "greater_equal", "less", "less_equal", "equal", "not_equal"}
LABELS = {"take_along_axis": 1, "one_hot": 0, "take": 1}


def evaluate(operation, arrays, output_shape, options):
    """The operation by NumPy, on copies."""
    copies = [array.copy() for array in arrays]
    if operation.name in ("broadcast_like", "one_hot", "columns", "place_columns"):
        copies.append(np.empty(output_shape, copies[0].dtype))
    if operation.name == "one_hot":
        return (copies[0] == np.arange(output_shape[-1])).astype(float)
    if operation.name == "squares":
        copies[0] = copies[0].reshape(-1)
    return operation.evaluate(*copies, **options)


def kinds_of(operation):
    """The dtypes an operation is asked with: `f` of its floats, `?` of truth values."""
    if operation.name in LABELS:
        return ["f"]
    count = len(SHAPES[operation.name][0]) if operation.name in SHAPES else _arity(operation)
    if operation.name in LOGICAL:
        return ["?" * count]
    if operation.name == "where":
        return ["?ff", "???"]
    kinds = ["f" * count]
    if operation.name in COMPARES:
        kinds.append("?" * count)
    if operation.name in ("add", "subtract", "multiply", "divide", "maximum", "minimum"):
        kinds += ["f?", "?f"]
    return kinds


def _arity(operation):
    return 3 if operation.ufunc is None else operation.ufunc.nin


class Cases:
    """Every operation over every place of its inputs, as one program."""

    def __init__(self, dtype):
        self.dtype, self.sections, self.vectors, self.wanted = np.dtype(dtype), [], {}, []
        self.refused = []
        generator = np.random.default_rng(0)
        for operation in [*PRIMITIVES, *PLANS]:
            for kinds in kinds_of(operation):
                shapes, shape, options = SHAPES.get(
                    operation.name, ([(N, C)] * len(kinds), (N, C), {})
                )
                arrays = [self._array(generator, each, "f") for each in shapes]
                for place, kind in enumerate(kinds):
                    if kind == "?":
                        arrays[place] = self._array(generator, shapes[place], "?")
                if operation.name in LABELS:
                    place = LABELS[operation.name]
                    arrays[place] = np.zeros(shapes[place], np.int64)
                self._add(operation, arrays, shape, options)
                if operation.name == "where":
                    for numbers in itertools.product((None, 0.0, 1.0, 0.7), repeat=2):
                        self._add(operation, arrays, shape, options, (None, *numbers))

    def _array(self, generator, shape, kind):
        values = generator.uniform(0.1, 0.9, shape)
        if kind == "?":
            return values > 0.5
        return (values * 2 - 0.9 * (generator.random(shape) > 0.7)).astype(self.dtype)

    def _add(self, operation, arrays, shape, options, numbers=()):
        """Add an operation, its output apart and then on each input that may be."""
        result = np.asarray(evaluate(operation, arrays, shape, options))
        truth = operation.dtype == "bool" or (
            operation.name in ("where", "copy", "transpose", "broadcast_like")
            and arrays[-1].dtype == bool
        )
        dtype = np.dtype(bool) if truth else self.dtype
        if operation.name == "total":
            dtype = np.dtype(np.float64)
        inputs, given = [], list(arrays)
        for place, array in enumerate(arrays):
            number = numbers[place] if place < len(numbers) else None
            if number is not None:
                given[place] = np.array(number, array.dtype)
                value = Value(str(number), (), array.dtype, "constant", number=number)
            else:
                value = self._value(array)
            inputs.append(value)
        if numbers:
            result = np.asarray(evaluate(operation, given, shape, options))
        role = "result" if operation.name in ("total", "squares") else "slot"
        self._instruction(operation, inputs, self._value(np.zeros(shape, dtype), role), options)
        self.wanted.append(result)
        for place, value in enumerate(inputs):
            if (value.shape, value.dtype) != (shape, dtype) or value.role == "constant":
                continue
            fresh = [
                self._value(each) if each.ndim else inputs[at] for at, each in enumerate(given)
            ]
            output = Value("out", shape, dtype, "slot", vector=fresh[place].vector, per_row=True)
            instruction = Instruction(operation, tuple(fresh), output, options)
            if instruction.may_overwrite(fresh[place]):
                self._instruction(operation, fresh, output, options)
                self.wanted.append(result)
            else:
                self.refused.append((instruction, place))

    def _value(self, array, role="slot"):
        name = f"v{len(self.vectors)}"
        self.vectors[name] = array.reshape(-1).copy()
        data = array.dtype == np.int64
        if data:
            self.vectors[name] = array.copy()
        return Value(
            name,
            array.shape,
            array.dtype,
            "data" if data else role,
            vector=name,
            per_row=array.ndim > 0,
        )

    def _instruction(self, operation, inputs, output, options):
        if not self.sections or self.sections[-1].title != operation.name:
            tiled = output.shape[:1] == (N,) and operation.name != "take"
            self.sections.append(Section(operation.name, "forward", N if tiled else None))
        instruction = Instruction(operation, tuple(inputs), output, options)
        self.sections[-1].instructions.append(instruction)

    def run(self, engine):
        plan = Program(N, self.sections)
        vectors = {name: vector.copy() for name, vector in self.vectors.items()}
        with np.errstate(all="ignore"):
            bound = ENGINES[engine].bind(plan, arrays_of(vectors), Memory())
            for call in bound.calls:
                call()
        for _, instruction in plan.instructions():
            output = instruction.output
            if output.role == "result":
                yield instruction, bound.results[output.vector]
            else:
                yield instruction, vectors[output.vector].reshape(output.shape)


def arrays_of(vectors):
    """The vectors as an engine asks for them, as data or as slots."""
    return vectors | {f"slot.{name}": vector for name, vector in vectors.items()}


@pytest.fixture(scope="module", params=["float32", "float64"])
def cases(request):
    with np.errstate(all="ignore"):
        return Cases(request.param)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_operation_over_every_input_that_it_may_overwrite(cases, engine):
    tolerance = 30 * np.finfo(cases.dtype).eps
    for (instruction, found), wanted in zip(cases.run(engine), cases.wanted, strict=True):
        names = [value.name for value in (*instruction.inputs, instruction.output)]
        np.testing.assert_allclose(
            found.astype(float), np.broadcast_to(wanted, found.shape).astype(float),
            rtol=tolerance, atol=tolerance, err_msg=f"{instruction.operation.name} {names}",
        )  # fmt: skip


def test_what_an_operation_may_not_overwrite_is_refused_before_anything_runs(cases):
    names = {instruction.operation.name for instruction, _ in cases.refused}
    assert {"where", "transpose", "dot", "matmul", "sum", "take_along_axis"} <= names
    assert {"sort", "cumsum", "flip", "sort_as", "unsort_as"} <= names
    for engine, (instruction, place) in itertools.product(ENGINES.values(), cases.refused):
        plan = Program(N, [Section("a title", "forward", None, [instruction])])
        with pytest.raises(AssertionError, match=r"a title: .* would write out over v") as caught:
            engine.bind(plan, arrays_of(cases.vectors), Memory())
        assert instruction.inputs[place].name in str(caught.value)


# --- as authors write them, in an update ------------------------------------------------

UNARY = [*special.__all__, "exp", "tanh", "abs", "sign", "sqrt", "square"]
FIVE = [UNARY[start : start + 5] for start in range(0, len(UNARY), 5)]
"""Those of one update: they are compiled together."""


def _apply(name, x):
    function = getattr(special, name, None) or getattr(np, name)
    return function(x) + 0 * x


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_over_the_slot_that_they_read(engine, dtype):
    """A lowered function reads its argument several times on its way."""
    for names in FIVE:
        check_update(_over_slots((names * 5)[:5]), engine, dtype, steps=2)


def _over_slots(names):
    @nnplug.optimizer(name="_".join(names))
    def part(param, grad, a, b, c, d, e, before, *, learning_rate=0.5):
        """Put functions of slots over the slots, and those of the gradient over it."""
        moved = sum(_apply(name, abs(grad)) for name in dict.fromkeys(names))
        slots = [
            _apply(name, slot) + 0.25 for name, slot in zip(names, (a, b, c, d, e), strict=True)
        ]
        return moved, *slots, a

    return part


def update_by_hand(part, param, grads, spans):
    """Apply the plain function, to each array by itself or to the whole vector."""
    slots = [np.zeros_like(param) for _ in part.slots]
    for count, grad in enumerate(grads, start=1):
        given = {"step": count} if part.uses_step else {}
        old = [each.copy() for each in (param, *slots)]
        for start, shape in spans:
            place = slice(start, start + int(np.prod(shape)))
            views = [each[place].reshape(shape).copy() for each in (old[0], grad, *old[1:])]
            new = part.function(*views, **part.options, **given)
            new = new if isinstance(new, tuple) else (new,)
            for vector, value in zip((param, *slots), new, strict=True):
                vector[place] = np.broadcast_to(value, shape).reshape(-1)
    return [param, *slots]


def check_update(part, engine, dtype, *, steps=3, tolerance=200):
    """Hold the update in an engine against the plain function, for gradients that are given."""
    from nnplug.plans.emission import Emitter
    from nnplug.plans.update import write_update

    network = Network(3, (4,), 2, activations=[TANH], output_activation=TANH, dtype=np.dtype(dtype))
    emitter = Emitter(network, 5)
    write_update(emitter, part)
    plan = Program(5, [each for each in emitter.sections if each.instructions])
    generator = np.random.default_rng(4)
    start = generator.normal(size=network.size).astype(dtype)
    grads = generator.normal(size=(steps, network.size)).astype(dtype)
    vectors = [start.copy(), np.zeros_like(start)]
    slots = {name: np.zeros_like(start) for name in part.slots}
    rate, count = np.array(part.learning_rate), np.zeros(())
    with np.errstate(all="ignore"):
        for grad in grads:
            count += 1
            vectors[1][...] = grad
            arrays = {"parameters": vectors[0], "gradients": vectors[1]}
            arrays |= {f"slot.{name}": slot for name, slot in slots.items()}
            arrays |= {"learning_rate": rate, "step": count}
            for call in ENGINES[engine].bind(plan, arrays, Memory()).calls:
                call()
            vectors.reverse()
        spans = [(0, (network.size,))]
        if part.over != "vector":
            spans = [(span.start, span.shape) for span in network.spans]
        wanted = update_by_hand(part, start.copy(), grads, spans)
    found = [vectors[0], *slots.values()]
    for name, one, other in zip(("param", *part.slots), found, wanted, strict=True):
        scale = max(1.0, float(abs(other).max()))
        limit = tolerance * np.finfo(dtype).eps
        np.testing.assert_allclose(
            one, other, rtol=limit, atol=limit * scale, err_msg=f"{part.name}: {name}"
        )


TANH = Registry().get("activation", "tanh")


@nnplug.optimizer
def frozen(param, grad, first, *, step, learning_rate=0.1):
    """Return the parameters of step 1."""
    first = np.where(step == 1, param, first)
    return first + 0 * grad, first


@nnplug.optimizer(over="vector")
def keep_start(param, grad, start, *, step, learning_rate=0.1):
    """Keep the first parameters beside a reduction."""
    start = np.where(step == 1, param, start)
    pull = np.sum(grad * (start - param))
    return param - learning_rate * grad * (1 + 0 * pull), start


@nnplug.optimizer
def both(param, grad, m, *, learning_rate=0.1, beta=0.9):
    """Read the slot's old value after its new one is made."""
    new = beta * m + grad
    return param - learning_rate * (m + new), new


@nnplug.optimizer
def kept_either_way(param, grad, m, v, *, learning_rate=0.1):
    """Choose between old and new, on either side."""
    return np.where(grad > 0, grad, param), np.where(m > grad, m, grad), np.where(v > m, param, v)


@nnplug.optimizer
def exchanged(param, grad, a, b, c, *, learning_rate=0.1):
    """Pass arrays on as they are, in a ring."""
    return param - learning_rate * (a + 2 * b + 4 * c), b, c + 0 * a, grad


@nnplug.optimizer
def twice(param, grad, a, b, *, learning_rate=0.1):
    """Give one array to two slots."""
    new = 0.5 * (a + b) + grad
    return new, new, new


@nnplug.optimizer(over="tensor")
def products(param, grad, a, b, *, learning_rate=0.1):
    """Matrix products and transposed arrays beside slots."""
    if param.ndim < 2:
        return param - learning_rate * grad, a + grad, b
    square = (grad @ grad.T) @ a
    return param - learning_rate * (b @ (a.T @ grad)), square + grad, np.where(a > 0, b, grad)


UPDATES = [frozen, keep_start, both, kept_either_way, exchanged, twice, products]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("part", UPDATES, ids=lambda part: part.name)
def test_updates_that_still_need_what_they_replace(part, engine):
    for dtype in ("float32", "float64"):
        check_update(part, engine, dtype)


@pytest.mark.parametrize("engine", ENGINES)
def test_parameters_that_are_kept_stay_where_they_began(engine):
    start = prepare("xor").network.parameters.copy()
    run = nnplug.train("xor", optimizer=frozen, epochs=5, engine=engine)
    np.testing.assert_array_equal(run.network.parameters, start)
    losses = run.history["loss"]
    assert losses[-1] == losses[0]


# --- random layers: a plan whose values share memory, beside one whose values do not -------


SLOPE = nnplug.trainable(0.3)


def random_activation(seed):
    """A random formula over rows, with what NumPy computes between what loops compute."""
    draw = random.Random(seed)
    unary = [np.tanh, np.arctan, np.sin, np.abs, np.floor, lambda a: np.exp(-a * a), np.square]
    binary = [np.add, np.subtract, np.multiply, np.maximum, np.hypot]
    rows = [np.sum, np.mean, np.max, np.min]
    plan = [
        (draw.random(), [draw.random() for _ in range(4)], draw.randrange(99)) for _ in range(9)
    ]

    @nnplug.activation(name=f"random_{seed}")
    def part(x, *, slope=SLOPE):
        """A random formula."""
        made = [x, slope * x] if seed % 2 else [x]
        for choice, places, which in plan:
            a, b, c, d = (made[int(place * len(made))] for place in places)
            if choice < 0.35:
                made.append(unary[which % len(unary)](a))
            elif choice < 0.6:
                made.append(binary[which % len(binary)](a, b))
            elif choice < 0.75:
                made.append(rows[which % len(rows)](a + 0 * x, axis=-1, keepdims=True))
            else:
                made.append(np.where(a > b, c, d))
        return 0.3 * sum(made[-4:]) + 0 * x

    return part


def steps_of(part, engine, *, apart=False, tile=program.TILE):
    """Three steps of a network with an activation; `apart`, with no memory shared."""
    registry = Registry()
    network = Network(
        5,
        (7, 6),
        3,
        activations=[part, part],
        output_activation=TANH,
        dropout=(0.2,),
        dtype=np.float64,
    )
    network.initialize(registry.get("initializer", "glorot_uniform"), 1)
    generator = np.random.default_rng(2)
    inputs, targets = generator.normal(size=(70, 5)), generator.normal(size=(70, 3))
    loss, optimizer = registry.get("loss", "mse"), registry.get("optimizer", "adam")
    weights = generator.uniform(size=(70, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "TILE", tile)
        if apart:
            patch.setattr(program, "_allocate", allocate_apart)
        steps = Steps(
            network, loss, optimizer, inputs, targets, 64, weights,
            regularization=Regularization(l1=0.01, clip_global_norm=9.0),
            engine=ENGINES[engine],
        )  # fmt: skip
    with np.errstate(all="ignore"):
        losses = [steps.run(np.arange(start, start + 64)) for start in (0, 3, 6)]
    return steps.program, [np.array(losses), *steps.copy_state().values()]


def allocate_apart(plan):
    buffers = {
        value: None
        for _, instruction in plan.instructions()
        for value in (*instruction.inputs, instruction.output)
        if value.role == "buffer"
    }
    slots = {value: Slot(number, False) for number, value in enumerate(buffers)}
    return Allocation(slots, {False: [value.nbytes for value in buffers], True: []})


def check_shared_memory(plan):
    """In the plan's order, everything that is read is still there; and so it is row by row."""
    slots, last = plan.allocation.slots, {}
    for section in plan.sections:
        layouts = {}
        for instruction in section.instructions:
            for value in instruction.inputs:
                if value in slots:
                    assert last[slots[value]] is value, value.name
            for value in (*instruction.inputs, instruction.output):
                if value in slots:
                    last[slots[value]] = (
                        value if value is instruction.output else last[slots[value]]
                    )
                    layout = (value.shape, value.dtype, value.per_row)
                    assert layouts.setdefault(slots[value], layout) == layout, value.name
    fused = [
        each
        for section in plan.sections
        for each in pieces(section, plan.rows)
        if isinstance(each, Fused)
    ]
    assert fused


@pytest.mark.parametrize("seed", range(60))
def test_values_that_share_memory_do_not_meet(seed):
    part = random_activation(seed)
    tile = (program.TILE, 50)[seed // 2 % 2]
    plan, shared = steps_of(part, "numpy", tile=tile)
    check_shared_memory(plan)
    _, apart = steps_of(part, "numpy", apart=True, tile=tile)
    for one, other in zip(shared, apart, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", range(2))
def test_values_that_share_memory_do_not_meet_in_loops(seed):
    part = random_activation(seed)
    _, shared = steps_of(part, "numba")
    _, apart = steps_of(part, "numpy", apart=True)
    for one, other in zip(shared, apart, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
