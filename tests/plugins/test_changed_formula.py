"""A package whose formula changed, and whose version did not, is named wherever it is used."""

from __future__ import annotations

import shutil

import pytest

from tests.plugins.environments import ROOT, Environment, run, write_wheel

CODE = '''
import nnplug
import numpy as np

@nnplug.activation
def bent(x, *, slope=0.5):
    """A bent line."""
    return np.where(x > 0, x, {slope} * x)

@nnplug.metric
def worst(prediction, target):
    """The largest error."""
    return {factor} * abs(prediction - target).max()

@nnplug.hookimpl
def register_activations(register):
    register(bent)

@nnplug.hookimpl
def register_metrics(register):
    register(worst)
'''

TRAIN = (
    *("train", "iris.csv", "--target", "petal_length", "--recipe", "none", "--activation", "bent"),
    *("--metric", "worst", "--epochs", "4", "--output", "kept"),
)
NOTE = (
    "its formula in nnplug-bent 1.0 is not the one that the model was trained with, and results "
    "may differ; the version is the same, so look at how that package was installed, or train anew"
)


def wheel(folder, slope="slope", factor=1):
    code = CODE.format(slope=slope, factor=factor)
    return write_wheel(
        folder, "nnplug-bent", {"parts": code}, version="1.0", entry_points={"bent": "parts"}
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory, wheels):
    """Give an environment in which a run was kept, whose package then changed."""
    folder = tmp_path_factory.mktemp("bent")
    made = Environment(folder / "env", wheels, wheel(folder / "one"))
    shutil.copy(ROOT / "examples" / "iris.csv", made.folder)
    made.nnplug(*TRAIN)
    shutil.copytree(made.folder / "kept", made.folder / "whole")
    same = made.nnplug("predict", "kept", "iris.csv", "-o", "before.csv")
    assert "Warning" not in same
    made.uninstall("nnplug-bent")
    made.install(wheel(folder / "other", slope="0.9 * slope", factor=2))
    return made


def streams(place, *arguments, fails=0):
    return run(place.bin / "nnplug", *arguments, cwd=place.folder, fails=fails)


def test_predict_says_so_in_one_line_and_predicts(place):
    done = streams(place, "predict", "kept", "iris.csv", "-o", "after.csv")
    warnings = [line for line in done.stderr.splitlines() if "Warning" in line]
    assert warnings == [f"Warning: model.safetensors: activation bent: {NOTE}"]
    before, after = ((place.folder / f"{name}.csv").read_text() for name in ("before", "after"))
    assert before != after


def test_evaluate_says_it_of_metrics_too(place):
    done = streams(place, "evaluate", "kept", "iris.csv", "--json")
    warnings = [line for line in done.stderr.splitlines() if "Warning" in line]
    assert warnings == [
        f"Warning: model.safetensors: activation bent: {NOTE}",
        f"Warning: metric worst: {NOTE}.",
    ]


def test_python_warns(place):
    code = (
        "import warnings, nnplug\n"
        "with warnings.catch_warnings(record=True) as found:\n"
        "    warnings.simplefilter('always')\n"
        "    model = nnplug.load('kept/model.safetensors')\n"
        "    model.evaluate('iris.csv')\n"
        "for each in found:\n"
        "    print(each.filename, each.lineno, each.message)\n"
    )
    assert place.python("-c", code).splitlines() == [
        f"<string> 4 kept/model.safetensors: activation bent: {NOTE}.",
        f"<string> 5 metric worst: {NOTE}.",
    ]


def test_resume_refuses_unless_changes_are_allowed(place):
    done = streams(place, "train", "--resume", "whole", fails=2)
    assert done.stderr.splitlines()[-4:] == [
        "error: whole: the run cannot be resumed, because it has changed:",
        "  activation nnplug-bent/bent:slope=0.5: its formula has changed "
        "(nnplug-bent 1.0 is installed)",
        "  metric nnplug-bent/worst: its formula has changed (nnplug-bent 1.0 is installed)",
        "Undo the changes, or resume with --allow-changes (allow_changes=True); the result is then "
        "that of neither run alone.",
    ]
    done = streams(place, "train", "--resume", "whole", "--epochs", "6", "--allow-changes")
    assert "changed: activation nnplug-bent/bent:slope=0.5: its formula has changed" in done.stderr
    assert (place.folder / "whole" / "config-until-epoch-4.toml").is_file()
    # From now on that is the run's formula.
    done = streams(place, "train", "--resume", "whole")
    assert "the run is done" in done.stderr


def test_a_configuration_that_gives_another_run_says_so(place):
    done = streams(place, "train", "--config", "kept", "--no-output")
    warnings = [line for line in done.stderr.splitlines() if "Warning" in line]
    assert warnings == [
        f"Warning: kept: {part}: its formula has changed (nnplug-bent 1.0 is "
        "installed); the run gives different numbers"
        for part in ("activation nnplug-bent/bent:slope=0.5", "metric nnplug-bent/worst")
    ]
    done = streams(place, "train", "--config", "kept", "--no-output", "--activation", "relu")
    assert "activation" not in "".join(
        line for line in done.stderr.splitlines() if "Warning" in line
    )
