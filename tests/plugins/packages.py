"""Writes installed packages, good and bad ones, as pip would leave them."""

from __future__ import annotations

import importlib.metadata
import sys
import textwrap
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

PART = """
import nnplug

@nnplug.activation
def {name}(x):
    "Part {name} of a test."
    return x * {factor}

@nnplug.hookimpl
def register_activations(register):
    register({name})
"""


@dataclass(frozen=True)
class Site:
    """A folder of `sys.path` that holds packages."""

    folder: Path

    def install(
        self,
        package: str,
        code: str,
        *,
        version: str = "1.0",
        entry_points: dict[str, str] | None = None,
    ) -> Path:
        """Write a package of one module, named as the package, and its metadata.

        Its one entry point bears the module's name unless others are given.
        """
        module = package.replace("-", "_").lower()
        points = {module: module} if entry_points is None else entry_points
        source = self.folder / f"{module}.py"
        source.write_text(textwrap.dedent(code), encoding="utf-8")
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        self.metadata(package, f"[nnplug]\n{lines}", version=version)
        return source

    def metadata(self, package: str, entry_points: str, *, version: str = "1.0") -> None:
        info = self.folder / f"{package.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n", encoding="utf-8"
        )
        (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")

    def part(self, package: str, name: str, *, factor: float = 2.0, **options: object) -> Path:
        """Install a package with one activation, `factor` times x."""
        return self.install(package, PART.format(name=name, factor=factor), **options)  # type: ignore[arg-type]

    def imported(self) -> list[str]:
        """Name the modules of this folder that Python has imported."""
        return sorted(
            name
            for name, module in sys.modules.items()
            if str(getattr(module, "__file__", None) or "").startswith(str(self.folder))
        )


@pytest.fixture(name="site")
def isolated_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Give a site whose packages are the only ones installed, as far as nnplug can see."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(
        importlib.metadata,
        "distributions",
        partial(importlib.metadata.distributions, path=[str(folder)]),
    )
    for name in ("NNPLUG_PLUGINS", "NNPLUG_STRICT_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    made = Site(folder)
    yield made
    for name in made.imported():
        del sys.modules[name]
