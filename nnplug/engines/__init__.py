"""Engines: what runs a plan."""

from nnplug.engines.engine import ENGINES, NUMPY, Engine, find_engine
from nnplug.engines.numpy_engine import BoundProgram, Memory, bind

__all__ = ["ENGINES", "NUMPY", "BoundProgram", "Engine", "Memory", "bind", "find_engine"]
