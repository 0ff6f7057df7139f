"""Functions that Windows' Python lacks, taken away in a process of its own."""

import subprocess
import sys

import pytest

LACKING = """
import os, signal, sys
for name in (
    "sysconf", "preadv", "pread", "pwrite", "getuid", "geteuid", "getgid", "killpg", "setsid",
    "sched_getaffinity", "fork", "mkfifo", "fchmod", "fchown", "chown", "O_NOFOLLOW",
    "O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY", "statvfs", "getpgid", "register_at_fork",
):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGHUP", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGPIPE", "alarm", "setitimer"):
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "readline"):
    sys.modules[name] = None
from nnplug.cli import main
for line in sys.argv[1:]:
    print(">", line)
    try:
        main(line.split())
    except SystemExit as end:
        assert not end.code, (line, end.code)
"""


@pytest.mark.parametrize(
    "commands",
    [
        [
            "train t.csv --target y --recipe none --epochs 3 --output r --stream",
            "train --resume r --epochs 5 --allow-changes",
            "runs list .",
            "predict r/model.safetensors t.csv --output p.csv",
        ],
        ["data t.csv --target y", "evaluate r/model.safetensors t.csv", "plugins doctor"],
    ],
)
def test_the_commands_do_without(commands, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "windows"
    folder.mkdir(exist_ok=True)
    rows = "".join(f"{i % 7},{i % 5},{i % 7 * 3}.5\n" for i in range(200))
    (folder / "t.csv").write_text(f"a,b,y\n{rows}")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LACKING, *commands],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
