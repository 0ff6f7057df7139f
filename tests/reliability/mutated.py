"""Runs commands on files that were damaged at random, in a process of its own.

Run as `python -m tests.reliability.mutated KIND COUNT SEED`, with KIND one of
`parquet`, `excel`, `configuration`, `record` and `history`. Prints one JSON
object: how often each exit came, and every fault.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import os
import random
import re
import resource
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from nnplug.cli import main

SLOWEST = 10.0
"""Seconds that no command may take."""
TOKENS = [
    b"-1", b"0", b"1e999", b"nan", b"null", b"true", b'""', b"99999999999999999999", b"[", b"]",
    b"{", b"}", b'"', b"\\", b"\x00", b"\xff\xfe", b"\x1b[2J", b"<", b">", b"&#0;", b"\n", b"=",
    b"[[[[[[[[[[[[", b"'''", b"../../x", b"2147483648", b"A" * 3000, "\u202e".encode(),
]  # fmt: skip
OUTSIDE = ("socket", "subprocess", "os.system", "os.exec", "os.fork", "os.posix_spawn", "ctypes")
"""Beginnings of the audit events that no file may bring about."""


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "when": pd.date_range("2024-01-01", periods=80, freq="7h"),
        "city": rng.choice(["Rome", "Oslo", "Bern"], 80),
        "x": rng.standard_normal(80),
        "ok": rng.random(80) < 0.5,
        "y": rng.standard_normal(80),
    })  # fmt: skip


def spoil(data: bytes, rng: random.Random) -> bytes:
    """Change some bytes, or some words and numbers, of a file."""
    for _ in range(rng.choice([1, 1, 1, 2, 5, 20])):
        way, place = rng.randrange(7), rng.randrange(len(data) + 1)
        length = min(rng.choice([1, 2, 4, 30, 400]), len(data) - place)
        if way == 0 and place < len(data):
            data = data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
        elif way == 1:
            data = data[:place] + data[place + length :]
        elif way == 2:
            data = data[:place] + rng.randbytes(length) + data[place + length :]
        elif way == 3:
            data = data[:place] + data[place : place + length] * 3 + data[place + length :]
        elif way == 4 and rng.random() < 0.3:
            data = data[:place]
        elif words := list(re.finditer(rb'-?[0-9.]+|[A-Za-z_]+|"[^"]*"', data[:200_000])):
            word = rng.choice(words)
            data = data[: word.start()] + rng.choice(TOKENS) + data[word.end() :]
    return data


def spoil_workbook(data: bytes, rng: random.Random) -> bytes:
    """Change the archive, or a document in it."""
    if rng.random() < 0.3:
        return spoil(data, rng)
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(changed, "w") as new:
        chosen = rng.choice(old.namelist())
        if rng.random() < 0.5:  # where most is
            chosen = "xl/worksheets/sheet1.xml"
        for name in old.namelist():
            document = old.read(name)
            if name == chosen and rng.random() < 0.1:
                continue
            new.writestr(name, spoil(document, rng) if name == chosen else document)
    return changed.getvalue()


class Auditor:
    """Notes what Python does beside reading and writing in some folders."""

    def __init__(self, *folders: str) -> None:
        self.folders = folders
        self.on = False
        self.events: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.on:
            return
        if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            path = os.path.realpath(os.fsdecode(arguments[0]))
            if not path.startswith(self.folders):
                self.events.append(f"open {path} {arguments[1]}"[:300])
        elif event.startswith(OUTSIDE):
            self.events.append(f"{event} {arguments!r}"[:300])


def run(*arguments: str) -> tuple[object, str]:
    """Give a command's exit code and what it said; any other exception comes out."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main(list(arguments))
        except SystemExit as end:
            return end.code, said.getvalue()
    return "none", said.getvalue()


def prepared(kind: str) -> tuple[Path, list[list[str]]]:
    """Make the sound file, and say which commands read it."""
    if kind in ("parquet", "excel"):
        path = Path("t.parquet" if kind == "parquet" else "t.xlsx")
        frame().to_parquet(path) if kind == "parquet" else frame().to_excel(path, index=False)
        return path, [["data", str(path), "--target", "y"]]
    for name in ("good", "bad"):
        run("train", "xor", "--epochs", "3", "--output", f"runs/{name}")
    folder = Path("runs/bad")
    if kind == "configuration":
        settings = ["--epochs", "1", "--hidden", "3", "--batch-size", "4", "--no-output"]
        return folder / "config.toml", [["train", "--config", "runs/bad/config.toml", *settings]]
    looks = [["runs", "list"], ["runs", "show", "runs/bad", "--json"]]
    if kind == "record":
        looks.append(["runs", "compare", "runs/good", "runs/bad"])
        return folder / "run.json", [*looks, ["train", "--resume", "runs/bad"]]
    return folder / "history.jsonl", looks


def work(kind: str, count: int, seed: int) -> dict[str, object]:
    """Damage a file so often, and run a command on each."""
    path, commands = prepared(kind)
    good = path.read_bytes()
    codes: Counter[str] = Counter()
    faults: list[str] = []
    slowest = 0.0
    # Beside the folder of the test: installed packages, and what the system says of itself.
    installed = [os.path.realpath(each) for each in sys.path if each]
    auditor = Auditor(
        str(Path.cwd()), tempfile.gettempdir(), sys.prefix, *installed, "/sys/", "/proc/"
    )
    for command in commands:
        code, said = run(*command)
        assert code == 0, said
    for k in range(count):
        rng = random.Random(f"{kind} {seed} {k}")
        data = spoil_workbook(good, rng) if kind == "excel" else spoil(good, rng)
        path.write_bytes(data)
        command = commands[k % len(commands)]
        auditor.events, auditor.on, started = [], True, time.perf_counter()
        faulthandler.dump_traceback_later(6 * SLOWEST, exit=True)
        try:
            code, said = run(*command)
        except BaseException as error:
            code, said = f"{type(error).__name__}: {error}"[:200], ""
        faulthandler.cancel_dump_traceback_later()
        auditor.on, seconds = False, time.perf_counter() - started
        slowest = max(slowest, seconds)
        codes[str(code)] += 1
        wrong = list(auditor.events[:3])
        if code not in (0, 1, 2):
            wrong.append(f"exit {code}")
        if code in (1, 2) and "error: " not in said and kind != "configuration":
            wrong.append(f"exit {code} without an error: {said[-200:]}")
        if "Traceback" in said or "\x1b" in said or "\u202e" in said:
            wrong.append(f"said {said[-300:]}")
        if seconds > SLOWEST:
            wrong.append(f"took {seconds:.1f} s")
        faults += [f"{kind} {seed} {k}: {each}" for each in wrong]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"codes": codes, "faults": faults[:20], "slowest": round(slowest, 2), "MiB": round(peak)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="nnplug-mutated-") as scratch:
        os.chdir(scratch)
        print(json.dumps(work(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
        os.chdir("/")
