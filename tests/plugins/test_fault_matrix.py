"""What each fault of a plugin does to each command: real packages, really installed.

Every fault has an environment of its own, with nnplug, a healthy package and
the faulty one. Each row of `FAULTS` is a fault, each of its columns a command
with the exit code and the texts that it must print. A text is looked for in
both streams, white space aside; `not:text` must be missing.
"""

from __future__ import annotations

import re
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.plugins.environments import Done, Environment, Wheels, run, write_wheel

TRAIN = ("train", "xor", "--epochs", "2")

COLUMNS = {
    "help": ("--help",),
    "version": ("--version",),
    "list": ("plugins", "list"),
    "doctor": ("plugins", "doctor"),
    "check": ("plugins", "check", "odd"),
    "builtin": (*TRAIN, "--activation", "tanh"),
    "broken": (*TRAIN, "--activation", "odd"),
    "healthy": (*TRAIN, "--activation", "treble"),
}
"""`odd` is the part of the faulty package, `treble` that of the healthy one."""

IMPORTS_NOTHING = ("help", "version", "list", "builtin")

SAFE = {
    "help": (0, "Usage: nnplug", "plugins"),
    "version": (0, "nnplug, version"),
    "list": (0, "nnplug-fault 0.3 available odd", "nnplug-healthy 2.0 available parts"),
    "builtin": (0, "Epoch 0, Loss:", "Final Predictions:", "not:nnplug-fault"),
}
"""What every row has, unless it says otherwise."""

TRAINS = (0, "Epoch 0, Loss:", "Final Predictions:", "not:nnplug-fault")
SEE = "see: nnplug plugins show nnplug-fault"
PART = "nnplug_fault/part.py"
NAMED = ("activation 'odd'", "nnplug-fault 0.3", "nnplug plugins check nnplug-fault/odd")
AMBIGUOUS = (
    "activation 'odd' is in 2 packages; say which:",
    "nnplug-fault/odd from nnplug-fault 0.3",
    "nnplug-other/odd from nnplug-other 1.1",
)
BOTH_CHECKED = (0, "activation odd (nnplug-fault 0.3)", "activation odd (nnplug-other 1.1)")
REFUSED = ("activation 'tanh' is refused: 'tanh' is a built-in activation's name",)


@dataclass(frozen=True)
class Fault:
    """A faulty package, `nnplug-fault` 0.3, and what each command does about it.

    Attributes
    ----------
    code : str
        Of its module `part`, which its entry point `odd` names.
    cells : dict
        By column the exit code, then texts.
    other : str
        The module of a second package, `nnplug-other` 1.1.
    point, other_point : str
        The names of their entry points.
    module : str
        What the entry point names.
    commands : dict
        Where a column's command is another.
    """

    code: str
    cells: dict[str, tuple[object, ...]] = field(default_factory=dict)
    other: str = ""
    point: str = "odd"
    module: str = "part"
    other_point: str = "odd"
    commands: dict[str, tuple[str, ...]] = field(default_factory=dict)


def part(body: str, *, name: str = "odd", derivative: str = "", before: str = "") -> str:
    """Write a module with one activation, whose formula is a body."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    given = f"(derivative={derivative})" if derivative else ""
    return (
        f"import numpy as np\nimport nnplug\n{before}\n@nnplug.activation{given}\n"
        f'def {name}(x):\n    "A part of a test."\n{lines}\n\n\n'
        f"@nnplug.hookimpl\ndef register_activations(register):\n    register({name})\n"
    )


def unloadable(cause: str) -> dict[str, tuple[object, ...]]:
    """Give the cells of a plugin that cannot be loaded, for this reason."""
    return {
        "doctor": (1, "nnplug-fault 0.3 (odd): failed", cause, "nnplug-healthy 2.0 (parts): ok"),
        "check": (2, "nnplug-fault 0.3", cause),
        "broken": (
            2,
            "error: activation 'odd' is asked for, and plugin nnplug-fault 0.3 (entry point odd) "
            "cannot be loaded:",
            cause,
            "-p no:nnplug-fault",
            "nnplug plugins show nnplug-fault",
        ),
        "healthy": (
            0,
            "Warning: plugin nnplug-fault 0.3: not loaded: ",
            cause,
            SEE,
            "Final Predictions:",
        ),
    }


HOOK = "import nnplug\n\n\n{decorator}def {name}({arguments}):\n    pass\n"

FAULTS = {
    "import error": Fault(
        "import no_such_module\n",
        unloadable(f"{PART}:1: ModuleNotFoundError: No module named 'no_such_module'"),
    ),
    "syntax error": Fault("\nx = = 1\n", unloadable(f"{PART}:2: SyntaxError: invalid syntax")),
    "sys.exit at import": Fault(
        "import sys\n\nsys.exit('no licence')\n",
        unloadable(f"{PART}:3: it calls sys.exit('no licence')"),
    ),
    "raises in the hook": Fault(
        part("return x").replace("register(odd)", "register(odd)\n    1 / 0"),
        unloadable(f"{PART}:13: ZeroDivisionError: division by zero"),
    ),
    "registers a wrong type": Fault(
        part("return x").replace("@nnplug.activation", ""),
        unloadable("not the plain function 'odd'; decorate it with @nnplug.activation."),
    ),
    "registers under another kind": Fault(
        part("return x").replace("register_activations", "register_losses"),
        unloadable("not the activation 'odd'; register that in register_activations."),
    ),
    "misspelt hook": Fault(
        HOOK.format(
            decorator="@nnplug.hookimpl\n", name="register_activation", arguments="register"
        ),
        unloadable("there is no hook 'register_activation'. Did you mean 'register_activations'"),
    ),
    "forgotten decorator": Fault(
        HOOK.format(decorator="", name="register_activations", arguments="register"),
        unloadable(f"{PART}:4: register_activations is not decorated: put @nnplug.hookimpl above"),
    ),
    "argument with a default": Fault(
        HOOK.format(
            decorator="@nnplug.hookimpl\n", name="register_activations", arguments="register=None"
        ),
        unloadable("'register' must have no default; write def register_activations(register)."),
    ),
    "class for a module": Fault(
        "class part:\n    pass\n",
        unloadable("part is a class; let the entry point name an instance of it."),
        module="part:part",
    ),
    "slow import": Fault(
        part("return x", before="import time\ntime.sleep(1.2)\n"),
        {
            "doctor": (1, "nnplug-fault 0.3 (odd)", "loading it takes 1.", "more than 1 s is slow"),
            "check": (0, "odd"),
            "broken": TRAINS,
            "healthy": TRAINS,
        },
    ),
    "wrong output shape": Fault(
        part("return np.sum(x, axis=-1)"),
        {
            "doctor": (0, "nnplug-fault 0.3 (odd): ok"),
            "check": (1, "odd", "shape"),
            "broken": (
                2,
                "error: activation 'odd': ",
                f"{PART}:",
                "its result has shape (N), its input (N, C).",
                *NAMED,
            ),
            "healthy": TRAINS,
        },
    ),
    "wrong output shape, untraced": Fault(
        part("return np.asarray(x)[:, :1]", derivative="lambda x, y: np.ones(x.shape)"),
        {
            "doctor": (0, "nnplug-fault 0.3 (odd): ok"),
            "check": (1, "odd", "shape"),
            "broken": (2, "for an input of shape (4, 2) it returned shape (4, 1)", *NAMED),
            "healthy": TRAINS,
        },
    ),
    "wrong dtype": Fault(
        part(
            "return np.tanh(np.asarray(x)).astype(np.float64)",
            derivative="lambda x, y: 1 - y**2",
        ),
        {
            "doctor": (0, "nnplug-fault 0.3 (odd): ok"),
            "check": (1, "odd", "float64"),
            # Whatever it returns, the network's arrays stay in the run's dtype.
            "broken": TRAINS,
            "healthy": TRAINS,
        },
    ),
    "complex output": Fault(
        part("return np.asarray(x) + 1j", derivative="lambda x, y: np.ones(x.shape)"),
        {
            "doctor": (0, "nnplug-fault 0.3 (odd): ok"),
            "check": (1, "odd"),
            "broken": (2, "complex", *NAMED),
            "healthy": TRAINS,
        },
    ),
    "NaN derivative": Fault(
        part("return x * 1.0", derivative="lambda x, y: np.full(np.shape(x), np.nan)"),
        {
            "doctor": (0, "nnplug-fault 0.3 (odd): ok"),
            "check": (1, "odd", "nan"),
            "broken": (
                1,
                "error: Training stopped at epoch 0, step 1: the gradient of hidden1.bias is not",
                *NAMED,
            ),
            "healthy": TRAINS,
        },
    ),
    "writes into its input": Fault(
        part("x *= 2\nreturn x"),
        {
            "doctor": (0, "nnplug-fault 0.3 (odd): ok"),
            "check": (1, "odd", "writes into an existing array"),
            "broken": (2, f"{PART}:7: `multiply` writes into an existing array", *NAMED),
            "healthy": TRAINS,
        },
    ),
    "writes into its input, untraced": Fault(
        part("x[x < 0] = 0\nreturn x", derivative="lambda x, y: np.where(x > 0, 1.0, 0.0)"),
        {
            "doctor": (0, "nnplug-fault 0.3 (odd): ok"),
            "check": (1, "odd"),
            "broken": (2, f"{PART}:7: ", "read-only", *NAMED),
            "healthy": TRAINS,
        },
    ),
    "endless loop under check": Fault(
        part("while x.shape[0] == 0:\n    pass\nreturn np.tanh(x)"),
        {
            "doctor": (0, "nnplug-fault 0.3 (odd): ok"),
            "check": (1, "activation odd (nnplug-fault 0.3)", "within 5 s, and was stopped"),
            "broken": TRAINS,
            "healthy": TRAINS,
        },
        commands={"check": ("plugins", "check", "odd", "--timeout", "5")},
    ),
    "two packages with one part name": Fault(
        part("return x"),
        {
            "list": (0, "nnplug-fault 0.3 available odds", "nnplug-other 1.1 available others"),
            "doctor": (
                1,
                "nnplug-fault 0.3 (odds): loaded",
                "activation 'odd' is also in nnplug-other 1.1; write nnplug-fault/odd for this",
                "nnplug-other 1.1 (others): loaded",
                "activation 'odd' is also in nnplug-fault 0.3; write nnplug-other/odd for this",
            ),
            "check": BOTH_CHECKED,
            "broken": (2, *AMBIGUOUS),
            "healthy": TRAINS,
        },
        other=part("return 2 * x"),
        point="odds",
        other_point="others",
    ),
    "two packages with one entry-point name": Fault(
        part("return x"),
        {
            "list": (0, "nnplug-fault 0.3 ambiguous odd", "nnplug-other 1.1 ambiguous odd"),
            "doctor": (
                0,
                "nnplug-fault 0.3 (odd): ok",
                "entry point 'odd' is also in nnplug-other 1.1; load or block it as nnplug-fault.",
                "entry point 'odd' is also in nnplug-fault 0.3; load or block it as nnplug-other.",
            ),
            "check": (0, "odd"),
            "broken": TRAINS,  # of the two plugins, one has the part
            "healthy": TRAINS,
        },
        other=part("return 2 * x", name="even"),
    ),
    "two packages with both names": Fault(
        part("return x"),
        {
            "list": (0, "nnplug-fault 0.3 ambiguous odd", "nnplug-other 1.1 ambiguous odd"),
            "doctor": (1, "nnplug-fault 0.3", "activation 'odd' is also in nnplug-other 1.1"),
            "check": BOTH_CHECKED,
            "broken": (2, *AMBIGUOUS),
            "healthy": TRAINS,
        },
        other=part("return 2 * x"),
    ),
    "claims a built-in name": Fault(
        part("return -x", name="tanh"),
        {
            "doctor": (1, "nnplug-fault 0.3 (odd): loaded", *REFUSED),
            "check": (2, "nnplug-fault 0.3", *REFUSED),
            "broken": (2, "There is no activation 'nnplug-fault/tanh'.", *REFUSED),
            "healthy": (0, "Warning: plugin nnplug-fault 0.3: its", *REFUSED, SEE),
        },
        commands={
            "check": ("plugins", "check", "nnplug-fault"),
            "broken": (*TRAIN, "--activation", "nnplug-fault/tanh"),
        },
    ),
}
"""By the fault's name. What is missing in a row is as in `SAFE`."""

CELLS = [(name, column) for name in FAULTS for column in COLUMNS]


class Matrix:
    """Runs all commands of a fault when the first of them is asked for.

    Those of the next two begin at the same time, so that two cores have work.
    """

    def __init__(self, folder: Path, wheels: Wheels) -> None:
        self.folder = folder
        self.wheels = wheels
        self.nnplug = wheels.install_beside(folder / "nnplug")
        self.pool = ThreadPoolExecutor(3)
        self.running: dict[str, Future[dict[str, tuple[Done, list[str]]]]] = {}

    def cell(self, name: str, column: str) -> tuple[Done, list[str]]:
        """Give what a command did, and the packages that it imported."""
        at = list(FAULTS).index(name)
        for each in list(FAULTS)[at : at + 3]:
            if each not in self.running:
                self.running[each] = self.pool.submit(self.row, each)
        return self.running[name].result()[column]

    def row(self, name: str) -> dict[str, tuple[Done, list[str]]]:
        fault = FAULTS[name]
        folder = self.folder / re.sub(r"\W+", "-", name)
        wheels = [
            write_wheel(
                folder, "nnplug-fault", {"part": fault.code},
                version="0.3", entry_points={fault.point: fault.module},
            ),
            write_wheel(
                folder, "nnplug-healthy", {"part": part("return 3 * x", name="treble")},
                version="2.0", entry_points={"parts": "part"},
            ),
        ]  # fmt: skip
        if fault.other:
            wheels.append(
                write_wheel(
                    folder, "nnplug-other", {"part": fault.other},
                    version="1.1", entry_points={fault.other_point: "part"},
                )
            )  # fmt: skip
        environment = Environment(folder, self.wheels, *wheels, shared=self.nnplug)
        found = {}
        for column, command in COLUMNS.items():
            log = folder / f"{column}.log"
            done = run(
                environment.bin / "python", "-m", "nnplug", *fault.commands.get(column, command),
                cwd=folder, fails=None, IMPORT_LOG=log, PYTHONDONTWRITEBYTECODE=1,
            )  # fmt: skip
            found[column] = done, log.read_text().split() if log.exists() else []
        return found


@pytest.fixture(scope="module")
def matrix(tmp_path_factory, wheels):
    made = Matrix(tmp_path_factory.mktemp("matrix"), wheels)
    yield made
    made.pool.shutdown()


def squeeze(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(("name", "column"), CELLS)
def test_cell(matrix, name, column):
    code, *texts = FAULTS[name].cells.get(column) or SAFE[column]
    done, imported = matrix.cell(name, column)
    output = squeeze(done.output)
    assert done.code == code, done.output
    for text in map(str, texts):
        if text.startswith("not:"):
            assert squeeze(text[4:]) not in output, done.output
        else:
            assert squeeze(text) in output, done.output
    assert "Traceback (most recent" not in output
    if column in IMPORTS_NOTHING:
        assert imported == []


def test_there_are_cells_enough():
    columns = set(COLUMNS) - {"help", "version"}
    assert len(FAULTS) * len(columns) >= 80
    for fault in FAULTS.values():
        assert set(COLUMNS) == fault.cells.keys() | SAFE.keys()
