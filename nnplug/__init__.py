"""nnplug: a neural-network framework whose parts are plugins.

Names are imported when they are first used, so that `import nnplug` and
`nnplug --help` cost next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnplug.lazy import lazy_names

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nnplug.comparison.api import compare as compare
    from nnplug.engines import Engine as Engine
    from nnplug.formulas.opaque import Opaque as Opaque
    from nnplug.hookspecs import hookimpl as hookimpl
    from nnplug.importers import from_keras as from_keras
    from nnplug.importers import from_onnx as from_onnx
    from nnplug.importers import from_torch as from_torch
    from nnplug.models import Model as Model
    from nnplug.parts import Data as Data
    from nnplug.parts import Facts as Facts
    from nnplug.parts import activation as activation
    from nnplug.parts import dataset as dataset
    from nnplug.parts import drawn as drawn
    from nnplug.parts import encoding as encoding
    from nnplug.parts import initializer as initializer
    from nnplug.parts import layer as layer
    from nnplug.parts import loss as loss
    from nnplug.parts import metric as metric
    from nnplug.parts import normal as normal
    from nnplug.parts import optimizer as optimizer
    from nnplug.parts import parameter as parameter
    from nnplug.parts import quantiles as quantiles
    from nnplug.parts import recipe as recipe
    from nnplug.parts import schedule as schedule
    from nnplug.parts import state as state
    from nnplug.parts import trainable as trainable
    from nnplug.parts import uniform as uniform
    from nnplug.plugins.registry import Registry as Registry
    from nnplug.runs.api import resume as resume
    from nnplug.runs.api import train as train
    from nnplug.runs.loading import load as load
    from nnplug.runs.run import Run as Run
    from nnplug.runs.tracing import trace as trace
    from nnplug.searching.api import search as search
    from nnplug.tool import Exporter as Exporter
    from nnplug.training import BatchRecord as BatchRecord
    from nnplug.training import EpochRecord as EpochRecord

    from nnplug import special as special  # isort: skip  # last: nnplug is known to mypy by then

__getattr__, _lazy_names = lazy_names(
    __name__,
    {
        "nnplug": ("special",),
        "nnplug.comparison.api": ("compare",),
        "nnplug.engines": ("Engine",),
        "nnplug.formulas.opaque": ("Opaque",),
        "nnplug.hookspecs": ("hookimpl",),
        "nnplug.importers": ("from_keras", "from_onnx", "from_torch"),
        "nnplug.models": ("Model",),
        "nnplug.parts": (
            "Data",
            "Facts",
            "activation",
            "dataset",
            "drawn",
            "encoding",
            "initializer",
            "layer",
            "loss",
            "metric",
            "normal",
            "optimizer",
            "parameter",
            "quantiles",
            "recipe",
            "schedule",
            "state",
            "trainable",
            "uniform",
        ),
        "nnplug.plugins.registry": ("Registry",),
        "nnplug.runs.api": ("resume", "train"),
        "nnplug.runs.loading": ("load",),
        "nnplug.runs.run": ("Run",),
        "nnplug.runs.tracing": ("trace",),
        "nnplug.searching.api": ("search",),
        "nnplug.tool": ("Exporter",),
        "nnplug.training": ("BatchRecord", "EpochRecord"),
    },
)

__all__ = ["__version__", *_lazy_names()]  # noqa: PLE0604  # names are strings


def __dir__() -> list[str]:
    return sorted(__all__)
