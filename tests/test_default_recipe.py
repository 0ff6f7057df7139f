"""A table without a word on recipes: what it gets, what overrides it, and what stays as it was."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import nnplug
from nnplug.cli import cli
from nnplug.errors import NnplugError
from nnplug.plugins.registry import Registry
from nnplug.runs.configuration import Configuration
from nnplug.runs.preparing import prepare, prepare_from

pytestmark = pytest.mark.usefixtures("usual_recipe")

ROWS = 48
SIZES = {
    "area": [20.0 + 3 * (7 * i % ROWS) for i in range(ROWS)],
    "rooms": [1.5 + i % 5 for i in range(ROWS)],
    "district": [("north", "south", "harbour")[i % 3] for i in range(ROWS)],
    "price": [round(90.5 * 1.06**i, 1) for i in range(ROWS)],
}
BINS = "piecewise_linear:bins=16"


def prepared(**given):
    given = {"target": "price", **given}
    return prepare(given.pop("data", SIZES), usual_recipe=True, **given)


def encodings(run):
    return {each.name: each.features for each in run.rows.encoder.columns}


@pytest.fixture
def file(tmp_path):
    lines = [
        ",".join(SIZES),
        *(",".join(map(str, row)) for row in zip(*SIZES.values(), strict=True)),
    ]
    (tmp_path / "sizes.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "sizes.csv"


# --- who gets it ------------------------------------------------------------------------


def test_a_table_has_it_and_arrays_and_datasets_do_not(file):
    for data in (str(file), pd.DataFrame(SIZES)):
        settings = prepared(data=data).settings
        assert (settings.recipe, settings.members, settings.activation) == ("default", 8, ("silu",))
        assert settings.table["target_transform"] == "log"
        assert settings.table["encoding"] == {"*": f"{BINS} standard:far=3.0"}
    x, y = np.array(SIZES["area"])[:, None], np.array(SIZES["price"])
    for data in ((x, y), "moons"):
        settings = prepared(data=data, target=None).settings
        assert (settings.recipe, settings.members) == (None, 1)
    assert prepared(data="xor", target=None).settings == prepare("xor").settings
    assert nnplug.trace(SIZES, target="price")["loss"].shape == ()
    assert nnplug.train(SIZES, target="price", epochs=1, engine="numpy").settings.members == 8


def test_none_and_fast_are_the_one_network_that_it_was():
    none, fast = prepared(recipe="none"), prepared(recipe="fast")
    assert none.settings == prepare(SIZES, target="price").settings
    assert {**fast.settings.to_dict(), "recipe": None} == none.settings.to_dict()
    assert (fast.network.parameters == none.network.parameters).all()


def test_the_command_says_so(file):
    found = CliRunner().invoke(
        cli, ["train", str(file), "--target", "price", "--epochs", "1", "--no-output"]
    )
    said = " ".join(found.stderr.split())
    assert (
        "48 rows, each held out by one of 8 members; regression; recipe default 8 networks" in said
    )
    assert found.stdout.splitlines()[-1].startswith("Out of fold, all 48 rows, Validation loss:")
    found = CliRunner().invoke(
        cli, ["train", str(file), "--target", "price", "--recipe", "none", "--plan"]
    )
    assert found.exit_code == 0, found.output


# --- what overrides it ------------------------------------------------------------------


def test_what_the_user_gives_changes_that_alone():
    usual = prepared().settings.to_dict()
    for given, changed in (
        ({"members": 1}, {"members": 1, "validation": 0.2}),
        ({"members": 3}, {"members": 3, "validation": 1 / 3}),
        ({"hidden": 10}, {"hidden": (10,)}),
        ({"activation": "tanh"}, {"activation": ("tanh",)}),
        ({"target_transform": "none"}, {"table": {**usual["table"], "target_transform": None}}),
        ({"batch_size": 8}, {"batch_size": 8}),
        ({"layers": "dense:4 relu"}, {"layers": "dense:4 relu", "hidden": (), "activation": (),
                                      "dropout": ()}),
    ):  # fmt: skip
        assert prepared(**given).settings.to_dict() == {**usual, **changed}, given
    # All that it would give, given otherwise: nobody asked for it, so nobody is told.
    given = {"hidden": 3, "activation": "relu", "optimizer": "sgd", "batch_size": 8, "members": 2}
    assert prepared(**given).settings.members == 2
    with pytest.raises(
        NnplugError, match=r"each of its settings is given otherwise too \(hidden, "
    ):
        prepared(recipe="default", **given)


def test_a_share_is_held_out_by_all_members():
    parts = prepared(validation=0.25).rows.parts
    assert parts.folds is None
    assert (len(parts.training), len(parts.validation)) == (36, 12)
    own = prepared(validation=1 / 8).rows.parts  # as a configuration of eight members has it
    assert (own.folds == prepared().rows.parts.folds).all()
    nothing = prepared(validation=0.0)
    assert (nothing.settings.members, len(nothing.validation_rows)) == (8, 0)
    with pytest.raises(NnplugError, match=r"Hold some out: --validation 0.125"):
        prepared(validation=0.0, interval=0.9)
    late = prepared(split="time:area", drop=("area",))
    assert (late.settings.members, late.settings.validation, late.rows.parts.folds) == (
        8,
        0.2,
        None,
    )


@pytest.mark.parametrize(("rows", "members"), [(3, 1), (4, 2), (5, 2), (15, 7), (16, 8)])
def test_few_rows_have_fewer_members(rows, members):
    data = {name: values[:rows] for name, values in SIZES.items()}
    run = prepared(data=data, task="regression")
    assert run.settings.members == members
    folds = run.rows.parts.folds
    assert members == 1 or np.bincount(folds).min() >= 2


def test_many_rows_have_fewer_members_larger_batches_and_more_lines():
    i = np.arange(40_000.0)
    run = prepared(data={"x": i % 97, "price": i % 89}, task="regression")
    settings = run.settings
    assert (settings.members, settings.batch_size, settings.log_every) == (4, 64, 12)
    i = np.arange(90_000.0)  # one network, whose rows for training alone would be two's
    settings = prepared(data={"x": i % 97, "price": i % 89}, task="regression").settings
    assert (settings.members, settings.validation, settings.batch_size) == (1, 0.2, 64)
    # 625 to 1,250 steps an epoch: the recipe's own rule, worked out by hand.
    settings = Registry().get("recipe", "default").settings
    for rows, size in ((10, 32), (39_999, 32), (40_000, 64), (1_000_000, 1024)):
        assert settings(nnplug.parts.Facts(rows, 3, 1, "regression"))["batch_size"] == size


def test_members_are_no_more_than_the_groups():
    run = prepared(split="group:district")
    assert run.settings.members == 3
    assert [len(set(np.array(SIZES["district"])[run.rows.parts.folds == k])) for k in range(3)] == [
        1
    ] * 3
    with pytest.raises(NnplugError, match="3 groups, and each of 5 members holds out some"):
        prepared(split="group:district", members=5)


# --- one column's encodings -------------------------------------------------------------


def test_a_columns_encodings_leave_the_recipes_for_all_others():
    usual, own = encodings(prepared()), encodings(prepared(encoding={"area": "log"}))
    assert own == {**usual, "area": ("area.log",)}
    everywhere = encodings(prepared(encoding="log"))
    assert everywhere == {**usual, "area": ("area.log",), "rooms": ("rooms.log",)}
    both = encodings(prepared(encoding={"*": "log", "rooms": "standard"}))
    assert (both["area"], both["rooms"]) == (("area.log",), ("rooms",))


def test_a_monotone_network_is_built_without_another_word(tmp_path):
    run = nnplug.train(SIZES, target="price", increasing="area", epochs=1, output=tmp_path / "run")
    assert (run.settings.recipe, run.settings.activation) == ("default", ("relu",))
    assert encodings(run)["area"] == ("area",)
    assert len(encodings(run)["rooms"]) > 2
    assert run.model.monotonicity().columns["area"] == ("increasing",)
    again = prepare_from(Configuration.read(tmp_path / "run"), Registry(), data=SIZES)
    assert encodings(again) == encodings(run)


# --- what was trained before ------------------------------------------------------------


def test_a_configuration_is_of_its_own_settings_whoever_wrote_it(file, tmp_path):
    nnplug.train(str(file), target="price", recipe="none", epochs=2, output=tmp_path / "old")
    path = tmp_path / "old" / "config.toml"
    text = path.read_text()
    assert text.count('recipe = "none"\n') == 1
    # As it was written when no recipe was the default, and members and encodings did not exist.
    old = "\n".join(
        line for line in text.splitlines()
        if not line.startswith(("recipe =", "members =", "[encoding]", "# target_transform"))
    )  # fmt: skip
    path.write_text(old)
    run = prepare_from(Configuration.read(path), Registry())
    assert run.settings == prepare(file, target="price", epochs=2).settings
    assert nnplug.resume(tmp_path / "old", epochs=3).settings.members == 1
    # What a person writes is like what a person types.
    path.write_text(f'data = "{file}"\ntarget = "price"\n')
    assert prepare_from(Configuration.read(path), Registry()).settings.recipe == "default"


def test_a_run_by_it_is_repeated_to_the_byte(file, tmp_path):
    run = nnplug.train(str(file), target="price", epochs=3, output=tmp_path / "one")
    text = (tmp_path / "one" / "config.toml").read_text()
    assert 'recipe = "none"' in text
    assert "members = 8" in text
    again = prepare_from(Configuration.read(tmp_path / "one"), Registry())
    assert again.settings == replace(run.settings, recipe=None)
    invoked = CliRunner().invoke(
        cli, ["train", "--config", str(tmp_path / "one"), "--output", str(tmp_path / "two")]
    )
    assert invoked.exit_code == 0, invoked.output
    one, two = (tmp_path / name / "model.safetensors" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


# --- messages ---------------------------------------------------------------------------


def test_what_is_refused_of_a_recipe_names_it():
    @nnplug.recipe(
        before_rows={"members": 5, "target_transform": "log", "encoding": {"are": "log"}}
    )
    def many(facts):
        return {}

    @nnplug.recipe(name="many")
    def late(facts):
        return {"activation": "rellu"}

    few = {name: values[:4] for name, values in SIZES.items()}
    for given, said in (
        ({"data": few, "encoding": "log"}, "members"),
        ({"members": 1}, "encoding"),
        ({"members": 1, "loss": "poisson_nll"}, "target_transform"),
        ({"recipe": late}, "activation"),
    ):
        with pytest.raises(NnplugError) as caught:
            prepared(**{"recipe": many, "task": "regression", **given})
        option = "--" + said.replace("_", "-")
        assert str(caught.value).endswith(
            f"\nRecipe 'many' gives {said}: your own overrides it, by {option} or {said}=... in "
            "Python."
        )
    with pytest.raises(NnplugError) as caught:  # the user's own members: no word of the recipe
        prepared(recipe=many, task="regression", data=few, members=6, encoding="log")
    assert "Recipe" not in str(caught.value)
