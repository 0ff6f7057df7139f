"""The goals: how fast, how small, beside whom. Each is written here and nowhere else.

A goal is held against the figures of the very run that measured both sides.
Where several rivals are named, the fastest of them counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from tests.benchmarks import report
from tests.benchmarks.report import Figures

ENGINES = ("numpy", "numba")
TORCH = ("torch_fused", "torch_eager")


@dataclass(frozen=True)
class Goal:
    """A ratio to reach with each engine.

    Attributes
    ----------
    work, against : str
        As the table has them.
    block : str
        Whose figures it is measured by.
    ours : tuple of str
        What is measured, by engine.
    rivals : tuple of str or dict
        What it is held against; by engine, if it is our own.
    key : str
        Of the figures.
    bounds : tuple of float or None
        By engine; None where nothing is asked of it.
    faster : bool
        The rival's figure divided by ours is to be at least the bound. Else
        ours divided by the rival's is to be at most the bound.
    compiler : bool
        Whether the compiler's own memory is left out of ours.
    """

    work: str
    against: str
    block: str
    rivals: tuple[str, ...] | Mapping[str, tuple[str, ...]]
    bounds: tuple[float | None, float | None]
    ours: tuple[str, str] = ("nnplug_numpy", "nnplug_numba")
    key: str = "loop"
    faster: bool = True
    compiler: bool = False

    def measured(self, figures: Mapping[str, Figures], engine: str) -> float | None:
        """Give the ratio with one engine; None if a side of it was not measured."""
        block = figures.get(self.block, {})
        name = self.ours[ENGINES.index(engine)]
        names = self.rivals[engine] if isinstance(self.rivals, Mapping) else self.rivals
        rivals = [block[rival][self.key] for rival in names if rival in block]
        if name not in block or not rivals:
            return None
        ours = block[name][self.key]
        if self.compiler:
            ours = [a - b for a, b in zip(ours, block[name]["compiler"], strict=True)]
        theirs = min(rivals, key=median)
        return report.ratio(theirs, ours) if self.faster else report.ratio(ours, theirs)

    def met(self, ratio: float, engine: str) -> bool:
        """Say whether a ratio reaches the goal."""
        bound = self.bounds[ENGINES.index(engine)]
        assert bound is not None, "nothing is asked of this engine"
        return ratio >= bound if self.faster else ratio <= bound


def _faster(work: str, block: str, against: str, *bounds: float, **options: object) -> Goal:
    rivals = {
        "PyTorch": TORCH,
        "scikit-learn": ("sklearn_mlp",),
        "the notebook's loop": ("notebook",),
    }
    return Goal(work, against, block, rivals[against], bounds, **options)  # type: ignore[arg-type]


WIDE = "784-512-512-10, batch {}"
PREDICTION = {"key": "1"}
GOALS = (
    _faster("XOR, training loop", "xor", "the notebook's loop", 1.5, 50),
    Goal(
        "XOR, the whole command", "the notebook as a script", "commands", ("notebook",), (1, 1),
        ours=("train numpy", "train numba"), key="seconds", faster=False,
    ),
    Goal(
        "XOR, the whole command, `--engine auto`", "the notebook as a script", "commands",
        ("notebook",), (1, 1), ours=("train auto", "train auto"), key="seconds", faster=False,
    ),
    _faster("digits", "digits", "scikit-learn", 3, 4),
    _faster("digits", "digits", "PyTorch", 3, 4),
    _faster(WIDE.format(32), "wide-32", "PyTorch", 0.8, 1.3),
    _faster(WIDE.format(32), "wide-32", "scikit-learn", 2.5, 4),
    _faster(WIDE.format(128), "wide-128", "PyTorch", 1.0, 1.25),
    _faster(WIDE.format(128), "wide-128", "scikit-learn", 2, 2.5),
    _faster(WIDE.format(512), "wide-512", "PyTorch", 1.0, 1.25),
    _faster(WIDE.format(512), "wide-512", "scikit-learn", 1.25, 1.5),
    Goal(
        WIDE.format(512), "the bare matrix products", "wide-512", ("products",), (1.5, 1.2),
        faster=False,
    ),
    _faster("deep narrow", "deep", "PyTorch", 1.5, 4),
    *(
        Goal(
            f"a plugin's activation and optimizer, {name}", "the built-in of like arithmetic",
            "plugin",
            {engine: (f"nnplug_{engine}/{name}",) for engine in ENGINES}, (1.05, 1.05),
            ours=(f"nnplug_numpy/{name}-twin", f"nnplug_numba/{name}-twin"), faster=False,
        )
        for name in ("digits", "gelu")
    ),
    *(
        Goal(
            f"{work}, `nnplug.train` as called", "PyTorch", block, TORCH, (None, bound),
            ours=("nnplug_train", "nnplug_train"),
        )
        for work, block, bound in (
            (WIDE.format(32), "wide-32", 1.4),
            (WIDE.format(128), "wide-128", 1.25),
            (WIDE.format(512), "wide-512", 1.1),
            ("digits", "digits", 3.5),
            ("deep narrow", "deep", 8),
        )
    ),
    *(
        Goal(
            f"{work}, `nnplug.train` as called", "the bare loop", block, ("nnplug_numba",),
            (None, 1.05), ours=("nnplug_train", "nnplug_train"), faster=False,
        )
        for work, block in (
            (WIDE.format(32), "wide-32"), (WIDE.format(128), "wide-128"),
            (WIDE.format(512), "wide-512"), ("digits", "digits"), ("deep narrow", "deep"),
        )
    ),
    _faster("prediction of one row", "prediction", "PyTorch", 2, 2, key="1"),
    _faster("prediction of one row", "prediction", "scikit-learn", 5, 5, key="1"),
    *(
        Goal(
            "peak memory, 784-512-512-10", against, "wide-512", rivals, (1, 1),
            key="peak", faster=False, compiler=True,
        )
        for against, rivals in (("PyTorch", TORCH), ("scikit-learn", ("sklearn_mlp",)))
    ),
    Goal(
        "`import nnplug`", "`import numpy`", "imports", ("numpy",), (1.3, 1.3),
        ours=("nnplug", "nnplug"), key="seconds", faster=False,
    ),
)  # fmt: skip


def goals_table(figures: Mapping[str, Figures]) -> str:
    """Hold every goal of the blocks that a run measured against its figures."""
    rows = []
    for goal in GOALS:
        if goal.block not in figures:
            continue
        cells = [goal.work, goal.against]
        for engine, bound in zip(ENGINES, goal.bounds, strict=True):
            if bound is None:
                cells += ["", ""]
                continue
            ratio = goal.measured(figures, engine)
            asked = f"{bound:g} × faster" if goal.faster else f"at most {bound:g} of it"
            cells.append(asked)
            if ratio is None:
                cells.append("not measured")
            else:
                met = "met" if goal.met(ratio, engine) else "**missed**"
                cells.append(f"{ratio:.2f}: {met}")
        rows.append(cells)
    head = ["work", "against", "NumPy engine", "measured", "Numba engine", "measured"]
    return report.table(head, rows, text=2)
