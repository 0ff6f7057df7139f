"""Commands on a terminal of 80 × 24, in this process.

To look at all screens: `python -m tests.cli.screens`.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import threading
from pathlib import Path
from unittest import mock

import nnplug
from nnplug.cli import main
from tests.cli.models import IRIS

WIDTH, HEIGHT = 80, 24

PART = '''
import numpy as np

import nnplug


@nnplug.activation
def a_rather_long_name_of_an_activation_that_is_made_for_screens_alone(x, steepness=1.0):
    """A part with a long name, whose first line is as long as a line may be in this project here.

    And more than one line of text, which says what it is good for and where it was found, too.
    """
    return np.tanh(steepness * x) + np.tanh(2 * steepness * x) + np.tanh(3 * steepness * x) * 0.5


@nnplug.loss
def broken(prediction, target):
    return np.abs(prediction - target) ** 0.5 + undefined
'''

SCREENS = {
    "help": ["--help"],
    "train help": ["train", "--help"],
    "data": ["data", "long.csv", "--target", "the_target_column_has_a_long_name_as_well"],
    "data of iris": ["data", "iris.csv", "--target", "species"],
    "train": ["train", "iris.csv", "--target", "species", "--epochs", "3", "--hidden", "8",
              "--metric", "balanced_accuracy", "--metric", "log_loss", "--metric", "f1"],
    "train a long table": [
        "train", "long.csv", "--target", "the_target_column_has_a_long_name_as_well", "--epochs",
        "2", "--l2", "0.01", "--dropout", "0.1", "--no-output", "--class-weight", "balanced",
        "--patience", "1"],
    "train with a plot": ["train", "--epochs", "300", "--plot"],
    "plan": ["train", "iris.csv", "--target", "species", "--plan", "--optimizer", "adamw"],
    "an error": ["train", "iris.csv", "--target", "spcies"],
    "an error of usage": ["train", "--lerning-rate", "1"],
    "an unknown part": ["train", "--activation", "reluu"],
    "predict": ["predict", "latest", "iris.csv", "-o", "answers.csv", "--overwrite"],
    "evaluate": ["evaluate", "latest", "iris.csv"],
    "explain": ["explain", "latest", "iris.csv"],
    "explain a row": ["explain", "latest", "iris.csv", "--row", "120"],
    "explain a long table": ["explain", "long.safetensors", "long.csv", "--row", "2"],
    "info": ["info", "latest"],
    "info of a long table": ["info", "long.safetensors"],
    "runs": ["runs", "list"],
    "a run": ["runs", "show", "latest"],
    "compare": ["runs", "compare", "20260101", "20260102"],
    "plugins": ["plugins", "list"],
    "parts": ["plugins", "list", "--parts", "-p", "./part.py"],
    "a part": ["plugins", "show", "gelu"],
    "a loss": ["plugins", "show", "cross_entropy"],
    "an optimizer": ["plugins", "show", "adam"],
    "a part with a long name": [
        "plugins", "show", "a_rather_long_name_of_an_activation_that_is_made_for_screens_alone",
        "-p", "./part.py"],
    "doctor": ["plugins", "doctor", "-p", "./part.py"],
    "check": [
        "plugins", "check", "a_rather_long_name_of_an_activation_that_is_made_for_screens_alone",
        "-p", "./part.py", "--engine", "numpy"],
    "new": ["plugins", "new", "wavy", "new/wavy", "--kind", "activation", "--kind", "loss"],
}  # fmt: skip


def make_folder(folder: Path) -> Path:
    """Put into a folder what the commands are about."""
    (folder / "iris.csv").write_bytes(IRIS.read_bytes())
    names = [f"a_column_with_a_long_name_{k}" for k in range(4)]
    names += ["a column of words", "the_target_column_has_a_long_name_as_well"]
    rows = [
        [f"{k * 1234.5678 + j:.3f}" for j in range(4)]
        + [f"a long category {'north' * (k % 3 + 1)}", "yes" if k % 3 else "no"]
        for k in range(60)
    ]
    lines = [",".join(each) for each in (names, *rows)]
    (folder / "long.csv").write_text("\n".join(lines) + "\n")
    (folder / "part.py").write_text(PART)
    given = {"target": "species", "epochs": 2, "hidden": 4}
    for name, activation in (
        ("20260101-100000-iris-relu-adam", "relu"),
        ("20260102-100000-iris-a_long_name_of_an_activation-adam", "tanh"),
    ):
        nnplug.train(folder / "iris.csv", activation=activation, output=folder / "runs" / name,
                     **given)  # fmt: skip
    nnplug.train(folder / "long.csv", target=names[-1], epochs=2).save(folder / "long.safetensors")
    return folder


def screen(*arguments, folder, width=WIDTH, **variables) -> tuple[int, str]:
    """Run a command on a terminal; give its exit code and all that it wrote there."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, width, 0, 0))
    read: list[bytes] = []

    def listen() -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(ours, 65536):
                read.append(part)

    listener = threading.Thread(target=listen)
    listener.start()
    code = 0
    with (
        open(theirs, "w", encoding="utf-8") as terminal,  # noqa: PTH123  # a descriptor
        contextlib.chdir(folder),
        contextlib.redirect_stdout(terminal),
        contextlib.redirect_stderr(terminal),
        mock.patch.dict(os.environ, {"TERM": "xterm-256color", "NO_COLOR": "1", **variables}),
        mock.patch.object(sys, "argv", ["nnplug", *arguments]),
    ):
        for name in ("COLUMNS", "LINES"):
            os.environ.pop(name, None)
        try:
            main(list(arguments))
        except SystemExit as ended:
            code = ended.code
    listener.join()
    os.close(ours)
    return code, b"".join(read).decode()


def lines(written: str) -> list[str]:
    """Split what was written into the lines that a person sees, without what moves the cursor."""
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", written))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        made = make_folder(Path(place))
        for title, command in SCREENS.items():
            print(f"{'=' * WIDTH}\n{title}: nnplug {' '.join(command)}")
            print(screen(*command, folder=made)[1].replace("\r\n", "\n"))
