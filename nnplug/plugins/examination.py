"""What loading a plugin shows: how long it takes, what it registers, what looks wrong.

`plugins doctor` runs this in a process of its own for each plugin.
"""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint
from types import FrameType

from nnplug.errors import PluginError, suggest
from nnplug.hookspecs import REGISTER_HOOKS
from nnplug.plugins.hooks import SPECIFICATIONS, place_of
from nnplug.plugins.isolated import Event
from nnplug.plugins.loading import Plugins
from nnplug.plugins.plugin import GROUP, LOCAL, Plugin

__all__ = ["HEAVY", "examine", "near_misses"]

HEAVY = frozenset({
    "IPython", "altair", "bokeh", "cupy", "cv2", "dask", "datasets", "duckdb", "gensim", "jax",
    "keras", "lightgbm", "matplotlib", "mxnet", "nltk", "numba", "onnxruntime", "paddle",
    "pandas", "plotly", "polars", "pyarrow", "pyspark", "scipy", "seaborn", "skimage", "sklearn",
    "spacy", "statsmodels", "sympy", "tensorflow", "torch", "torchvision", "transformers",
    "xarray", "xgboost",
})  # fmt: skip
"""Packages that take long to import: a plugin should leave them to the function that uses them."""


def examine(request: Mapping[str, str]) -> Iterator[Event]:
    """Load one plugin and report what it shows.

    Parameters
    ----------
    request : mapping
        `package`, `version`, `entry_point` and `module` of an installed
        plugin, or `local`: what `-p` names.

    Yields
    ------
    dict
        One event, `"loaded"`, with `state`, `cause`, `seconds`, `parts`,
        `notes`, `near_misses` and `heavy`.
    """
    top = ""
    if "local" in request:
        plugins = Plugins(installed=[])
    else:
        point = EntryPoint(request["entry_point"], request["module"], GROUP)
        installed = Plugin(
            request["package"], request["version"], point.name, point.value, "available",
            load=point.load,
        )  # fmt: skip
        plugins = Plugins(installed=[installed])
        top = point.value.partition(":")[0].partition(".")[0]
    for kind in REGISTER_HOOKS.values():
        plugins.builtin(kind)  # nnplug's own imports are not the plugin's cost
    watch = _Watch(top)
    sys.meta_path.insert(0, watch)
    error = ""
    start = time.perf_counter()
    try:
        if "local" in request:
            plugins.load_named(request["local"])
        else:
            plugins.load_all()
    except PluginError as caught:
        error = str(caught)
    seconds = time.perf_counter() - start
    found = [plugin for plugin in plugins.known if plugin.state != "built-in"]
    if not found:
        found = [Plugin(LOCAL, "", request["local"], "", "failed", cause=error)]
    (plugin,) = found
    yield {
        "event": "loaded",
        "state": plugin.state,
        "cause": plugin.cause,
        "seconds": seconds,
        "parts": [
            {"kind": part.kind, "name": part.name, "aliases": list(part.aliases)}
            for part in plugin.provided
        ],
        "notes": plugin.notes,
        "near_misses": near_misses(plugin.load()) if plugin.state == "loaded" else [],
        "heavy": [
            {"module": name, "place": place}
            for name, place in watch.places.items()
            if name in sys.modules
        ],
    }


def near_misses(module: object) -> list[str]:
    """Find functions whose name is nearly that of a hook, and that nothing will call."""
    found = []
    for name, function in sorted(vars(module).items()) if hasattr(module, "__dict__") else ():
        near = suggest(name, SPECIFICATIONS)
        if (
            name.startswith(("register", "on_"))
            and "_" in name
            and near
            and name not in SPECIFICATIONS
            and inspect.isfunction(function)
            and not hasattr(function, "nnplug_impl")  # an unknown hook is an error by itself
        ):
            found.append(
                f"{place_of(function)}: nothing calls {name!r}: there is no such hook.{near}"
            )
    return found


class _Watch:
    """Notes where a heavy package is first imported; never finds a module itself.

    Parameters
    ----------
    top : str
        The plugin's top-level package.
    """

    def __init__(self, top: str) -> None:
        self.top = top
        self.places: dict[str, str] = {}

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Note the plugin's line that an import comes from."""
        if name in HEAVY:
            frame: FrameType | None = sys._getframe(1)
            while frame is not None and not self._is_plugin(frame):
                frame = frame.f_back
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else ""
            self.places[name] = place
        return None

    def _is_plugin(self, frame: FrameType) -> bool:
        module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        return module == self.top or module.startswith("nnplug_local_")
