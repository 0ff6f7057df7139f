"""Training: the steps, the loop over them, and what it leaves behind."""

from nnplug.training.batches import Batches, RowsInMemory, StreamedRows
from nnplug.training.evaluation import Evaluator, check_shapes
from nnplug.training.history import OWN_COLUMNS, EpochRecord, History, Scores
from nnplug.training.loop import BatchRecord, OnBatch, Trainer, train_network
from nnplug.training.steps import Steps
from nnplug.training.stopping import Stopping

__all__ = [
    "OWN_COLUMNS",
    "BatchRecord",
    "Batches",
    "EpochRecord",
    "Evaluator",
    "History",
    "OnBatch",
    "RowsInMemory",
    "Scores",
    "Steps",
    "Stopping",
    "StreamedRows",
    "Trainer",
    "check_shapes",
    "train_network",
]
