"""Predictions that are not finite: no class, no probability and no number is made of them."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import nnplug
import nnplug.models.new_rows
from nnplug.errors import NotFiniteError
from nnplug.models.nonfinite import NonfiniteRows
from nnplug.network.tasks import finite_rows
from nnplug.plugins.loading import Plugins
from nnplug.plugins.registry import Registry
from nnplug.runs.report.terminal import boundary
from nnplug.tables.writing import write_table
from tests.cli.models import nnplug_here

PART = """
import nnplug, numpy as np

@nnplug.activation
def root(x):
    "A number for sums from -2 on."
    return np.sqrt(x + 2)
"""
ROWS = 40
BAD = (3, 17, 30)
"""Rows that are far below those for training, counted from 0."""

THREE = "3 of 40 predictions are not finite numbers: rows 4, 18, 31, counted from 1."
CAUSE = "The outputs of layer 'hidden1' (activation 'root') are not finite there."


def frame():
    a = np.linspace(-1, 1, ROWS)
    return pd.DataFrame(
        {
            "a": a,
            "size": 10 + 3 * a,
            "kind": np.where(a > 0.1, "up", "down"),
            "code": np.where(a > 0.1, 7, 5),
            "yes": a > 0,
            "no": a < 0.5,
        }
    )


def far_frame():
    far = frame()
    far.loc[list(BAD), "a"] = -1e6
    return far


TARGETS = {"size": "size", "kind": "kind", "code": "code", "yes": "yes", "labels": ["yes", "no"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Hold a model of each kind of target, each reading one input alone, and two tables."""
    folder = tmp_path_factory.mktemp("nonfinite")
    (folder / "part.py").write_text(PART)
    registry = Registry(plugins=Plugins(local=[str(folder / "part.py")], installed=()))
    for name, target in TARGETS.items():
        run = nnplug.train(
            frame(), target=target, columns=["a"], hidden=1, activation="root", epochs=1,
            initializer="uniform:low=0.1,high=0.2", registry=registry, validation=0,
            categorical=["code"],
        )  # fmt: skip
        run.network["hidden1.weight"][...] = 1
        run.network["hidden1.bias"][...] = 0
        run.save(folder / f"{name}.safetensors")
    frame().to_csv(folder / "near.csv", index=False)
    far_frame().to_csv(folder / "far.csv", index=False)
    return folder


@pytest.fixture
def load(folder):
    registry = Registry(plugins=Plugins(local=[str(folder / "part.py")], installed=()))
    return lambda name: nnplug.load(folder / f"{name}.safetensors", registry=registry)


def command(name, folder, *arguments):
    return nnplug_here(name, *arguments, "-p", "./part.py", folder=folder)


# --- Python -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", TARGETS)
def test_a_row_without_finite_outputs_gets_no_answer(load, name):
    model = load(name)
    assert len(model.predict(frame())) == ROWS
    ways = [model.predict] if name == "size" else [model.predict, model.probabilities]
    for way in ways:
        with pytest.raises(NotFiniteError) as caught:
            way(far_frame())
        assert str(caught.value) == (
            f"The data: {THREE}\n{CAUSE}\n"
            "Way out: look at the part and at those rows; or leave their predictions empty with "
            "allow_nonfinite=True, on the command line --allow-nonfinite."
        )
        assert (caught.value.rows, caught.value.count) == (BAD, 3)
        assert caught.value.exit_code == 1


@pytest.mark.parametrize("name", TARGETS)
def test_or_an_empty_one_if_that_is_allowed(load, name):
    model = load(name)
    right = [row for row in range(ROWS) if row not in BAD]
    found, wanted = (model.predict(each, allow_nonfinite=True) for each in (far_frame(), frame()))
    assert type(wanted) is np.ndarray
    assert (found[right] == wanted[right]).all()
    if name == "size":
        assert np.isnan(found[list(BAD)]).all()
    else:
        assert found.dtype == wanted.dtype
        assert np.ma.getmaskarray(found)[list(BAD)].all()
        assert np.ma.count_masked(found) == 3 * (2 if name == "labels" else 1)
        shares = model.probabilities(far_frame(), allow_nonfinite=True)
        assert np.isnan(shares[list(BAD)]).all()
        assert (shares[right] == model.probabilities(frame())[right]).all()


def test_one_row_and_many_are_named_as_such(load):
    model = load("kind")
    one = frame()
    one.loc[0, "a"] = -1e6
    with pytest.raises(NotFiniteError, match="1 of 40 predictions is not a finite number: row 1, "):
        model.predict(one)
    with pytest.raises(NotFiniteError, match="rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 30 more, "):
        model.predict(frame().assign(a=-1e6))
    with pytest.raises(NotFiniteError, match="1 of 1 prediction is not"):
        model.predict(one[:1])


def test_arrays_count_their_rows_from_0():
    @nnplug.activation
    def root(x):
        return np.sqrt(x + 2)

    x = np.linspace(-1, 1, 12).reshape(-1, 1)
    run = nnplug.train(
        (x, (x > 0).ravel()), hidden=1, activation=root, epochs=1, validation=0,
        initializer="uniform:low=0.9,high=1",
    )  # fmt: skip
    with pytest.raises(NotFiniteError, match=r"data: 1 of 2 predictions .* row 1, counted from"):
        run.predict(np.array([[0.0], [-9.0]]))
    assert run.predict(np.array([[0.0], [-9.0]]), allow_nonfinite=True).mask.tolist() == [
        False, True,
    ]  # fmt: skip
    assert run.probabilities(np.array([[-9.0]]), allow_nonfinite=True).shape == (1, 2)


def test_a_number_too_large_for_its_unit_is_none(load):
    model = load("size")
    model.network["output.bias"][...] = 3e38
    (scale,) = model.encoder.scales
    model.encoder = replace(model.encoder, scales=(replace(scale, scale=1e300),))
    with pytest.raises(NotFiniteError, match="finite, but too large for the target's unit"):
        model.predict(frame())


def test_infinite_scores_make_no_class():
    head = nnplug.train("xor", epochs=1).head
    for wrong in (np.inf, -np.inf, np.nan):
        outputs = np.array([[0.5], [wrong], [0.1], [wrong]])
        for way in (head.classes, head.probabilities):
            with pytest.raises(NotFiniteError, match="for 2 of 4 rows, the first of them row 1, "):
                way(outputs)


def test_evaluate_refuses_them_or_leaves_them_out(load):
    for name in ("size", "kind"):
        model = load(name)
        with pytest.raises(NotFiniteError, match="3 of 40 predictions are not finite"):
            model.evaluate(far_frame())
        rest = frame().drop(index=list(BAD))
        assert model.evaluate(far_frame(), allow_nonfinite=True) == pytest.approx(
            model.evaluate(rest), rel=1e-6
        )
        with pytest.raises(NotFiniteError, match="those rows; there is none to go by"):
            model.evaluate(frame().assign(a=-1e6), allow_nonfinite=True)


def test_a_metric_in_training_is_nan_where_there_is_no_answer(folder):
    registry = Registry(plugins=Plugins(local=[str(folder / "part.py")], installed=()))
    table = far_frame().assign(part=lambda each: np.where(each["a"] < -9, "valid", "train"))
    run = nnplug.train(
        table, target="kind", columns=["a"], hidden=1, activation="root", epochs=2,
        split="column:part", registry=registry, initializer="uniform:low=0.9,high=1",
    )  # fmt: skip
    assert len(run.validation_rows) == 3
    assert all(map(math.isnan, run.history["accuracy"]))
    assert all(map(math.isnan, run.history["validation_loss"]))
    assert run.history.best is None


def test_the_plane_is_blank_where_the_network_gives_no_numbers():
    @nnplug.activation
    def root(x):
        return np.sqrt(x)

    x = np.random.default_rng(0).uniform(0.5, 1.5, (30, 2))
    run = nnplug.train((x, x[:, 0] > 1), hidden=1, activation=root, epochs=1, validation=0,
                       initializer="uniform:low=0.9,high=1")  # fmt: skip
    run.network["hidden1.weight"][...] = [[1.0], [0.0]]
    run.network["hidden1.bias"][...] = -1.0
    lines = boundary(run.model, x, x[:, 0] > 1, width=60).splitlines()[:20]
    # The rows themselves are shown wherever they lie.
    cells = [line.partition("|")[2].translate(str.maketrans("AB*", "   ")) for line in lines]
    assert all(cell[:20].strip() == "" and cell[-20:].strip() != "" for cell in cells)


def test_the_estimators_refuse_them_with_a_value_error():
    sklearn = pytest.importorskip("nnplug.sklearn")

    @nnplug.activation
    def root(x):
        return np.sqrt(x + 2)

    x = np.linspace(-1, 1, 30).reshape(-1, 1)
    far = np.where(np.arange(30)[:, None] == 7, -1e6, x)
    shared = {"hidden_layer_sizes": (3,), "activation": root, "max_iter": 1, "tol": 0.0}
    for kind, y, ways in (
        (sklearn.MLPClassifier, x.ravel() > 0, ("predict", "predict_proba", "predict_log_proba")),
        (sklearn.MLPRegressor, x.ravel(), ("predict",)),
    ):
        with pytest.warns(UserWarning, match="iterations"):
            fitted = kind(random_state=0, **shared).fit(x, y)
        fitted.coefs_[0][...] = 1
        for way in ways:
            assert len(getattr(fitted, way)(x)) == 30
            with pytest.raises(ValueError, match=r"X: 1 of 30 predictions .*: row 7, ") as caught:
                getattr(fitted, way)(far)
            assert isinstance(caught.value, NotFiniteError)
            assert str(caught.value).endswith("Way out: look at the part and at those rows.")


@pytest.mark.parametrize("stretches", [[30], [8, 8, 14], [1] * 30])
def test_ten_rows_are_named_however_they_come(load, stretches):
    rows = NonfiniteRows(load("size").networks, "The data", first=1, finite=finite_rows)
    for count in stretches:
        found = rows.add(np.zeros((count, 1)), np.full((count, 1), np.nan))
        assert not found.any()
    assert "row" in rows.message()
    assert rows.message().splitlines()[0] == (
        "The data: 30 of 30 predictions are not finite numbers: rows 1, 2, 3, 4, 5, 6, 7, 8, 9, "
        "10 and 20 more, counted from 1."
    )


# --- the command line -------------------------------------------------------------------

SAID = f"far.csv: {THREE}\n{CAUSE}"


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("rows", [1 << 16, 7])
def test_predict_writes_nothing_and_exits_with_1(folder, monkeypatch, name, rows):
    monkeypatch.setattr(nnplug.models.new_rows, "_MOST_ROWS", rows)
    more = [] if name == "size" else ["--probabilities"]
    done = command("predict", folder, f"{name}.safetensors", "far.csv", *more)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {SAID}\nWay out: ")
    (folder / "old.csv").write_text("old\n")
    filed = command(
        "predict", folder, f"{name}.safetensors", "far.csv", "-o", "old.csv", "--overwrite"
    )
    assert (filed.returncode, filed.stdout) == (1, "")
    assert (folder / "old.csv").read_text() == "old\n"
    assert not [*folder.glob(".nnplug-*")]


def test_of_a_stream_only_what_came_before_is_written(folder, monkeypatch):
    monkeypatch.setattr(nnplug.models.new_rows, "_MOST_ROWS", 7)
    right = command("predict", folder, "kind.safetensors", "near.csv").stdout.splitlines()
    late = far_frame()
    late["a"] = np.where(np.arange(ROWS) == 17, -1e6, frame()["a"])
    late.to_csv(folder / "late.csv", index=False)
    done = command("predict", folder, "kind.safetensors", "late.csv")
    assert done.returncode == 1
    assert done.stdout.splitlines() == right[:15]  # the names and two stretches
    assert "1 of 40 predictions is not a finite number: row 18, counted from 1." in done.stderr


@pytest.mark.parametrize(
    ("name", "suffix"),
    [*((name, "csv") for name in TARGETS),
     *itertools.product(["labels", "size"], ["tsv", "parquet"])],
)  # fmt: skip
def test_or_empty_cells_if_asked(folder, name, suffix):
    arguments = [f"{name}.safetensors", "far.csv", "--allow-nonfinite"]
    arguments += [] if name == "size" else ["--probabilities"]
    path = folder / f"{name}.{suffix}"
    done = command("predict", folder, *arguments, "-o", path.name)
    assert done.returncode == 0
    assert done.stderr == (f"Warning: {SAID}\nThey are left empty.\n{path.name}: 40 rows written\n")
    separator = "\t" if suffix == "tsv" else ","
    found = pd.read_parquet(path) if suffix == "parquet" else pd.read_csv(path, sep=separator)
    assert len(found) == ROWS
    assert found.isna().all(axis=1).to_numpy().nonzero()[0].tolist() == list(BAD)
    assert found.drop(index=list(BAD)).notna().all(axis=None)
    right = command("predict", folder, f"{name}.safetensors", "near.csv").stdout.splitlines()
    again = command("predict", folder, *arguments[:3]).stdout.splitlines()
    assert len(again) == ROWS + 1
    empty = {"labels": ",", "code": '""', "size": '""', "kind": '""', "yes": '""'}[name]
    assert [line for row, line in enumerate(again[1:]) if row in BAD] == [empty] * 3
    assert [line for row, line in enumerate(again[1:]) if row not in BAD] == [
        line for row, line in enumerate(right[1:]) if row not in BAD
    ]


def test_where_all_are_finite_nothing_is_said(folder):
    plain = command("predict", folder, "kind.safetensors", "near.csv")
    allowed = command("predict", folder, "kind.safetensors", "near.csv", "--allow-nonfinite")
    assert plain == allowed
    assert (plain.returncode, plain.stderr) == (0, "")


@pytest.mark.parametrize("name", ["size", "kind", "labels"])
def test_evaluate_exits_with_1(folder, name):
    done = command("evaluate", folder, f"{name}.safetensors", "far.csv")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {SAID}\n")


def test_evaluate_leaves_them_out_if_asked(folder):
    arguments = ["kind.safetensors", "far.csv", "--allow-nonfinite", "--json"]
    done = command("evaluate", folder, *arguments)
    assert done.returncode == 0
    assert done.stderr == f"Warning: {SAID}\nThey are left out.\n"
    found = json.loads(done.stdout)
    assert (found["rows"], found["nonfinite"]) == (40, 3)
    assert "far.csv: 37 rows" in command("evaluate", folder, *arguments[:-1]).stderr


def test_evaluate_of_finite_predictions_with_a_loss_that_is_none(folder, load):
    model = load("size")
    model.network["output.bias"][...] = 1e30  # its square is beyond float32
    model.save(folder / "steep.safetensors")
    done = command("evaluate", folder, "steep.safetensors", "near.csv")
    assert done.returncode == 1
    assert done.stdout.startswith("Loss: inf, ")
    assert done.stderr.endswith(
        "error: near.csv: the loss is inf, though every prediction is a finite number.\n"
    )


def test_an_empty_cell_of_one_column_is_a_row_all_the_same(tmp_path):
    write_table(tmp_path / "t.csv", {"x": np.array([1.0, np.nan, 3.0])})
    assert (tmp_path / "t.csv").read_text() == 'x\n1.0\n""\n3.0\n'
    masked = np.ma.MaskedArray([True, False, True], [False, True, False])
    write_table(tmp_path / "m.csv", {"x": masked, "n": np.ma.MaskedArray([1, 2, 3], masked.mask)})
    assert (tmp_path / "m.csv").read_text() == "x,n\ntrue,1\n,\ntrue,3\n"
