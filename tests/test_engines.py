"""The Numba engine beside the NumPy engine: small networks, faults, the cache, the choice."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import nnplug
import nnplug.engines.numba
from nnplug.engines import choose_engine, find_engine
from nnplug.engines.numba.compiler import Compiler
from nnplug.errors import DivergedError, OptionError, SettingError, UnknownPartError
from nnplug.network.network import Network
from nnplug.plans import Regularization
from nnplug.plugins.registry import Registry
from nnplug.training import Steps, train_network
from tests.engines import ENGINES
from tests.plugins.packages import isolated_site  # noqa: F401  # the fixture `site`

SMALL, LARGE = (2, 3, 2), (40, 60, 2)


def setup(widths=SMALL, optimizer="adam", activation="tanh", dtype=np.float64, rows=23, dropout=()):
    registry = Registry()
    if isinstance(activation, str):
        activation = registry.get("activation", activation)
    network = Network(
        widths[0],
        widths[1:-1],
        widths[-1],
        activations=[activation] * (len(widths) - 2),
        output_activation=registry.get("activation", "identity"),
        dropout=dropout,
        dtype=dtype,
    )
    network.initialize(registry.get("initializer", "glorot_uniform"), 0)
    generator = np.random.default_rng(3)
    inputs = generator.normal(size=(rows, widths[0]))
    targets = generator.integers(0, widths[-1], (rows, 1))
    loss, method = registry.get("loss", "cross_entropy"), registry.get("optimizer", optimizer)
    return network, loss, method, inputs, targets


def trained(engine, widths=SMALL, batch_size=5, epochs=7, dropout=(), **options):
    network, loss, optimizer, inputs, targets = setup(widths, dropout=dropout)
    history = train_network(
        network, loss, optimizer, inputs, targets,
        epochs=epochs, batch_size=batch_size, seed=1, engine=ENGINES[engine], **options,
    )  # fmt: skip
    return network.parameters.copy(), history


@pytest.mark.parametrize("batch_size", [5, 23, None])
@pytest.mark.parametrize("widths", [SMALL, LARGE], ids=["one function", "larger"])
def test_the_same_run_in_both_engines(widths, batch_size):
    wanted, before = trained("numpy", widths, batch_size)
    found, after = trained("numba", widths, batch_size)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
    assert after.columns.keys() == before.columns.keys()
    np.testing.assert_allclose(after["loss"], before["loss"], rtol=1e-13)


@pytest.mark.parametrize(
    ("widths", "options"),
    [
        (SMALL, {"regularization": Regularization(l2=0.1, l1=0.01)}),
        (SMALL, {"regularization": Regularization(clip_global_norm=0.05)}),
        (LARGE, {"dropout": (0.4,)}),
        (LARGE, {"regularization": Regularization(l2=0.1, l1=0.01, clip_global_norm=0.05)}),
    ],
    ids=["small-penalties", "small-clipping", "large-dropout", "large-both"],
)
def test_regularization_in_both_engines(widths, options):
    wanted, before = trained("numpy", widths, **options)
    found, after = trained("numba", widths, **options)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
    for name, column in before.columns.items():
        np.testing.assert_allclose(after[name], column, rtol=1e-12)


def test_rows_that_count_more_in_both_engines():
    weights = np.linspace(0, 2, 23).reshape(-1, 1)
    wanted, _ = trained("numpy", weights=weights)
    found, _ = trained("numba", weights=weights)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("batch_size", [23, 5])
def test_a_label_picks_the_only_column_of_what_the_loop_computes(batch_size):
    @nnplug.loss
    def picked(logits, labels):
        """One less the score."""
        return np.take_along_axis(1 - logits, labels, axis=-1)

    network, _, optimizer, inputs, _ = setup((2, 3, 1))
    hidden = np.tanh(inputs @ network["hidden1.weight"] + network["hidden1.bias"])
    outputs = hidden @ network["output.weight"] + network["output.bias"]
    history = train_network(
        network, picked, optimizer.with_options(learning_rate=0.0), inputs,
        np.zeros((23, 1), np.int64), epochs=1, batch_size=batch_size, seed=1,
        engine=ENGINES["numba"],
    )  # fmt: skip
    assert history["loss"] == pytest.approx([(1 - outputs).mean()], rel=1e-12)


def test_an_option_is_learned_from_one_row_at_a_time():
    @nnplug.activation
    def shifted(x, *, least=nnplug.trainable(0.25)):  # noqa: B008  # a declaration, not a value
        """x times what its row has at least, as far as it is learned."""
        return x * np.maximum(least, np.max(x, axis=-1, keepdims=True))

    found = {}
    for engine in ("numpy", "numba"):
        network, loss, optimizer, inputs, targets = setup((2, 3, 2), activation=shifted)
        train_network(
            network, loss, optimizer, inputs, targets,
            epochs=2, batch_size=1, seed=1, engine=ENGINES[engine],
        )  # fmt: skip
        found[engine] = network.parameters
    np.testing.assert_allclose(found["numba"], found["numpy"], rtol=1e-12, atol=1e-13)


def test_the_same_engine_gives_the_same_bits():
    for widths in (SMALL, LARGE):
        assert trained("numba", widths)[0].tobytes() == trained("numba", widths)[0].tobytes()


def test_many_steps_at_a_call_are_single_steps():
    rates = np.array([0.1, 0.2, 0.05, 0.1])
    order = np.random.default_rng(0).permutation(23)[:20]
    together, alone = (Steps(*setup(), 5, engine=ENGINES["numba"]) for _ in range(2))
    losses = np.empty(4)
    assert together.run_many(order, rates, losses) == 4
    for number, rate in enumerate(rates):
        alone.learning_rate[...] = rate
        assert alone.run(order[5 * number : 5 * number + 5]) == losses[number]
    assert together.network.parameters.tobytes() == alone.network.parameters.tobytes()
    assert together.count == alone.count == 4


@pytest.mark.parametrize("widths", [SMALL, LARGE], ids=["small", "large"])
def test_a_step_that_would_not_be_finite_is_not_taken(widths):
    messages, left = [], []
    for engine in ("numpy", "numba"):
        network, loss, optimizer, inputs, targets = setup(widths, "sgd", "relu", np.float32)
        optimizer = optimizer.with_options(learning_rate=1e20)
        with pytest.raises(DivergedError) as caught:
            train_network(
                network, loss, optimizer, inputs, targets,
                epochs=9, batch_size=5, seed=1, engine=ENGINES[engine],
            )  # fmt: skip
        messages.append(str(caught.value))
        left.append(network.parameters.copy())
        assert np.isfinite(network.parameters).all()
    assert messages[0] == messages[1]
    assert "step 2: the " in messages[0]
    np.testing.assert_allclose(left[1], left[0], rtol=1e-3)


def test_large_gradients_whose_squares_overflow_are_finite():
    network, loss, optimizer, inputs, targets = setup(LARGE, "sgd", "identity", np.float32)
    steps = Steps(
        network, loss, optimizer.with_options(learning_rate=1e-30), inputs * 1e25, targets, 5,
        engine=ENGINES["numba"],
    )  # fmt: skip
    with np.errstate(all="ignore"):
        assert math.isfinite(steps.run(np.arange(5)))


def test_nan_is_not_hidden_by_a_maximum():
    network, loss, optimizer, inputs, targets = setup(LARGE, "sgd", "relu", np.float32)
    network["hidden1.bias"][7] = np.nan
    with np.errstate(all="ignore"):
        steps = Steps(network, loss, optimizer, inputs, targets, 5, engine=ENGINES["numba"])
        assert math.isnan(steps.run(np.arange(5)))


def test_a_function_that_cannot_be_traced_runs_as_it_stands():
    @nnplug.activation(derivative=lambda x, y: np.vectorize(math.exp)(x))
    def opaque(x):
        """Exponential, element by element (none, 0)."""
        return np.vectorize(math.exp)(x)

    found = []
    for engine in ENGINES.values():
        network, loss, optimizer, inputs, targets = setup(LARGE)
        network = Network(
            40, (60,), 2, activations=[opaque], output_activation=network.layers[1].activation,
            dtype=np.float64,
        )  # fmt: skip
        network.initialize(Registry().get("initializer", "glorot_uniform"), 0)
        Steps(network, loss, optimizer, inputs / 10, targets, 5, engine=engine).run(np.arange(5))
        found.append(network.parameters)
    np.testing.assert_allclose(*found, rtol=1e-12)


@pytest.mark.parametrize(
    "arrange",
    [np.asfortranarray, lambda x: np.repeat(x, 2, axis=1)[:, ::2], lambda x: x.astype(">f8")],
    ids=["columns", "strides", "byte order"],
)
def test_rows_that_lie_otherwise_in_memory(arrange):
    network, loss, optimizer, inputs, targets = setup(LARGE)
    steps = Steps(network, loss, optimizer, arrange(inputs), targets, 5, engine=ENGINES["numba"])
    wanted = Steps(*setup(LARGE), 5, engine=ENGINES["numba"])
    # Products of such rows may be asked of BLAS another way: not the same bits everywhere.
    assert steps.run(np.arange(5)) == pytest.approx(wanted.run(np.arange(5)), rel=1e-12)
    np.testing.assert_allclose(
        steps.network.parameters, wanted.network.parameters, rtol=1e-9, atol=1e-12
    )


# --- memory ---------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES.values(), ids=list(ENGINES))
def test_a_run_keeps_no_copy_of_its_rows_and_nothing_that_grows_with_the_epochs(engine):
    network, loss, optimizer, _, _ = setup((200, 30, 2), dtype=np.float32)
    inputs = np.random.default_rng(0).normal(size=(20_000, 200)).astype(np.float32)
    targets = np.zeros((20_000, 1), int)
    some = np.arange(0, 20_000, 2)

    def peak(epochs):
        tracemalloc.start()
        train_network(
            network, loss, optimizer, inputs, targets,
            epochs=epochs, batch_size=500, seed=0, rows=some, engine=engine,
        )  # fmt: skip
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)  # imports and compiled code
    once = peak(1)
    # Two batches of activations, and four vectors of parameters.
    assert once < inputs.nbytes / 8
    # An order of rows that stayed would be 80,000 bytes an epoch.
    assert peak(6) < once + 200_000


# --- the cache of machine code --------------------------------------------------------


SOURCE = "def function(table):\n    return table[0] + {}\n"


def call(function, number):
    table, result = np.array([number]), np.zeros(2, np.int64)
    start = result.ctypes.data
    function(start, start + 8, table.ctypes.data)
    return result[0]


def test_what_was_compiled_is_kept(tmp_path):
    source = SOURCE.format(5)
    first, second = Compiler(tmp_path), Compiler(tmp_path)
    assert not first.known(source)
    assert call(first.functions([source])[source], 37) == 42
    assert second.known(source)
    assert call(second.functions([source])[source], 37) == 42
    assert (first.compiled, second.compiled) == (1, 0)


@pytest.mark.parametrize("harm", ["cut", "changed", "empty", "exchanged"])
def test_damaged_code_is_compiled_again_and_mended(tmp_path, harm):
    source, other = SOURCE.format(5), SOURCE.format(6)
    compiler = Compiler(tmp_path)
    compiler.functions([source, other])
    path, second = (compiler.cache.folder / f"{compiler.key(each)}.o" for each in (source, other))
    content = path.read_bytes()
    path.write_bytes({
        "cut": content[:-10],
        "changed": content[:200] + bytes([content[200] ^ 1]) + content[201:],
        "empty": b"",
        "exchanged": second.read_bytes(),
    }[harm])  # fmt: skip
    again = Compiler(tmp_path)
    assert call(again.functions([source])[source], 37) == 42
    assert again.compiled == 1
    assert Compiler(tmp_path).known(source)


def child(code, folder, **options):
    environment = {**os.environ, "NNPLUG_CACHE": str(folder)}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        **options,
    )  # fmt: skip


RUN = """
    import json, sys
    import nnplug
    from nnplug.engines.numba.compiler import compiler
    run = nnplug.train("xor", epochs=50, engine="numba")
    print(json.dumps([run.history["loss"][-1], compiler().compiled, "numba" in sys.modules]))
"""


def test_processes_that_compile_at_once_and_one_that_comes_later(tmp_path):
    together = [child(RUN, tmp_path) for _ in range(3)]
    found = [json.loads(process.communicate(timeout=120)[0]) for process in together]
    assert len({loss for loss, _, _ in found}) == 1
    loss, compiled, imported = json.loads(child(RUN, tmp_path).communicate(timeout=120)[0])
    # A second run compiles nothing, and need not import Numba.
    assert (loss, compiled, imported) == (found[0][0], 0, False)
    assert not list(tmp_path.rglob("*.part"))


# --- the choice -----------------------------------------------------------------------


def test_an_engine_that_is_not_there():
    with pytest.raises(UnknownPartError) as caught:
        find_engine("numb", Registry())
    assert str(caught.value) == (
        "There is no engine 'numb'. Did you mean 'numba' or 'numpy'?\n"
        f"Installed engines:\n  nnplug {nnplug.__version__}: numba, numpy"
    )
    with pytest.raises(UnknownPartError, match=r"There is no engine 'aut'\. Did you mean 'auto'"):
        find_engine("aut", Registry())
    with pytest.raises(UnknownPartError, match="'relu' is the name of an activation"):
        find_engine("relu", Registry())
    with pytest.raises(OptionError, match="engine 'numba' has no options, such as 'fast'"):
        find_engine("numba:fast=1", Registry())
    with pytest.raises(SettingError, match=r"engine=3: it must be auto, or the name of an engine"):
        nnplug.train("xor", epochs=1, engine=3)


def test_numba_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(nnplug.engines.numba, "find_spec", lambda name: None)
    with pytest.raises(SettingError) as caught:
        find_engine("numba", Registry())
    assert str(caught.value) == (
        "engine='numba': Numba is not installed.\n"
        "Install it with: pip install numba, or use engine='numpy'."
    )
    assert chosen(steps=10**9) == "numpy"


def chosen(**sizes):
    wanted = {"widths": [784, 512, 10], "slots": 2, "rows": 32, "steps": 1000} | sizes
    return choose_engine("auto", Registry(), **wanted).name


def test_auto_takes_numba_for_long_runs():
    assert chosen(steps=100_000) == "numba"
    assert chosen(steps=10) == "numpy"
    # The notebook's run takes NumPy a fifth of a second.
    assert chosen(widths=[2, 2, 1], slots=0, rows=4, steps=10_000) == "numpy"


@pytest.mark.parametrize(
    ("sizes", "steps"),
    [
        # Worked out by hand: 41 calls of 0.4 µs; (4 + 5·2)·406,528 + 4·32·522 passes of 0.15 ns.
        ({"widths": [784, 512, 10], "slots": 2, "rows": 32}, 5 / (39 * 4e-7 + 5758208 * 1.5e-10)),
        ({"widths": [2, 2, 1], "slots": 0, "rows": 4}, 5 / (39 * 4e-7 + 72 * 1.5e-10)),
        ({"widths": [4, 3], "slots": 1, "rows": 10}, 5 / (27 * 4e-7 + 228 * 1.5e-10)),
    ],
)
def test_auto_takes_numba_from_the_step_on_that_saves_its_compilation(sizes, steps):
    assert chosen(**sizes, steps=math.floor(steps)) == "numpy"
    assert chosen(**sizes, steps=math.floor(steps) + 1) == "numba"


def test_auto_chooses_among_nnplugs_own_and_those_that_p_names(site):
    site.install(
        "nnplug-eager",
        "import nnplug\nfrom nnplug.engines import NUMPY\n"
        "def eager(program, arrays, memory, *, many=False, like=None):\n"
        "    return NUMPY.bind(program, arrays, memory)\n"
        "engine = nnplug.Engine('eager', eager, saves=lambda sizes: 1.0, preparation=10.0)\n"
        "@nnplug.hookimpl\ndef register_engines(register):\n    register(engine)\n",
    )
    named, loaded = Registry(local=["nnplug-eager"]), Registry()
    loaded.plugins.load_all()
    assert loaded.tool("engine", "eager").name == "eager"
    sizes = {"widths": [2, 2, 1], "slots": 0, "rows": 4}
    found = [choose_engine("auto", named, steps=steps, **sizes).name for steps in (10, 11)]
    assert found == ["numpy", "eager"]
    assert choose_engine("auto", loaded, steps=11, **sizes).name == "numpy"


def test_no_module_but_the_engines_own_says_its_name():
    root = Path(nnplug.__file__).parent
    said = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if "numba" in path.read_text(encoding="utf-8").lower()
        and "engines/numba" not in path.as_posix()
    }
    # A list of libraries that are slow to import, not of engines.
    assert said == {"plugins/examination.py"}


def test_a_run_with_numpy_loads_nothing_of_numba_and_of_its_engine_what_describes_it():
    code = """
    import sys
    import nnplug
    nnplug.train("xor", epochs=2, engine=sys.argv[1])
    print(sorted(name for name in sys.modules if "numba" in name or name == "llvmlite"))
    """
    for engine in ("numpy", "auto"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), engine],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout == "['nnplug.engines.numba']\n"


def test_the_setting_says_which_engine_it_was():
    assert nnplug.train("xor", epochs=3).settings.engine == "numpy"
    assert nnplug.train("xor", epochs=3, engine="numba").settings.engine == "numba"


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weights_of_a_loss_of_one_number_a_row(reduction, engine):
    @nnplug.loss(reduction=reduction)
    def square(prediction, target):
        """The squared distance of each row."""
        return np.sum((prediction - target) ** 2, axis=-1)

    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    w = np.array([[0.0], [1.0], [2.0], [0.5], [1.0]])
    registry = Registry()
    network = Network(
        3, [], 2, activations=[], output_activation=registry.get("activation", "identity"),
        dtype=np.float64,
    )  # fmt: skip
    steps = Steps(
        network, square, registry.get("optimizer", "sgd:learning_rate=1.0"), x, y, None, w,
        engine=ENGINES[engine],
    )  # fmt: skip
    assert steps.run(None) == pytest.approx((w[:, 0] * (y**2).sum(1)).sum())
    slope = -2 * (w * y).sum(0) / (w.sum() if reduction == "mean" else 1)
    np.testing.assert_allclose(-network["output.bias"], slope, rtol=1e-12)
