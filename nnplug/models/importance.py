"""Permutation importance: how much worse a model is when a column's values are shuffled.

Breiman (2001, doi:10.1023/A:1010933404324, section 10), for any model: Fisher,
Rudin & Dominici (2019, arXiv:1801.01489). All inputs that come from a column
are shuffled together, so a column of many categories counts as one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, SettingError
from nnplug.network.tasks import DEFAULT_METRIC
from nnplug.parts import Metric
from nnplug.randomness import derive_generator
from nnplug.summary import Block, Summarized
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.models.predictor import Predictor
    from nnplug.tables import ReadOptions

__all__ = ["REPEATS", "Importance", "column_widths", "importance", "permuted"]

REPEATS = 5


@dataclass(frozen=True, eq=False, repr=False)
class Importance(Summarized):
    """How much a metric gets worse when the values of a column are shuffled.

    Attributes
    ----------
    columns : tuple of str
        The P columns, in the table's order.
    metric : str
    goal : str
        Of the metric: `"maximize"` or `"minimize"`.
    score : float
        The metric on the rows as they are.
    rows : int
    changes : array of float64
        (P, repeats): what the metric loses at each shuffling. Below 0 it got better.
    """

    columns: tuple[str, ...]
    metric: str
    goal: str
    score: float
    rows: int
    changes: npt.NDArray[np.float64]

    @property
    def means(self) -> npt.NDArray[np.float64]:
        """The mean of the changes, (P,)."""
        mean: npt.NDArray[np.float64] = self.changes.mean(axis=1)
        return mean

    @property
    def deviations(self) -> npt.NDArray[np.float64]:
        """The standard deviation of the changes over the repeats, (P,); nan for a single one."""
        repeats = self.changes.shape[1]
        if repeats < 2:
            return np.full(len(self.columns), np.nan)
        spread: npt.NDArray[np.float64] = self.changes.std(axis=1, ddof=1)
        return spread

    @property
    def order(self) -> list[int]:
        """The columns by their numbers, the most important first."""
        return [int(place) for place in np.argsort(-self.means, kind="stable")]

    def plot(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Draw bars to a file: `.svg`, `.png` or `.pdf`. Needs matplotlib.

        Parameters
        ----------
        path : path
        overwrite : bool, optional
            Whether an existing file may be replaced.
        """
        from nnplug.models.bar_plot import Panel, write_bars  # noqa: PLC0415  # few are drawn

        order = self.order
        errors = None if self.changes.shape[1] < 2 else self.deviations[order].tolist()
        title = f"what {self.metric} {self.change} when a column is shuffled; now {self.score:.4g}"
        labels = [self.columns[k] for k in order]
        panel = Panel(title, self.metric, labels, self.means[order].tolist(), errors)
        write_bars(path, [panel], overwrite=overwrite)

    @property
    def change(self) -> str:
        """What the metric does when it gets worse: it `"loses"` or `"gains"`."""
        return "loses" if self.goal == "maximize" else "gains"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON, the most important column first."""
        one = self.changes.shape[1] < 2
        return {
            "metric": self.metric,
            "goal": self.goal,
            "score": self.score,
            "rows": self.rows,
            "repeats": self.changes.shape[1],
            "columns": [
                {
                    "column": self.columns[k],
                    "importance": float(self.means[k]),
                    "deviation": None if one else float(self.deviations[k]),
                }
                for k in self.order
            ],
        }

    def __repr__(self) -> str:
        return f"<importance of {len(self.columns):,} columns for {self.metric}>"

    def _summary(self) -> Iterator[Block]:
        yield Block(
            [
                (self.columns[k], f"{self.means[k]:.4g}", f"{self.deviations[k]:.2g}")
                for k in self.order
            ],
            ("column", "importance", "deviation"),
        )


def column_widths(model: Predictor) -> dict[str, int]:
    """Give how many inputs come from each column, in the order of the inputs."""
    if model.encoder is None:
        return dict.fromkeys(model.features, 1)
    return {encoding.name: len(encoding.features) for encoding in model.encoder.columns}


def importance(
    model: Predictor,
    data: Any,
    read: ReadOptions | None = None,
    *,
    metric: str | Metric | None = None,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Importance:
    """Compute permutation importance; see `Model.importance`."""
    if model.encoder is not None:
        with model.open_rows(data, read, with_target=True) as rows:
            table, inputs = rows.whole()
            targets = rows.targets(table)
    elif isinstance(data, tuple) and len(data) == 2:
        inputs, targets = model.inputs(data[0]), model.take_targets(data[1])
    else:
        raise DataError("The network was trained on arrays: give (inputs, targets).")
    return permuted(model, inputs, targets, metric=metric, repeats=repeats, seed=seed)


def permuted(
    model: Predictor,
    inputs: AnyArray,
    targets: AnyArray,
    *,
    metric: str | Metric | None = None,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Importance:
    """Compute permutation importance on rows that are encoded already.

    Parameters
    ----------
    inputs : array
        (N, D).
    targets : array
        As `Encoder.targets` gives them.
    metric, repeats, seed
        See `Model.importance`.

    Raises
    ------
    SettingError
        If `repeats` is below 1.
    NotFiniteError
        If a row has no finite prediction.
    """
    if repeats < 1:
        raise SettingError(f"repeats={repeats!r}: it must be at least 1.")
    chosen = _metric(model, metric)
    rows = model.nonfinite_rows(None)
    outputs = model.run(inputs)
    rows.add(inputs, outputs)
    rows.check()

    def score(outputs: AnyArray) -> float:
        (found,) = model.measure([chosen], outputs, targets).values()
        return found

    base = score(outputs)
    sign = 1 if chosen.goal == "maximize" else -1
    widths = column_widths(model)
    changes = np.empty((len(widths), repeats))
    start = 0
    for place, width in enumerate(widths.values()):
        block = slice(start, start + width)
        start += width
        kept = inputs[:, block].copy()
        shuffled = inputs.copy()
        for repeat in range(repeats):
            order = derive_generator(seed, "importance", place, repeat).permutation(len(inputs))
            shuffled[:, block] = kept[order]
            changes[place, repeat] = sign * (base - score(model.run(shuffled)))
    return Importance(tuple(widths), chosen.text, chosen.goal, base, len(inputs), changes)


def _metric(model: Predictor, asked: str | Metric | None) -> Metric:
    """Give the metric asked for; by default the first of the training, or that of the task."""
    if asked is None:
        recorded = model._metrics(None)
        if recorded:
            return recorded[0]
        asked = DEFAULT_METRIC[model.task]
    return cast(Metric, model.registry.get("metric", asked))
