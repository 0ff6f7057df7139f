"""The built-in datasets: their geometry, their options, and that networks learn them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_moons

import nnplug
from nnplug.errors import OptionError
from nnplug.plugins.registry import Registry
from tests.cli.models import nnplug_here

REGISTRY = Registry()
DRAWN = ["noisy_xor", "circle", "moons", "spiral", "gaussians", "waves"]


def data(text):
    return REGISTRY.get("dataset", text)()


def polar(inputs):
    return np.hypot(*inputs.T), np.arctan2(inputs[:, 1], inputs[:, 0])


@pytest.mark.parametrize("name", DRAWN)
def test_size_noise_and_seed(name):
    plain, twin = (data(f"{name}:size=31,noise=0.1,seed=5") for _ in range(2))
    other = data(f"{name}:size=31,noise=0.1,seed=6")
    assert len(plain.inputs) == len(plain.targets) == 31
    assert np.array_equal(plain.inputs, twin.inputs)
    assert np.array_equal(plain.targets, twin.targets)
    noisy = "targets" if name == "waves" else "inputs"
    assert not np.array_equal(getattr(plain, noisy), getattr(other, noisy))
    if name != "waves":  # as many of each class as can be
        assert np.ptp(np.bincount(plain.targets)) <= 1


@pytest.mark.parametrize("name", ["noisy_xor", "moons", "spiral", "gaussians", "waves"])
def test_noise_is_added_with_its_standard_deviation(name):
    exact, noisy = (data(f"{name}:size=5000,noise={noise}") for noise in (0, 0.3))
    added = noisy.targets - exact.targets if name == "waves" else noisy.inputs - exact.inputs
    assert np.mean(added) == pytest.approx(0, abs=0.02)
    assert np.std(added) == pytest.approx(0.3, rel=0.03)


def test_noisy_xor_is_around_the_corners_of_a_square():
    made = data("noisy_xor:size=10,noise=0")
    rows = [(*row, label) for row, label in zip(made.inputs, made.targets, strict=True)]
    assert sorted({*rows}) == [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)]
    assert sorted(rows.count(row) for row in {*rows}) == [2, 2, 3, 3]


def test_a_circle_is_a_disk_in_a_ring_with_points_evenly_over_each():
    made = data("circle:size=4000,gap=0.5")
    radius, angle = polar(made.inputs)
    disk, ring = radius[made.targets == 0], radius[made.targets == 1]
    assert 0.29 < disk.max() <= 0.3
    assert 0.8 <= ring.min() < ring.max() <= 1
    # Half of the area lies within a radius whose square is half-way between the squares.
    assert np.mean(disk**2 < 0.3**2 / 2) == pytest.approx(0.5, abs=0.04)
    assert np.mean(ring**2 < (0.8**2 + 1) / 2) == pytest.approx(0.5, abs=0.04)
    assert np.histogram(angle, 8, (-np.pi, np.pi))[0] == pytest.approx([500] * 8, rel=0.2)


def test_moons_are_those_of_scikit_learn():
    made = data("moons:size=40,noise=0")
    points, labels = make_moons(40, shuffle=False)
    for label in (0, 1):
        np.testing.assert_allclose(made.inputs[made.targets == label], points[labels == label])


@pytest.mark.parametrize(("classes", "turns"), [(2, 1.0), (3, 0.75)])
def test_a_spirals_arms_turn_with_the_radius(classes, turns):
    made = data(f"spiral:size=60,noise=0,turns={turns},classes={classes}")
    assert (made.task, len(made.classes)) == ("binary" if classes == 2 else "multiclass", classes)
    radius, angle = polar(made.inputs)
    for label in range(classes):
        own = made.targets == label
        np.testing.assert_allclose(radius[own], np.linspace(0, 1, own.sum()), atol=1e-15)
        expected = 2 * np.pi * (label / classes + turns * radius[own])
        away = np.exp(1j * angle[own]) - np.exp(1j * expected)
        assert abs(away[1:]).max() < 1e-12


def test_gaussians_are_clouds_around_the_corners_of_a_polygon():
    made = data("gaussians:size=6000,noise=0.2,classes=3")
    for label, corner in enumerate([(1, 0), (-0.5, 0.75**0.5), (-0.5, -(0.75**0.5))]):
        cloud = made.inputs[made.targets == label]
        assert len(cloud) == 2000
        assert cloud.mean(axis=0) == pytest.approx(corner, abs=0.02)
        np.testing.assert_allclose(np.cov(cloud.T), 0.04 * np.eye(2), atol=0.004)


def test_waves_are_whole_ones():
    made = data("waves:size=17,noise=0,turns=1")
    quarters = slice(None, None, 2)
    assert made.inputs.ravel().tolist() == np.linspace(-1, 1, 17).tolist()
    half = 0.5**0.5
    assert made.targets.ravel()[quarters] == pytest.approx(
        [0, -half, -1, -half, 0, half, 1, half, 0], abs=1e-15
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("moons:size=3", "dataset 'moons': size=3: it must be at least 10."),
        ("spiral:classes=11", "dataset 'spiral': classes=11: it must be at least 2 and at most 10"),
        ("circle:gap=1", "dataset 'circle': gap=1: it must be at least 0 and below 1."),
        ("waves:noise=-1", "dataset 'waves': noise=-1: it must be at least 0."),
        ("gaussians:turns=2", "dataset 'gaussians' has no option 'turns'."),
    ],
)
def test_options_out_of_range_are_refused(text, message):
    with pytest.raises(OptionError) as error:
        data(text)
    assert message in str(error.value)


@pytest.mark.parametrize("text", ["circle", "moons", "gaussians", "spiral", "noisy_xor"])
def test_its_recipe_learns_the_classes(text):
    run = nnplug.train(text)
    assert run.final.metrics["accuracy"] >= (0.9 if text in ("gaussians", "moons") else 0.97)


def test_its_recipe_learns_the_waves():
    run = nnplug.train("waves")
    assert run.final.metrics["r2"] > 0.95


def test_options_travel_through_configuration_record_and_report(tmp_path):
    folder, again = tmp_path / "run", tmp_path / "again"
    run = nnplug.train("spiral:size=50,noise=0.1,classes=3", epochs=4, output=folder)
    assert run.settings.data == "spiral:size=50,noise=0.1,classes=3"
    config = (folder / "config.toml").read_text("utf-8")
    assert 'data = "spiral:size=50,noise=0.1,turns=1.0,classes=3,seed=0"' in config
    assert "spiral:size=50,noise=0.1,classes=3" in (folder / "report.html").read_text("utf-8")
    nnplug_here("train", "--config", folder / "config.toml", "--output", again, folder=tmp_path)
    repeated = nnplug.resume(again, epochs=6)
    assert repeated.history["loss"] == nnplug.resume(folder, epochs=6).history["loss"]


def test_a_table_with_its_columns_is_predicted_with_its_model(tmp_path):
    folder = tmp_path / "run"
    nnplug.train("circle", output=folder)
    (tmp_path / "new.csv").write_text("y,x\n0,0.1\n0.95,0\n", encoding="utf-8")
    done = nnplug_here("predict", folder / "model.safetensors", "new.csv", folder=tmp_path)
    assert done.stdout.split() == ["prediction", "disk", "ring"]
