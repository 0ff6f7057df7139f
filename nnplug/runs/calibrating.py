"""Learning how sure a trained network may be, from the rows that the run held out."""

from __future__ import annotations

from nnplug.models.calibration import Calibration
from nnplug.runs.held_out import held_out
from nnplug.runs.run import Run

__all__ = ["calibrate"]


def calibrate(run: Run) -> None:
    """Give the run's model its calibration; none, if there are neither rows nor a level."""
    found, model = held_out(run), run.model
    model.calibration = None
    if len(found) or run.settings.interval is not None:
        model.calibration = Calibration.of(
            run.head, found.outputs, found.targets, run.settings.interval, model.in_units
        )
