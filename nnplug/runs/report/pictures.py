"""Curves and decision boundaries as files, drawn by Matplotlib."""

from __future__ import annotations

import importlib.util
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnplug.durable import write_file
from nnplug.errors import SettingError, StorageError
from nnplug.runs.report.plane import plane
from nnplug.runs.report.svg import COLORS
from nnplug.runs.report.terminal import loss_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnplug.models import Model
    from nnplug.runs.report.plane import Plane
    from nnplug.training import History
    from nnplug.types import AnyArray

__all__ = ["check_picture", "draw", "draw_animation", "draw_curves"]

_FORMATS = (".png", ".pdf", ".svg")


def check_picture(path: Path) -> None:
    """Refuse a picture that could not be drawn in the end, before anything is trained.

    Raises
    ------
    SettingError
        If Matplotlib is not installed, or the file is of another format.
    StorageError
        If the file exists.
    """
    if path.suffix.lower() not in _FORMATS:
        raise SettingError(f"{path}: the name of a picture must end in {', '.join(_FORMATS)}.")
    if path.exists():
        raise StorageError(
            f"{path}: there is such a file already, and it is not overwritten.\nName another file."
        )
    if importlib.util.find_spec("matplotlib") is None:
        raise SettingError(
            f"{path}: pictures are drawn by Matplotlib, which is not installed.\n"
            "Install it: pip install matplotlib, or use --plot, or see report.html of the run."
        )


def draw(path: Path, history: History, model: Model, inputs: AnyArray, targets: AnyArray) -> None:
    """Draw the losses and, for two inputs and classes, which class is where, with the rows.

    Raises
    ------
    StorageError
        If the file exists, or cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  # an extra, and heavy

    found = plane(model, inputs, targets, 200, 200)
    figure = Figure(figsize=(11 if found else 6, 4.2), layout="constrained")
    axes = figure.subplots(1, 2 if found else 1, squeeze=False)[0]
    _draw_losses(axes[0], history)
    if found is not None:
        _draw_plane(axes[1], found, model)
    data = io.BytesIO()
    figure.savefig(data, format=path.suffix[1:].lower(), dpi=150)
    write_file(path, data.getvalue())


def draw_animation(
    path: Path,
    history: History,
    model: Model,
    epochs: Sequence[int],
    planes: Sequence[Plane],
    *,
    seconds: float,
    overwrite: bool = False,
) -> None:
    """Write a training as an animated GIF: losses and planes at these epochs.

    Parameters
    ----------
    seconds : float
        How long it moves; the last picture stays longer.

    Raises
    ------
    SettingError
        If Matplotlib is not installed.
    StorageError
        If the file exists, or cannot be written.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise SettingError(
            f"{path}: an animated picture is drawn by Matplotlib, which is not installed.\n"
            "Install it: pip install matplotlib, or save it as .html."
        )
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  # an extra
    from matplotlib.figure import Figure  # noqa: PLC0415  # the same
    from PIL import Image  # noqa: PLC0415  # comes with it

    figure = Figure(figsize=(9 if planes else 5, 3.6), layout="constrained", dpi=80)
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.subplots(1, 2 if planes else 1, squeeze=False)[0]
    _draw_losses(axes[0], history)
    if planes:
        _draw_plane(axes[1], planes[0], model)
    lines = [(line, line.get_xdata(), line.get_ydata()) for line in axes[0].get_lines()]
    title = axes[0].set_title(f"epoch {epochs[-1]:,}", loc="left")
    canvas.draw()
    figure.set_layout_engine("none")  # it stays where it is
    pictures = []
    for place, epoch in enumerate(epochs):
        title.set_text(f"epoch {epoch:,}")
        for line, x, y in lines:
            line.set_data(x[:epoch], y[:epoch])
        if planes:
            axes[1].images[0].set_data(planes[place].classes)
        canvas.draw()
        picture = Image.frombytes("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba()))
        pictures.append(picture.convert("RGB").quantize(64))
    each = round(1000 * seconds / len(pictures))
    data = io.BytesIO()
    pictures[0].save(
        data, format="GIF", save_all=True, append_images=pictures[1:], loop=0,
        duration=[each] * (len(pictures) - 1) + [each + 2000],
    )  # fmt: skip
    write_file(path, data.getvalue(), overwrite=overwrite)


def _draw_losses(axes: Any, history: History) -> None:
    columns = loss_columns(history)
    for color, (name, column) in zip(COLORS, columns.items(), strict=False):
        axes.plot(column, color=color, label=name.replace("_", " "))
    values = [v for column in columns.values() for v in column if math.isfinite(v)]
    log = bool(values) and 0 < 100 * min(values) < max(values)
    axes.set_yscale("log" if log else "linear")
    axes.set(xlabel="epoch", ylabel="loss (logarithmic)" if log else "loss")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()


def draw_curves(
    path: Path, title: str, label: str, across: AnyArray, curves: Sequence[tuple[str, AnyArray]]
) -> None:
    """Draw curves over evenly spaced numbers, such as a part and its derivative.

    Raises
    ------
    StorageError
        If the file exists, or cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  # an extra, and heavy

    figure = Figure(figsize=(6, 4.2), layout="constrained")
    axes = figure.subplots()
    for color, (name, values) in zip(COLORS, curves, strict=False):
        axes.plot(across, values, color=color, label=name)
    axes.set(xlabel=label, title=_plain(title))
    axes.grid(alpha=0.3)
    axes.legend()
    data = io.BytesIO()
    figure.savefig(data, format=path.suffix[1:].lower(), dpi=150)
    write_file(path, data.getvalue())


def _draw_plane(axes: Any, found: Plane, model: Model) -> None:
    from matplotlib.colors import ListedColormap  # noqa: PLC0415  # as above

    colors = [COLORS[code % len(COLORS)] for code in range(len(model.classes))]
    axes.imshow(
        found.classes, extent=(*found.x, *found.y), aspect="auto", alpha=0.3,
        cmap=ListedColormap(colors), vmin=-0.5, vmax=len(colors) - 0.5, interpolation="nearest",
    )  # fmt: skip
    for code, (color, name) in enumerate(zip(colors, model.classes, strict=True)):
        x, y = found.points[found.labels == code].T
        axes.scatter(x, y, s=18, color=color, edgecolors="white", linewidths=0.5)
        # So that the legend has the class even if none of its rows is drawn.
        axes.scatter([], [], s=36, marker="s", color=color, label=_plain(str(name)))
    features = model.features
    axes.set(xlabel=_plain(features[0]), ylabel=_plain(features[1]), xlim=found.x, ylim=found.y)
    shown = len(found.points)
    rows = f"{shown:,} of {found.rows:,} rows" if shown < found.rows else None
    axes.legend(title=rows, loc="upper left", bbox_to_anchor=(1, 1))


def _plain(name: str) -> str:
    """Keep Matplotlib from reading a name with dollar signs as mathematics."""
    return name.replace("$", r"\$")
