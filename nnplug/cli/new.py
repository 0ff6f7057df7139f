"""`nnplug plugins new`: writes a plugin package to start from."""

from __future__ import annotations

from pathlib import Path

import click

from nnplug.cli.command import Command
from nnplug.cli.options import kind_option, registry_of
from nnplug.cli.terminal import echo

__all__ = ["new"]

_EPILOG = """\b
With one --kind the part is called NAME; with several, each is NAME_KIND.
The package is nnplug-NAME, its module nnplug_NAME; by default, DIR is
./nnplug-NAME.

\b
Examples:
  nnplug plugins new wavy --kind activation
  nnplug plugins new wavy --kind loss --kind metric work/wavy
"""


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("name")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@kind_option("Kind of part to write; may be repeated", "kinds", multiple=True, required=True)
@click.pass_context
def new(context: click.Context, name: str, folder: Path | None, kinds: tuple[str, ...]) -> None:
    """Write a working plugin package to start from.

    It has a module for each part, a test that runs the conformance checks, a
    README, a licence and GitHub workflows that test it and publish it to PyPI.
    Nothing is overwritten or downloaded.
    """
    import datetime
    import shlex

    from nnplug.scaffold import HOW_TO_USE, choose_names, package_files, write_files

    names = choose_names(name, kinds, registry_of(context))
    folder = folder if folder is not None else Path(names.package)
    contents = package_files(names, author=_author(), year=datetime.date.today().year)
    write_files(folder, contents)

    parts = {f"{names.module}/{part}.py": kind for kind, part in names.parts.items()}
    width = max(map(len, contents))
    place = folder.as_posix()
    if not folder.is_absolute() and not place.startswith("."):
        place = f"./{place}"  # without ./ pip would look for a package with that name
    echo(f"Wrote the package {names.package} into {place}:")
    for path in contents:
        about = f"your {parts[path]}: edit it" if path in parts else ""
        echo(f"  {path:{width}}  {about}".rstrip())
    checked = names.package if len(names.parts) > 1 else names.name
    echo("\nNext:")
    echo(f"  pip install {shlex.quote(place)}")
    echo(f"  nnplug plugins check {checked}")
    for kind, part in names.parts.items():
        echo(f"  {HOW_TO_USE[kind].format(part=part)}")


def _author() -> str:
    """Ask git for the user's name; empty if there is no git or no name."""
    import subprocess

    try:
        done = subprocess.run(
            ["git", "config", "user.name"],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return " ".join(done.stdout.split()) if done.returncode == 0 else ""
