"""The playground's session: commands and answers, without HTTP."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import nnplug
from nnplug.builtin.datasets import moons, spiral
from nnplug.parts import KINDS
from nnplug.play.choices import CHOSEN
from nnplug.play.content import Content
from nnplug.play.learner import Learner
from nnplug.play.maps import Plane, signed_bytes
from nnplug.play.screen import read_screen
from nnplug.play.session import Session
from nnplug.play.worker import MOST_SESSIONS, Worker
from nnplug.runs.preparing import default_registry, prepare

TABLE = "length,colour,kind\n" + "".join(
    f"{k % 17},{('red', 'blue', '<b>')[k % 3]},{'yes' if k % 17 > 8 else 'no'}\n" for k in range(60)
)


@pytest.fixture
def session():
    made = Session(default_registry())
    answer = made.do({"do": "open"})
    assert "error" not in answer
    yield made
    made.close()


def do(session, name, /, **more):
    """Obey, through JSON as a browser would."""
    answer = session.do(json.loads(json.dumps({"do": name, **more})))
    return json.loads(json.dumps(answer, allow_nan=False))


def good(session, name, /, **more):
    answer = do(session, name, **more)
    assert "error" not in answer, answer
    return answer


def losses(session, lane=0):
    return session.frame()["lanes"][lane]["loss"]


# --- what is shown is what nnplug computes --------------------------------------------------


def test_an_epoch_is_that_of_nnplug_train(session):
    good(session, "data", data="moons:size=60")
    good(session, "set", settings={"hidden": [5], "activation": ["gelu"], "seed": 3})
    for _ in range(3):
        frame = good(session, "epoch")
    run = nnplug.train("moons:size=60", hidden=5, activation="gelu", seed=3, epochs=3,
                       patience="none", monitor="loss", engine="numpy")  # fmt: skip
    shown = frame["lanes"][0]
    assert (shown["epoch"], shown["step"]) == (3, 0)
    # Neither run kept another epoch than its last: the training loss fell in each.
    np.testing.assert_array_equal(shown["weights"][0], run.network["hidden1.weight"])
    np.testing.assert_array_equal(shown["biases"][1], run.network["output.bias"])


def test_the_loss_and_the_confusion_matrix_by_hand(session):
    good(session, "data", data="spiral:classes=3,size=90")
    good(session, "epoch")
    shown = session.frame()["lanes"][0]
    learner = session.learners[0]
    run, rows = learner.run, learner.run.validation_rows
    logits = list(run.network.forward(run.rows.inputs[rows]))[-1][1]
    labels = run.rows.targets[rows]
    shifted = np.exp(logits.astype(float) - logits.max(axis=1, keepdims=True))
    shares = shifted / shifted.sum(axis=1, keepdims=True)
    by_hand = -np.log(shares[np.arange(len(labels)), labels]).mean()
    assert shown["loss"]["test"] == pytest.approx(by_hand, rel=1e-5)
    counts = [
        [int(((labels == a) & (shares.argmax(1) == b)).sum()) for b in range(3)] for a in range(3)
    ]
    assert shown["confusion"] == counts
    assert sum(map(sum, counts)) == 18


def test_a_batch_is_a_step_and_the_last_one_ends_the_epoch(session):
    good(session, "data", data="circle:size=50")  # 40 rows to learn from: two batches
    places = []
    for _ in range(3):
        lane = good(session, "batch")["lanes"][0]
        places.append((lane["epoch"], lane["step"]))
    assert places == [(0, 1), (1, 0), (1, 1)]


def test_a_weight_set_by_hand_changes_the_loss_as_the_formula_says(session):
    # XOR, 2-2-1, sigmoid twice, mean squared error: the plain network of the notebook.
    good(session, "edit", array="hidden1.weight", place=[1, 0], value=-2.5)
    frame = good(session, "edit", array="output.bias", place=[0], value=0.25)
    shown = frame["lanes"][0]
    assert shown["weights"][0][1][0] == -2.5
    assert shown["biases"][1] == [0.25]
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]]), np.array([[0], [1], [1], [0.0]])
    (w1, w2), (b1, b2) = shown["weights"], shown["biases"]
    hidden = 1 / (1 + np.exp(-(x @ np.array(w1) + b1)))
    output = 1 / (1 + np.exp(-(hidden @ np.array(w2) + b2)))
    assert shown["loss"]["train"] == pytest.approx(((output - y) ** 2).mean(), rel=1e-12)
    gradient = hidden.T @ (2 / 4 * (output - y) * output * (1 - output))
    after = good(session, "batch")["lanes"][0]["weights"][1]
    np.testing.assert_allclose(after, np.array(w2) - gradient, rtol=1e-12)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"array": "hidden1.weights", "place": [0, 0], "value": 1}, "Did you mean"),
        ({"array": "hidden1.weight", "place": [2, 0], "value": 1}, "no place (2, 0)"),
        ({"array": "hidden1.weight", "place": [0], "value": 1}, "no place (0,)"),
        ({"array": "hidden1.weight", "place": [0, 0], "value": 1e999}, "give a finite number"),
        ({"array": "hidden1.weight", "place": [0, 0], "value": "1"}, "give a finite number"),
    ],
)  # fmt: skip
def test_an_edit_that_cannot_be(session, edit, message):
    before = losses(session)
    answer = session.do({"do": "edit", **edit})
    assert message in answer["error"]
    assert losses(session) == before
    assert session.learners[0].edits == []


def test_weights_that_an_optimizer_computes_cannot_be_set(session):
    @nnplug.optimizer(evaluate="shadow")
    def with_shadow(param, grad, shadow, *, learning_rate=0.1):
        param = param - learning_rate * grad
        return param, 0.5 * shadow + 0.5 * param

    registry = nnplug.Registry()
    registry.register(with_shadow)
    own = Session(registry)
    good(own, "open")
    good(own, "set", settings={"optimizer": "with_shadow"})
    answer = do(own, "edit", array="hidden1.weight", place=[0, 0], value=1)
    assert "predicts with weights that it computes" in answer["error"]


# --- maps ---------------------------------------------------------------------------------


def test_the_maps_are_what_the_units_compute(session):
    good(session, "data", data="circle:size=50")
    frame = good(session, "epoch")["lanes"][0]
    learner, plane = session.learners[0], session.plane()
    outputs = [y for _, y in learner.run.network.forward(plane.grid(24))]
    first = np.frombuffer(base64.b64decode(frame["maps"][0]), np.uint8).reshape(-1, 24, 24)
    hidden = outputs[learner.columns[0].last]
    assert len(first) == min(hidden.shape[1], 12)
    for unit, picture in enumerate(first):
        values = hidden[:, unit].reshape(24, 24)
        expected = 128 + 127 * values / np.abs(values).max()
        assert np.abs(picture - expected).max() <= 0.51
    share = np.frombuffer(base64.b64decode(frame["output"]["share"]), np.uint8)
    assert len(share) == 100 * 100
    # Row 0 is at the top, and the last column at the right.
    corner = good(session, "probe", at=[plane.high[0] * 0.99, plane.high[1] * 0.99])
    assert share[99] / 255 == pytest.approx(corner["lanes"][0]["answer"][1], abs=0.01)


def test_what_is_not_finite_has_a_byte_all_the_same():
    values = np.array([[np.nan, 1.0], [np.inf, -1.0], [-np.inf, 0.0]])
    assert signed_bytes(values).T.tolist() == [[128, 255, 1], [255, 1, 128]]


def test_a_slice_holds_the_other_inputs(session):
    good(session, "table", name="rows.csv", text=TABLE)
    state = good(session, "axes", axes=[0, 2], fixed={"1": 0.75})
    plane = state["data"]["plane"]
    assert plane["axes"] == [0, 2]
    assert plane["base"][1] == 0.75
    rows = session.plane().grid(24)
    assert rows.shape == (576, session.learners[0].run.network.inputs)
    assert set(rows[:, 1]) == {0.75}
    assert len(set(rows[:, 0])) == len(set(rows[:, 2])) == 24
    assert "give two of the inputs, 0 to 3" in do(session, "axes", axes=[0, 9])["error"]


def test_one_input_is_a_line(session):
    state = good(session, "data", data="waves")
    line = state["frame"]["lanes"][0]["output"]["line"]
    xs = np.array(line)[:, 0]
    assert xs[0] < -1
    assert xs[-1] > 1
    learner = session.learners[0]
    expected = learner.run.model.predict(xs[:, None])
    np.testing.assert_allclose(np.array(line)[:, 1], np.ravel(expected), rtol=1e-5, atol=1e-6)


# --- choosing -----------------------------------------------------------------------------


def test_a_choice_that_fails_changes_nothing(session):
    good(session, "epoch")
    before = session.state()
    for settings, message in [
        ({"loss": "poisson_nll"}, "loss 'poisson_nll'"),
        ({"hidden": [0]}, "hidden=[0]"),
        ({"optimizer": "adamm"}, "Did you mean 'adam'"),
        ({"sql": "SELECT 1"}, "The playground has no setting 'sql'"),
        ({"output": "/tmp/x"}, "The playground has no setting 'output'"),
        ({"split": "file:/etc/passwd"}, "The playground has no setting 'split'"),
    ]:
        assert message in do(session, "set", settings=settings)["error"]
    after = session.state()
    assert after["frame"] == before["frame"]
    assert after["lanes"] == before["lanes"]


def test_no_setting_that_can_be_chosen_names_a_file():
    assert not {"data", "split", "sql", "read", "output", "weights", "stream"} & set(CHOSEN)


@pytest.mark.parametrize("text", ["/etc/passwd", "../secret.csv", "rows.csv", "", "xor.py"])
def test_no_text_from_a_page_is_a_path(session, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    answer = do(session, "data", data=text)
    assert "error" in answer
    assert session.content.dataset == "xor"


def test_losses_that_do_not_fit_have_their_reason(session):
    misfits = good(session, "data", data="moons")["misfits"]
    assert "is for numbers that are at least 0, and not for classes" in misfits["poisson_nll"]
    for loss in ("binary_cross_entropy", "cross_entropy", "mse"):
        assert loss not in misfits
    assert "cross_entropy" in good(session, "data", data="waves")["misfits"]
    # What is not greyed can be chosen, and what is greyed is refused.
    for part, _ in default_registry().parts("loss"):
        answer = do(session, "set", settings={"loss": part.name})
        assert ("error" in answer) == (part.name in session.state()["misfits"]), part.name


def test_every_loss_trains_on_data_that_it_fits(session):
    left = {part.name for part, _ in default_registry().parts("loss")}
    counts = "a,b,n\n" + "".join(f"{k % 13},{k % 7},{k % 29 + 1}\n" for k in range(60))
    for what, given in (("data", {"data": "circle:size=20"}), ("table", {"text": counts})):
        state = good(session, what, **given)
        for name in sorted(left - set(state["misfits"])):
            good(session, "set", settings={"loss": name})
            assert good(session, "epoch")["lanes"][0]["loss"]["train"] is not None, name
            left.remove(name)
    assert left == set()


def test_a_loss_for_counts_is_told_the_target_in_its_own_unit():
    """A table's target is scaled where the loss is for all numbers."""

    @nnplug.loss(link="log", targets="count")
    def counting(prediction, target):
        return np.exp(prediction) - target * prediction

    registry = nnplug.Registry()
    registry.register(counting)
    session = Session(registry)
    good(session, "open")
    for lowest, fits in ((0, True), (-1, False), (0.5, False)):
        # Scaled and back, some of these numbers are not whole in their twelfth digit.
        rows = "".join(f"{k},{k * k % 29 * 1000 + k + lowest}\n" for k in range(60))
        state = good(session, "table", name="counts.csv", text=f"a,n\n{rows}")
        assert state["lanes"][0]["settings"]["loss"] == "mse"
        assert ("counting" not in state["misfits"]) == fits
        assert "error" in do(session, "set", settings={"loss": "counting"}) or fits
    session.close()


def test_every_installed_part_is_listed(session):
    kinds = good(session, "catalogue")["kinds"]
    assert set(kinds) == set(KINDS)
    for kind, entries in kinds.items():
        assert [entry["name"] for entry in entries] == [
            part.name for part, _ in default_registry().parts(kind)
        ]
    (sgd,) = [entry for entry in kinds["optimizer"] if entry["name"] == "sgd"]
    assert sgd["options"] == {"learning_rate": 0.01}
    assert (sgd["package"], sgd["version"]) == ("nnplug", nnplug.__version__)
    shown = good(session, "part", kind="activation", text="tanh")
    assert "<math" in shown["mathml"]
    assert " style=" not in shown["mathml"]
    assert (
        "There is no activation" in do(session, "part", kind="activation", text="no_such")["error"]
    )
    assert "give one of" in do(session, "part", kind="nothing", text="tanh")["error"]


def test_a_table_that_is_pasted(session):
    state = good(session, "table", name="../../my rows.csv", text=TABLE)
    assert state["data"]["columns"] == ["length", "colour", "kind"]
    assert state["data"]["target"] == ["kind"]
    assert state["data"]["classes"] == ["no", "yes"]
    assert state["lanes"][0]["settings"]["hidden"] == [8]  # a network that can be looked at
    file = session.content.table
    assert file.name == "my_rows.csv"
    assert file.parent.name.startswith("nnplug-play-")
    assert good(session, "target", target="colour")["data"]["classes"] == ["<b>", "blue", "red"]
    assert "no column" in do(session, "target", target="no such")["error"]
    assert session.content.target == ("colour",)
    assert "The table is empty" in do(session, "table", name="x.csv", text=" \n")["error"]
    assert "error" in do(session, "table", name="x.csv", text="a\n")
    session.close()
    assert not file.exists()


def test_points_are_rows_like_others(session):
    state = good(session, "data", data="moons:size=20")
    assert state["data"]["clickable"]
    state = good(session, "points", points=[[0.5, -0.25, 1], [2, 2, 0]])
    rows = session.learners[0].run.rows
    np.testing.assert_array_equal(rows.inputs[:20], moons.with_options(size=20)().inputs)
    assert rows.inputs[20:].tolist() == [[0.5, -0.25], [2, 2]]
    assert rows.targets[20:].tolist() == [1, 0]
    assert [point[:3] for point in state["data"]["points"][-2:]] == [[0.5, -0.25, 1], [2, 2, 0]]
    for points, message in [
        ([[0, 0, 2]], "a class from 0 to 1"),
        ([[0, 0]], "give [x, y, class]"),
        ([[0, "0", 1]], "give [x, y, class]"),
        ([[0, 0, 1]] * 501, "500 can be set at most"),
    ]:
        assert message in do(session, "points", points=points)["error"]
    assert len(session.content.points) == 2
    assert good(session, "data", data="waves")["data"]["clickable"] is False
    assert "points can be set where" in do(session, "points", points=[[0, 0, 0]])["error"]


def test_too_large_a_dataset(session):
    assert "20,000 at most" in do(session, "data", data="moons:size=30000")["error"]


def test_a_race_starts_alike_and_has_the_same_rows(session):
    good(session, "data", data="circle:size=50")
    good(session, "race")
    good(session, "set", lane=1, settings={"optimizer": "sgd:learning_rate=0.5"})
    start = session.frame()["lanes"]
    assert start[0]["weights"] == start[1]["weights"]
    good(session, "epoch")
    after = session.frame()["lanes"]
    assert after[0]["epoch"] == after[1]["epoch"] == 1
    assert after[0]["weights"] != after[1]["weights"]
    for speed in (0, 100):
        good(session, "speed", speed=speed)
        good(session, "play")
        for _ in range(3):
            lanes = session.work(0.3)["lanes"]
            assert lanes[0]["epoch"] > 0
            assert [lanes[0]["epoch"], lanes[0]["step"]] == [lanes[1]["epoch"], lanes[1]["step"]]
    good(session, "set", lane=1, settings={"seed": 5})
    assert [given["seed"] for given in session.given] == [5, 5]
    assert "there is no such network" in do(session, "set", lane=2, settings={})["error"]
    assert len(good(session, "race", on=False)["lanes"]) == 1


def test_the_networks_of_a_race_that_an_address_opens_have_the_same_rows(session):
    settings = [{"validation": 0, "seed": 7}, {"optimizer": "sgd", "validation": 0.5, "seed": 8}]
    good(session, "open", data="moons:size=20", settings=settings)
    first, second = (learner.run for learner in session.learners)
    assert first.train_rows.tolist() == second.train_rows.tolist() == list(range(20))
    assert session.given[1] == {"optimizer": "sgd", "validation": 0, "seed": 7}


def test_an_edit_of_an_address_is_at_the_start_unless_it_says_when(session):
    edits = [{"array": "hidden1.weight", "place": [0, 1], "value": 0.75}]
    address = good(session, "open", data="xor", edits=edits, epoch=0)["address"]
    assert address["edits"] == [{**edits[0], "epoch": 0, "step": 0, "lane": 0}]
    assert session.frame()["lanes"][0]["weights"][0][0][1] == 0.75


def test_networks_of_any_layers_are_drawn(session):
    good(session, "data", data="moons:size=30")
    state = good(
        session, "set", settings={"layers": "dense:5 layer_norm gelu residual[dense:5 tanh]"}
    )
    (lane,) = state["lanes"]
    assert [(one["name"], one["units"]) for one in lane["columns"]] == [
        ("hidden1", 5), ("residual1", 5), ("output", 1),
    ]  # fmt: skip
    assert lane["settings"]["hidden"] is None or lane["settings"]["layers"] is not None
    frame = good(session, "epoch")["lanes"][0]
    assert [None if one is None else np.shape(one) for one in frame["weights"]] == [
        (2, 5), None, (5, 1),
    ]  # fmt: skip
    assert [len(base64.b64decode(one)) // 576 for one in frame["maps"]] == [5, 5, 1]
    # The short form takes their place again.
    state = good(session, "set", settings={"hidden": [20], "activation": ["relu"]})
    (lane,) = state["lanes"]
    assert lane["settings"]["layers"] is None
    assert lane["columns"][0]["shown"] == 12


def test_unknown_commands():
    session = Session(default_registry())
    assert "Did you mean 'pause'" in session.do({"do": "pauze"})["error"]
    assert "no command" in session.do({"do": ["play"]})["error"]
    assert "no command" in session.do({})["error"]


# --- training without end ---------------------------------------------------------------------


def test_playing_goes_on_and_a_planned_run_ends(session):
    good(session, "data", data="circle:size=50")
    good(session, "speed", speed=0)
    good(session, "play")
    assert session.due < float("inf")
    for _ in range(100):  # a busy machine may take a frame for a batch
        frame = session.work(0.2)
        assert frame["playing"]
        if frame["lanes"][0]["epoch"]:
            break
    assert frame["lanes"][0]["epoch"] >= 1
    good(session, "pause")
    assert session.due == float("inf")
    good(session, "set", settings={"schedule": "cosine", "epochs": 4})
    good(session, "play")
    while session.playing:
        frame = session.work(0.2)
    lane = frame["lanes"][0]
    assert (lane["epoch"], lane["done"]) == (4, True)
    assert good(session, "play")["playing"] is False


def test_divergence_is_told_and_ends_it(session):
    good(session, "data", data="waves:size=20")
    good(session, "set", settings={"optimizer": "sgd:learning_rate=1e30", "activation": ["relu"]})
    good(session, "speed", speed=0)
    good(session, "play")
    for _ in range(50):
        if session.playing:
            session.work(0.2)
    lane = good(session, "state")["frame"]["lanes"][0]
    assert not session.playing
    assert "diverged" in lane["trouble"] or "not finite" in lane["trouble"]


def test_memory_is_constant(session):
    good(session, "speed", speed=0)
    good(session, "play")
    while session.learners[0].epoch < 2000:
        frame = session.work(0.4)
    learner = session.learners[0]
    assert [len(column) for column in learner.run.history.columns.values()] == [1, 1]
    for epoch in range(2000):
        learner.curve.add(1e6 + epoch, 0.5, None, None)
    assert len(learner.curve.points) <= 240
    first = [point[0] for point in frame["lanes"][0]["curve"]]
    assert first == sorted(first)


# --- the microscope ---------------------------------------------------------------------------


def test_the_microscope_by_hand(session):
    """XOR, 2-2-1, after one step of the notebook's network: the sample (0, 1)."""
    good(session, "epoch")
    shown = session.frame()["lanes"][0]
    (w1, w2), (b1, b2) = shown["weights"], shown["biases"]
    outline = good(session, "trace", row=1)
    assert outline["rows"] == [0, 1, 2, 3]

    def look(name):
        (number,) = [k for k, step in enumerate(outline["steps"]) if step["name"] == name]
        return good(session, "trace", row=1, step=number)

    z = np.array([w1[1][0] + b1[0], w1[1][1] + b1[1]])
    a = 1 / (1 + np.exp(-z))
    out = 1 / (1 + np.exp(-(a @ np.array(w2)[:, 0] + b2[0])))
    delta = 2 * (out - 1) * out * (1 - out)
    assert look("hidden1.z")["value"][0] == pytest.approx(z, rel=1e-12)
    assert look("output.delta")["value"] == [[pytest.approx(delta, rel=1e-12)]]
    update = look("output.weight'")
    new = np.array(w2)[:, 0] - 1.0 * delta * a
    assert np.ravel(update["value"]) == pytest.approx(new, rel=1e-12)
    (first, _) = update["elements"]
    assert first["value"] == pytest.approx(new[0], rel=1e-12)
    assert f"{w2[0][0]:.6g}" in first["numbers"]
    assert " style=" not in json.dumps(update)
    # Looking has changed nothing.
    assert session.frame()["lanes"][0]["weights"] == shown["weights"]
    assert "there are 25 arrays" in do(session, "trace", row=1, step=99)["error"]
    assert "there are 4 rows" in do(session, "trace", row=9)["error"]


def test_sample_by_sample_is_a_batch(session):
    good(session, "data", data="moons:size=20")  # 16 rows to learn from: one batch of 10, one of 6
    good(session, "set", settings={"batch_size": 10, "seed": 2})
    looked = []
    for number in range(10):
        outline = good(session, "trace")
        looked.append(outline["row"])
        assert outline["passed"] == number
        assert session.learners[0].step == 0
        good(session, "sample")
    assert session.learners[0].step == 1
    assert len(set(looked)) == 10
    assert set(looked) <= set(session.learners[0].run.train_rows.tolist())
    by_sample = session.frame()["lanes"][0]["weights"]
    good(session, "reset")
    assert session.learners[0].next_rows() == looked
    assert good(session, "batch")["lanes"][0]["weights"] == by_sample
    rest = session.learners[0].next_rows()
    assert sorted(looked + rest) == sorted(session.learners[0].run.train_rows.tolist())


def test_the_microscope_knows_the_optimizers_state(session):
    good(session, "set", settings={"optimizer": "adam"})
    good(session, "batch")
    outline = good(session, "trace", row=0)
    names = [step["name"] for step in outline["steps"]]
    start = good(session, "trace", row=0, step=names.index("output.bias.m"))
    slots = session.learners[0].trainer.steps.slots["m"]
    assert start["value"] == [slots[-1]]
    assert slots[-1] != 0


# --- code and address -------------------------------------------------------------------------


def run_script(session, tmp_path):
    """Run the exported script in a process of its own; return what it prints."""
    code = good(session, "code")["python"]
    (tmp_path / "script.py").write_text(code, encoding="utf-8")
    if session.content.table is not None:
        text = session.content.table.read_text(encoding="utf-8")
        (tmp_path / session.content.table.name).write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(nnplug.__file__).parents[1])}
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, env=environment,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr + code
    found = {}
    for line in done.stdout.splitlines():
        name, _, scores = line.partition(" ")
        found[name] = eval(scores)["loss"]  # printed by our own script
    return found


def assert_same_losses(session, tmp_path):
    shown, printed = losses(session), run_script(session, tmp_path)
    assert printed["training"] == pytest.approx(shown["train"], rel=1e-12)
    assert ("test" in printed) == ("test" in shown)
    if "test" in shown:
        assert printed["test"] == pytest.approx(shown["test"], rel=1e-12)


def test_the_script_of_whole_epochs(session, tmp_path):
    session.learners[0].learn_to(7)
    assert_same_losses(session, tmp_path)
    code = good(session, "code")
    assert "class Screen" not in code["python"]
    assert code["command"].startswith("nnplug train xor ")
    assert "--epochs 7 " in code["command"]
    assert "epochs = 7\n" in code["toml"]


def test_the_script_of_edits_points_and_a_batch(session, tmp_path):
    good(session, "data", data="moons:size=60")
    good(session, "points", points=[[0.5, 0.25, 1]])
    good(session, "set", settings={"hidden": [4, 3], "activation": ["gelu", "tanh"],
                                   "dropout": [0.1, 0.0], "batch_size": 16})  # fmt: skip
    good(session, "edit", array="hidden2.bias", place=[1], value=0.5)
    good(session, "epoch")
    good(session, "batch")
    good(session, "edit", array="hidden1.weight", place=[0, 1], value=-1.25)
    good(session, "epoch")
    good(session, "edit", array="output.weight", place=[0, 0], value=2.0)
    good(session, "batch")
    good(session, "batch")
    assert_same_losses(session, tmp_path)
    notes = " ".join(good(session, "code")["notes"])
    for what in ("points", "set by hand", "whole epoch", "best epoch"):
        assert what in notes


def test_the_script_of_a_table_and_a_schedule(session, usual_recipe, tmp_path):
    good(session, "table", name="rows.csv", text=TABLE)
    good(session, "set", settings={"schedule": "cosine", "epochs": 9})
    for _ in range(4):
        good(session, "epoch")
    assert_same_losses(session, tmp_path)


def test_the_command_and_the_toml_give_the_same_run(session, tmp_path):
    import shlex

    from click.testing import CliRunner

    from nnplug.cli import cli

    good(session, "set", settings={"hidden": [3], "activation": ["tanh"], "seed": 4})
    session.learners[0].learn_to(6)
    shown = losses(session)["train"]
    code = good(session, "code")
    good(session, "epoch")  # the loss of an epoch's step is that before it
    (tmp_path / "run.toml").write_text(code["toml"], encoding="utf-8")
    words = shlex.split(code["command"].replace("\\\n", " "))
    words[words.index("--epochs") + 1] = "7"
    for arguments in (
        words[1:],
        ["train", "--config", str(tmp_path / "run.toml"), "--epochs", "7"],
    ):
        done = CliRunner().invoke(cli, [*arguments, "--json"])
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["final"]["loss"] == pytest.approx(shown, rel=1e-12)


def test_the_address_gives_the_same_screen(session):
    good(session, "data", data="spiral:size=60")
    good(session, "set", settings={"hidden": [4], "activation": ["gelu"]})
    good(session, "epoch")
    good(session, "edit", array="hidden1.weight", place=[0, 1], value=0.75)
    good(session, "epoch")
    good(session, "batch")
    frame, address = session.frame()["lanes"][0], json.loads(json.dumps(session.address()))
    other = Session(default_registry())
    state = good(other, "open", **address, epoch=frame["epoch"], step=frame["step"])
    for name in ("epoch", "step", "loss", "weights", "biases", "maps", "output"):
        assert state["frame"]["lanes"][0][name] == frame[name], name
    assert state["address"] == address
    assert address["settings"][0]["seed"] == 0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {"settings": [{}]}),
        ("data=xor", {"settings": [{}], "data": "xor"}),
        ("http://127.0.0.1:1/secret/#data=xor&seed=3", {"settings": [{"seed": 3}], "data": "xor"}),
        ("data=1", {"settings": [{}], "data": "1"}),  # always a name
        ("hidden=[8,4]&dtype=float32", {"settings": [{"hidden": [8, 4], "dtype": "float32"}]}),
        ('hidden=%5B8%5D&activation=["gelu"]',
         {"settings": [{"hidden": [8], "activation": ["gelu"]}]}),
        ("layers=dense:8+gelu", {"settings": [{"layers": "dense:8 gelu"}]}),
        ("seed=NaN", {"settings": [{"seed": "NaN"}]}),
        ('race={"seed":1}&l2=0.5&step=2', {"settings": [{"l2": 0.5}, {"seed": 1}], "step": 2}),
        ("hide=loss&panel=code&epoch=4", {"settings": [{}], "epoch": 4}),
    ],
)  # fmt: skip
def test_a_screen_is_read(text, wanted):
    assert read_screen(text) == wanted


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ({"settings": [{"hidden": "many"}]}, "hidden"),
        ({"settings": {}, "data": 5}, "give the name of a dataset"),
        ({"settings": [1]}, "give a table of settings"),
        ({"settings": [{}], "epoch": -1}, "give a whole number"),
        ({"settings": [{}], "points": "abc"}, "give a list of [x, y, class]"),
    ],
)
def test_an_address_that_cannot_be_read(session, address, message):
    assert message in do(session, "open", **address)["error"]


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("axes", {"axes": 5}, "axes=5: give a list"),
        ("axes", {"axes": [0, 1], "fixed": {"x": 1}}, "give values of inputs, 0 to 1"),
        ("axes", {"axes": [0, 1], "fixed": {"0": float("inf")}}, "fixed=inf: give a finite number"),
        ("axes", {"axes": [0, 1], "fixed": {"0": "x"}}, "fixed='x': give a finite number"),
        ("probe", {"at": [None, 0]}, "at=None: give a finite number"),
        ("points", {"points": [[0, 0, 0.5]]}, "the class is a whole number"),
        ("points", {"points": [[1e308, 0, 1]]}, "from -1,000,000 to 1,000,000"),
        ("points", {"points": [[10**400, 0, 1]]}, "too large"),
        ("edit", {"array": "hidden1.weight", "place": 5, "value": 1}, "place=5: give a list"),
        ("edit", {"array": "hidden1.weight", "place": [0, 0], "value": 10**400}, "a finite number"),
        ("target", {"target": "y"}, "xor has its own target"),
        ("open", {"data": "moons", "axes": [0, 9]}, "give two of the inputs, 0 to 1"),
        ("open", {"data": "moons", "edits": [1]}, "edits=[1]: give a list of tables"),
        ("open", {"data": "moons", "epoch": -1}, "epoch=-1: give a whole number"),
        ("table", {"text": "a,b\n\ud800,2\n"}, "character 5 is half of a surrogate pair"),
    ],
)
def test_what_cannot_be_obeyed_has_a_message_and_changes_nothing(session, name, more, message):
    before = good(session, "state")
    assert message in session.do({"do": name, **more})["error"]
    assert good(session, "state") == before


def test_a_weight_that_its_kind_of_number_cannot_hold(session):
    good(session, "set", settings={"dtype": "float32"})
    answer = do(session, "edit", array="hidden1.weight", place=[0, 0], value=1e39)
    assert "not a finite number of float32" in answer["error"]


def test_points_are_not_for_tables(tmp_path):
    (tmp_path / "t.csv").write_text(TABLE)
    session = Session(default_registry(), Content.of_table(tmp_path / "t.csv"))
    assert "points cannot be set in a table" in do(session, "open", points=[[0, 0, 1]])["error"]


def test_a_tab_in_which_nothing_is_open():
    session = Session(default_registry())
    for name in ("state", "epoch", "batch", "sample", "trace", "edit", "axes", "probe", "code"):
        assert "Reload the page" in do(session, name)["error"]


def test_a_learning_rate_that_comes_with_its_optimizer(session):
    good(session, "set", settings={"learning_rate": 0.37, "optimizer": "adam"})
    assert session.learners[0].run.optimizer.learning_rate == 0.37


@pytest.mark.parametrize("recipe", ["default", "scikit_learn"])
def test_a_recipe_trains_one_network_and_its_script_gives_the_same(
    session, recipe, usual_recipe, tmp_path
):
    good(session, "table", text=TABLE, name="mine.csv")
    good(session, "set", settings={"recipe": recipe})
    good(session, "epoch")
    rows = good(session, "state")["data"]["rows"]
    assert rows["train"] + rows["test"] == 60
    assert_same_losses(session, tmp_path)


def test_a_race_of_recipes_that_encode_columns_in_two_ways(session):
    good(session, "table", text=TABLE, name="mine.csv")
    good(session, "race")
    answer = do(session, "set", lane=1, settings={"recipe": "default"})
    assert "need the same inputs" in answer["error"]
    good(session, "epoch")


def test_downloads(session, tmp_path):
    good(session, "data", data="gaussians:size=30")
    good(session, "epoch")

    def content(what):
        return base64.b64decode(good(session, "download", what=what)["content"])

    notebook = json.loads(content("notebook"))
    assert "".join(notebook["cells"][0]["source"]).encode() == content("script")
    rows = content("data").decode().splitlines()
    assert rows[0] == "x,y,class"
    assert len(rows) == 31
    (tmp_path / "m.safetensors").write_bytes(content("model"))
    model = nnplug.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(
        model.network.parameters, session.learners[0].run.network.parameters
    )
    assert "choose one of script" in do(session, "download", what="/etc/passwd")["error"]


def test_a_table_is_taken_away_as_it_came_under_its_name(tmp_path):
    content = gzip.compress(TABLE.encode())
    (tmp_path / "mine.csv.gz").write_bytes(content)
    (tmp_path / "more.csv.gz").write_bytes(content)
    for name, known in (("mine.csv.gz", True), ("m*.csv.gz", False)):
        session = Session(default_registry(), Content.of_table(tmp_path / name))
        good(session, "open")
        assert str(tmp_path / name) in good(session, "code")["python"]
        answer = do(session, "download", what="data")
        if known:
            assert answer["name"] == name
            assert base64.b64decode(answer["content"]) == content
        else:
            assert "not one file" in answer["error"]


# --- many tabs ----------------------------------------------------------------------------------


@pytest.fixture
def worker():
    made = Worker(lambda: Session(default_registry()))
    made.start()
    yield made
    made.stop()


def test_a_tab_that_nobody_looks_at_does_no_work(worker):
    seen = []
    worker.do("first", {"do": "open"}).result(20)
    worker.listen("first", seen.append).result(20)
    worker.do("first", {"do": "play"}).result(20)

    def epoch():
        return worker.do("first", {"do": "state"}).result(20)["frame"]["lanes"][0]["epoch"]

    import time

    limit = time.monotonic() + 20
    while len(seen) < 6 and time.monotonic() < limit:
        time.sleep(0.01)
    assert len(seen) >= 6
    worker.leave("first", seen.append)
    stopped = epoch()
    time.sleep(0.15)
    assert epoch() == stopped
    assert stopped > 0


def test_a_command_that_nobody_waits_for_any_more(worker):
    """As when the server ends: asyncio cancels what has not begun."""
    hold = threading.Event()
    first = worker._in_thread(hold.wait)
    second = worker.do("bbbbbbbb", {"do": "open"})
    assert second.cancel()
    hold.set()
    assert first.result(10)
    assert "error" not in worker.do("bbbbbbbb", {"do": "open"}).result(20)


def test_the_end_does_not_wait_for_a_long_command():
    made = Worker(lambda: Session(default_registry()))
    made.start()
    hold, begun = threading.Event(), threading.Event()
    made._in_thread(lambda: (begun.set(), hold.wait(30)))
    begun.wait(10)
    started = time.monotonic()
    made.stop()
    assert time.monotonic() - started < 10
    hold.set()


def test_eight_tabs_and_no_ninth(worker):
    listeners = [[] for _ in range(MOST_SESSIONS)]
    for number, seen in enumerate(listeners):
        worker.listen(f"tab{number}", seen.append).result(20)
        state = worker.do(f"tab{number}", {"do": "open"}).result(20)
        assert "error" not in state
        worker.do(f"tab{number}", {"do": "play"}).result(20)
    with pytest.raises(nnplug.errors.NnplugError, match="8 tabs are open already"):
        worker.do("one_more", {"do": "open"}).result(20)
    worker.leave("tab3", listeners[3].append)
    assert "error" not in worker.do("one_more", {"do": "open"}).result(20)
    assert "tab3" not in worker.tabs
    assert all(len(seen) >= 1 for seen in listeners)


# --- content ------------------------------------------------------------------------------------


def test_a_learner_is_no_slower_to_start_for_its_metrics():
    learner = Learner(Content("circle:size=50"), {}, default_registry())
    assert [metric.text for metric in learner.metrics] == ["accuracy"]
    assert "accuracy" in learner.scores()["metrics"]["test"]


def test_planes_are_square_and_hold_all_rows():
    rows = np.array([[0.0, 10.0], [4.0, 11.0]])
    plane = Plane.of(rows, (0, 1), {})
    assert plane.base.tolist() == [2.0, 10.5]
    reach = plane.high - plane.low
    assert reach == pytest.approx(4 * 1.15)
    grid = plane.grid(2)
    assert grid[0, 0] < grid[1, 0]
    assert grid[0, 1] > grid[2, 1]


def test_the_playground_takes_whatever_train_takes():
    run = prepare("xor")
    assert set(CHOSEN) - {"learning_rate", "recipe"} <= set(run.settings.to_dict())
    assert spiral.defaults["classes"] == 2
