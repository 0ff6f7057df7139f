"""The README is true: its names, its code, its commands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nnplug.parts import KINDS
from nnplug.registry import Registry

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.M | re.S)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "dataset"])
def test_the_table_names_every_built_in_part(kind):
    row = re.search(rf"^\| {KINDS[kind].plural} \| (.*) \|$", README, flags=re.M)
    assert row is not None
    named = row.group(1).split(", ")
    assert sorted(named) == Registry().names(kind)


def test_its_two_commands():
    assert blocks("sh") == [
        "pip install . && nnplug train --activation sigmoid --loss mse\n",
        "pip install -e '.[dev]' && pytest\n",
    ]


def test_its_python_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {"__name__": "readme"})
    assert "setosa" in capsys.readouterr().out


def test_its_plugin_is_a_plugin(tmp_path):
    module = next(block for block in blocks("python") if "hookimpl" in block)
    (tmp_path / "nnplug_bent.py").write_text(module)
    info = tmp_path / "nnplug_bent-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nnplug-bent\nVersion: 1.0\n")
    toml = next(block for block in blocks("toml") if "entry-points" in block)
    (info / "entry_points.txt").write_text(
        toml.replace("[project.entry-points.nnplug]", "[nnplug]").replace('"', "")
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "80"}
    for command in ("train --activation bent --epochs 50", "plugins show bent"):
        assert f"$ nnplug {command.partition(' --epochs')[0]}\n" in README
        done = subprocess.run(
            [sys.executable, "-m", "nnplug", *command.split()],
            env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Epoch 0" in done.stdout or "nnplug-bent 1.0" in done.stdout


def test_its_table_command_runs():
    line = next(line for line in "".join(blocks("console")).splitlines() if "iris" in line)
    done = subprocess.run(
        [sys.executable, "-m", *line.removeprefix("$ ").split(), "--no-output"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Final, Loss" in done.stdout
