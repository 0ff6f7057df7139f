"""Snapshots of a training, and the moving picture of it."""

from __future__ import annotations

import re

import numpy as np
import pytest

import nnplug
from nnplug.errors import SettingError
from nnplug.runs.report.charts import class_areas
from nnplug.runs.report.plane import plane
from nnplug.runs.report.svg import Chart
from nnplug.runs.snapshots import Snapshots

HOW = {"hidden": (3,), "patience": "none", "seed": 4, "optimizer": "adam:learning_rate=0.05"}


@pytest.fixture(scope="module")
def trained():
    snapshots = Snapshots(most=4)
    run = nnplug.train("moons:size=60", epochs=11, callbacks=[snapshots], **HOW)
    return run, snapshots


def test_snapshots_are_evenly_apart_with_the_first_and_the_last(trained):
    _, snapshots = trained
    assert snapshots.epochs == [0, 4, 8, 11]
    assert len(snapshots.parameters) == 4


def test_a_snapshot_has_the_weights_of_a_training_of_so_many_epochs(trained):
    _, snapshots = trained
    for epochs, parameters in zip(snapshots.epochs, snapshots.parameters, strict=True):
        if epochs:
            shorter = nnplug.train("moons:size=60", epochs=epochs, monitor="loss", **HOW)
            # The training loss fell in each epoch, so that the last one is the best.
            np.testing.assert_array_equal(parameters, shorter.network.parameters)


@pytest.mark.parametrize(("most", "epochs"), [(2, 1), (2, 9), (5, 5), (40, 7), (3, 100)])
def test_no_more_are_kept_than_asked_for(most, epochs):
    snapshots = Snapshots(most)
    nnplug.train("xor", epochs=epochs, callbacks=[snapshots])
    assert (snapshots.epochs[0], snapshots.epochs[-1]) == (0, epochs)
    assert 2 <= len(snapshots.epochs) <= most + 1
    apart = {b - a for a, b in zip(snapshots.epochs, snapshots.epochs[1:-1], strict=False)}
    assert len(apart) <= 1


def test_another_training_begins_again():
    snapshots = Snapshots()
    nnplug.train("xor", epochs=30, callbacks=[snapshots])
    nnplug.train("xor", epochs=2, callbacks=[snapshots])
    assert snapshots.epochs == [0, 1, 2]
    with pytest.raises(SettingError, match="keep 2 at least"):
        Snapshots(most=1)


def test_each_picture_is_what_the_network_answered_then(trained):
    run, snapshots = trained
    last = run.network.parameters.copy()
    run.network.parameters[...] = 0.25  # as early stopping gives it those of another epoch
    html = run.animate(snapshots)._repr_html_()
    assert set(run.network.parameters.tolist()) == {0.25}
    run.network.parameters[...] = last
    groups = re.findall(r'<g class="n\w+-f(\d)"><title>epoch (\d+)</title>(.*?)</g>', html, re.S)
    assert [(int(k), int(epoch)) for k, epoch, _ in groups] == list(enumerate([0, 4, 8, 11]))
    shorter = nnplug.train("moons:size=60", epochs=8, monitor="loss", **HOW)
    rows = run.rows.inputs[run.validation_rows]
    found = plane(shorter.model, rows, run.rows.targets[run.validation_rows], 50, 36)
    chart = Chart(found.x, found.y, ("x", "y"))
    class_areas(chart, found)
    assert groups[2][2].split() == " ".join(chart.marks).split()
    assert len({drawn for *_, drawn in groups}) == 4


def test_each_picture_is_seen_in_its_time(trained):
    """6 of 8 seconds move, and the last picture stays: epoch 4 of 11 begins at 4 / 11 · 75 %."""
    run, snapshots = trained
    html = run.animate(snapshots)._repr_html_()
    rules = dict(re.findall(r"@keyframes n\w+-f(\d) \{ (.*) \}\n", html))
    assert rules["1"] == (
        "0% { visibility: hidden; } 27.273% { visibility: visible; } "
        "54.545%, 100% { visibility: hidden; }"
    )
    assert rules["3"].endswith("75.000% { visibility: visible; } 100.000%, 100% { visibility: "
                               "visible; }")  # fmt: skip
    assert "75.000%, 100% { transform: scaleX(1); }" in html
    assert "prefers-reduced-motion" in html
    assert "<script" not in html
    assert "http" not in html.replace("http://www.w3.org/", "")


def test_without_snapshots_or_a_plane_the_losses_move():
    run = nnplug.train("xor", epochs=300)
    shown = run.animate()
    assert shown._repr_html_().count("<svg") == 1
    assert "epoch 300" in shown._repr_html_()
    assert "* loss" in repr(shown)
    snapshots = Snapshots()
    waves = nnplug.train("waves", epochs=2, callbacks=[snapshots])
    assert waves.animate(snapshots)._repr_html_().count("<svg") == 1


def test_what_cannot_be_animated_says_why(trained, tmp_path):
    run, snapshots = trained
    other = nnplug.train("moons:size=60", epochs=1, hidden=(5,))
    with pytest.raises(SettingError, match="not of this run's network"):
        other.animate(snapshots)
    with pytest.raises(SettingError, match=r"a\.png: an animation is saved as \.html or \.gif"):
        run.animate().save(tmp_path / "a.png")
    from nnplug.runs.preparing import prepare

    with pytest.raises(SettingError, match="the history has no epochs"):
        prepare("xor").animate()


def test_it_is_saved_as_a_page_and_as_a_gif(trained, tmp_path):
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib")
    run, snapshots = trained
    shown = run.animate(snapshots)
    shown.save(tmp_path / "a.html")
    assert shown._repr_html_() in (tmp_path / "a.html").read_text(encoding="utf-8")
    shown.save(tmp_path / "a.gif")
    with image.open(tmp_path / "a.gif") as picture:
        assert picture.n_frames == 4
        assert picture.info["loop"] == 0
        frames = []
        for k in range(4):
            picture.seek(k)
            frames.append((picture.info["duration"], picture.convert("RGB").tobytes()))
    assert [duration for duration, _ in frames] == [1500, 1500, 1500, 3500]
    assert len({drawn for _, drawn in frames}) == 4
    with pytest.raises(nnplug.errors.StorageError):
        shown.save(tmp_path / "a.gif")
