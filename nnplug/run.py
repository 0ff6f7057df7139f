"""The Python API: `nnplug.train` and the run that it returns."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from nnplug.callbacks import Callbacks
from nnplug.engines import choose_engine, find_engine
from nnplug.errors import DivergedError, SettingError
from nnplug.interruption import Interruption
from nnplug.models import Model, ModelInfo, load_model
from nnplug.network import Network
from nnplug.parts import (
    Activation,
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
from nnplug.registry import Registry
from nnplug.settings import (
    SETTINGS,
    TABLE_SETTINGS,
    Choice,
    Settings,
    amount,
    dropout_shares,
    follow,
    layer_widths,
    share,
    table_choices,
    whole_number,
)
from nnplug.sources import Rows, Source, asked_of_table, find_source
from nnplug.tables import Split, Wishes
from nnplug.tasks import DEFAULT_LOSS, DEFAULT_METRIC, Head, class_weights, output_activation_name
from nnplug.training import (
    OWN_COLUMNS,
    Batches,
    EpochRecord,
    History,
    RowsInMemory,
    Stopping,
    StreamedRows,
    Trainer,
)
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.configuration import Configuration
    from nnplug.keeping import Identity, Keeper

__all__ = ["Run", "default_registry", "fit", "keep", "load", "prepare", "train"]


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
    history: History = field(default_factory=History)

    # --- after training ---------------------------------------------------------------

    def outputs(self, data: Any) -> AnyArray:
        """Compute the network's outputs for new rows; see `Model.outputs`."""
        return self.model.outputs(data)

    def predict(self, data: Any) -> AnyArray:
        """Predict the target of new rows; see `Model.predict`."""
        return self.model.predict(data)

    def probabilities(self, data: Any) -> AnyArray:
        """Compute the probability of each class for new rows; see `Model.probabilities`."""
        return self.model.probabilities(data)

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
        from nnplug.report import Facts, write_page  # noqa: PLC0415  # few runs ask for one

        batches = batches or self.batches()
        part = "validation" if len(self.validation_rows) else "training"
        chunks = batches.validation() if part == "validation" else batches.training()
        found = [(self.model.run(x), self.head.decode(y)) for x, y, _ in chunks]
        return write_page(
            Facts.of(
                self.model,
                self.settings.to_dict(),
                self.history,
                found,
                part=part,
                rows=(len(self.train_rows), len(self.validation_rows)),
                notes=self.rows.notes,
                ended=self.ended,
                command=command,
            )
        )

    # --- during training --------------------------------------------------------------

    def measure(self, outputs: AnyArray, targets: AnyArray) -> dict[str, float]:
        """Compute the metrics from outputs (N, C) and targets as the loss takes them."""
        return self.model.measure(self.metrics, outputs, self.head.decode(targets))

    @property
    def regularization(self) -> Regularization:
        """Penalties, dropout and clipping, as the settings say."""
        said = self.settings
        return Regularization(said.alpha, said.l1, said.dropout, said.clip_global_norm)

    def trainer(self) -> Trainer:
        """Make what trains the run's network, on the run's rows, from where it stands."""
        settings = self.settings
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
            engine=find_engine(settings.engine),
        )

    def batches(self) -> Batches:
        """Give the run's rows to the training loop, from memory or from disk."""
        size, seed = self.settings.batch_size, self.settings.seed
        targets = self.head.encode(self.rows.targets, self.network.dtype)
        if self.rows.disk is not None and size != "full":
            stream = self.rows.disk.stream(targets, self.weights, size, seed)
            return StreamedRows(stream, size)
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
        from nnplug.configuration import (  # noqa: PLC0415  # few runs are kept
            CHECKPOINT_EVERY,
            Configuration,
        )

        return Configuration.of(
            self.settings,
            self.model.info,
            self.rows,
            self.source,
            checkpoint_every=str(checkpoint_every or CHECKPOINT_EVERY),
            plugins=tuple(plugins),
            given_in_python=tuple(given_in_python),
        )

    def identity(self, configuration: Configuration) -> Identity:
        """Say what a state must be of, for this run to be taken up from it."""
        from nnplug.keeping import Identity  # noqa: PLC0415  # few runs are kept

        registry = self.model.registry
        local = [part for part in self.parts if registry.provider(part).package == "local"]
        return Identity.of(configuration, self.rows, self.weights, local)

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
    alpha: float | None = None,
    l1: float | None = None,
    dropout: float | Sequence[float] | None = None,
    clip_global_norm: float | None = None,
    class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
    monitor: str | None = None,
    patience: int | None = None,
    min_delta: float | None = None,
    metrics: Sequence[str | Metric] | None = None,
    seed: int | None = None,
    engine: str | None = None,
    dtype: str | None = None,
    log_every: int | None = None,
    sample_weight: Any = None,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    numeric: Sequence[str] = (),
    missing: str | None = None,
    drop_missing_targets: bool = False,
    weights: str | None = None,
    split: str | None = None,
    read: Mapping[str, Any] | None = None,
    sql: str | None = None,
    stream: bool | None = None,
    output: str | os.PathLike[str] | None = None,
    checkpoint_every: str | int | None = None,
    registry: Registry | None = None,
    callbacks: Sequence[object] = (),
) -> Run:
    """Train a network.

    Where an argument is None, the dataset's recipe decides, then the
    defaults: one hidden layer of 100 relu units, adam, 100 epochs in batches
    of 32, a fifth of the rows for validation, float32, seed 0.

    Parameters
    ----------
    data : str, path, pair of arrays, Dataset, DataFrame or mapping
        A dataset's name, or a dataset; a table's path; inputs (N, D) and targets (N,) or
        (N, K), which are used as they are; or a table, whose columns are
        standardised and one-hot encoded.
    target : str or sequence of str, optional
        The column to predict, of a table.
    task : str, optional
        `"regression"`, `"binary"`, `"multiclass"` or `"multilabel"`; else
        inferred.
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
        The share of rows kept for validation, at least 0 and below 1. If
        there are any, the run ends with the weights of its best epoch.
    alpha : float, optional
        L2 penalty: ½·alpha·Σw² is added to the loss of a sample, over weights
        and not biases, whatever the batch size.
    l1 : float, optional
        L1 penalty, likewise: l1·Σ|w|.
    dropout : float or sequence of float, optional
        The share of the hidden layers' outputs that a training step drops,
        one for all layers or one for each, from 0 to below 1.
    clip_global_norm : float, optional
        The longest that the vector of all gradients may be.
    class_weight : "balanced" or mapping, optional
        What the rows of each class count for in the loss, times
        `sample_weight`; `"balanced"`: inversely to how many they are.
    monitor : str, optional
        By which number the best epoch is found: `"validation_loss"`,
        `"loss"`, or one of the metrics. Else it is the validation loss where
        there is a validation part, and with `patience` the loss.
    patience : int, optional
        Stop after this many epochs in a row that did not improve it.
    min_delta : float, optional
        By how much it must improve to be waited for; 0 by default.
    metrics : sequence of str or Metric, optional
        Else r2 or accuracy, by the task.
    seed : int, optional
    engine : str, optional
        What runs the plan: `"numpy"`, `"numba"` (needs the extra `fast`), or
        `"auto"`, the one that is expected to be done first.
    dtype : str, optional
        `"float32"` or `"float64"`.
    log_every : int, optional
        Epochs between the lines that the command line prints.
    sample_weight : array, optional
        (N,), what each row counts for, at least 0: the loss is then Σwℓ / Σw,
        in training and in validation. Metrics count every row alike.
    columns : sequence of str, optional
        The columns of a table to predict from, instead of all.
    drop : sequence of str, optional
        Columns of a table that are not used.
    categorical, numeric : sequence of str, optional
        Columns of a table that are categories, or numbers, whatever they
        look like.
    missing : str, optional
        What is done where an input lacks a value: `"mean"` (the default) or
        `"median"` of the training rows stands for it and another input says
        where, `"drop"` leaves the row out, `"refuse"` is an error. A category
        that is missing is a category of its own.
    drop_missing_targets : bool, optional
        Whether rows without a target are left out; else they are an error.
    weights : str, optional
        The column of a table that says what each row counts for, as
        `sample_weight`.
    split : str, optional
        How the rows for validation are chosen: `"random"`, `"stratified"` (the
        default for classes), `"time:COLUMN"` (the last ones), `"group:COLUMN"`
        (whole groups), `"column:COLUMN"` (as the column says) or `"file:PATH"`
        (those of another file).
    read : mapping, optional
        How a table's file is read: the fields of `nnplug.tables.ReadOptions`.
    sql : str, optional
        A query over the file, which it calls `data`.
    stream : bool, optional
        Whether a table's rows are encoded to a temporary file and trained on
        from there, load by load; by default where they would take more than a
        quarter of the machine's memory.
    output : path, optional
        A folder to keep the run in, new or empty: its configuration, model,
        history, report, and checkpoints, from which `nnplug.resume` goes on.
        SIGINT and SIGTERM then wait until a checkpoint is written. What cannot
        be written is a warning; the run is returned all the same.
    checkpoint_every : int or str, optional
        Epochs between checkpoints, or a time: `"30s"`, `"5m"`; a minute by default.
    registry : Registry, optional
        Where names are looked up; by default all installed parts.
    callbacks : sequence of object, optional
        Objects with methods `on_train_start(run)`, `on_epoch_end(run, record)`
        and `on_train_end(run)`, as far as they have them; an `on_epoch_end`
        that returns True ends the run after that epoch.

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
    named = {*SETTINGS, *TABLE_SETTINGS}
    given = {key: value for key, value in locals().items() if key in named}
    registry = registry or default_registry()
    if output is not None:
        from nnplug.run_folder import check_free  # noqa: PLC0415  # few runs are kept

        check_free(output)
    with registry.naming_culprits():
        run = prepare(data, target=target, registry=registry, sample_weight=sample_weight, **given)
        hooks = Callbacks(registry.plugins, run.parts, callbacks)
        if output is None:
            fit(run, hooks)
        else:
            objects = {"sample_weight": sample_weight, "callbacks": callbacks or None}
            configuration = run.configuration(
                checkpoint_every=checkpoint_every,
                given_in_python=[name for name, each in objects.items() if each is not None],
            )
            with keep(run, output, configuration) as keeper:
                fit(run, hooks, keeper=keeper)
    return run


def keep(
    run: Run,
    output: str | os.PathLike[str],
    configuration: Configuration,
    *,
    record: Mapping[str, Any] | None = None,
    say: Callable[[str], None] | None = None,
) -> Keeper:
    """Make the folder of a run that was prepared, and what keeps it there.

    Parameters
    ----------
    record : mapping, optional
        More for `run.json`.
    say : callable, optional
        See `Keeper`.

    Raises
    ------
    StorageError
        If the folder is there with something in it, or cannot be made.
    """
    from nnplug.keeping import Every, Keeper  # noqa: PLC0415  # few runs are kept
    from nnplug.run_folder import RunFolder  # noqa: PLC0415  # the same

    Every.parse(configuration.checkpoint_every)  # before a folder is made
    folder = RunFolder.create(output, configuration.to_toml())
    keeper = Keeper(
        folder,
        configuration,
        run.identity(configuration),
        record={**run.described(), **(record or {})},
        say=say,
    )
    keeper.begin()
    return keeper


@cache
def default_registry() -> Registry:
    """Give the registry of the Python API, made on first use."""
    return Registry.from_environment()


def load(
    path: str | os.PathLike[str],
    *,
    registry: Registry | None = None,
    allow_other_versions: bool = False,
) -> Model:
    """Load a model that `Run.save` wrote.

    Nothing in the file is run. It names parts, which are looked up among the
    installed ones.

    Parameters
    ----------
    registry : Registry, optional
        Where the parts are looked up; by default all installed parts.
    allow_other_versions : bool, optional
        Whether a package of another major version may stand for the one that
        the model was made with.

    Returns
    -------
    Model

    Raises
    ------
    ModelFileError
        If it is no model file, a damaged one, or one that needs parts that are
        not installed: the message says what to install.
    StorageError
        If the file cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "xor.safetensors"
    >>> train("xor", epochs=3000).save(path)
    >>> load(path).predict([[0, 1], [1, 1]]).tolist()
    [1, 0]
    """
    registry = registry or default_registry()
    return load_model(path, registry, allow_other_versions=allow_other_versions)


def fit(
    run: Run,
    callbacks: Callbacks,
    report: Callable[[Run, int], None] | None = None,
    *,
    should_stop: Callable[[], bool] | None = None,
    keeper: Keeper | None = None,
) -> None:
    """Train a prepared run in place; see `train`.

    Parameters
    ----------
    callbacks : Callbacks
    report : callable, optional
        Called with the run and the epoch's number after the epochs that a
        line is printed for, and after others, about ten times a second.
    should_stop : callable, optional
        Asked between steps whether to leave the run where it is; see
        `Trainer.run`. `run.ended` is then None.
    keeper : Keeper, optional
        Keeps the run in its folder. SIGINT and SIGTERM then end it after a
        step and a checkpoint, and a second one at once.

    Raises
    ------
    DivergedError
        If a number is not finite.
    KeyboardInterrupt, SystemExit
        After SIGINT and SIGTERM; see `Interruption.deliver`.
    """

    def on_epoch(epoch: int) -> bool:
        if report is not None:
            report(run, epoch)
        if "on_epoch_end" not in callbacks:
            return False
        record = run.history.record(epoch)
        return callbacks.call("on_epoch_end", epoch, run=run, record=record)

    callbacks.call("on_train_start", run=run)
    # Without hooks nobody looks at an epoch that no line is printed for.
    every = 1 if "on_epoch_end" in callbacks else run.settings.log_every
    trainer = run.trainer()
    # Somebody is asked in any case: an interrupt waits until a call of many steps returns.
    stop = should_stop or (lambda: False)
    if keeper is None:
        trainer.run(on_epoch=on_epoch, every=every, should_stop=stop)
        run.ended = trainer.ended
    else:
        _fit_kept(run, trainer, keeper, on_epoch, every, stop)
    if run.ended is not None:
        callbacks.call("on_train_end", run=run)


def _fit_kept(
    run: Run,
    trainer: Trainer,
    keeper: Keeper,
    on_epoch: Callable[[int], bool],
    every: int,
    stop: Callable[[], bool],
) -> None:
    """Train, keep the run, and let signals wait until it is safe."""
    run.folder = keeper.folder.path

    def report() -> str:
        return run.report("\n".join(keeper.commands), batches=trainer.batches)

    def should_stop() -> bool:
        keeper.look()
        return interruption.number is not None or stop()

    def after_epoch(epoch: int) -> bool:
        asked = on_epoch(epoch)
        keeper.after_epoch(asked)
        return asked

    with Interruption() as interruption:
        try:
            keeper.attach(trainer)
            trainer.run(on_epoch=after_epoch, every=every, should_stop=should_stop)
        except DivergedError as error:
            keeper.diverged(run.model, error, report)
            raise
        except Exception as error:
            keeper.broke(error)
            raise
        run.ended = trainer.ended
        if run.ended is None:
            keeper.interrupted()
        else:
            keeper.done(run.model, run.ended, report)
    if run.ended is None:
        interruption.deliver()


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
    source = find_source(data, target, given.get("task"), registry, read)
    choice = Choice(given, source.recipe, registry)
    seed = whole_number("seed", choice("seed"), 0)
    dtype = choice.dtype()
    validation = share("validation", choice("validation"))
    split = choice("split")
    wishes = Wishes(
        target=target or (),
        task=given.get("task"),
        split=None if split is None else Split.parse(split),
        validation=validation,
        seed=seed,
        options=options,
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
    hidden = layer_widths(choice("hidden"))
    activations = cast("tuple[Activation, ...]", choice.parts("activation"))
    if len(activations) == 1:
        activations *= len(hidden)
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
    network = Network(
        rows.inputs.shape[1],
        hidden,
        head.outputs,
        activations=activations,
        output_activation=output_activation,
        dtype=dtype,
    )
    network.initialize(initializer, seed)
    stopping = follow(choice, columns, validation=len(validation_rows) > 0)
    weights = rows.weights
    class_weight = choice("class_weight")
    if class_weight is not None:
        weights = _weigh_classes(class_weight, rows, train_rows, weights)
    clip = choice("clip_global_norm")
    epochs = whole_number("epochs", choice("epochs"), 1)
    batch_size = _batch_size(choice("batch_size"), rows)
    step_rows = len(train_rows) if batch_size == "full" else min(batch_size, len(train_rows))
    engine = choose_engine(
        choice("engine"),
        widths=[rows.inputs.shape[1], *hidden, head.outputs],
        slots=len(optimizer.slots),
        rows=step_rows,
        steps=epochs * -(-len(train_rows) // step_rows),
    )
    settings = Settings(
        data=source.name,
        task=rows.task,
        hidden=hidden,
        activation=tuple(part.text for part in activations),
        output_activation=output_activation.text,
        loss=loss.text,
        optimizer=optimizer.text,
        initializer=initializer.text,
        schedule=schedule.text,
        epochs=epochs,
        batch_size=batch_size,
        alpha=amount("alpha", choice("alpha")),
        l1=amount("l1", choice("l1")),
        dropout=dropout_shares(choice("dropout"), hidden),
        clip_global_norm=None if clip is None else amount("clip_global_norm", clip, above=True),
        class_weight={str(key): float(each) for key, each in class_weight.items()}
        if isinstance(class_weight, Mapping)
        else class_weight,
        validation=validation,
        split=_without_folder(rows.split),
        monitor=None if stopping is None else stopping.monitor,
        patience=None if stopping is None else stopping.patience,
        min_delta=0.0 if stopping is None else stopping.min_delta,
        metrics=tuple(metric.text for metric in metrics),
        seed=seed,
        engine=engine.name,
        dtype=dtype.name,
        log_every=whole_number("log_every", choice("log_every", max(1, epochs // 10)), 1),
        table=None if rows.encoder is None else asked_of_table(rows.encoder, options, read),
    )
    roles = {
        "activation": activations,
        "output_activation": (output_activation,),
        "loss": (loss,),
        "metrics": metrics,
        "optimizer": (optimizer,),
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


def _without_folder(split: Split) -> str:
    """Write how rows were split; a file by its name alone, as the data is."""
    return f"file:{Path(split.name).name}" if split.way == "file" else split.text


def _batch_size(given: Any, rows: Rows) -> int | Literal["full"]:
    """Take the rows of a step."""
    if given != "full":
        return whole_number("batch_size", given, 1)
    if rows.disk is not None:
        raise SettingError("batch_size='full': a table that is streamed is never in memory whole.")
    return "full"


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
