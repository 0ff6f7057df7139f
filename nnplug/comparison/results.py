"""The results of a comparison's tasks, each in a file of its own, so that none is done twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnplug.comparison.bench import Task
from nnplug.comparison.request import Request
from nnplug.durable import write_file
from nnplug.errors import ModelFileError, SettingError, StorageError
from nnplug.models.strict_json import read_json
from nnplug.runs.folder import check_free
from nnplug.untrusted import read_small

__all__ = ["LARGEST", "Results", "read_record"]

ASKED = "comparison.json"
REPORT = "report.json"
LARGEST = 2**28
"""Bytes of a report."""
_MOST = 2**20
_NUMBER = (int, float, type(None))
_SHAPE: Mapping[str, Any] = {
    "score": _NUMBER,
    "loss": _NUMBER,
    "validation": _NUMBER,
    "constant": _NUMBER,
    "diverged": (str, type(None)),
    "epochs": int,
    "best_epoch": (int, type(None)),
    "steps": int,
    "seconds": (int, float),
    "parameters": int,
    "engine": str,
    "curve": list,
}


class Results:
    """What tasks returned, by the name of the task.

    Parameters
    ----------
    folder : Path or None
        Where to write them; None keeps them in memory alone.
    request : Request or None
        What a new folder is for; it is written with the first result.
    """

    def __init__(self, folder: Path | None = None, request: Request | None = None) -> None:
        self.folder = folder
        self._request = request
        self._found: dict[str, dict[str, Any]] = {}

    @classmethod
    def begin(cls, folder: Path, request: Request) -> Results:
        """Choose a new folder, which appears with the first result.

        Raises
        ------
        StorageError
            If it is not empty.
        """
        check_free(folder)
        return cls(folder, request)

    @classmethod
    def of(cls, folder: Path, request: Request) -> Results:
        """Open the folder of this very comparison, or make a new one.

        Raises
        ------
        StorageError
            If the folder holds anything else.
        """
        if not (folder / ASKED).is_file():
            return cls.begin(folder, request)
        if read_record(folder / ASKED, _MOST) != json.loads(json.dumps(request.to_dict())):
            raise StorageError(
                f"{folder} holds another comparison.\nName another folder, or go on with that "
                f"one: nnplug compare --resume {folder}"
            )
        return cls(folder)

    @classmethod
    def open(cls, folder: Path) -> tuple[Results, Request]:
        """Open the folder of a comparison that was begun."""
        path = folder / ASKED
        if not path.is_file():
            raise StorageError(
                f"{folder}: there is no comparison to resume: {ASKED} is missing.\n"
                "Name the folder of a comparison, such as comparisons/NAME."
            )
        request = Request.from_dict(read_record(path, _MOST), str(path))
        return cls(folder), request

    def __getitem__(self, task: Task) -> dict[str, Any]:
        return self._found[task.name]

    def __contains__(self, task: Task) -> bool:
        name = task.name
        if name not in self._found and self.folder is not None:
            path = self.folder / "runs" / f"{name}.json"
            if path.is_file():
                found = read_record(path, _MOST)
                if _is_result(found):  # anything else is done again
                    self._found[name] = found
        return name in self._found

    def __setitem__(self, task: Task, result: dict[str, Any]) -> None:
        if self._request is not None:
            self._write(ASKED, self._request.to_dict())
            self._request = None
        self._found[task.name] = result
        self._write(f"runs/{task.name}.json", result)

    def __len__(self) -> int:
        return len(self._found)

    def write(self, name: str, text: str) -> None:
        """Write a file of the report."""
        if self.folder is not None:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, text.encode(), overwrite=True)

    def _write(self, name: str, value: Any) -> None:
        self.write(name, json.dumps(value, allow_nan=False) + "\n")


def read_record(path: Path, most: int = LARGEST) -> Any:
    """Read JSON that nnplug wrote.

    Raises
    ------
    StorageError
        If the file cannot be read.
    SettingError
        If it is not JSON.
    """
    try:
        return read_json(read_small(path, most))
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror or error}.") from None
    except (ModelFileError, ValueError) as error:
        raise SettingError(f"{path} is not the record of a comparison: {error}.") from None


def _is_result(found: Any) -> bool:
    if not isinstance(found, dict) or found.keys() != _SHAPE.keys():
        return False
    if not all(isinstance(found[key], kinds) for key, kinds in _SHAPE.items()):
        return False
    return all(
        isinstance(point, list)
        and len(point) == 2
        and all(isinstance(v, int | float) for v in point)
        for point in found["curve"]
    )
