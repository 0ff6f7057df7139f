"""Importances and contributions as a picture, with matplotlib."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnplug.durable import write_file
from nnplug.errors import SettingError
from nnplug.untrusted import printable

__all__ = ["MOST_BARS", "Panel", "write_bars"]

MOST_BARS = 30
"""The most columns in a picture; the least important are left out."""

_FORMATS = (".svg", ".png", ".pdf")
_MORE, _LESS = "#2166ac", "#b2182b"
_LABEL = 40


@dataclass(frozen=True)
class Panel:
    """One diagram: a bar for each column, the first on top.

    Attributes
    ----------
    title, axis : str
    labels : sequence of str
    values : sequence of float
    errors : sequence of float, optional
        Half the length of the line across the end of each bar.
    """

    title: str
    axis: str
    labels: Sequence[str]
    values: Sequence[float]
    errors: Sequence[float] | None = None


def write_bars(
    path: str | os.PathLike[str], panels: Sequence[Panel], *, overwrite: bool = False
) -> None:
    """Draw bars and write them to a file.

    Parameters
    ----------
    path : path
        Ends in `.svg`, `.png` or `.pdf`.

    Raises
    ------
    SettingError
        If matplotlib is not there, or the name has another ending.
    StorageError
        If the file exists and may not be replaced, or cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        raise SettingError(f"{path}: the name of a picture must end in {', '.join(_FORMATS)}.")
    try:
        # A figure of its own: no window system is asked, and no state of pyplot changed.
        from matplotlib import rc_context  # noqa: PLC0415  # only plots need it
        from matplotlib.figure import Figure  # noqa: PLC0415  # the same
    except ImportError as error:
        raise SettingError(
            "Pictures need matplotlib.\nInstall it with: pip install matplotlib"
        ) from error
    heights = [min(len(panel.labels), MOST_BARS) + 2 for panel in panels]
    figure = Figure(figsize=(7.0, 0.27 * sum(heights) + 0.5), layout="constrained")
    axes = figure.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
    for axis, panel in zip(axes, panels, strict=True):
        labels = [_plain(label) for label in panel.labels[:MOST_BARS]]
        values = panel.values[:MOST_BARS]
        places = range(len(values))
        errors = None if panel.errors is None else panel.errors[:MOST_BARS]
        axis.barh(
            places, values, xerr=errors, color=[_MORE if value >= 0 else _LESS for value in values],
            ecolor="#444", error_kw={"linewidth": 1},
        )  # fmt: skip
        axis.axvline(0, color="#444", linewidth=0.8)
        axis.set_yticks(places, labels)
        axis.invert_yaxis()
        axis.set_title(_plain(panel.title, 90), fontsize="medium")
        axis.set_xlabel(panel.axis)
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(axis="y", length=0)
    buffer = io.BytesIO()
    # Without the date, and with names that are not random, the same numbers give the same file.
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}[suffix]
    with rc_context({"svg.hashsalt": "nnplug"}):
        figure.savefig(buffer, format=suffix[1:], dpi=150, metadata=metadata)
    write_file(path, buffer.getvalue(), overwrite=overwrite)


def _plain(text: str, most: int = _LABEL) -> str:
    """Write text from data as it is: a dollar sign begins a formula in matplotlib."""
    return printable(text, most).replace("$", r"\$")
