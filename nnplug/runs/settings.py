"""The table of settings, from which options, files, checks and docs are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from nnplug.errors import suggest
from nnplug.runs.encoding_setting import Encodings
from nnplug.runs.factor_setting import Factors
from nnplug.runs.setting import Setting, asked, kept
from nnplug.runs.setting_kinds import (
    ClassWeights,
    Interval,
    LayerTexts,
    Names,
    Number,
    PartName,
    PowerOfTwo,
    Reading,
    Several,
    Text,
    ToolName,
    Truth,
    Whole,
    Words,
)

if TYPE_CHECKING:
    from nnplug.parts import Task

__all__ = ["EPOCH_LIMIT", "GROUPS", "ROWS", "SHORT_FORM", "Settings", "no_setting"]

EPOCH_LIMIT = 500
"""Default of `epochs` where `patience` is expected to end the run earlier."""

GROUPS = ("Data", "Network", "Training", "Keeping the run", "Output")
"""The groups of settings, in the order of the help and of files."""

SHORT_FORM = ("hidden", "activation", "dropout")
"""The settings that together describe the network, unless `layers` does."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The table of settings, one to a row; an instance is the record of a run, resolved.

    A row has the setting's name, its group, what it takes, its line of help and its default.
    Its option on the command line, its key in a file of settings, the check of its range
    and its line in the docs are made from the row. Settings that are fields are recorded
    under their own names. Those that are class variables are recorded elsewhere: the
    learning rate in `optimizer`, those of a table in `table`. Parts are recorded in their
    text form.
    """

    data: str = kept("Data", Text(), "Path of a table, or the name of a dataset.", option="")
    target: ClassVar[Setting] = asked("Data", Names(), "Column to predict; may be repeated.")
    task: Task = kept(
        "Data",
        Words(("regression", "binary", "multiclass", "multilabel"), "TASK"),
        "regression, binary, multiclass or multilabel; by default what the target suggests.",
    )
    target_transform: ClassVar[Setting] = asked(
        "Data",
        Words(("none", "log", "asinh", "auto")),
        "Learn the log of the target, or its asinh; auto: its log if that is less skewed.",
        unset=True,
    )
    columns: ClassVar[Setting] = asked("Data", Names("A,B"), "Predict from these columns.")
    drop: ClassVar[Setting] = asked("Data", Names("A,B"), "Leave these columns out.")
    categorical: ClassVar[Setting] = asked(
        "Data", Names("A,B"), "Take these columns as categories."
    )
    numeric: ClassVar[Setting] = asked("Data", Names("A,B"), "Take these columns as numbers.")
    missing: ClassVar[Setting] = asked(
        "Data",
        Words(("mean", "median", "drop", "refuse"), "HOW"),
        "What to do where an input has no value: use the mean (by default) or the median, "
        "drop the row, or refuse the table.",
    )
    encoding: ClassVar[Setting] = asked(
        "Data",
        Encodings(),
        "How numbers, categories or dates become inputs, side by side: "
        "'piecewise_linear:bins=16 robust_clip'. For one column: 'price=robust_clip[log]'; may be "
        "repeated.",
        default={},
    )
    drop_missing_targets: ClassVar[Setting] = asked(
        "Data", Truth(), "Leave out the rows without a target."
    )
    weights: ClassVar[Setting] = asked(
        "Data", Text("COLUMN"), "Column that holds each row's weight in the loss."
    )
    read: ClassVar[Setting] = asked(
        "Data",
        Reading(),
        "How to read the file: delimiter, quote, header, skip (lines before the names), "
        "comment, encoding, decimal, thousands, unit (a sign beside numbers, such as $ or %), "
        "negative, dates (how they are written), na (a mark of missing values), table, sheet, "
        "trusted (lifts the limits). thousands.COLUMN and so on are of one column; may be "
        "repeated.",
    )
    sql: ClassVar[Setting] = asked(
        "Data", Text("QUERY"), "Rows to take: an SQL query over the file, called data."
    )
    validation: float = kept(
        "Data",
        Number(below=1, metavar="SHARE"),
        "Share of the rows to hold out for validation.",
        default=0.2,
    )
    split: str = kept(
        "Data",
        Text("HOW"),
        "How to choose those rows: random, stratified, time:COLUMN, group:COLUMN, "
        "column:COLUMN or file:PATH.",
    )
    stream: ClassVar[Setting] = asked(
        "Data",
        Truth(),
        "Train from a file on disk, not from memory; by default if the rows are too many.",
        option="--stream/--no-stream",
    )

    recipe: str | None = kept(
        "Network",
        PartName("recipe"),
        "Settings with a name, chosen by the size of the data and the task; other options "
        "override them. A table has default unless you say otherwise, or none.",
        unset=True,
    )
    hidden: tuple[int, ...] = kept(
        "Network",
        Several(
            Whole(1), "64 for one hidden layer, 64,32 for two, none for no hidden layer", empty=True
        ),
        "Units of the hidden layers: 64 for one layer, 64,32 for two, or none.",
        default=(100,),
    )
    activation: tuple[str, ...] = kept(
        "Network",
        PartName("activation", repeated=True),
        "Activation of the hidden layers; repeat it to give one for each layer.",
        default="relu",
    )
    layers: str | None = kept(
        "Network",
        LayerTexts(),
        "Layers before the output, in place of --hidden, --activation and --dropout: "
        "'dense:64 layer_norm gelu dropout:0.1 residual[dense:64 relu dense:64]'.",
    )
    output_activation: str = kept(
        "Network",
        PartName("activation"),
        "Activation of the output layer; by default the one that fits the loss.",
    )
    initializer: str = kept(
        "Network", PartName("initializer"), "How the weights start.", default="glorot_uniform"
    )
    dropout: tuple[float, ...] = kept(
        "Network",
        Several(Number(below=1), "0.5 for all hidden layers, 0.2,0.5 for two"),
        "Share of hidden units to drop in a step: 0.5, or 0.2,0.5 by layer.",
        default=0.0,
    )
    dtype: str = kept(
        "Network",
        Words(("float32", "float64"), "DTYPE"),
        "Precision of all numbers: float32 or float64.",
        default="float32",
    )
    increasing: tuple[str, ...] = kept(
        "Network",
        Names("A,B"),
        "Columns of numbers with which the prediction never falls; for two classes, the "
        "probability of the second.",
        default=(),
    )
    decreasing: tuple[str, ...] = kept(
        "Network", Names("A,B"), "Columns with which it never rises.", default=()
    )

    loss: str = kept("Training", PartName("loss"), "Loss to minimize.")
    optimizer: str = kept(
        "Training", PartName("optimizer"), "How the weights are updated.", default="adam"
    )
    learning_rate: ClassVar[Setting] = asked(
        "Training",
        Number(above=True),
        "Learning rate; by default the optimizer's own.",
    )
    rate: dict[str, float | str] = kept(
        "Training",
        Factors(),
        "Factor on the learning rate of some arrays, by their names: '*.bias=0.1'.",
        default={},
    )
    schedule: str = kept(
        "Training",
        PartName("schedule"),
        "How the learning rate changes over time.",
        default="constant",
    )
    epochs: int = kept("Training", Whole(1), "Passes over the training rows.", default=100)
    batch_size: int | Literal["full"] = kept(
        "Training", Whole(1, "full", "ROWS"), "Rows in a step, or full.", default=32
    )
    l2: float = kept(
        "Training", Number(), "L2 penalty: ½·l2·Σw² is added to the loss.", default=0.0
    )
    l1: float = kept("Training", Number(), "L1 penalty: l1·Σ|w| is added to the loss.", default=0.0)
    decay: dict[str, float | str] = kept(
        "Training",
        Factors(),
        "Factor on the penalties and the weight decay of some arrays: '*.bias=0'.",
        default={},
    )
    clip_global_norm: float | None = kept(
        "Training", Number(above=True), "Clip the gradients to this global norm.", unset=True
    )
    class_weight: str | dict[str, float] | None = kept(
        "Training",
        ClassWeights(),
        "Weight of each class in the loss: balanced, or such as yes=5,no=1.",
        unset=True,
    )
    metrics: tuple[str, ...] = kept(
        "Training",
        PartName("metric", repeated=True),
        "Metric to report; may be repeated.",
        option="--metric",
    )
    monitor: str | None = kept(
        "Training",
        Text("NAME"),
        "What decides which epoch is best: validation_loss, loss or a metric.",
        unset=True,
    )
    patience: int | None = kept(
        "Training",
        Whole(1),
        "Stop after N epochs without an improvement, or none to take all epochs.",
        default=20,
        unset=True,
    )
    min_delta: float = kept(
        "Training",
        Number(),
        "Smallest change that counts as an improvement, for --patience.",
        default=0.0,
    )
    members: int = kept(
        "Training",
        Whole(1, "auto"),
        "Train this many networks, each with its own starting weights and held-out rows, and "
        "predict their mean; auto: 8, fewer where rows are very few or very many.",
        default=1,
    )
    folds: int | None = kept(
        "Training",
        Whole(2),
        "Cross-validate with this many folds: each is scored by a network trained on the others.",
        unset=True,
    )
    seed: int = kept("Training", Whole(0), "Seed of every random draw.", default=0)
    shards: int | None = kept(
        "Training",
        PowerOfTwo(),
        "Cut each batch into this many shards, for mpiexec: the result is the same on 1, 2, 4 or "
        "more processes.",
        unset=True,
    )
    engine: str = kept(
        "Training",
        ToolName("engine", "auto"),
        "What runs the steps: an engine by its name, such as numpy, or auto for the fastest.",
        default="auto",
    )

    checkpoint_every: ClassVar[Setting] = asked(
        "Keeping the run",
        Interval(),
        "Write a checkpoint every N epochs, or every 30s or 5m; by default 60s.",
        default="60s",
    )
    interval: float | None = kept(
        "Output",
        Number(below=1, above=True, metavar="LEVEL"),
        "Give an interval with each predicted number, or a set of classes, that holds the truth "
        "with this probability, such as 0.9.",
        unset=True,
    )
    log_every: int = kept("Output", Whole(1), "Epochs between printed lines.")
    table: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values, for JSON."""
        return {column.name: getattr(self, column.name) for column in fields(self)}


def _rows(table: type) -> dict[str, Setting]:
    """List the rows of the table by name, in the order in which its class declares them."""
    of_fields = {column.name: column.metadata.get("setting") for column in fields(table)}
    rows: dict[str, Setting] = {}
    for name in table.__annotations__:
        row = of_fields.get(name, vars(table).get(name))
        if isinstance(row, Setting):
            if not row.name:
                row.__set_name__(table, name)
            rows[name] = row
    return rows


ROWS: Mapping[str, Setting] = _rows(Settings)
"""The rows of the table by name, in its order."""


def no_setting(name: str, known: Iterable[str]) -> str:
    """Write that there is no setting of that name, and which one may be meant."""
    hint = suggest(name, known)
    if name == "alpha":
        hint = (
            " The L2 penalty is called 'l2' and does not depend on the batch size; scikit-learn's "
            "alpha is l2 times the rows of a batch."
        )
    return f"there is no setting {name!r}.{hint}"
