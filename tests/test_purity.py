"""A formula that is not the same at each call is refused where it is traced."""

# ruff: noqa: NPY002  # the legacy generator is what authors draw from, and is refused here

from __future__ import annotations

import math
import pickle
import random
import secrets
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import nnplug
from nnplug.errors import FormulaError, ImpureFormulaError
from nnplug.formulas.primitives import new_graph

THIS = Path(__file__)
CALLS = [0]
LOG: list[str] = []
CACHE: dict[str, float] = {}
SCALE = 2.0
STATE = SimpleNamespace(calls=0, rng=np.random.default_rng(0))
RNG = np.random.default_rng(1)
COUNTER = iter(range(1_000_000))
TABLE = np.array([0.5, 0.25])


def value(part):
    """Trace an activation, as a run does first of all."""
    return part.value(new_graph().input("x", ("N", "C")))


# --- refused ----------------------------------------------------------------------------


def drawn(x):
    return np.where(x > 0, x, np.random.uniform(0.1, 0.9) * x)  # here


def counted(x):
    CALLS[0] += 1  # here
    return x * CALLS[0]


def coin(x):
    return x * (1 + np.random.randint(2))  # here


def seldom(x):
    return x * (2 if random.random() < 0.001 else 1)  # here


def own_generator(x):
    return x + (RNG.integers(1000) == 0)  # here


def generator_of_an_object(x):
    return x * (1 + STATE.rng.integers(2))  # here


def new_generator(x):
    return x * (1 + np.random.default_rng().integers(2))  # here


def imported_within(x):
    import random as chance

    return x * chance.choice([1.0, 2.0])  # here


def imported_name_within(x):
    from numpy.random import rand

    return x * (1 + (rand() > 0.5))  # here


def under_another_name(x):
    generator = RNG  # here
    return x * (1 + generator.integers(2))


def of_the_system(x):
    return x * (1 + secrets.randbelow(2))  # here


def clock(x):
    return x * (1 + time.time_ns() % 2)  # here


def every_tenth(x):
    CALLS[0] += 1  # here
    return x * (1 + CALLS[0] // 10)


def in_turns(x):
    STATE.calls += 1  # here
    return x * (1 + STATE.calls % 2)


def iterated(x):
    return x * (1 + next(COUNTER) // 5)  # here


def helper(x):
    return x + random.gauss(0, 1)  # here


def with_a_helper(x):
    return 2 * helper(x)


def in_a_comprehension(x):
    return sum([x * random.random() for _ in range(3)])  # here


def fails_at_times(x):
    CALLS[0] += 1  # here
    return x if CALLS[0] % 2 else x[0]


REFUSED = {
    drawn: "`np.random.uniform` draws random numbers",
    counted: "`CALLS` has changed",
    coin: "`np.random.randint` draws random numbers",
    seldom: "`random.random` draws random numbers",
    own_generator: "`RNG` draws random numbers",
    generator_of_an_object: "`STATE.rng` draws random numbers",
    new_generator: "`np.random.default_rng",
    imported_within: "`random.choice` draws random numbers",
    imported_name_within: "`numpy.random.rand` draws random numbers",
    under_another_name: "`RNG` draws random numbers",
    of_the_system: "`secrets.randbelow` gives something else each time",
    clock: "`time.time_ns` gives something else each time",
    every_tenth: "`CALLS` has changed",
    in_turns: "`STATE.calls` has changed",
    iterated: "`COUNTER` gives something else each time",
    with_a_helper: "`random.gauss` draws random numbers",
    in_a_comprehension: "`random.random` draws random numbers",
    fails_at_times: "`CALLS` has changed",
}


@pytest.mark.parametrize("formula", REFUSED, ids=lambda formula: formula.__name__)
def test_refusal_names_the_line_what_changes_and_the_way_out(formula):
    CALLS[0] = 0
    part = nnplug.activation(formula)
    with pytest.raises(ImpureFormulaError) as caught:
        value(part)
    message = str(caught.value)
    source = helper if formula is with_a_helper else formula
    lines = THIS.read_text().splitlines()
    start = source.__code__.co_firstlineno
    line = next(at for at in range(start, start + 9) if lines[at - 1].endswith("# here"))
    assert message.startswith(
        f"activation {formula.__name__!r}: {THIS}:{line}: the second call of the formula gave "
        "another one: "
    )
    assert REFUSED[formula] in message
    assert message.endswith(
        "\nWay out: make it an option, `*, value=0.5`, or one that is learned, "
        "nnplug.trainable(0.5); draw what is random once, outside the formula."
    )


def test_what_a_closure_and_the_function_itself_count():
    calls = 0

    @nnplug.activation
    def closed(x):
        nonlocal calls
        calls += 1
        return x * (1 + calls // 10)

    def noted(x):
        noted.calls += 1
        return x * (1 + noted.calls // 10)

    noted.calls = 0
    for part, named in ((closed, "`calls`"), (nnplug.activation(noted), "`noted.calls`")):
        with pytest.raises(ImpureFormulaError, match=f"{named} has changed"):
            value(part)


def test_what_cannot_be_seen_to_change_is_refused_at_the_definition():
    class Hidden:
        __slots__ = ("calls",)

        def __init__(self):
            self.calls = 0

        def next(self):
            self.calls += 1
            return self.calls

    hidden = Hidden()

    @nnplug.activation
    def secretive(x):
        return x * hidden.next()

    with pytest.raises(ImpureFormulaError) as caught:
        value(secretive)
    assert f"{secretive.place}: " in str(caught.value)
    assert "it is random, counts its calls, or reads something that changes." in str(caught.value)


def test_losses_and_optimizers_are_held_to_it():
    @nnplug.loss
    def noisy(prediction, target):
        return (prediction - target) ** 2 + np.random.normal()

    @nnplug.optimizer
    def langevin(param, grad, *, learning_rate=0.1):
        return param - learning_rate * grad + 0.01 * np.random.normal()

    for part, trace in (
        (noisy, lambda: noisy.value(*noisy.inputs(new_graph()))),
        (langevin, lambda: langevin.update(new_graph())),
    ):
        with pytest.raises(ImpureFormulaError) as caught:
            trace()
        assert str(caught.value).startswith(f"{part.kind} {part.name!r}: {THIS}:")
        assert "trainable" not in str(caught.value)  # only activations have such
        with pytest.raises(ImpureFormulaError):
            nnplug.train("xor", epochs=1, **{part.kind: part})


def test_a_derivative_is_held_to_it_and_does_not_excuse_the_formula():
    @nnplug.activation(derivative=lambda x, y: 1.0)
    def drawn_with_derivative(x):
        return x * np.random.uniform()

    @nnplug.activation(derivative=lambda x, y: np.random.uniform() * x)
    def drawn_derivative(x):
        return x * x

    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    with pytest.raises(ImpureFormulaError, match="activation 'drawn_with_derivative'"):
        drawn_with_derivative.value(x)
    with pytest.raises(ImpureFormulaError, match="derivative of activation 'drawn_derivative'"):
        drawn_derivative.slope(x, drawn_derivative.value(x))


def test_a_derivative_may_be_an_object_that_is_called():
    class Slope:
        def __call__(self, x, y):
            return np.random.normal(size=np.shape(x))

    part = nnplug.activation(name="odd", derivative=Slope())(lambda x: np.cumsum(x, axis=-1))
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    with pytest.raises(ImpureFormulaError, match=r"activation 'odd': two calls .*is random"):
        part.slope(x, part.value(x))


def test_what_is_not_traced_is_called_twice_on_numbers():
    def noisy(x):
        return np.cumsum(x, axis=-1) + np.random.normal(size=x.shape)

    def steady(x):
        return np.cumsum(x, axis=-1)

    def slope(x, y):
        return 1.0 + 0 * x

    with pytest.raises(ImpureFormulaError, match="two calls with the same arguments give two"):
        value(nnplug.activation(derivative=slope)(noisy))
    assert value(nnplug.activation(derivative=slope)(steady)).shape == ("N", "C")


def test_initializers_draw_from_their_generator_alone():
    @nnplug.initializer
    def forgetful(generator, fan_in, fan_out):
        return np.random.normal(size=(fan_in, fan_out))

    with pytest.raises(ImpureFormulaError) as caught:
        nnplug.train("xor", initializer=forgetful, epochs=1)
    line = forgetful.function.__code__.co_firstlineno + 2
    assert str(caught.value) == (
        f"initializer 'forgetful': {THIS}:{line}: two calls with the same arguments give two "
        "results: `np.random.normal` draws random numbers.\n"
        "A formula must be the same at each call, since models and runs keep its name alone.\n"
        "Way out: draw from `generator` alone, which the run's seed makes."
    )


@pytest.mark.parametrize("through", ["train", "sklearn"])
def test_schedules_are_functions_of_their_time(through):
    calls = []

    @nnplug.schedule
    def falling(epoch, epochs):
        calls.append(epoch)
        return 1 / len(calls)

    def fit():
        if through == "train":
            nnplug.train("xor", schedule=falling, epochs=2)
        else:
            estimators = pytest.importorskip("nnplug.sklearn")
            estimators.MLPRegressor(schedule=falling, max_iter=2).fit(np.eye(4), np.ones(4))

    with pytest.raises(
        ValueError if through == "sklearn" else ImpureFormulaError,
        match=r"(?s)schedule 'falling': .* results: `calls` has changed.*compute the factor",
    ):
        fit()


def test_a_global_that_changes_between_two_trainings_is_refused(monkeypatch):
    @nnplug.activation
    def scaled(x):
        return x * SCALE

    nnplug.train("xor", activation=scaled, epochs=1)
    nnplug.train("xor", activation=scaled, epochs=1)
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    with pytest.raises(ImpureFormulaError) as caught:
        nnplug.train("xor", activation=scaled, epochs=1)
    assert (
        f"{THIS}:{scaled.function.__code__.co_firstlineno + 2}: the formula is not the one that "
        "was traced before: `SCALE` has changed."
    ) in str(caught.value)
    # Defined anew, or woken up elsewhere, it is another part.
    value(nnplug.activation(name="scaled")(scaled.function))
    assert pickle.loads(pickle.dumps(scaled.traces))._known == {}


def test_a_part_that_is_pickled_leaves_what_it_was_behind():
    assert inner.digest
    value(inner)
    woken = pickle.loads(pickle.dumps(inner))
    assert "digest" not in vars(woken)
    assert woken.digest == inner.digest
    assert woken.traces is not inner.traces


def test_what_contains_itself_is_looked_at_no_deeper():
    around = {"slope": 0.5}
    around["self"] = [around]

    @nnplug.activation
    def nested(x):
        return x * around["slope"]

    value(nested)
    around["slope"] = 0.25
    with pytest.raises(ImpureFormulaError, match="`around` has changed"):
        value(nested)


# --- accepted ---------------------------------------------------------------------------

DRAWN_ONCE = random.Random(3).random()


def constant(x):
    return x * DRAWN_ONCE * math.pi + TABLE[0]


def seeded(x):
    return x * np.random.default_rng(0).random()


def remembering(x):
    if "slope" not in CACHE:
        CACHE["slope"] = math.sqrt(0.5)
    return x * CACHE["slope"]


def logging(x):
    LOG.append("traced")
    return np.tanh(x)


def of_another_part(x):
    return inner(x) + x


@nnplug.activation
def inner(x):
    return np.tanh(x) * SCALE


@pytest.mark.parametrize(
    "formula",
    [constant, seeded, remembering, logging, of_another_part],
    ids=lambda formula: formula.__name__,
)
def test_what_gives_the_same_each_time_is_a_formula(formula):
    part = nnplug.activation(formula)
    for _ in range(3):
        assert value(part).shape == ("N", "C")
    nnplug.train("xor", activation=part, epochs=2)


def test_options_may_change_the_formula():
    @nnplug.activation
    def powered(x, *, power=2, half=False):
        return x**power * (0.5 if half else 1)

    for options in ({}, {"power": 3}, {"half": True}, {}):
        value(powered.with_options(**options))


def test_the_second_call_costs_one_call():
    calls = []

    @nnplug.activation
    def plain(x):
        calls.append(x)
        return np.tanh(x)

    value(plain)
    first = len(calls)
    value(plain)
    assert first > 2  # the list has grown: looked at more often, once
    assert len(calls) == first + 1
    assert isinstance(ImpureFormulaError("x"), FormulaError)
