"""What reaches a terminal: no control sequence of data, and colours by one policy."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from nnplug.cli.terminal import safe
from tests.cli.models import nnplug_here

ESCAPE = "\x1b]52;c;cHduZWQ=\x07\x1b[2J\u202e"
SHOWN = r"\x1b]52;c;cHduZWQ=\x07\x1b[2J\u202e"
OURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[(\?25[lh]|[0-9]*[AK])|\r")
"""Colours, and what the progress bar moves by."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no terminals of Unix")


@pytest.fixture
def folder(tmp_path):
    """A table and a plugin that are full of control sequences."""
    rows = "".join(f"{k / 7:.3f},{'uvw'[k % 3]}{ESCAPE},{'AB'[k % 2]}\n" for k in range(60))
    (tmp_path / f"table{ESCAPE}.csv").write_text(f"n,{ESCAPE}col,y\n{rows}")
    (tmp_path / "part.py").write_text(
        "import nnplug, numpy as np\n\n\n@nnplug.activation\ndef odd(x):\n"
        f'    """Odd{ESCAPE} one.\n\n    More{ESCAPE}.\n    """\n    return np.tanh(x)\n'
    )
    (tmp_path / "broken.py").write_text(f"raise ValueError({ESCAPE!r})\n")
    return tmp_path


def on_a_terminal(folder, *arguments, **variables):
    """Run a command on a terminal of its own; give all that it wrote there."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "nnplug", *arguments],
        cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**clean, "TERM": "xterm-256color", "NNPLUG_PLUGINS": "", **variables},
    )  # fmt: skip
    os.close(theirs)
    found = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the last one has closed it
            break
        if not part:
            break
        found += part
    os.close(ours)
    process.wait()
    return found.decode()


TABLE = f"table{ESCAPE}.csv"
COMMANDS = {
    "data": ["data", TABLE, "--target", "y"],
    "data json": ["data", TABLE, "--target", "y", "--json"],
    "no file": ["train", f"no{ESCAPE}.csv", "--target", "y"],
    "no target": ["train", TABLE, "--target", f"y{ESCAPE}"],
    "no option": ["train", f"--no{ESCAPE}"],
    "no command": [f"no{ESCAPE}"],
    "no part": ["train", "--activation", f"no{ESCAPE}"],
    "a part": ["plugins", "show", "odd", "-p", "./part.py"],
    "parts": ["plugins", "list", "--parts", "-p", "./part.py"],
    "check": ["plugins", "check", "./part.py", "--engine", "numpy"],
    "broken": ["plugins", "show", "broken", "-p", "./broken.py"],
    "doctor": ["plugins", "doctor", "-p", "./broken.py"],
    "read": ["data", TABLE, "--read", f"na.{ESCAPE}x=1"],
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS.keys())
def test_no_control_sequence_of_data_reaches_a_terminal(folder, arguments):
    written = OURS.sub("", on_a_terminal(folder, *arguments))
    wrong = {each for each in written if not each.isprintable()} - {"\n", "\t"}
    assert not wrong, written
    assert "error: " in written or SHOWN[:10] in written or "\\u001b" in written or "odd" in written


def test_what_is_trained_predicted_and_kept_is_escaped_on_a_terminal(folder):
    given = ("train", TABLE, "--target", "y", "--epochs", "2", "--recipe", "none")
    trained = on_a_terminal(folder, *given)
    for written in (
        trained,
        on_a_terminal(folder, "runs", "list"),
        on_a_terminal(folder, "runs", "show", "latest"),
        on_a_terminal(
            folder, "predict", str(next(folder.glob("runs/*/model.safetensors"))), TABLE,
            "--id", f"{ESCAPE}col",
        ),
    ):  # fmt: skip
        rest = OURS.sub("", written)
        assert not {each for each in rest if not each.isprintable()} - {"\n", "\t"}, rest
    assert SHOWN in rest


def test_a_file_and_a_pipe_get_the_rows_as_they_are(folder):
    nnplug_here("train", TABLE, "--target", "y", "--epochs", "2", folder=folder)
    model = str(next(folder.glob("runs/*/model.safetensors")))
    done = subprocess.run(
        [sys.executable, "-m", "nnplug", "predict", model, TABLE, "--id", f"{ESCAPE}col"],
        cwd=folder, capture_output=True, check=True,
    )  # fmt: skip
    assert f"u{ESCAPE}" in done.stdout.decode()


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_of_a_terminal(folder, variables, coloured):
    assert ("\x1b[" in on_a_terminal(folder, "info", "nothere", **variables)) == coloured


@pytest.mark.parametrize("arguments", [["plugins", "show", "relu"], ["plugins", "list"]])
def test_what_is_shown_is_coloured_as_errors_are(folder, arguments):
    assert "\x1b[" in on_a_terminal(folder, *arguments)
    assert "\x1b[" not in on_a_terminal(folder, *arguments, NO_COLOR="1")


@pytest.mark.parametrize("arguments", [["info", "nothere"], ["plugins", "show", "relu"]])
def test_colours_of_a_pipe(folder, arguments):
    def written(**variables):
        clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
        done = subprocess.run(
            [sys.executable, "-m", "nnplug", *arguments], cwd=folder, capture_output=True,
            env={**clean, **variables}, text=True, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    assert "\x1b[" not in written()
    assert "\x1b[" in written(FORCE_COLOR="1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", "--lerning-rate", "1"],
            "error: No such option '--lerning-rate'. Did you mean '--learning-rate'?\n"
            "For usage, see: nnplug train --help\n",
        ),
        (["runs", "compare", "a"], "error: Name at least two runs.\n"),
        (["nothing"], "error: No such command 'nothing'.\nFor usage, see: nnplug --help\n"),
    ],
)
def test_errors_of_usage_look_as_all_others_do(tmp_path, arguments, message):
    done = nnplug_here(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.replace('"', "'").startswith(message.partition(" Did")[0])
    assert "Usage:" not in done.stderr


@pytest.mark.parametrize("group", [[], ["plugins"], ["runs"]])
def test_a_group_alone_gives_its_help(tmp_path, group):
    done = nnplug_here(*group, folder=tmp_path)
    written = done.stdout + done.stderr
    assert written.startswith(" ".join(["Usage: nnplug", *group, "[OPTIONS]"]))
    assert "error:" not in written


@pytest.mark.parametrize("arguments", [["train", "--help"], ["--help"], ["plugins", "show", "elu"]])
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1"])
def test_an_encoding_without_some_characters_gets_others(tmp_path, arguments, encoding):
    done = subprocess.run(
        [sys.executable, "-m", "nnplug", *arguments], cwd=tmp_path, capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_safe_keeps_what_harms_nobody():
    assert safe("naïve 北京 — 5 µs\n\tline") == "naïve 北京 — 5 µs\n\tline"
    assert safe("\r\x00\x7f\x85\u2028\u200e") == r"\r\x00\x7f\x85\u2028\u200e"
