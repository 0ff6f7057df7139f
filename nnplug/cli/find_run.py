"""Which run a person means on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnplug.run_folder import RunFolder

__all__ = ["RUNS", "find_run", "record_of", "runs_in"]

RUNS = "runs"
"""The folder of the runs that were given no other."""


def runs_in(folder: Path) -> list[RunFolder]:
    """Find the runs of a folder, the latest first."""
    from nnplug.run_folder import RunFolder, is_run

    if not folder.is_dir():
        return []
    found = [RunFolder(each) for each in folder.iterdir() if is_run(each)]
    return sorted(found, key=_started, reverse=True)


def _started(folder: RunFolder) -> tuple[str, str]:
    return str(record_of(folder).get("started", "")), folder.path.name


def record_of(folder: RunFolder) -> dict[str, Any]:
    """Read what happened; of a damaged file, what is wrong with it."""
    from nnplug.errors import NnplugError

    try:
        return folder.record()
    except NnplugError as error:
        return {"status": "damaged", "error": str(error)}


def find_run(text: str) -> RunFolder:
    """Find a run by its folder, its name in `runs`, the beginning of that, or as `latest`.

    Raises
    ------
    StorageError
        If there is none, or several begin so.
    """
    from nnplug.errors import StorageError, suggest
    from nnplug.run_folder import RunFolder, is_run

    path = Path(text)
    if is_run(path):
        return RunFolder(path)
    there = runs_in(Path(RUNS))
    if text == "latest" and there:
        return there[0]
    near = [each for each in there if each.path.name.startswith(text)]
    exact = [each for each in near if each.path.name == text]
    if len(exact or near) == 1:
        return (exact or near)[0]
    if near:
        listed = "\n".join(f"  {each.path.name}" for each in near)
        raise StorageError(f"{text}: {len(near)} runs begin so:\n{listed}")
    if path.exists():
        return RunFolder.open(path)  # which says what it is not
    names = [each.path.name for each in there]
    raise StorageError(
        f"{text}: there is no such run.{suggest(text, names)}\nThe runs that there are: "
        "nnplug runs list"
    )
