"""Models: what a trained network is kept as, and what it predicts."""

from nnplug.models.info import ModelInfo, PartRecord
from nnplug.models.model import Model
from nnplug.models.model_file import load_model, read_info

__all__ = ["Model", "ModelInfo", "PartRecord", "load_model", "read_info"]
