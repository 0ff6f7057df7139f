"""Finding the run or the model that a text on the command line means."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnplug.runs.folder import RunFolder

__all__ = ["RUNS", "find_model", "find_run", "record_of", "runs_in"]

RUNS = "runs"
"""The folder where runs are kept unless another is given."""


def runs_in(folder: Path) -> list[RunFolder]:
    """Find the runs of a folder, the latest first."""
    from nnplug.runs.folder import RunFolder, is_run

    if not folder.is_dir():
        return []
    found = [RunFolder(path) for path in folder.iterdir() if is_run(path)]
    return sorted(found, key=_started, reverse=True)


def _started(folder: RunFolder) -> tuple[str, str]:
    return str(record_of(folder).get("started", "")), folder.path.name


def record_of(folder: RunFolder) -> dict[str, Any]:
    """Read a run's record; for a damaged file or folder, what is wrong with it."""
    from nnplug.errors import NnplugError

    try:
        record = folder.record()
        return {**record, "status": "damaged", "error": folder.damage} if folder.damage else record
    except NnplugError as error:
        return {"status": "damaged", "error": str(error)}


def find_run(text: str) -> RunFolder:
    """Find a run by its folder, by its name in `runs` or the beginning of it, or as `latest`.

    Raises
    ------
    StorageError
        If there is no such run, or several names begin like this.
    """
    return _find(text, "run", [])


def find_model(text: str) -> Path:
    """Find a model by its file, or by its run as `find_run` does.

    Raises
    ------
    StorageError
        If there is no such run, or it or the folder has no model.
    """
    from nnplug.errors import StorageError
    from nnplug.runs.folder import MODEL, is_run

    path = Path(text)
    if path.is_dir() and not is_run(path):
        if not (path / MODEL).is_file():
            raise StorageError(f"{path}: a folder without {MODEL}. Name a model file or a run.")
        return path / MODEL
    is_named_as_file = bool(path.suffix) or path.parent != Path()
    if not path.is_dir() and (path.exists() or is_named_as_file):
        return path  # if it does not exist, reading it says so
    here = [file.name for file in Path().glob("*.safetensors")]
    run = _find(text, "model file or run", here)
    if not (run.path / MODEL).is_file():
        raise StorageError(
            f"{run.path}: this run has no model: it did not finish, or it diverged.\n"
            f"What happened: nnplug runs show {shlex.quote(run.path.name)}"
        )
    return run.path / MODEL


def _find(text: str, what: str, besides: list[str]) -> RunFolder:
    """Find a run; `besides` are other names that may be meant, for the error's hint."""
    from nnplug.errors import StorageError, suggest
    from nnplug.runs.folder import RunFolder, is_run

    path = Path(text)
    if is_run(path):
        return RunFolder(path)
    there = runs_in(Path(RUNS))
    if text == "latest":
        if there:
            return there[0]
        raise StorageError(
            f"latest: there are no runs in the folder {RUNS}. "
            "nnplug train on a table keeps its run there."
        )
    near = [run for run in there if run.path.name.startswith(text)]
    exact = [run for run in near if run.path.name == text]
    if len(exact or near) == 1:
        return (exact or near)[0]
    if near:
        listed = "\n".join(f"  {run.path.name}" for run in near)
        raise StorageError(f"{text}: the names of {len(near)} runs begin like this:\n{listed}")
    if path.exists():
        return RunFolder.open(path)  # says what is wrong with it
    names = [*(run.path.name for run in there), *besides, *["latest"] * bool(there)]
    begins = next((name for name in besides if name.startswith(text)), None)
    hint = f" Did you mean {begins!r}?" if begins else suggest(text, names)
    raise StorageError(
        f"{text}: there is no such {what}.{hint}\nTo list the runs: nnplug runs list"
    )
