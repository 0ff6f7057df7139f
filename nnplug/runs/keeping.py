"""Keeping a run while it trains: checkpoints in time, what happened, and the model at the end."""

from __future__ import annotations

import platform
import re
import shlex
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np

from nnplug import __version__
from nnplug.errors import SettingError, StorageError
from nnplug.models import Checkpoint, Model
from nnplug.models.fingerprint import fingerprint
from nnplug.models.strict_json import canonical_json
from nnplug.parts import parse_part
from nnplug.runs.configuration import Configuration
from nnplug.runs.folder import CONFIG, REPORT, RunFolder
from nnplug.tables import Rows
from nnplug.training import Trainer
from nnplug.types import AnyArray

__all__ = ["Every", "Identity", "Keeper"]

_EVERY = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")
_LINES = 0.25
"""Seconds after which the lines of new epochs are written, without a checkpoint."""
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Every:
    """How often a checkpoint is written: after so many epochs, or so many seconds.

    It is looked at between steps, about ten times a second, so that small
    epochs may be a few more.
    """

    epochs: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, text: str | int) -> Self:
        """Read `10` (epochs), `30s`, `5m` or `1h`.

        Raises
        ------
        SettingError
            If it is neither.

        Examples
        --------
        >>> Every.parse("5m")
        Every(epochs=None, seconds=300.0)
        """
        match = _EVERY.fullmatch(str(text).strip().lower())
        number = float(match[1]) if match is not None else 0.0
        if match is None or number <= 0 or (not match[2] and number != int(number)):
            raise SettingError(
                f"checkpoint_every={text!r}: write 10 for every 10 epochs, or a time: 30s, 5m, 1h."
            )
        if match[2]:
            return cls(seconds=number * _SECONDS[match[2]])
        return cls(epochs=int(number))


@dataclass(frozen=True)
class Identity:
    """What a run must be like to be taken up from a state of it.

    Attributes
    ----------
    settings : mapping
        See `Configuration`.
    data : str
        A fingerprint of the rows as the network sees them.
    packages : mapping
        Of all parts, and nnplug, with their versions.
    formulas : mapping
        A digest of what each part computes.
    """

    settings: Mapping[str, Any]
    data: str
    packages: Mapping[str, str]
    formulas: Mapping[str, str]

    @classmethod
    def of(
        cls,
        configuration: Configuration,
        rows: Rows,
        weights: AnyArray | None,
    ) -> Self:
        """Tell it from a run that was prepared.

        Parameters
        ----------
        weights : array or None
            (N, 1), what each row counts for.
        """
        encoder = None if rows.encoder is None else rows.encoder.to_dict()
        text = np.frombuffer(canonical_json(encoder).encode(), np.uint8)
        files = [rows.disk.path(part) for part in ("training", "validation")] if rows.disk else []
        places = (rows.parts.training, rows.parts.validation)
        data = fingerprint(rows.inputs, rows.targets, weights, *places, text, *files)
        return cls(configuration.settings, data, configuration.packages, configuration.formulas)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values, for JSON."""
        return {
            "settings": dict(self.settings),
            "data": self.data,
            "packages": dict(self.packages),
            "formulas": dict(self.formulas),
        }

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """Say, a line each, what is not as `to_dict` gave it earlier."""
        now = Configuration(self.settings, packages=self.packages, formulas=self.formulas)
        lines = now.differences(other["settings"])
        if other["data"] != self.data:
            lines.append("the data is another: its rows, or what was learned of its columns")
        # A run of before there were digests has one of a local part's source here.
        packages = {name: each for name, each in other["packages"].items() if " " not in name}
        for name in sorted({*packages, *self.packages}):
            before, after = packages.get(name, "none"), self.packages.get(name, "none")
            if before != after:
                lines.append(f"{name} was {before} and is {after}")
        return lines + now.changed_formulas(other.get("formulas", {}))

    def only_adds_epochs(self, other: Mapping[str, Any]) -> bool:
        """Tell whether more epochs are all that differs, and would have changed no step so far.

        A schedule may be planned over all epochs, and its rates then depend on how many they are.
        """
        before, now = other["settings"].get("epochs"), self.settings.get("epochs")
        more = isinstance(before, int) and isinstance(now, int) and now > before
        constant = parse_part(str(self.settings.get("schedule"))).name == "constant"
        return more and constant and len(self.differences(other)) == 1


class Keeper:
    """Keeps one run in its folder.

    A context: other processes are kept away until its end.

    Parameters
    ----------
    folder : RunFolder
    configuration : Configuration
    identity : Identity
    record : mapping, optional
        What is already known of the run, for `run.json`.
    say : callable, optional
        Told each line about what could not be kept; by default a warning.
    clock : callable, optional
        Gives seconds.

    Attributes
    ----------
    failed : str or None
        What of the run could not be kept at last: its last checkpoint, or
        its results. None: all is there.
    """

    def __init__(
        self,
        folder: RunFolder,
        configuration: Configuration,
        identity: Identity,
        *,
        record: Mapping[str, Any] | None = None,
        say: Callable[[str], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder, self.configuration, self.identity = folder, configuration, identity
        self.say = say or _warn
        self.clock = clock
        self.failed: str | None = None
        self.every = Every.parse(configuration.checkpoint_every)
        self.trainer: Trainer | None = None
        self._checkpoint: Checkpoint | None = None
        self._ended: str | None = None  # why the run was over when it was taken up
        self._kept: tuple[int, int] | None = None  # epoch and step of the last checkpoint
        self._open = ExitStack()
        started = _now()
        self._record: dict[str, Any] = {
            "nnplug": __version__,
            "command": None,
            "started": started,
            "resumed": [],
            "changes": [],
            "versions": _versions(),
            "machine": platform.platform(),
            **(record or {}),
            "identity": identity.to_dict(),
        }

    def __enter__(self) -> Self:
        self._open.enter_context(self.folder.locked())
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    @property
    def commands(self) -> list[str]:
        """What runs it again: from its configuration, and as it was typed."""
        said = self._record["command"]
        again = f"nnplug train --config {shlex.quote(str(self.folder.path / CONFIG))}"
        return [again, *([f"# it was: {said}"] if said else [])]

    # --- before training --------------------------------------------------------------

    def begin(self) -> None:
        """Note in a new folder what is about to run.

        Raises
        ------
        StorageError
            If it cannot be written: nothing would be kept then.
        """
        self._record |= {"status": "running", "epochs": 0}
        self.folder.write_record(self._record)

    def take_up(self, allow_changes: bool = False) -> tuple[str, ...]:
        """Find the state to go on from, and check that it is one of this very run.

        Parameters
        ----------
        allow_changes : bool, optional
            Whether configuration, data and packages may be others. More epochs
            always are allowed, if the learning rate is constant. The
            configuration is then written anew, and the earlier one kept
            beside it.

        Returns
        -------
        tuple of str
            Lines for the user.

        Raises
        ------
        SettingError
            If it is one of another configuration, data or package.
        ModelFileError
            If there are checkpoints, and none can be used.
        """
        found = self.folder.checkpoints.load()
        if found is not None:
            earlier = found.numbers["identity"]
        else:
            # What the record does not say, nobody can compare.
            earlier = {**self.identity.to_dict(), **self.folder.record().get("identity", {})}
        differences = self.identity.differences(earlier)
        if differences and not (allow_changes or self.identity.only_adds_epochs(earlier)):
            raise SettingError(
                "\n".join(
                    [
                        f"{self.folder.path}: cannot be resumed as it was:",
                        *(f"  {line}" for line in differences),
                        "Restore that, or go on all the same with --allow-changes "
                        "(allow_changes=True); the result is then that of neither run alone.",
                    ]
                )
            )
        if differences:
            at = found.numbers["trainer"]["epoch"] if found is not None else 0
            self.folder.set_aside(CONFIG, f"config-until-epoch-{at}.toml")
            self.folder.write(CONFIG, self.configuration.to_toml())
        self._checkpoint = found
        notes = self._other_versions()
        ended = self._record.get("ended") if self._record.get("status") == "done" else None
        if found is not None and not differences and ended is not None:
            self._ended = ended
            return (*found.warnings, "the run is done: there is nothing to go on with")
        self._record["resumed"] = [*self._record["resumed"], _now()]
        self._record["changes"] = [*self._record["changes"], *differences]
        if found is None:
            return (*notes, "there is no checkpoint yet: from the start")
        numbers = found.numbers["trainer"]
        step = f", step {numbers['step']}" if numbers["step"] else ""
        place = f"going on after epoch {numbers['epoch'] - 1}{step}" if numbers["epoch"] else (
            f"going on in epoch 0{step}")  # fmt: skip
        changes = [f"changed: {line}" for line in differences]
        return (*found.warnings, *notes, *changes, place, *self._out_of_patience(numbers))

    def _out_of_patience(self, numbers: Mapping[str, Any]) -> list[str]:
        """Say that a run does not go on for having more epochs, if patience has ended it."""
        patience = self.identity.settings.get("patience")
        if not numbers["stopping"] or patience is None or numbers["stopping"]["waited"] < patience:
            return []
        return [
            f"patience ran out after {patience} epochs without a better one: more epochs alone "
            "change nothing; --patience none --allow-changes goes on"
        ]

    def _other_versions(self) -> list[str]:
        """Say which versions are others than the run began with: the last bits may differ."""
        return [
            f"{name} was {before} when the run began, and is {now}: the last bits may differ"
            for name, now in _versions().items()
            if (before := self._record["versions"].get(name, now)) != now
        ]

    def attach(self, trainer: Trainer) -> None:
        """Bring a trainer to the state that was taken up, and begin to keep it."""
        self.trainer = trainer
        if self._checkpoint is not None:
            numbers = self._checkpoint.numbers
            trainer.restore(self._checkpoint.arrays, numbers["trainer"])
            trainer.history.seconds = numbers["seconds"]
            trainer.ended = self._ended
            self._kept = (trainer.epoch, trainer.step)
        # When one was last tried.
        self._epoch, self._time = trainer.epoch, self.clock()
        self._lines = self._time
        if self._ended is None:
            if self._checkpoint is not None:
                # Epochs after the checkpoint are trained again: their lines go.
                self._try("the history", lambda: self.folder.write_history(trainer.history))
            self._try("what is known of the run", lambda: self._note("running"))

    # --- during training --------------------------------------------------------------

    def look(self) -> None:
        """Write a checkpoint, if it is time; called between steps."""
        assert self.trainer is not None
        if self.every.epochs is not None:
            due = self.trainer.epoch >= self._epoch + self.every.epochs
        else:
            due = self.clock() >= self._time + (self.every.seconds or 0)
        if due:
            self.save()
        elif self.clock() >= self._lines + _LINES:
            self._lines = self.clock()
            # So that there is little to write when a signal comes. What fails here is
            # tried, and said, with the next checkpoint.
            with suppress(StorageError):
                self.folder.write_history(self.trainer.history, sync=False)

    def after_epoch(self, asked: bool) -> None:
        """Write a checkpoint after the last epoch, before the best weights are taken.

        Parameters
        ----------
        asked : bool
            Whether somebody wants this epoch to be the last.
        """
        trainer = self.trainer
        assert trainer is not None
        exhausted = trainer.stopping is not None and trainer.stopping.exhausted
        if asked or exhausted or trainer.epoch >= trainer.epochs:
            self.save()

    def save(self) -> None:
        """Write a checkpoint and the history; training goes on if that fails."""
        trainer = self.trainer
        assert trainer is not None
        self._epoch, self._time = trainer.epoch, self.clock()
        if self._kept == (trainer.epoch, trainer.step):
            return
        arrays, numbers = trainer.state()
        content = {
            "trainer": numbers,
            "seconds": trainer.history.seconds,
            "identity": self.identity.to_dict(),
        }

        def write() -> None:
            self.folder.checkpoints.save(arrays, content)
            self.folder.write_history(trainer.history)

        place = f"the checkpoint after {trainer.epoch} epochs"
        if self._try(place, write):
            self._kept, self.failed = (trainer.epoch, trainer.step), None

    # --- at the end -------------------------------------------------------------------

    def interrupted(self) -> None:
        """Keep a run that somebody wants to stop."""
        self.save()
        self._try("what is known of the run", lambda: self._note("interrupted"))

    def broke(self, error: BaseException) -> None:
        """Note that an error ended the run."""
        self._try("what is known of the run", lambda: self._note("failed", error=str(error)))

    def diverged(self, model: Model, error: Exception, report: Callable[[], str]) -> None:
        """Keep the last finite weights, which are no model to use."""

        def write() -> None:
            self._history()
            self.folder.write_model(model, diverged=True)
            self.folder.write(REPORT, report())
            self._note("diverged", error=str(error))

        self._try("the diverged run", write)

    def done(self, model: Model, ended: str, report: Callable[[], str]) -> None:
        """Keep the results, the model first; what is not noted as done is done again."""
        if self._ended is not None:
            return

        def write() -> None:
            self.folder.write_model(model)
            self._history()
            self.folder.write(REPORT, report())
            self.folder.tidy()
            self._note("done", ended=ended)

        self._try("the results", write)

    def _history(self) -> None:
        assert self.trainer is not None
        self.folder.write_history(self.trainer.history)

    def _note(self, status: str, **more: Any) -> None:
        """Write what happened so far."""
        assert self.trainer is not None
        history = self.trainer.history
        final = None
        if len(history):
            place = len(history) - 1 if history.best is None else history.best
            final = {name: column[place] for name, column in history.columns.items() if column}
        self._record |= {
            "status": status,
            "changed": _now(),
            "epochs": len(history),
            "best_epoch": history.best,
            "final": final,
            "seconds": round(history.seconds, 3),
            "parameters": self.trainer.network.learned,
            **more,
        }
        self.folder.write_record(self._record)

    def _try(self, what: str, write: Callable[[], None]) -> bool:
        """Write something; what fails is said, remembered, and ends nothing."""
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
