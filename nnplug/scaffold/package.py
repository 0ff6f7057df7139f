"""The files of a new plugin package, and writing all of them or none."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from string import Template

import nnplug
from nnplug.errors import PluginError
from nnplug.scaffold.names import Names

__all__ = ["HOW_TO_USE", "package_files", "write_files"]

HOW_TO_USE = {
    "activation": "nnplug train --activation {part}",
    "layer": 'nnplug train --layers "dense:16 {part} relu"',
    "loss": "nnplug train --loss {part}",
    "optimizer": "nnplug train --optimizer {part}",
    "initializer": "nnplug train --initializer {part}",
    "schedule": "nnplug train --schedule {part}",
    "metric": "nnplug train --metric {part}",
    "dataset": "nnplug train {part}",
    "recipe": "nnplug train --recipe {part}",
    "encoding": "nnplug train data.csv --target y --encoding {part}",
}
"""How a part of each kind is used on the command line."""


def package_files(names: Names, *, author: str, year: int) -> dict[str, str]:
    """Compose every file of a plugin package, in memory.

    Parameters
    ----------
    names : Names
        From `choose_names`.
    author : str
        The copyright holder; if empty, the authors of the package.
    year : int
        Of the copyright.

    Returns
    -------
    dict of str to str
        The text of each file, by its path with `/`.
    """
    author = "".join(filter(str.isprintable, author)) or f"The authors of {names.package}"
    parts = {
        kind: _fill(f"parts/{kind}.py", part=part, title=part.replace("_", " ").capitalize())
        for kind, part in names.parts.items()
    }
    requires = [f"nnplug>={'.'.join(nnplug.__version__.split('.')[:2])}"]
    if any("import numpy" in text for text in parts.values()):
        requires.append("numpy>=2.0")
    values = {
        "package": names.package,
        "module": names.module,
        "author": author,
        "author_toml": json.dumps(author, ensure_ascii=False),  # TOML quotes as JSON does
        "year": str(year),
        "description": _describe(names.parts),
        "requires": json.dumps(requires),
        "keywords": json.dumps(["nnplug", *names.parts]),
        "entry_points": "\n".join(
            f'{part} = "{names.module}.{part}"' for part in names.parts.values()
        ),
        "table": "\n".join(
            f"| {kind} | `{part}` | [{names.module}/{part}.py]({names.module}/{part}.py) |"
            for kind, part in names.parts.items()
        ),
        "uses": "\n".join(
            f"$ {HOW_TO_USE[kind].format(part=part)}" for kind, part in names.parts.items()
        ),
    }
    made = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "LICENSE": "LICENSE",
        ".gitignore": "gitignore",
        ".github/workflows/tests.yml": "tests.yml",
        ".github/workflows/publish.yml": "publish.yml",
        f"{names.module}/__init__.py": "__init__.py",
    }
    found = {path: _fill(template, **values) for path, template in made.items()}
    for kind, part in names.parts.items():
        found[f"{names.module}/{part}.py"] = parts[kind]
        found[f"tests/test_{part}.py"] = _fill("test_part.py", **values, kind=kind, part=part)
    return found


def write_files(folder: Path, contents: dict[str, str]) -> None:
    """Write files into a new or empty folder: all of them, or none.

    Raises
    ------
    PluginError
        If the folder is not empty, or a file cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise PluginError(f"{folder} is a file. Give a folder to write into as DIR.")
    if folder.is_dir() and any(folder.iterdir()):
        raise PluginError(
            f"The folder {folder} is not empty, and nothing is overwritten.\n"
            "Give another folder as DIR, or remove this one."
        )
    made: list[Path] = []
    try:
        for name, text in contents.items():
            path = folder / name
            for parent in reversed(path.parents):
                if not parent.exists():
                    parent.mkdir()
                    made.append(parent)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                made.append(path)
                file.write(text)
    except BaseException as error:
        for path in reversed(made):
            path.rmdir() if path.is_dir() else path.unlink()
        if isinstance(error, OSError):
            raise PluginError(
                f"{error.filename or folder} cannot be written: {error.strerror or error}.\n"
                "Nothing was left behind. Give another folder as DIR."
            ) from error
        raise


def _fill(template: str, **values: str) -> str:
    """Fill in the values of `$name` in a template."""
    text = files("nnplug.scaffold").joinpath("templates", f"{template}.txt").read_text("utf-8")
    return Template(text).substitute(values)


def _describe(parts: dict[str, str]) -> str:
    """Describe in one line what a package holds."""
    if len(parts) == 1:
        ((kind, part),) = parts.items()
        return f"The {kind} {part} for nnplug"
    *first, last = [f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}" for kind in parts]
    words = f"{', '.join(first)} and {last} for nnplug"
    return words[0].upper() + words[1:]
