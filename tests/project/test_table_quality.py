"""The comparison on real tables: its splits, its scores, its ranks, its memory of what is done."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import log_loss, r2_score

from tests.benchmarks.processes import FailedError, Settings
from tests.benchmarks.quality import fitting, measuring, standing
from tests.benchmarks.quality.contenders import CONTENDERS
from tests.benchmarks.quality.tables import SPLITS, TABLES, Table, names_set_aside

RNG = np.random.default_rng(0)


def row(contender, table, split, loss, score=0.5):
    return {
        "contender": contender, "table": table, "split": split, "loss": loss, "score": score,
        "cpu": 1.0, "version": "library 1.0", "date": "2026-11-27",
    }  # fmt: skip


# --- tables -------------------------------------------------------------------------------------


def test_eight_tables_are_set_aside_and_stay_the_same():
    # Written down before anything was trained: choices were made on the others.
    assert sorted(names_set_aside()) == [
        "ames", "hotel_rates", "hpc_jobs", "hr", "leaves", "movies", "saratoga_houses", "spam",
    ]  # fmt: skip
    assert len(TABLES) == 20
    assert sum(TABLES[name].regression for name in names_set_aside()) == 4


def test_a_table_is_read_as_numbers_and_texts(monkeypatch):
    pd = pytest.importorskip("pandas")
    shipped = pd.DataFrame({
        "id": range(64), "number": [None, *range(63)], "text": [None] + ["a"] * 63,
        "target": ["yes"] * 30 + ["no"] * 30 + ["rare"] * 3 + [None],
    })  # fmt: skip
    monkeypatch.setattr(Table, "_shipped", lambda self: shipped)
    table = Table("name", "package", "file", "target", drop=("id",))
    x, y = table.read()
    assert list(x) == ["number", "text"]
    assert list(y) == ["yes"] * 30 + ["no"] * 30  # a class of three rows is left out
    assert x["number"].dtype == float
    assert np.isnan(x["number"][0])
    assert x["text"][0] is None
    learned, scored = table.split(0, y)
    assert sorted([*learned, *scored]) == list(range(60))
    assert list(y[scored]).count("yes") == 6  # a fifth of each class
    assert list(table.split(0, y)[1]) == list(scored)
    assert list(table.split(1, y)[1]) != list(scored)


# --- scores -------------------------------------------------------------------------------------


def test_scores_are_those_of_scikit_learn():
    targets = RNG.choice(["a", "b", "c"], 50)
    values = RNG.dirichlet([1, 1, 1], 50)
    accuracy, loss = fitting.scores_of((np.array(["c", "a", "b"]), values), targets)
    order = values[:, [1, 2, 0]]
    assert loss == pytest.approx(log_loss(targets, order))
    assert accuracy == np.mean(np.array(["a", "b", "c"])[order.argmax(1)] == targets)
    numbers, guessed = RNG.normal(size=(2, 50))
    score, loss = fitting.scores_of((None, guessed), numbers)
    assert score == pytest.approx(r2_score(numbers, guessed))
    assert loss == pytest.approx(np.sqrt(np.mean((numbers - guessed) ** 2)))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ((None, np.array([0.0, np.nan])), "not finite"),
        ((np.array(["a", "b"]), np.ones((2, 2))), "do not sum to 1"),
    ],
)
def test_predictions_that_cannot_be_scored_are_refused(answers, words):
    with pytest.raises(ValueError, match=words):
        fitting.scores_of(answers, np.array([1.0, 2.0]))


def test_a_certain_mistake_costs_a_finite_loss():
    _, loss = fitting.scores_of((np.array(["a", "b"]), np.array([[1.0, 0.0]])), np.array(["b"]))
    assert loss == pytest.approx(-np.log(1e-7))


def test_ours_fits_a_frame_of_numbers_and_texts():
    pd = pytest.importorskip("pandas")
    x = pd.DataFrame({"a": RNG.normal(size=80), "b": RNG.choice(["u", "v", None], 80)}).astype(
        {"b": object}
    )
    x.loc[3, "a"] = np.nan
    y = np.where(x["a"] > 0, "more", "less").astype(object)
    classes, values = CONTENDERS["nnplug-fast"].fit(x, y, x[:7], False, 0)
    assert sorted(classes) == ["less", "more"]
    assert values.shape == (7, 2)


# --- standing -----------------------------------------------------------------------------------


def test_ranks_are_those_of_scipy():
    values = RNG.integers(0, 4, (5, 6)).astype(float)
    np.testing.assert_array_equal(standing.ranks(values), rankdata(values, axis=0))


def test_the_best_is_1_and_the_worst_0():
    values = np.array([[1.0, 5], [2, 5], [3, 5]])
    np.testing.assert_array_equal(standing.normalised(values), [[1, 1], [0.5, 1], [0, 1]])


def test_an_interval_over_tables_is_that_of_the_mean():
    low, high = standing.interval(np.repeat([0.0, 1.0], 50))
    # By hand: the mean of 100 fair coins has the standard deviation 0.05.
    assert (low, high) == pytest.approx((0.4, 0.6), abs=0.01)


def test_what_is_not_measured_everywhere_stands_in_a_table_of_its_own():
    results = {
        (name, table, split): row(name, table, split, loss)
        for name, loss in (("catboost", 1.0), ("lightgbm", 2.0))
        for table in ("ames", "hr")
        for split in range(2)
    }
    results["realmlp", "ames", 0] = row("realmlp", "ames", 0, 4.0)
    first, second = standing.complete(results)
    assert first == (["lightgbm", "catboost"], [("ames", 0), ("ames", 1), ("hr", 0), ("hr", 1)])
    assert second == (["lightgbm", "catboost", "realmlp"], [("ames", 0)])
    text = standing.written(results)
    assert "2 tables, 1 with numbers to predict and 1 with classes; 4 fits of each" in text
    assert "| CatBoost | 1.00 (1.00 to 1.00) |" in text
    assert "| LightGBM | 2.00 (2.00 to 2.00) |" in text
    assert "| 4.000 (4.000 to 4.000) | 1.0 |" in text  # RealMLP's loss against the best


# --- measuring ----------------------------------------------------------------------------------


def test_what_is_done_is_not_done_again(tmp_path, monkeypatch, capsys):
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps(row("catboost", "ames", 0, 1.0)) + "\n")
    asked = []

    def run(command, settings):
        asked.append(command[3:])
        if command[-1] == "1" and command[-2] == "hr":
            raise FailedError("fitting ended with 1\nValueError: no rows")
        return SimpleNamespace(
            output=json.dumps(row(*command[3:5], int(command[5]), 2.0)), peak=2**20
        )

    monkeypatch.setattr(measuring, "run", run)
    again = (["catboost"], ["ames", "hr"], 2, Settings(tmp_path), path)
    measuring.measure_missing(*again)
    assert asked == [("catboost", "hr", "0"), ("catboost", "ames", "1"), ("catboost", "hr", "1")]
    assert "catboost, hr, split 1: ValueError: no rows" in capsys.readouterr().err
    assert len(measuring.read_results(path)) == 3
    asked.clear()
    measuring.measure_missing(*again)
    assert asked == [("catboost", "hr", "1")]  # what failed is tried again


def test_kept_results_are_of_what_is_compared_now():
    for (name, table, split), row in measuring.read_results().items():
        assert name in CONTENDERS
        assert table in TABLES
        assert split < SPLITS
        assert np.isfinite([row["score"], row["loss"], row["cpu"]]).all()
