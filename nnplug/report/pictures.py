"""Curves and decision boundaries as files, drawn by Matplotlib."""

from __future__ import annotations

import importlib.util
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

from nnplug.durable import write_file
from nnplug.errors import SettingError, StorageError
from nnplug.report.svg import COLORS
from nnplug.report.terminal import boundary_grid, loss_columns

if TYPE_CHECKING:
    from nnplug.models import Model
    from nnplug.training import History
    from nnplug.types import AnyArray

__all__ = ["check_picture", "draw"]

_FORMATS = (".png", ".pdf", ".svg")


def check_picture(path: Path) -> None:
    """Refuse what could not be drawn in the end, before anything is trained.

    Raises
    ------
    SettingError
        If Matplotlib is not installed, or does not write such a file here.
    StorageError
        If there is such a file.
    """
    if path.suffix.lower() not in _FORMATS:
        raise SettingError(f"{path}: a picture ends in {', '.join(_FORMATS)}.")
    if path.exists():
        raise StorageError(f"{path}: there is such a file already, and it is not overwritten.")
    if importlib.util.find_spec("matplotlib") is None:
        raise SettingError(
            f"{path}: pictures are drawn by Matplotlib, which is not installed.\n"
            "Install it: pip install 'nnplug[plot]', or use --plot, or see report.html of the run."
        )


def draw(path: Path, history: History, model: Model, inputs: AnyArray) -> None:
    """Draw the losses, and for two inputs and classes the plane that they divide.

    Raises
    ------
    StorageError
        If the file cannot be written, or is there.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  # an extra, and heavy

    found = boundary_grid(model, inputs, 200, 200)
    figure = Figure(figsize=(11 if found else 6, 4.2), layout="constrained")
    axes = figure.subplots(1, 2 if found else 1, squeeze=False)[0]
    columns = loss_columns(history)
    for color, (name, column) in zip(COLORS, columns.items(), strict=False):
        axes[0].plot(column, color=color, label=name.replace("_", " "))
    values = [v for column in columns.values() for v in column if math.isfinite(v)]
    if values and 0 < 100 * min(values) < max(values):
        axes[0].set_yscale("log")
    axes[0].set(xlabel="epoch", ylabel="loss")
    axes[0].legend()
    if found is not None:
        classes, (x, y) = found
        axes[1].imshow(classes, extent=(*x, *y), aspect="auto", cmap="tab10", vmin=0, vmax=9)
        axes[1].set(xlabel=_plain(model.info.features[0]), ylabel=_plain(model.info.features[1]))
    data = io.BytesIO()
    figure.savefig(data, format=path.suffix[1:].lower(), dpi=150)
    write_file(path, data.getvalue())


def _plain(name: str) -> str:
    """Keep Matplotlib from reading a name between dollar signs as mathematics."""
    return name.replace("$", r"\$")
