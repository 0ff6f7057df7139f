"""Resuming: a run that was left, killed or cut off goes on in its folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nnplug.plugins.registry import Registry
from nnplug.runs.callbacks import Callbacks
from nnplug.runs.configuration import Configuration
from nnplug.runs.folder import CONFIG, RunFolder
from nnplug.runs.keeping import Keeper
from nnplug.runs.preparing import Run, prepare_from
from nnplug.runs.run import default_registry, fit

__all__ = ["keep_on", "resume"]


def resume(
    path: str | os.PathLike[str],
    *,
    data: Any = None,
    sample_weight: Any = None,
    allow_changes: bool = False,
    registry: Registry | None = None,
    callbacks: Sequence[object] = (),
    **changes: Any,
) -> Run:
    """Go on with a run that `train` kept in a folder.

    The result is that of the uninterrupted run, to the bit, on the same
    machine with the same versions.

    Parameters
    ----------
    path : path
        The folder.
    data : optional
        The data, where it was given as objects in Python, or lies elsewhere.
    sample_weight : array, optional
        Likewise.
    allow_changes : bool, optional
        Whether the configuration, the data or a package may differ from those
        that the run began with. More epochs may be given without it, if the
        learning rate is constant.
    registry, callbacks
        See `train`.
    **changes
        Settings of `train` that are to differ; with `allow_changes`, but for
        more epochs.

    Returns
    -------
    Run
        If the run was done, as it was at its end.

    Raises
    ------
    SettingError
        If it is not the same run any more.
    StorageError
        If there is no such run, or another process is training it.
    ModelFileError
        If it has checkpoints, and none can be used.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import nnplug
    >>> folder = pathlib.Path(tempfile.mkdtemp()) / "run"
    >>> whole = nnplug.train("xor", epochs=3000, output=folder)
    >>> resume(folder).predict([[0, 1], [1, 1]]).tolist()
    [1, 0]
    """
    registry = registry or default_registry()
    folder = RunFolder.open(path)
    configuration = Configuration.read(folder.path / CONFIG).changed(changes)
    with registry.naming_culprits():
        run = prepare_from(configuration, registry, data=data, sample_weight=sample_weight)
        hooks = Callbacks(registry.plugins, run.used, callbacks)
        with keep_on(run, folder, configuration) as keeper:
            keeper.take_up(allow_changes)
            fit(run, hooks, keeper=keeper)
    return run


def keep_on(
    run: Run,
    folder: RunFolder,
    configuration: Configuration,
    *,
    record: Mapping[str, Any] | None = None,
    say: Callable[[str], None] | None = None,
) -> Keeper:
    """Make what keeps a run in the folder that it has.

    Parameters
    ----------
    run : Run
        Prepared from the configuration.
    record : mapping, optional
        More for `run.json`.
    say : callable, optional
        See `Keeper`.
    """
    resolved = run.configuration(
        checkpoint_every=configuration.checkpoint_every,
        plugins=configuration.plugins,
        given_in_python=[each for each in configuration.given_in_python if each != "data"],
    )
    record = {**folder.record(), **(record or {})}
    return Keeper(folder, resolved, run.identity(resolved), record=record, say=say)
