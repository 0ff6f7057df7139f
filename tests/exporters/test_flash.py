"""C for small devices: weights in flash, on this machine and on an emulated AVR processor."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

import nnplug
from nnplug.errors import SettingError

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
AVR = "atmega1284p"

# Together they have every function that the math.h of AVR lacks.
LAYERS = ["gelu", "mish", "elu", "softplus", "asinh", "log_rounded"]

DEVICE = """
#include <math.h>
#include <stdio.h>
#ifdef __AVR__
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
static int put(char c, FILE *file) {
    (void)file;
    while (!(UCSR0A & _BV(UDRE0))) {}
    UDR0 = (uint8_t)c;
    return 0;
}
static FILE serial = FDEV_SETUP_STREAM(put, NULL, _FDEV_SETUP_WRITE);
#endif
int main(void) {
#ifdef __AVR__
    UCSR0B = _BV(TXEN0);
    stdout = &serial;
#endif
    const m_row rows[] = {ROWS};
    for (int i = 0; i < COUNT; i++) {
        double values[M_VALUES];
        m_predict(&rows[i], values);
        printf("%.6e\\n", values[0]);
    }
#ifdef __AVR__
    cli();
    sleep_enable();
    sleep_cpu();
#endif
    return 0;
}
"""


@nnplug.activation
def asinh(x):
    """Inverse hyperbolic sine, and log1p."""
    return np.arcsinh(x) + 0.1 * np.log1p(x * x)


@nnplug.activation
def log_rounded(x):
    """Logarithm to base 2, a power of 2, and a step."""
    return np.log2(2 + x * x) + np.exp2(-x * x) + 0.1 * np.round(x) + 0.1 * np.arctan(x)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(3)
    area = rng.uniform(20, 200, 60)
    return {
        "rooms": [None if i % 9 == 0 else float(i % 5) for i in range(60)],
        "area": area.tolist(),
        "district": [("south", 'a"b')[i % 2] for i in range(60)],
        "price": (3 * area + rng.normal(size=60)).tolist(),
    }


@pytest.fixture(scope="module")
def model(table):
    layers = [asinh if n == "asinh" else log_rounded if n == "log_rounded" else n for n in LAYERS]
    return nnplug.train(
        table, target="price", recipe="none", hidden=(6,) * len(layers), activation=layers,
        epochs=3, validation=0,
    ).model  # fmt: skip


ROWS = [(3.0, 60.0, "south"), (None, 45.0, "west"), (4.5, 180.0, None), (1.0, 1e4, 'a"b')]


@pytest.fixture(scope="module")
def written(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("flash")
    model.export("c:flash=true", folder / "m.c")

    def cell(value):
        if value is None:
            return "NULL"
        return '"' + value.replace('"', '\\"') + '"' if isinstance(value, str) else repr(value)

    cells = ", ".join(
        "{" + ", ".join([("NAN" if a is None else repr(a)), repr(b), cell(c)]) + "}"
        for a, b, c in ROWS
    )
    text = DEVICE.replace("ROWS", cells).replace("COUNT", str(len(ROWS)))
    (folder / "device.c").write_text('#include "m.h"\n' + text, encoding="ascii")
    return folder


def answers(model):
    columns = zip(("rooms", "area", "district"), zip(*ROWS, strict=True), strict=True)
    return model.predict({name: list(cells) for name, cells in columns}).reshape(-1)


def compiled(folder, *command):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_where_flash_is_memory_it_is_a_source_as_any_other(model, written):
    sanitized = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    compiled(written, "gcc", *WARNINGS, *sanitized, "device.c", "m.c", "-o", "m", "-lm")
    found = subprocess.run([written / "m"], capture_output=True, text=True, check=True).stdout
    np.testing.assert_allclose([*map(float, found.split())], answers(model), rtol=1e-5)


@pytest.mark.skipif(
    shutil.which("avr-gcc") is None or shutil.which("simavr") is None,
    reason="an AVR processor is emulated by Debian's gcc-avr, avr-libc and simavr",
)
def test_on_an_avr_processor_the_weights_stay_in_flash(model, written):
    compiled(
        written, "avr-gcc", *WARNINGS, "-Os", f"-mmcu={AVR}", "device.c", "m.c", "-o", "m.elf",
        "-Wl,-u,vfprintf", "-lprintf_flt", "-lm",
    )  # fmt: skip
    sizes = subprocess.run(
        ["avr-size", "m.elf"], cwd=written, capture_output=True, text=True, check=True
    ).stdout.split("\n")[1]
    weights = 4 * model.network.size
    assert int(sizes.split()[1]) < 200 < weights  # of memory that is filled at the start
    shown = subprocess.run(
        ["simavr", "-m", AVR, "-f", "8000000", "m.elf"],
        cwd=written, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    said = (shown.stdout + shown.stderr).replace("\x1b[32m", "").replace("\x1b[0m", "")
    found = [float(line.rstrip(".")) for line in said.split() if "e+" in line or "e-" in line]
    # AVR's functions are a few roundings apart from this machine's.
    np.testing.assert_allclose(found, answers(model), rtol=1e-4)


def test_what_an_avr_processor_would_get_wrong_is_refused(table, tmp_path):
    given = {"recipe": "none", "epochs": 1, "validation": 0, "target": "price"}
    exact = nnplug.train(table, dtype="float64", **given).model
    with pytest.raises(SettingError, match=r"computes in float64(.|\n)*--dtype float32"):
        exact.export("c:flash=true", tmp_path / "m.c")
    days = np.datetime64("2024-01-01") + np.arange(60) * np.timedelta64(37, "D")
    dated = nnplug.train({**table, "rooms": days}, **given).model
    with pytest.raises(SettingError, match=r"column 'rooms' is a date(.|\n)*Train without it"):
        dated.export("c:flash=true", tmp_path / "m.c")
    wide = nnplug.train(table, hidden=(120, 140), **given).model
    wide.export("c:flash=true", tmp_path / "m.c")
    too_much = "bytes of weights and texts: AVR reads 64 KiB of flash"
    assert too_much in (tmp_path / "m.c").read_text()
    words = [f"{i % 30}{'x' * 2500}" for i in range(60)]
    wordy = nnplug.train({**table, "district": words}, **given).model
    wordy.export("c:flash=true", tmp_path / "w.c")
    assert too_much in (tmp_path / "w.c").read_text()
