"""What a playground does about large networks, long epochs, points in tables and plugins' hooks."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import nnplug
from nnplug.play import pace
from nnplug.play.content import Content
from nnplug.play.session import Session
from nnplug.play.worker import Worker
from nnplug.runs.preparing import default_registry
from nnplug.tables import read_table


def good(session, name, /, **more):
    answer = session.do({"do": name, **more})
    assert "error" not in answer, answer
    return answer


@pytest.fixture
def session():
    made = Session(default_registry())
    good(made, "open", data="moons:size=50")
    yield made
    made.close()


# --- large networks ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden": [1_000_000, 1_000_000]}, "1,000,005,000,001 parameters; here it may"),
        ({"layers": "dense:600 relu dense:600"}, "use nnplug train"),
        ({"layers": "dense:4 tanh " * 70}, "a playground draws 120 at most"),
    ],
)  # fmt: skip
def test_a_network_that_is_too_large_is_refused_before_it_takes_memory(session, settings, message):
    started = time.perf_counter()
    before = good(session, "state")
    assert message in session.do({"do": "set", "settings": settings})["error"]
    assert good(session, "state") == before
    assert time.perf_counter() - started < 20


def test_a_step_that_is_too_long_is_refused(session):
    good(session, "data", data="moons:size=20000")
    good(session, "set", settings={"hidden": [300, 300]})
    error = session.do({"do": "set", "settings": {"batch_size": "full"}})["error"]
    assert error == (
        "batch_size='full': a step of 16,000 rows through 91,501 parameters would keep the page "
        "waiting.\nChoose 10,928 rows at most, or a smaller network, or use nnplug train."
    )


def test_a_long_epoch_is_learned_in_slices_and_then_pauses(session, monkeypatch):
    monkeypatch.setattr(pace, "SLICE", 0.02)
    good(session, "data", data="moons:size=4000")
    good(session, "set", settings={"batch_size": 1, "hidden": [4]})
    answer = session.do({"do": "epoch"})
    (lane,) = answer["lanes"]
    assert answer["playing"]
    assert lane["epoch"] == 0
    assert 0 < lane["step"] < 3200
    while session.playing:
        frame = session.work(0.2)
    assert (frame["lanes"][0]["epoch"], frame["lanes"][0]["step"]) == (1, 0)
    assert not frame["playing"]
    by_slices = frame["lanes"][0]["weights"]
    good(session, "reset")
    session.learners[0].learn_to(1)
    assert session.frame()["lanes"][0]["weights"] == by_slices
    # It can be paused in between; playing on is then without end.
    session.do({"do": "epoch"})
    good(session, "pause")
    assert session.pace.goals == []


def test_commands_are_answered_while_a_large_network_learns(monkeypatch):
    worker = Worker(lambda: Session(default_registry()))
    worker.start()
    try:
        settings = [{"hidden": [300, 300], "batch_size": 64}]
        worker.do("tab", {"do": "open", "data": "moons:size=500", "settings": settings}).result(60)
        worker.listen("tab", lambda _: None).result(20)
        worker.do("tab", {"do": "play"}).result(20)
        waited = []
        for _ in range(2):
            started = time.perf_counter()
            answer = worker.do("tab", {"do": "speed", "speed": 1}).result(60)
            waited.append(time.perf_counter() - started)
            assert answer == {"speed": 1}
        assert min(waited) < 3  # on a busy machine
    finally:
        worker.stop()


def test_the_first_of_a_race_waits_for_the_second(session):
    good(session, "race")
    good(session, "set", lane=1, settings={"batch_size": 1})
    first, second = session.learners
    first.learn_to(3)
    session.pace.play(session.learners)
    while second.epoch < 3:
        session.work(0.2)
    assert (first.epoch, second.epoch) == (3, 3)


# --- points in tables -------------------------------------------------------------------------


def table(labels):
    random = np.random.default_rng(4)
    rows = zip(random.normal(50, 9, 40), random.normal(-2, 0.1, 40), strict=True)
    return "size,depth,kind\n" + "".join(
        f"{x:.3f},{y:.4f},{labels[int(x > 50)]}\n" for x, y in rows
    )


@pytest.mark.parametrize("labels", [("no", "yes"), (0, 1), ("true", "false")])
def test_points_are_added_to_a_table_in_its_units(labels, tmp_path):
    (tmp_path / "mine.csv").write_text(table(labels))
    session = Session(default_registry(), Content.of_table(tmp_path / "mine.csv"))
    assert good(session, "open")["data"]["clickable"]
    state = good(session, "points", points=[[61.5, -1.9, 1], [40, -2, 0]])
    data, rows = state["data"], session.learners[0].run.rows
    assert sum(data["rows"].values()) == 42
    assert rows.targets[-2:].tolist() == [1, 0]
    assert data["classes"][1] == {"no": "yes", 0: "1", "true": "True"}[labels[0]]
    before = read_table(tmp_path / "mine.csv").column("size").values
    with_point = np.append(before, [61.5, 40])
    (mean, scale), _ = data["scales"]
    assert mean == pytest.approx(with_point[rows.parts.training].mean())
    x, _, label, _ = data["points"][-2]
    assert mean + scale * x == pytest.approx(61.5, rel=1e-6)
    assert label == 1
    assert data["added"] == [[61.5, -1.9, 1], [40.0, -2.0, 0]]
    assert "a class from 0 to 1" in session.do({"do": "points", "points": [[1, 2, 7]]})["error"]
    assert good(session, "points", points=[])["data"]["rows"] == {"train": 32, "test": 8}


def printed_losses(session, folder):
    (folder / "script.py").write_text(good(session, "code")["python"], encoding="utf-8")
    path = str(Path(nnplug.__file__).parents[1])
    done = subprocess.run([sys.executable, "script.py"], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": path}, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (line.partition(" ") for line in done.stdout.splitlines())
    return {name: eval(scores)["loss"] for name, _, scores in lines}  # printed by our own script


def test_the_script_of_a_table_with_points_gives_the_losses_of_the_screen(tmp_path):
    (tmp_path / "mine.csv").write_text(table((0, 1)))
    session = Session(default_registry(), Content.of_table(tmp_path / "mine.csv"))
    good(session, "open")
    good(session, "points", points=[[61.5, -1.9, 1]])
    good(session, "epoch")
    loss = good(session, "epoch")["lanes"][0]["loss"]
    printed = printed_losses(session, tmp_path)
    assert printed["training"] == pytest.approx(loss["train"], rel=1e-12)
    assert printed["test"] == pytest.approx(loss["test"], rel=1e-12)


def test_the_script_of_a_notebooks_arrays_reads_the_file_that_is_taken_away(tmp_path):
    import base64

    random = np.random.default_rng(3)
    x = random.normal(size=(50, 3))
    content = Content.of_data((x, np.where(x[:, 0] > 0, "up", "down")), (), default_registry())
    session = Session(default_registry(), content)
    good(session, "open")
    loss = good(session, "epoch")["lanes"][0]["loss"]
    file = good(session, "download", what="data")
    (tmp_path / file["name"]).write_bytes(base64.b64decode(file["content"]))
    assert printed_losses(session, tmp_path)["test"] == pytest.approx(loss["test"], rel=1e-12)
    assert "Take data.csv away" in " ".join(good(session, "code")["notes"])


def test_a_notebooks_table_is_taken_away_as_it_is(tmp_path):
    import base64

    given = {"n": [1, 2, 3] * 10, "x": [0.1, None, 2.5] * 10, "kind": ['a "b"', "c,d", None] * 10}
    content = Content.of_data(given, ("n",), default_registry())
    session = Session(default_registry(), content)
    good(session, "open")
    file = good(session, "download", what="data")
    lines = base64.b64decode(file["content"]).decode().splitlines()
    assert lines[:4] == ["n,x,kind", '1,0.1,"a ""b"""', '2,,"c,d"', "3,2.5,"]


# --- hooks ------------------------------------------------------------------------------------


def watched(tmp_path, body, *, option="."):
    """Make a registry with a plugin of the user's own."""
    file = tmp_path / "own_hooks.py"
    file.write_text("import nnplug\nseen = []\n" + textwrap.dedent(body), encoding="utf-8")
    registry = nnplug.Registry.from_environment([str(file)])
    session = Session(registry)
    good(session, "open", data="moons:size=50")
    return session


def test_the_training_hooks_of_plugins_are_called_as_train_calls_them(tmp_path):
    session = watched(tmp_path, """
        @nnplug.hookimpl
        def on_train_start(run):
            run.seen = []
        @nnplug.hookimpl
        def on_batch_end(run, record):
            run.seen.append((record.epoch, record.batch))
        @nnplug.hookimpl
        def on_epoch_end(run, record):
            run.seen.append((record.epoch, record.loss, record.metrics["accuracy"]))
        @nnplug.hookimpl
        def on_train_end(run):
            run.seen.append("end")
    """)  # fmt: skip
    good(session, "set", settings={"schedule": "cosine", "epochs": 2, "batch_size": 32})
    run = session.learners[0].run
    assert not hasattr(run, "seen")
    good(session, "batch")
    good(session, "epoch")
    good(session, "epoch")
    assert run.ended == "epochs"
    by_train = nnplug.train("moons:size=50", schedule="cosine", epochs=2, patience="none",
                            batch_size=32, engine="numpy", monitor="loss")  # fmt: skip
    (b1, b2, first, b3, b4, second, end) = run.seen
    assert [b1, b2, b3, b4] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert first == (0, by_train.history["loss"][0], by_train.history["accuracy"][0])
    assert second[:2] == (1, by_train.history["loss"][1])
    assert end == "end"


def test_a_hook_may_end_the_training_and_may_fail(tmp_path):
    session = watched(tmp_path, """
        @nnplug.hookimpl
        def on_epoch_end(run, record):
            if run.settings.seed == 1:
                raise OSError("the disk is full")
            return record.epoch == 1
    """)  # fmt: skip
    good(session, "play")
    for _ in range(50):
        if session.playing:
            session.work(0.2)
    assert not session.playing
    assert (session.learners[0].epoch, session.learners[0].trouble) == (2, "")
    good(session, "set", settings={"seed": 1})
    (lane,) = good(session, "epoch")["lanes"]
    assert "on_epoch_end after epoch 0 failed" in lane["trouble"]
    assert "the disk is full" in lane["trouble"]
