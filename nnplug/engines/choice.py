"""Choosing the engine of a run: by its name, or the one that will finish first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from nnplug.engines.engine import Engine, StepSizes
from nnplug.engines.numpy import NUMPY
from nnplug.errors import SettingError
from nnplug.plugins.registry import Registry

__all__ = ["choose_engine", "engines_at_hand", "find_engine", "spelled_engine"]

AUTO = "auto"


def choose_engine(
    name: str, registry: Registry, *, widths: Sequence[int], slots: int, rows: int, steps: int
) -> Engine:
    """Find an engine by its name, or for `"auto"` the one expected to finish first.

    `"auto"` takes another engine than NumPy's if it is expected to save more time
    than its preparation takes. Caches do not count, nor do other installed
    packages: it chooses among `engines_at_hand`. So the same run always has the
    same engine, and the same bits.

    Parameters
    ----------
    widths, slots, rows
        See `StepSizes`.
    steps : int
        The steps of the whole run.

    Raises
    ------
    UnknownPartError, PluginError, SettingError
        See `find_engine`.
    """
    if name != AUTO:
        return find_engine(name, registry)
    sizes, best, most = StepSizes(widths, slots, rows), NUMPY, 0.0
    for engine in engines_at_hand(registry):
        if engine.saves is not None:
            gain = steps * engine.saves(sizes) - engine.preparation
            if gain > most:
                best, most = engine, gain
    return best


def find_engine(name: str, registry: Registry) -> Engine:
    """Find an engine by its name.

    Raises
    ------
    UnknownPartError
        If no engine has that name.
    PluginError
        If two packages have it, or the plugin that has it is broken.
    SettingError
        If something that it needs is not installed.
    """
    engine = cast(Engine, registry.tool("engine", name, also=(AUTO,)))
    missing = engine.missing()
    if missing:
        raise SettingError(f"engine={name!r}: {missing}, or use engine={NUMPY.name!r}.")
    return engine


def spelled_engine(engine: Engine, registry: Registry) -> str:
    """Write an engine's name so that it is found again, whatever else is installed."""
    provider = registry.provider(engine)
    own = provider.state == "built-in" or provider.package == "local"
    return engine.name if own else f"{provider.package}/{engine.name}"


def engines_at_hand(registry: Registry) -> list[Engine]:
    """List the engines that `"auto"` may choose: nnplug's own, NumPy's first, and those of `-p`.

    No other plugin is loaded for this, so that other installed packages do not
    change the choice.
    """
    named = registry.plugins.named
    found = [
        cast(Engine, engine)
        for engine, provider in registry.tools("engine")
        if provider.state == "built-in" or provider in named
    ]
    return sorted(
        (engine for engine in found if not engine.missing()),
        key=lambda engine: engine is not NUMPY,
    )
