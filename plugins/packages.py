"""The packages in this folder: what each one holds, read from its source, installed or not."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nnplug.errors import PluginError
from nnplug.parts import Part
from nnplug.plugins.loading import Plugins
from nnplug.plugins.plugin import Plugin
from nnplug.plugins.registry import Registry

__all__ = ["BEGIN", "FOLDER", "Package", "packages"]

BEGIN = "<!-- parts -->"
"""What stands in a README before its table of parts."""

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Package:
    """A package that is developed here.

    Attributes
    ----------
    folder : Path
        The folder of its `pyproject.toml`.
    name, version, description : str
        As `pyproject.toml` gives them.
    points : dict of str to str
        Its entry points.
    """

    folder: Path
    name: str
    version: str
    description: str
    points: dict[str, str]

    @property
    def module(self) -> str:
        """The module that is imported."""
        return self.name.replace("-", "_")

    @property
    def modules(self) -> list[str]:
        """The modules in it that may hold parts: those without a leading underscore."""
        return [
            f"{self.module}.{path.stem}"
            for path in sorted((self.folder / self.module).glob("*.py"))
            if not path.stem.startswith("_")
        ]

    def registry(self, points: Iterable[tuple[str, str]] | None = None) -> Registry:
        """Load it from its folder, with its entry points or others in their place.

        Raises
        ------
        PluginError
            If some of them cannot be loaded, or give parts that are refused; it
            names all of them.
        """
        if str(self.folder) not in sys.path:
            # After the first entry, the repository: a package's folder has `tests` of its own.
            sys.path.insert(1, str(self.folder))
        installed = [
            Plugin(self.name, self.version, name, module, "available", load=partial(_load, module))
            for name, module in (self.points.items() if points is None else points)
        ]
        plugins = Plugins(installed=installed)
        wrong = [
            f"{self.name}: {line}"
            for plugin in plugins.load_all()
            for line in ([plugin.cause] if plugin.cause else plugin.notes)
        ]
        if wrong:
            raise PluginError("\n".join(dict.fromkeys(wrong)))
        return Registry(plugins=plugins)

    def parts(self) -> list[tuple[Part, Plugin]]:
        """List its parts, in the order of kinds, each with the plugin that it comes from.

        A package whose README has no place for a table of parts has none, and
        is not imported: it may need a library that is not installed.
        """
        readme = self.folder / "README.md"
        if readme.exists() and BEGIN not in readme.read_text(encoding="utf-8"):
            return []
        return [
            (part, plugin)
            for part, plugin in self.registry().parts()
            if plugin.package == self.name
        ]


def _load(text: str) -> object:
    """Import what an entry point names: `module` or `module:attribute`."""
    module, _, attribute = text.partition(":")
    found: object = importlib.import_module(module)
    for name in filter(None, attribute.split(".")):
        found = getattr(found, name)
    return found


def packages() -> list[Package]:
    """Read every package in this folder, by name."""
    found = []
    for path in sorted(FOLDER.glob("*/pyproject.toml")):
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        points = project.get("entry-points", {}).get("nnplug", {})
        about = project.get("description", "")
        found.append(Package(path.parent, project["name"], project["version"], about, points))
    return found
