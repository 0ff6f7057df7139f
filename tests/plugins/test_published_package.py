"""Installs a package of published parts: what they ask for works by name, in runs and files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.plugins.environments import Environment, run
from tests.plugins.published_runs import COMPILED, RUNS

HERE = Path(__file__).parent
PARTS = {
    "activation": ["rrelu", "sparsemax", "unit_snake"],
    "initializer": ["within_layer"],
    "layer": ["gated_swish"],
    "loss": ["batch_dice", "batch_hard", "gaussian_nll", "soft_cross_entropy"],
    "optimizer": [
        "adafactor", "adahessian", "lookahead", "sam", "schedule_free", "shampoo", "sophia",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def published(tmp_path_factory, wheels):
    folder = tmp_path_factory.mktemp("published")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation",
        "--outdir", folder / "wheels", HERE / "published")  # fmt: skip
    (wheel,) = (folder / "wheels").glob("*.whl")
    return Environment(folder, wheels, wheel)


def test_its_parts_are_trained_saved_resumed_and_repeated_by_name(published):
    said = published.python(HERE / "published_runs.py", "numpy").splitlines()
    assert [line.split()[:2] for line in said if line.startswith("numpy ")] == [
        ["numpy", name] for name in RUNS
    ]
    assert "numpy intervals ema:decay=0.8[lookahead[adam:beta1=0.8]]" in said
    asked = str(RUNS)
    assert [name for kind in PARTS.values() for name in kind if name not in asked] == []


def test_so_they_are_by_the_engine_that_compiles(published):
    # It is not installed there: the package is, beside what these tests run in.
    alone = published.folder / "alone"
    pip = (sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet")
    run(*pip, "--target", alone, *(published.folder / "wheels").glob("*.whl"))
    done = run(
        sys.executable, HERE / "published_runs.py", "numba", cwd=published.folder, PYTHONPATH=alone
    )
    said = [line.split()[:2] for line in done.stdout.splitlines() if line.startswith("numba ")]
    assert said == [["numba", name] for name in COMPILED]


def test_each_of_its_parts_passes_the_conformance_checks(published):
    said = published.nnplug("plugins", "check", "nnplug-published", "--engine", "numpy")
    for kind, names in PARTS.items():
        for name in names:
            assert f"{kind} {name}" in said
    assert "failed" not in said


def test_its_parts_are_listed(published):
    rows = [line.split() for line in published.nnplug("plugins", "list", "--parts").splitlines()]
    for kind, names in PARTS.items():
        for name in names:
            assert [kind, name, "nnplug-published", "1.0.0"] in rows


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "gaussian_nll",
            [
                "  takes        mean, log_variance and target; its mean is the loss",
                "  predicts     mean, and intervals",
                "  dloss/dlog_variance = 0.5 - 0.5 * t2 * t3",
            ],
        ),
        (
            "adafactor",
            [
                "  declares     row: state (R, 1), starts at 0",
                "  takes        each parameter as a matrix, biases as columns",
                "  column' = t1 * column + t2 * mean(t3, axis=-2, keepdims=True)",
            ],
        ),
        (
            "lookahead",
            [
                "  text form    lookahead:k=5,alpha=0.5[...]",
                "  holds        the optimizer that stands in brackets after it",
                "  t3 = base(param, grad)",
            ],
        ),
        (
            "sam",
            ["  gradient     a second one, at another point", "  point = param + rho * grad / "],
        ),
        ("sophia", ["  curvature    an estimate of the Hessian's diagonal"]),
        ("rrelu", ["  t2 = lower + (upper - lower) * noise", "  y outside training = "]),
    ],
)
def test_its_parts_are_shown(published, name, lines):
    shown = published.nnplug("plugins", "show", name).splitlines()
    for line in lines:
        assert any(each.startswith(line) for each in shown), (line, shown)
