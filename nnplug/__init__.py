"""nnplug: a neural-network framework whose parts are plugins.

Names are imported when they are first used, so that `import nnplug` and
`nnplug --help` cost next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nnplug.formulas import special as special
    from nnplug.hookspecs import hookimpl as hookimpl
    from nnplug.models import Model as Model
    from nnplug.parts import Data as Data
    from nnplug.parts import activation as activation
    from nnplug.parts import dataset as dataset
    from nnplug.parts import initializer as initializer
    from nnplug.parts import loss as loss
    from nnplug.parts import metric as metric
    from nnplug.parts import optimizer as optimizer
    from nnplug.parts import schedule as schedule
    from nnplug.parts import trainable as trainable
    from nnplug.registry import Registry as Registry
    from nnplug.resuming import resume as resume
    from nnplug.run import Run as Run
    from nnplug.run import load as load
    from nnplug.run import train as train
    from nnplug.training import EpochRecord as EpochRecord

_HOMES = {
    "special": "nnplug.formulas",
    "hookimpl": "nnplug.hookspecs",
    "Model": "nnplug.models",
    "Registry": "nnplug.registry",
    "Run": "nnplug.run",
    "load": "nnplug.run",
    "resume": "nnplug.resuming",
    "train": "nnplug.run",
    "EpochRecord": "nnplug.training",
    **dict.fromkeys(
        (
            "Data",
            "activation",
            "dataset",
            "initializer",
            "loss",
            "metric",
            "optimizer",
            "schedule",
            "trainable",
        ),
        "nnplug.parts",
    ),
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604  # names are strings


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'nnplug' has no attribute {name!r}")
    module = import_module(home)
    value = getattr(module, name, None) or import_module(f"{home}.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
