"""Preparing: from what the user asks for to a run that can be trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnplug.engines import choose_engine, spelled_engine
from nnplug.errors import SettingError
from nnplug.models import Model
from nnplug.network.layers import flat
from nnplug.network.network import Network
from nnplug.network.tasks import (
    DEFAULT_LOSS,
    DEFAULT_METRIC,
    Head,
    output_activation_name,
)
from nnplug.parts import (
    Activation,
    Data,
    Facts,
    Initializer,
    Loss,
    Metric,
    Recipe,
    Schedule,
    Task,
    by_column,
)
from nnplug.plugins.registry import Registry
from nnplug.runs.choices import (
    Choice,
    Shape,
    asked_split,
    follow,
    interval_level,
    naming_recipe,
)
from nnplug.runs.row_weights import weigh_rows
from nnplug.runs.run import Run
from nnplug.runs.settings import EPOCH_LIMIT, ROWS
from nnplug.runs.sources import asked_of_table, find_data, is_table
from nnplug.runs.starting import check_start, initialized
from nnplug.tables import Rows, Split, TableOptions, Wishes
from nnplug.tables.wording import quote
from nnplug.training import OWN_COLUMNS, Stopping

if TYPE_CHECKING:
    from nnplug.models import ModelInfo
    from nnplug.runs.configuration import Configuration

__all__ = ["USUAL_RECIPE", "default_registry", "prepare", "prepare_from"]

USUAL_RECIPE = "nnplug/default"
"""The recipe of a table, unless the user names another one."""

VISITED_BETWEEN_LINES = 2_000_000
"""Rows."""


@cache
def default_registry() -> Registry:
    """Return the registry of the Python API, made on first use."""
    return Registry.from_environment()


def prepare(
    data: Any,
    *,
    target: str | Sequence[str] | None = None,
    registry: Registry | None = None,
    sample_weight: Any = None,
    usual_recipe: bool = False,
    **given: Any,
) -> Run:
    """Resolve the settings of a run and make its network, without training.

    Parameters
    ----------
    usual_recipe : bool
        Whether a table has the recipe `default`, unless `recipe` names another
        or `"none"`.
    **given
        As `train` takes them.
    """
    registry = registry or default_registry()
    asked = given.pop("recipe", None)
    usual = usual_recipe and asked is None and is_table(data)
    recipe = _named_recipe(USUAL_RECIPE if usual else asked, registry)
    with naming_recipe(recipe, given) as gives:
        return _prepare(
            data, target, registry, sample_weight, given, recipe, gives, named=not usual
        )


def _prepare(
    data: Any,
    target: str | Sequence[str] | None,
    registry: Registry,
    sample_weight: Any,
    given: dict[str, Any],
    recipe: Recipe | None,
    gives: dict[str, Any],
    *,
    named: bool,
) -> Run:
    """Prepare a run by a recipe, whose settings are noted in `gives`."""
    given = dict(given)
    stream = given.pop("stream", None)
    asked_loss = _named_loss(given.get("loss"), registry)
    task = _asked_task(given.get("task"), asked_loss)
    source, read, options, early = find_data(data, target, task, given, recipe, registry)
    choice = Choice(given, {**source.recipe, **early}, registry)
    seed, dtype = choice("seed"), np.dtype(choice("dtype"))
    wishes = Wishes(
        target=target or (),
        task=given.get("task") if isinstance(source.content, Data) else task,
        split=asked_split(choice("split")),
        validation=float(choice("validation")),
        shared=given.get("validation") is not None,
        members=choice("members"),
        seed=seed,
        options=options,
        in_units=_in_units(asked_loss, options),
    )
    more = {"sample_weight": sample_weight, "stream": stream, "shards": choice("shards")}
    rows = source.rows(wishes, dtype, read=read, **more)
    train_rows, validation_rows = rows.parts.training, rows.parts.validation
    members = rows.members(choice("members"))
    width = len(rows.classes) or rows.targets.shape[1]
    monotone = bool(choice("increasing") or choice("decreasing"))
    facts = Facts(len(train_rows), rows.inputs.shape[1], width, rows.task, monotone)
    choice = choice if recipe is None else choice.following(recipe, facts, asked=named)
    gives |= choice.recipe
    source = replace(source, recipe=choice.recipe)

    loss = cast(Loss, choice.part("loss", default=DEFAULT_LOSS[rows.task]))
    follows = output_activation_name(rows.task, loss)
    output_activation = cast(Activation, choice.part("output_activation", "activation", follows))
    head = Head(rows.task, loss, output_activation, width)
    _check_targets(head, rows, source.name)
    shape, constrain = _shape(choice, rows, head)
    metrics = _metrics(choice, rows.task)
    optimizer = choice.optimizer(dtype)
    initializer = cast(Initializer, choice.part("initializer"))
    schedule = cast(Schedule, choice.part("schedule"))
    network = Network.of(
        rows.inputs.shape[1],
        shape.layers,
        head.outputs,
        output_activation=output_activation,
        dtype=dtype,
        columns=rows.columns,
    )
    network.group(rate=choice("rate"), decay=choice("decay"))
    networks = initialized(network, members, initializer, seed, rows, constrain)
    stopping = follow(choice, by_column(metrics), schedule, validation=len(validation_rows) > 0)
    class_weight = choice("class_weight")
    weights = weigh_rows(class_weight, rows, members)
    expected = choice("epochs")
    waits = stopping is not None and stopping.patience is not None and len(validation_rows) > 0
    # Where patience is expected to end the run, the default number of epochs is only a limit.
    epochs = EPOCH_LIMIT if waits and not choice.says("epochs") else expected
    batch_size = choice("batch_size")
    if batch_size == "full" and rows.disk is not None:
        raise SettingError(
            "batch_size='full': the table is streamed, so it is never in memory whole.\n"
            "Give a number of rows, or stream=False (--no-stream)."
        )
    step_rows = len(train_rows) if batch_size == "full" else min(batch_size, len(train_rows))
    engine = choose_engine(
        choice("engine"),
        registry,
        widths=network.widths,
        slots=len(optimizer.slots),
        rows=step_rows,
        steps=members * expected * -(-len(train_rows) // step_rows),
    )
    settings = choice.record(
        data=source.name,
        task=rows.task,
        recipe=None if recipe is None else recipe.text,
        **shape.settings,
        output_activation=output_activation.text,
        loss=loss.text,
        optimizer=optimizer.text,
        initializer=initializer.text,
        schedule=schedule.text,
        validation=1 / members if rows.parts.members else wishes.validation,
        members=members,
        epochs=epochs,
        batch_size=batch_size,
        class_weight={str(label): float(weight) for label, weight in class_weight.items()}
        if isinstance(class_weight, Mapping)
        else class_weight,
        split=_without_folder(rows.split),
        monitor=None if stopping is None else stopping.monitor,
        patience=None if stopping is None else stopping.patience,
        min_delta=0.0 if stopping is None else stopping.min_delta,
        metrics=tuple(metric.text for metric in metrics),
        engine=spelled_engine(engine, registry),
        interval=interval_level(choice, head, members, held_out=len(validation_rows) > 0),
        log_every=choice("log_every", _lines(epochs, stopping, members * len(train_rows))),
        table=None
        if rows.encoder is None
        else asked_of_table(rows.encoder, options, read, registry),
    )
    roles = {
        "layers": tuple(flat(shape.layers)),
        "output_activation": (output_activation,),
        "loss": (loss,),
        "metrics": metrics,
        "optimizer": optimizer.chain,
        "schedule": (schedule,),
        "initializer": (initializer,),
        "encodings": () if rows.encoder is None else rows.encoder.parts,
        "dataset": (source.dataset,) if source.dataset is not None else (),
    }
    parts = tuple(part for every in roles.values() for part in every)
    for part in parts:
        if registry.provider(part).state != "built-in":
            # Its digest is read from its file, which may be edited before the model is saved.
            part.digest  # noqa: B018  # it is computed once, and kept

    def describe() -> ModelInfo:
        from nnplug.models import ModelInfo  # noqa: PLC0415  # few models are saved

        return ModelInfo.of(
            network,
            roles,
            registry.provider,
            task=rows.task,
            classes=rows.classes,
            features=rows.features,
            encoder=rows.encoder,
            # What it gave stands there; a configuration, which has no recipe, gives the same file.
            settings={**settings.to_dict(), "recipe": None},
            members=members,
        )

    return Run(
        settings=settings,
        model=Model(
            network=network,
            head=head,
            encoder=rows.encoder,
            classes=tuple(rows.classes),
            features=tuple(rows.features),
            registry=registry,
            describe=describe,
            others=networks[1:],
        ),
        optimizer=optimizer,
        schedule=schedule,
        metrics=metrics,
        parts=parts,
        source=source,
        rows=rows,
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
        Used in place of the configuration's, or if it has none.

    Raises
    ------
    SettingError
        If the configuration lacks its data, or another argument that was an object.
    """
    check_start(configuration.given_in_python)
    settings = dict(configuration.settings)
    named = settings.pop("data", None)
    given = {"data": named if data is None else data, "sample_weight": sample_weight}
    for name, value in given.items():
        if value is None and (name == "data" or name in configuration.given_in_python):
            objects = configuration.given_in_python
            reason = "it was an object in Python" if name in objects else "it names none"
            way_out = "on the command line as DATA" if name == "data" else "in Python"
            raise SettingError(
                f"{name} is not in the configuration: {reason}.\nGive {name}=..., {way_out}."
            )
    return prepare(
        given["data"],
        target=settings.pop("target", None),
        registry=registry,
        sample_weight=sample_weight,
        usual_recipe=True,
        **settings,
    )


def _named_loss(asked: str | Loss | None, registry: Registry) -> Loss | None:
    """Find the loss that the user names, if any: it knows which targets it is for."""
    return None if asked is None else cast(Loss, registry.get("loss", asked))


def _named_recipe(asked: str | Recipe | None, registry: Registry) -> Recipe | None:
    """Find the recipe that the user names, if any."""
    asked = None if asked is None else ROWS["recipe"].check(asked)
    return None if asked is None else cast(Recipe, registry.get("recipe", asked))


def _asked_task(asked: Task | None, loss: Loss | None) -> Task | None:
    """Return the task that is asked for: for a loss for numbers, whole numbers are not classes."""
    return "regression" if asked is None and loss is not None and loss.for_numbers else asked


def _in_units(loss: Loss | None, options: TableOptions) -> bool:
    """Tell whether targets keep their units: once standardised, they are not counts or positive.

    Raises
    ------
    SettingError
        If the targets are to be transformed too.
    """
    if loss is None or loss.targets == "real":
        return False
    if options.target_transform not in (None, "auto"):
        raise SettingError(
            f"target_transform={options.target_transform!r}: loss {loss.name!r} is for targets in "
            "their own units.\nLeave one of the two out."
        )
    return True


def _shape(choice: Choice, rows: Rows, head: Head) -> tuple[Shape, Callable[[Network], None]]:
    """Choose the layers, and what is done with the network's arrays to make it monotone."""
    shape = choice.network(rows.columns)
    increasing, decreasing = choice("increasing"), choice("decreasing")
    if not increasing and not decreasing:
        return shape, lambda network: None
    from nnplug.network.monotone import constrain, monotone_layers  # noqa: PLC0415  # few are
    from nnplug.runs.monotone import as_names, input_signs  # noqa: PLC0415  # the same

    asked = {"increasing": as_names(increasing), "decreasing": as_names(decreasing)}
    signs = input_signs(asked, rows, head)
    layers = monotone_layers(shape.layers)
    shape = Shape(layers, {**shape.settings, **asked})
    return shape, lambda network: constrain(network, signs)


def _check_targets(head: Head, rows: Rows, source: str) -> None:
    """Refuse targets that the loss is not for, before anything is trained."""
    if rows.task == "regression":
        columns = () if rows.encoder is None else rows.encoder.target
        what = f"target {', '.join(map(quote, columns))}" if columns else "the targets"
        head.check_targets(rows.targets, f"{source}: {what}", first=int(bool(columns)))


def _metrics(choice: Choice, task: Task) -> tuple[Metric, ...]:
    """Choose the metrics, and refuse those that the task or the history has no place for."""
    metrics = cast("tuple[Metric, ...]", choice.parts("metrics", "metric", (DEFAULT_METRIC[task],)))
    for column, metric in by_column(metrics).items():
        if column in OWN_COLUMNS:
            raise SettingError(
                f"metric {metric.name!r} ({metric.place}) has the name of a column that every "
                "history has.\nGive it another name."
            )
        if metric.takes != "prediction" and task == "regression":
            raise SettingError(
                f"metric {metric.name!r} compares {metric.takes} with labels, which a regression "
                "does not have.\nUse r2, mse or mae."
            )
    return metrics


def _lines(epochs: int, stopping: Stopping | None, visited: int) -> int:
    """Choose the epochs between lines: ten lines in all, or one while patience runs out.

    If many rows are visited in an epoch, there are more lines, so that nobody waits for minutes.
    """
    waits = None if stopping is None else stopping.patience
    every = epochs // 10 if waits is None else max(epochs // 25, min(epochs // 10, waits))
    return max(1, min(every, VISITED_BETWEEN_LINES // visited))


def _without_folder(split: Split) -> str:
    """Write how the rows were split; a file is named without its folder, as the data is."""
    return f"file:{Path(split.name).name}" if split.way == "file" else split.text
