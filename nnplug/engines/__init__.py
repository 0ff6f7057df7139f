"""Engines: what runs a plan."""

from nnplug.engines.numpy_engine import BoundProgram, Memory, bind

__all__ = ["BoundProgram", "Memory", "bind"]
