"""Writes what can be read from the packages here: run `python -m plugins.generate`.

That is the table of parts in a package's README, its entry points in
`pyproject.toml`, and the file in which nnplug looks up the package of a part
that is not installed. A package whose README has no `<!-- parts -->` has no
parts of its own, as one that records runs, and is left as it is.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from nnplug.errors import PluginError
from nnplug.parts import Part
from nnplug.parts.docstring import read_docstring
from nnplug.plugins.elsewhere import ADAPTER, FILE
from plugins.packages import BEGIN, Package, packages

__all__ = ["COMMAND", "stale", "texts"]

COMMAND = "python -m plugins.generate"
END = "<!-- end -->"
_TABLE = re.compile(f"(?<={BEGIN}\n).*?(?={END})", re.DOTALL)
_POINTS = re.compile(r"(?<=^\[project\.entry-points\.nnplug\]\n).*?(?=^\s*$|^\[|\Z)", re.M | re.S)
_EXAMPLE = "nnplug-example"


def texts() -> dict[Path, str]:
    """Compose every generated file, in memory.

    Raises
    ------
    PluginError
        If a module of a package cannot be loaded, or the core has a name of its parts.
    """
    found: dict[Path, str] = {}
    names: dict[str, dict[str, str]] = {}
    for package in packages():
        readme = package.folder / "README.md"
        text = readme.read_text(encoding="utf-8")
        # An adapter makes its parts when they are asked for, as ADAPTER/NAME.
        for name, module in package.points.items():
            if "def find_part(" in _source(package, module):
                names.setdefault(ADAPTER, {})[name] = package.name
        if BEGIN not in text:
            continue
        points = _modules(package)
        listed = package.registry(points).parts()
        parts = {part: plugin.module for part, plugin in listed if plugin.package == package.name}
        for part in parts:
            for name in (part.name, *part.aliases):
                # Of two packages with one name the first is told, but never the example.
                known = names.setdefault(part.kind, {})
                if known.get(name, _EXAMPLE) == _EXAMPLE:
                    known[name] = package.name
        found[readme] = _TABLE.sub(lambda _, own=parts: _table(own), text)
        project = package.folder / "pyproject.toml"
        lines = _points(package, parts, points)
        found[project] = _POINTS.sub(
            lambda _, own=lines: own, project.read_text(encoding="utf-8"), count=1
        )
    ordered = {kind: dict(sorted(own.items())) for kind, own in names.items()}
    found[FILE] = json.dumps(ordered, indent=0, ensure_ascii=False) + "\n"
    return found


def _modules(package: Package) -> list[tuple[str, str]]:
    """Name each module that has hooks, as an entry point would."""
    return [
        (module.rpartition(".")[2], module)
        for module in package.modules
        if "hookimpl" in _source(package, module)
    ]


def _source(package: Package, module: str) -> str:
    path = f"{module.partition(':')[0].replace('.', '/')}.py"
    return (package.folder / path).read_text(encoding="utf-8")


def _table(parts: dict[Part, str]) -> str:
    lines = ["| kind | name | what it is | source |", "|---|---|---|---|"]
    for part, module in parts.items():
        doc = read_docstring(part.doc)
        path = f"{module.replace('.', '/')}.py"
        also = f", also {', '.join(f'`{alias}`' for alias in part.aliases)}" if part.aliases else ""
        cells = (part.kind, f"[`{part.name}`]({path}){also}", doc.about, doc.source)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _points(package: Package, parts: dict[Part, str], modules: list[tuple[str, str]]) -> str:
    """Write an entry point for each part, and for each module that has hooks but no part."""
    points: dict[str, str] = {}
    for part, module in parts.items():
        # Two parts of different kinds may share a name, but entry points may not.
        taken = points.get(part.name, module) != module
        points[f"{part.name}_{part.kind}" if taken else part.name] = module
    given = {module: name for name, module in package.points.items()}
    points |= {
        given.get(module, name): module for name, module in modules if module not in points.values()
    }
    return "".join(f'{name} = "{module}"\n' for name, module in points.items())


def stale(made: dict[Path, str]) -> list[Path]:
    """List the generated files that are not what they should be."""
    return [
        path
        for path, text in made.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main() -> None:
    """Write the files that have changed, and name them."""
    try:
        made = texts()
    except PluginError as error:
        sys.exit(f"error: {error}")
    for path in stale(made):
        path.write_text(made[path], encoding="utf-8", newline="\n")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
