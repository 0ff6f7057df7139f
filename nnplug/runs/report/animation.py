"""A training as a moving picture: the losses by epoch, and which class is where."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from nnplug.errors import SettingError
from nnplug.models import Model
from nnplug.picture import Picture
from nnplug.runs.report.charts import class_areas, loss_curves, plane_points
from nnplug.runs.report.facts import Facts
from nnplug.runs.report.notebook import boxed, history_picture
from nnplug.runs.report.plane import Plane, plane
from nnplug.runs.report.svg import Chart, clean
from nnplug.runs.snapshots import Snapshots
from nnplug.training import History

__all__ = ["Animation", "animation"]

SECONDS, REST = 6.0, 2.0
"""How long it moves, and how long the last picture stays before it begins again."""

_ACROSS, _DOWN = 50, 36
_MOST_FRAMES = 40


class Animation(Picture):
    """A moving picture of a training; it stands still under the pointer.

    Parameters
    ----------
    html, text : str
        See `Picture`.
    history : History
    model : Model
    epochs : sequence of int
        How many epochs are done in each of its pictures.
    planes : sequence of Plane
        Which class is where in each of them; may be empty.
    """

    def __init__(
        self,
        html: str,
        text: str,
        history: History,
        model: Model,
        epochs: Sequence[int],
        planes: Sequence[Plane],
    ) -> None:
        super().__init__(html, text)
        self._shown = history, model, epochs, planes

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write a page (.html), or with Matplotlib an animated picture (.gif).

        Parameters
        ----------
        path : path
        overwrite : bool, optional
            Whether to replace a file that exists.

        Raises
        ------
        SettingError
            If the path ends in something else, or Matplotlib is not installed.
        StorageError
            If the file exists, or cannot be written.
        """
        ending = Path(path).suffix.lower()
        if ending == ".gif":
            from nnplug.runs.report.pictures import draw_animation  # noqa: PLC0415  # an extra

            draw_animation(Path(path), *self._shown, seconds=SECONDS, overwrite=overwrite)
        elif ending == ".html":
            super().save(path, overwrite=overwrite)
        else:
            raise SettingError(
                f"{os.fspath(path)}: an animation is saved as .html or .gif.\n"
                "For a picture that stands still: run.plot() or run.plot_boundary()."
            )


def animation(
    history: History, facts: Facts | None, model: Model, kept: Snapshots | None
) -> Animation:
    """Animate the losses and, with snapshots, which class the network answers where.

    Parameters
    ----------
    facts : Facts or None
        The rows to draw; needed with snapshots only.

    Raises
    ------
    SettingError
        If there are no epochs, or the snapshots are of another network.
    """
    curves = loss_curves(history)
    if not len(history) or curves is None:
        raise SettingError("there is nothing to animate: the history has no epochs.")
    last, planes = len(history), list[Plane]()
    epochs = sorted({round(last * k / _MOST_FRAMES) for k in range(_MOST_FRAMES + 1)})
    if kept is not None and facts is not None:
        planes = list(_planes(model, facts, kept))
        epochs = kept.epochs if planes else epochs
    # So that two on one page do not share what they are named.
    name = "n" + hashlib.sha256(repr((history.columns, epochs)).encode()).hexdigest()[:10]
    charts = [_uncovered(curves, name, epochs)]
    if planes and facts is not None:
        charts.append(_by_turns(planes, facts, name, epochs))
    html = f"<style>{_moves(name, epochs)}</style><div class='{name}'>{boxed(charts)}</div>"
    return Animation(html, repr(history_picture(history)), history, model, epochs, planes)


def _planes(model: Model, facts: Facts, kept: Snapshots) -> Iterator[Plane]:
    """Classify the plane with the weights of each snapshot; nothing if there is no plane."""
    if facts.inputs is None or facts.targets is None or len(model.networks) > 1:
        return
    own = model.network.parameters
    if not kept.parameters or kept.parameters[0].shape != own.shape:
        raise SettingError(
            "these snapshots are not of this run's network.\nTrain with callbacks=[snapshots], and "
            "animate that run."
        )
    now = own.copy()
    try:
        for parameters in kept.parameters:
            own[...] = parameters
            found = plane(model, facts.inputs, facts.targets, _ACROSS, _DOWN, most=400)
            if found is None:
                return
            yield found
    finally:
        own[...] = now


def _uncovered(chart: Chart, name: str, epochs: Sequence[int]) -> str:
    """Draw the losses, of which the time uncovers more and more."""
    low, high = (10.0**end if chart.log else end for end in chart.y)
    (left, top), (right, bottom) = chart.place(chart.x[0], high), chart.place(chart.x[1], low)
    hidden = (
        f'<clipPath id="{name}"><rect class="{name}-time" x="{left:.1f}" y="{top - 2:.1f}" '
        f'width="{right - left + 2:.1f}" height="{bottom - top + 4:.1f}"/></clipPath>'
    )
    chart.marks = [hidden, f'<g clip-path="url(#{name})">', *chart.marks, "</g>"]
    chart.marks += [
        f'<text class="{name}-f{k}" x="{right - 6:.1f}" y="{top + 16:.1f}" text-anchor="end">'
        f"epoch {epoch:,}</text>"
        for k, epoch in enumerate(epochs)
    ]
    return chart.to_html("losses by epoch, moving")


def _by_turns(planes: Sequence[Plane], facts: Facts, name: str, epochs: Sequence[int]) -> str:
    """Draw which class is where at each of the epochs, one after the other."""
    first, names = planes[0], facts.model.features
    chart = Chart(first.x, first.y, (str(names[0]), str(names[1])))
    for k, (found, epoch) in enumerate(zip(planes, epochs, strict=True)):
        chart.marks.append(f'<g class="{name}-f{k}"><title>{clean(f"epoch {epoch:,}")}</title>')
        class_areas(chart, found)
        chart.marks.append("</g>")
    plane_points(chart, first, facts.model)
    return chart.to_html("decision boundary by epoch, moving")


def _moves(name: str, epochs: Sequence[int]) -> str:
    """Write the rules by which the parts are seen; where no motion is wanted, the end is."""
    whole = SECONDS + REST
    times = [100 * SECONDS / whole * epoch / max(epochs[-1], 1) for epoch in epochs]
    run = f"{whole:g}s linear infinite"
    rules = [
        f".{name}-time {{ transform-box: fill-box; transform-origin: left; "
        f"animation: {name}-time {run}; }}",
        f"@keyframes {name}-time {{ 0% {{ transform: scaleX(0); }} "
        f"{times[-1]:.3f}%, 100% {{ transform: scaleX(1); }} }}",
    ]
    for k, begin in enumerate(times):
        ends = k + 1 < len(times)
        first, last = ("hidden" if k else "visible"), ("hidden" if ends else "visible")
        rules.append(
            f".{name}-f{k} {{ visibility: hidden; "
            f"animation: {name}-f{k} {whole:g}s step-end infinite; }}\n"
            f"@keyframes {name}-f{k} {{ 0% {{ visibility: {first}; }} "
            f"{begin:.3f}% {{ visibility: visible; }} "
            f"{times[k + 1] if ends else 100:.3f}%, 100% {{ visibility: {last}; }} }}"
        )
    rules.append(f".{name}:hover * {{ animation-play-state: paused !important; }}")
    rules.append(
        f"@media (prefers-reduced-motion: reduce) {{ .{name} * {{ animation: none !important; }} "
        f".{name} .{name}-f{len(times) - 1} {{ visibility: visible; }} }}"
    )
    return "\n".join(rules)
