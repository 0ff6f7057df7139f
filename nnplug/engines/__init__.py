"""Engines, which run plans.

Each folder here is a built-in engine: a plugin that registers itself like any
other.
"""

from nnplug.engines.choice import choose_engine, engines_at_hand, find_engine, spelled_engine
from nnplug.engines.engine import (
    Bind,
    BoundProgram,
    Call,
    Engine,
    Memory,
    StepSizes,
    announce,
    announced,
)
from nnplug.engines.numpy import NUMPY, Binder, bind
from nnplug.engines.threads import Threads, one_thread

__all__ = [
    "NUMPY",
    "Bind",
    "Binder",
    "BoundProgram",
    "Call",
    "Engine",
    "Memory",
    "StepSizes",
    "Threads",
    "announce",
    "announced",
    "bind",
    "choose_engine",
    "engines_at_hand",
    "find_engine",
    "one_thread",
    "spelled_engine",
]
