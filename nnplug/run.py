"""The Python API: `nnplug.train` and the run that it returns."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from nnplug.errors import DataError, SettingError, UnknownPartError
from nnplug.network import Network
from nnplug.parts import (
    Activation,
    Data,
    Dataset,
    Initializer,
    Loss,
    Metric,
    Optimizer,
    Part,
    Schedule,
    Task,
    parse_part,
)
from nnplug.randomness import derive_generator
from nnplug.registry import Registry
from nnplug.tables import SUFFIXES, Encoder, Table, read_table, table_from
from nnplug.tasks import DEFAULT_LOSS, DEFAULT_METRIC, Head, output_activation_name
from nnplug.training import EpochRecord, Evaluator, History, train_network
from nnplug.types import AnyArray

__all__ = ["Run", "Settings", "default_registry", "prepare", "train"]

TABLE_DEFAULTS: Mapping[str, Any] = {
    "hidden": (100,),
    "activation": "relu",
    "optimizer": "adam",
    "initializer": "glorot_uniform",
    "epochs": 100,
    "batch_size": 32,
    "validation": 0.2,
    "schedule": "constant",
    "seed": 0,
    "dtype": "float32",
}
"""What a run does where neither the user nor a dataset's recipe says."""


@dataclass(frozen=True)
class Settings:
    """A run's settings, resolved; parts are in their text form."""

    data: str
    task: Task
    hidden: tuple[int, ...]
    activation: tuple[str, ...]
    output_activation: str
    loss: str
    optimizer: str
    initializer: str
    schedule: str
    epochs: int
    batch_size: int | Literal["full"]
    validation: float
    metrics: tuple[str, ...]
    seed: int
    dtype: str
    log_every: int

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as plain values, for JSON."""
        return asdict(self)


@dataclass(eq=False)
class Source:
    """Rows to learn from, before they are split."""

    name: str
    rows: int
    task: Task
    classes: tuple[Any, ...]
    recipe: Mapping[str, Any]
    table: Table | None = None
    arrays: Data | None = None


@dataclass(eq=False)
class Run:
    """A training run: its settings, its network and what it learned.

    Attributes
    ----------
    settings : Settings
    network : Network
    history : History
        Losses and metrics by epoch.
    head : Head
        How targets and outputs are read.
    classes : tuple
        The classes as the user knows them; empty for regression.
    features : tuple of str
        A name for each input of the network.
    train_rows, validation_rows : array of int
        The rows of each part.
    notes : tuple of str
        What was inferred or left out, in sentences.
    """

    settings: Settings
    network: Network
    head: Head
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    metrics: tuple[Metric, ...]
    classes: tuple[Any, ...]
    features: tuple[str, ...]
    inputs: AnyArray
    targets: AnyArray
    train_rows: AnyArray
    validation_rows: AnyArray
    encoder: Encoder | None = None
    notes: tuple[str, ...] = ()
    history: History = field(default_factory=History)

    # --- after training ---------------------------------------------------------------

    def outputs(self, data: Any) -> AnyArray:
        """Compute the network's outputs for new rows.

        Parameters
        ----------
        data : array, DataFrame or path
            Rows with the columns of the training data; an array (N, D) when
            the run was trained on arrays.

        Returns
        -------
        array
            (N, C): logits, probabilities or standardised predictions.
        """
        return Evaluator(self.network).run(self._inputs(data))[0]

    def predict(self, data: Any) -> AnyArray:
        """Predict the target of new rows.

        Returns
        -------
        array
            The class of each row, (N,), or numbers in the target's units,
            (N, K).
        """
        outputs = self.outputs(data)
        if self.settings.task == "regression":
            return self._decode(outputs)
        return np.asarray(self.classes)[self.head.classes(outputs)]

    def probabilities(self, data: Any) -> AnyArray:
        """Compute the probability of each class for new rows.

        Returns
        -------
        array
            (N, classes), in the order of `classes`.

        Raises
        ------
        SettingError
            For a regression.
        """
        if self.settings.task == "regression":
            raise SettingError("A regression has no classes, so no probabilities; use predict.")
        return self.head.probabilities(self.outputs(data))

    def _inputs(self, data: Any) -> AnyArray:
        if self.encoder is not None:
            return self.encoder.inputs(_table(data), dtype=self.network.dtype)
        x = _matrix(data, "the data to predict")
        if x.shape[1] != len(self.inputs[0]):
            raise DataError(
                f"The data to predict has {x.shape[1]} columns; the network was trained on "
                f"{len(self.inputs[0])}."
            )
        return x

    def _decode(self, outputs: AnyArray) -> AnyArray:
        return outputs if self.encoder is None else self.encoder.decode(outputs)

    # --- during training --------------------------------------------------------------

    def measure(self) -> dict[str, float]:
        """Compute the metrics on the validation rows, or else on all rows."""
        rows = self.validation_rows if len(self.validation_rows) else self.train_rows
        outputs = Evaluator(self.network).run(self.inputs[rows])[0]
        return self._scores(outputs, rows)

    def _scores(self, outputs: AnyArray, rows: AnyArray) -> dict[str, float]:
        scores = {}
        targets = self.targets[rows]
        for metric in self.metrics:
            if metric.takes == "prediction":
                if self.settings.task == "regression":
                    pair = self._decode(outputs), self._decode(targets.reshape(len(rows), -1))
                else:
                    pair = outputs, self.head.encode(targets, outputs.dtype)
            elif metric.takes == "classes":
                pair = self.head.classes(outputs), targets
            else:
                pair = self.head.probabilities(outputs), targets
            scores[metric.name] = float(metric(*pair))
        return scores

    @property
    def final(self) -> EpochRecord:
        """The last epoch's numbers."""
        return self.history.record(len(self.history) - 1)

    def __repr__(self) -> str:
        return f"<run on {self.settings.data}: {self.network!r}, {len(self.history)} epochs>"


def train(
    data: Any = "xor",
    *,
    target: str | Sequence[str] | None = None,
    task: Task | None = None,
    hidden: int | Sequence[int] | None = None,
    activation: str | Activation | Sequence[str | Activation] | None = None,
    output_activation: str | Activation | None = None,
    loss: str | Loss | None = None,
    optimizer: str | Optimizer | None = None,
    learning_rate: float | None = None,
    initializer: str | Initializer | None = None,
    schedule: str | Schedule | None = None,
    epochs: int | None = None,
    batch_size: int | Literal["full"] | None = None,
    validation: float | None = None,
    metrics: Sequence[str | Metric] | None = None,
    seed: int | None = None,
    dtype: str | None = None,
    log_every: int | None = None,
    registry: Registry | None = None,
    report: Callable[[Run, int], bool | None] | None = None,
) -> Run:
    """Train a network.

    Where an argument is None, the dataset's recipe decides, then the
    defaults: one hidden layer of 100 relu units, adam, 100 epochs in batches
    of 32, a fifth of the rows for validation, float32, seed 0.

    Parameters
    ----------
    data : str, path, pair of arrays, DataFrame or mapping
        A dataset's name; a table's path; inputs (N, D) and targets (N,) or
        (N, K), which are used as they are; or a table, whose columns are
        standardised and one-hot encoded.
    target : str or sequence of str, optional
        The column to predict, of a table.
    task : str, optional
        `"regression"`, `"binary"` or `"multiclass"`; else inferred.
    hidden : int or sequence of int, optional
        Units of each hidden layer; `()` for none.
    activation : str or Activation, or a sequence of them, optional
        One for all hidden layers, or one for each.
    output_activation : str or Activation, optional
        Else it follows from the loss and the task.
    loss : str or Loss, optional
        Else mse, binary_cross_entropy or cross_entropy, by the task.
    optimizer : str or Optimizer, optional
    learning_rate : float, optional
        Instead of the optimizer's own.
    initializer : str or Initializer, optional
    schedule : str or Schedule, optional
    epochs : int, optional
    batch_size : int or "full", optional
    validation : float, optional
        The share of rows kept for validation, at least 0 and below 1.
    metrics : sequence of str or Metric, optional
        Else r2 or accuracy, by the task.
    seed : int, optional
    dtype : str, optional
        `"float32"` or `"float64"`.
    log_every : int, optional
        Epochs between the lines that the command line prints.
    registry : Registry, optional
        Where names are looked up; by default all installed parts.
    report : callable, optional
        Called with the run and the epoch's number after each epoch;
        returning True ends the run.

    Returns
    -------
    Run

    Raises
    ------
    NnplugError
        With a message for a person: a part, a setting or the data cannot be
        used, or training diverged.

    Examples
    --------
    >>> run = train("xor", epochs=3000)
    >>> run.predict([[0, 1], [1, 1]]).tolist()
    [1, 0]
    """
    given = {key: value for key, value in locals().items() if key in _SETTINGS}
    run = prepare(data, target=target, registry=registry, **given)
    fit(run, report)
    return run


_SETTINGS = frozenset(
    "task hidden activation output_activation loss optimizer learning_rate initializer schedule "
    "epochs batch_size validation metrics seed dtype log_every".split()
)


@cache
def default_registry() -> Registry:
    """Give the registry of the Python API, made on first use."""
    return Registry()


def fit(run: Run, report: Callable[[Run, int], bool | None] | None = None) -> None:
    """Train a prepared run in place; see `train`."""
    settings = run.settings
    targets = run.head.encode(run.targets, run.network.dtype)
    held_out = run.validation_rows
    validation = (run.inputs[held_out], targets[held_out]) if len(held_out) else None
    train_network(
        run.network,
        run.loss,
        run.optimizer,
        run.inputs,
        targets,
        rows=run.train_rows if len(held_out) else None,
        epochs=settings.epochs,
        batch_size=None if settings.batch_size == "full" else settings.batch_size,
        seed=settings.seed,
        schedule=None if run.schedule.text == "constant" else run.schedule,
        validation=validation,
        measure=run.measure if run.metrics else None,
        on_epoch=None if report is None else lambda epoch: report(run, epoch),
        history=run.history,
    )


# --- from arguments to a run ------------------------------------------------------------


def prepare(
    data: Any,
    *,
    target: str | Sequence[str] | None = None,
    registry: Registry | None = None,
    **given: Any,
) -> Run:
    """Resolve the settings of a run and make its network, without training.

    Parameters are those of `train`.
    """
    registry = registry or default_registry()
    source = _source(data, target, given.get("task"), registry)
    choice = _Choice(given, source.recipe, registry)

    seed = _whole("seed", choice("seed"), 0)
    share = float(choice("validation"))
    if not 0 <= share < 1:
        raise SettingError(f"validation={share:g}: it must be at least 0 and below 1.")
    order = derive_generator(seed, "split").permutation(source.rows)
    held = round(share * source.rows)
    train_rows = np.sort(order[held:]) if held else np.arange(source.rows)
    validation_rows = np.sort(order[:held])
    if not len(train_rows):
        raise SettingError(f"validation={share:g} leaves none of {source.rows} rows to learn from.")

    dtype = str(choice("dtype"))
    if dtype not in ("float32", "float64"):
        raise SettingError(f"dtype={dtype!r}: use 'float32' or 'float64'.")
    encoder, inputs, targets, task, classes, features, notes = _encode(
        source, target, given.get("task"), train_rows, dtype
    )

    loss = cast(Loss, choice.part("loss", default=DEFAULT_LOSS[task]))
    output_activation = cast(
        Activation,
        choice.part("output_activation", "activation", output_activation_name(task, loss)),
    )
    width = targets.shape[1] if task == "regression" else len(classes)
    head = Head(task, loss, output_activation, width)

    hidden = _widths(choice("hidden"))
    activations = choice.parts("activation")
    if len(activations) == 1:
        activations *= max(len(hidden), 1)
    if hidden and len(activations) != len(hidden):
        raise SettingError(
            f"{len(activations)} activations for {len(hidden)} hidden layers: give one, or one "
            "for each hidden layer."
        )
    activations = activations[: len(hidden)]
    optimizer = cast(Optimizer, choice.part("optimizer"))
    if given.get("learning_rate") is not None:
        optimizer = optimizer.with_options(learning_rate=given["learning_rate"])
    if not 0 < optimizer.learning_rate < float(np.finfo(dtype).max):
        raise SettingError(
            f"learning_rate={optimizer.learning_rate:g}: it must be above 0 and finite in {dtype}."
        )
    initializer = cast(Initializer, choice.part("initializer"))
    schedule = cast(Schedule, choice.part("schedule"))
    metrics = cast(
        "tuple[Metric, ...]", choice.parts("metrics", "metric", default=(DEFAULT_METRIC[task],))
    )
    for metric in metrics:
        if metric.takes != "prediction" and task == "regression":
            raise SettingError(
                f"metric {metric.name!r} compares {metric.takes} with labels; a regression has none."
            )

    batch_size = choice("batch_size")
    if batch_size != "full":
        batch_size = _whole("batch_size", batch_size, 1)
    epochs = _whole("epochs", choice("epochs"), 1)
    log_every = given.get("log_every") or source.recipe.get("log_every") or max(1, epochs // 10)
    settings = Settings(
        data=source.name,
        task=task,
        hidden=hidden,
        activation=tuple(part.text for part in activations),
        output_activation=output_activation.text,
        loss=loss.text,
        optimizer=optimizer.text,
        initializer=initializer.text,
        schedule=schedule.text,
        epochs=epochs,
        batch_size=batch_size,
        validation=share,
        metrics=tuple(metric.text for metric in metrics),
        seed=seed,
        dtype=dtype,
        log_every=_whole("log_every", log_every, 1),
    )
    network = Network(
        inputs.shape[1],
        hidden,
        head.outputs,
        activations=cast("tuple[Activation, ...]", activations),
        output_activation=output_activation,
        dtype=dtype,
    )
    network.initialize(initializer, seed)
    return Run(
        settings=settings,
        network=network,
        head=head,
        loss=loss,
        optimizer=optimizer,
        schedule=schedule,
        metrics=metrics,
        classes=classes,
        features=features,
        inputs=inputs,
        targets=targets,
        train_rows=train_rows,
        validation_rows=validation_rows,
        encoder=encoder,
        notes=notes,
    )


class _Choice:
    """Chooses each setting: the user's, then the recipe's, then the default."""

    def __init__(
        self, given: Mapping[str, Any], recipe: Mapping[str, Any], registry: Registry
    ) -> None:
        unknown = set(given) - _SETTINGS
        if unknown:
            raise SettingError(f"Unknown settings: {', '.join(sorted(unknown))}.")
        self.given, self.recipe, self.registry = given, recipe, registry

    def __call__(self, name: str, default: Any = None) -> Any:
        if self.given.get(name) is not None:
            return self.given[name]
        return self.recipe.get(name, TABLE_DEFAULTS.get(name, default))

    def part(self, name: str, kind: str | None = None, default: str | None = None) -> Part:
        """Choose one part."""
        return self._find(kind or name, self(name, default), self.recipe.get(name))

    def parts(
        self, name: str, kind: str | None = None, default: Sequence[str] = ()
    ) -> tuple[Part, ...]:
        """Choose several parts; one stands for a list of one."""
        chosen = self(name, default)
        if isinstance(chosen, str | Part):
            chosen = (chosen,)
        return tuple(self._find(kind or name, each, self.recipe.get(name)) for each in chosen)

    def _find(self, kind: str, asked: str | Part, recipe: Any) -> Part:
        part = self.registry.get(kind, asked)
        if not isinstance(asked, str) or not isinstance(recipe, str) or asked == recipe:
            return part
        # The recipe's part by name alone keeps the recipe's options.
        usual = self.registry.get(kind, recipe)
        if usual.function is not part.function:
            return part
        return usual.with_options(**parse_part(asked).options)


def _source(data: Any, target: Any, task: Task | None, registry: Registry) -> Source:
    if isinstance(data, str) and not _is_path(data):
        return _dataset(data, target, registry)
    if isinstance(data, Data):
        return _arrays("data", data)
    if isinstance(data, tuple):
        if len(data) != 2:
            raise DataError(f"data is a tuple of {len(data)}: give (inputs, targets).")
        return _arrays("arrays", _data_of_arrays(*data, task))
    table = _table(data)
    if not target:
        last = table.columns[-1].name
        raise DataError(
            f"{table.source}: which column is to be predicted? Give target, for example "
            f"{last!r}.\nIts columns: {', '.join(column.name for column in table.columns)}."
        )
    return Source(table.source, table.rows, task or "regression", (), {}, table=table)


def _is_path(data: str) -> bool:
    return Path(data).suffix.lower() in SUFFIXES or os.sep in data or Path(data).is_file()


def _dataset(name: str, target: Any, registry: Registry) -> Source:
    try:
        dataset = cast(Dataset, registry.get("dataset", name))
    except UnknownPartError as error:
        raise UnknownPartError(
            f"{error}\nA table is given by its path, ending in {', '.join(sorted(SUFFIXES))}."
        ) from None
    if target:
        raise SettingError(f"dataset {name!r} has its own target; leave target={target!r} out.")
    made = dataset()
    if not isinstance(made, Data):
        raise DataError(f"dataset {name!r} ({dataset.place}) returned no nnplug.Data.")
    return _arrays(dataset.text, made)


def _arrays(name: str, data: Data) -> Source:
    return Source(
        name, len(data.inputs), data.task, tuple(data.classes), data.recipe, arrays=data
    )


def _data_of_arrays(inputs: Any, targets: Any, task: Task | None) -> Data:
    x = _matrix(inputs, "inputs")
    y = np.asarray(targets)
    if len(y) != len(x) or y.ndim not in (1, 2):
        raise DataError(f"inputs have shape {x.shape} and targets {y.shape}: rows must be as many.")
    distinct = np.unique(y) if y.ndim == 1 or y.shape[1] == 1 else None
    few = distinct is not None and (y.dtype.kind not in "iuf" or len(distinct) <= 20)
    if task is None:
        whole = y.dtype.kind != "f"
        task = "regression" if not (few and whole) else "binary" if len(distinct) == 2 else "multiclass"  # type: ignore[arg-type]  # few implies it
    if task == "regression":
        if y.dtype.kind not in "iufb":
            raise DataError(f"targets of dtype {y.dtype} cannot be regressed; they must be numbers.")
        numbers = y.reshape(len(y), -1).astype(np.float64)
        if not np.isfinite(numbers).all():
            row = int(np.argwhere(~np.isfinite(numbers))[0][0])
            raise DataError(f"targets: row {row} is not finite. Remove or fill it.")
        return Data(x, numbers, task)
    if distinct is None:
        raise DataError(f"targets of shape {y.shape}: a classification takes one class a row, (N,).")
    labels = np.searchsorted(distinct, y.reshape(-1))
    return Data(x, labels, task, tuple(distinct.tolist()))


def _matrix(data: Any, what: str) -> AnyArray:
    x = np.asarray(data)
    if x.ndim != 2 or not x.size or x.dtype.kind not in "iufb":
        raise DataError(
            f"{what}: shape {x.shape} of {x.dtype}; needed are numbers of shape (rows, columns)."
        )
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise DataError(
            f"{what}: row {row}, column {column} is {x[row, column]}. Remove or fill it."
        )
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)


def _table(data: Any) -> Table:
    if isinstance(data, Table):
        return data
    return read_table(data) if isinstance(data, str | os.PathLike) else table_from(data)


def _encode(
    source: Source, target: Any, task: Task | None, rows: AnyArray, dtype: str
) -> tuple[
    Encoder | None, AnyArray, AnyArray, Task, tuple[Any, ...], tuple[str, ...], tuple[str, ...]
]:
    if source.table is not None:
        encoder = Encoder.fit(source.table, target=target, task=task, rows=rows)
        inputs = encoder.inputs(source.table, dtype=np.dtype(dtype))
        targets = encoder.targets(source.table)
        return (
            encoder, inputs, targets, encoder.task, encoder.classes, encoder.features,
            encoder.notes,
        )  # fmt: skip
    assert source.arrays is not None
    data = source.arrays
    if task is not None and task != data.task:
        raise SettingError(f"task={task!r}: {source.name} is a {data.task} dataset.")
    classes = data.classes
    if data.task != "regression" and not 2 <= len(classes):
        raise DataError(f"{source.name}: one class only, {classes}; there is nothing to tell apart.")
    if data.task == "binary" and len(classes) != 2:
        raise DataError(f"{source.name}: task 'binary' with {len(classes)} classes; use 'multiclass'.")
    names = data.features or tuple(f"x{number}" for number in range(data.inputs.shape[1]))
    return None, data.inputs, np.asarray(data.targets), data.task, classes, names, ()


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or int(value) != value or value < least:
        raise SettingError(f"{name}={value}: it must be a whole number, at least {least}.")
    return int(value)


def _widths(hidden: Any) -> tuple[int, ...]:
    widths = (hidden,) if isinstance(hidden, int) else tuple(hidden)
    return tuple(_whole("hidden", width, 1) for width in widths)
