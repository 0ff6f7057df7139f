"""Parts: what the decorators accept, options, and the text form; each message is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nnplug
from nnplug.builtin import class_losses, losses
from nnplug.errors import OptionError, PartError, ShapeError
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.parts import KINDS, PartText, normalise_name, parse_part

THIS = str(Path(__file__))


@nnplug.activation(aliases=("bend",))
def bent(x, *, slope=0.5, times=2, sharp=False, mode="plain"):
    """Bent line (nobody, 2000).

    More words.
    """
    return np.where(x > 0, x, slope * x) * times


def test_a_part_is_its_function():
    assert bent(-4.0) == -4.0
    assert bent(-4.0, slope=0.25) == -2.0
    assert bent.with_options(slope=0.25, times=1)(-4.0) == -1.0
    assert bent.name == "bent"
    assert bent.aliases == ("bend",)
    assert (
        bent.defaults == bent.options == {"slope": 0.5, "times": 2, "sharp": False, "mode": "plain"}
    )
    assert bent.summary == "Bent line (nobody, 2000)."
    assert bent.doc == "Bent line (nobody, 2000).\n\nMore words."
    assert bent.place.startswith(f"{THIS}:")
    assert repr(bent) == "<activation bent>"


def test_options_change_a_copy():
    other = bent.with_options(slope=0.1, sharp=True)
    assert bent.options["slope"] == 0.5
    assert other.options == {"slope": 0.1, "times": 2, "sharp": True, "mode": "plain"}
    assert other.text == "bent:slope=0.1,sharp=true"
    assert other.with_options(slope=0.5, sharp=False).text == "bent"
    assert other.with_options(times=3).options["slope"] == 0.1


@pytest.mark.parametrize(
    ("given_text", "value"),
    [
        ({"slope": "1e-3"}, 1e-3),
        ({"Slope": 2}, 2.0),
        ({"times": "3"}, 3),
        ({"times": 3.0}, 3),
        ({"sharp": "Yes"}, True),
        ({"sharp": "0"}, False),
        ({"mode": "fancy"}, "fancy"),
        ({"slope": np.float32(0.25)}, 0.25),
    ],
)
def test_options_are_brought_to_the_type_of_their_default(given_text, value):
    (key,) = given_text
    got = bent.with_options(**given_text).options[key.lower()]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"slop": 1},
            "activation 'bent' has no option 'slop'. It has slope, times, sharp, mode. "
            "Did you mean 'slope'?",
        ),
        (
            {"slope": "steep"},
            "activation 'bent': slope=steep is not a number.\nIts default is 0.5.",
        ),
        ({"slope": "nan"}, "activation 'bent': slope=nan is not a number.\nIts default is 0.5."),
        ({"slope": True}, "activation 'bent': slope=True is not a number.\nIts default is 0.5."),
        ({"times": 1.5}, "activation 'bent': times=1.5 is not a whole number.\nIts default is 2."),
        (
            {"times": "inf"},
            "activation 'bent': times=inf is not a whole number.\nIts default is 2.",
        ),
        ({"sharp": 2}, "activation 'bent': sharp=2 is not true or false.\nIts default is false."),
        ({"mode": 1}, "activation 'bent': mode=1 is not text.\nIts default is plain."),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(OptionError) as caught:
        bent.with_options(**options)
    assert str(caught.value) == message


def test_a_part_without_options_says_so():
    @nnplug.activation
    def plain(x):
        return x

    with pytest.raises(OptionError, match=r"'plain' has no option 'slope'\. It has none\."):
        plain.with_options(slope=1)


# --- declarations that cannot be used ---------------------------------------------------


def two(x, y):
    return x


def starred(x, *rest):
    return x


def keyworded(x, **options):
    return x


def bare_option(x, *, slope):
    return x


def list_option(x, *, slopes=(1, 2)):
    return x


def nothing():
    return 0


def swapped(target, prediction):
    return target


def scores(scores, target):
    return scores


def no_rate(param, grad):
    return param


def weights(weights, grad, *, learning_rate=0.1):
    return weights


def Camel(x):
    return x


def _hidden(x):
    return x


WRONG = [
    ("activation", two, "an activation takes (x), not (x, y)."),
    ("activation", nothing, "an activation takes (x), not ()."),
    ("activation", starred, "it takes *rest; name each argument and option."),
    ("activation", keyworded, "it takes **options; name each argument and option."),
    ("activation", bare_option, "the option 'slope' needs a default"),
    ("activation", list_option, "the option 'slopes' needs a default"),
    ("activation", _hidden, "the name '_hidden' is not snake_case."),
    ("loss", swapped, "its arguments must be named (prediction | logits | probabilities, "),
    ("loss", scores, "by names of their own, then target, not (scores, target)."),
    ("optimizer", no_rate, "it needs the option learning_rate with a default, after a *."),
    ("optimizer", weights, "an optimizer takes (param, grad, "),
    ("initializer", two, "(generator, fan_in, fan_out), and perhaps inputs, not (x, y)."),
    ("schedule", two, "a schedule takes (epoch, epochs), not (x, y)."),
    ("metric", two, "a metric takes (prediction, target) or (classes, labels) or "),
    ("dataset", two, "a dataset takes no arguments, not (x, y)."),
    ("recipe", two, "a recipe takes (facts), not (x, y)."),
    ("encoding", two, "an encoding of a number takes (x), then any of mean, deviation, minimum, "),
]


@pytest.mark.parametrize(("kind", "function", "message"), WRONG)
def test_wrong_declarations(kind, function, message):
    with pytest.raises(PartError) as caught:
        getattr(nnplug, kind)(function)
    text = str(caught.value)
    place = f"{THIS}:{function.__code__.co_firstlineno}: "
    assert text.startswith(f"{place}{kind} {function.__name__!r}: ")
    assert message in text


def test_what_is_no_function():
    with pytest.raises(PartError, match="is not a plain function"):
        nnplug.activation(bent)
    with pytest.raises(PartError, match="is not a plain function"):
        nnplug.activation(np.tanh)
    with pytest.raises(PartError, match="derivative= is not a function"):
        nnplug.activation(derivative=3)(two)
    with pytest.raises(PartError, match="reduction='total' is neither 'mean' nor 'sum'"):
        nnplug.loss(reduction="total")(swapped)
    with pytest.raises(PartError, match="goal='up' is neither"):
        nnplug.metric(goal="up")(swapped)
    with pytest.raises(PartError, match=r"the name 'B-A' is not snake_case"):
        nnplug.activation(name="B-A")(lambda x: x)


def test_a_name_is_taken_from_the_function_in_lower_case():
    assert nnplug.activation(Camel).name == "camel"


def test_what_a_loss_and_an_optimizer_take():
    @nnplug.loss(reduction="sum")
    def hinge(logits, target):
        return np.maximum(0, 1 - target * logits)

    assert (hinge.takes, hinge.against, hinge.reduction) == ("logits", "target", "sum")

    @nnplug.optimizer
    def heavy(param, grad, speed, average, *, step, learning_rate=0.5, beta=0.9):
        return param, speed, average

    assert heavy.slots == ("speed", "average")
    assert heavy.uses_step
    assert heavy.learning_rate == 0.5
    assert heavy.options == {"learning_rate": 0.5, "beta": 0.9}


def test_an_activation_with_its_own_derivative():
    def twice(x, y):
        return 7 * y / y

    @nnplug.activation(derivative=twice)
    def odd(x):
        return x.cumsum(axis=-1) if isinstance(x, np.ndarray) else x[0]

    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    y = odd.value(x)
    value, slope = evaluate([y, odd.slope(x, y)], {"x": np.array([[1.0, 2.0, 3.0]])})
    assert value.tolist() == [[1.0, 3.0, 6.0]]
    assert slope.tolist() == [[7.0, 7.0, 7.0]]


def test_a_trainable_option():
    @nnplug.activation
    def prelu(x, *, slope=nnplug.trainable(0.25), shift=0.0):  # noqa: B008  # its declared form
        return np.where(x > 0, x, slope * x) + shift

    assert prelu.trainables == {"slope": 0.25}
    assert prelu.with_options(slope="0.5").trainables == {"slope": 0.5}
    assert prelu.with_options(slope=0.5).text == "prelu:slope=0.5"


def test_a_plain_call_takes_arrays_in_order_or_by_name():
    @nnplug.activation
    def line(x, a=nnplug.parameter("C", start=2.0), b=nnplug.parameter("C", start=1.0)):
        return a * x + b

    assert [line(10.0), line(10.0, 3.0), line(10.0, 3.0, 4.0), line(10.0, b=4.0)] == [
        21,
        31,
        34,
        24,
    ]


def test_an_activation_may_have_a_bias_of_its_own(nnplug_registry):
    @nnplug.activation
    def shifted(x, *, bias=nnplug.trainable(0.5)):  # noqa: B008  # its declared form
        return np.tanh(x) + bias

    run = nnplug.train("xor", activation=shifted, epochs=2)
    assert [span.name for span in run.network.spans] == [
        *("hidden1.weight", "hidden1.bias", "shifted1.bias", "output.weight", "output.bias")
    ]


# --- the text form ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("relu", PartText("relu")),
        (" Leaky-ReLU ", PartText("leaky_relu")),
        ("elu:alpha=0.5", PartText("elu", None, {"alpha": "0.5"})),
        (
            "adam:Beta1=0.8, learning-rate = 1e-4",
            PartText("adam", None, {"beta1": "0.8", "learning_rate": "1e-4"}),
        ),
        ("my-package/mish", PartText("mish", "my-package")),
        ("pkg/mish:beta=2", PartText("mish", "pkg", {"beta": "2"})),
        ("data:path=a/b", PartText("data", None, {"path": "a/b"})),
    ],
)
def test_text_form(text, expected):
    assert parse_part(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            "'' is not the name of a part.\nWrite name, name:key=value,key=value or package/name.",
        ),
        ("/relu", "'/relu' is not the name of a part."),
        ("re lu", "'re lu' is not the name of a part."),
        ("3d", "'3d' is not the name of a part."),
        (
            "elu:",
            "'elu:': the option '' is not of the form key=value.\nWrite for example elu:key=0.1.",
        ),
        ("elu:alpha", "'elu:alpha': the option 'alpha' is not of the form key=value."),
        ("elu:alpha=", "the option 'alpha=' is not of the form key=value."),
        ("elu:=3", "the option '=3' is not of the form key=value."),
        ("elu:alpha=1,Alpha=2", "the option 'alpha' is given twice."),
    ],
)
def test_malformed_text(text, message):
    with pytest.raises(OptionError) as caught:
        parse_part(text)
    assert message in str(caught.value)


def test_names_and_kinds():
    assert normalise_name(" Leaky-ReLU ") == "leaky_relu"
    assert list(KINDS) == [kind.kind for kind in KINDS.values()]
    assert all(hasattr(nnplug, kind) for kind in KINDS)


@pytest.mark.parametrize(
    ("loss", "shapes", "message"),
    [
        (losses.mse, ((4, 1), (4,)), "loss 'mse': prediction has shape (4, 1) and target (4,);"),
        (losses.huber, ((4, 2), (4, 1)), "target must have shape (4, 2)."),
        (
            class_losses.cross_entropy,
            ((4, 3), (4,)),
            "loss 'cross_entropy': logits has shape (4, 3) and labels (4,); labels must have "
            "shape (4, 1).",
        ),
    ],
)
def test_shapes_are_strict(loss, shapes, message):
    with pytest.raises(ShapeError) as caught:
        loss(np.zeros(shapes[0]), np.zeros(shapes[1], int))
    assert message in str(caught.value)


def test_a_default_of_numpys_is_a_number_like_any():
    half = np.float64(0.5)

    @nnplug.activation
    def scaled(x, *, factor=half):
        return factor * x

    assert type(scaled.options["factor"]) is float
    assert scaled.with_options(factor=0.25).text == "scaled:factor=0.25"
    assert scaled(np.ones((1, 1), np.float32)).dtype == np.float32


def test_an_option_that_could_not_be_named_is_refused():
    with pytest.raises(PartError, match="the option 'Slope' cannot be named on the command line"):

        @nnplug.activation
        def capital(x, *, Slope=2.0):
            return x * Slope


def test_a_part_is_pickled_by_where_its_function_stands():
    import copy
    import pickle

    from nnplug.builtin.activations import leaky_relu

    part = leaky_relu.with_options(slope=0.3)
    assert b"leaky_relu.function" in pickle.dumps(part)
    for again in (pickle.loads(pickle.dumps(part)), copy.deepcopy(part)):
        assert again.function is leaky_relu.function
        assert again.text == "leaky_relu:slope=0.3"
        assert again(-1.0) == -0.3


@pytest.mark.parametrize(
    ("interval", "inside", "outside", "words"),
    [
        ("[0, 1)", (0, 0.5), (-0.1, 1, np.nan), "at least 0 and below 1"),
        ("(0, 1]", (1e-300, 1), (0, 1.1), "above 0 and at most 1"),
        ("[1, inf)", (1, 10**9), (0, np.inf, np.nan), "at least 1"),
    ],
)
def test_an_option_keeps_to_its_declared_range(interval, inside, outside, words):
    @nnplug.activation(ranges={"slope": interval})
    def ranged(x, *, slope=inside[-1] * 1.0):
        return x * slope

    for value in inside:
        assert ranged.with_options(slope=value)(2.0) == 2.0 * value
        assert ranged(2.0, slope=value) == 2.0 * value
    for value in outside:
        message = f"activation 'ranged': slope={value:g}: it must be {words}."
        with pytest.raises(OptionError) as caught:
            ranged(2.0, slope=value)
        assert str(caught.value) == message
        if np.isfinite(value):
            with pytest.raises(OptionError) as caught:
                ranged.with_options(slope=value)
            assert str(caught.value) == message


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({"slope": "0 to 1"}, "ranges: '0 to 1' is not an interval. Write it like '[0, 1)'"),
        ({"slope": "[a, b]"}, "ranges: '[a, b]' is not an interval. Write it like '[0, 1)'"),
        ({"bend": "[0, 1]"}, "ranges: 'bend' is not an option that is a number."),
        ({"mode": "[0, 1]"}, "ranges: 'mode' is not an option that is a number."),
        ({"slope": "(0.5, 1]"}, "slope=0.5: the default must be above 0.5 and at most 1."),
    ],
)
def test_a_range_must_be_an_interval_around_a_default(ranges, message):
    def odd(x, *, slope=0.5, mode="plain"):
        return x * slope

    with pytest.raises(PartError) as caught:
        nnplug.activation(ranges=ranges)(odd)
    assert message in str(caught.value)


def test_a_decorator_refuses_an_argument_that_it_does_not_have():
    with pytest.raises(TypeError, match="unexpected keyword argument 'alias'"):
        nnplug.schedule(alias="up")(lambda epoch, epochs: 1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dropout:1", "layer 'dropout': rate=1: it must be at least 0 and below 1."),
        (
            "batch_norm:1.5",
            "layer 'batch_norm': momentum=1.5: it must be at least 0 and at most 1.",
        ),
        ("batch_norm:epsilon=-1", "layer 'batch_norm': epsilon=-1: it must be at least 0."),
        ("rms_norm:-1", "layer 'rms_norm': epsilon=-1: it must be at least 0."),
    ],
)
def test_options_of_built_in_layers_have_ranges(text, message):
    with pytest.raises(OptionError) as caught:
        nnplug.train("xor", layers=text, epochs=1)
    assert str(caught.value) == message
