"""Which engine runs a plan: the one that is named, or the one that is done first."""

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
    """Find an engine by its name, or for `"auto"` the one that is expected to be done first.

    `"auto"` takes another engine than NumPy's if it is expected to save more
    than it takes to be prepared. What a cache holds does not count, nor does
    what else is installed: it chooses among `engines_at_hand`. So the same
    run always has the same engine, and the same bits.

    Parameters
    ----------
    widths, slots, rows
        See `StepSizes`.
    steps : int
        Of the whole run.

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
        If what it needs is not there.
    """
    engine = cast(Engine, registry.tool("engine", name, also=(AUTO,)))
    missing = engine.missing()
    if missing:
        raise SettingError(f"engine={name!r}: {missing}, or use engine={NUMPY.name!r}.")
    return engine


def spelled_engine(engine: Engine, registry: Registry) -> str:
    """Write an engine so that it is found again, whatever else is installed."""
    provider = registry.provider(engine)
    own = provider.state == "built-in" or provider.package == "local"
    return engine.name if own else f"{provider.package}/{engine.name}"


def engines_at_hand(registry: Registry) -> list[Engine]:
    """List the engines that may run here unasked: nnplug's own, NumPy's first, and those of `-p`.

    No other plugin is loaded for it, or what is installed besides would decide.
    """
    named = registry.plugins.named
    found = [
        cast(Engine, engine)
        for engine, provider in registry.tools("engine")
        if provider.state == "built-in" or provider in named
    ]
    return sorted(
        (each for each in found if not each.missing()), key=lambda each: each is not NUMPY
    )
