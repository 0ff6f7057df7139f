"""Parts: activations, losses, optimizers and everything else a run is made of."""

from nnplug.parts.activation import Activation, activation
from nnplug.parts.dataset import Data, Dataset, Task, dataset
from nnplug.parts.initializer import Initializer, initializer
from nnplug.parts.loss import Loss, loss
from nnplug.parts.metric import Metric, by_column, metric
from nnplug.parts.optimizer import Optimizer, Update, optimizer
from nnplug.parts.part import OptionValue, Part, Trainable, trainable
from nnplug.parts.schedule import Schedule, schedule
from nnplug.parts.text import PartText, normalise_name, parse_part

__all__ = [
    "KINDS",
    "Activation",
    "Data",
    "Dataset",
    "Initializer",
    "Loss",
    "Metric",
    "OptionValue",
    "Optimizer",
    "Part",
    "PartText",
    "Schedule",
    "Task",
    "Trainable",
    "Update",
    "activation",
    "by_column",
    "dataset",
    "initializer",
    "loss",
    "metric",
    "normalise_name",
    "optimizer",
    "parse_part",
    "schedule",
    "trainable",
]

KINDS: dict[str, type[Part]] = {
    kind.kind: kind
    for kind in (Activation, Loss, Optimizer, Initializer, Schedule, Metric, Dataset)
}
"""Every kind of part by its name."""
