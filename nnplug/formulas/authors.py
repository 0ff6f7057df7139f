"""Calling what an author wrote: it may fail, and may not end the program."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from nnplug.errors import PartError

__all__ = ["call_author"]


def call_author(name: str, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Any:
    """Call a part's function.

    Every call of an author's code goes through here, but for hooks. Ctrl-C
    passes, and so does any error, which has its place in the traceback.

    Parameters
    ----------
    name : str
        Kind and name of the part, for the message.

    Raises
    ------
    PartError
        If it calls `sys.exit`: a run that has not done its work would end,
        and with status 0 be taken for one that has.
    """
    try:
        return function(*arguments, **options)
    except SystemExit as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        raise PartError(
            f"{name}: {frame.filename}:{frame.lineno}: it calls sys.exit({error.code!r}), and a "
            "part may not end the program.\nWay out: raise an error in its place."
        ) from error
