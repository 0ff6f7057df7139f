"""The benchmark harness: it compares like with like, and says so when it does not."""

import csv
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nnplug.plugins.registry import Registry
from nnplug.training import loop
from tests.benchmarks import __main__ as harness
from tests.benchmarks import (
    contenders,
    goals,
    picture,
    reading,
    real_tables,
    report,
    startup,
    training,
    works,
)
from tests.benchmarks.contenders import nnplug_numpy
from tests.benchmarks.measure import Clock
from tests.benchmarks.prediction import differing
from tests.benchmarks.processes import FailedError, Settings, run_undisturbed

ROOT = Path(__file__).parents[2]
CONTENDERS = {path.stem for path in (ROOT / "tests/benchmarks/contenders").glob("[a-z]*.py")}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


# --- the page, the goals and what is measured name each other ---------------------------


def test_every_block_has_its_place_in_the_page_and_every_place_its_block():
    places = re.findall(r"<!-- measured: (\S+) -->", report.PAGE.read_text("utf-8"))
    assert sorted(places) == sorted([*harness.BLOCKS, *harness.FOLLOWING])


@pytest.mark.parametrize("goal", goals.GOALS, ids=lambda goal: f"{goal.work}, {goal.against}")
def test_every_goal_names_what_is_measured(goal):
    assert goal.block in harness.BLOCKS
    rivals = goal.rivals.values() if isinstance(goal.rivals, dict) else [goal.rivals]
    names = {*goal.ours, *(name for names in rivals for name in names)}
    if goal.block == "imports":
        assert names <= set(startup.IMPORTS)
    elif goal.block == "commands":
        engines = {f"train {engine}" for engine in startup.ENGINES}
        assert names <= {*startup.commands(), *engines}
    else:
        assert {name.partition("/")[0] for name in names} <= CONTENDERS
        assert {name.partition("/")[2].removesuffix("-twin") for name in names} <= {
            "", *works.WORKS
        }  # fmt: skip


# --- the same work ------------------------------------------------------------------------

FAIR = SimpleNamespace(TITLE="Fair")


def said(work, name, **losses):
    ours = {"check": 2.0, "loss": 1.0}
    return training.disagreements(
        work, {name: FAIR}, {training.OURS: ours, name: ours | losses}
    ).get(name)  # fmt: skip


def test_a_contender_that_computes_the_same_is_not_named():
    work = works.WORKS["digits"]
    assert said(work, "other") is None
    assert said(work, "other", check=2.0 + 1e-12, loss=1.019) is None
    assert said(work, "products", check=math.nan, loss=math.nan) is None  # it has no loss


def test_a_contender_that_computes_something_else_is_named_with_both_losses():
    work = works.WORKS["digits"]
    assert said(work, "other", check=2.0001) == (
        "digits: Fair does not compute what nnplug does: its loss after a few steps in float64 "
        "is 2.0001, nnplug's is 2; allowed is a difference of 1e-09 of it."
    )
    assert "at the end of the run is 1.03, nnplug's is 1" in said(work, "other", loss=1.03)
    assert said(work, "other", check=math.nan) is not None
    assert said(work, "other", loss=math.inf) is not None


def test_a_wrong_contender_makes_the_run_fail_and_its_block_is_not_written(monkeypatch, capsys):
    sentence = "xor: PyTorch does not compute what nnplug does"
    made = {
        "xor": lambda settings: report.Block("a table", {}, (sentence,)),
        "digits": lambda settings: report.Block("another", {}),
    }
    monkeypatch.setattr(harness, "BLOCKS", made)
    written = []
    code = harness.measure(
        ["xor", "digits"], Settings(Path()), lambda name, _: written.append(name)
    )
    assert (code, written) == (1, ["digits", "goals"])
    assert f"Error: {sentence}" in capsys.readouterr().err


def test_a_process_that_fails_costs_its_block_alone(monkeypatch, capsys):
    def broken(settings):
        raise FailedError("python -m measure was ended by SIGSEGV\n")

    made = {"xor": broken, "digits": lambda settings: report.Block("another", {})}
    monkeypatch.setattr(harness, "BLOCKS", made)
    written = []
    code = harness.measure(
        ["xor", "digits"], Settings(Path()), lambda name, _: written.append(name)
    )
    assert (code, written) == (2, ["digits", "goals"])
    error = "Error: xor could not be measured: python -m measure was ended by SIGSEGV"
    assert error in capsys.readouterr().err


@pytest.mark.parametrize("change", [{"optimizer": "adamw"}, {"seed": 1}, {"hidden": "gelu"}])
def test_weight_decay_or_another_order_of_rows_is_seen(monkeypatch, change):
    """Other contenders' losses in float64 are nnplug's to nine digits; these are not."""
    monkeypatch.setattr(loop, "Steps", loop.Steps)  # put back what the contender replaces
    work, arrays = works.DIGITS.checked(works.DIGITS.prepare())
    ours = nnplug_numpy.run(work, arrays, Clock())
    other = nnplug_numpy.run(replace(work, **change), arrays, Clock())
    same = {"check": ours, "loss": 1}
    for losses, named in (({"check": other, "loss": 1}, ["other"]), (same, [])):
        found = training.disagreements(
            work, {"other": FAIR}, {training.OURS: same, "other": losses}
        )
        assert list(found) == named


def test_predictions_may_differ_at_a_boundary_but_not_more():
    classes = {"nnplug_numpy": [1, 2, 3, 4], "sklearn_mlp": [1, 2, 3, 5]}
    assert differing(classes) == {}
    assert differing(classes | {"sklearn_mlp": [0, 2, 3, 5]}) == {
        "sklearn_mlp": "predictions: scikit-learn gives another class than nnplug for 2 of 4 rows."
    }


def test_a_check_takes_a_last_and_smaller_batch_in_float64():
    arrays = works.WORKS["digits"].prepare()
    work, few = works.WORKS["digits"].checked(arrays)
    assert (work.dtype, len(few["inputs"]), len(few["targets"])) == ("float64", 700, 700)
    assert {few[name].dtype.name for name in ("inputs", "weight0", "bias1")} == {"float64"}
    assert few["targets"].dtype == np.int64
    assert arrays["inputs"].dtype == np.float32


@pytest.mark.parametrize(
    ("kind", "name"),
    [("activation", "relu"), ("activation", "gelu"), ("optimizer", "adam"), ("optimizer", "adamw")],
)
def test_a_twin_computes_what_the_built_in_does(kind, name):
    registry = Registry.from_environment([str(works.TWINS)])
    built_in, twin = registry.get(kind, name), registry.get(kind, f"twin_{name}")
    x = np.linspace(-3, 3, 25)
    if kind == "activation":
        np.testing.assert_allclose(twin(x), built_in(x), rtol=1e-15)
    else:
        given = (x, x[::-1], x / 9, x**2)
        for ours, theirs in zip(twin(*given, step=3), built_in(*given, step=3), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-14)


# --- the tables -----------------------------------------------------------------------------


def test_goals_are_held_against_ratios_of_rounds_and_the_fastest_rival():
    figures = {
        "digits": {
            "nnplug_numpy": {"loop": [1.0, 2.0, 1.0]},
            # The median of 4, 3 and 1 is 3; the ratio of the medians would be 4.
            "sklearn_mlp": {"loop": [4.0, 6.0, 1.0]},
            "torch_eager": {"loop": [9.0, 9.0, 9.0]},
            "torch_fused": {"loop": [2.0, 2.0, 2.0]},
        },
        "wide-512": {
            "nnplug_numba": {"loop": [1.0], "peak": [300.0], "compiler": [120.0]},
            "sklearn_mlp": {"loop": [1.0], "peak": [200.0]},
        },
    }
    lines = goals.goals_table(figures).splitlines()
    assert "| digits | scikit-learn | 3 × faster | 3.00: met | 4 × faster | not measured |" in lines
    assert (
        "| digits | PyTorch | 3 × faster | 2.00: **missed** | 4 × faster | not measured |" in lines
    )
    assert (
        "| peak memory, 784-512-512-10 | scikit-learn | at most 1 of it | not measured "
        "| at most 1 of it | 0.90: met |" in lines
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12.34, "12.3 s"),
        (1.0, "1.00 s"),
        (0.0567, "56.7 ms"),
        (4.5e-5, "45.0 µs"),
        (0.0, "0.00 µs"),
    ],
)
def test_times_are_written_with_three_digits(value, text):
    assert report.seconds(value) == text


def test_a_block_replaces_its_own_place_only(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- measured: x -->\nold\n<!-- end -->\nb\n", "utf-8")
    assert report.put("x", "new", page)
    assert not report.put("y", "other", page)
    assert page.read_text("utf-8") == "a\n<!-- measured: x -->\n\nnew\n\n<!-- end -->\nb\n"


def test_numbers_are_kept_beside_those_of_other_blocks(tmp_path):
    file = tmp_path / "numbers.json"
    report.keep("x", {"a": {"loop": [0.123456, 2.0]}}, "*today.*", file)
    report.keep("y", {}, "*later.*", file)
    assert json.loads(file.read_text("utf-8")) == {
        "x": {"measured": "today", "figures": {"a": {"loop": [0.1235, 2.0]}}},
        "y": {"measured": "later", "figures": {}},
    }
    assert '"loop": [0.1235, 2.0]' in file.read_text("utf-8")


def test_the_picture_is_drawn_from_numbers_and_the_same_numbers_give_the_same_file(tmp_path):
    pytest.importorskip("matplotlib", reason="pictures are drawn with the extra bench")
    points = {f"{sweep.name} {value}": [value * 1e-6] for sweep in picture.SWEEPS
              for value in sweep.values}  # fmt: skip
    figures = {"nnplug_numpy": points, "products": points}
    for name in ("a.svg", "b.svg"):
        picture.draw(figures, tmp_path / name)
    text = (tmp_path / "a.svg").read_text("utf-8")
    assert text == (tmp_path / "b.svg").read_text("utf-8")
    for word in ("width", "depth", "batch", "nnplug", "its matrix products alone", "1 ms"):
        assert f">{word}<" in text


# --- the command ----------------------------------------------------------------------------


def test_a_look_prints_a_table_and_writes_nothing():
    before = report.PAGE.read_bytes()
    done = run("--quick", "--noisy", "--runs", "1", "--threads", "1", "--work", "digits")
    assert done.returncode == 0, done.stderr
    assert report.PAGE.read_bytes() == before
    for name, contender in contenders.contenders().items():
        if contender.supports(works.WORKS["digits"]):
            assert f"\n| {contender.TITLE} | " in done.stdout, name
    assert "not the same work" not in done.stdout
    assert "a tenth of the work, for a look.*" in done.stdout
    assert "| digits | scikit-learn | 3 × faster | " in done.stdout
    assert "XOR" not in done.stdout  # goals of what was not measured


@pytest.mark.parametrize("table", reading.TABLES)
def test_both_readers_do_the_same_work(tmp_path, table):
    for path in reading.write(table, 3_000, tmp_path).values():
        for name in reading.CONTENDERS:
            done = subprocess.run(
                [sys.executable, "-m", "tests.benchmarks.reading", name, table, path],
                cwd=ROOT, capture_output=True, text=True, check=True,
            )  # fmt: skip
            assert set(json.loads(done.stdout)) == {"seconds", "peak"}


def test_contenders_that_are_not_installed_are_named(monkeypatch, capsys):
    monkeypatch.setattr(contenders, "_installed", lambda package: package != "torch")
    found = contenders.contenders.__wrapped__()
    assert "torch_eager" not in found
    assert (
        'PyTorch takes no part: torch is not installed; pip install -e ".[bench]"'
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--work", "digit"), "invalid choice: 'digit'"),
        (("--runs", "0"), "--runs 0: give at least 1"),
    ],
)
def test_what_cannot_be_measured_is_said(arguments, words):
    done = run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_measurement_that_fails_says_which_and_why(tmp_path):
    settings = replace(Settings(tmp_path), noisy=True)
    with pytest.raises(FailedError, match=r"(?s)-c 1/0 ended with 1.*ZeroDivisionError"):
        run_undisturbed((sys.executable, "-c", "1/0"), settings)


# --- real tables -------------------------------------------------------------------------------


def test_both_sides_learn_from_the_same_rows_and_are_scored_on_the_same(tmp_path, monkeypatch):
    names = ["y", "x", "note"]
    rows = [[str(i % 2), "NA" if i == 3 else str(i), 'a "b"\nc'] for i in range(20)] + [
        ["NA", "1", "d"], ["", "2", "d"]
    ]  # fmt: skip
    monkeypatch.setattr(real_tables.Table, "read_rows", lambda self: (names, rows))
    table = real_tables.Table("package", "file.csv", "y")
    parts = []
    for path in real_tables.split(table, 0, tmp_path):
        with path.open(encoding="utf-8", newline="") as file:
            head, *part = csv.reader(file)
        assert head == names
        parts.append(part)
    assert sorted(parts[0] + parts[1]) == sorted(rows)  # as they are written, each once
    assert len(parts[1]) == 4
    assert all(row[0] in ("0", "1") for row in parts[1]), "what is scored has a target"
    first = parts[1]
    real_tables.split(table, 1, tmp_path)
    with (tmp_path / "test.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1:] != first


def test_a_mean_more_than_a_point_below_is_not_met(monkeypatch):
    monkeypatch.setattr(real_tables.Table, "read_rows", lambda self: (None, [["1"] * 3] * 1234))
    table = real_tables.Table("package", "file.csv", "y")
    figures = {
        "nnplug, best epoch": {"t": [0.90, 0.92]}, "scikit-learn, best epoch": {"t": [0.91, 0.928]},
        "nnplug, all rows": {"t": [0.90, 0.92]}, "scikit-learn, all rows": {"t": [0.92, 0.922]},
    }  # fmt: skip
    best, every = (real_tables._row("t", table, way, figures) for way in real_tables.WAYS)
    assert best[:3] == ["t, 1,234 × 3", "accuracy", "best epoch"]
    assert best[-2:] == ["-0.0090 (-0.0100 to -0.0080)", "at least -0.01: met"]
    assert every[-1] == "at least -0.01: **not met**"


def test_a_package_that_is_not_installed_is_named():
    table = real_tables.Table("no_such_package", "file.csv", "y")
    with pytest.raises(FailedError, match=r"no_such_package is not installed; pip install -e"):
        table.read_rows()
