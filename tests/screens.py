"""The screens of the playground that the lessons name in their commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nnplug.play.screen import in_one_line

LESSONS = Path(__file__).parents[1] / "docs" / "lessons"

_COMMAND = re.compile(
    r"^```sh\n(nnplug play --screen [^`]*)\n```\n"
    r"(?:\n```\{image\} \.\./pictures/([\w-]+)\.png$)?",
    re.MULTILINE,
)


class Screen(NamedTuple):
    """A screen of a lesson.

    Attributes
    ----------
    page : str
        The lesson's file.
    text : str
        What the command says after `--screen`.
    picture : str
        The name of the picture that follows, or nothing.
    """

    page: str
    text: str
    picture: str


def screens_of_lessons() -> Iterator[Screen]:
    """Give the screens in the order of the pages."""
    for page in sorted(LESSONS.glob("*.md")):
        for line, picture in _COMMAND.findall(page.read_text(encoding="utf-8")):
            *_, option, text = shlex.split(line)
            assert option == "--screen"
            yield Screen(page.name, in_one_line(text), picture)
