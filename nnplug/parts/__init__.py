"""Parts: activations, layers, losses, optimizers and everything else that a run is made of."""

from nnplug.parts.activation import Activation, activation
from nnplug.parts.arranging import Arrangement, InputColumn
from nnplug.parts.dataset import Data, Dataset, Task, dataset
from nnplug.parts.declared import (
    Declared,
    Noise,
    Parameter,
    Quantiles,
    State,
    Trainable,
    normal,
    parameter,
    quantiles,
    state,
    trainable,
    uniform,
)
from nnplug.parts.encoding import ColumnFacts, Encoding, encoding
from nnplug.parts.initializer import Initializer, initializer
from nnplug.parts.laws import Drawn, drawn
from nnplug.parts.layer import Layer, layer
from nnplug.parts.loss import Loss, loss
from nnplug.parts.metric import Metric, by_column, metric
from nnplug.parts.optimizer import Optimizer, Update, optimizer
from nnplug.parts.part import OptionValue, Part
from nnplug.parts.placing import Array, LayerRow, Placed, Traced, layer_rows, place, trace_placed
from nnplug.parts.recipe import Facts, Recipe, recipe
from nnplug.parts.schedule import Schedule, schedule
from nnplug.parts.signature import Naming
from nnplug.parts.text import (
    LayerText,
    PartText,
    normalise_name,
    parse_layers,
    parse_name,
    parse_part,
    split_list,
)

__all__ = [
    "KINDS",
    "Activation",
    "Array",
    "Arrangement",
    "ColumnFacts",
    "Data",
    "Dataset",
    "Declared",
    "Drawn",
    "Encoding",
    "Facts",
    "Initializer",
    "InputColumn",
    "Layer",
    "LayerRow",
    "LayerText",
    "Loss",
    "Metric",
    "Naming",
    "Noise",
    "OptionValue",
    "Optimizer",
    "Parameter",
    "Part",
    "Placed",
    "PartText",
    "Quantiles",
    "Recipe",
    "Schedule",
    "State",
    "Task",
    "Traced",
    "Trainable",
    "Update",
    "activation",
    "by_column",
    "dataset",
    "drawn",
    "encoding",
    "initializer",
    "layer",
    "loss",
    "metric",
    "normalise_name",
    "normal",
    "optimizer",
    "parameter",
    "parse_layers",
    "parse_name",
    "parse_part",
    "layer_rows",
    "place",
    "quantiles",
    "recipe",
    "schedule",
    "split_list",
    "state",
    "trace_placed",
    "trainable",
    "uniform",
]

KINDS: dict[str, type[Part]] = {
    kind.kind: kind
    for kind in (
        Activation,
        Layer,
        Loss,
        Optimizer,
        Initializer,
        Schedule,
        Metric,
        Dataset,
        Recipe,
        Encoding,
    )
}
"""Every kind of part by its name."""
