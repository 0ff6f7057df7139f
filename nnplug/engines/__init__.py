"""Engines: what runs a plan."""

from nnplug.engines.engine import ENGINES, NUMPY, Engine, choose_engine, find_engine
from nnplug.engines.fusion import left_to_numpy
from nnplug.engines.numpy_engine import BoundProgram, Memory, bind
from nnplug.engines.threads import Threads, one_thread

__all__ = [
    "ENGINES",
    "NUMPY",
    "BoundProgram",
    "Engine",
    "Memory",
    "bind",
    "choose_engine",
    "find_engine",
    "left_to_numpy",
    "Threads",
    "one_thread",
]
