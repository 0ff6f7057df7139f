"""Several networks as one model: their folds, their mean, their scores, their files."""

import itertools
import json

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import log_loss, r2_score

import nnplug
from nnplug.errors import DataError, DivergedError, ModelFileError, SettingError
from nnplug.models import read_info
from nnplug.models.container import pack, read_container
from nnplug.network.averaging import mean_output
from nnplug.network.tasks import Head
from nnplug.randomness import member_seed
from nnplug.runs.configuration import Configuration
from nnplug.runs.held_out import held_out, judged
from nnplug.runs.preparing import default_registry, prepare, prepare_from
from nnplug.tables import Split, Table, parts_of
from nnplug.training import train_network
from tests.test_held_out import numbers

REGISTRY = default_registry()


def classes(rows=90, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, rows)
    return rng.normal(size=(rows, 2)) + labels[:, None], labels


def table(rows=60, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    return {
        "x": x.tolist(),
        "shop": [f"s{k}" for k in rng.integers(0, 12, rows)],
        "day": list(range(rows)),
        "price": np.exp(1 + x + 0.1 * rng.normal(size=rows)).tolist(),
    }


# --- folds ----------------------------------------------------------------------------


def folds(rows, way, members=4, seed=0, classes=None):
    return parts_of(rows, Split.parse(way), share=0.25, members=members, seed=seed, classes=classes)


def test_each_row_is_held_out_by_one_member():
    parts = folds(22, "random")
    assert parts.training.tolist() == parts.validation.tolist() == list(range(22))
    held = [parts.of_member(member).validation for member in range(4)]
    assert sorted(np.concatenate(held).tolist()) == list(range(22))
    assert sorted(map(len, held)) == [5, 5, 6, 6]
    for member, rows in enumerate(held):
        assert set(parts.of_member(member).training) == set(range(22)) - set(rows)
    assert (folds(22, "random").folds == parts.folds).all()
    assert (folds(22, "random", seed=1).folds != parts.folds).any()


def test_each_fold_has_every_class_in_proportion():
    labels = np.repeat([0, 1, 2], [40, 10, 5])
    np.random.default_rng(1).shuffle(labels)
    parts = folds(55, "stratified", members=5, classes=labels)
    counts = np.array([np.bincount(labels[parts.folds == k], minlength=3) for k in range(5)])
    assert counts.tolist() == [[8, 2, 1]] * 5


def test_groups_stay_together_and_fill_the_folds_evenly():
    names = np.repeat(["a", "b", "c", "d", "e", "f"], [9, 3, 3, 2, 2, 5])
    data = nnplug.tables.table_of({"g": names.tolist(), "y": np.arange(24.0)})
    parts = folds(data, "group:g", members=3)
    for name in set(names):
        assert len(set(parts.folds[names == name])) == 1
    # 9, 5 + 3 and 3 + 2 + 2, which is as even as it gets.
    assert sorted(np.bincount(parts.folds).tolist()) == [7, 8, 9]
    assert parts.notes == (
        'split by group: the members hold out 7 to 9 rows, whole groups of column "g"',
    )
    alike = nnplug.tables.table_of({"g": ["a", "b"] * 5, "y": np.arange(10.0)})
    assert "the members hold out 5 rows each" in folds(alike, "group:g", members=2).notes[0]


def test_there_must_be_rows_and_groups_for_all():
    with pytest.raises(DataError, match="members=4: each member holds out rows of its own, and"):
        folds(3, "random")
    data = nnplug.tables.table_of({"g": ["a", "b"] * 5, "y": np.arange(10.0)})
    assert isinstance(data, Table)
    with pytest.raises(DataError, match="the column has 2 groups, and each of 3 members"):
        folds(data, "group:g", members=3)


def test_rows_that_a_split_names_are_held_out_by_all():
    run = nnplug.train(table(), target="price", split="time:day", members=2, epochs=3)
    assert run.rows.parts.folds is None
    assert run.validation_rows.tolist() == list(range(48, 60))
    found = held_out(run)
    assert found.rows.tolist() == list(range(48, 60))
    both = np.mean([run.model.run_member(k, run.rows.inputs[48:]) for k in range(2)], axis=0)
    np.testing.assert_allclose(found.outputs, both, rtol=1e-5)
    assert run.final.metrics["r2"] == pytest.approx(
        r2_score(run.rows.targets[48:], both), rel=1e-4, abs=1e-4
    )


def test_with_a_share_of_their_own_all_hold_out_the_same_rows():
    run = nnplug.train(numbers(), members=5, validation=0.3, epochs=1)
    assert (run.rows.parts.folds, run.settings.validation) == (None, 0.3)
    one = nnplug.train(numbers(), validation=0.3, epochs=1)
    assert run.validation_rows.tolist() == one.validation_rows.tolist()
    assert nnplug.train(numbers(), members=5, validation=0.2, epochs=1).rows.parts.members == 5
    run = nnplug.train(numbers(), members=2, validation=0, epochs=2)
    assert (len(run.validation_rows), run.history.ends) == (0, (1, 1))


def test_each_member_needs_rows_that_count():
    x, y = numbers()
    weights = np.zeros(60)
    weights[:2] = 1
    with pytest.raises(SettingError, match="rows for validation have weight 0"):
        nnplug.train((x, y), members=5, sample_weight=weights)


# --- the mean -------------------------------------------------------------------------


def outputs(width, members=3, rows=7):
    return list(np.random.default_rng(2).normal(scale=3, size=(members, rows, width)))


HEADS = {
    "softmax": ("multiclass", "cross_entropy", "identity", 3, 3, lambda z: softmax(z, axis=1)),
    "logit": ("binary", "binary_cross_entropy", "identity", 2, 1, expit),
    "labels": ("multilabel", "binary_cross_entropy", "identity", 3, 3, expit),
}


@pytest.mark.parametrize("case", HEADS)
def test_probabilities_are_averaged_as_probabilities(case):
    task, loss, activation, width, columns, inverse = HEADS[case]
    head = Head(task, REGISTRY.get("loss", loss), REGISTRY.get("activation", activation), width)
    given = outputs(columns)
    wanted = np.mean([inverse(z) for z in given], axis=0)
    found = head.probabilities(mean_output(head, given))
    if case == "logit":
        wanted = np.concatenate([1 - wanted, wanted], axis=1)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_probabilities_that_are_outputs_are_averaged_as_they_are():
    loss, activation = REGISTRY.get("loss", "mse"), REGISTRY.get("activation", "softmax")
    head = Head("multiclass", loss, activation, 3)
    given = [softmax(z, axis=1) for z in outputs(3)]
    np.testing.assert_allclose(mean_output(head, given), np.mean(given, axis=0), rtol=1e-14)


def test_logarithms_are_averaged_as_numbers():
    head = Head(
        "regression", REGISTRY.get("loss", "poisson_nll"), REGISTRY.get("activation", "identity"), 1
    )
    given = outputs(1)
    wanted = np.mean(np.exp(given), axis=0)
    np.testing.assert_allclose(head.numbers(mean_output(head, given)), wanted, rtol=1e-12)


@pytest.mark.parametrize("case", HEADS)
def test_certain_members_give_finite_outputs(case):
    task, loss, activation, width, columns, _ = HEADS[case]
    head = Head(task, REGISTRY.get("loss", loss), REGISTRY.get("activation", activation), width)
    sure = np.zeros((1, columns))
    sure[0, 0] = 900.0  # exp(900) is not finite
    for given in ([sure, sure], [sure, -sure], [-sure, -sure]):
        assert np.isfinite(mean_output(head, given)).all()


@pytest.mark.parametrize("transform", ["log", "asinh"])
def test_a_transformed_target_is_averaged_in_its_unit(transform):
    data = table()
    run = nnplug.train(
        data, target="price", target_transform=transform, members=3, epochs=4, dtype="float64"
    )
    model = run.model
    inputs = model.inputs(data)
    each = [model.decode(model.run_member(k, inputs)) for k in range(3)]
    assert np.std(each, axis=0).min() > 0
    np.testing.assert_allclose(run.predict(data), np.mean(each, axis=0), rtol=1e-10)


def test_the_loss_is_that_of_the_mean():
    x, labels = classes()
    run = nnplug.train((x, labels), members=3, epochs=20, dtype="float64")
    each = [softmax(run.model.run_member(k, x), axis=1) for k in range(3)]
    shares = np.mean(each, axis=0)
    np.testing.assert_allclose(run.probabilities(x), shares, rtol=1e-12)
    found = run.model.evaluate((x, labels))
    assert found["loss"] == pytest.approx(log_loss(labels, shares), rel=1e-12)
    assert found["accuracy"] == np.mean(shares.argmax(axis=1) == labels)


# --- training -------------------------------------------------------------------------


def test_a_member_is_what_it_would_be_alone():
    x, y = numbers()
    run = nnplug.train((x, y), members=3, epochs=6, hidden=(5,), dtype="float64", seed=4)
    assert len({member_seed(4, member) for member in range(3)}) == 3
    for member, network in enumerate(run.model.networks):
        seed, parts = member_seed(4, member), run.rows.parts.of_member(member)
        alone = prepare((x, y), hidden=(5,), dtype="float64", seed=seed, validation=0)
        train_network(
            alone.network,
            alone.loss,
            alone.optimizer,
            x,
            y,
            epochs=run.history.ends[member] + 1,
            batch_size=32,
            seed=seed,
            rows=parts.training,
        )
        np.testing.assert_allclose(network.parameters, alone.network.parameters, rtol=1e-9)


def test_scores_are_of_each_row_by_the_member_that_did_not_see_it():
    x, labels = classes()
    weights = np.random.default_rng(3).uniform(0.5, 2, len(x))
    run = nnplug.train(
        (x, labels), members=3, epochs=8, dtype="float64", sample_weight=weights,
        class_weight={"1": 3.0, "0": 1.0, "2": 1.0},
    )  # fmt: skip
    found = held_out(run)
    assert found.rows.tolist() == list(range(90))
    wanted = np.empty((90, 3))
    for member in range(3):
        rows = np.flatnonzero(run.rows.parts.folds == member)
        wanted[rows] = run.model.run_member(member, x[rows])
    np.testing.assert_allclose(found.outputs, wanted, rtol=1e-12)
    total = weights * np.where(labels == 1, 3.0, 1.0)
    np.testing.assert_allclose(found.weights[:, 0], total)
    shares = softmax(wanted, axis=1)
    loss = log_loss(labels, shares, sample_weight=total)
    assert run.final.validation_loss == pytest.approx(loss, rel=1e-12)
    assert run.final.metrics == {"accuracy": np.mean(shares.argmax(axis=1) == labels)}


def test_the_history_has_the_mean_and_each_member():
    run = nnplug.train(numbers(), members=2, epochs=40, patience=2, learning_rate=0.05)
    history = run.history
    ends = [np.nanargmin(history[f"member{k}.validation_loss"]) for k in (1, 2)]
    assert history.ends == tuple(ends)
    lengths = [np.isfinite(history[f"member{k}.loss"]).sum() for k in (1, 2)]
    assert len(set(lengths)) == 2, "members that stop together do not show what is tested"
    assert len(history) == max(lengths)
    assert lengths == [end + 3 for end in ends]
    both = np.array([history["member1.loss"], history["member2.loss"]])
    np.testing.assert_allclose(history["loss"], np.nanmean(both, axis=0), rtol=1e-12)
    assert set(history.overall) == {"loss", "learning_rate", "validation_loss", "r2"}
    assert list(history.record(0).metrics) == ["r2"]
    assert run.ended == "patience"
    loss = np.mean([history[f"member{k}.loss"][end] for k, end in zip((1, 2), ends, strict=True)])
    assert run.final.loss == pytest.approx(loss, rel=1e-12)


def test_runs_of_neighbouring_seeds_share_no_member():
    seeds = [{member_seed(seed, member) for member in range(5)} for seed in range(20)]
    assert len(set().union(*seeds)) == 100


def test_callbacks_see_epochs_of_all_members():
    seen = []

    class Watch:
        def on_epoch_end(self, run, record):
            seen.append((record.epoch, len(run.history)))
            return record.epoch == 2

    run = nnplug.train(numbers(), members=2, epochs=9, callbacks=[Watch()])
    assert seen == [(0, 1), (1, 2), (2, 3)]
    assert run.ended == "asked"


def test_divergence_names_the_member():
    with pytest.raises(DivergedError, match=r"^Member 1 of 2: Training stopped at epoch \d+"):
        nnplug.train(numbers(), members=2, optimizer="sgd", learning_rate=1e30, epochs=5)


def test_a_start_is_for_one_network():
    model = nnplug.train(numbers(), epochs=1).model
    with pytest.raises(SettingError, match="members=2: the members of a model differ in their"):
        nnplug.train(numbers(), start=model, members=2)


# --- leaving and continuing -----------------------------------------------------------


SETTINGS = {
    "members": 3, "epochs": 9, "hidden": (6,), "batch_size": 16, "patience": 3, "dropout": 0.2,
    "seed": 1, "learning_rate": 0.05,
}  # fmt: skip


def assert_equal(run, other):
    for one, two in zip(run.model.networks, other.model.networks, strict=True):
        assert (one.parameters == two.parameters).all()
    assert list(run.history.columns) == list(other.history.columns)
    for name, column in run.history.columns.items():
        np.testing.assert_array_equal(column, other.history.columns[name])
    assert (run.history.ends, run.history.scores) == (other.history.ends, other.history.scores)


@pytest.mark.parametrize("full", [False, True])
def test_a_run_goes_on_to_the_bit_from_anywhere(full):
    more = {"batch_size": "full"} if full else {}
    whole = prepare(numbers(90), **{**SETTINGS, **more})
    whole.trainer().run()
    for stop in itertools.count(step=5):
        left, asked = prepare(numbers(90), **{**SETTINGS, **more}), itertools.count()
        trainer = left.trainer()
        trainer.run(should_stop=lambda asked=asked, stop=stop: next(asked) >= stop)
        if trainer.ended is not None:
            break
        arrays, state = trainer.state()
        taken_up = prepare(numbers(90), **{**SETTINGS, **more})
        again = taken_up.trainer()
        again.restore(arrays, json.loads(json.dumps(state)))
        again.run()
        assert_equal(taken_up, whole)
    assert stop > 10


def test_the_state_of_another_number_of_members_is_refused():
    arrays, state = prepare(numbers(90), **SETTINGS).trainer().state()
    with pytest.raises(SettingError, match="it has 3 members, here there are 2"):
        prepare(numbers(90), **{**SETTINGS, "members": 2}).trainer().restore(arrays, state)


def test_a_kept_run_goes_on_and_can_be_repeated(tmp_path):
    class Leave:
        def on_epoch_end(self, run, record):
            if record.epoch == 4:
                raise KeyboardInterrupt

    data = tmp_path / "data.csv"
    columns = table()
    rows = zip(*columns.values(), strict=True)
    data.write_text(
        "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n"
    )
    settings = {"target": "price", "members": 3, "epochs": 9, "checkpoint_every": 2}
    whole = nnplug.train(data, output=tmp_path / "whole", **settings)
    with pytest.raises(KeyboardInterrupt):
        nnplug.train(data, output=tmp_path / "left", callbacks=[Leave()], **settings)
    assert_equal(nnplug.resume(tmp_path / "left"), whole)
    model = (tmp_path / "whole" / "model.safetensors").read_bytes()
    assert (tmp_path / "left" / "model.safetensors").read_bytes() == model
    history = (tmp_path / "whole" / "history.jsonl").read_bytes()
    assert (tmp_path / "left" / "history.jsonl").read_bytes() == history

    configuration = Configuration.read(tmp_path / "whole" / "config.toml")
    assert configuration.settings["members"] == 3
    again = prepare_from(configuration, default_registry())
    again.trainer().run()
    assert_equal(again, whole)
    done = nnplug.resume(tmp_path / "whole")
    assert (done.history.ends, done.history.scores) == (whole.history.ends, whole.history.scores)


# --- streaming ------------------------------------------------------------------------


def test_streamed_members_see_all_rows_but_their_own():
    data = table(rows=300)
    settings = {"target": "price", "members": 4, "epochs": 2, "dtype": "float64"}
    run = nnplug.train(data, stream=True, **settings)
    inputs = run.model.inputs(data)
    parts = run.rows.parts
    place = {row.tobytes(): number for number, row in enumerate(inputs)}
    for member in range(4):
        batches = run.batches(member)
        seen = [
            place[row.tobytes()] for order, _ in batches.loads(0) for row in batches.inputs[order]
        ]
        assert sorted(seen) == parts.of_member(member).training.tolist()
        held = [place[row.tobytes()] for x, *_ in batches.validation() for row in x]
        assert sorted(held) == parts.of_member(member).validation.tolist()
    found = held_out(run)
    assert found.rows.tolist() == list(range(300))
    for member in range(4):
        rows = parts.of_member(member).validation
        np.testing.assert_allclose(
            found.outputs[rows], run.model.run_member(member, inputs[rows]), rtol=1e-9
        )
    assert (found.targets == run.rows.targets).all()


@pytest.mark.parametrize("target", ["price", "kind"])
def test_streamed_members_are_reported_by_the_rows_that_each_held_out(target):
    data = table(rows=60)
    data["kind"] = ["dear" if price > 3 else "cheap" for price in data["price"]]
    run = nnplug.train(data, target=target, members=3, epochs=1, stream=True)
    part, found = judged(run)
    assert (part, len(found)) == ("held-out", 3)
    inputs = run.model.inputs(data)
    for member, (x, outputs, targets) in enumerate(found):
        rows = run.rows.disk.rows_of_fold(member)
        np.testing.assert_array_equal(x, inputs[rows])
        np.testing.assert_allclose(outputs, held_out(run).outputs[rows], rtol=1e-5)
        np.testing.assert_allclose(
            targets.reshape(len(rows), -1), run.rows.targets[rows].reshape(len(rows), -1), rtol=1e-6
        )
    assert "importance" in run.report()


# --- the file -------------------------------------------------------------------------


def test_a_model_file_holds_all_members(tmp_path):
    x, y = numbers()
    run = nnplug.train((x, y), members=3, epochs=2, hidden=(4,))
    path = tmp_path / "model.safetensors"
    run.save(path)
    arrays = read_container(path, "model").arrays
    assert arrays["hidden1.weight"].shape == (3, 3, 4)
    loaded = nnplug.load(path)
    assert (loaded.predict(x) == run.predict(x)).all()
    assert dict(read_info(path).described())["members"] == (
        "3 such networks; a prediction is the mean of all"
    )
    assert repr(loaded).endswith("21 parameters, 3 members, float32>")
    loaded.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_a_file_of_one_network_says_nothing_of_members(tmp_path):
    nnplug.train(numbers(), epochs=1).save(tmp_path / "one.safetensors")
    content = read_container(tmp_path / "one.safetensors", "model").content
    assert "members" not in content["network"]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (2, "2 members of 3-4-1 have 21 parameters and states each, and it holds 63"),
        (0, "the width of the members is not a whole number from 1"),
        (1, "a network of 3-4-1 has 21 parameters and states, and it holds 63"),
        (10**9, "1,000,000,000 members of 3-4-1"),
        ("3", "the width of the members is not a whole number"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(members, message, tmp_path):
    path = tmp_path / "model.safetensors"
    nnplug.train(numbers(), members=3, epochs=1, hidden=(4,)).save(path)
    found = read_container(path, "model")
    content = json.loads(json.dumps(found.content))
    content["network"]["members"] = members
    path.write_bytes(pack("model", content, found.arrays))
    with pytest.raises(ModelFileError, match=message):
        nnplug.load(path)


def test_an_array_must_have_all_members(tmp_path):
    path = tmp_path / "model.safetensors"
    nnplug.train(numbers(), members=3, epochs=1, hidden=(4,)).save(path)
    found = read_container(path, "model")
    arrays = {**found.arrays}
    arrays["hidden1.weight"] = arrays["hidden1.weight"].reshape(3, 4, 3)
    path.write_bytes(pack("model", dict(found.content), arrays))
    with pytest.raises(ModelFileError, match=r"has shape \(3, 4, 3\) of float32, and the network"):
        nnplug.load(path)


def test_a_prediction_that_is_not_finite_is_explained():
    x, y = numbers()
    model = nnplug.train((x, y), members=2, epochs=1).model
    model.networks[1]["output.bias"][...] = np.nan
    with pytest.raises(nnplug.errors.NotFiniteError, match="The sums of layer 'output'"):
        model.predict(x)
    assert np.isnan(model.predict(x, allow_nonfinite=True)).all()


def test_a_report_is_of_the_rows_held_out():
    run = nnplug.train(classes(), members=3, epochs=12)
    page = run.report()
    assert "90 rows, each held out by one network" in page
    assert "On the held-out rows" in page
    for text in ("together", "out of fold: each row", "member 1, epoch ", "member 3, epoch "):
        assert text in page
    assert "member1.accuracy" not in page


# --- what is said of a prediction ---------------------------------------------------------


@pytest.mark.parametrize("task", ["regression", "log", "multiclass"])
def test_attributions_sum_to_what_all_members_predict(task):
    if task == "multiclass":
        x, labels = classes()
        run = nnplug.train((x, labels), members=3, epochs=9, dtype="float64")
        found = run.model.explain(x, rows=[0, 5], segments=8)
        answers = run.probabilities(x)[[0, 5]].max(axis=1)
    else:
        data = table()
        more = {"target_transform": "log"} if task == "log" else {}
        run = nnplug.train(data, target="price", members=3, epochs=9, dtype="float64", **more)
        found = run.model.explain(data, rows=[0, 5], segments=8)
        answers = run.predict(data)[[0, 5], 0]
    np.testing.assert_allclose(found.predictions[:, 0], answers, rtol=1e-9)
    sums = found.contributions.sum(axis=2) + found.base
    np.testing.assert_allclose(sums, found.predictions, rtol=1e-10, atol=1e-10)


def test_a_direction_is_that_of_every_member():
    x = np.linspace(0, 1, 40).reshape(-1, 1)
    model = nnplug.train((x, 2 * x), members=2, hidden=(), epochs=1).model
    for first, second, way in ((1, 2, "increasing"), (-1, -2, "decreasing"), (1, -1, "not proved")):
        model.networks[0]["output.weight"][...] = first
        model.networks[1]["output.weight"][...] = second
        assert model.monotonicity().columns == {"x0": (way,)}
