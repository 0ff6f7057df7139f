"""What authors are told about mistakes that many make: what is wrong, and a way out that exists."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.special

import nnplug
import nnplug.models
import nnplug.tables
import nnplug.testing
from nnplug.errors import FormulaError, NnplugError, PartError, UnknownNameError
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.refusal import EXPRESSIONS, instead_of
from nnplug.formulas.tracing import trace

THIS = Path(__file__)
LEARNED = nnplug.trainable(0.5)


def told(function, error=NnplugError):
    """Give the message of the error that a call raises."""
    with pytest.raises(error) as caught:
        function()
    return str(caught.value)


def traced(part):
    """Trace a part as training does."""
    if part.kind == "activation":
        return part.value(new_graph().input("x", ("N", "C")))
    if part.kind == "loss":
        return part.value(*part.inputs(new_graph()))
    return part.update(new_graph())


# --- nnplug.special and other namespaces -------------------------------------------------


def test_special_is_a_module_that_costs_nothing_until_it_is_used():
    code = (
        "import sys, nnplug; assert 'numpy' not in sys.modules;"
        "from nnplug.special import sigmoid; import nnplug.special as special;"
        "assert nnplug.special is special; print(float(sigmoid(0.0)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0.5\n"


@pytest.mark.parametrize(
    ("module", "name", "hint"),
    [
        (nnplug.special, "sigmoud", " Did you mean 'sigmoid' or 'log_sigmoid'?"),
        (nnplug.special, "gelu_new", " It has digamma, erf, erfc, lgamma, log_sigmoid, "),
        (nnplug, "trian", " Did you mean 'train' or 'trace'?"),
        (nnplug, "optimiser", " Did you mean 'optimizer'?"),
        (nnplug, "sklearn", " It is a module: import nnplug.sklearn."),
        (nnplug.testing, "check", " Did you mean 'checks' or 'Check'?"),
        (nnplug.models, "load_modle", " Did you mean 'load_model'?"),
        (nnplug.tables, "read_tables", " Did you mean 'read_table' or 'prepare_table'?"),
    ],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_a_name_that_a_module_has_not_is_told_the_nearest(module, name, hint, monkeypatch):
    monkeypatch.delattr(module, name, raising=False)  # a module that another test imported
    message = told(lambda: getattr(module, name), AttributeError)
    assert message.startswith(f"module {module.__name__!r} has no attribute {name!r}.{hint}")


# --- declaring a part --------------------------------------------------------------------


def test_a_lambda_needs_a_name():
    line = told.__code__.co_firstlineno
    message = told(lambda: nnplug.activation(lambda x: x * x), PartError)
    assert message.startswith(f"{THIS}:")
    assert int(message.split(":")[1]) > line
    assert message.endswith(
        ": activation: a lambda has no name.\n"
        'Give it one: nnplug.activation(name="my_activation")(lambda ...).'
    )
    assert nnplug.activation(name="my_activation")(lambda x: x * x)(3.0) == 9.0


def test_options_stand_after_a_star():
    def p(x, alpha):
        return x * alpha

    def pinball(prediction, target, quantile, weight):
        return prediction - target

    def scaled(generator, fan_in, fan_out, gain):
        return np.ones((fan_in, fan_out))

    place = f"{THIS}:{p.__code__.co_firstlineno}"
    assert told(lambda: nnplug.activation(p), PartError) == (
        f"{place}: activation 'p': an activation takes (x), not (x, alpha).\n"
        "Options stand after a `*`, each with its default: (x, *, alpha=1.0)."
    )
    assert told(lambda: nnplug.loss(pinball), PartError).endswith(
        ": (prediction, target, *, quantile=1.0, weight=1.0)."
    )
    assert told(lambda: nnplug.initializer(scaled), PartError).endswith(
        ": (generator, fan_in, fan_out, *, gain=1.0)."
    )

    def none():
        return 1

    assert "Options" not in told(lambda: nnplug.activation(none), PartError)


@pytest.mark.parametrize(
    ("start", "shown"),
    [
        (np.ones(4), "an array of shape (4,)"),
        ([0.1, 0.2], "an array of shape (2,)"),
        ("0.25", "'0.25'"),
        (None, "None"),
        (True, "True"),
        (1j, "1j"),
        (float("nan"), "nan"),
    ],
)
def test_trainable_takes_one_number(start, shown):
    message = told(lambda: nnplug.trainable(start), PartError)
    here = test_trainable_takes_one_number.__code__.co_firstlineno
    assert message.startswith(f"{THIS}:")
    assert 0 < int(message.split(":")[1]) - here < 20
    assert message.endswith(
        f"nnplug.trainable takes one finite number, from which learning starts, not {shown}.\n"
        "An option is one number for a whole layer: nnplug.trainable(1.0)."
    )
    assert nnplug.trainable(np.float32(0.5)) == nnplug.trainable(0.5) == 0.5


def test_a_list_is_no_tuple():
    @nnplug.optimizer
    def momentum(param, grad, m, *, learning_rate=0.1):
        m = 0.9 * m + grad
        return [param - learning_rate * m, m]

    assert told(lambda: traced(momentum), FormulaError) == (
        f"optimizer 'momentum': {momentum.place}: the formula returns a list.\n"
        "Way out: return a tuple, as in `return param, m`, or one array alone."
    )


# --- functions that formulas cannot use --------------------------------------------------


def test_a_way_out_is_one_that_the_part_has():
    @nnplug.activation
    def stacked(x):
        return np.cumprod(x, axis=-1)

    @nnplug.activation
    def broken(x):
        return x.shape.missing

    @nnplug.loss
    def poisson(prediction, target):
        return prediction - target * np.log(prediction) + scipy.special.gammaincc(target, 1)

    @nnplug.optimizer
    def sorted_steps(param, grad, *, learning_rate=0.1):
        return param - learning_rate * np.argsort(grad)

    as_it_stands = " Or give the activation `derivative=`, and it runs as it stands, on arrays."
    assert told(lambda: traced(stacked)).endswith(as_it_stands)
    assert told(lambda: traced(broken)).endswith(as_it_stands)
    line = poisson.function.__code__.co_firstlineno + 2
    assert told(lambda: traced(poisson)) == (
        f"loss 'poisson': {THIS}:{line}: `gammaincc` is not supported: nnplug has no derivative "
        "for it.\n"
        "Way out: use nnplug.special's lgamma, digamma or trigamma; a term of a loss that does not "
        "depend on the prediction changes no step, and may be left out."
    )
    message = told(lambda: traced(sorted_steps))
    assert "`argsort` is not supported" in message
    assert "derivative=" not in message
    # One that has a derivative, and needs to be traced all the same, is not told to give it.
    learned = nnplug.activation(name="learned", derivative=lambda x, y, *, slope: slope)(
        lambda x, *, slope=LEARNED: slope * np.cumprod(x, axis=-1)
    )
    assert "derivative=" not in told(lambda: traced(learned))


def no_such_function(x):
    return np.softmax(x)


@pytest.mark.parametrize(
    ("function", "what", "way_out"),
    [
        (lambda x: divmod(x, 2), "`divmod` is not supported", "build it from arithmetic"),
        (lambda x: np.sort(x, axis=0), "`sort` over axis=0 of shape (N, C)", "np.sort(x, axis=-1)"),
        (np.cumsum, "`cumsum` over axis=None of shape (N, C)", "use np.cumsum(x, axis=-1)"),
        (np.flip, "`flip` over axis=None of shape (N, C): each row stands", "np.flip(x, axis=-1)"),
        (lambda x: np.sort(x, order="a"), "`sort` is given order", "leave it out"),
        (lambda x: np.cumsum(x, axis=-1, dtype=int), "`cumsum` is given dtype", "leave it out"),
        (lambda x: x.sort(), "`.sort` of an array: a formula changes no", "np.sort(x, axis=-1)"),
        (lambda x: np.sum(x, axis=-1).mean().cumsum(), "`cumsum` over axis=None of shape ()", "np"),
        (lambda x: np.var(x, axis=(0, 1)), "`var` over axis=(0, 1)", "use axis=-1"),
        (lambda x: np.std(x, ddof="1"), "`std` with ddof='1': it must be a number", "ddof=1"),
        (lambda x: np.std(x, mean=x), "`std` is given mean", "leave it out"),
        (lambda x: np.var(x, -1, float), "`var` is given dtype", "leave it out"),
        (np.argsort, "`argsort` is not supported", "use np.sort(x, axis=-1), or np.max or np.min"),
        (lambda x: np.median(x, axis=-1), "`median` is not supported", "use np.sort(x, axis=-1)"),
        (scipy.special.gammaln, "`gammaln` is not", "write nnplug.special.lgamma(x)"),
        (scipy.special.expit, "`expit` is not", "nnplug.special.sigmoid(x)"),
        (lambda x: np.split(x, 2, axis=-1)[0], "`split` is not", "an activation gives as many"),
        (lambda x: x[:, ::2], "indexing an array, as `x[:, 0]` and `x[:, ::2]` do: a formula "
         "works on whole arrays, and an activation keeps its input's width, which only a layer "
         "may change", "np.where"),
        (lambda x: np.concatenate([x, -x], axis=-1), "`concatenate` is", "with hidden="),
        (lambda x: x.reshape(-1), "`.reshape` of an array: it is not supported", "with hidden="),
        (no_such_function, "has no attribute 'softmax'", "nnplug.special.softmax(x)"),
        (np.spacing, "`spacing` is not supported", "build it from arithmetic"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_named_with_what_to_write(function, what, way_out):
    x = new_graph().input("x", ("N", "C"))
    message = told(lambda: trace(function, [x], {}, name="activation 'a'"), FormulaError)
    first, last = message.split("\nWay out: ")
    assert what in first
    assert way_out in last
    # NumPy's names are right as they are: the nearest is never what was meant.
    assert "Did you mean" not in message


X = np.array([[-2.5, -0.4, 0.3, 0.9], [-1.0, 0.6, 1.5, 3.0]])
UNIT, ABOVE = np.tanh(X), 1 + abs(X)
OTHER = np.array([[1.5, -2.0, 0.7, 0.4], [0.5, -0.3, 2.0, 1.1]])
ARGUMENTS = {
    **dict.fromkeys(
        ("gamma", "gammaln", "loggamma", "factorial", "psi", "lgamma", "digamma", "trigamma"),
        (ABOVE,),
    ),
    "betaln": (ABOVE, abs(OTHER)),
    "logit": ((1 + UNIT) / 2,),
    **dict.fromkeys(("nan_to_num",), (np.array([[np.nan, 1.0]]),)),
    **dict.fromkeys(("xlogy", "rel_entr"), (np.maximum(X, 0), abs(OTHER))),
    "xlog1py": (np.maximum(X, 0), abs(OTHER)),
    **dict.fromkeys(("huber", "pseudo_huber"), (abs(OTHER), X)),
    **dict.fromkeys(("exprel", "entr"), (np.maximum(X, 0),)),
}
OWN = {"relu": lambda x: np.maximum(x, 0), **{name: getattr(nnplug.special, name)
       for name in nnplug.special.__all__}}  # fmt: skip


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_is_written_instead_gives_the_same_numbers(name):
    meant = OWN.get(name) or getattr(np, name, None) or getattr(scipy.special, name)
    text = EXPRESSIONS[name]
    letters = sorted({"a", "b", "x"} & set(compile(text, name, "eval").co_names))
    arrays = ARGUMENTS.get(name, (X, OTHER)[: len(letters)])
    formula = eval(f"lambda {', '.join(letters)}: {text}", {"np": np, "nnplug": nnplug})
    graph = new_graph()
    symbols = [graph.input(letter, ("N", "C")) for letter in letters]
    outputs = trace(formula, symbols, {}, name="activation 'a'")
    more = {"axis": -1, "keepdims": True} if name in ("var", "std", "ptp", "logsumexp") else {}
    with np.errstate(all="ignore"):
        (found,) = evaluate(outputs, dict(zip(letters, arrays, strict=True)))
        expected = meant(*arrays, **more)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_every_function_of_special_is_known_to_it():
    assert all(instead_of(name) for name in nnplug.special.__all__)
    assert instead_of("no_such_function") == ""


# --- mappings ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run():
    return nnplug.train("xor", epochs=2, metrics=["accuracy"])


def test_a_name_that_a_network_has_not_is_a_key_error(run):
    message = told(lambda: run.network["hidden"], KeyError)
    assert message == (
        "The network has no array 'hidden'. Did you mean 'hidden1.bias' or 'hidden1.weight'? "
        "It has hidden1.weight, hidden1.bias, output.weight, output.bias."
    )
    with pytest.raises(UnknownNameError):  # an empty StopIteration would end the map
        list(map(run.network.__getitem__, ["output.bias", "hidden", "hidden1.bias"]))
    with pytest.raises(UnknownNameError):
        run.network.span("output")


def test_a_name_that_a_history_has_not_is_told_the_nearest(run):
    message = told(lambda: run.history["val_loss"], KeyError)
    assert message == (
        "The history has no column 'val_loss'. Did you mean 'validation_loss' or 'loss'? "
        "It has loss, learning_rate, accuracy."
    )
    assert "there were no validation rows" in told(lambda: run.history["validation_loss"], KeyError)
    assert "Did you mean 'accuracy'?" in told(lambda: run.history["acuracy"], KeyError)
    assert "Did you mean 'accuracy'?" in told(lambda: run.final.metrics["acuracy"], KeyError)
    assert run.final.metrics == {"accuracy": run.history["accuracy"][-1]}
    assert run.final.metrics.get("f1") is None
    scores = run.model.evaluate((np.eye(2), [1, 0]))
    assert "Did you mean 'loss'?" in told(lambda: scores["los"], KeyError)


def test_few_of_many_names_are_listed():
    error = UnknownNameError.of("There is no", "a", [f"name{at}" for at in range(40)])
    assert str(error).endswith("name11, and 28 more.")
    assert str(UnknownNameError.of("There is no", "a", [])) == "There is no 'a'. It has none."
