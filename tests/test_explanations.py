"""Explanations of a model: what its columns contribute, and how important they are."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

import nnplug
from nnplug.errors import DataError, NotFiniteError, SettingError, StorageError
from nnplug.randomness import derive_generator


def houses():
    """Rows of each kind of column, with gaps."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "area": rng.uniform(30, 150, 200).round(1),
            "district": rng.choice(["north", "south", "south", "east"], 200),
            "garden": rng.random(200) < 0.3,
            "sold": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, 200), "D"),
            "noise": rng.normal(size=200),
        }
    )
    frame["price"] = 2 * frame.area + 30 * frame.garden + 20 * (frame.district == "north")
    frame.loc[::9, "district"] = None
    frame.loc[::11, "area"] = np.nan
    return frame


FRAME = houses()
FEW = {"epochs": 30, "hidden": (16, 8), "validation": 0}


@pytest.fixture(scope="module")
def price():
    return nnplug.train(FRAME, target="price", learning_rate=0.01, **FEW).model


@pytest.fixture(scope="module")
def district():
    rows = FRAME.dropna()
    return nnplug.train(rows, target="district", **FEW).model


# --- contributions ---------------------------------------------------------------------


def test_they_sum_to_the_prediction_in_the_target_s_unit(price):
    found = price.explain(FRAME)
    assert found.columns == ("area", "district", "garden", "sold", "noise")
    assert found.contributions.shape == (200, 1, 5)
    assert found.answers[0, 0] == "price"
    np.testing.assert_allclose(found.predictions, price.predict(FRAME), rtol=1e-5)
    wanted = found.predictions - found.base
    np.testing.assert_allclose(found.contributions.sum(axis=2), wanted, rtol=0, atol=1e-10)


def test_a_target_on_a_logarithmic_scale_is_explained_in_its_own_unit():
    model = nnplug.train(FRAME, target="price", target_transform="log", **FEW).model
    found = model.explain(FRAME[:20])
    np.testing.assert_allclose(found.predictions, model.predict(FRAME[:20]), rtol=1e-5)
    wanted = found.predictions - found.base
    np.testing.assert_allclose(found.contributions.sum(axis=2), wanted, rtol=0, atol=1e-10)


def test_the_probability_of_the_predicted_class_is_explained_or_of_another(district):
    rows = FRAME.dropna()
    found = district.explain(rows)
    shares, classes = district.probabilities(rows), district.predict(rows)
    assert [name.removeprefix("district=") for name in found.answers[:, 0]] == list(classes)
    np.testing.assert_allclose(found.predictions[:, 0], shares.max(axis=1), rtol=1e-5)
    wanted = found.predictions - found.base
    np.testing.assert_allclose(found.contributions.sum(axis=2), wanted, rtol=0, atol=1e-10)
    other = district.explain(rows, of="east")
    place = list(district.classes).index("east")
    np.testing.assert_allclose(other.predictions[:, 0], shares[:, place], rtol=1e-5)
    assert set(other.answers[:, 0]) == {"district=east"}


def test_several_targets_and_two_classes_are_explained_too():
    both = nnplug.train(FRAME, target=["price", "noise"], **FEW).model
    found = both.explain(FRAME[:7])
    assert found.contributions.shape == (7, 2, 4)
    np.testing.assert_allclose(found.predictions, both.predict(FRAME[:7]), rtol=1e-4, atol=1e-4)
    two = nnplug.train(FRAME, target="garden", **FEW).model.explain(FRAME[:7])
    assert set(two.answers[:, 0]) <= {"garden=True", "garden=False"}
    for each in (found, two):
        wanted = each.predictions - each.base
        np.testing.assert_allclose(each.contributions.sum(axis=2), wanted, rtol=0, atol=1e-10)


def test_the_baseline_is_the_typical_row(price):
    found = price.explain(FRAME[:50])
    # Of numbers the mean of the training, of the rest the most frequent and middle of the rows.
    assert found.baseline["area"] == f"{FRAME.area.mean():.6g}"
    assert found.baseline["district"] == "south"
    assert found.baseline["garden"] == "false"
    assert found.baseline["sold"] == str(FRAME.sold[:50].sort_values().iloc[25].date())
    typical = FRAME[:1].assign(
        area=FRAME.area.mean(), district="south", garden=False, noise=FRAME.noise.mean(),
        sold=FRAME.sold[:50].sort_values().iloc[25],
    )  # fmt: skip
    np.testing.assert_allclose(found.base[0], price.predict(typical)[0], rtol=1e-5)


def test_the_mean_of_the_training_is_kept_whatever_the_encoding_and_the_rows():
    rows = FRAME[["area", "garden", "price"]]
    model = nnplug.train(rows, target="price", encoding="quantile standard:far=3", **FEW).model
    far = rows[:2].assign(area=[1000.0, np.nan])
    assert model.explain(far).baseline["area"] == f"{FRAME.area.mean():.6g}"
    assert model.explain(far[1:]).baseline["area"] == f"{FRAME.area.mean():.6g}"


def test_a_baseline_can_be_given(price):
    one = FRAME[20:21]
    found = price.explain(FRAME[:3], baseline=one)
    np.testing.assert_allclose(found.base[0], price.predict(one)[0], rtol=1e-5)
    assert found.baseline["area"] == f"{one.area.item():.6g}"
    same = price.explain(one, baseline=one)
    np.testing.assert_array_equal(same.contributions, 0)


def test_rows_are_chosen_by_number(price):
    found, whole = price.explain(FRAME, rows=[5, 2]), price.explain(FRAME)
    np.testing.assert_array_equal(found.rows, [5, 2])
    np.testing.assert_allclose(found.contributions, whole.contributions[[5, 2]], rtol=1e-9)
    assert found.values[1][0] == f"{FRAME.area[2]:.6g}"
    assert whole.values[0][:2] == ("", "")  # missing


def test_the_parts_of_a_row_are_in_order_of_size(price):
    found = price.explain(FRAME, rows=[4])
    parts = found.parts(0)
    sizes = [abs(part.contribution) for part in parts]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(part.contribution for part in parts) == pytest.approx(
        found.predictions.item() - found.base.item()
    )


def test_a_network_of_arrays_is_explained_from_the_mean_of_the_inputs():
    x = np.random.default_rng(1).normal(size=(60, 2))
    model = nnplug.train((x, x @ [[2.0], [1.0]]), **FEW).model
    found = model.explain(x)
    assert found.columns == model.features
    np.testing.assert_allclose(found.base[0], model.predict(x.mean(axis=0)[None])[0], rtol=1e-4)
    wanted = found.predictions - found.base
    np.testing.assert_allclose(found.contributions.sum(axis=2), wanted, rtol=0, atol=1e-10)


def test_what_cannot_be_explained_is_refused(price, district):
    with pytest.raises(DataError, match="There is no row 200: the data has 200 rows, counted from"):
        price.explain(FRAME, rows=[200])
    with pytest.raises(SettingError, match="a regression has no classes to choose from"):
        price.explain(FRAME, of="north")
    with pytest.raises(SettingError, match="'west' is not one of the classes: east, north, south"):
        district.explain(FRAME.dropna(), of="west")
    with pytest.raises(SettingError, match="segments=0: it must be at least 1"):
        price.explain(FRAME, segments=0)


def test_a_row_without_a_prediction_is_refused():
    @nnplug.activation
    def root(x):
        """Root of what is at least -10."""
        return np.sqrt(x + 10)

    x = np.linspace(0, 1, 50).reshape(-1, 1)
    model = nnplug.train((x, x), activation=root, epochs=5).model
    with pytest.raises(NotFiniteError, match="row 1, counted from 0, is not finite: there is noth"):
        model.explain(np.array([[0.5], [1e4]]), baseline=x)


def test_the_numbers_as_plain_values(price):
    found = price.explain(FRAME, rows=[3])
    said = json.loads(json.dumps(found.to_dict(first=1)))
    (row,) = said["rows"]
    (answer,) = row["answers"]
    assert (row["row"], answer["answer"]) == (4, "price")
    assert list(answer["contributions"]) == list(found.columns)
    assert sum(answer["contributions"].values()) == pytest.approx(
        answer["prediction"] - answer["baseline"], abs=1e-10
    )
    assert said["baseline"]["district"] == "south"


def test_the_summary_shows_the_rows(price):
    text = price.explain(FRAME, rows=[3]).summary()
    assert "explanation of 1 rows by 5 columns" in text
    assert "baseline" in text
    assert "prediction" in text


# --- importances -----------------------------------------------------------------------


def test_an_importance_is_what_the_metric_loses_on_a_shuffled_table(price):
    """Against the table itself, shuffled outside and evaluated."""
    found = price.importance(FRAME, repeats=2, seed=3)
    assert (found.metric, found.goal, found.rows) == ("r2", "maximize", 200)
    before = price.evaluate(FRAME)["r2"]
    assert found.score == pytest.approx(before)
    for place, name in enumerate(found.columns):
        for repeat in range(2):
            order = derive_generator(3, "importance", place, repeat).permutation(200)
            shuffled = FRAME.assign(**{name: FRAME[name].to_numpy()[order]})
            lost = before - price.evaluate(shuffled)["r2"]
            assert found.changes[place, repeat] == pytest.approx(lost, abs=1e-6)
    assert found.columns[found.order[0]] == "area"


def test_of_a_metric_that_is_minimized_it_is_what_it_gains(price):
    found = price.importance(FRAME, metric="mae")
    assert (found.metric, found.goal, found.change) == ("mae", "minimize", "gains")
    assert found.means[0] > 10
    wanted = found.changes.std(axis=1, ddof=1)
    np.testing.assert_allclose(found.deviations, wanted)


def test_the_seed_decides_and_one_repeat_has_no_deviation(price):
    one, same, other = (price.importance(FRAME, repeats=1, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.changes, same.changes)
    assert (one.changes != other.changes).any()
    assert np.isnan(one.deviations).all()
    assert one.to_dict()["columns"][0]["deviation"] is None
    json.dumps(one.to_dict())


def test_of_arrays_and_of_classes(district):
    x = np.random.default_rng(1).normal(size=(60, 2))
    y = 2 * x[:, :1]
    model = nnplug.train((x, y), metrics=(), learning_rate=0.01, **FEW).model
    found = model.importance((x, y))
    assert found.metric == "r2"
    assert found.means[0] > 10 * abs(found.means[1])
    with pytest.raises(DataError, match=r"trained on arrays: give \(inputs, targets\)"):
        model.importance(x)
    assert district.importance(FRAME.dropna()).metric == "accuracy"


def test_there_must_be_a_repeat(price):
    with pytest.raises(SettingError, match="repeats=0: it must be at least 1"):
        price.importance(FRAME, repeats=0)


# --- pictures ---------------------------------------------------------------------------


def test_pictures_are_files_that_are_the_same_each_time(price, tmp_path):
    frame = FRAME.rename(columns={"area": "$x$ <b>"})
    model = nnplug.train(frame, target="price", epochs=2).model
    found = model.explain(frame, rows=[1, 2])
    found.plot(tmp_path / "rows.svg", [0, 1])
    found.plot(tmp_path / "again.svg", [0, 1])
    assert (tmp_path / "rows.svg").read_bytes() == (tmp_path / "again.svg").read_bytes()
    found.plot(tmp_path / "rows.png")
    assert (tmp_path / "rows.png").read_bytes()[:4] == b"\x89PNG"
    price.importance(FRAME).plot(tmp_path / "importance.pdf")
    price.importance(FRAME).plot(tmp_path / "again.pdf")
    assert (tmp_path / "importance.pdf").read_bytes() == (tmp_path / "again.pdf").read_bytes()
    with pytest.raises(StorageError, match="there is such a file already"):
        found.plot(tmp_path / "rows.png")
    with pytest.raises(SettingError, match=r"must end in \.svg, \.png, \.pdf"):
        found.plot(tmp_path / "rows.jpg")


def test_without_matplotlib_the_way_out_is_named(price, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SettingError, match="Install it with: pip install matplotlib"):
        price.importance(FRAME, repeats=1).plot(tmp_path / "x.png")


# --- several members --------------------------------------------------------------------


@pytest.mark.parametrize("target", ["price", "district"])
def test_what_members_predict_together_is_explained(target):
    rows = FRAME.dropna()
    few = {"epochs": 5, "hidden": (8, 4), "members": 3}
    model = nnplug.train(rows, target=target, **few).model
    found = model.explain(rows[:10])
    if target == "price":
        np.testing.assert_allclose(found.predictions, model.predict(rows[:10]), rtol=1e-4)
    else:
        likely = model.probabilities(rows[:10]).max(axis=1)
        np.testing.assert_allclose(found.predictions[:, 0], likely, rtol=1e-4)
    wanted = found.predictions - found.base
    np.testing.assert_allclose(found.contributions.sum(axis=2), wanted, rtol=0, atol=1e-10)
    assert model.importance(rows).rows == len(rows)
