"""Training: the steps, the loop over them, and what it leaves behind."""

from nnplug.training.evaluation import Evaluator, check_shapes, errors_per_row, mean_of
from nnplug.training.history import EpochRecord, History
from nnplug.training.loop import train_network
from nnplug.training.steps import Steps

__all__ = [
    "EpochRecord",
    "Evaluator",
    "History",
    "Steps",
    "check_shapes",
    "errors_per_row",
    "mean_of",
    "train_network",
]
