"""Which run or which model a person means on the command line."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnplug.runs.folder import RunFolder

__all__ = ["RUNS", "find_model", "find_run", "record_of", "runs_in"]

RUNS = "runs"
"""The folder of the runs that were given no other."""


def runs_in(folder: Path) -> list[RunFolder]:
    """Find the runs of a folder, the latest first."""
    from nnplug.runs.folder import RunFolder, is_run

    if not folder.is_dir():
        return []
    found = [RunFolder(each) for each in folder.iterdir() if is_run(each)]
    return sorted(found, key=_started, reverse=True)


def _started(folder: RunFolder) -> tuple[str, str]:
    return str(record_of(folder).get("started", "")), folder.path.name


def record_of(folder: RunFolder) -> dict[str, Any]:
    """Read what happened; of a damaged file or folder, what is wrong with it."""
    from nnplug.errors import NnplugError

    try:
        record = folder.record()
        return {**record, "status": "damaged", "error": folder.damage} if folder.damage else record
    except NnplugError as error:
        return {"status": "damaged", "error": str(error)}


def find_run(text: str) -> RunFolder:
    """Find a run by its folder, its name in `runs`, the beginning of that, or as `latest`.

    Raises
    ------
    StorageError
        If there is none, or several begin so.
    """
    return _find(text, "run", [])


def find_model(text: str) -> Path:
    """Find a model: by its file, or by the run that it is of, as `find_run` finds that.

    Raises
    ------
    StorageError
        If there is no such run, or the folder or run has no model.
    """
    from nnplug.errors import StorageError
    from nnplug.runs.folder import MODEL, is_run

    path = Path(text)
    if path.is_dir() and not is_run(path):
        if not (path / MODEL).is_file():
            raise StorageError(f"{path}: is a folder without {MODEL}. Name a model file or a run.")
        return path / MODEL
    is_named_as_file = bool(path.suffix) or path.parent != Path()
    if not path.is_dir() and (path.exists() or is_named_as_file):
        return path  # if it is not there, whoever reads it says so
    here = [each.name for each in Path().glob("*.safetensors")]
    run = _find(text, "model file or run", here)
    if not (run.path / MODEL).is_file():
        raise StorageError(
            f"{run.path}: this run has no model: it was not finished, or it diverged.\n"
            f"What became of it: nnplug runs show {shlex.quote(run.path.name)}"
        )
    return run.path / MODEL


def _find(text: str, what: str, besides: list[str]) -> RunFolder:
    """Find a run; `besides` are names that may be meant too, for the error's hint."""
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
            f"latest: there are no runs in the folder {RUNS} here. "
            "nnplug train on a table keeps one there."
        )
    near = [each for each in there if each.path.name.startswith(text)]
    exact = [each for each in near if each.path.name == text]
    if len(exact or near) == 1:
        return (exact or near)[0]
    if near:
        listed = "\n".join(f"  {each.path.name}" for each in near)
        raise StorageError(f"{text}: {len(near)} runs begin so:\n{listed}")
    if path.exists():
        return RunFolder.open(path)  # which says what it is not
    names = [*(each.path.name for each in there), *besides, *["latest"] * bool(there)]
    begins = next((each for each in besides if each.startswith(text)), None)
    hint = f" Did you mean {begins!r}?" if begins else suggest(text, names)
    raise StorageError(
        f"{text}: there is no such {what}.{hint}\nTo list the runs: nnplug runs list"
    )
