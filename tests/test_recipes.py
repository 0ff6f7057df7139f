"""Recipes: whose settings win, what is refused, and that a run needs its recipe no more."""

import json
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.neural_network import MLPClassifier

import nnplug
from nnplug.cli import cli
from nnplug.errors import NnplugError
from nnplug.parts import Facts
from nnplug.plugins.registry import Registry
from nnplug.runs.preparing import prepare

FACTS = Facts(rows=500, inputs=7, outputs=3, task="multiclass")


@nnplug.recipe
def seen(facts, *, units=5):
    """Seen: units by option."""
    return {"hidden": (units,), "batch_size": facts.rows, "learning_rate": 0.5}


@pytest.fixture
def registry():
    registry = Registry()
    registry.register(seen)
    return registry


def test_a_recipe_gets_the_facts_of_the_data():
    found = []

    @nnplug.recipe
    def spy(facts):
        found.append(facts)
        return {}

    x, rng = np.zeros((50, 7)), np.random.default_rng(0)
    prepare((x, rng.integers(0, 3, 50)), recipe=spy)
    prepare((x, np.zeros((50, 2)) + 0.5), recipe=spy, validation=0)
    assert found == [
        Facts(rows=40, inputs=7, outputs=3, task="multiclass"),
        Facts(rows=50, inputs=7, outputs=2, task="regression"),
    ]


def test_the_user_then_the_recipe_then_the_default_decides(registry):
    run = prepare("xor", recipe="seen:units=3", batch_size=2, registry=registry)
    settings = run.settings
    assert settings.recipe == "seen:units=3"
    assert (settings.hidden, settings.batch_size) == ((3,), 2)
    assert settings.optimizer == "adam:learning_rate=0.5"
    assert settings.activation == ("relu",)  # no longer sigmoid, as the dataset has it
    # What is needed to read the rows is still the dataset's.
    assert (settings.seed, settings.dtype, len(run.validation_rows)) == (42, "float64", 0)


def test_xor_is_the_notebooks_recipe():
    usual, named = prepare("xor").settings, prepare("xor", recipe="notebook").settings
    assert {**named.to_dict(), "recipe": None} == usual.to_dict()


def test_scikit_learn_has_that_networks_defaults():
    usual = MLPClassifier().get_params()
    given = Registry().get("recipe", "sklearn").settings(FACTS)
    assert given["hidden"] == usual["hidden_layer_sizes"]
    assert (given["activation"], given["epochs"]) == (usual["activation"], usual["max_iter"])
    assert given["optimizer"] == f"{usual['solver']}:learning_rate={usual['learning_rate_init']}"
    assert (given["patience"], given["min_delta"]) == (usual["n_iter_no_change"], usual["tol"])
    assert given["batch_size"] == min(200, FACTS.rows)
    assert given["l2"] == usual["alpha"] / given["batch_size"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"hiden": 4}, "recipe 'bad': there is no setting 'hiden'. Did you mean 'hidden'?"),
        (
            {"epochs": 0},
            "recipe 'bad': epochs = 0: it must be a whole number, at least 1.",
        ),
        (
            {"seed": 1},
            "recipe 'bad' gives seed, which is needed before the rows are read and a recipe is "
            "asked.\nTake it out of the recipe, and give it to the run instead, or as before_rows "
            "to its decorator.",
        ),
        ({"recipe": "notebook"}, "recipe 'bad' gives recipe, which is needed before"),
        ({"activation": "rellu"}, "There is no activation 'rellu'. Did you mean 'relu'"),
        ([1], "recipe 'bad' returned a list.\nReturn the settings as a dict, such as"),
        (
            {"l2": 0.1, "hidden": (3,)},
            "recipe 'bad': each of its settings is given otherwise too (l2, hidden), so it changes "
            "nothing.\nLeave the recipe out, or the settings that it is to give.",
        ),
    ],
)
def test_what_a_recipe_may_not_give(given, message):
    @nnplug.recipe
    def bad(facts):
        return given

    with pytest.raises(NnplugError) as caught:
        prepare("xor", recipe=bad, l2=0.2, hidden=4)
    assert message in str(caught.value)


def test_an_unknown_recipe_and_a_dataset_that_names_one():
    with pytest.raises(NnplugError, match="There is no recipe 'notbook'"):
        prepare("xor", recipe="notbook")
    with pytest.raises(NnplugError, match=r"^3 is not a recipe\. Give its name, or a part"):
        prepare("xor", recipe=3)
    data = nnplug.Data(np.zeros((4, 1)), np.arange(4) % 2, "binary", (0, 1), recipe={"recipe": ""})
    with pytest.raises(NnplugError, match="the dataset's recipe: there is no setting 'recipe'"):
        prepare(data)


def test_a_run_is_repeated_and_resumed_without_its_recipe(registry, tmp_path):
    folder = tmp_path / "run"
    first = nnplug.train("xor", recipe="seen", epochs=3, output=folder, registry=registry)
    text = (folder / "config.toml").read_text()
    assert "seen" not in text
    assert "hidden = [5]" in text
    again = nnplug.resume(folder, registry=Registry(), epochs=5)
    assert list(again.history["loss"][:3]) == list(first.history["loss"])


def test_the_command_line_says_which_recipe_decides(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call = partial(CliRunner().invoke, cli)
    done = call(["train", "xor", "--recipe", "sklearn", "--epochs", "1", "--json"])
    assert done.stderr.startswith("xor: 4 rows; binary; recipe scikit_learn\n")
    assert json.loads(done.stdout)["settings"]["recipe"] == "scikit_learn"
    (tmp_path / "mine.toml").write_text('data = "xor"\nrecipe = "notebook"\nepochs = 2\n')
    done = call(["train", "--config", "mine.toml", "--json"])
    assert json.loads(done.stdout)["settings"]["hidden"] == [2]


# --- before the rows ----------------------------------------------------------------------------


@nnplug.recipe(before_rows={"members": 2, "encoding": "robust_clip", "target_transform": "auto"})
def early(facts):
    """Early: what must be known before the rows are read."""
    return {"hidden": (facts.inputs,)}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "prices.csv"
    rng = np.random.default_rng(0)
    rows = [f"{area},{np.exp(0.1 * area)}" for area in rng.normal(20, 9, 60)]
    path.write_text("area,price\n" + "\n".join(rows) + "\n")
    return path


def train(data, **settings):
    registry = Registry()
    registry.register(early)
    return nnplug.train(data, recipe="early", epochs=2, registry=registry, **settings)


def test_a_recipe_says_how_the_rows_are_read(table):
    run = train(table, target="price")
    assert run.settings.members == 2
    assert run.settings.table["encoding"] == {"*": "robust_clip:limit=3.0"}
    # What "auto" chose is recorded: the log of exp(0.1 x) is less skewed.
    assert run.settings.table["target_transform"] == "log"
    assert run.settings.hidden == (1,)


def test_the_user_decides_before_a_recipe_what_is_needed_before_the_rows(table):
    run = train(table, target="price", members=1, target_transform="none", encoding="standard")
    assert run.settings.members == 1
    assert run.settings.table["target_transform"] is None
    assert run.settings.table["encoding"] == {"*": "standard:far=10.0"}


def test_what_a_recipe_says_of_tables_says_nothing_of_arrays():
    x = np.random.default_rng(0).normal(size=(40, 3))
    run = train((x, x[:, 0]))
    assert run.settings.members == 2
    np.testing.assert_array_equal(run.model.inputs(x), x)


def test_a_loss_of_counts_keeps_the_unit_of_the_target(tmp_path):
    path = tmp_path / "counts.csv"
    path.write_text("x,y\n" + "\n".join(f"{i % 7},{2 ** (i % 5)}" for i in range(60)) + "\n")
    run = train(path, target="y", loss="poisson_nll", task="regression")
    assert run.settings.table["target_transform"] is None


@pytest.mark.parametrize(
    ("early", "message"),
    [
        ({"membres": 3}, "recipe 'bad': before_rows: there is no setting 'membres'."),
        ({"members": 0}, "recipe 'bad': before_rows: members = 0: it must be"),
        (
            {"hidden": (3,)},
            "recipe 'bad': before_rows: hidden is chosen after the rows are read.\n"
            "Return it from the recipe's function.",
        ),
    ],
)
def test_what_a_recipe_cannot_say_before_the_rows_is_refused(early, message):
    bad = nnplug.recipe(name="bad", before_rows=early)(lambda facts: {})
    with pytest.raises(NnplugError) as caught:
        prepare("xor", recipe=bad)
    assert message in str(caught.value)


def test_the_default_for_tables_reproduces_from_its_record(table, tmp_path):
    run = nnplug.train(table, target="price", recipe="default", epochs=2, output=tmp_path / "run")
    assert run.settings.members == 8
    assert run.settings.activation == ("silu",)
    config = str(tmp_path / "run" / "config.toml")
    again = CliRunner().invoke(cli, ["train", "--config", config, "--output", str(tmp_path / "b")])
    assert again.exit_code == 0, again.output
    first, second = (tmp_path / name / "model.safetensors" for name in ("run", "b"))
    a, b = nnplug.load(first), nnplug.load(second)
    np.testing.assert_array_equal(a.predict({"area": [3.0]}), b.predict({"area": [3.0]}))


def test_fast_is_what_a_run_without_a_recipe_is(table):
    with_it, without = (
        nnplug.train(table, target="price", recipe=recipe, epochs=2) for recipe in ("fast", None)
    )
    np.testing.assert_array_equal(with_it.weights, without.weights)


@pytest.mark.parametrize("kinds", [("a", "b"), ("a", "b", "c"), None])
def test_realmlp_trains_for_each_task(tmp_path, kinds):
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{'xyz'[i % 3]},{round(a, 2) if kinds is None else kinds[i % len(kinds)]}"
            for i, a in enumerate(rng.standard_normal(60))]  # fmt: skip
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["a,b,y", *rows]) + "\n")
    run = nnplug.train(path, target="y", recipe="realmlp", epochs=2)
    settings = run.settings
    assert settings.loss == ("mse" if kinds is None else "cross_entropy:smoothing=0.1")
    assert settings.monitor == ("validation_loss" if kinds is None else "accuracy")
    assert run.network.outputs == (1 if kinds is None else len(kinds))
    assert (settings.patience, run.stopping.last_of_equal) == (None, True)
    rates = {span.name: span.rate for span in run.network.spans if not span.is_state}
    inputs = run.network.span("hidden1.weight").shape[0]
    assert rates["hidden1.weight"] == inputs**-0.5
    names = ("scale1.factor", "parametric3.amount", "output.bias")
    assert {name: rates[name] for name in names} == {
        "scale1.factor": 6, "parametric3.amount": 0.1, "output.bias": 0.1
    }  # fmt: skip
    assert rates["periodic_embedding1.bias"] == 0.1
    assert len(run.predict(path)) == 60
