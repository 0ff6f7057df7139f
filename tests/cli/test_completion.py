"""What a shell offers at TAB, and in what time."""

import os
import select
import subprocess
import sys
import time

import click
import pytest

from nnplug.cli import cli
from tests.plugins.packages import Site


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a table, a model, two runs, and names that no shell should be given."""
    root = tmp_path_factory.mktemp("completion")
    (root / "examples").mkdir()
    (root / "examples" / "iris.csv").touch()
    (root / "iris.safetensors").touch()
    (root / "x.csv").touch()
    for name in ("20260101-100000-iris-relu", "20260302-100000-iris-gelu", "2026$(touch harm)",
                 "2026\x1b[2J", "2026 a b"):  # fmt: skip
        (root / "runs" / name).mkdir(parents=True)
        (root / "runs" / name / "config.toml").touch()
    (root / "runs" / "notes").mkdir()
    return root


def offered(folder, *words, monkeypatch):
    """Ask as click's scripts for the shells do, in this process."""
    from click.shell_completion import BashComplete

    monkeypatch.chdir(folder)
    *line, incomplete = words
    complete = BashComplete(cli, {}, "nnplug", "_NNPLUG_COMPLETE")
    return [
        each.value if each.type == "plain" else f"<{each.type}s>"
        for each in complete.get_completions(line, incomplete)
    ]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["train", "exa"], ["<files>"]),
        (["train", ""], ["<files>"]),
        (["train", "xo"], ["xor"]),
        (["train", "x"], ["<files>"]),  # x.csv is here
        (["train", "--activation", "ge"], ["gelu", "gelu_tanh"]),
        (["train", "--layers", "dr"], ["dropout"]),
        (["train", "--loss", "ms"], ["mse", "msle"]),
        (["train", "--layers", "de"], ["dense"]),
        (["train", "--layers", "Dense:8 batch-n"], ["Dense:8 batch_norm"]),
        (["train", "--layers", "dense:8 residual[ge"],
         ["dense:8 residual[gelu", "dense:8 residual[gelu_tanh"]),
        (["train", "--layers", "residual[relu]"], []),
        (["train", "--layers", "dense:6"], []),
        (["train", "--engine", "nu"], ["numba", "numpy"]),
        (["train", "--resume", ""],
         ["latest", "20260302-100000-iris-gelu", "20260101-100000-iris-relu"]),
        (["train", "--resume", "./"], ["<dirs>"]),
        (["train", "--config", "ru"], ["<files>"]),
        (["predict", "l"], ["latest"]),
        (["predict", "latest", "exa"], ["<files>"]),
        (["predict", "20260302"], ["20260302-100000-iris-gelu"]),
        (["info", "ir"], ["iris.safetensors"]),
        (["info", "runs/"], ["<files>"]),
        (["evaluate", "models/"], ["<files>"]),
        (["data", "exa"], ["<files>"]),
        (["runs", "show", "202601"], ["20260101-100000-iris-relu"]),
        (["runs", "compare", "latest", "202601"], ["20260101-100000-iris-relu"]),
        (["runs", "sh"], ["show"]),
        (["plugins", "show", "ge"], ["gelu", "gelu_tanh"]),
        (["plugins", "show", "./my"], ["<files>"]),
        (["plugins", "check", "cross"], ["cross_entropy"]),
        (["plugins", "list", "--kind", "opt"], ["optimizer"]),
        (["pre"], ["predict"]),
    ],
)  # fmt: skip
def test_what_is_offered(folder, words, wanted, monkeypatch):
    monkeypatch.setenv("NNPLUG_PLUGINS", "")
    assert offered(folder, *words, monkeypatch=monkeypatch) == wanted


def test_a_folder_without_runs_offers_folders(tmp_path, monkeypatch):
    assert offered(tmp_path, "runs", "show", "", monkeypatch=monkeypatch) == ["<dirs>"]


def test_every_name_that_a_command_asks_for_can_be_completed():
    """An argument without a completion of its own is offered nothing."""

    def bare(command, path):
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                yield from bare(command.get_command(context, name), (*path, name))
        for each in command.params:
            if isinstance(each, click.Argument) and each._custom_shell_complete is None:
                yield (*path, each.name, type(each.type).__name__)

    assert set(bare(cli, ())) == {
        ("plugins", "new", "name", "StringParamType"),  # which nobody has yet
        ("plugins", "new", "folder", "Path"),
        ("runs", "list", "folder", "Path"),
    }


SLOW = """
import time
time.sleep(60)
"""


def test_a_slow_plugin_is_not_waited_for(tmp_path):
    site = Site(tmp_path / "site")
    site.folder.mkdir()
    site.install("nnplug-a", SLOW)
    site.part("nnplug-quick", "gem", entry_points={"gem": "nnplug_quick"})
    code = (
        "import functools, importlib.metadata as m, sys; "
        f"sys.path.insert(0, {str(site.folder)!r}); "
        f"m.distributions = functools.partial(m.distributions, path=[{str(site.folder)!r}]); "
        "from nnplug.cli import main; main()"
    )
    asked = {"_NNPLUG_COMPLETE": "bash_complete", "COMP_CWORD": "3"}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50,
        env={**os.environ, **asked, "COMP_WORDS": "nnplug train --activation ge"},
    )  # fmt: skip
    assert time.monotonic() - began < 40
    assert done.stdout.split() == ["plain,gelu", "plain,gelu_tanh", "plain,gem"]
    assert done.stderr == ""


# --- a real shell -----------------------------------------------------------------------


class Bash:
    """An interactive bash that completes for nnplug."""

    def __init__(self, folder, tools):
        import pty

        command = tools / "nnplug"
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m nnplug "$@"\n')
        command.chmod(0o755)
        self.terminal, theirs = pty.openpty()
        environment = {
            **os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PS1": "> ", "TERM": "dumb",
            "INPUTRC": "/dev/null", "HISTFILE": "", "NNPLUG_PLUGINS": "",
        }  # fmt: skip
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"], cwd=folder, env=environment,
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.type('eval "$(_NNPLUG_COMPLETE=bash_source nnplug)"; echo re""ady\n', "ready")

    def type(self, keys, wanted, seconds=60):
        """Type, and read until what is wanted stands there."""
        os.write(self.terminal, keys.encode())
        read, end = "", time.monotonic() + seconds
        while wanted not in read:
            left = end - time.monotonic()
            assert left > 0, read
            if select.select([self.terminal], [], [], left)[0]:
                read += os.read(self.terminal, 4096).decode().replace("\a", "")
        return read

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no bash")
def test_a_real_bash_completes(folder, tmp_path):
    bash = Bash(folder, tmp_path)
    try:
        for typed, wanted in [
            ("nnplug train exa", "nnplug train examples/"),
            ("nnplug train --activation gelu_", "--activation gelu_tanh "),
            ("nnplug plugins show ge", "nnplug plugins show gelu"),
            ("nnplug train --resume la", "--resume latest "),
            ("nnplug runs show 20260101", "show 20260101-100000-iris-relu "),
        ]:
            bash.type(f"{typed}\t", wanted)
            bash.type("\x15\n", "> ")
    finally:
        bash.close()
    assert not (folder / "harm").exists()
