"""The README is true: its names, its code, its commands."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from nnplug.parts import KINDS
from nnplug.plugins.registry import Registry
from tests.project.test_docs import Page

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


def test_its_plugin_is_typed(tmp_path):
    """Write the files that it shows and type its commands, in order."""
    section = README.partition("## A first plugin\n")[2].partition("\n## ")[0]
    (tmp_path / "page").mkdir()
    page = Page("README.md", tmp_path / "page")
    typed = []
    fence = re.compile(r"([^`]*(?:`[^`\n]+`[^`]*)*)^```(\w+)\n(.*?)^```$", re.M | re.S)
    for before, language, text in fence.findall(section):
        if language == "console":
            for command in re.findall(r"^\$ (.*)$", text, re.M):
                if command.startswith("nnplug train"):
                    printed = page.console(f"{command} --epochs 20")
                    assert "Epoch 0, Loss: 0.27" in printed
                else:
                    printed = page.console(command)
                assert page.code == 0, printed
                typed.append((command.partition(" -")[0], printed))
        else:
            # The text before a file names it.
            name = re.findall(r"`([\w.]+\.(?:py|toml))`", before)[-1]
            (page.folder / name).write_text(text, encoding="utf-8")
    assert [command for command, _ in typed] == [
        "nnplug train", "nnplug plugins show", "pip install .", "nnplug train",
    ]  # fmt: skip
    assert "dy/dx = 1 + 0.5 * x / t1" in typed[1][1]


def test_its_table_command_runs():
    line = next(line for line in "".join(blocks("console")).splitlines() if "iris" in line)
    done = subprocess.run(
        [sys.executable, "-m", *line.removeprefix("$ ").split(), "--no-output"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Out of fold, all 150 rows" in done.stdout
