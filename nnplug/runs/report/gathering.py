"""From a run to what its pictures and its report show."""

from __future__ import annotations

from typing import Protocol

from nnplug.runs.held_out import Trained, judged
from nnplug.runs.report.facts import Facts
from nnplug.runs.settings import Settings
from nnplug.training import Batches, History
from nnplug.types import AnyArray

__all__ = ["facts_of"]


class Finished(Trained, Protocol):
    """What is needed of a run."""

    settings: Settings
    history: History
    advice: tuple[str, ...]
    ended: str | None

    @property
    def train_rows(self) -> AnyArray: ...


def facts_of(run: Finished, batches: Batches | None, command: str | None) -> Facts:
    """Gather what pictures and the report show.

    Parameters
    ----------
    batches : Batches or None
        The run's, if they have been made already.
    command : str or None
        The command that reproduces it.
    """
    part, found = judged(run, batches)
    return Facts.of(
        run.model,
        run.settings.to_dict(),
        run.history,
        found,
        part=part,
        rows=(len(run.train_rows), len(run.validation_rows)),
        folds=run.rows.parts.folds is not None,
        notes=(*run.rows.notes, *run.advice),
        ended=run.ended,
        command=command,
    )
