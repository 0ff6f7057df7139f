"""Explanations: why a model predicts what it predicts for a row."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnplug.errors import DataError, NotFiniteError, SettingError
from nnplug.models.attributions import SEGMENTS, attribute, by_columns
from nnplug.models.importance import column_widths
from nnplug.summary import Block, Summarized
from nnplug.tables import Table
from nnplug.tables.encoded import plain_of
from nnplug.tables.encodings import Scale
from nnplug.tables.table import Column, make_column, make_table
from nnplug.tables.wording import count_of, show
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.models.predictor import Predictor
    from nnplug.tables import ReadOptions

__all__ = ["Explanation", "Contribution", "explain"]

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Contribution:
    """What a column contributes to one prediction.

    Attributes
    ----------
    column : str
    value, typical : str
        The row's value and that of the baseline, as text; empty where missing.
    contribution : float
    """

    column: str
    value: str
    typical: str
    contribution: float


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Summarized):
    """What each column contributes to the predictions of rows.

    For each row the contributions sum to the prediction minus the baseline's.

    Attributes
    ----------
    columns : tuple of str
        The P columns, in the table's order.
    rows : array of int
        (N,), the numbers of the rows in the data, counted from 0.
    answers : array of str
        (N, T), what the numbers are: the name of a target, or `"species=setosa"`
        for the probability of a class.
    predictions, base : array of float64
        (N, T), the predictions of the rows, and that of the baseline: numbers
        in the targets' units, or probabilities.
    contributions : array of float64
        (N, T, P).
    baseline : dict of str to str
        The value of each column in the baseline, as text; empty where missing.
    values : tuple of tuple of str
        The values of the rows, (N, P), likewise.
    is_share : bool
        Whether the predictions are probabilities.
    """

    columns: tuple[str, ...]
    rows: AnyArray
    answers: AnyArray
    predictions: Float64Array
    base: Float64Array
    contributions: Float64Array
    baseline: dict[str, str]
    values: tuple[tuple[str, ...], ...]
    is_share: bool

    def parts(self, row: int, answer: int = 0) -> list[Contribution]:
        """List what the columns contribute to one prediction, the largest first.

        Parameters
        ----------
        row, answer : int
            Places in `rows` and `answers`.
        """
        found = [
            Contribution(name, value, self.baseline[name], float(contribution))
            for name, value, contribution in zip(
                self.columns, self.values[row], self.contributions[row, answer], strict=True
            )
        ]
        return sorted(found, key=lambda part: -abs(part.contribution))

    def plot(
        self,
        path: str | os.PathLike[str],
        rows: Sequence[int] = (0,),
        *,
        overwrite: bool = False,
        first: int = 0,
    ) -> None:
        """Draw bars to a file: `.svg`, `.png` or `.pdf`. Needs matplotlib.

        Parameters
        ----------
        path : path
        rows : sequence of int, optional
            Places in `rows`.
        overwrite : bool, optional
            Whether an existing file may be replaced.
        first : int, optional
            The number of the first row of the data.
        """
        from nnplug.models.bar_plot import MOST_BARS, Panel, write_bars  # noqa: PLC0415  # few plot

        panels = []
        for place in rows:
            for k in range(self.answers.shape[1]):
                parts = self.parts(place, k)[:MOST_BARS]
                title = (
                    f"row {self.rows[place] + first}: {self.answers[place, k]} "
                    f"{self.predictions[place, k]:.4g}, baseline {self.base[place, k]:.4g}"
                )
                labels = [f"{part.column} = {part.value or '(missing)'}" for part in parts]
                values = [part.contribution for part in parts]
                axis = "contribution to the probability" if self.is_share else "contribution"
                panels.append(Panel(title, axis, labels, values))
        write_bars(path, panels, overwrite=overwrite)

    def to_dict(self, *, first: int = 0) -> dict[str, Any]:
        """Return it as plain values for JSON.

        Parameters
        ----------
        first : int, optional
            The number of the first row of the data.
        """
        return {
            "baseline": dict(self.baseline),
            "rows": [
                {
                    "row": int(number) + first,
                    "answers": [
                        {
                            "answer": str(self.answers[place, k]),
                            "prediction": float(self.predictions[place, k]),
                            "baseline": float(self.base[place, k]),
                            "contributions": dict(
                                zip(
                                    self.columns,
                                    self.contributions[place, k].tolist(),
                                    strict=True,
                                )
                            ),
                        }
                        for k in range(self.answers.shape[1])
                    ],
                }
                for place, number in enumerate(self.rows.tolist())
            ],
        }

    def __repr__(self) -> str:
        return f"<explanation of {len(self.rows):,} rows by {len(self.columns):,} columns>"

    def _summary(self) -> Iterator[Block]:
        for place, number in enumerate(self.rows[:5].tolist()):
            for k in range(self.answers.shape[1]):
                yield Block(
                    [
                        ("", "baseline", f"{self.base[place, k]:.6g}"),
                        *(
                            (part.column, part.value, f"{part.contribution:+.4g}")
                            for part in self.parts(place, k)
                        ),
                        ("", "prediction", f"{self.predictions[place, k]:.6g}"),
                    ],
                    (f"row {number}", "value", str(self.answers[place, k])),
                )


def explain(
    model: Predictor,
    data: Any,
    read: ReadOptions | None = None,
    *,
    rows: Sequence[int] | None = None,
    of: Any = None,
    baseline: Any = None,
    segments: int = SEGMENTS,
    first: int = 0,
) -> Explanation:
    """Explain predictions; see `Model.explain`.

    Parameters
    ----------
    first : int, optional
        The number of the first row, for messages.
    """
    if segments < 1:
        raise SettingError(f"segments={segments!r}: it must be at least 1.")
    table, inputs = _read(model, data, read)
    chosen = np.arange(len(inputs)) if rows is None else np.asarray(rows, np.int64).reshape(-1)
    outside = chosen[(chosen < 0) | (chosen >= len(inputs))]
    if outside.size:
        raise DataError(
            f"There is no row {outside[0] + first}: the data has {count_of(len(inputs), 'row')}, "
            f"counted from {first}."
        )
    if baseline is None:
        start, typical = _baseline(model, table, inputs, known=True)
    else:
        start, typical = _baseline(model, *_read(model, baseline, read), known=False)
    inputs = inputs[chosen]
    outputs = model.run(inputs)
    finite = model.finite(outputs)
    if finite is not None:
        row = int(chosen[~finite][0]) + first
        raise NotFiniteError(
            f"The prediction for row {row}, counted from {first}, is not finite: there is nothing "
            "to explain.\nWay out: leave the row out; nnplug predict says which layer it is.",
            rows=(row,),
            count=int((~finite).sum()),
        )
    classes = _classes(model, outputs, of)
    attributions, predictions, base = attribute(
        model.networks, inputs, start, lambda z, at: _answers(model, z, classes, at),
        segments=segments,
    )  # fmt: skip
    widths = column_widths(model)
    return Explanation(
        tuple(widths),
        chosen,
        _names(model, classes, len(chosen)),
        predictions,
        base,
        by_columns(attributions, list(widths.values())),
        dict(zip(widths, typical, strict=True)),
        _texts(model, table, inputs, chosen),
        model.task != "regression",
    )


# --- what is explained ----------------------------------------------------------------


def _classes(model: Predictor, outputs: AnyArray, of: Any) -> AnyArray | None:
    """Give the class of each row whose probability is explained; None for other tasks."""
    if model.task not in ("binary", "multiclass"):
        if of is not None:
            raise SettingError(
                f"of={of!r}: a {model.task} has no classes to choose from; leave it out."
            )
        return None
    if of is None:
        return model.head.classes(outputs)
    for place, label in enumerate(model.classes):
        if of == label or str(of) == str(label):
            return np.full(len(outputs), place)
    raise SettingError(
        f"of={of!r} is not one of the classes: {', '.join(map(str, model.classes[:10]))}."
    )


def _answers(
    model: Predictor, outputs: AnyArray, classes: AnyArray | None, rows: AnyArray
) -> AnyArray:
    """Turn outputs, (n, C), of some rows into the numbers that are explained, (n, T).

    Those of several members are side by side.
    """
    outputs = model.average(np.split(outputs, len(model.networks), axis=1))
    if model.task == "regression":
        return model.decode(outputs)
    shares = model.head.probabilities(outputs)
    return shares if classes is None else shares[np.arange(len(outputs)), classes[rows], None]


def _names(model: Predictor, classes: AnyArray | None, rows: int) -> AnyArray:
    """Name the numbers that are explained, (N, T)."""
    if classes is None:
        return np.array([model.targets] * rows, object).reshape(rows, len(model.targets))
    names = np.array([f"{model.targets[0]}={label}" for label in model.classes], object)
    named: AnyArray = names[classes][:, np.newaxis]
    return named


# --- the baseline ---------------------------------------------------------------------


def _read(model: Predictor, data: Any, read: ReadOptions | None) -> tuple[Table | None, AnyArray]:
    """Read rows as a table, None for arrays, and as inputs, (N, D)."""
    if model.encoder is not None or model._names_columns(data):
        with model.open_rows(data, read) as rows:
            return rows.whole()
    return None, model.inputs(data)


def _baseline(
    model: Predictor, table: Table | None, inputs: AnyArray, *, known: bool
) -> tuple[AnyArray, list[str]]:
    """Make the typical row: its inputs, (D,), and its values as text.

    Parameters
    ----------
    known : bool
        Whether a number's mean is that of the training, where the model knows it.
    """
    if model.encoder is None or table is None:
        middle: AnyArray = inputs.mean(axis=0, dtype=np.float64)
        return middle, [_short(value) for value in middle.tolist()]
    columns = []
    for encoding in model.encoder.columns:
        column = table.column(encoding.name)
        plain = plain_of(encoding)
        mean = plain.mean if known and isinstance(plain, Scale) else None
        columns.append(_typical(column, mean, numeric=encoding.kind == "number"))
    row = make_table(columns, "the baseline")
    encoded = model.encoder.inputs(row, model.network.dtype)
    return encoded[0].astype(np.float64), [_text(column, 0) for column in columns]


def _typical(column: Column, mean: float | None, *, numeric: bool) -> Column:
    """Make a column of one value: the mean, the most frequent value, or the date in the middle."""
    if numeric and mean is not None:
        return make_column(column.name, "number", np.array([mean]))
    present = np.flatnonzero(column.present)
    if not len(present):
        return column.take(slice(0, 1))
    data = column.data[present]
    if numeric:
        return make_column(column.name, "number", np.array([data.mean(dtype=np.float64)]))
    if column.kind == "date":
        place = np.argsort(data, kind="stable")[len(data) // 2]
    else:
        _, first, counts = np.unique(data, return_index=True, return_counts=True)
        place = first[counts.argmax()]
    return column.take(present[place : place + 1])


def _texts(
    model: Predictor, table: Table | None, inputs: AnyArray, rows: AnyArray
) -> tuple[tuple[str, ...], ...]:
    """Write the values of rows as text."""
    if table is None or model.encoder is None:
        return tuple(tuple(map(_short, row)) for row in inputs.tolist())
    columns = [table.column(encoding.name) for encoding in model.encoder.columns]
    return tuple(tuple(_text(column, row) for column in columns) for row in rows.tolist())


def _text(column: Column, row: int) -> str:
    """Write a value as a person would."""
    if not column.present[row]:
        return ""
    if column.kind == "text":
        return str(column.words[column.data[row]])
    value = column.data[row]
    return _short(float(value)) if column.kind == "number" else show(value)


def _short(value: float) -> str:
    return f"{value:.6g}"
