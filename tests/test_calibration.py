"""How sure a model is: intervals, sets of classes, calibrated probabilities, and their file."""

import itertools
import json

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import sklearn.metrics

import nnplug
from nnplug.cli import main
from nnplug.errors import ModelFileError, NnplugError, SettingError
from nnplug.models import Model
from nnplug.models.calibration import Calibration
from nnplug.models.conformal import MOST, ScoreTable
from nnplug.models.temperature import fit_temperature, quality, tempered
from nnplug.runs.held_out import held_out
from tests.cli.models import IRIS
from tests.reliability.hostile import Sample

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 2))
Y = X[:, 0] + 0.5 * RNG.normal(size=400)
LABELS = RNG.integers(0, 3, size=200)
LOGITS = RNG.normal(size=(200, 3)) * 4 + 3 * np.eye(3)[LABELS]


@pytest.fixture(scope="module")
def run():
    return nnplug.train((X, Y), epochs=5, validation=0.5, engine="numpy")


@pytest.fixture(scope="module")
def species():
    return nnplug.train(IRIS, target="species", epochs=20, engine="numpy")


# --- quantiles ----------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0.5, 0.57, 0.8, 0.9, 0.95])
def test_of_exchangeable_rows_the_stated_share_is_held(level):
    # Whichever of n + 1 rows is the new one is equally likely: count all of them.
    for rows in (19, 20, 99):
        scores = np.random.default_rng(rows).permutation(rows + 1) * 1.0
        held = [
            new <= ScoreTable.of(np.delete(scores, place)).quantile(level)
            for place, new in enumerate(scores)
        ]
        assert level - 1e-9 <= np.mean(held) < level + 1 / (rows + 1)


def test_of_many_rows_some_order_statistics_are_kept_and_no_level_is_missed():
    scores = np.random.default_rng(0).exponential(size=12_345)
    table, ascending = ScoreTable.of(scores), np.sort(scores)
    assert len(table.scores) == MOST
    for level in (0.001, 0.1, 0.5, 0.8, 0.9, 0.99, 0.999, 0.9999):
        exact = int(np.ceil(12_346 * level)) - 1
        most = ascending[min(exact + 12_345 // MOST + 1, 12_344)]
        assert ascending[exact] <= table.quantile(level) <= most


def test_a_level_for_which_there_are_too_few_rows_says_how_many_it_takes():
    with pytest.raises(SettingError) as caught:
        ScoreTable.of(np.arange(71.0)).quantile(0.99)
    assert str(caught.value) == (
        "interval=0.99: it takes at least 99 rows that the network was not trained on, and this "
        "model had 71.\nAsk for 0.986 or less, or train with more rows held out: a larger "
        "--validation (validation= in Python), or more rows in all if the members hold out every "
        "row."
    )
    assert ScoreTable.of(np.arange(99.0)).quantile(0.99) == 98
    assert ScoreTable.of(np.arange(71.0)).quantile(0.986) == 70


# --- numbers ------------------------------------------------------------------------------


def test_the_interval_is_the_prediction_plus_and_minus_a_residual_of_a_held_out_row(run):
    held_out = np.sort(abs(Y - run.predict(X)[:, 0])[run.validation_rows])
    lower, upper = run.predict_interval(X[:5], 0.8)
    wanted = held_out[int(np.ceil(201 * 0.8)) - 1]
    np.testing.assert_allclose(upper - run.predict(X[:5]), wanted, rtol=1e-5)
    np.testing.assert_allclose(run.predict(X[:5]) - lower, wanted, rtol=1e-5)


def test_the_interval_of_a_transformed_target_is_that_of_its_logarithm():
    table = {"x": X[:, 0], "y": np.exp(Y)}
    run = nnplug.train(
        table, target="y", target_transform="log", epochs=5, validation=0.5, engine="numpy"
    )
    predicted = run.predict(table)[:, 0]
    residuals = np.sort(abs(Y - np.log(predicted))[run.validation_rows])
    lower, upper = run.predict_interval(table, 0.9)
    wanted = residuals[int(np.ceil(201 * 0.9)) - 1]
    np.testing.assert_allclose(np.log(upper[:, 0] / predicted), wanted, rtol=1e-4)
    np.testing.assert_allclose(np.log(predicted / lower[:, 0]), wanted, rtol=1e-4)


def test_each_of_several_targets_has_its_own_interval_and_coverage():
    both = np.stack([Y, 100 * X[:, 1]], axis=1)
    run = nnplug.train((X, both), epochs=20, validation=0.5, engine="numpy")
    lower, upper = run.predict_interval(X, 0.9)
    found = run.model.evaluate((X, both), interval=0.9)
    for k, name in enumerate(run.model.targets):
        assert found[f"mean_width[{name}]"] == pytest.approx(np.mean(upper[:, k] - lower[:, k]))
        inside = (lower[:, k] <= both[:, k]) & (both[:, k] <= upper[:, k])
        assert found[f"coverage[{name}]"] == np.mean(inside)
        assert np.mean(inside[run.validation_rows]) == np.ceil(201 * 0.9) / 200


def test_counts_have_no_interval_below_zero():
    counts = np.random.default_rng(1).poisson(np.exp(X[:, 0]))
    run = nnplug.train((X, counts), loss="poisson_nll", epochs=5, engine="numpy")
    lower, _ = run.predict_interval(X, 0.95)
    assert lower.min() == 0


def test_intervals_of_a_loss_keep_their_shape_and_are_given_the_right_width():
    @nnplug.loss(interval=lambda middle, log_reach, level: (
        middle - level * np.exp(log_reach), middle + 2 * level * np.exp(log_reach)
    ))  # fmt: skip
    def lopsided(middle, log_reach, target):
        """Laplace likelihood, with an interval that reaches upwards twice as far."""
        return log_reach + abs(target - middle) * np.exp(-log_reach)

    run = nnplug.train((X, Y), loss=lopsided, epochs=20, validation=0.5, engine="numpy")
    predicted = run.predict(X)
    for level in (0.5, 0.9):
        lower, upper = run.predict_interval(X, level)
        np.testing.assert_allclose(upper - predicted, 2 * (predicted - lower), rtol=1e-4)
        assert np.ptp(upper - lower) > 0
        inside = (lower[:, 0] <= Y) & (upper[:, 0] >= Y)
        assert np.mean(inside[run.validation_rows]) == pytest.approx(np.ceil(201 * level) / 200)


def test_without_held_out_rows_the_model_says_that_it_does_not_know():
    run = nnplug.train((X, Y), epochs=1, validation=0, engine="numpy")
    assert run.model.calibration is None
    with pytest.raises(SettingError, match=r"^This model does not know how sure it is: .*\n"):
        run.predict_interval(X)
    with pytest.raises(SettingError, match=r"^interval=0\.9: intervals are learned from rows"):
        nnplug.train((X, Y), epochs=1, validation=0, interval=0.9)


@pytest.mark.parametrize("level", [0, 1, 1.5, -0.1, np.nan, True])
def test_a_level_is_between_0_and_1(run, level):
    with pytest.raises(SettingError, match=r"^interval=.*: it must be above 0 and below 1, as 0.9"):
        run.predict_interval(X, level)


def test_a_network_without_finite_outputs_knows_nothing(run):
    outputs, targets = np.array([[np.nan], [1.0]]), np.zeros((2, 1))
    assert Calibration.of(run.head, outputs, targets) == Calibration()


# --- classes ------------------------------------------------------------------------------


def test_a_set_holds_the_classes_that_are_probable_enough(species):
    shares = species.probabilities(IRIS)
    labels = species.rows.targets
    held_out = species.validation_rows
    scores = np.sort(1 - shares[held_out, labels[held_out]].astype(np.float64))
    threshold = scores[int(np.ceil((len(held_out) + 1) * 0.95)) - 1]
    wanted = (1 - shares.astype(np.float64) <= threshold) | (shares == shares.max(1)[:, None])
    sets = species.predict_set(IRIS, 0.95)
    np.testing.assert_array_equal(sets, wanted)
    assert sets.any(axis=1).all()
    assert np.mean(sets[held_out, labels[held_out]]) >= 0.95
    found = species.model.evaluate(IRIS, interval=0.95)
    assert found["coverage"] == np.mean(sets[np.arange(150), labels])
    assert found["mean_set_size"] == sets.sum() / 150


def test_no_set_is_empty_where_one_class_is_right_more_often_than_the_level(species):
    sets = species.predict_set(IRIS, 0.3)
    np.testing.assert_array_equal(sets.sum(axis=1), 1)
    np.testing.assert_array_equal(sets.argmax(axis=1), species.probabilities(IRIS).argmax(axis=1))


def test_sets_are_of_classes_and_intervals_of_numbers(run, species):
    with pytest.raises(SettingError, match="A regression has no sets of classes"):
        run.predict_set(X)
    with pytest.raises(SettingError, match="A multiclass has no numbers, so no intervals"):
        species.predict_interval(IRIS)
    labels = (X > 0).astype(int)
    run = nnplug.train((X, labels), task="multilabel", epochs=1, engine="numpy")
    with pytest.raises(SettingError, match="A multilabel has no sets of classes"):
        run.predict_set(X)
    with pytest.raises(SettingError, match=r"^interval=0\.9: labels have neither intervals nor"):
        nnplug.train((X, labels), task="multilabel", epochs=1, interval=0.9)


# --- probabilities --------------------------------------------------------------------------


def test_the_temperature_is_the_one_that_scipy_finds():
    logs = scipy.special.log_softmax(LOGITS, axis=1)
    smooth = (200 * np.eye(3)[LABELS] + 1) / 203

    def loss(temperature):
        return -np.mean(np.sum(smooth * scipy.special.log_softmax(LOGITS / temperature, 1), 1))

    wanted = scipy.optimize.minimize_scalar(loss, bounds=(0.05, 20), method="bounded")
    assert fit_temperature(logs, LABELS) == pytest.approx(wanted.x, rel=1e-3)
    np.testing.assert_allclose(
        tempered(logs, 2.5), scipy.special.log_softmax(LOGITS / 2.5, 1), rtol=1e-12
    )


@pytest.mark.parametrize(("logits", "wanted"), [(0.0, None), (1e5, 100.0), (-1e5, None)])
def test_the_temperature_stays_in_its_range_whatever_the_logits(logits, wanted):
    z = np.array([[logits, 0.0], [0.0, logits]] * 3)
    labels = np.array([0, 0, 0, 1, 1, 1])  # half of them right
    found = fit_temperature(scipy.special.log_softmax(z, axis=1), labels)
    assert 0.01 <= found <= 100
    assert wanted is None or found == pytest.approx(wanted)


def test_log_loss_and_calibration_error_are_as_defined():
    logs = scipy.special.log_softmax(LOGITS, axis=1)
    found = quality(logs, LABELS)
    assert found.log_loss == pytest.approx(sklearn.metrics.log_loss(LABELS, np.exp(logs)))
    confidence, right = np.exp(logs).max(1), logs.argmax(1) == LABELS
    error = 0.0
    for k in range(15):
        here = (confidence >= k / 15) & (confidence < (k + 1) / 15 if k < 14 else True)
        if here.any():
            error += here.mean() * abs(right[here].mean() - confidence[here].mean())
    assert found.calibration_error == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize(
    ("loss", "task"),
    [
        ("cross_entropy", "multiclass"), ("binary_cross_entropy", "multiclass"),
        ("mse", "multiclass"), ("binary_cross_entropy", "binary"), ("cross_entropy", "binary"),
        ("mse", "binary"), ("binary_cross_entropy", "multilabel"), ("mse", "multilabel"),
    ],
)  # fmt: skip
def test_log_probabilities_are_those_of_the_probabilities(loss, task):
    targets = {
        "multiclass": LABELS,
        "binary": LABELS % 2,
        "multilabel": np.eye(3, dtype=int)[LABELS],
    }
    run = nnplug.train((X[:200], targets[task]), task=task, loss=loss, epochs=2, engine="numpy")
    shares, outputs = run.probabilities(X), run.outputs(X)
    logs = run.head.log_probabilities(outputs)
    if task == "multilabel":
        np.testing.assert_allclose(np.exp(logs).sum(axis=2), 1, rtol=1e-12)
        logs = logs[..., 1]
    np.testing.assert_allclose(np.exp(logs), shares, rtol=1e-5)
    calibrated = Calibration(temperature=3.0).probabilities(run.head, outputs)
    power = shares.astype(np.float64) ** (1 / 3)
    rest = (1 - shares.astype(np.float64)) ** (1 / 3)
    total = power + rest if task == "multilabel" else power.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(calibrated, power / total, rtol=1e-4)


def overconfident():
    """Train without a limit on noisy classes, so that the network is far too sure."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 4))
    labels = (x[:, 0] + rng.normal(size=300) > 0).astype(int)
    return nnplug.train(
        (x, labels), epochs=150, patience="none", monitor="loss", hidden=64, learning_rate=0.01,
        validation=0.5, engine="numpy",
    ), x, labels  # fmt: skip


def test_probabilities_that_are_too_sure_are_calibrated_and_the_classes_stay():
    run, x, labels = overconfident()
    known = run.model.calibration
    assert known.temperature > 1.2
    assert known.quality[1].log_loss < known.quality[0].log_loss
    plain, calibrated = run.probabilities(x), run.probabilities(x, calibrated=True)
    np.testing.assert_array_equal(plain.argmax(1), calibrated.argmax(1))
    rows = run.validation_rows
    assert sklearn.metrics.log_loss(labels[rows], calibrated[rows]) < sklearn.metrics.log_loss(
        labels[rows], plain[rows]
    )
    before, after = known.judge_probabilities(run.head, run.outputs(x[rows]), labels[rows])
    assert after.calibration_error < before.calibration_error


def test_a_temperature_that_does_not_help_is_not_kept():
    # Logits of the true probabilities: any temperature fitted to half of them is chance.
    rng = np.random.default_rng(5)
    kept = 0
    head = nnplug.train((X, Y > 0), epochs=1, engine="numpy").head
    for _ in range(20):
        z = rng.normal(size=(60, 1))
        labels = (rng.uniform(size=60) < scipy.special.expit(z[:, 0])).astype(int)
        found = Calibration.of(head, z, labels)
        before, after = found.quality
        kept += found.temperature != 1
        assert (found.temperature == 1) == (before == after)
        assert after.log_loss <= before.log_loss
    assert kept < 15


# --- its file -------------------------------------------------------------------------------


def test_a_model_file_keeps_it_to_the_bit(run, species, tmp_path):
    for name, (trained, rows) in {"a": (run, X), "b": (species, IRIS)}.items():
        trained.save(tmp_path / name)
        again = nnplug.load(tmp_path / name)
        assert isinstance(again, Model)
        assert again.calibration == trained.model.calibration
        give = "predict_interval" if trained is run else "predict_set"
        for level in (0.5, 0.9):
            np.testing.assert_array_equal(
                getattr(again, give)(rows, level), getattr(trained, give)(rows, level)
            )


DAMAGES = {
    "scores of no row": (("rows",), 0, "its calibration has 200 scores of 0 rows"),
    "rows": (("rows",), -1, "the width of the rows of its calibration is not a whole number"),
    "order": (("scores", 0, 0), 1e9, "the scores of its calibration are not in order"),
    "below 0": (("scores", 0, 0), -1.0, "the scores of its calibration are not in order"),
    "text": (("scores", 0, 0), "1", "a score of its calibration is not a finite number"),
    "tables": (("scores",), [[1.0], [1.0]], "the sizes of its calibration are not those of its"),
    "no table": (("scores",), [], "its calibration has 0 tables of scores for a regression"),
    "temperature": (("temperature",), 2.0, "the temperature of its calibration is 2"),
    "quality": (("quality",), [[1, 2], [1, 2]], "the quality of its calibration is not of two"),
    "sizes": (("sizes",), [1.0, 2.0], "the sizes of its calibration are not those of its"),
    "level": (("level",), 1, "the level of its calibration is 1"),
    "more": (("more",), 1, 'its calibration has "more", which nnplug does not write'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_calibration_is_refused(damage, run, tmp_path):
    place, value, message = DAMAGES[damage]
    path = tmp_path / "model.safetensors"
    run.save(path)
    sample = Sample.of(path.read_bytes())
    inside = sample.document["content"]["calibration"]
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    path.write_bytes(sample.bytes())
    with pytest.raises(ModelFileError) as caught:
        nnplug.load(path)
    assert message in str(caught.value)


def test_tables_for_other_targets_are_refused(run, tmp_path):
    path = tmp_path / "model.safetensors"
    run.save(path)
    sample = Sample.of(path.read_bytes())
    sample.document["content"]["calibration"] |= {"scores": [[1.0], [1.0]], "sizes": []}
    path.write_bytes(sample.bytes())
    with pytest.raises(ModelFileError, match="its calibration has 2 tables for 1 targets"):
        nnplug.load(path)


def test_a_file_without_it_loads_and_gives_the_same_predictions(run, tmp_path):
    path = tmp_path / "old.safetensors"
    run.save(path)
    sample = Sample.of(path.read_bytes())
    del sample.document["content"]["calibration"]
    path.write_bytes(sample.bytes())
    again = nnplug.load(path)
    assert again.calibration is None
    np.testing.assert_array_equal(again.predict(X), run.predict(X))
    with pytest.raises(NnplugError, match="does not know how sure it is"):
        again.predict_interval(X)


# --- the commands ---------------------------------------------------------------------------


def command(capfd, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    done = capfd.readouterr()
    return ended.value.code, done.out, done.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory, species):
    folder = tmp_path_factory.mktemp("models")
    species.save(folder / "species.safetensors")
    petals = nnplug.train(
        IRIS, target="petal_length", drop=["species"], epochs=20, interval=0.8,
        engine="numpy",
    )  # fmt: skip
    petals.save(folder / "petals.safetensors")
    return folder


def rows_of(text):
    names, *rows = [line.split(",") for line in text.splitlines()]
    return {name: [row[k] for row in rows] for k, name in enumerate(names)}


def test_predict_adds_the_bounds_if_asked_here_or_in_training(folder, capfd):
    path = folder / "petals.safetensors"
    code, out, err = command(capfd, "predict", path, IRIS)
    assert (code, err) == (0, "")
    found = rows_of(out)
    assert list(found) == ["petal_length", "petal_length_lower", "petal_length_upper"]
    lower, upper = nnplug.load(path).predict_interval(IRIS, 0.8)
    np.testing.assert_array_equal(np.array(found["petal_length_upper"], float), upper[:, 0])
    narrow = rows_of(command(capfd, "predict", path, IRIS, "--interval", "0.5")[1])
    for low, high, lower_half, upper_half in zip(
        lower[:, 0], upper[:, 0], narrow["petal_length_lower"], narrow["petal_length_upper"],
        strict=True,
    ):  # fmt: skip
        assert low < float(lower_half) < float(upper_half) < high
    copied = rows_of(command(capfd, "predict", path, IRIS, "--id", "petal_length")[1])
    assert list(itertools.islice(copied, 3)) == [
        "petal_length", "predicted_petal_length", "predicted_petal_length_lower",
    ]  # fmt: skip


def test_predict_adds_the_set_of_classes_and_calibrated_probabilities(folder, capfd):
    path = folder / "species.safetensors"
    assert list(rows_of(command(capfd, "predict", path, IRIS)[1])) == ["species"]
    code, out, err = command(
        capfd, "predict", path, IRIS, "--interval", "0.95", "--probabilities", "--calibrated"
    )
    assert (code, err) == (0, "")
    found, model = rows_of(out), nnplug.load(path)
    names = np.array(model.classes)
    assert found["species_set"] == ["|".join(names[row]) for row in model.predict_set(IRIS, 0.95)]
    shares = model.probabilities(IRIS, calibrated=True)
    np.testing.assert_allclose(np.array(found["species=setosa"], float), shares[:, 0], rtol=1e-12)
    code, out, err = command(capfd, "predict", path, IRIS, "--calibrated")
    assert (code, out) == (2, "")
    assert "--calibrated is for --probabilities: give both." in err
    code, out, err = command(capfd, "predict", path, IRIS, "--interval", "2")
    assert (code, out, err) == (
        2,
        "",
        "error: interval=2.0: it must be above 0 and below 1, as 0.9.\n",
    )


def test_evaluate_counts_coverage_and_judges_probabilities(folder, capfd):
    code, out, _ = command(capfd, "evaluate", folder / "petals.safetensors", IRIS)
    assert code == 0
    scores, at = out.splitlines()
    assert scores.startswith("Loss: ")
    assert at.startswith("At level 0.8: Coverage: 0.")
    assert "Mean width: " in at
    code, out, _ = command(
        capfd, "evaluate", folder / "species.safetensors", IRIS, "--interval", "0.9", "--json"
    )
    said = json.loads(out)
    found = nnplug.load(folder / "species.safetensors").evaluate(IRIS, interval=0.9)
    assert (said["interval"], said["coverage"]) == (0.9, found["coverage"])
    assert said["calibration_error_calibrated"] == found["calibration_error_calibrated"]
    assert "coverage" not in json.loads(
        command(capfd, "evaluate", folder / "species.safetensors", IRIS, "--json")[1]
    )


def test_info_and_card_say_what_is_known(folder, capfd):
    known = nnplug.load(folder / "petals.safetensors").calibration
    line = f"at 0.8: {known.sizes[0]:.4g} wide on average, from 30 rows held out in training"
    out = command(capfd, "info", folder / "petals.safetensors")[1]
    assert f"  intervals    {line}" in " ".join(out.split("\n               "))
    card = command(capfd, "info", folder / "petals.safetensors", "--card")[1]
    assert f"\n- intervals {line}\n" in card
    card = command(capfd, "info", folder / "species.safetensors", "--card")[1]
    assert "- calibration log loss 0." in card


# --- members --------------------------------------------------------------------------------


def test_members_learn_it_from_all_rows_each_predicted_out_of_fold():
    run = nnplug.train((X, Y), members=3, epochs=5, engine="numpy")
    found = held_out(run)
    assert len(found) == run.model.calibration.rows == 400
    residuals = np.sort(abs(Y[found.rows] - found.outputs[:, 0]))
    lower, upper = run.predict_interval(X, 0.9)
    wanted = residuals[int(np.ceil(401 * 0.9)) - 1]
    np.testing.assert_allclose(upper - run.predict(X), wanted, rtol=1e-4)
    assert np.mean((lower[:, 0] <= Y) & (upper[:, 0] >= Y)) >= 0.88


def test_members_of_a_transformed_target_have_an_interval_around_their_mean():
    table = {"x": X[:, 0], "y": np.exp(Y)}
    run = nnplug.train(
        table, target="y", target_transform="log", members=2, epochs=5, engine="numpy"
    )
    lower, upper = run.predict_interval(table, 0.9)
    predicted = run.predict(table)
    factor = upper / predicted
    np.testing.assert_allclose(factor, factor[0, 0], rtol=1e-4)
    np.testing.assert_allclose(lower * factor, predicted, rtol=1e-4)


# --- the report -----------------------------------------------------------------------------


def test_the_report_says_what_is_known(run, species):
    page = run.report()
    assert "<h2>How sure it is</h2>" in page
    assert "mean width of the intervals at 0." in page
    assert "From 200 rows that were held out in training. An interval of level 0.9" in page
    page = species.report()
    assert "expected calibration error" in page
    assert "From 30 rows that were held out in training. A set of level 0.9" in page
    without = nnplug.train((X, Y), epochs=1, validation=0, engine="numpy")
    assert "How sure it is" not in without.report()


def test_train_says_how_wide_the_intervals_are_if_they_were_asked_for(tmp_path, capfd):
    code, _, err = command(
        capfd, "train", IRIS, "--target", "petal_length", "--drop", "species", "--interval", "0.8",
        "--epochs", "2", "--no-output",
    )  # fmt: skip
    assert code == 0
    assert "intervals at 0.8: " in err
    assert "rows held out in training" in " ".join(err.split())


@pytest.mark.parametrize("members", [1, 3])
def test_the_way_to_held_out_rows_can_be_followed(members):
    x = np.random.default_rng(0).normal(size=(60, 2))
    options = {"members": members, "interval": 0.8, "epochs": 1}
    with pytest.raises(SettingError, match=r"Hold some out: --validation 0\.\d+, or") as refused:
        nnplug.train((x, x[:, 0]), validation=0, **options)
    share = float(str(refused.value).rpartition("validation=")[2].split()[0])
    run = nnplug.train((x, x[:, 0]), validation=share, **options)
    assert run.model.calibration is not None
