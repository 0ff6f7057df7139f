"""Pictures of a run in a notebook: the report's charts, in a box with its own colours."""

from __future__ import annotations

from collections.abc import Iterable

from nnplug.errors import SettingError
from nnplug.picture import Picture
from nnplug.runs.report.charts import loss_chart, metric_chart, plane_chart
from nnplug.runs.report.facts import Facts
from nnplug.runs.report.page import DARK_PAGE, LIGHT_PAGE
from nnplug.runs.report.svg import DARK, LIGHT, STYLE
from nnplug.runs.report.terminal import boundary, curves, loss_columns
from nnplug.tables.wording import count_of
from nnplug.training import History

__all__ = ["boundary_picture", "boxed", "history_picture"]

_BOX = "nnplug-charts"
_LOOK = f"""
.{_BOX} {{ {LIGHT_PAGE} {LIGHT} color: var(--text); background: var(--paper); padding: .5rem;
          display: flex; flex-wrap: wrap; gap: .5rem 2rem; {STYLE} }}
.{_BOX} > div {{ flex: 1 1 20rem; max-width: 30rem; }}
:is([data-jp-theme-light="false"], .vscode-dark) .{_BOX} {{ {DARK_PAGE} {DARK} }}
"""
"""JupyterLab and VS Code tell when they are dark; elsewhere the light box can be read."""


def history_picture(history: History) -> Picture:
    """Draw the losses and the metrics of a history by epoch."""
    charts = [loss_chart(history), metric_chart(history)]
    return Picture(boxed(charts), curves(loss_columns(history)))


def boundary_picture(facts: Facts) -> Picture:
    """Draw which class is where, with the rows.

    Raises
    ------
    SettingError
        If there are no classes, or not two inputs that are numbers.
    """
    chart = plane_chart(facts)
    if chart is None or facts.inputs is None or facts.targets is None:
        inputs, task = facts.model.network.inputs, facts.model.task
        raise SettingError(
            f"there is no plane to draw: the network has {count_of(inputs, 'input')}, and the "
            f"task is {task}.\nA boundary needs two inputs that are numbers, and classes."
        )
    text = boundary(facts.model, facts.inputs, facts.targets)
    return Picture(boxed([chart[1]]), text or "more classes than signs: a notebook shows them")


def boxed(charts: Iterable[str | None]) -> str:
    """Put charts side by side in a box with its own colours."""
    written = "".join(f"<div>{chart}</div>" for chart in charts if chart)
    return f"<style>{_LOOK}</style><div class='{_BOX}'>{written}</div>"
