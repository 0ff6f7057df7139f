"""Training: the steps, the loop over them, and what it leaves behind."""

from nnplug.training.batches import Batches, RowsInMemory, Stream, StreamedRows
from nnplug.training.evaluation import Evaluator, check_shapes
from nnplug.training.history import OWN_COLUMNS, EpochRecord, History, Scores
from nnplug.training.loop import Trainer, train_network
from nnplug.training.steps import Steps
from nnplug.training.stopping import Stopping

__all__ = [
    "OWN_COLUMNS",
    "Batches",
    "EpochRecord",
    "Evaluator",
    "History",
    "RowsInMemory",
    "Scores",
    "Steps",
    "Stopping",
    "Stream",
    "StreamedRows",
    "Trainer",
    "check_shapes",
    "train_network",
]
