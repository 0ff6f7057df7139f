"""Keeping a run while it trains: checkpoints, a record of what happened, the model at the end."""

from __future__ import annotations

import os
import platform
import shlex
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Literal, Self

import numpy as np

from nnplug import __version__
from nnplug.errors import DivergedError, SettingError, StorageError
from nnplug.interruption import Interruption
from nnplug.models import Checkpoint
from nnplug.runs.configuration import Configuration, fingerprint_of
from nnplug.runs.fold_scores import CrossValidation
from nnplug.runs.folder import CONFIG, REPORT, RunFolder
from nnplug.runs.history_segments import HistorySegments
from nnplug.runs.run import Run
from nnplug.runs.setting_kinds import Interval
from nnplug.training import Training

__all__ = ["Keeper", "keep", "keep_on"]

_LINES = 0.25
"""Seconds after which the lines of new epochs are written, without a checkpoint."""


class Keeper:
    """Keeps one run in its folder.

    A context: until it ends, no other process can train the run.

    Parameters
    ----------
    run : Run
        Prepared from the configuration.
    folder : RunFolder
    configuration : Configuration
    record : mapping, optional
        More for `run.json`: what is already known of the run.
    say : callable, optional
        Called with a line for each thing that could not be kept; by default it
        is a warning.
    clock : callable, optional
        Returns seconds.

    Attributes
    ----------
    failed : str or None
        What could not be kept at the last attempt: the last checkpoint, or
        the results. None: all is there.
    """

    def __init__(
        self,
        run: Run,
        folder: RunFolder,
        configuration: Configuration,
        *,
        record: Mapping[str, Any] | None = None,
        say: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run, self.folder, self.configuration = run, folder, configuration
        self.say, self.clock = say or _warn, clock
        self.failed: str | None = None
        self.trainer: Training | None = None
        self.data = fingerprint_of(run.rows, run.weights)
        self._unit, self._every = Interval().split(configuration.checkpoint_every)
        self._interruption = Interruption()
        self._checkpoint: Checkpoint | None = None
        self._segments = HistorySegments(folder.checkpoints.folder, folder.disk)
        self._ended: str | None = None  # why the run was over when it was taken up
        self._kept: tuple[int, int] | None = None  # epoch and step of the last checkpoint
        self._open = ExitStack()
        self._record: dict[str, Any] = {
            "nnplug": __version__,
            "command": None,
            "started": _now(),
            "resumed": [],
            "changes": [],
            "versions": _versions(),
            "machine": platform.platform(),
            "data": {
                "name": run.settings.data,
                "training": len(run.train_rows),
                "validation": len(run.validation_rows),
                **({} if run.rows.parts.folds is None else {"folds": run.settings.members}),
            },
            "task": run.settings.task,
            "cross_validation": run.cross_validation and run.cross_validation.to_dict(),
            **(record or {}),
            "identity": configuration.identity(self.data),
        }

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.folder.locked())
            # After the lock, or for a moment a new run would look like one that was killed.
            if "status" not in self._record:
                self._record |= {"status": "running", "epochs": 0}
                self.folder.write_record(self._record)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    # --- before training --------------------------------------------------------------

    def take_up(self, allow_changes: bool = False) -> tuple[str, ...]:
        """Find the state to go on from, and check that it is a state of this very run.

        Parameters
        ----------
        allow_changes : bool, optional
            Whether the configuration, the data and packages may have changed.
            More epochs are allowed in any case if the learning rate is
            constant. The configuration is then written anew, and the earlier
            one kept beside it.

        Returns
        -------
        tuple of str
            Lines for the user.

        Raises
        ------
        SettingError
            If the configuration, the data or a package has changed.
        ModelFileError
            If there are checkpoints, and none can be used.
        """
        found = self.folder.checkpoints.load()
        if found is not None:
            earlier = found.numbers["identity"]
        else:
            # What the record does not hold cannot be compared.
            earlier = {**self._record["identity"], **self.folder.record().get("identity", {})}
        differences = self.configuration.differences(self.data, earlier)
        allowed = allow_changes or self.configuration.only_adds_epochs(self.data, earlier)
        if differences and not allowed:
            listed = "".join(f"\n  {line}" for line in differences)
            raise SettingError(
                f"{self.folder.path}: the run cannot be resumed, because it has changed:{listed}\n"
                "Undo the changes, or resume with --allow-changes (allow_changes=True); the "
                "result is then that of neither run alone."
            )
        if differences:
            at = found.numbers["trainer"]["epoch"] if found is not None else 0
            self.folder.set_aside(CONFIG, f"config-until-epoch-{at}.toml")
            self.folder.write(CONFIG, self.configuration.to_toml())
        self._checkpoint = found
        notes = self._other_versions()
        # Where the last checkpoint is damaged, the one before it is not the end.
        at_end = found and found.numbers["trainer"]["epoch"] == self._record.get("epochs")
        if found and at_end and not differences and self._record.get("status") == "done":
            self._ended = self._record.get("ended")
            return (*found.warnings, "the run is done: there is nothing left to train")
        self._record["resumed"] = [*self._record["resumed"], _now()]
        self._record["changes"] = [*self._record["changes"], *differences]
        if found is None:
            return (*notes, "there is no checkpoint yet: starting from the beginning")
        numbers = found.numbers["trainer"]
        step = f", step {numbers['step']}" if numbers["step"] else ""
        place = f"after epoch {numbers['epoch'] - 1}" if numbers["epoch"] else "in epoch 0"
        lines = [*notes, *(f"changed: {line}" for line in differences), f"going on {place}{step}"]
        return (*found.warnings, *lines, *self._out_of_patience(numbers))

    def _out_of_patience(self, numbers: Mapping[str, Any]) -> list[str]:
        """Warn that more epochs change nothing, if patience has ended the run."""
        patience = self.configuration.settings.get("patience")
        if not numbers["stopping"] or patience is None or numbers["stopping"]["waited"] < patience:
            return []
        return [
            f"patience ran out after {patience} epochs without a better one, so more epochs alone "
            "change nothing; to go on: --patience none --allow-changes"
        ]

    def _other_versions(self) -> list[str]:
        """Warn of versions that have changed since the run began: the last bits may differ."""
        return [
            f"{name} was {before} when the run began, and is {now}: the last bits may differ"
            for name, now in _versions().items()
            if (before := self._record["versions"].get(name, now)) != now
        ]

    def attach(self, trainer: Training) -> None:
        """Bring a trainer to the state that was taken up, and begin to keep it."""
        self.trainer = trainer
        if self._checkpoint is not None:
            numbers = self._checkpoint.numbers
            trainer.restore(self._segments.join(self._checkpoint), numbers["trainer"])
            trainer.history.seconds = numbers["seconds"]
            trainer.ended = self._ended
            self._kept = (trainer.epoch, trainer.step)
        self._epoch, self._time = trainer.epoch, self.clock()  # when one was last tried
        self._lines = self._time
        if self._ended is None:
            if self._checkpoint is not None:
                # Epochs after the checkpoint are trained again: their lines go.
                self._try("the history", lambda: self.folder.write_history(trainer.history))
            self._try_note("running")

    # --- during training --------------------------------------------------------------

    @contextmanager
    def training(self, trainer: Training) -> Iterator[None]:
        """Keep the run while it trains, however that ends, and let signals wait until it is safe.

        Raises
        ------
        KeyboardInterrupt, SystemExit
            After SIGINT and SIGTERM; see `Interruption.deliver`.
        """
        run = self.run
        run.folder = self.folder.path
        with self._interruption:
            try:
                self.attach(trainer)
                yield
            except DivergedError as error:
                self._keep_results("diverged", error=str(error))
                raise
            except Exception as error:
                self._try_note("failed", error=str(error))
                raise
            if run.ended is None:
                self.save()
                self._try_note("interrupted")
            elif self._ended is None:  # it was not done before
                self._keep_results("done", ended=run.ended)
        if run.ended is None:
            self._interruption.deliver()

    def look(self) -> bool:
        """Write a checkpoint if it is time; called between steps, about ten times a second.

        Returns
        -------
        bool
            Whether a signal asks to stop.
        """
        assert self.trainer is not None
        if self._unit == "epochs":
            due = self.trainer.epoch >= self._epoch + self._every
        else:
            due = self.clock() >= self._time + self._every
        if due:
            self.save()
        elif self.clock() >= self._lines + _LINES:
            self._lines = self.clock()
            # So that a signal finds little to write. The next checkpoint reports an error.
            with suppress(StorageError):
                self.folder.write_history(self.trainer.history, sync=False)
                self._segments.write(self.trainer.history)
        return self._interruption.number is not None

    def after_epoch(self, asked: bool) -> None:
        """Write a checkpoint after the last epoch, which it is too if a callback has `asked`."""
        assert self.trainer is not None
        if asked or self.trainer.over is not None:
            self.save()

    def save(self) -> None:
        """Write a checkpoint and the history; training goes on if that fails."""
        trainer = self.trainer
        assert trainer is not None
        self._epoch, self._time = trainer.epoch, self.clock()
        if self._kept == (trainer.epoch, trainer.step):
            return

        def write() -> None:
            self._segments.write(trainer.history)
            arrays, numbers = trainer.state(since=self._segments.epochs)
            content = {
                "trainer": numbers,
                "segments": self._segments.count,
                "seconds": trainer.history.seconds,
                "identity": self._record["identity"],
            }
            self.folder.checkpoints.save(arrays, content)
            self.folder.write_history(trainer.history)

        if self._try(f"the checkpoint after {trainer.epoch} epochs", write):
            self._kept, self.failed = (trainer.epoch, trainer.step), None

    # --- at the end -------------------------------------------------------------------

    def _keep_results(self, status: Literal["done", "diverged"], **more: str) -> None:
        """Keep the model first and the status last: a run that is not noted as done is done again.

        Where it diverged, the model has the last finite weights, which are not to be used.
        """

        def write() -> None:
            assert self.trainer is not None
            self.folder.write_model(self.run.model, diverged=status == "diverged")
            self.folder.write_history(self.trainer.history)
            typed = self._record["command"]
            again = f"nnplug train --config {shlex.quote(str(self.folder.path / CONFIG))}"
            commands = f"{again}\n# it was: {typed}" if typed else again
            self.folder.write(REPORT, self.run.report(commands, batches=self.trainer.batches))
            if status == "done":
                self.folder.tidy()
            self._note(status, **more)

        self._try("the results" if status == "done" else "the diverged run", write)

    def _note(self, status: str, **more: str) -> None:
        """Record what has happened so far."""
        assert self.trainer is not None
        history = self.trainer.history
        final = history.final_numbers if len(history) else None
        self._record |= {
            "status": status,
            "changed": _now(),
            "epochs": len(history),
            "best_epoch": history.best,
            **({"member_epochs": list(history.ends)} if history.ends else {}),
            "final": final,
            "seconds": round(history.seconds, 3),
            "parameters": sum(network.learned for network in self.run.model.networks),
            **more,
        }
        self.folder.write_record(self._record)

    def _try_note(self, status: str, **more: str) -> None:
        self._try("the record of the run", lambda: self._note(status, **more))

    def _try(self, what: str, write: Callable[[], None]) -> bool:
        """Write something; a failure is reported and remembered, and training goes on."""
        try:
            write()
        except StorageError as error:
            self.failed = f"{what} could not be kept: {str(error).partition(chr(10))[0]}"
            self.say(self.failed)
            return False
        return True


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), "numpy": np.__version__}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _warn(line: str) -> None:
    warnings.warn(line, UserWarning, stacklevel=5)


def keep(
    run: Run,
    output: str | os.PathLike[str],
    configuration: Configuration,
    *,
    record: Mapping[str, Any] | None = None,
    say: Callable[[str], None] | None = None,
) -> Keeper:
    """Make the folder of a run that was prepared, and what keeps it there; see `Keeper`.

    Raises
    ------
    StorageError
        If the folder exists and is not empty, or cannot be made.
    """
    folder = RunFolder.create(output, configuration.to_toml())
    return Keeper(run, folder, configuration, record=record, say=say)


def keep_on(
    run: Run,
    folder: RunFolder,
    asked: Configuration,
    *,
    say: Callable[[str], None] | None = None,
) -> Keeper:
    """Make what keeps a run in the folder that it has; see `Keeper`.

    Parameters
    ----------
    asked : Configuration
        What the run was prepared from.
    """
    resolved = run.configuration(
        checkpoint_every=asked.checkpoint_every,
        plugins=asked.plugins,
        given_in_python=[name for name in asked.given_in_python if name != "data"],
    )
    run.cross_validation = CrossValidation.from_dict(folder.record().get("cross_validation"))
    return Keeper(run, folder, resolved, record=folder.record(), say=say)
