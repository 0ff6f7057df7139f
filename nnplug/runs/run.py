"""A training run: its settings, its network, its data, and what it learned."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nnplug.engines import Engine, find_engine
from nnplug.models import Model
from nnplug.network.network import Network
from nnplug.network.tasks import Head
from nnplug.parts import Loss, Metric, Optimizer, Part, Schedule
from nnplug.plans import Regularization
from nnplug.randomness import member_seed
from nnplug.runs.settings import Settings
from nnplug.runs.sources import Source
from nnplug.runs.streamed import streamed
from nnplug.summary import Block, Summarized
from nnplug.tables import Rows
from nnplug.tool import Tool
from nnplug.training import (
    Batches,
    EpochRecord,
    History,
    RowsInMemory,
    Stopping,
    Trainer,
    Training,
)
from nnplug.training.following import find_schedules
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnplug.microscope.trace import Trace
    from nnplug.picture import Picture
    from nnplug.runs.configuration import Configuration
    from nnplug.runs.fold_scores import CrossValidation
    from nnplug.runs.report.facts import Facts

__all__ = ["Run"]


@dataclass(eq=False)
class Run(Summarized):
    """A training run: its settings, its network and what it learned.

    Attributes
    ----------
    settings : Settings
    model : Model
        What predicts, and what is saved.
    optimizer : Optimizer
    schedule : Schedule
    metrics : tuple of Metric
    parts : tuple of Part
        Every part that the run uses.
    source : Source
        The data as it was given.
    rows : Rows
        The data as arrays: inputs, targets, classes, the names of features.
    weights : array or None
        (N, 1), what each row counts for in the loss.
    stopping : Stopping or None
        What finds the best epoch.
    ended : str or None
        Why training is over: `"epochs"` were done, `"patience"` ran out, a
        callback `"asked"`. None: it is not over.
    folder : Path or None
        The folder that it is kept in.
    advice : tuple of str
        Hints for the user after training, a line each.
    cross_validation : CrossValidation or None
        The scores of its folds.
    history : History
        Losses and metrics by epoch.
    state : dict of str to array, optional
        The optimizer's slots and count of steps, and the parameters that it
        goes on from; None before training.
    """

    settings: Settings
    model: Model
    optimizer: Optimizer
    schedule: Schedule
    metrics: tuple[Metric, ...]
    parts: tuple[Part, ...]
    source: Source
    rows: Rows
    weights: AnyArray | None = None
    stopping: Stopping | None = None
    ended: str | None = None
    folder: Path | None = None
    advice: tuple[str, ...] = ()
    cross_validation: CrossValidation | None = None
    history: History = field(default_factory=History)
    state: dict[str, AnyArray] | None = None

    @property
    def network(self) -> Network:
        """The layers and their weights."""
        return self.model.network

    @property
    def head(self) -> Head:
        """How targets and outputs are read."""
        return self.model.head

    @property
    def loss(self) -> Loss:
        """The loss that training minimizes."""
        return self.model.loss

    @property
    def train_rows(self) -> AnyArray:
        """The rows for training: their places in `rows`.

        Of several members, all that one of them is trained on.
        """
        return self.rows.parts.training

    @property
    def validation_rows(self) -> AnyArray:
        """The rows for validation; of several members, all that one of them holds out."""
        return self.rows.parts.validation

    # --- after training ---------------------------------------------------------------

    def outputs(self, data: Any) -> AnyArray:
        """Compute the network's outputs for new rows; see `Model.outputs`."""
        return self.model.outputs(data)

    def predict(self, data: Any, *, allow_nonfinite: bool = False) -> AnyArray:
        """Predict the target of new rows; see `Model.predict`."""
        return self.model.predict(data, allow_nonfinite=allow_nonfinite)

    def predict_interval(
        self, data: Any, level: float | None = None, *, allow_nonfinite: bool = False
    ) -> tuple[AnyArray, AnyArray]:
        """Compute bounds of the target of new rows; see `Model.predict_interval`."""
        return self.model.predict_interval(data, level, allow_nonfinite=allow_nonfinite)

    def predict_set(
        self, data: Any, level: float | None = None, *, allow_nonfinite: bool = False
    ) -> npt.NDArray[np.bool_]:
        """Compute sets of classes for new rows; see `Model.predict_set`."""
        return self.model.predict_set(data, level, allow_nonfinite=allow_nonfinite)

    def probabilities(
        self, data: Any, *, calibrated: bool = False, allow_nonfinite: bool = False
    ) -> AnyArray:
        """Compute the probability of each class for new rows; see `Model.probabilities`."""
        return self.model.probabilities(
            data, calibrated=calibrated, allow_nonfinite=allow_nonfinite
        )

    def trace(self, rows: int | Sequence[int] = 0, *, elements: int = 8) -> Trace:
        """Take the next training step on one sample, on a copy, and show all its numbers.

        The sample is a batch of its own: its gradients are not averaged with
        those of others, and the update is what the optimizer would do with it
        alone. The step begins from the run's weights and the optimizer's state.

        Parameters
        ----------
        rows : int or sequence of int
            The sample's place in `rows`, from 0; several are one batch.
        elements : int
            How many rows and columns of each array have their formulas written.

        Returns
        -------
        Trace
            Every array of the step, forwards and backwards, with formulas.

        Raises
        ------
        SettingError
            If there is no such row, or the rows are on disk.
        """
        from nnplug.runs.next_step import trace_next  # noqa: PLC0415  # few runs ask for one

        with self.model.registry.naming_culprits():
            return trace_next(
                self.model,
                self.optimizer,
                self.schedule,
                self.settings,
                self.rows,
                self.weights,
                self.state,
                chosen=rows,
                regularization=self.regularization,
                elements=elements,
            )

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the model to a file that `nnplug.load` reads; see `Model.save`."""
        self.model.save(path, overwrite=overwrite)

    def report(self, command: str | None = None, *, batches: Batches | None = None) -> str:
        """Write a report of the run as one HTML page that needs no other file.

        Parameters
        ----------
        command : str, optional
            The command that reproduces it.
        batches : Batches, optional
            The run's, if they have been made already.
        """
        from nnplug.runs.report import write_page  # noqa: PLC0415  # few runs ask for one

        return write_page(self._facts(batches, command))

    def _facts(self, batches: Batches | None = None, command: str | None = None) -> Facts:
        """Gather what pictures and the report show."""
        from nnplug.runs.held_out import judged  # noqa: PLC0415  # few runs ask for one
        from nnplug.runs.report import Facts  # noqa: PLC0415  # the same

        part, found = judged(self, batches)
        return Facts.of(
            self.model,
            self.settings.to_dict(),
            self.history,
            found,
            part=part,
            rows=(len(self.train_rows), len(self.validation_rows)),
            folds=self.rows.parts.folds is not None,
            notes=(*self.rows.notes, *self.advice),
            ended=self.ended,
            command=command,
        )

    def plot(self) -> Picture:
        """Draw the losses and the metrics by epoch; a terminal gets them as text."""
        from nnplug.runs.report.notebook import history_picture  # noqa: PLC0415  # few runs ask for one

        return history_picture(self.history)

    def plot_boundary(self) -> Picture:
        """Draw which class the network answers where, over the plane of its two inputs.

        The rows are those for validation, or without any those for training.

        Raises
        ------
        SettingError
            If the network has not two inputs that are numbers, or no classes.
        """
        from nnplug.runs.report.notebook import boundary_picture  # noqa: PLC0415  # as above

        return boundary_picture(self._facts())

    def _summary(self) -> Iterator[Block]:
        from nnplug.runs.report.facts import ended_as  # noqa: PLC0415  # few runs ask for one

        settings, kept = self.settings, str(self.folder or "")
        rows = f"{len(self.train_rows):,} rows, {len(self.validation_rows):,} for validation"
        if self.rows.parts.folds is not None:
            rows = f"{len(self.train_rows):,} rows, each held out by one of {settings.members}"
        epochs = f"{len(self.history):,} of {settings.epochs:,}: {ended_as(self.ended)}"
        facts = [("data", f"{settings.data}: {rows}; {settings.task}"), ("loss", settings.loss)]
        facts += [("optimizer", settings.optimizer), ("epochs", epochs), ("kept in", kept)]
        yield Block([(name, text) for name, text in facts if text])
        yield from self.network._summary()
        yield from self.history._summary()

    def _html(self) -> Iterator[str]:
        yield from super()._html()
        yield self.network.draw()._repr_html_()
        if len(self.history):
            yield self.plot()._repr_html_()

    # --- during training --------------------------------------------------------------

    def measure(self, outputs: AnyArray, targets: AnyArray) -> dict[str, float]:
        """Compute the metrics of outputs (N, C) and targets as the loss takes them."""
        return self.model.measure(self.metrics, outputs, self.head.decode(targets))

    @property
    def regularization(self) -> Regularization:
        """The penalties and the clipping that the settings ask for."""
        settings = self.settings
        return Regularization(settings.l2, settings.l1, settings.clip_global_norm)

    def trainer(self, engine: Engine | None = None) -> Training:
        """Make what trains the run's networks on its rows, from their current weights.

        Parameters
        ----------
        engine : Engine, optional
            Used in place of the run's. The program, `trainer.steps.program`, is the same.
        """
        self.schedule.check_pure(self.settings.epochs)
        if not self.model.others:
            return self._trainer(0, self.history, engine)
        from nnplug.runs.held_out import held_out  # noqa: PLC0415  # few runs have members
        from nnplug.training.members import Members  # noqa: PLC0415  # the same

        return Members(
            [self._trainer(i, History(), engine) for i in range(len(self.model.networks))],
            history=self.history,
            score=(lambda: held_out(self).scores(self)) if len(self.validation_rows) else None,
        )

    def _trainer(self, member: int, history: History, engine: Engine | None) -> Trainer:
        settings, shards, epochs = self.settings, None, self.settings.epochs
        if settings.shards is not None:
            from nnplug.training.shards import connect  # noqa: PLC0415  # few runs are cut

            shards = connect(settings.shards, dealt=self.rows.dealt is not None)
        return Trainer(
            self.model.networks[member],
            self.loss,
            self.optimizer,
            self.batches(member),
            epochs=epochs,
            seed=member_seed(settings.seed, member),
            schedule=None if self.schedule.text == "constant" else self.schedule,
            regularization=self.regularization,
            stopping=None if self.stopping is None else replace(self.stopping),
            measure=self.measure if self.metrics else None,
            history=history,
            engine=engine or self.engine,
            shards=shards,
            follows=find_schedules(self.network, self.optimizer, self.model.registry, epochs),
        )

    def batches(self, member: int = 0) -> Batches:
        """Return the run's rows as the training loop takes them, from memory or from disk.

        Parameters
        ----------
        member : int, optional
            Whose rows, from 0.
        """
        size, seed = self.settings.batch_size, member_seed(self.settings.seed, member)
        targets = self.head.encode(self.rows.targets, self.network.dtype)
        if self.rows.disk is not None and size != "full":
            given = targets, self.weights, self.settings.class_weight
            return streamed(self.rows, self.head, *given, size, seed, member)
        parts = self.rows.parts.of_member(member)
        return RowsInMemory(
            self.rows.inputs,
            targets,
            batch_size=None if size == "full" else size,
            seed=seed,
            rows=parts.training if len(parts.validation) else None,
            weights=self.weights,
            held_out=parts.validation if len(parts.validation) else None,
        )

    @property
    def engine(self) -> Engine:
        """What runs its steps."""
        return find_engine(self.settings.engine, self.model.registry)

    @property
    def used(self) -> tuple[Part | Tool, ...]:
        """Every part that the run uses, and its engine."""
        return (*self.parts, self.engine)

    @property
    def final(self) -> EpochRecord:
        """The numbers of the epoch whose weights the network has: the best, or the last."""
        return self.history.final

    # --- keeping it -------------------------------------------------------------------

    def configuration(
        self,
        *,
        checkpoint_every: str | int | None = None,
        plugins: Sequence[str] = (),
        given_in_python: Sequence[str] = (),
    ) -> Configuration:
        """Return all settings, resolved, for a file that gives the same run again."""
        from nnplug.runs.configuration import Configuration  # noqa: PLC0415  # few runs are kept

        return Configuration.of(
            self.settings,
            self.model.info,
            self.rows,
            self.source,
            engine=self.model.registry.provider(self.engine),
            checkpoint_every=checkpoint_every,
            plugins=tuple(plugins),
            given_in_python=tuple(given_in_python),
        )

    def __repr__(self) -> str:
        return f"<run on {self.settings.data}: {self.network._title}; {len(self.history):,} epochs>"
