"""A picture that a notebook shows, that is text when it is printed, and that can be saved."""

from __future__ import annotations

import os
from pathlib import Path

from nnplug.errors import SettingError

__all__ = ["Picture"]


class Picture:
    """A picture.

    A notebook shows it; printed, it is a drawing in text.

    Parameters
    ----------
    html : str
        What a notebook shows; it needs no other file.
    text : str
        What is printed.
    svg : str, optional
        The picture as a file of its own, if it is one drawing.
    """

    def __init__(self, html: str, text: str, svg: str = "") -> None:
        self._html, self._text, self._svg = html, text, svg

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return self._text

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the picture as a page for a browser, or a single drawing as SVG.

        Parameters
        ----------
        path : path
            Ends in .html, or in .svg if the picture is one drawing.
        overwrite : bool, optional
            Whether to replace a file that exists.

        Raises
        ------
        SettingError
            If the path ends in something else.
        StorageError
            If the file exists, or cannot be written.
        """
        from nnplug.durable import write_file  # noqa: PLC0415  # most pictures are not saved

        ending = Path(path).suffix.lower()
        if ending == ".svg" and self._svg:
            content = self._svg + "\n"
        elif ending == ".html":
            content = (
                '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
                f"<title>nnplug</title></head><body>{self._html}</body></html>\n"
            )
        else:
            endings = ".html or .svg" if self._svg else ".html"
            raise SettingError(
                f"{os.fspath(path)}: this picture is saved as {endings}.\nFor .png, .pdf and .svg "
                "of a run: nnplug train --plot-file, or matplotlib on run.history.to_frame()."
            )
        write_file(Path(path), content.encode(), overwrite=overwrite)
