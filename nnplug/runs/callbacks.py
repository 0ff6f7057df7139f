"""Training hooks: what plugins and callers may do at the start, at steps, epochs and the end."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnplug.errors import PluginError, SettingError, suggest
from nnplug.parts import Part
from nnplug.plugins.loading import Plugins
from nnplug.plugins.plugin import LOCAL, Plugin
from nnplug.tool import Tool
from nnplug.training import BatchRecord, OnBatch

__all__ = ["NAMES", "Callbacks"]

NAMES = ("on_train_start", "on_batch_end", "on_epoch_end", "on_train_end")
"""The training hooks."""


@dataclass(eq=False)
class Callbacks:
    """The hooks of loaded plugins, then those of a caller's own objects.

    Attributes
    ----------
    plugins : Plugins
    parts : sequence of Part or Tool
        The run's. Plugins whose parts or engine it uses take part, and those named
        with `-p`; others that happen to be loaded do not.
    own : sequence of object
        Objects with methods named as the hooks.
    """

    plugins: Plugins
    parts: Sequence[Part | Tool]
    own: Sequence[object] = ()
    _found: dict[str, list[tuple[str, str, Callable[..., Any]]]] = field(init=False)

    def __post_init__(self) -> None:
        self._found = {name: self._implementations(name) for name in NAMES}

    def _implementations(self, name: str) -> list[tuple[str, str, Callable[..., Any]]]:
        used = {part.function for part in self.parts}
        named = self.plugins.named
        hooks = [
            (f"plugin {provider.label}", _leave_out(provider), function)
            for provider, function in self.plugins.implementations(name)
            if provider in named or any(part.function in used for part in provider.provided)
        ]
        for each in self.own:
            _check_names(each)
            method = getattr(each, name, None)
            if method is not None:
                hooks.append((f"callback {type(each).__name__}", "leave it out", method))
        return hooks

    def on_batch(self, run: Any) -> OnBatch | None:
        """Give what calls `on_batch_end`; None where nobody listens: no step stops then."""
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
        """Call one hook of everybody.

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
            Whether one of them returned True, asking to stop. All are called.

        Raises
        ------
        PluginError
            If one raises: whose it is, which hook, when, and where.
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
    """Refuse a callback that would be passed over: a misspelt method, or none."""
    methods = [name for name in dir(callback) if name.startswith("on_")]
    for name in methods:
        if name not in NAMES:
            raise SettingError(
                f"callback {type(callback).__name__}: there is no hook {name!r}."
                f"{suggest(name, NAMES)}"
            )
    if not methods:
        raise SettingError(f"callback {callback!r} has none of the methods {', '.join(NAMES)}.")


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}: " if len(frames) > 1 else ""
