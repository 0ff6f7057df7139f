"""Training a prepared run, with the hooks of plugins and of callers."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nnplug.errors import PluginError, SettingError, suggest
from nnplug.parts import Part
from nnplug.plugins.loading import Plugins
from nnplug.plugins.plugin import LOCAL, Plugin
from nnplug.runs import advice
from nnplug.tool import Tool
from nnplug.training import BatchRecord, OnBatch

if TYPE_CHECKING:
    from nnplug.runs.keeping import Keeper
    from nnplug.runs.run import Run

__all__ = ["HOOKS", "Callbacks", "fit"]

HOOKS = ("on_train_start", "on_batch_end", "on_epoch_end", "on_train_end")
"""The training hooks."""


@dataclass(eq=False)
class Callbacks:
    """The hooks of loaded plugins, then those of a caller's own objects.

    Attributes
    ----------
    plugins : Plugins
    parts : sequence of Part or Tool
        The run's. The hooks of a plugin are called if the run uses one of its
        parts or its engine, or if it was named with `-p`; not if it merely
        happens to be loaded.
    own : sequence of object
        Objects with methods that are named like the hooks.
    """

    plugins: Plugins
    parts: Sequence[Part | Tool]
    own: Sequence[object] = ()
    _found: dict[str, list[tuple[str, str, Callable[..., Any]]]] = field(init=False)

    def __post_init__(self) -> None:
        self._found = {name: self._implementations(name) for name in HOOKS}

    def _implementations(self, name: str) -> list[tuple[str, str, Callable[..., Any]]]:
        used = {part.function for part in self.parts}
        named = self.plugins.named
        hooks = [
            (f"plugin {provider.label}", _leave_out(provider), function)
            for provider, function in self.plugins.implementations(name)
            if provider in named or any(part.function in used for part in provider.provided)
        ]
        for callback in self.own:
            _check_names(callback)
            method = getattr(callback, name, None)
            if method is not None:
                hooks.append((f"callback {type(callback).__name__}", "leave it out", method))
        return hooks

    def on_batch(self, run: Any) -> OnBatch | None:
        """Return what calls `on_batch_end`; None if nobody listens: no step then stops for it."""
        if "on_batch_end" not in self:
            return None

        def on_batch(record: BatchRecord) -> bool:
            return self.call("on_batch_end", record.epoch, record.batch, run=run, record=record)

        return on_batch

    def __contains__(self, name: str) -> bool:
        return bool(self._found[name])

    def call(
        self, name: str, epoch: int | None = None, batch: int | None = None, **arguments: Any
    ) -> bool:
        """Call one hook of every plugin and callback.

        Parameters
        ----------
        name : str
            `"on_train_start"`, `"on_batch_end"`, `"on_epoch_end"` or `"on_train_end"`.
        epoch : int, optional
            For the message of a failure, as `batch` is.
        batch : int, optional

        Returns
        -------
        bool
            Whether one of them returned True, which asks to stop. All are called.

        Raises
        ------
        PluginError
            If one raises an error: whose it is, which hook, when, and where.
        """
        stop = False
        for owner, way_out, function in self._found[name]:
            wanted = inspect.signature(function).parameters
            try:
                answer = function(**{key: arguments[key] for key in wanted if key in arguments})
            except (Exception, SystemExit) as error:
                when = "" if epoch is None else f" after epoch {epoch}"
                when = when if batch is None else f" after batch {batch} of epoch {epoch}"
                raise PluginError(
                    f"{owner}: {name}{when} failed: {_place(error)}"
                    f"{type(error).__name__}: {error}\n"
                    "The run ends here; the network keeps the weights of its last step.\n"
                    f"Way out: repair the hook, or {way_out}."
                ) from error
            stop = stop or (isinstance(answer, bool | np.bool_) and bool(answer))
        return stop


def _leave_out(provider: Plugin) -> str:
    return "leave the file out" if provider.package == LOCAL else f"use -p no:{provider.package}"


def _check_names(callback: object) -> None:
    """Refuse a callback that would be passed over: with a misspelt method, or without any."""
    methods = [name for name in dir(callback) if name.startswith("on_")]
    for name in methods:
        if name not in HOOKS:
            raise SettingError(
                f"callback {type(callback).__name__}: there is no hook {name!r}."
                f"{suggest(name, HOOKS)}"
            )
    if not methods:
        raise SettingError(f"callback {callback!r} has none of the methods {', '.join(HOOKS)}.")


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}: " if len(frames) > 1 else ""


# --- training -------------------------------------------------------------------------


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
        Keeps the run in its folder. A SIGINT or SIGTERM then ends training
        after a step and a checkpoint, and a second one at once.

    Raises
    ------
    DivergedError
        If a number is not finite.
    KeyboardInterrupt, SystemExit
        After SIGINT and SIGTERM; see `Interruption.deliver`.
    """

    def on_epoch(epoch: int) -> bool:
        asked = False
        if report is not None:
            report(run, epoch)
        if "on_epoch_end" in callbacks:
            record = run.history.record(epoch)
            asked = callbacks.call("on_epoch_end", epoch, run=run, record=record)
        if keeper is not None:
            keeper.after_epoch(asked)
        return asked

    trainer = run.trainer()
    shards = trainer.shards
    # A signal to all processes ends them after the same step, so that rank 0 can keep the run.
    follows, interruption = shards is not None and shards.ranks.rank > 0, None
    if follows:
        from nnplug.interruption import Interruption  # noqa: PLC0415  # few runs have several ranks

        interruption = Interruption()

    # The trainer gets this function in any case: while a call of many steps runs, Python
    # cannot deliver an interrupt, so that such a call must return now and then.
    def stop() -> bool:
        signalled = keeper is not None and keeper.look()
        signalled = signalled or (interruption is not None and interruption.number is not None)
        return signalled or (should_stop is not None and should_stop())

    run.state = trainer.steps.state()
    del run.state["parameters"]  # while it trains, the network has them
    # Without hooks nobody looks at an epoch that no line is printed for.
    every = 1 if "on_epoch_end" in callbacks else run.settings.log_every
    kept = nullcontext() if keeper is None else keeper.training(trainer)
    with interruption or nullcontext(), kept:
        if shards is not None:
            shards.check_alike(_description(run))
            state = shards.ranks.of_first(None if follows else trainer.state())
            if follows:  # rank 0 may have taken up a checkpoint
                trainer.restore(*state)
        # The run has its folder by now, and its history if it is resumed.
        callbacks.call("on_train_start", run=run)
        try:
            trainer.run(
                on_epoch=on_epoch, every=every, should_stop=stop, on_batch=callbacks.on_batch(run)
            )
        finally:
            run.state = trainer.steps.state()
        run.ended = trainer.ended
        if run.ended is not None:
            _calibrate(run)
            run.advice = advice.after(run)
    if run.ended is not None:
        callbacks.call("on_train_end", run=run)


def _description(run: Run) -> dict[str, Any]:
    """Describe what must be the same for all processes that train a run."""
    plugins = {run.model.registry.provider(part).label for part in run.used}
    digests = [part.digest for part in run.parts]
    return {**run.settings.to_dict(), "rows": len(run.rows.targets), "formulas": digests,
            "plugins": sorted(plugins)}  # fmt: skip


def _calibrate(run: Run) -> None:
    """Learn how sure the network may be, if the run has rows to learn it from, or a level."""
    if len(run.validation_rows) or run.settings.interval is not None:
        from nnplug.runs.calibrating import calibrate  # noqa: PLC0415  # not every run does

        calibrate(run)
