"""A run's curves in a notebook: the report's charts, in a box with its own colours."""

from __future__ import annotations

import os
from pathlib import Path

from nnplug.durable import write_file
from nnplug.errors import SettingError
from nnplug.runs.report.charts import loss_chart, metric_chart
from nnplug.runs.report.page import DARK_PAGE, LIGHT_PAGE
from nnplug.runs.report.svg import DARK, LIGHT, STYLE
from nnplug.runs.report.terminal import curves, loss_columns
from nnplug.training import History

__all__ = ["Picture"]

_BOX = "nnplug-charts"
_LOOK = f"""
.{_BOX} {{ {LIGHT_PAGE} {LIGHT} color: var(--text); background: var(--paper); padding: .5rem;
          display: flex; flex-wrap: wrap; gap: .5rem 2rem; {STYLE} }}
.{_BOX} > div {{ flex: 1 1 20rem; max-width: 30rem; }}
:is([data-jp-theme-light="false"], .vscode-dark) .{_BOX} {{ {DARK_PAGE} {DARK} }}
"""
"""JupyterLab and VS Code tell when they are dark; elsewhere the light box can be read."""


class Picture:
    """The losses and the metrics of a history by epoch.

    A notebook shows it; printed, it is a drawing in text.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def _repr_html_(self) -> str:
        found = [loss_chart(self._history), metric_chart(self._history)]
        charts = "".join(f"<div>{chart}</div>" for chart in found if chart)
        return f"<style>{_LOOK}</style><div class='{_BOX}'>{charts}</div>"

    def __repr__(self) -> str:
        return curves(loss_columns(self._history))

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the picture as a page for a browser.

        Parameters
        ----------
        path : path
            Must end in .html.
        overwrite : bool, optional
            Whether to replace a file that exists.

        Raises
        ------
        SettingError
            If the path does not.
        StorageError
            If the file exists, or cannot be written.
        """
        if Path(path).suffix.lower() != ".html":
            raise SettingError(
                f"{os.fspath(path)}: the curves are saved as .html. For .png, .pdf and .svg: "
                "nnplug train --plot-file, or matplotlib on run.history.to_frame()."
            )
        page = (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f"<title>nnplug</title></head><body>{self._repr_html_()}</body></html>\n"
        )
        write_file(Path(path), page.encode(), overwrite=overwrite)
