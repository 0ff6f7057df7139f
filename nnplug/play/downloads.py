"""Files to take away: the script, a notebook, the data and the model."""

from __future__ import annotations

import base64
import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from nnplug.errors import SettingError
from nnplug.play.learner import Learner
from nnplug.play.script import python_script
from nnplug.tables import Table

__all__ = ["download"]

KINDS = ("script", "notebook", "data", "model")


def download(learner: Learner, what: Any) -> dict[str, str]:
    """Make a file of what is on the screen.

    Parameters
    ----------
    what : str
        One of `KINDS`.

    Returns
    -------
    dict
        `name`, and `content` in base64.

    Raises
    ------
    SettingError
        If there is no such file.
    """
    if what == "script":
        return _file("playground.py", python_script(learner).encode())
    if what == "notebook":
        return _file("playground.ipynb", _notebook(python_script(learner)).encode())
    if what == "data":
        return _data(learner)
    if what == "model":
        with tempfile.TemporaryDirectory(prefix="nnplug-play-") as folder:
            path = Path(folder) / "model.safetensors"
            learner.run.save(path)
            return _file("playground.safetensors", path.read_bytes())
    raise SettingError(f"download: what={what!r}; choose one of {', '.join(KINDS)}.")


def _data(learner: Learner) -> dict[str, str]:
    """Make a file of the rows: a table as it came, under the name that the script reads."""
    content = learner.content
    if isinstance(content.given, Table):
        return _file(content.name, _table(content.given).encode())
    if content.table is None:
        return _file("data.csv", _rows(learner).encode())
    try:
        return _file(content.table.name, content.table.read_bytes())
    except OSError as error:  # a pattern for several files, or the file has gone
        raise SettingError(
            f"{content.table}: it is not one file that can be read ({error.strerror}).\nTake the "
            "data from where they are."
        ) from None


def _file(name: str, content: bytes) -> dict[str, str]:
    return {"name": name, "content": base64.b64encode(content).decode("ascii")}


def _notebook(script: str) -> str:
    """Write a notebook of one cell (nbformat 4.5)."""
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "playground",
        "metadata": {},
        "outputs": [],
        "source": script.splitlines(keepends=True),
    }
    about = {"language_info": {"name": "python"}}
    return json.dumps(
        {"cells": [cell], "metadata": about, "nbformat": 4, "nbformat_minor": 5}, indent=1
    )


def _table(table: Table) -> str:
    """Write a table as CSV; what is missing is an empty cell."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.names)
    columns = []
    for column in table.columns:
        values = column.values.astype(object)
        if column.integer:
            values[column.present] = column.data[column.present].astype(np.int64)
        values[~column.present] = ""
        columns.append(values)
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue()


def _rows(learner: Learner) -> str:
    """Write the rows of a dataset as CSV, with its classes by name."""
    rows, out = learner.run.rows, io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    targets = rows.targets if rows.targets.ndim == 2 else rows.targets[:, None]
    # Arrays stay what they are, so that the script reads them again.
    named = learner.content.given is None and rows.classes and targets.shape[1] == 1
    names = ["class"] if named else []
    names = names or [f"target{k}" if k else "target" for k in range(targets.shape[1])]
    writer.writerow([*rows.features, *names])
    for x, y in zip(rows.inputs.tolist(), targets.tolist(), strict=True):
        answer = [rows.classes[y[0]]] if names == ["class"] else y
        writer.writerow([*map(repr, x), *answer])
    return out.getvalue()
