"""The Python API: `nnplug.load`."""

from __future__ import annotations

import os

from nnplug import models
from nnplug.models import Model
from nnplug.plugins.registry import Registry
from nnplug.runs.preparing import default_registry

__all__ = ["load"]


def load(
    path: str | os.PathLike[str],
    *,
    registry: Registry | None = None,
    allow_other_versions: bool = False,
) -> Model:
    """Load a model that `Run.save` wrote.

    Nothing in the file is run. The parts that it names are looked up among
    those that are installed.

    Parameters
    ----------
    registry : Registry, optional
        Where the parts are looked up; by default among all installed parts.
    allow_other_versions : bool, optional
        Whether a package may be of another major version than the model was
        made with.

    Returns
    -------
    Model

    Raises
    ------
    ModelFileError
        If it is not a model file, is damaged, or needs parts that are not
        installed; the message says what to install.
    StorageError
        If the file cannot be read.

    Examples
    --------
    >>> import nnplug, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "xor.safetensors"
    >>> nnplug.train("xor", epochs=3000).save(path)
    >>> load(path).predict([[0, 1], [1, 1]]).tolist()
    [1, 0]
    """
    registry = registry or default_registry()
    model = models.load_model(path, registry, allow_other_versions=allow_other_versions)
    models.warn_of(model.notes, f"{os.fspath(path)}: ")
    return model
