"""Preparing: from what the user says to a run that could be trained at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnplug.engines import Engine, choose_engine, find_engine, spelled_engine
from nnplug.errors import SettingError
from nnplug.models import Model, ModelInfo
from nnplug.network.layers import flat
from nnplug.network.network import Network
from nnplug.network.tasks import (
    DEFAULT_LOSS,
    DEFAULT_METRIC,
    Head,
    class_weights,
    output_activation_name,
)
from nnplug.parts import (
    Activation,
    Data,
    Initializer,
    Loss,
    Metric,
    Optimizer,
    Part,
    Schedule,
    Task,
    by_column,
)
from nnplug.plans import Regularization
from nnplug.plugins.registry import Registry
from nnplug.runs.choices import TABLE_SETTINGS, Choice, follow, table_choices
from nnplug.runs.settings import EPOCH_LIMIT, Settings
from nnplug.runs.sources import Source, asked_of_table, find_source
from nnplug.summary import Block, Summarized
from nnplug.tables import Rows, Split, TableOptions, Wishes
from nnplug.tables.wording import quote
from nnplug.tool import Tool
from nnplug.training import (
    OWN_COLUMNS,
    Batches,
    EpochRecord,
    History,
    RowsInMemory,
    Stopping,
    Trainer,
)
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnplug.runs.configuration import Configuration
    from nnplug.runs.keeping import Identity
    from nnplug.runs.report.notebook import Picture

__all__ = ["Run", "default_registry", "prepare", "prepare_from"]


START_ROWS = 1024
"""Rows of the training data that an initializer may look at."""


@dataclass(eq=False)
class Run(Summarized):
    """A training run: its settings, its network and what it learned.

    Attributes
    ----------
    settings : Settings
    network : Network
    history : History
        Losses and metrics by epoch.
    head : Head
        How targets and outputs are read.
    model : Model
        What a prediction needs, and what is saved.
    loss : Loss
    optimizer : Optimizer
    schedule : Schedule
    metrics : tuple of Metric
    parts : tuple of Part
        Every part that the run uses.
    source : Source
        The data as it was given.
    rows : Rows
        The data as arrays: inputs, targets, classes, the names of features.
    train_rows, validation_rows : array of int
        The rows of each part.
    weights : array or None
        (N, 1), what each row counts for in the loss.
    stopping : Stopping or None
        What finds the best epoch.
    ended : str or None
        Why training is over: `"epochs"` were done, `"patience"` ran out, a
        callback `"asked"`. None: it is not.
    folder : Path or None
        Where it is kept.
    advice : tuple of str
        After training, what a colleague would say of it; each a line.
    """

    settings: Settings
    network: Network
    head: Head
    model: Model
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    metrics: tuple[Metric, ...]
    parts: tuple[Part, ...]
    source: Source
    rows: Rows
    train_rows: AnyArray
    validation_rows: AnyArray
    weights: AnyArray | None = None
    stopping: Stopping | None = None
    ended: str | None = None
    folder: Path | None = None
    advice: tuple[str, ...] = ()
    history: History = field(default_factory=History)

    # --- after training ---------------------------------------------------------------

    def outputs(self, data: Any) -> AnyArray:
        """Compute the network's outputs for new rows; see `Model.outputs`."""
        return self.model.outputs(data)

    def predict(self, data: Any, *, allow_nonfinite: bool = False) -> AnyArray:
        """Predict the target of new rows; see `Model.predict`."""
        return self.model.predict(data, allow_nonfinite=allow_nonfinite)

    def interval(
        self, data: Any, *, level: float = 0.9, allow_nonfinite: bool = False
    ) -> tuple[AnyArray, AnyArray]:
        """Give bounds of the target of new rows; see `Model.interval`."""
        return self.model.interval(data, level=level, allow_nonfinite=allow_nonfinite)

    def probabilities(self, data: Any, *, allow_nonfinite: bool = False) -> AnyArray:
        """Compute the probability of each class for new rows; see `Model.probabilities`."""
        return self.model.probabilities(data, allow_nonfinite=allow_nonfinite)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the model to a file, which `nnplug.load` reads; see `Model.save`."""
        self.model.save(path, overwrite=overwrite)

    def report(self, command: str | None = None, *, batches: Batches | None = None) -> str:
        """Write an account of the run as one HTML page, which needs no other file.

        Parameters
        ----------
        command : str, optional
            What reproduces it.
        batches : Batches, optional
            The run's, where there are some already.
        """
        from nnplug.runs.report import Facts, write_page  # noqa: PLC0415  # few runs ask for one

        batches = batches or self.batches()
        part = "validation" if len(self.validation_rows) else "training"
        chunks = batches.validation() if part == "validation" else batches.training()
        found = [(x, self.model.run(x), self.head.decode(y)) for x, y, _ in chunks]
        return write_page(
            Facts.of(
                self.model,
                self.settings.to_dict(),
                self.history,
                found,
                part=part,
                rows=(len(self.train_rows), len(self.validation_rows)),
                notes=(*self.rows.notes, *self.advice),
                ended=self.ended,
                command=command,
            )
        )

    def plot(self) -> Picture:
        """Draw the losses and the metrics by epoch.

        Returns
        -------
        Picture
            A notebook shows it; printed, it is a drawing in text; `save` writes it as .svg.
        """
        from nnplug.runs.report.notebook import Picture  # noqa: PLC0415  # few runs ask for one

        return Picture(self.history)

    def _summary(self) -> Iterator[Block]:
        from nnplug.runs.report.facts import ended_as  # noqa: PLC0415  # few runs ask for one

        said = self.settings
        training, validation = len(self.train_rows), len(self.validation_rows)
        facts = {
            "data": f"{said.data}: {training:,} rows, {validation:,} for validation; {said.task}",
            "loss": said.loss,
            "optimizer": said.optimizer,
            "epochs": f"{len(self.history):,} of {said.epochs:,}: {ended_as(self.ended)}",
            "kept in": "" if self.folder is None else str(self.folder),
        }
        yield Block([(name, text) for name, text in facts.items() if text])
        yield from self.network._summary()
        yield from self.history._summary()

    def _html(self) -> Iterator[str]:
        yield from super()._html()
        if len(self.history):
            yield self.plot()._repr_html_()

    # --- during training --------------------------------------------------------------

    def measure(self, outputs: AnyArray, targets: AnyArray) -> dict[str, float]:
        """Compute the metrics from outputs (N, C) and targets as the loss takes them."""
        return self.model.measure(self.metrics, outputs, self.head.decode(targets))

    @property
    def regularization(self) -> Regularization:
        """Penalties and clipping, as the settings say."""
        said = self.settings
        return Regularization(said.l2, said.l1, said.clip_global_norm)

    def trainer(self, engine: Engine | None = None) -> Trainer:
        """Make what trains the run's network, on the run's rows, from where it stands.

        Parameters
        ----------
        engine : Engine, optional
            Instead of the run's. Its program, `trainer.steps.program`, is the same.
        """
        settings = self.settings
        self.schedule.check_pure(settings.epochs)
        return Trainer(
            self.network,
            self.loss,
            self.optimizer,
            self.batches(),
            epochs=settings.epochs,
            seed=settings.seed,
            schedule=None if self.schedule.text == "constant" else self.schedule,
            regularization=self.regularization,
            stopping=None if self.stopping is None else replace(self.stopping),
            measure=self.measure if self.metrics else None,
            history=self.history,
            engine=engine or find_engine(settings.engine, self.model.registry),
        )

    def batches(self) -> Batches:
        """Give the run's rows to the training loop, from memory or from disk."""
        size, seed = self.settings.batch_size, self.settings.seed
        targets = self.head.encode(self.rows.targets, self.network.dtype)
        if self.rows.disk is not None and size != "full":
            return self.rows.disk.stream(targets, self.weights, size, seed)
        return RowsInMemory(
            self.rows.inputs,
            targets,
            batch_size=None if size == "full" else size,
            seed=seed,
            rows=self.train_rows if len(self.validation_rows) else None,
            weights=self.weights,
            held_out=self.validation_rows if len(self.validation_rows) else None,
        )

    @property
    def used(self) -> tuple[Part | Tool, ...]:
        """Every part that the run uses, and its engine."""
        return (*self.parts, find_engine(self.settings.engine, self.model.registry))

    @property
    def final(self) -> EpochRecord:
        """The numbers of the epoch whose weights the network has: the best's, or the last's."""
        return self.history.final

    # --- keeping it -------------------------------------------------------------------

    def configuration(
        self,
        *,
        checkpoint_every: str | int | None = None,
        plugins: Sequence[str] = (),
        given_in_python: Sequence[str] = (),
    ) -> Configuration:
        """Give all settings, resolved, for a file that gives the same run again."""
        from nnplug.runs.configuration import (  # noqa: PLC0415  # few runs are kept
            CHECKPOINT_EVERY,
            Configuration,
        )

        registry = self.model.registry
        engine = registry.provider(find_engine(self.settings.engine, registry))
        return Configuration.of(
            self.settings,
            self.model.info,
            self.rows,
            self.source,
            engine=engine,
            checkpoint_every=str(checkpoint_every or CHECKPOINT_EVERY),
            plugins=tuple(plugins),
            given_in_python=tuple(given_in_python),
        )

    def identity(self, configuration: Configuration) -> Identity:
        """Say what a state must be of, for this run to be taken up from it."""
        from nnplug.runs.keeping import Identity  # noqa: PLC0415  # few runs are kept

        return Identity.of(configuration, self.rows, self.weights)

    def described(self) -> dict[str, Any]:
        """Give what a list of runs shows of it, beside its results."""
        return {
            "data": {
                "name": self.settings.data,
                "training": len(self.train_rows),
                "validation": len(self.validation_rows),
            },
            "task": self.settings.task,
        }

    def __repr__(self) -> str:
        return f"<run on {self.settings.data}: {self.network._title}; {len(self.history):,} epochs>"


@cache
def default_registry() -> Registry:
    """Give the registry of the Python API, made on first use."""
    return Registry.from_environment()


def prepare(
    data: Any,
    *,
    target: str | Sequence[str] | None = None,
    registry: Registry | None = None,
    sample_weight: Any = None,
    **given: Any,
) -> Run:
    """Resolve the settings of a run and make its network, without training.

    Parameters are those of `train`.
    """
    registry = registry or default_registry()
    asked = {name: given.pop(name) for name in TABLE_SETTINGS if name in given}
    read, options = table_choices(asked)
    named = _named_loss(given.get("loss"), registry)
    task = _asked_task(given.get("task"), named)
    source = find_source(data, target, task, registry, read)
    choice = Choice(given, source.recipe, registry)
    seed, dtype, validation = choice("seed"), np.dtype(choice("dtype")), choice("validation")
    split = choice("split")
    wishes = Wishes(
        target=target or (),
        task=given.get("task") if isinstance(source.content, Data) else task,
        split=None if split is None else Split.parse(split),
        validation=validation,
        seed=seed,
        options=options,
        in_units=_in_units(named, options),
    )
    rows = source.rows(
        wishes, dtype, read=read, sample_weight=sample_weight, stream=asked.get("stream")
    )
    train_rows, validation_rows = rows.parts.training, rows.parts.validation

    loss = cast(Loss, choice.part("loss", default=DEFAULT_LOSS[rows.task]))
    follows = output_activation_name(rows.task, loss)
    output_activation = cast(Activation, choice.part("output_activation", "activation", follows))
    width = len(rows.classes) or rows.targets.shape[1]
    head = Head(rows.task, loss, output_activation, width)
    _check_targets(head, rows, source.name)
    shape = choice.network()
    metrics = cast(
        "tuple[Metric, ...]", choice.parts("metrics", "metric", (DEFAULT_METRIC[rows.task],))
    )
    columns = by_column(metrics)
    for column, metric in columns.items():
        if column in OWN_COLUMNS:
            raise SettingError(
                f"metric {metric.name!r} ({metric.place}) has the name of a column that every "
                "history has; give it another."
            )
        if metric.takes != "prediction" and rows.task == "regression":
            raise SettingError(
                f"metric {metric.name!r} compares {metric.takes} with labels, which a regression "
                "does not have.\nUse r2, mse or mae."
            )
    optimizer = choice.optimizer(dtype)
    initializer = cast(Initializer, choice.part("initializer"))
    schedule = cast(Schedule, choice.part("schedule"))
    network = Network.of(
        rows.inputs.shape[1],
        shape.layers,
        head.outputs,
        output_activation=output_activation,
        dtype=dtype,
    )
    network.group(rate=choice("rate"), decay=choice("decay"))
    some = rows.first_inputs(START_ROWS) if initializer.from_inputs else None
    network.initialize(initializer, seed, some)
    stopping = follow(choice, columns, schedule, validation=len(validation_rows) > 0)
    class_weight = choice("class_weight")
    weights = _weights(class_weight, rows, train_rows, validation_rows)
    expected = choice("epochs")
    waits = stopping is not None and stopping.patience is not None and len(validation_rows) > 0
    # Where patience is there to end the run, epochs that nobody asked for are but a limit.
    epochs = EPOCH_LIMIT if waits and not choice.says("epochs") else expected
    batch_size = choice("batch_size")
    if batch_size == "full" and rows.disk is not None:
        raise SettingError("batch_size='full': a table that is streamed is never in memory whole.")
    step_rows = len(train_rows) if batch_size == "full" else min(batch_size, len(train_rows))
    engine = choose_engine(
        choice("engine"),
        registry,
        widths=network.widths,
        slots=len(optimizer.slots),
        rows=step_rows,
        steps=expected * -(-len(train_rows) // step_rows),
    )
    settings = choice.record(
        data=source.name,
        task=rows.task,
        **shape.settings,
        output_activation=output_activation.text,
        loss=loss.text,
        optimizer=optimizer.text,
        initializer=initializer.text,
        schedule=schedule.text,
        epochs=epochs,
        batch_size=batch_size,
        class_weight={str(key): float(each) for key, each in class_weight.items()}
        if isinstance(class_weight, Mapping)
        else class_weight,
        split=_without_folder(rows.split),
        monitor=None if stopping is None else stopping.monitor,
        patience=None if stopping is None else stopping.patience,
        min_delta=0.0 if stopping is None else stopping.min_delta,
        metrics=tuple(metric.text for metric in metrics),
        engine=spelled_engine(engine, registry),
        log_every=choice("log_every", _lines(epochs, stopping)),
        table=None if rows.encoder is None else asked_of_table(rows.encoder, options, read),
    )
    roles = {
        "layers": tuple(flat(shape.layers)),
        "output_activation": (output_activation,),
        "loss": (loss,),
        "metrics": metrics,
        "optimizer": optimizer.chain,
        "schedule": (schedule,),
        "initializer": (initializer,),
        "dataset": (source.dataset,) if source.dataset is not None else (),
    }
    info = ModelInfo.of(
        network,
        roles,
        registry.provider,
        task=rows.task,
        classes=rows.classes,
        features=rows.features,
        encoder=rows.encoder,
        settings=settings.to_dict(),
    )
    model = Model(network, head, rows.encoder, info, registry)
    return Run(
        settings=settings,
        network=network,
        head=head,
        model=model,
        loss=loss,
        optimizer=optimizer,
        schedule=schedule,
        metrics=metrics,
        parts=tuple(part for every in roles.values() for part in every),
        source=source,
        rows=rows,
        train_rows=train_rows,
        validation_rows=validation_rows,
        weights=weights,
        stopping=stopping,
    )


def prepare_from(
    configuration: Configuration,
    registry: Registry,
    *,
    data: Any = None,
    sample_weight: Any = None,
) -> Run:
    """Prepare the run that a configuration describes.

    Parameters
    ----------
    data, sample_weight : optional
        Instead of the configuration's data, or where it has none.

    Raises
    ------
    SettingError
        If it lacks its data, or another argument that was an object.
    """
    settings = dict(configuration.settings)
    named = settings.pop("data", None)
    given = {"data": named if data is None else data, "sample_weight": sample_weight}
    for name, each in given.items():
        if each is None and (name == "data" or name in configuration.given_in_python):
            what = "was an object in Python" if name in configuration.given_in_python else "is none"
            raise SettingError(
                f"{name}: the configuration does not hold it: it {what}.\n"
                f"Give it: {name}=..., on the command line "
                + ("as DATA." if name == "data" else "there is no way to.")
            )
    return prepare(
        given["data"],
        target=settings.pop("target", None),
        registry=registry,
        sample_weight=sample_weight,
        **settings,
    )


def _named_loss(asked: Any, registry: Registry) -> Loss | None:
    """Find the loss that the user names; it says what targets it is for."""
    return None if asked is None else cast(Loss, registry.get("loss", asked))


def _asked_task(asked: Task | None, loss: Loss | None) -> Task | None:
    """Say which task is asked for; whole numbers are classes for most losses, counts for some."""
    return "regression" if asked is None and loss is not None and loss.for_numbers else asked


def _in_units(loss: Loss | None, options: TableOptions) -> bool:
    """Tell whether targets keep their units: a standardised target is neither a count nor positive.

    Raises
    ------
    SettingError
        If they are to be transformed too.
    """
    if loss is None or loss.targets == "real":
        return False
    if options.target_transform is not None:
        raise SettingError(
            f"target_transform={options.target_transform!r}: loss {loss.name!r} is for targets in "
            "their own unit.\nLeave one of the two out."
        )
    return True


def _check_targets(head: Head, rows: Rows, source: str) -> None:
    """Refuse targets that the loss is not for, before anything is trained."""
    if rows.task == "regression":
        columns = () if rows.encoder is None else rows.encoder.target
        what = f"target {', '.join(map(quote, columns))}" if columns else "the targets"
        head.check_targets(rows.targets, f"{source}: {what}", first=int(bool(columns)))


def _lines(epochs: int, stopping: Stopping | None) -> int:
    """Choose the epochs between lines: ten lines in all; with patience one as it runs out."""
    waits = None if stopping is None else stopping.patience
    return max(1, epochs // 10 if waits is None else max(epochs // 25, min(epochs // 10, waits)))


def _without_folder(split: Split) -> str:
    """Write how rows were split; a file by its name alone, as the data is."""
    return f"file:{Path(split.name).name}" if split.way == "file" else split.text


def _weights(
    class_weight: Any, rows: Rows, train_rows: AnyArray, validation_rows: AnyArray
) -> AnyArray | None:
    """Give what each row counts for; refuse a part of which no row counts: it has no mean.

    Raises
    ------
    SettingError
    """
    weights = rows.weights
    if class_weight is not None:
        weights = _weigh_classes(class_weight, rows, train_rows, weights)
    for name, part in (("training", train_rows), ("validation", validation_rows)):
        if weights is not None and len(part) and not weights[part].any():
            raise SettingError(
                f"weights: all {len(part):,} rows for {name} weigh 0, so that they have no mean "
                "loss.\nGive some of them a weight, or choose the rows for validation otherwise: "
                "--split, --validation."
            )
    return weights


def _weigh_classes(
    given: Any, rows: Rows, train_rows: AnyArray, weights: AnyArray | None
) -> AnyArray:
    """Multiply what each row counts for by what its class does."""
    if rows.task not in ("binary", "multiclass"):
        raise SettingError(
            f"class_weight={given!r}: it weighs rows by their class; a row of a {rows.task} task "
            "has none, or several.\nUse weights of rows instead: sample_weight."
        )
    by_class = class_weights(given, rows.classes, rows.targets[train_rows])
    by_row = by_class[rows.targets].reshape(-1, 1)
    return by_row if weights is None else weights * by_row
