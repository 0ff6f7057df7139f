"""Functions that a formula calls as they stand: in training, in files, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import nnplug
from nnplug.engines import NUMPY
from nnplug.errors import FormulaError, PartError, SettingError, UnknownPartError
from nnplug.formulas.primitives import new_graph
from nnplug.network.network import Network
from nnplug.plugins.plugin import Plugin
from nnplug.plugins.registry import Registry
from nnplug.training import Steps
from tests.engines import ENGINES

engines = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)

TANH = nnplug.Opaque("my tanh 1.0", np.tanh, lambda g, x: g / np.cosh(x) ** 2)
# The derivative by hand: of cross-entropy, the softmax minus one at the label.
CROSS = nnplug.Opaque(
    "my cross-entropy 1.0",
    lambda z, k: (
        np.log(np.exp(z).sum(-1, keepdims=True)) - np.take_along_axis(z, k.astype(int), -1)
    ),
    lambda g, z, k: g * (np.exp(z) / np.exp(z).sum(-1, keepdims=True) - (k == [[0, 1, 2]])),
    by="row",
)
SEEN = []


def momentum_step(param, grad, m, rate, *, decay):
    SEEN.append(float(rate))
    m = decay * m + grad
    return param - rate * m, m


MOMENTUM = nnplug.Opaque("my momentum 1.0", momentum_step)


@nnplug.activation
def my_tanh(x):
    """Tanh, called as it stands."""
    return TANH(x)


@nnplug.loss
def my_cross_entropy(logits, labels):
    """Cross-entropy, called as it stands."""
    return CROSS(logits, labels)


@nnplug.optimizer
def my_momentum(param, grad, m, *, learning_rate=0.1, decay=0.9):
    """Momentum, called as it stands."""
    return MOMENTUM.several(2, param, grad, m, learning_rate, decay=decay)


@nnplug.optimizer
def momentum(param, grad, m, *, learning_rate=0.1, decay=0.9):
    """Momentum, as a formula."""
    m = decay * m + grad
    return param - learning_rate * m, m


def calling(opaque):
    """Make a plain function that calls it, as an activation's formula must be one."""

    def function(x):
        return opaque(x)

    return function


def trained(activation, optimizer, loss, engine, dtype=np.float64):
    """Take seven steps of a network of three classes."""
    find = Registry().get
    generator = np.random.default_rng(0)
    net = Network.of(
        4, [find("layer", "dense:5"), activation], 3,
        output_activation=find("activation", "identity"), dtype=dtype,
    )  # fmt: skip
    net.initialize(find("initializer", "glorot_uniform"), 1)
    rows, labels = generator.normal(size=(12, 4)).astype(dtype), generator.integers(0, 3, (12, 1))
    steps = Steps(net, loss, optimizer, rows, labels, 6, engine=engine)
    losses = [steps.run(np.arange(6) + 6 * (number % 2)) for number in range(7)]
    return losses, net.parameters.copy()


@engines
def test_it_trains_as_the_formula_does(engine):
    find = Registry().get
    plain = trained(find("activation", "tanh"), momentum, find("loss", "cross_entropy"), engine)
    called = trained(my_tanh, my_momentum, my_cross_entropy, engine)
    np.testing.assert_allclose(called[0], plain[0], rtol=1e-13)
    np.testing.assert_allclose(called[1], plain[1], rtol=1e-11, atol=1e-14)


def test_it_gets_numbers_in_full_where_arrays_are_float32():
    SEEN.clear()
    rate = my_momentum.with_options(learning_rate=0.1)
    trained(my_tanh, rate, my_cross_entropy, NUMPY, np.float32)
    assert set(SEEN) == {0.1}


def test_a_run_is_saved_loaded_and_resumed_to_the_bit(tmp_path, nnplug_registry):
    nnplug_registry.register(my_tanh)
    nnplug_registry.register(my_momentum)
    settings = {
        "hidden": 3, "activation": "my_tanh", "optimizer": "my_momentum:learning_rate=0.3",
        "seed": 3, "epochs": 12, "batch_size": 2, "registry": nnplug_registry,
    }  # fmt: skip
    whole = nnplug.train("xor", **settings)

    class Stop:
        @nnplug.hookimpl
        def on_epoch_end(self, run, record):
            if record.epoch == 5:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nnplug.train("xor", **settings, output=tmp_path / "r", callbacks=[Stop()],
                     checkpoint_every=5)  # fmt: skip
    resumed = nnplug.resume(tmp_path / "r", registry=nnplug_registry)
    assert resumed.history["loss"] == whole.history["loss"]
    same = resumed.model.network.parameters.tobytes() == whole.model.network.parameters.tobytes()
    assert same
    resumed.save(tmp_path / "m.nnplug")
    model = nnplug.load(tmp_path / "m.nnplug", registry=nnplug_registry)
    rows = [[0.0, 1.0], [1.0, 1.0]]
    np.testing.assert_array_equal(model.predict(rows), resumed.model.predict(rows))
    with pytest.raises(SettingError, match=r"my tanh 1\.0 runs as it stands.*\nUse a part that is"):
        model.export("c", tmp_path / "m.c")


def test_its_digest_is_of_the_title_and_the_options():
    def digest(title, **options):
        called = nnplug.Opaque(title, lambda x, **given: x)
        return nnplug.activation(name="part")(lambda x: called(x, **options)).digest

    assert digest("a 1.0", b=2) == digest("a 1.0", b=2)
    assert len({digest("a 1.0"), digest("a 1.1"), digest("a 1.0", b=2), digest("a 1.0", b=3)}) == 4


def test_on_arrays_it_is_the_function():
    assert TANH(np.array([0.0])).tolist() == [0.0]
    new, m = my_momentum(np.array([1.0]), np.array([2.0]), np.array([0.0]), learning_rate=0.5)
    assert (new.tolist(), m.tolist()) == ([0.0], [2.0])


def test_a_missing_derivative_is_refused_with_the_way_out():
    step = nnplug.Opaque("my step 1.0", np.sign)
    part = nnplug.activation(name="stepped")(calling(step))
    find = Registry().get
    with pytest.raises(FormulaError, match=r"my step 1\.0: it has no derivative.*\nWay out: use a"):
        trained(part, momentum, find("loss", "cross_entropy"), NUMPY)


def test_a_second_derivative_is_refused():
    @nnplug.optimizer
    def curved(param, grad, *, curvature, learning_rate=0.1):
        return param - learning_rate * grad / (1 + curvature**2)

    loss = Registry().get("loss", "cross_entropy")
    with pytest.raises(FormulaError, match=r"my tanh 1\.0: it has no second derivative"):
        trained(my_tanh, curved, loss, NUMPY)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (
            lambda x: x[:, :1],
            r"bad 1\.0: it returned shape \(6, 1\), float64\.\nWay out: .*\(6, 5\)",
        ),
        (lambda x: x.astype(str), r"bad 1\.0: it returned shape \(6, 5\), <U"),
    ],
)
def test_a_wrong_result_names_it(function, said):
    bad = nnplug.Opaque("bad 1.0", function, lambda g, x: g)
    part = nnplug.activation(name="bad")(calling(bad))
    with pytest.raises(FormulaError, match=said):
        trained(part, momentum, Registry().get("loss", "cross_entropy"), NUMPY)


def test_several_results_must_be_as_many_as_said():
    few = nnplug.Opaque("few 1.0", lambda param, *_: (param,))

    @nnplug.optimizer
    def lacking(param, grad, m, *, learning_rate=0.1):
        return few.several(2, param, grad, m)

    loss = Registry().get("loss", "cross_entropy")
    with pytest.raises(FormulaError, match=r"few 1\.0 did not return 2 arrays as a tuple"):
        trained(my_tanh, lacking, loss, NUMPY)


def test_an_array_is_not_an_option():
    graph = new_graph()
    with pytest.raises(FormulaError, match=r"my tanh 1\.0: the option by is given a Symbol"):
        TANH(graph.input("x", ("N", "C")), by=graph.input("s"))


# --- parts that are found by package/name -------------------------------------------------


class Adapter:
    """A plugin that has a tanh for each number of stars; it is asked once for each."""

    def __init__(self, given=None):
        self.asked, self.given = [], given

    @nnplug.hookimpl
    def find_part(self, kind, name):
        self.asked.append((kind, name))
        if self.given is not None:
            return self.given
        if kind != "activation" or name not in ("tanh", "star"):
            return None
        return nnplug.activation(name=name)(calling(TANH))


def registry_with(adapter, package="nnplug-far"):
    installed = [Plugin(package, "1.2", "far", "far", "available", load=lambda: adapter)]
    return Registry(plugins=nnplug.plugins.loading.Plugins(installed=installed))


def test_find_part():
    adapter = Adapter()
    registry = registry_with(adapter)
    part = registry.get("activation", "far/Star")  # nnplug-far may be called far
    assert registry.get("activation", "nnplug-far/star") is part
    assert adapter.asked == [("activation", "star")]
    assert registry.provider(part).label == "nnplug-far 1.2"
    # It may have the name of a built-in part, whose bare name it does not take.
    own = registry.get("activation", "far/tanh")
    assert registry.get("activation", "tanh") is not own
    assert registry.provider(own).label == "nnplug-far 1.2"
    with pytest.raises(UnknownPartError, match="There is no activation 'star'"):
        registry.get("activation", "star")
    with pytest.raises(UnknownPartError, match="There is no activation 'far/moon'"):
        registry.get("activation", "far/moon")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (my_tanh, r"find_part is asked for the activation 'star', .* called 'my_tanh'"),
        (my_momentum, "find_part takes a part made with @nnplug.activation, not the optimizer"),
        (3, "find_part takes a part made with @nnplug.activation, not 3"),
    ],
)
def test_what_find_part_gives_is_checked(given, said):
    with pytest.raises(PartError, match=said):
        registry_with(Adapter(given)).get("activation", "far/star")
