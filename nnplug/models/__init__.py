"""Models: what a trained network is kept as, and what it predicts."""

from nnplug.models.checkpoint import Checkpoint, Checkpoints
from nnplug.models.fingerprint import fingerprint
from nnplug.models.info import ModelInfo, PartRecord
from nnplug.models.model import Model
from nnplug.models.model_file import load_model, read_info

__all__ = [
    "Checkpoint",
    "Checkpoints",
    "Model",
    "ModelInfo",
    "PartRecord",
    "fingerprint",
    "load_model",
    "read_info",
]
