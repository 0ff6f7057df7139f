"""Where `nnplug train` keeps a run, and what it prints about that."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nnplug.cli.find_run import RUNS
from nnplug.cli.terminal import echo, style
from nnplug.launch import is_first

if TYPE_CHECKING:
    from nnplug.cli.train_lines import Lines
    from nnplug.runs.configuration import Configuration
    from nnplug.runs.keeping import Keeper
    from nnplug.runs.run import Run

__all__ = ["Keeping"]


class Keeping:
    """The folder of a run on the command line, if it has one.

    A context manager: until it exits, other processes cannot use the folder.

    Parameters
    ----------
    run : Run
        Prepared.
    asked : Configuration
    output, resume : Path or None
        A new folder, or the folder of a run to continue.
    none : bool
        Whether nothing is kept.

    Attributes
    ----------
    keeper : Keeper or None
    lines : Lines or None
        What prints the epochs; warnings go through it, so as not to break the bar.
    """

    def __init__(
        self,
        run: Run,
        asked: Configuration,
        *,
        output: Path | None,
        resume: Path | None,
        none: bool,
        allow_changes: bool,
    ) -> None:
        if not is_first():  # rank 0 keeps the run of all ranks
            output, resume, none = None, None, True
        self.keeper: Keeper | None = None
        self.lines: Lines | None = None
        self._asked, self._resume, self._allow_changes = asked, resume, allow_changes
        # A run on a built-in dataset can be repeated at any time; one on the user's data cannot.
        if output is None and resume is None and not none and run.source.dataset is None:
            output = _new_name(run)
        self._run, self._output = run, output
        self._open = ExitStack()

    def __enter__(self) -> Keeping:
        with ExitStack() as stack:
            if self._resume is not None:
                self.keeper = self._continue(self._resume, stack)
            elif self._output is not None:
                self.keeper = self._begin(self._output, stack)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def _begin(self, output: Path, stack: ExitStack) -> Keeper:
        from nnplug.runs.keeping import keep

        asked = self._asked
        keeper = keep(
            self._run,
            output,
            self._run.configuration(checkpoint_every=asked.checkpoint_every, plugins=asked.plugins),
            record={"command": shlex.join(["nnplug", *sys.argv[1:]])},
            say=self._say,
        )
        return stack.enter_context(keeper)

    def _continue(self, resume: Path, stack: ExitStack) -> Keeper:
        from nnplug.runs.folder import RunFolder
        from nnplug.runs.keeping import keep_on

        keeper = keep_on(self._run, RunFolder.open(resume), self._asked, say=self._say)
        stack.enter_context(keeper)
        for line in keeper.take_up(self._allow_changes):
            echo(line, err=True)
        return keeper

    def _say(self, line: str) -> None:
        (echo if self.lines is None else self.lines.note)(f"Warning: {line}", err=True)

    def say_how_to_continue(self) -> None:
        """Print how to continue a run that was interrupted."""
        if self.keeper is None or self.keeper.trainer is None:
            return
        done = self.keeper.trainer.epoch
        echo(
            f"stopped after {done:,} epoch{'s' * (done != 1)}. "
            f"Continue with: nnplug train --resume {_quoted(self.keeper)}",
            err=True,
        )

    def say_where(self) -> None:
        """Print where the run is kept.

        Raises
        ------
        StorageError
            If something could not be written.
        """
        if self.keeper is None:
            return
        if self.keeper.failed is not None:
            from nnplug.errors import StorageError

            raise StorageError(
                f"{self.keeper.folder.path}: {self.keeper.failed}\n"
                "Training finished, but part of the run could not be kept. Once there is room on "
                "the disk, continue with: "
                f"nnplug train --resume {_quoted(self.keeper)}"
            )
        echo(style(f"kept in {self.keeper.folder.path}", dim=True), err=True)


def _new_name(run: Run) -> Path:
    from nnplug.runs.folder import auto_name

    layers = [placed.part for placed in run.network.placed[:-2]]
    # Named after its first activation, if it has one; dense layers are in most networks.
    layers.sort(key=lambda part: part.kind != "activation")
    names = [part.name for part in [*layers[:1], run.optimizer]]
    data = Path(run.settings.data)
    return auto_name(RUNS, datetime.now().astimezone(), data.stem, *names)


def _quoted(keeper: Keeper) -> str:
    return shlex.quote(str(keeper.folder.path))
