"""Which inputs a run's predictions are to rise or fall with: `increasing`, `decreasing`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nnplug.errors import DataError, SettingError, suggest
from nnplug.network.monotone import refuse_falling
from nnplug.network.tasks import Head
from nnplug.tables import Encoder, Rows
from nnplug.tables.encodings import Scale
from nnplug.tables.wording import listed, quote
from nnplug.types import AnyArray

__all__ = ["as_names", "input_signs"]


def as_names(given: str | Sequence[str]) -> tuple[str, ...]:
    """Turn one name or several into a tuple, each once."""
    return (given,) if isinstance(given, str) else tuple(dict.fromkeys(given))


def input_signs(asked: Mapping[str, Sequence[str]], rows: Rows, head: Head) -> AnyArray:
    """Give 1 for each input that predictions rise with, -1 where they fall, 0 elsewhere, (D,).

    Parameters
    ----------
    asked : mapping
        The columns of `"increasing"` and of `"decreasing"`.

    Raises
    ------
    DataError
        If there is no such column, or it is not a number.
    SettingError
        If a column is in both lists, or the task has no prediction that can rise.
    """
    wanted: dict[str, int] = {}
    for setting, sign in (("increasing", 1), ("decreasing", -1)):
        for name in asked[setting]:
            if wanted.get(name, sign) != sign:
                raise SettingError(
                    f"{quote(name)} is in increasing and in decreasing: predictions that do "
                    "neither rise nor fall with it do not depend on it.\nTake it out of one of "
                    f"the two, or leave the column out: drop={name!r}."
                )
            wanted[name] = sign
            _check_column(setting, name, rows)
    _check_head(head)
    first = _first_inputs(rows)
    signs = np.zeros(rows.inputs.shape[1])
    for name, sign in wanted.items():
        signs[first[name]] = sign
    return signs


def _first_inputs(rows: Rows) -> dict[str, int]:
    """Give the place of the first input of each column: of a number, its value."""
    if rows.encoder is None:
        return {name: place for place, name in enumerate(rows.features)}
    widths = [len(encoding.features) for encoding in rows.encoder.columns]
    starts = np.cumsum([0, *widths[:-1]]).tolist()
    return dict(zip(rows.encoder.used, starts, strict=True))


def _check_column(setting: str, name: str, rows: Rows) -> None:
    encoder: Encoder | None = rows.encoder
    names = tuple(rows.features) if encoder is None else encoder.used
    if name not in names:
        raise DataError(
            f"{setting}: {quote(name)} is not a column to predict from.{suggest(name, names)}\n"
            f"Those are {listed(map(quote, names))}."
        )
    if encoder is None:
        return
    (encoding,) = (each for each in encoder.columns if each.name == name)
    if not isinstance(encoding, Scale):
        kinds = {"text": "text", "date": "a date"}
        raise DataError(
            f"{setting}: column {quote(name)} is {kinds.get(encoding.kind, encoding.kind)}, and "
            "only numbers and truth values rise and fall.\nTake it out of the list"
            f"{', or read it as a number: numeric' if encoding.kind == 'text' else ''}."
        )


def _check_head(head: Head) -> None:
    """Refuse a task whose predictions do not rise with the network's outputs."""
    if head.task == "multiclass" or (head.task == "binary" and head.outputs > 1):
        way_out = "They are for numbers, for labels and for two classes."
        if head.task == "binary":
            way_out = "Use a loss of one output, such as binary_cross_entropy."
        raise SettingError(
            "increasing, decreasing: the probabilities of several classes sum to 1, so not all "
            f"can rise.\n{way_out}"
        )
    if head.loss.heads:
        raise SettingError(
            f"increasing, decreasing: loss {head.loss.name!r} takes several outputs for one "
            "prediction, which need not rise with each.\nUse a loss of one output, such as mse."
        )
    refuse_falling(head.activation)
