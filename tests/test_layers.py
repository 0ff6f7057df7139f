"""Layers: what an author or a user reads, and the names of what a network has."""

from __future__ import annotations

import re

import numpy as np
import pytest

import nnplug
from nnplug.errors import (
    FormulaError,
    ImpureFormulaError,
    NnplugError,
    OptionError,
    PartError,
    SettingError,
    UnknownNameError,
    UnknownPartError,
)
from nnplug.network.layers import find_layers
from nnplug.network.network import Network
from nnplug.parts import normal, parameter, state, uniform
from nnplug.plugins.registry import Registry
from nnplug.runs.preparing import prepare

REGISTRY = Registry()


def network(layers, inputs=3, outputs=2, dtype=np.float64):
    """Compose a network of layers given as text, or one by one."""
    return Network.of(
        inputs, find_layers(layers, REGISTRY), outputs,
        output_activation=REGISTRY.get("activation", "identity"), dtype=dtype,
    )  # fmt: skip


def written(source):
    """Run what an author writes, and give the part `f`."""
    names = {
        "np": np, "nnplug": nnplug, "layer": nnplug.layer, "activation": nnplug.activation,
        "parameter": parameter, "state": state, "uniform": uniform, "normal": normal,
    }  # fmt: skip
    exec(compile(source, "f.py", "exec"), names)
    return names["f"]


# --- what an author reads ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("y", "layer 'f': a layer takes (x, ...), not (y)."),
        ("", "layer 'f': a layer takes (x, ...), not ()."),
        (
            "x, w",
            "layer 'f': 'w' declares nothing; write w=parameter(...), or state, uniform or normal.",
        ),
        ("x, *w", "layer 'f': it takes *w; name each argument and option."),
        (
            "x, *, w=parameter('D', start=1)",
            "layer 'f': w is a parameter: it stands before the *, options after it.",
        ),
        ("x, *, s=state('D')", "layer 'f': s is a state: it stands before the *"),
        ("x, *, n=uniform('N', 'D')", "layer 'f': n is a noise: it stands before the *"),
        (
            "x, w=parameter('D', 'unit'), *, units=3",
            """w has the dimension 'unit', which is neither "D", the width of x, nor an option """
            "that is a whole number.",
        ),
        ("x, w=parameter('D', 'units'), *, units=3.0", "w has the dimension 'units'"),
        ("x, w=parameter('D', 'units'), *, units=True", "w has the dimension 'units'"),
        (
            "x, w=parameter('D', start=1, count='p')",
            "w has count='p', which is not an option that is a whole number.",
        ),
        (
            "x, w=parameter('D', start=1, count=0)",
            "f.py:2: parameter: count=0 is neither a whole number above 0 nor the name of an "
            "option.",
        ),
        ("x, w=parameter('D', start=1, count=1.5)", "parameter: count=1.5 is neither"),
        ("x, w=parameter('D', start=1, count=True)", "parameter: count=True is neither"),
        (
            "x, w=parameter('D')",
            "f.py:2: parameter('D'): an initializer draws matrices only.\n"
            "Give the number that all elements start from: start=0.",
        ),
        (
            "x, w=parameter(True, start=1)",
            """parameter: True cannot be a dimension here: write "D", an option or 3.""",
        ),
        ("x, w=parameter(0, start=1)", "parameter: 0 cannot be a dimension here"),
        ("x, w=parameter(2.0, start=1)", "parameter: 2.0 cannot be a dimension here"),
        (
            "x, w=parameter('N', start=1)",
            "parameter: 'N' cannot be a dimension here: it is one array for all batches.",
        ),
        (
            "x, s=state('N')",
            "state: 'N' cannot be a dimension here: it is one array for all batches.",
        ),
        ("x, n=uniform('D', 'N')", "uniform: 'N' cannot be a dimension here: rows come first."),
        ("x, n=normal('a b')", "normal: 'a b' cannot be a dimension here"),
        (
            "x, w=parameter('D', start=float('nan'))",
            "parameter: start=nan is not a finite number.",
        ),
        ("x, w=parameter('D', start='zeros')", "parameter: start='zeros' is not a finite number."),
        ("x, s=state('D', start=True)", "state: start=True is not a finite number."),
        ("x, *, units='a', Units=3", "the option 'Units' cannot be named on the command line"),
    ],
)
def test_a_signature_that_is_no_layers_is_refused_as_it_is_written(head, message):
    with pytest.raises(PartError) as caught:
        written(f"@layer\ndef f({head}):\n    return x")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("x, s=state('C')", "activation 'f': s is a state, which only a layer may declare."),
        ("x, *, w=parameter('C', start=1)", "activation 'f': w is a parameter: it stands before"),
        (
            "x, w=parameter('D', start=1)",
            """activation 'f': w has the dimension 'D', which is neither "C", the width of x, """
            "nor a whole number.",
        ),
        ("x, w=parameter('u', start=1), *, u=3", "w has the dimension 'u', which is neither"),
        (
            "x, w=parameter('C', start=1, count=2)",
            "w has count=2, which only a layer may declare.",
        ),
    ],
)
def test_a_signature_that_is_no_activations_is_refused_as_it_is_written(head, message):
    with pytest.raises(PartError) as caught:
        written(f"@activation\ndef f({head}):\n    return x")
    assert message in str(caught.value)


@pytest.mark.parametrize("kind", ["loss", "optimizer", "schedule"])
def test_other_parts_declare_nothing(kind):
    heads = {"loss": "prediction, target", "optimizer": "param, grad", "schedule": "progress"}
    with pytest.raises(
        PartError, match=f"{kind} 'f': '?w'? is a parameter, which only a layer may"
    ):
        written(f"@nnplug.{kind}\ndef f({heads[kind]}, w=parameter('D', start=1)):\n    return 1")


def test_a_lambda_and_a_class_are_no_layers():
    with pytest.raises(PartError, match="layer: a lambda has no name"):
        written("f = layer(lambda x: x)")
    with pytest.raises(PartError, match="is not a plain function"):
        written("@layer\nclass f: pass")


SHAPE = '\nWay out: return a row of numbers for each row of x, ("N", ...).'


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("f(x): return np.sum(x, axis=0)", f"its result has shape (D).{SHAPE}"),
        ("f(x): return np.sum(x)", f"its result has shape ().{SHAPE}"),
        ("f(x): return np.sum(x, axis=-1)", f"its result has shape (N).{SHAPE}"),
        ("f(x): return x.T", f"its result has shape (D, N).{SHAPE}"),
        ("f(x): return 1.0", f"its result has shape ().{SHAPE}"),
        ("f(x): return None", "the formula returns nothing.\nWay out: end it with `return`."),
        (
            "f(x, m=state('D')): return x - m",
            "it returns 1 value.\nWay out: return its value, m, in this order.",
        ),
        (
            "f(x, m=state('D'), v=state()): return x - m, m",
            "it returns 2 values.\nWay out: return its value, m, v, in this order.",
        ),
        ("f(x): return x, x", "it returns 2 values.\nWay out: return one array."),
        (
            "f(x, m=state('D')): return x - m, x",
            "the new m has shape (N, D), the old (D).\n"
            "Way out: reduce over the rows, as in np.mean(x, axis=0).",
        ),
        (
            "f(x, n=uniform('N', 'D')): return x * n",
            "it reads n, which is random, outside training too.\nWay out: take the argument "
            "training after the *, and compute without noise where it is false.",
        ),
        (
            "f(x, n=normal(), m=state()): return x, n",
            "it reads n, which is random, outside training too.",
        ),
        ("f(x, *, training): return x if training else x.T", "its result has shape (D, N)"),
    ],
)
def test_a_formula_that_is_no_layers_is_refused_where_it_is_placed(source, message):
    part = written(f"@layer\ndef {source}")
    with pytest.raises(FormulaError) as caught:
        network([part])
    assert str(caught.value).startswith("layer 'f': f.py:1: ")
    assert message in str(caught.value)


def test_what_is_wrong_in_training_alone_is_said_when_it_is_planned():
    part = written("@layer\ndef f(x, *, training): return x.T if training else x")
    with pytest.raises(FormulaError, match=re.escape("its result has shape (D, N)")):
        prepare("xor", layers=[part]).trainer()


def test_a_layer_that_draws_by_itself_is_refused():
    part = written("@layer\ndef f(x):\n    return x * np.random.rand()")
    with pytest.raises(ImpureFormulaError, match=r"`np\.random\.rand` draws random numbers"):
        network([part])


def test_an_activation_of_another_width_is_refused_where_it_is_placed():
    part = written("@activation\ndef f(x, w=parameter(3, start=1)): return x * w")
    with pytest.raises(FormulaError, match="the dimension C does not fit 3"):
        network([part])


# --- what a user reads --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dens:3", "There is no layer 'dens'. Did you mean 'dense'?\nInstalled layers:"),
        ("reluu", "There is no layer 'reluu'. Did you mean 'relu' or 'relu6'?"),
        ("nothing", "Activations stand among layers, too: celu, elu,"),
        ("mse", "There is no layer 'mse'.\n'mse' is the name of a loss."),
        ("other/dense:4", "No plugin package 'other' is installed."),
        ("dense:0", "layer 'dense:0': units=0: it must be at least 1."),
        ("dense:units=-1", "layer 'dense:-1': units=-1: it must be at least 1."),
        ("maxout:2,pieces=0", "layer 'maxout:2,pieces=0': pieces=0: it must be at least 1."),
        ("residual[dense:0]", "layer 'dense:0': units=0: it must be at least 1."),
        ("dense:1.5", "layer 'dense': units=1.5 is not a whole number.\nIts default is 100."),
        ("dense:x", "layer 'dense': units=x is not a whole number."),
        ("dense:64,32", "'dense:64,32': the option '32' is not of the form key=value."),
        ("dense:3,units=4", "'dense:3,units=4': the option 'units' is given twice."),
        ("dense:unit=4", "layer 'dense' has no option 'unit'. It has units. Did you mean 'units'?"),
        ("dense:", "'dense:': the option '' is not of the form key=value."),
        ("dense: 4", "'dense:': the option '' is not of the form key=value."),
        ("dense:4,", "'dense:4,': the option '' is not of the form key=value."),
        ("relu:0.1", "'relu:0.1': the option '0.1' is not of the form key=value."),
        ("dense:4,relu", "'dense:4,relu': the option 'relu' is not of the form key=value."),
        ("dropout:1", "layer 'dropout': rate=1: it must be at least 0 and below 1."),
        ("dropout:-0.1", "layer 'dropout': rate=-0.1: it must be at least 0 and below 1."),
        ("dropout:nan", "layer 'dropout': rate=nan is not a number."),
        ("relu dense:4]", "'relu dense:4]': a ] without a [ before it."),
        ("residual[relu]]", "'residual[relu]]': a ] without a [ before it."),
        ("residual[dense:3", "'residual[dense:3': a [ without a ] after it."),
        ("residual[residual[relu]", "a [ without a ] after it."),
        ("[dense:3]", "'[dense:3]': a [ without the name of a layer before it."),
        ("residual[[relu]]", "a [ without the name of a layer before it."),
        ("residual[relu][relu]", "a [ without the name of a layer before it."),
        (
            "dense:4 residual relu",
            "layer 'residual' holds layers: write them in brackets, as in residual[dense:64 relu].",
        ),
        ("dense[relu]", "layer 'dense' holds no layers; leave out the brackets."),
        ("residual[]", "layer 'residual' holds layers, and none are in the brackets."),
        ("residual[" * 17 + "relu" + "]" * 17, "brackets more than 16 deep."),
        ("relu[dense:3]", "relu[...]: 'relu' is an activation, and holds no layers."),
        (
            "dense:5 residual[dense:4 tanh]",
            "layer 'residual[dense:4 tanh]': it is given rows of 5 numbers, and the layers in it "
            "make rows of 4 of them: its formula does not take both.\n"
            "Way out: let them give 5, as with dense:5 at their end.",
        ),
        ("dense:1 residual[dense:4]", "it is given rows of 1 numbers, and the layers in it make"),
        ("residual[residual[dense:1]]", "layer 'residual[dense:1]': it is given rows of 3"),
    ],
)
def test_a_text_that_says_no_layers_is_refused(text, message):
    with pytest.raises(NnplugError) as caught:
        network(text)
    assert isinstance(
        caught.value, OptionError | PartError | SettingError | UnknownPartError | FormulaError
    )
    assert message in str(caught.value)


def test_what_is_no_layer_is_refused():
    for wrong in (3, None, REGISTRY.get("loss", "mse")):
        with pytest.raises(PartError, match="is neither a layer nor an activation, nor the name"):
            find_layers(["dense:4", wrong], REGISTRY)
    with pytest.raises(PartError, match="layer 'dense' holds no layers"):
        REGISTRY.get("layer", "dense").around([])


@pytest.mark.parametrize("other", ["hidden", "activation", "dropout"])
def test_layers_and_their_short_form_are_not_given_together(other):
    value = {"hidden": (4,), "activation": "relu", "dropout": 0.1}[other]
    with pytest.raises(SettingError) as caught:
        prepare("xor", layers="dense:4", **{other: value})
    assert str(caught.value) == (
        f"layers and {other}: both say what the network's layers are.\n"
        "Give one of the two; layers can say everything that the others can."
    )


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("dense:64 relu", "dense:64 relu"),
        ("dense:units=64 dense:100", "dense:64 dense"),
        ("Dense:4 LAYER-NORM", "dense:4 layer_norm"),
        ("nnplug/dense:4", "dense:4"),
        ("residual [ dense:3 ]", "residual[dense:3]"),
        ("dropout:.1 dropout:rate=0.5", "dropout:0.1 dropout"),
        ("maxout:4,pieces=3 maxout:pieces=3", "maxout:4,pieces=3 maxout:pieces=3"),
        ("leaky_relu:0.2", "leaky_relu:slope=0.2"),
        ("batch_norm:0.2,epsilon=0.1", "batch_norm:0.2,epsilon=0.1"),
        ("batch_norm:epsilon=0.1", "batch_norm:epsilon=0.1"),
        ("", ""),
    ],
)
def test_a_text_is_written_as_it_is_read(text, again):
    found = find_layers(text, REGISTRY)
    assert " ".join(part.text for part in found) == again
    assert [part.text for part in find_layers(again, REGISTRY)] == [part.text for part in found]


def test_texts_and_parts_may_stand_together():
    parts = find_layers(
        ["dense:4 relu", REGISTRY.get("layer", "dense"), "residual[relu]"], REGISTRY
    )
    assert [part.text for part in parts] == ["dense:4", "relu", "dense", "residual[relu]"]


# --- names ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "output.weight output.bias"),
        (
            "dense:4 relu dense:2",
            "hidden1.weight hidden1.bias hidden2.weight hidden2.bias output.weight output.bias",
        ),
        (
            "batch_norm dense:4 batch_norm",
            "batch_norm1.gain batch_norm1.shift hidden1.weight hidden1.bias batch_norm2.gain "
            "batch_norm2.shift output.weight output.bias batch_norm1.mean batch_norm1.variance "
            "batch_norm2.mean batch_norm2.variance",
        ),
        (
            "residual[dense:3 batch_norm dense:3] residual[residual[dense:3]]",
            "residual1.dense1.weight residual1.dense1.bias residual1.batch_norm1.gain "
            "residual1.batch_norm1.shift residual1.dense2.weight residual1.dense2.bias "
            "residual2.residual1.dense1.weight residual2.residual1.dense1.bias "
            "output.weight output.bias residual1.batch_norm1.mean residual1.batch_norm1.variance",
        ),
        (
            "maxout:2 glu:2 scale",
            "maxout1.weights1 maxout1.weights2 maxout1.biases1 maxout1.biases2 glu1.weight "
            "glu1.bias glu1.gate glu1.gate_bias scale1.factor output.weight output.bias",
        ),
    ],
)
def test_arrays_are_called_by_layer_and_argument(text, names):
    made = network(text)
    assert [span.name for span in made.spans] == names.split()
    edges = [0, *(span.stop for span in made.spans)]
    assert [span.start for span in made.spans] == edges[:-1]
    assert edges[-1] == made.size
    states = [span.is_state for span in made.spans]
    assert states == sorted(states)  # states come last
    assert made.learned == made.size - sum(
        span.stop - span.start for span in made.spans if span.is_state
    )


def test_an_unknown_array_is_named_with_those_that_there_are():
    with pytest.raises(UnknownNameError, match=r"no array 'residual1.dense1.weigth'.*Did you mean"):
        network("residual[dense:3]")["residual1.dense1.weigth"]


def test_arrays_start_from_what_they_declare():
    made = network("batch_norm maxout:4,pieces=3 swiglu:2")
    made.initialize(REGISTRY.get("initializer", "he_normal"), 3)
    for span in made.spans:
        own = span.name.rpartition(".")[2].rstrip("123")
        start = {"gain": 1, "variance": 1, "shift": 0, "mean": 0, "bias": 0, "biases": 0,
                 "gate_bias": 0}.get(own)  # fmt: skip
        if start is None:
            assert len(np.unique(made[span.name])) == made[span.name].size
        else:
            assert (made[span.name] == start).all()
        assert span.penalised == (start is None)
