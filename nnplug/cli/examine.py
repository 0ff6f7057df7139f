"""Loads one plugin in a process of its own, for `nnplug plugins doctor`.

What an import does cannot be undone, and it may never end. So the doctor
starts this module anew for each plugin, and gives it a time limit.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint
from types import FrameType
from typing import Any

__all__ = ["HEAVY", "examine", "main"]

HEAVY = frozenset({
    "IPython", "altair", "bokeh", "cupy", "cv2", "dask", "datasets", "duckdb", "gensim", "jax",
    "keras", "lightgbm", "matplotlib", "mxnet", "nltk", "numba", "onnxruntime", "paddle",
    "pandas", "plotly", "polars", "pyarrow", "pyspark", "scipy", "seaborn", "skimage", "sklearn",
    "spacy", "statsmodels", "sympy", "tensorflow", "torch", "torchvision", "transformers",
    "xarray", "xgboost",
})  # fmt: skip
"""Packages that take long to import: a plugin leaves them to the function that uses them."""

_CHILD = (
    "import json, sys; request = json.loads(sys.argv[1]); sys.path[:] = request['path']; "
    "from nnplug.cli.examine import main; main(request)"
)


def examine(request: Mapping[str, str], limit: float) -> dict[str, Any]:
    """Load a plugin in a process of its own.

    Parameters
    ----------
    request : mapping
        `package`, `version`, `entry_point` and `module` of an installed
        plugin, or `local`: what `-p` names.
    limit : float
        Seconds until the process is stopped.

    Returns
    -------
    dict
        `state`, `cause`, `seconds`, `parts`, `notes`, `near_misses`, `heavy`.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, json.dumps({**request, "path": sys.path})],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    failed: dict[str, Any] = {"state": "failed", "seconds": None, "parts": [], "notes": []}
    failed |= {"near_misses": [], "heavy": []}
    try:
        written, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        return {**failed, "cause": f"it was not loaded after {limit:g} s, and was stopped."}
    finally:
        _stop(process)
    try:
        result: dict[str, Any] = json.loads(written)
    except ValueError:  # it ended the interpreter before there was an answer
        last = errors.strip().rpartition("\n")[2]
        code = process.returncode
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return {**failed, "cause": f"it ended Python while it was loaded ({how}). {last}".strip()}
    return result


def _stop(process: subprocess.Popen[str]) -> None:
    """Stop a process, and what it started, if it still runs."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.communicate()


# --- in the process of its own -----------------------------------------------------------


def main(request: Mapping[str, Any]) -> None:
    """Load a plugin and write what was seen as JSON to stdout."""
    answer = os.dup(1)
    os.dup2(2, 1)  # whatever the plugin prints, by whatever way, is not the answer
    result = json.dumps(_examine(request))
    with os.fdopen(answer, "w", encoding="utf-8") as stream:
        stream.write(result)


def _examine(request: Mapping[str, Any]) -> dict[str, Any]:
    from nnplug.errors import PluginError
    from nnplug.hookspecs import HOOKS, TOOL_HOOKS
    from nnplug.plugins.checks import near_misses
    from nnplug.plugins.manager import GROUP, PluginManager, Provider

    if "local" in request:
        manager = PluginManager(installed=[])
        top = ""
    else:
        point = EntryPoint(request["entry_point"], request["module"], GROUP)
        provider = Provider(
            request["package"], request["version"], point.name, point.value, "available",
            load=point.load,
        )  # fmt: skip
        manager = PluginManager(installed=[provider])
        top = point.value.partition(":")[0].partition(".")[0]
    for kind in (*HOOKS.values(), *TOOL_HOOKS.values()):
        manager.builtin(kind)  # nnplug's own imports are not the plugin's cost
    watch = _Watch(top)
    sys.meta_path.insert(0, watch)
    error = ""
    start = time.perf_counter()
    try:
        if "local" in request:
            manager.load_named(request["local"])
        else:
            manager.load_all()
    except PluginError as caught:
        error = str(caught)
    seconds = time.perf_counter() - start
    found: Sequence[Provider] = [each for each in manager.known if each.state != "built-in"]
    if not found:
        found = [Provider("local", "", request["local"], "", "failed", cause=error)]
    (provider,) = found
    plugin = provider.load() if provider.state == "loaded" else None
    return {
        "state": provider.state,
        "cause": provider.cause,
        "seconds": seconds,
        "parts": [
            {"kind": each.kind, "name": each.name, "aliases": list(each.aliases)}
            for each in provider.provided
        ],
        "notes": provider.notes,
        "near_misses": near_misses(plugin),
        "heavy": [
            {"module": name, "place": place}
            for name, place in watch.places.items()
            if name in sys.modules
        ],
    }


class _Watch:
    """Notes where a heavy package is first imported; finds nothing itself."""

    def __init__(self, top: str) -> None:
        self.top = top
        self.places: dict[str, str] = {}

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Take note of an import."""
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
