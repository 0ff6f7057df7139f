"""Installs nnplug and the example package for real, in a virtual environment of their own."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "plugins" / "nnplug-example"


class Environment:
    """A virtual environment that holds nnplug, the example and what they require."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        run(sys.executable, "-m", "venv", folder / "venv")
        self.bin = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        borrow("nnplug", "pytest", into=folder / "borrowed")
        (packages,) = (folder / "venv").rglob("site-packages")
        (packages / "borrowed.pth").write_text(f"{folder / 'borrowed'}\n")
        for source in (ROOT, EXAMPLE):
            run(sys.executable, "-m", "build", "--wheel", "--no-isolation",
                "--outdir", folder / "wheels", source)  # fmt: skip
        self.install("nnplug")
        self.install("nnplug-example")

    def install(self, package: str) -> None:
        (wheel,) = (self.folder / "wheels").glob(f"{package.replace('-', '_')}-[0-9]*.whl")
        self.python("-m", "pip", "install", "--no-deps", "--no-index", "--quiet", wheel)

    def uninstall(self, package: str) -> None:
        self.python("-m", "pip", "uninstall", "--yes", "--quiet", package)

    def python(self, *arguments: object, fails: int = 0) -> str:
        return run(self.bin / "python", *arguments, cwd=self.folder, fails=fails)

    def nnplug(self, *arguments: object, fails: int = 0) -> str:
        return run(self.bin / "nnplug", *arguments, cwd=self.folder, fails=fails)


def run(*command: object, cwd: Path | None = None, fails: int = 0) -> str:
    """Run a command in a clean environment; what it writes, both streams."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "NNPLUG", "PIP", "COLUMNS", "FORCE_COLOR", "PYTEST"))
    }
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == fails, done.stdout
    return done.stdout


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


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("example"))


@pytest.fixture
def without_example(environment):
    environment.uninstall("nnplug-example")
    yield environment
    environment.install("nnplug-example")


def test_the_package_holds_what_it_should(environment):
    files = importlib.metadata.Distribution.discover(
        name="nnplug-example",
        path=[str(next((environment.folder / "venv").rglob("site-packages")))],
    )
    names = {str(file).replace("\\", "/") for file in next(iter(files)).files}
    assert {
        f"nnplug_example/{name}.py" for name in ("__init__", "squareplus", "pinball", "lion")
    } < names
    assert "nnplug_example-0.1.0.dist-info/licenses/LICENSE" in names
    assert not any(name.startswith("tests") for name in names)


def test_list_names_the_package_without_importing_it(environment):
    lines = environment.nnplug("plugins", "list").splitlines()
    assert lines[0].split() == ["Package", "Version", "State", "Entry", "points"]
    assert lines[-1].split(maxsplit=3)[:3] == ["nnplug-example", "0.1.0", "available"]
    assert lines[-1].rstrip().endswith("lion, pinball, squareplus")


def test_list_parts_shows_each_part_with_its_package(environment):
    rows = [line.split() for line in environment.nnplug("plugins", "list", "--parts").splitlines()]
    assert ["activation", "squareplus", "nnplug-example", "0.1.0"] in rows
    assert ["loss", "pinball", "quantile", "nnplug-example", "0.1.0"] in rows
    assert ["optimizer", "lion", "nnplug-example", "0.1.0"] in rows


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "squareplus",
            [
                "activation squareplus",
                "  from         nnplug-example 0.1.0, loaded",
                "  text form    squareplus:b=4.0",
                "  t2 = hypot(x, sqrt(b))",
                "  dy/dx = ",
                "  def squareplus(x: Any, *, b: float = 4.0) -> Any:",
            ],
        ),
        (
            "quantile",
            [
                "loss pinball",
                "  aliases      quantile",
                "  loss = maximum(",
                "  dloss/dprediction = ",
            ],
        ),
        ("nnplug-example/lion", ["optimizer lion", "  m' = beta2 * m + (1 - beta2) * grad"]),
    ],
)
def test_show_prints_formula_and_derivative(environment, name, lines):
    shown = environment.nnplug("plugins", "show", name).splitlines()
    for line in lines:
        assert any(each.startswith(line) for each in shown), (line, shown)


LOADED = """
import json, sys
from nnplug.registry import Registry
registry = Registry()
for kind, text in {parts}:
    registry.get(kind, text)
print(json.dumps(sorted(name for name in sys.modules if name.startswith("nnplug_"))))
"""


@pytest.mark.parametrize(
    ("parts", "imported"),
    [
        ([("activation", "sigmoid"), ("loss", "mse"), ("optimizer", "adam")], []),
        ([("activation", "squareplus:b=1")], ["nnplug_example", "nnplug_example.squareplus"]),
    ],
)
def test_only_what_is_asked_for_is_imported(environment, parts, imported):
    assert json.loads(environment.python("-c", LOADED.format(parts=parts))) == imported


def test_a_command_with_builtin_parts_imports_no_plugin(environment):
    code = (
        "import sys\nfrom nnplug.cli import main\n"
        "sys.argv = ['nnplug', 'plugins', 'show', 'relu']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert not [name for name in sys.modules if name.startswith('nnplug_')]\n"
    )
    assert "activation relu" in environment.python("-c", code)


def test_its_own_tests_pass_where_it_is_installed(environment):
    copy = environment.folder / "copy"
    shutil.copytree(EXAMPLE / "tests", copy / "tests")
    environment.python("-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", copy)


def test_after_uninstalling_it_the_error_says_what_is_installed(without_example):
    for kind, name, there in (
        ("activation", "squareplus", "softplus"),
        ("loss", "pinball", "huber"),
        ("optimizer", "lion", "adamw"),
    ):
        code = f"from nnplug.registry import Registry; Registry().get({kind!r}, {name!r})"
        written = without_example.python("-c", code, fails=1)
        assert f"UnknownPartError: There is no {kind} {name!r}." in written
        assert (
            f"Installed {'losses' if kind == 'loss' else kind + 's'}:\n  nnplug 0.1.0: " in written
        )
        assert there in written
        assert "nnplug-example" not in written
    written = without_example.nnplug("plugins", "show", "lion", fails=2)
    assert "There is no part, package or entry point 'lion'." in written
    assert "nnplug-example" not in without_example.nnplug("plugins", "list")
