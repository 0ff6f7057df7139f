"""Models: trained networks, what they predict, and the files that they are kept in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnplug.lazy import lazy_names

if TYPE_CHECKING:
    from nnplug.models.checkpoint import Checkpoint as Checkpoint
    from nnplug.models.checkpoint import Checkpoints as Checkpoints
    from nnplug.models.info import ModelInfo as ModelInfo
    from nnplug.models.model import Model as Model
    from nnplug.models.model_file import load_model as load_model
    from nnplug.models.model_file import read_info as read_info
    from nnplug.models.records import PartRecord as PartRecord
    from nnplug.models.selection import warn_of as warn_of

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "nnplug.models.checkpoint": ("Checkpoint", "Checkpoints"),
        "nnplug.models.info": ("ModelInfo",),
        "nnplug.models.model": ("Model",),
        "nnplug.models.model_file": ("load_model", "read_info"),
        "nnplug.models.records": ("PartRecord",),
        "nnplug.models.selection": ("warn_of",),
    },
)

__all__ = [
    "Checkpoint",
    "Checkpoints",
    "Model",
    "ModelInfo",
    "PartRecord",
    "load_model",
    "read_info",
    "warn_of",
]
