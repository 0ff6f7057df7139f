from __future__ import annotations

import importlib.metadata
import json

import pytest
from click.testing import CliRunner

import nnplug
from nnplug.cli.plugins import plugins
from nnplug.cli.show import formulas
from nnplug.errors import SettingError, StorageError, UnknownPartError
from nnplug.plugins.registry import Registry
from tests.plugins.packages import PART, isolated_site  # noqa: F401  # the fixture `site`


def run(*arguments, registry=None, code=0):
    result = CliRunner().invoke(plugins, arguments, obj=registry, env={"COLUMNS": "80"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    if "--json" not in arguments:  # paths alone may be longer than a terminal is wide
        ours = result.stdout.partition("\nDocstring\n")[0]  # the author's lines stay as they are
        assert all(len(line) <= 80 for line in ours.splitlines() if "/" not in line)
    assert "\x1b" not in result.output
    return result


def lines(result):
    return [line.rstrip() for line in result.stdout.splitlines()]


# --- list -----------------------------------------------------------------------------


def test_list_shows_some_of_the_names_of_a_large_package(site):
    points = {f"part{n:02}": "nnplug_large" for n in range(22)}
    site.part("nnplug-large", "twice", entry_points=points)
    shown = " ".join(" ".join(lines(run("list"))).split())
    assert "part18, part19 and 2 more" in shown
    found = json.loads(run("list", "--json").stdout)["plugins"]
    assert sum(each["package"] == "nnplug-large" for each in found) == 22


def test_list_shows_every_plugin_and_imports_none(site):
    site.install("nnplug-broken", "1 / 0\n", version="0.3")
    site.part("nnplug-good", "twice", entry_points={"b": "nnplug_good", "a": "nnplug_good"})
    registry = Registry(blocked=["nnplug-shut"])
    site.part("nnplug-shut", "shut")
    result = run("list", registry=registry)
    assert lines(result) == [
        "Package        Version  State      Provides",
        f"nnplug         {nnplug.__version__}    built-in   "
        "activations, layers, losses, optimizers,",
        "                                   initializers, schedules, metrics, datasets,",
        "                                   recipes, encodings, numba, numpy, exporters",
        "nnplug-broken  0.3      available  nnplug_broken",
        "nnplug-good    1.0      available  a, b",
        "nnplug-shut    1.0      blocked    nnplug_shut",
    ]
    assert result.stderr == ""
    assert site.imported() == []


def test_list_as_json(site):
    site.part("nnplug-good", "twice")
    records = json.loads(run("list", "--json").stdout)["plugins"]
    assert records[-1] == {
        "package": "nnplug-good",
        "version": "1.0",
        "entry_point": "nnplug_good",
        "module": "nnplug_good",
        "state": "available",
        "cause": "",
        "parts": [],
    }
    assert site.imported() == []


def test_list_parts_shows_the_provider_and_warns_once(site):
    source = site.install("nnplug-broken", "1 / 0\n", version="0.3")
    site.part("nnplug-good", "twice")
    result = run("list", "--parts")
    rows = [line.split() for line in lines(result)]
    assert rows[0] == ["Kind", "Name", "Aliases", "Package", "Version"]
    assert ["activation", "twice", "nnplug-good", "1.0"] in rows
    assert ["activation", "silu", "swish", "nnplug", nnplug.__version__] in rows
    assert {row[0] for row in rows if row[-1] == nnplug.__version__} == {
        "activation", "layer", "loss", "optimizer", "initializer", "schedule", "metric", "dataset",
        "recipe", "encoding", "engine", "exporter",
    }  # fmt: skip
    assert result.stderr == (
        f"Warning: plugin nnplug-broken 0.3: not loaded: {source}:1: ZeroDivisionError: division "
        "by zero; see: nnplug plugins show nnplug-broken\n"
    )


def test_list_of_one_kind(site):
    rows = [line for line in lines(run("list", "--kind", "LOSS")) if not line.startswith(" ")]
    assert {row.split()[0] for row in rows[1:]} == {"loss"}
    records = json.loads(run("list", "--kind", "loss", "--json").stdout)["parts"]
    assert [each["name"] for each in records] == [part.name for part, _ in Registry().parts("loss")]
    huber = next(each for each in records if each["name"] == "huber")
    assert huber["options"] == {"delta": 1.0}
    assert (huber["package"], huber["version"]) == ("nnplug", nnplug.__version__)
    assert "losses.py:" in huber["place"]


def test_a_kind_that_there_is_not_names_those_there_are():
    result = run("list", "--kind", "gate", code=2)
    assert "'activation', 'layer', 'loss', 'optimizer'" in result.stderr


def test_list_marks_entry_points_that_two_packages_have(site):
    site.part("nnplug-a", "one", entry_points={"parts": "nnplug_a", "own": "nnplug_a"})
    site.part("nnplug-b", "two", entry_points={"Parts": "nnplug_b"})
    rows = [line.split() for line in lines(run("list"))]
    assert rows[-3:] == [
        ["nnplug-a", "1.0", "available", "own"],
        ["nnplug-a", "1.0", "ambiguous", "parts"],
        ["nnplug-b", "1.0", "ambiguous", "Parts"],
    ]
    record = json.loads(run("list", "--json").stdout)["plugins"][-1]
    assert record["cause"] == "nnplug-a 1.0: an entry point with the same name"
    registry = Registry(blocked=["nnplug-b"])
    assert "ambiguous" not in run("list", registry=registry).stdout


def test_list_parts_writes_ambiguous_names_in_full(site):
    site.part("nnplug-a", "twice")
    site.part("nnplug-b", "twice")
    rows = [line.split() for line in lines(run("list", "--kind", "activation"))]
    assert rows[-2:] == [
        ["activation", "nnplug-a/twice", "nnplug-a", "1.0"],
        ["activation", "nnplug-b/twice", "nnplug-b", "1.0"],
    ]
    found = json.loads(run("list", "--kind", "activation", "--json").stdout)["parts"]
    assert [each["name"] for each in found if each["ambiguous"]] == ["twice", "twice"]


# --- show -----------------------------------------------------------------------------


def test_show_a_part(site):
    found = lines(run("show", "Leaky-ReLU"))
    place = Registry().get("activation", "leaky_relu").place
    assert found[:12] == [
        "activation leaky_relu",
        f"  from         nnplug {nnplug.__version__}, built-in",
        f"  file         {place}",
        "  text form    leaky_relu:slope=0.01",
        "  parameters   slope = 0.01",
        "  widths       elementwise: any number of units",
        "  dtype        the run's, float32 or float64",
        "",
        "Formula",
        "  t1 = x > 0",
        "  y = where(t1, x, slope * x)",
        "  dy/dx = where(t1, 1, slope)",
    ]
    assert "  Leaky rectified linear unit (Maas, Hannun & Ng, 2013, ICML workshop)." in found
    assert found[-4:] == [
        "Source",
        "  @activation",
        "  def leaky_relu(x: Any, *, slope: float = 0.01) -> Any:",
        "      return np.where(x > 0, x, slope * x)",
    ]


@pytest.mark.parametrize(
    ("name", "widths"),
    [
        ("tanh", "elementwise: any number of units"),
        ("softmax", "row-wise: each output depends on its whole row"),
        ("huber", "elementwise"),
        ("cross_entropy", "row-wise: one error for each row"),
        ("adam", "elementwise: each parameter by itself"),
    ],
)
def test_show_says_which_widths_a_formula_needs(name, widths):
    assert any(line.startswith(f"  widths       {widths}") for line in lines(run("show", name)))


def test_show_says_what_losses_take_and_optimizers_keep():
    assert "  takes        logits and labels; its mean is the loss" in lines(
        run("show", "cross_entropy")
    )
    assert "  keeps        m, v" in lines(run("show", "adam"))


def test_show_a_layer_says_what_it_declares():
    found = lines(run("show", "batch_norm"))
    assert found[3:13] == [
        "  text form    batch_norm:0.1,epsilon=1e-05",
        "  parameters   momentum = 0.1",
        "               epsilon = 1e-05",
        "  declares     gain: parameter (D), starts at 1",
        "               shift: parameter (D), starts at 0",
        "               mean: state (D), starts at 0",
        "               variance: state (D), starts at 1",
        "  widths       as many outputs as inputs",
        "  training     a different formula than outside training",
        "  dtype        the run's, float32 or float64",
    ]
    assert "  mean' = t5 * mean + momentum * t1" in found
    assert "  y outside training = gain * (x - mean) / sqrt(variance + epsilon) + shift" in found
    found = lines(run("show", "maxout:8"))  # the name is what is looked for
    assert "  widths       units outputs" in found
    told = "  declares     weights: parameter (D, units), pieces of them, drawn, with decay"
    assert told in found
    assert "  declares     noise: noise (N, D), uniform, drawn before each training step" in lines(
        run("show", "dropout")
    )


def test_show_a_layer_around_layers():
    assert lines(run("show", "residual"))[3:8] == [
        "  text form    residual[...]",
        "  holds        the layers that stand in brackets after it",
        "  dtype        the run's, float32 or float64",
        "",
        "Formula",
    ]
    assert formulas(Registry().get("layer", "residual")) == "y = x + inner(x)"


def test_the_formula_of_a_layer_has_the_derivative_by_each_of_its_arrays():
    assert formulas(Registry().get("layer", "dense")).splitlines() == [
        "y = x @ weight + bias",
        "dL/dx = dL/dy @ weight.T",
        "dL/dweight = x.T @ dL/dy",
        "dL/dbias = sum(dL/dy, axis=-2)",
    ]
    assert formulas(Registry().get("layer", "dropout")).splitlines() == [
        "t1 = where(noise >= rate, 1 / (1 - rate), 0)",
        "y = x * t1",
        "y outside training = x",
        "dL/dx = dL/dy * t1",
    ]


def test_show_says_what_is_learned_and_what_is_called_as_it_stands(site):
    code = """
    import numpy as np
    import nnplug

    @nnplug.activation
    def bent(x, *, slope=nnplug.trainable(0.25)):
        return np.where(x > 0, x, slope * x)

    @nnplug.activation(derivative=lambda x, y: np.ones(np.shape(x)))
    def opaque(x):
        return np.asarray(x).round()

    @nnplug.optimizer
    def scaled(param, grad, *, learning_rate=0.1):
        return param - learning_rate * grad / np.sqrt(np.sum(grad**2))

    @nnplug.optimizer
    def centred(param, grad, *, learning_rate=0.1):
        if param.ndim > 1:
            grad = grad - np.mean(grad, axis=0, keepdims=True)
        return param - learning_rate * grad

    @nnplug.hookimpl
    def register_activations(register):
        register(bent)
        register(opaque)

    @nnplug.hookimpl
    def register_optimizers(register):
        register(scaled)
        register(centred)
    """
    site.install("nnplug-a", code)
    bent, opaque, scaled = (lines(run("show", name)) for name in ("bent", "opaque", "scaled"))
    assert "  parameters   slope = 0.25 (learned)" in bent
    assert "  learns       slope, for each layer" in bent
    assert "  dtype        its own; the result is converted to the run's" in opaque
    assert "  widths       per tensor: over each weight matrix and bias by itself" in scaled
    assert "  keeps        nothing" in scaled
    ranked = lines(run("show", "centred"))
    own = "weight matrices and biases have formulas of their own"
    assert f"  widths       per tensor: {own}" in ranked
    mean = "mean(grad, axis=-2, keepdims=True)"
    assert f"  param' = param - learning_rate * (grad - {mean})" in ranked
    assert "  bias param' = param - learning_rate * grad" in ranked


def test_show_gives_the_page_of_the_package(site):
    site.part("nnplug-a", "twice")
    metadata = site.folder / "nnplug_a-1.0.dist-info" / "METADATA"
    metadata.write_text(f"{metadata.read_text()}Project-URL: Homepage, https://a.example\n")
    for name in ("twice", "nnplug-a"):
        assert "  page         https://a.example" in lines(run("show", name))


def test_show_a_builtin_part_scans_nothing(site, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "distributions", None)
    assert lines(run("show", "adam"))[0] == "optimizer adam"


def test_show_a_name_of_several_kinds_shows_all_or_one(site):
    heads = [line for line in lines(run("show", "mse")) if line in ("loss mse", "metric mse")]
    assert heads == ["loss mse", "metric mse"]
    assert lines(run("show", "mse", "--kind", "metric"))[0] == "metric mse"


def test_show_a_name_of_two_packages_shows_both(site):
    site.part("nnplug-a", "twice")
    site.part("nnplug-b", "twice", version="2.0")
    found = lines(run("show", "twice"))
    assert [line for line in found if line.startswith("  from ")] == [
        "  from         nnplug-a 1.0, loaded",
        "  from         nnplug-b 2.0, loaded",
    ]
    found = lines(run("show", "nnplug-b/twice"))
    assert found[1] == "  from         nnplug-b 2.0, loaded"


def test_show_a_package_loads_that_package_alone(site):
    site.part("nnplug-a", "twice")
    site.part("nnplug-b", "other")
    assert lines(run("show", "NNPLUG.a")) == [
        "plugin nnplug-a 1.0",
        "  state        loaded",
        "  entry point  nnplug_a = nnplug_a",
        "  activation   twice: Part twice of a test.",
    ]
    assert site.imported() == ["nnplug_a"]


@pytest.mark.parametrize("name", ["nnplug-bad", "nnplug_bad", "Nnplug.Bad"])
def test_show_a_broken_package_gives_its_traceback(site, name):
    source = site.install("nnplug-bad", "\nraise ValueError('no licence')\n")
    result = run("show", name)
    assert lines(result) == [
        "plugin nnplug-bad 1.0",
        "  state        failed",
        "  entry point  nnplug_bad = nnplug_bad",
        f"  cause        {source}:2: ValueError: no licence",
        "",
        "Traceback (most recent call last):",
        f'  File "{source}", line 2, in <module>',
        "    raise ValueError('no licence')",
        "ValueError: no licence",
    ]
    assert result.stderr == ""


def test_show_a_package_lists_a_module_of_several_entry_points_once(site):
    points = dict.fromkeys(("once", "twice", "thrice"), "nnplug_family")
    site.part("nnplug-family", "twice", entry_points=points)
    shown = run("show", "nnplug-family").stdout
    assert shown.count("plugin nnplug-family 1.0") == 1
    assert shown.count("activation   twice") == 1
    assert "  module       nnplug_family\n" in shown
    assert "  points       once, thrice, twice\n" in shown


@pytest.mark.parametrize("point", ["half", "parts"])
def test_show_a_part_of_a_broken_plugin_shows_the_plugin(site, point):
    code = PART.format(name="half", factor=0.5) + "    1 / 0\n"
    site.install("nnplug-bad", code, entry_points={point: "nnplug_bad"})
    found = lines(run("show", "half"))
    assert found[:2] == ["plugin nnplug-bad 1.0", "  state        failed"]
    assert found[-1] == "ZeroDivisionError: division by zero"


def test_show_a_refused_part_gives_the_reason(site):
    site.part("nnplug-greedy", "relu")
    found = run("show", "nnplug-greedy").stdout
    assert "  note         its activation 'relu' is refused: 'relu' is a built-in" in found
    assert run("show", "nnplug-greedy/relu").stdout == found


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["laeky_relu"],
            "There is no part, package or entry point 'laeky_relu'. Did you mean 'lea",
        ),
        (["no.such"], "There is no part, package or entry point 'no.such'."),
        (["mush:"], "There is no part, package or entry point 'mush:'. Did you"),
        (["twise", "--kind", "activation"], "There is no activation 'twise'. Did you mean"),
    ],
)
def test_show_what_there_is_not(site, arguments, expected):
    with pytest.raises(UnknownPartError) as error:
        run("show", *arguments)
    assert str(error.value).startswith(expected)


# --- formulas -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["activation", "layer", "loss", "optimizer"])
def test_every_builtin_formula_prints_with_its_derivative(kind):
    for part, _ in Registry().parts(kind):
        text = formulas(part)
        left = {
            "activation": "dy/dx = ",
            "layer": "y = ",
            "loss": f"dloss/d{getattr(part, 'takes', '')} = ",
        }
        expected = left.get(kind, "param' = ")
        assert expected in text or (kind == "activation" and "dL/dx = " in text), text


def test_a_formula_that_branches_on_an_option_is_printed_with_its_number():
    @nnplug.activation
    def sharp(x, *, power=2.0):
        return x**2 if power == 2.0 else x**power

    assert formulas(sharp) == "y = x**2\ndy/dx = 2 * x"


def test_a_formula_that_cannot_be_traced_says_why():
    @nnplug.loss
    def branching(prediction, target):
        return prediction if prediction > target else target

    text = formulas(branching)
    assert text.startswith("The formula cannot be printed: loss 'branching': ")
    assert "Way out: use np.where" in text


def test_a_part_that_is_no_formula_has_none():
    assert formulas(Registry().get("metric", "r2")) == ""


def test_a_part_is_plotted_in_the_terminal_and_in_a_file(tmp_path):
    done = run("show", "relu", "--plot")
    lines = done.stdout.splitlines()
    assert lines[0] == "activation relu"
    # relu from -4 to 4 is 4 at its right end, and its derivative is 1 there.
    assert lines[1].startswith("         4 |")
    assert lines[1].endswith("*")
    assert lines[-2].split() == ["x", "=", "-4", "4"]
    assert lines[-1] == "* y   o dy/dx   @ both"
    assert max(map(len, lines)) <= 80
    path = tmp_path / "relu.html"
    run("show", "relu", "--plot", str(path))
    assert "relu and its derivative" in path.read_text()
    with pytest.raises(StorageError, match=r"relu\.html"):
        run("show", "relu", "--plot", str(path))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["adam", "--plot"], "adam: it has no curve to plot."),
        (["gelu", "--plot", "gelu.txt"], "ends in .html, .png, .pdf, .svg"),
    ],
)
def test_a_plot_that_cannot_be_drawn_says_why(arguments, said):
    with pytest.raises(SettingError) as caught:
        run("show", *arguments)
    assert said in str(caught.value)
