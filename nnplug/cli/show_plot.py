"""The curve of a part, in the terminal or in a file, for `nnplug plugins show --plot`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnplug.cli.terminal import echo, style

if TYPE_CHECKING:
    from nnplug.parts import Part
    from nnplug.tool import Tool

__all__ = ["plot_part"]

_ENDINGS = (".html", ".png", ".pdf", ".svg")


def plot_part(name: str, found: Sequence[Part | Tool], file: Path | None) -> None:
    """Plot the parts of a name that have a curve.

    Parameters
    ----------
    file : Path or None
        Where the first of them is drawn; None: all are drawn in the terminal.

    Raises
    ------
    SettingError
        If none has a curve, or the file is of a format that cannot be drawn.
    StorageError
        If the file exists, or cannot be written.
    """
    from nnplug.errors import SettingError
    from nnplug.parts import Part
    from nnplug.runs.report.curves import curve_picture, curves_of
    from nnplug.runs.report.pictures import check_picture, draw_curves

    drawn = [
        (part, picture)
        for part in found
        if isinstance(part, Part) and (picture := curve_picture(part)) is not None
    ]
    if not drawn:
        raise SettingError(
            f"{name}: it has no curve to plot.\nActivations, schedules and losses of one number "
            "at a time have one; without --plot, the formula is shown."
        )
    part, picture = drawn[0]
    if file is None:
        for number, (each, shown) in enumerate(drawn):
            echo(("\n" if number else "") + style(f"{each.kind} {each.name}", bold=True))
            echo(repr(shown), whole=True)
    elif file.suffix.lower() not in _ENDINGS:
        raise SettingError(f"--plot {file}: the name of a file ends in {', '.join(_ENDINGS)}.")
    elif file.suffix.lower() == ".html":
        picture.save(file)
    else:
        check_picture(file)
        curves = curves_of(part)
        assert curves is not None, "it has a picture"
        draw_curves(file, f"{part.kind} {part.name}", *curves)
    if file is not None:
        echo(f"drawn in {file}", err=True)
