"""A new part or a new setting is written in one place, and everything else finds it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ADDED = '''

@activation(aliases=("softabs",))
def smooth_abs(x: Any, *, width: float = 1.0) -> Any:
    """Smooth absolute value, added by a test: sqrt(x² + width²) - width."""
    return np.hypot(x, width) - width

'''


def run(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def checkout(tmp_path):
    made = shutil.ignore_patterns("__pycache__", "_build", "generated")
    for name in ("nnplug", "tests", "docs", "plugins"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=made)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_a_new_activation_is_found_by_everything(checkout):
    tmp_path = checkout
    home = tmp_path / "nnplug" / "builtin" / "activations.py"
    text = home.read_text(encoding="utf-8")
    marker = "@hookimpl\n"
    home.write_text(text.replace(marker, ADDED.lstrip("\n") + "\n" + marker), encoding="utf-8")

    train = ("-m", "nnplug", "train", "--epochs", "20", "--activation", "SoftAbs:width=0.5")
    assert "Epoch 0" in run(tmp_path, *train)
    assert "smooth_abs" in run(tmp_path, "-m", "nnplug", "plugins", "list", "--parts")
    assert "hypot(x, width)" in run(tmp_path, "-m", "nnplug", "plugins", "show", "smooth_abs")
    complete = run(
        tmp_path, "-c",
        "import click; from nnplug.cli.part_names import PartType;"
        "context = click.Context(click.Command('train'));"
        "found = PartType('activation').shell_complete(context, None, 'smo');"
        "print([level.value for level in found])",
    )  # fmt: skip
    assert complete.strip() == "['smooth_abs']"
    contract = run(
        tmp_path, "-m", "pytest", "tests/contract", "--collect-only", "-q", "-p", "no:cacheprovider"
    )
    assert "test_activations.py" in contract
    assert contract.count("[smooth_abs") >= 3
    pages = tmp_path / "site"
    run(tmp_path, "-m", "sphinx", "-q", "-b", "html", "docs", str(pages))
    assert any("smooth_abs" in page.read_text(encoding="utf-8") for page in pages.rglob("*.html"))


ROW = """    warmth: float = kept(
        "Training", Number(below=2), "Warmth, added by a test.", default=0.5, unset=True
    )
"""


def test_a_new_setting_is_one_row(checkout):
    table = checkout / "nnplug" / "runs" / "settings.py"
    text = table.read_text(encoding="utf-8")
    before = "    seed: int = kept("
    assert text.count(before) == 1
    table.write_text(text.replace(before, ROW + before), encoding="utf-8")

    train = ("-m", "nnplug", "train", "--epochs", "2")
    assert "--warmth NUMBER  " in run(checkout, *train, "--help")
    settings = json.loads(run(checkout, *train, "--json"))["settings"]
    assert settings["warmth"] == 0.5
    run(checkout, *train, "--warmth", "1.5", "--output", "kept")
    written = (checkout / "kept" / "config.toml").read_text(encoding="utf-8")
    assert "warmth = 1.5\n" in written
    again = json.loads(run(checkout, "-m", "nnplug", "train", "--config", "kept", "--json"))
    assert again["settings"]["warmth"] == 1.5
    model = json.loads(run(checkout, "-m", "nnplug", "info", "kept", "--json"))
    assert model["settings"]["warmth"] == 1.5
    for asked, said in (
        (("--warmth", "2"), "Invalid value for '--warmth': '2': it must be a finite number, at"),
        (("--set", "warmth=-1"), "--set: warmth = -1: it must be a finite number, at least 0 and"),
    ):
        done = subprocess.run(
            [sys.executable, *train, *asked], cwd=checkout, capture_output=True, text=True,
            check=False, env={**os.environ, "PYTHONPATH": str(checkout), "COLUMNS": "200"},
        )  # fmt: skip
        assert done.returncode == 2
        assert said in done.stderr
    pages = run(checkout, "-c", "import sys; sys.path.insert(0, 'docs'); import generate; "
                "print(generate._settings())")  # fmt: skip
    assert "| `warmth` | `0.5` | Warmth, added by a test. |" in pages
