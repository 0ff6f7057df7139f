"""The Python API: `nnplug.train` and `nnplug.resume`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from nnplug.errors import SettingError
from nnplug.launch import is_first
from nnplug.parts import (
    Activation,
    Encoding,
    Initializer,
    Layer,
    Loss,
    Metric,
    Optimizer,
    Recipe,
    Schedule,
    Task,
)
from nnplug.plugins.registry import Registry
from nnplug.runs import starting
from nnplug.runs.fitting import Callbacks, fit
from nnplug.runs.preparing import default_registry, prepare, prepare_from
from nnplug.runs.run import Run
from nnplug.runs.settings import ROWS

if TYPE_CHECKING:
    from nnplug.models import Model

__all__ = ["resume", "train"]


def train(
    data: Any = "xor",
    *,
    target: str | Sequence[str] | None = None,
    task: Task | None = None,
    recipe: str | Recipe | None = None,
    hidden: int | Sequence[int] | None = None,
    activation: str | Activation | Sequence[str | Activation] | None = None,
    layers: str | Sequence[str | Layer | Activation] | None = None,
    output_activation: str | Activation | None = None,
    loss: str | Loss | None = None,
    optimizer: str | Optimizer | None = None,
    learning_rate: float | None = None,
    rate: Mapping[str, float | str] | None = None,
    initializer: str | Initializer | None = None,
    schedule: str | Schedule | None = None,
    epochs: int | None = None,
    batch_size: int | Literal["full"] | None = None,
    validation: float | None = None,
    l2: float | None = None,
    l1: float | None = None,
    decay: Mapping[str, float | str] | None = None,
    dropout: float | Sequence[float] | None = None,
    clip_global_norm: float | None = None,
    class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
    monitor: str | None = None,
    patience: int | Literal["none"] | None = None,
    min_delta: float | None = None,
    metrics: Sequence[str | Metric] | None = None,
    members: int | Literal["auto"] | None = None,
    folds: int | None = None,
    seed: int | None = None,
    shards: int | None = None,
    engine: str | None = None,
    dtype: str | None = None,
    interval: float | None = None,
    increasing: str | Sequence[str] | None = None,
    decreasing: str | Sequence[str] | None = None,
    log_every: int | None = None,
    sample_weight: Any = None,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    numeric: Sequence[str] = (),
    missing: str | None = None,
    encoding: str | Encoding | Mapping[str, str | Encoding] | None = None,
    drop_missing_targets: bool = False,
    weights: str | None = None,
    target_transform: Literal["none", "log", "asinh", "auto"] | None = None,
    split: str | None = None,
    read: Mapping[str, Any] | None = None,
    sql: str | None = None,
    stream: bool | None = None,
    output: str | os.PathLike[str] | None = None,
    checkpoint_every: str | int | None = None,
    start: Model | None = None,
    registry: Registry | None = None,
    callbacks: Sequence[object] = (),
    on: str | int = 1,
) -> Run:
    """Train a network.

    Where an argument is None, the recipe decides: of a table, `default`; of a
    dataset, its own; of arrays, none. Then come the defaults: one hidden layer of
    100 relu units, adam, batches of 32, a fifth of the rows for validation,
    float32, seed 0. Training stops after 20 epochs in a row that did not improve the
    validation loss, at the latest after 500; without validation rows, after 100 epochs.

    Parameters
    ----------
    data : str, path, pair of arrays, Dataset, DataFrame or mapping
        A dataset or its name; the path of a table, or a table, whose columns are
        encoded; or inputs (N, D) and targets (N,) or (N, K), used as they are.
    target : str or sequence of str, optional
        The column of a table to predict.
    task : str, optional
        `"regression"`, `"binary"`, `"multiclass"`, `"multilabel"`, or as the target is.
    recipe : str or Recipe, optional
        Settings with a name, by data and task; or `"none"`.
    hidden : int or sequence of int, optional
        Units of the hidden layers; `()` for no hidden layer.
    activation : str or Activation, or a sequence of them, optional
        One for all hidden layers, or one for each layer.
    layers : str, or a sequence of str, Layer or Activation, optional
        The layers before the output, in place of `hidden`, `activation` and
        `dropout`:
        `"dense:64 layer_norm gelu dropout:0.1 residual[dense:64 relu dense:64]"`,
        or a list of such texts and of parts.
    output_activation : str or Activation, optional
        By default the one that fits the loss and the task.
    loss : str or Loss, optional
        By default mse, binary_cross_entropy or cross_entropy, by the task.
    optimizer : str or Optimizer, optional
    learning_rate : float, optional
        In place of the optimizer's own.
    rate : mapping of str to float, optional
        Factors on learning rates by patterns of arrays' names: `{"*.bias": 0.1}`.
    initializer : str or Initializer, optional
    schedule : str or Schedule, optional
    epochs : int, optional
    batch_size : int or "full", optional
    validation : float, optional
        The share of the rows to hold out for validation, at least 0 and below 1; members
        hold out rows of their own without it. The weights at the end are those of the best epoch.
    l2 : float, optional
        L2 penalty: ½·l2·Σw² is added to the loss of a sample, over weights
        and not biases, whatever the batch size.
    l1 : float, optional
        L1 penalty, likewise: l1·Σ|w|.
    decay : mapping of str to float, optional
        Factors on penalties and weight decay by patterns of names: `{"*.bias": 0}`.
    dropout : float or sequence of float, optional
        Share of hidden units that a step drops, in [0, 1): of all layers, or of each.
    clip_global_norm : float, optional
        Clip the gradients to this global norm.
    class_weight : "balanced" or mapping, optional
        Weights of the classes in the loss, which multiply `sample_weight`;
        `"balanced"`: inversely proportional to the number of their rows.
    monitor : str, optional
        What decides which epoch is best: `"validation_loss"`, `"loss"` or one
        of the metrics. By default the validation loss, if there are validation
        rows; else, with `patience`, the loss.
    patience : int or "none", optional
        Stop after this many epochs in a row without an improvement; `"none"`: take
        all. By default 20 with validation rows, unless schedule or recipe plan them.
    min_delta : float, optional
        The smallest change that counts as an improvement; 0 by default.
    metrics : sequence of str or Metric, optional
        By default r2 or accuracy, by the task.
    members : int or "auto", optional
        Networks to train, with other starts and rows held out, whose mean predicts.
    folds : int, optional
        First cross-validate with so many folds: `run.cross_validation` has the scores of
        rows that neither training nor early stopping saw. The run itself has all rows.
    seed : int, optional
        Seed of every random draw.
    shards : int, optional
        Cut each batch into this many shards, a power of two. The processes that
        `mpiexec` starts then train one network, the same however many they are.
    engine : str, optional
        What runs the steps: an engine by its name, such as `"numpy"`, or
        `"auto"` for the one that is expected to be fastest.
    dtype : str, optional
        `"float32"` or `"float64"`.
    interval : float, optional
        The level, such as 0.9, of intervals of numbers or sets of classes. The model gives
        them at any level; with this, `nnplug predict` gives them by default.
    increasing, decreasing : str or sequence of str, optional
        Columns of numbers with which the prediction never falls, or never
        rises; of two classes, the probability of the second. The network has
        dense layers, dropout and activations that never fall.
    log_every : int, optional
        Epochs between the lines that the command line prints.
    sample_weight : array, optional
        (N,), the weight of each row, at least 0: the loss is then Σwℓ / Σw, in
        training and in validation. Metrics count all rows equally.
    columns : sequence of str, optional
        The columns of a table to predict from; by default all.
    drop : sequence of str, optional
        Columns of a table to leave out.
    categorical, numeric : sequence of str, optional
        Columns to take as categories, or as numbers, whatever they look like.
    missing : str, optional
        What to do where an input has no value: use the `"mean"` (the default)
        or `"median"` of the training rows, with another input that tells where;
        `"drop"` the row; or `"refuse"` the table. A missing category is a
        category of its own.
    encoding : str or Encoding, or a mapping of them, optional
        How a table's columns become inputs: `"piecewise_linear:bins=16 robust_clip"`;
        or by their names, `{"price": "robust_clip[log]"}`, with `"*"` for all others.
    drop_missing_targets : bool, optional
        Whether to leave out rows without a target; otherwise they are an error.
    weights : str, optional
        The column of a table that holds each row's weight, as `sample_weight`.
    target_transform : str, optional
        Learn a transform of a table's target: `"log"` of numbers above 0, `"asinh"`
        of any, or by `"auto"` the logarithm if that is less skewed. The loss is of
        it, standardised; predictions and metrics are in the target's unit.
    split : str, optional
        How to choose the rows for validation: `"random"`, `"stratified"` (the default for
        classes), `"time:COLUMN"` (the last ones), `"group:COLUMN"` (whole groups),
        `"column:COLUMN"` (those that the column marks) or `"file:PATH"` (those of another file).
    read : mapping, optional
        How to read a table's file: the fields of `nnplug.tables.ReadOptions`.
    sql : str, optional
        Rows to take: an SQL query over the file, called `data`.
    stream : bool, optional
        Whether to train from a temporary file of encoded rows, a part at a time; by
        default if they would take more than a quarter of the machine's memory.
    output : path, optional
        A folder to keep the run in, new or empty: its configuration, model, history, report,
        and checkpoints, from which `nnplug.resume` goes on. SIGINT and SIGTERM then wait until a
        checkpoint is written. What cannot be written is a warning; the run is returned anyway.
    checkpoint_every : int or str, optional
        Epochs between checkpoints, or a time: `"30s"`, `"5m"`; a minute by default.
    start : Model, optional
        Train on from this model, as `nnplug.from_torch` gives: with its layers
        and weights, its task and its loss. The data are arrays, and the model
        itself is not changed. Such a run cannot be resumed.
    registry : Registry, optional
        Where names are looked up; by default among all installed parts.
    callbacks : sequence of object, optional
        Objects with some of the methods `on_train_start(run)`,
        `on_batch_end(run, record)`, `on_epoch_end(run, record)` and
        `on_train_end(run)`. An `on_epoch_end` or `on_batch_end` that returns
        True ends the run after that epoch.
    on : int or str, optional
        Where folds are trained: so many processes, `"dask://HOST:PORT"`,
        `"ray://HOST:PORT"` or a backend of joblib. The scores are the same.

    Returns
    -------
    Run

    Raises
    ------
    NnplugError
        If a part, a setting or the data cannot be used, or training diverged;
        the message is written for the user.

    Examples
    --------
    >>> run = train("xor", epochs=3000)
    >>> run.predict([[0, 1], [1, 1]]).tolist()
    [1, 0]
    """
    apart = ("data", "target", "checkpoint_every")
    given = {key: value for key, value in locals().items() if key in ROWS and key not in apart}
    if shards is not None and not is_first():
        output = None  # rank 0 keeps the run
    registry = registry or (default_registry() if start is None else start.registry)
    if start is not None:
        given = starting.started(given, start)
    if output is not None:
        from nnplug.runs.folder import check_free  # noqa: PLC0415  # few runs are kept

        check_free(output)
    if start is not None and folds is not None:
        raise SettingError("folds and start: each fold begins anew. Leave one of the two out.")
    with registry.naming_culprits():
        more = {"registry": registry, "sample_weight": sample_weight, "usual_recipe": True}
        run = prepare(data, target=target, **more, **given)
        if (count := run.settings.folds) is not None:
            from nnplug.runs import cross_validation as cv  # noqa: PLC0415  # few runs have folds

            asked = {**given, "target": target}
            dealt = cv.Folds.of(data, asked, count, registry=registry, sample_weight=sample_weight)
            run.cross_validation = cv.cross_validate(dealt, str(on))
        if start is not None:
            starting.start_from(run, start)
        hooks = Callbacks(registry.plugins, run.used, callbacks)
        if output is None:
            fit(run, hooks)
        else:
            objects = {"sample_weight": sample_weight, "start": start}
            objects["callbacks"] = callbacks or None
            configuration = run.configuration(
                checkpoint_every=checkpoint_every,
                given_in_python=[name for name, value in objects.items() if value is not None],
            )
            from nnplug.runs.keeping import keep  # noqa: PLC0415  # few runs are kept

            with keep(run, output, configuration) as keeper:
                fit(run, hooks, keeper=keeper)
    return run


def resume(
    path: str | os.PathLike[str],
    *,
    data: Any = None,
    sample_weight: Any = None,
    allow_changes: bool = False,
    registry: Registry | None = None,
    callbacks: Sequence[object] = (),
    **changes: Any,
) -> Run:
    """Go on with a run that `train` kept in a folder.

    On the same machine with the same versions, the result is that of the
    uninterrupted run to the bit.

    Parameters
    ----------
    path : path
        The folder.
    data : optional
        The data, if it was given as objects in Python or lies elsewhere now.
    sample_weight : array, optional
        The weights, likewise.
    allow_changes : bool, optional
        Whether the configuration, the data or a package may have changed since
        the run began. More epochs are allowed in any case if the learning rate
        is constant.
    registry, callbacks
        See `train`.
    **changes
        Settings of `train` to change; all but more epochs need
        `allow_changes`.

    Returns
    -------
    Run
        A run that was done is returned as it was at its end.

    Raises
    ------
    SettingError
        If it is no longer the same run.
    StorageError
        If there is no such run, or another process is training it.
    ModelFileError
        If it has checkpoints, and none can be used.

    Examples
    --------
    >>> import pathlib, tempfile, nnplug
    >>> folder = pathlib.Path(tempfile.mkdtemp()) / "run"
    >>> whole = nnplug.train("xor", epochs=3000, output=folder)
    >>> resume(folder).predict([[0, 1], [1, 1]]).tolist()
    [1, 0]
    """
    from nnplug.runs.configuration import Configuration  # noqa: PLC0415  # few runs are resumed
    from nnplug.runs.folder import CONFIG, RunFolder  # noqa: PLC0415  # the same
    from nnplug.runs.keeping import keep_on  # noqa: PLC0415  # the same

    registry = registry or default_registry()
    folder = RunFolder.open(path)
    earlier = Configuration.read(folder.path / CONFIG)
    configuration = earlier.changed(changes)
    if changes.get("folds") is not None:
        from nnplug.runs.cross_validation import refuse_late_folds  # noqa: PLC0415  # the same

        refuse_late_folds(path, earlier, configuration)
    with registry.naming_culprits():
        run = prepare_from(configuration, registry, data=data, sample_weight=sample_weight)
        hooks = Callbacks(registry.plugins, run.used, callbacks)
        with keep_on(run, folder, configuration) as keeper:
            keeper.take_up(allow_changes)
            fit(run, hooks, keeper=keeper)
    return run
