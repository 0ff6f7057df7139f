"""`nnplug plugins new`: what it writes works, and nothing is ever overwritten."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

import nnplug
from nnplug.cli.new import new
from nnplug.errors import PluginError
from nnplug.hookspecs import HOOKS
from nnplug.parts import KINDS
from nnplug.plugins.registry import Registry
from nnplug.scaffold import choose_names, package_files, write_files
from nnplug.scaffold.names import Names
from tests.plugins.packages import isolated_site  # noqa: F401  # the fixture `site`

ALL = tuple(HOOKS.values())


@pytest.fixture(autouse=True)
def at_home(site, tmp_path, monkeypatch):
    """Work in an empty folder, where no other plugin is installed and git knows nobody."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return home


def run(*arguments, kinds=("activation",), code=0):
    options = [each for kind in kinds for each in ("--kind", kind)]
    result = CliRunner().invoke(new, [*options, *arguments], obj=Registry())
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def refused(*arguments, **options):
    """Run it where it must fail, and check that it has left nothing behind."""
    before = sorted(Path.cwd().rglob("*"))
    with pytest.raises(PluginError) as caught:
        run(*arguments, **options)
    assert sorted(Path.cwd().rglob("*")) == before
    return str(caught.value)


def files_of(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


# --- what it writes -------------------------------------------------------------------


def test_it_writes_a_package_and_says_what_to_do_next():
    assert run("wavy") == (
        "Wrote the package nnplug-wavy into ./nnplug-wavy:\n"
        "  pyproject.toml\n"
        "  README.md\n"
        "  LICENSE\n"
        "  .gitignore\n"
        "  .github/workflows/tests.yml\n"
        "  .github/workflows/publish.yml\n"
        "  nnplug_wavy/__init__.py\n"
        "  nnplug_wavy/wavy.py            your activation: edit it\n"
        "  tests/test_wavy.py\n"
        "\n"
        "Next:\n"
        "  pip install ./nnplug-wavy\n"
        "  nnplug plugins check wavy\n"
        "  nnplug train --activation wavy\n"
    )
    assert files_of(Path("nnplug-wavy")) == [
        ".github/workflows/publish.yml",
        ".github/workflows/tests.yml",
        ".gitignore",
        "LICENSE",
        "README.md",
        "nnplug_wavy/__init__.py",
        "nnplug_wavy/wavy.py",
        "pyproject.toml",
        "tests/test_wavy.py",
    ]


@pytest.mark.parametrize(
    ("written", "package", "module", "part"),
    [
        ("wavy", "nnplug-wavy", "nnplug_wavy", "wavy"),
        ("Soft-Wave", "nnplug-soft-wave", "nnplug_soft_wave", "soft_wave"),
        ("soft_wave2", "nnplug-soft-wave2", "nnplug_soft_wave2", "soft_wave2"),
        ("nnplug-wavy", "nnplug-wavy", "nnplug_wavy", "wavy"),
    ],
)
def test_all_names_follow_from_the_one_given(written, package, module, part):
    run(written)
    project = tomllib.loads(Path(package, "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["name"] == package
    assert project["project"]["entry-points"] == {"nnplug": {part: f"{module}.{part}"}}
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == [module]
    assert f"def {part}(" in Path(package, module, f"{part}.py").read_text(encoding="utf-8")


def test_of_several_kinds_each_part_is_called_after_its_kind_too():
    said = run("wavy", kinds=("loss", "metric", "loss"))
    project = tomllib.loads(Path("nnplug-wavy/pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["nnplug"] == {
        "wavy_loss": "nnplug_wavy.wavy_loss",
        "wavy_metric": "nnplug_wavy.wavy_metric",
    }
    assert project["project"]["description"] == "A loss and a metric for nnplug"
    assert said.splitlines()[-4:] == [
        "  pip install ./nnplug-wavy",
        "  nnplug plugins check nnplug-wavy",
        "  nnplug train --loss wavy_loss",
        "  nnplug train --metric wavy_metric",
    ]


@pytest.mark.parametrize("kind", ALL)
def test_the_part_of_each_kind_registers_itself_and_names_its_source(kind, site):
    run("wavy", kinds=(kind,))
    folder = Path("nnplug-wavy")
    code = (folder / "nnplug_wavy" / "wavy.py").read_text(encoding="utf-8")
    hooks = [node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    assert hooks == ["wavy", f"register_{KINDS[kind].plural}"]
    assert "\n    References\n    ----------\n    The source of the " in code
    assert max(map(len, code.splitlines())) <= 100
    site.install("nnplug-wavy", code)
    registry = Registry()
    part = registry.get(kind, "wavy")
    assert registry.provider(part).label == "nnplug-wavy 1.0"
    assert part.summary.startswith("Wavy: ")
    assert registry.warnings == []


def test_what_it_requires_is_what_it_imports():
    run("wavy", kinds=("schedule",))
    run("wary", kinds=("schedule", "metric"))
    for package, requires in (
        ("nnplug-wavy", ["nnplug>=0.1"]),
        ("nnplug-wary", ["nnplug>=0.1", "numpy>=2.0"]),
    ):
        project = tomllib.loads(Path(package, "pyproject.toml").read_text(encoding="utf-8"))
        assert project["project"]["dependencies"] == requires
    assert nnplug.__version__.startswith("0.1.")


def test_the_workflow_is_valid_and_keeps_its_own_dollar_signs():
    run("wavy")
    text = Path("nnplug-wavy/.github/workflows/tests.yml").read_text(encoding="utf-8")
    assert "python-version: ${{ matrix.python }}\n" in text
    assert "$$" not in "".join(
        path.read_text(encoding="utf-8")
        for path in Path("nnplug-wavy").rglob("*.*")
        if path.is_file()
    )
    yaml = pytest.importorskip("yaml")
    steps = yaml.safe_load(text)["jobs"]["tests"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [
        'python -m pip install ".[test]"',
        "python -m pytest",
    ]


def test_the_workflow_that_publishes_has_no_password_and_runs_no_code_of_the_package():
    yaml = pytest.importorskip("yaml")
    run("soft-wave")
    text = Path("nnplug-soft-wave/.github/workflows/publish.yml").read_text(encoding="utf-8")
    assert "secrets" not in text
    workflow = yaml.safe_load(text)
    assert workflow[True] == {"release": {"types": ["published"]}}  # YAML 1.1 reads `on` so
    assert workflow["permissions"] == {}
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert build["permissions"] == {"contents": "read"}
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["needs"] == "build"
    assert publish["environment"] == {"name": "pypi", "url": "https://pypi.org/p/nnplug-soft-wave"}
    assert not any("run" in step for step in publish["steps"])
    # A tag can be moved to other code; a commit cannot.
    action, _, commit = publish["steps"][-1]["uses"].partition("@")
    assert action == "pypa/gh-action-pypi-publish"
    assert len(commit) == 40
    readme = Path("nnplug-soft-wave/README.md").read_text(encoding="utf-8")
    assert "(https://img.shields.io/pypi/v/nnplug-soft-wave)" in readme.splitlines()[2]
    assert "the workflow `publish.yml` and the environment `pypi`" in readme


@pytest.mark.parametrize(
    ("name", "holder"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ('Ada "the\\first" Žižek', 'Ada "the\\first" Žižek'),
        ("", "The authors of nnplug-wavy"),
    ],
)
def test_the_author_is_gits_or_else_neutral(name, holder, tmp_path):
    (tmp_path / "gitconfig").touch()
    if name:
        subprocess.run(["git", "config", "--global", "user.name", name], check=True)
    run("wavy")
    licence = Path("nnplug-wavy/LICENSE").read_text(encoding="utf-8")
    assert licence.splitlines()[2].startswith("Copyright (c) 20")
    assert licence.splitlines()[2].endswith(f" {holder}")
    project = tomllib.loads(Path("nnplug-wavy/pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["authors"] == [{"name": holder}]


def test_without_git_the_author_is_neutral(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    run("wavy")
    assert "The authors of nnplug-wavy" in Path("nnplug-wavy/LICENSE").read_text(encoding="utf-8")


# --- where it writes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "shown"),
    [("deep/er/wavy", "./deep/er/wavy"), (".", "."), ("my wave", "'./my wave'")],
)
def test_it_writes_into_the_folder_that_is_given(folder, shown):
    said = run("wavy", folder)
    assert f"  pip install {shown}\n" in said
    assert Path(folder, "nnplug_wavy", "wavy.py").is_file()


def test_an_absolute_folder_is_shown_as_it_is(tmp_path):
    assert f"  pip install {(tmp_path / 'there').as_posix()}\n" in run(
        "wavy", str(tmp_path / "there")
    )


def test_an_empty_folder_is_filled_and_another_is_left_alone():
    Path("nnplug-wavy").mkdir()
    run("wavy")
    for name, reason in (
        ("nnplug-wavy", "The folder nnplug-wavy is not empty, and nothing is overwritten."),
        ("nnplug-wavy/LICENSE", "nnplug-wavy/LICENSE is a file."),
    ):
        before = {
            path: path.read_bytes() for path in Path("nnplug-wavy").rglob("*.*") if path.is_file()
        }
        message = refused("wavy", name, kinds=("loss",))
        assert message.startswith(reason.replace("/", os.sep))
        assert "DIR" in message
        assert before == {path: path.read_bytes() for path in before}


@pytest.mark.parametrize("failing", range(9))
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_when_a_file_cannot_be_written_none_is(failing, error, monkeypatch, at_home):
    contents = package_files(Names("wavy", {"activation": "wavy"}), author="", year=2000)
    assert len(contents) == 9
    real, opened = Path.open, []

    def open_(path, mode="r", **options):
        if mode == "x":
            opened.append(path)
            if len(opened) == failing + 1:
                error.filename = str(path)
                raise error
        return real(path, mode, **options)

    monkeypatch.setattr(Path, "open", open_)
    there = at_home / "a" / "b"
    expected = PluginError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected) as caught:
        write_files(there, contents)
    assert list(at_home.iterdir()) == []
    if expected is PluginError:
        assert str(caught.value) == (
            f"{opened[-1]} cannot be written: No space left on device.\n"
            "Nothing was left behind. Give another folder as DIR."
        )


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_named(at_home):
    at_home.chmod(0o500)
    try:
        assert "nnplug-wavy cannot be written: Permission denied." in refused("wavy")
    finally:
        at_home.chmod(0o700)


# --- what it may be called ------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["", " ", "1wave", "a b", "wave!", "-", "a--b", "a__b", "wave-", "_wave", "wäve", "a/b",
     "../up", "wave.py", "nnplug-", "a\nb"],
)  # fmt: skip
def test_a_malformed_name_is_refused(name):
    assert refused("--", name) == (
        f"{name!r} cannot be the name of a plugin: it becomes the name of a part, of a module and "
        "of a package.\nUse the letters a to z, digits, and single - or _ between them; begin "
        "with a letter, as in soft-wave."
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("relu", "'relu' is a name of the built-in activation 'relu'"),
        ("Swish", "'swish' is a name of the built-in activation 'silu'"),
        ("adam", "'adam' is a name of the built-in optimizer 'adam'"),
        ("lambda", "'lambda' is a Python keyword"),
        ("json", "'json' is a module of Python's standard library"),
        ("abs", "'abs' is a built-in name of Python"),
        ("np", "nnplug uses 'np' itself in every plugin"),
        ("test-wave", "pytest would take 'test_wave' for a test"),
        ("names", "nnplug uses 'names' itself in every plugin"),
        ("register-losses", "nnplug uses 'register_losses' itself in every plugin"),
    ],
)
def test_a_name_with_another_meaning_is_refused(name, reason):
    assert refused(name) == (
        f"{name!r} cannot be the name of a plugin: {reason}.\n"
        f"Choose another, for example my-{name.lower()}."
    )


def test_a_local_part_is_said_to_be_one():
    registry = Registry()

    @nnplug.activation
    def wavy(x):
        return x

    registry.register(wavy)
    with pytest.raises(PluginError, match="'wavy' is a name of the local activation 'wavy'"):
        choose_names("wavy", ["loss"], registry)


def test_no_built_in_part_can_be_shadowed():
    for part, _ in Registry().parts():
        for name in (part.name, *part.aliases):
            assert "is a name of the built-in " in refused(name)


@pytest.mark.parametrize(
    ("package", "point"), [("nnplug-wavy", "other"), ("nnplug_Wavy", "other"), ("sea", "wavy")]
)
def test_the_name_of_an_installed_plugin_is_refused_without_importing_it(package, point, site):
    site.install(package, "1 / 0\n", entry_points={point: package.replace("-", "_").lower()})
    message = refused("wavy")
    assert f"{package} 1.0 is installed, with the entry point {point!r}" in message
    assert f"pip uninstall {package}" in message
    assert site.imported() == []


def test_a_part_of_several_is_checked_as_well(site):
    site.install("sea", "1 / 0\n", entry_points={"wavy_loss": "sea"})
    assert "'wavy_loss'" in refused("wavy", kinds=("activation", "loss"))
    run("wavy")


def test_a_module_of_that_name_is_no_plugin_but_in_the_way(site):
    (site.folder / "nnplug_wavy.py").touch()
    assert "there is already a module 'nnplug_wavy'" in refused("wavy")


def test_a_kind_is_needed_and_must_exist():
    assert "Missing option '--kind'" in run("wavy", kinds=(), code=2)
    assert "'gate' is not one of 'activation', 'layer'" in run("wavy", kinds=("gate",), code=2)
    run("wavy", kinds=("LOSS",))
    assert "def register_losses(" in Path("nnplug-wavy/nnplug_wavy/wavy.py").read_text(
        encoding="utf-8"
    )


# --- tools ----------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check"]])
def test_what_it_writes_is_formatted_and_lint_free(command):
    pytest.importorskip("ruff")
    run("a", kinds=ALL)
    run("phase-locked", kinds=ALL)
    done = subprocess.run(
        [sys.executable, "-m", *command, "--no-cache", "."],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_what_it_writes_passes_strict_types():
    pytest.importorskip("mypy")
    run("wavy", kinds=ALL)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", os.devnull, "."],
        cwd="nnplug-wavy", capture_output=True, text=True, check=False,
        env={**os.environ, "MYPYPATH": str(Path(nnplug.__file__).parents[1])},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
