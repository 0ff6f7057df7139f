"""Virtual environments with nnplug and packages that pip installs, good and bad ones."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "plugins" / "nnplug-example"


@dataclass(frozen=True)
class Done:
    """What a command did: its exit code, and both streams."""

    code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


@dataclass(frozen=True)
class Wheels:
    """What environments are made from.

    Attributes
    ----------
    folder : Path
        Holds the wheels of nnplug and of the example.
    borrowed : Path
        Links to what they require, of the running interpreter.
    """

    folder: Path
    borrowed: Path

    def of(self, package: str) -> Path:
        (wheel,) = self.folder.glob(f"{package.replace('-', '_')}-[0-9]*.whl")
        return wheel

    def install_beside(self, folder: Path) -> Path:
        """Install nnplug into a folder that several environments may share."""
        pip = (sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet")
        run(*pip, "--target", folder, self.of("nnplug"))
        return folder


def build_wheels(folder: Path) -> Wheels:
    """Build nnplug and the example package, and borrow what they require."""
    borrow("nnplug", "pytest", into=folder / "borrowed")
    for source in (ROOT, EXAMPLE):
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation",
            "--outdir", folder / "wheels", source)  # fmt: skip
    return Wheels(folder / "wheels", folder / "borrowed")


class Environment:
    """A virtual environment that holds nnplug, some wheels and what they require.

    Parameters
    ----------
    shared : Path, optional
        Where nnplug is installed already, without its script: half a second less.
    """

    def __init__(
        self, folder: Path, wheels: Wheels, *others: Path, shared: Path | None = None
    ) -> None:
        self.folder = folder
        self.wheels = wheels
        run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
        self.bin = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        (self.packages,) = (folder / "venv").rglob("site-packages")
        lines = [wheels.borrowed] if shared is None else [wheels.borrowed, shared]
        (self.packages / "borrowed.pth").write_text("".join(f"{line}\n" for line in lines))
        own = [wheels.of("nnplug")] if shared is None else []
        if own or others:
            self.install(*own, *others)

    def install(self, *wheels: Path) -> None:
        self._pip("install", "--no-deps", "--no-index", *wheels)

    def uninstall(self, package: str) -> None:
        self._pip("uninstall", "--yes", package)

    def _pip(self, *arguments: object) -> None:
        run(sys.executable, "-m", "pip", "--python", self.bin / "python", "--quiet", *arguments)

    def python(self, *arguments: object, fails: int = 0) -> str:
        return run(self.bin / "python", *arguments, cwd=self.folder, fails=fails).output

    def nnplug(self, *arguments: object, fails: int = 0) -> str:
        return run(self.bin / "nnplug", *arguments, cwd=self.folder, fails=fails).output


def run(*command: object, cwd: Path | None = None, fails: int | None = 0, **extra: object) -> Done:
    """Run a command in a clean environment.

    Parameters
    ----------
    fails : int or None
        The exit code that is expected; None for any.
    extra
        More environment variables.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "NNPLUG", "PIP", "COLUMNS", "FORCE_COLOR", "PYTEST"))
    }
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    environment |= {name: str(value) for name, value in extra.items()}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert fails is None or done.returncode == fails, done.stdout + done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def borrow(*packages: str, into: Path) -> None:
    """Link what packages require, and nothing else, from the running interpreter.

    So nothing is downloaded, and a requirement that is not declared is missed.
    """
    into.mkdir()
    waiting, seen = list(packages), set()
    while waiting:
        distribution = importlib.metadata.distribution(waiting.pop())
        if distribution.name in seen:
            continue
        seen.add(distribution.name)
        for text in distribution.requires or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
        if distribution.name == "nnplug":
            continue
        tops = {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}
        for top in tops:
            if not (into / top).exists():
                (into / top).symlink_to(Path(str(distribution.locate_file(top))))


LOG = """
import os
if "IMPORT_LOG" in os.environ:
    with open(os.environ["IMPORT_LOG"], "a") as log:
        log.write(__name__ + "\\n")
"""
"""Stands first in every package that is written here: who is imported leaves a trace."""


def write_wheel(
    folder: Path,
    package: str,
    modules: Mapping[str, str],
    *,
    version: str,
    entry_points: Mapping[str, str],
) -> Path:
    """Write a wheel, as a build backend does.

    Parameters
    ----------
    modules : mapping
        The code of the package's modules, by name.
    entry_points : mapping
        For each name the module, without the package.
    """
    top = package.replace("-", "_")
    info = f"{top}-{version}.dist-info"
    points = "".join(f"{name} = {top}.{module}\n" for name, module in entry_points.items())
    files = {
        f"{top}/__init__.py": LOG,
        **{f"{top}/{name}.py": textwrap.dedent(code) for name, code in modules.items()},
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        f"Project-URL: Homepage, https://example.org/{package}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[nnplug]\n{points}",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{top}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel
