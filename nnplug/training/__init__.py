"""Training: the steps, the loop over them, and the history that it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnplug.lazy import lazy_names
from nnplug.training.batches import Batches, RowsInMemory, StreamedRows
from nnplug.training.evaluation import Evaluator, check_shapes
from nnplug.training.history import (
    OWN_COLUMNS,
    BatchRecord,
    EpochRecord,
    History,
    OnBatch,
    Scores,
)
from nnplug.training.loop import Trainer
from nnplug.training.steps import Steps
from nnplug.training.stopping import Stopping
from nnplug.training.training import Training

if TYPE_CHECKING:
    from nnplug.training.in_memory import train_network as train_network
    from nnplug.training.members import Members as Members

# Few runs need them.
__getattr__, _lazy_names = lazy_names(
    __name__,
    {
        "nnplug.training.in_memory": ("train_network",),
        "nnplug.training.members": ("Members",),
    },
)

__all__ = [
    "OWN_COLUMNS",
    "BatchRecord",
    "Batches",
    "EpochRecord",
    "Evaluator",
    "History",
    "Members",
    "OnBatch",
    "RowsInMemory",
    "Scores",
    "Steps",
    "Stopping",
    "StreamedRows",
    "Trainer",
    "Training",
    "check_shapes",
    "train_network",
]


def __dir__() -> list[str]:
    return sorted(__all__)
