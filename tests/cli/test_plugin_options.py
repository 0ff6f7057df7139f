"""`-p` and `--strict-plugins`, wherever they stand on the line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from nnplug.cli import cli
from nnplug.errors import PluginError, UnknownPartError
from tests.plugins.packages import PART, isolated_site  # noqa: F401  # the fixture `site`

TRAIN = ("train", "--epochs", "2")


def run(*arguments, code=0, **environment):
    result = CliRunner().invoke(cli, list(map(str, arguments)), env=environment)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def mine(site):
    path = site.folder / "mine.py"
    path.write_text(PART.format(name="mine", factor=2))
    return path


# --- where they may stand ---------------------------------------------------------------


def test_a_file_is_named_before_or_after_the_command(mine):
    outputs = {
        run("-p", mine, *TRAIN, "--activation", "mine").stdout,
        run(*TRAIN, "-p", mine, "--activation", "mine").stdout,
    }
    assert len(outputs) == 1
    for arguments in (
        ("-p", mine, "plugins", "show", "mine"),
        ("plugins", "-p", mine, "show", "mine"),
        ("plugins", "show", "mine", "-p", mine),
    ):
        assert run(*arguments).stdout.startswith("activation mine\n  from         local (")


def test_all_places_add_up(site, mine):
    site.part("nnplug-a", "one")
    site.part("nnplug-b", "two")
    listed = run("-p", "no:nnplug-a", "plugins", "-p", "no:nnplug-b", "list", "-p", mine).stdout
    rows = [line.split() for line in listed.splitlines()]
    assert ["nnplug-a", "1.0", "blocked", "nnplug_a"] in rows
    assert ["nnplug-b", "1.0", "blocked", "nnplug_b"] in rows
    assert ["local", "loaded", "activation", "mine"] in rows


@pytest.mark.parametrize(
    ("before", "after", "environment"),
    [
        (["--strict-plugins"], [], {}),
        ([], ["--strict-plugins"], {}),
        ([], [], {"NNPLUG_STRICT_PLUGINS": "1"}),
    ],
)
def test_strict_makes_a_failure_fatal_with_its_traceback(site, before, after, environment):
    site.install("nnplug-bad", "1 / 0\n")
    site.part("nnplug-good", "twice")
    with pytest.raises(PluginError) as error:
        run(*before, *TRAIN, *after, "--activation", "twice", **environment)
    assert str(error.value).startswith("Plugin nnplug-bad 1.0 cannot be loaded:\n")
    assert "Traceback (most recent call last):" in str(error.value)
    assert "twice" in run(*TRAIN, "--activation", "twice").output


def test_the_list_works_in_strict_mode(site):
    site.install("nnplug-bad", "1 / 0\n")
    assert "nnplug-bad" in run("--strict-plugins", "plugins", "list").stdout


# --- what they do -----------------------------------------------------------------------


def test_a_broken_plugin_is_left_out_by_name(site):
    site.install("nnplug-bad", "1 / 0\n", entry_points={"twice": "nnplug_bad"})
    site.part("nnplug-good", "twice")
    with pytest.raises(PluginError, match="leave it out with -p no:nnplug-bad") as error:
        run(*TRAIN, "--activation", "twice")
    assert "plugin nnplug-bad 1.0 (entry point twice) cannot be loaded" in str(error.value)
    result = run(*TRAIN, "--activation", "twice", "-p", "no:nnplug-bad")
    assert "Warning" not in result.stderr


def test_what_is_asked_for_and_broken_is_an_error_without_a_traceback(site):
    path = site.folder / "broken.py"
    path.write_text("import nnplug\n1 / 0\n")
    with pytest.raises(PluginError) as error:
        run(*TRAIN, "-p", path)
    assert str(error.value) == (
        f"Plugin local ({path}) cannot be loaded:\n"
        f"{path}:2: ZeroDivisionError: division by zero\n"
        f"-p {path} asks for it; nnplug --debug shows a traceback."
    )


def test_a_block_that_blocks_nothing_is_told_once_plugins_are_looked_at(site):
    site.part("nnplug-good", "twice")
    blocked = ("-p", "no:nnplug-god")
    message = "-p no:nnplug-god matches no installed package or entry point. Did you mean 'nnplug-g"
    assert run(*TRAIN, *blocked).stderr.count("nnplug-god") == 0
    assert f"Warning: {message}" in run(*TRAIN, *blocked, "--activation", "twice").stderr
    assert f"Warning: {message}" in run("plugins", "list", *blocked).stderr
    with pytest.raises(UnknownPartError) as error:
        run(*TRAIN, *blocked, "--activation", "thrice")
    assert message in str(error.value)


def test_what_a_plugin_prints_is_kept_from_stdout(site):
    code = "print('hello')\n" + PART.format(name="twice", factor=2)
    site.install("nnplug-loud", code)
    result = run("plugins", "list", "--parts", "--json")
    assert result.stdout.startswith("{")
    assert "hello\n" in result.stderr


# --- completion -------------------------------------------------------------------------


def complete(site, line, **environment):
    """Complete the last word of a line, as bash asks for it."""
    code = (
        "import functools, importlib.metadata as m, sys; "
        f"sys.path.insert(0, {str(site.folder)!r}); "
        f"m.distributions = functools.partial(m.distributions, path=[{str(site.folder)!r}]); "
        "from nnplug.cli import cli; cli(prog_name='nnplug')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ, "_NNPLUG_COMPLETE": "bash_complete", "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split()) - 1), **environment,
        },
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("environment", [{}, {"NNPLUG_STRICT_PLUGINS": "1"}])
def test_completion_survives_a_broken_plugin(site, environment):
    site.install("nnplug-bad", "print('noise')\nraise SystemExit(3)\n")
    site.part("nnplug-good", "relapse")
    offered = complete(site, "nnplug train --activation rel", **environment)
    assert offered == ["plain,relapse", "plain,relu", "plain,relu6"]


def test_completion_knows_what_the_line_loads_and_leaves_out(site, mine):
    site.part("nnplug-good", "minimal")
    line = f"nnplug train -p {mine} --activation mi"
    assert complete(site, line) == ["plain,mine", "plain,minimal", "plain,mish"]
    line = "nnplug -p no:nnplug-good -p ./gone.py train --activation mi"
    assert complete(site, line) == ["plain,mish"]
    line = "nnplug -p ./gone.py train --activation mi"
    assert complete(site, line) == ["plain,minimal", "plain,mish"]


def test_completion_offers_packages_and_imports_none(site):
    site.install("nnplug-bad", "raise SystemExit(3)\n")
    assert complete(site, "nnplug train -p nnp") == ["plain,nnplug-bad"]
    assert complete(site, "nnplug train -p no:nnp") == ["plain,no:nnplug-bad"]
    assert complete(site, "nnplug train -p ./my") == ["file,./my"]


# --- the group --------------------------------------------------------------------------


def test_the_groups_help_imports_no_command():
    code = (
        "import sys; from nnplug.cli import main\n"
        "try: main(['plugins', '--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith('nnplug.cli.')])\n"
        "print({'numpy', 'rich', 'pluggy', 'importlib.metadata'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *written, modules, others = done.stdout.splitlines()
    for name in ("list", "show", "doctor", "check", "new"):
        assert any(line.startswith(f"  {name} ") for line in written)
    light = ("command", "find_run", "terminal", "completion", "options", "plugins")
    assert modules == str([f"nnplug.cli.{name}" for name in light])
    assert others == "set()"
    assert max(map(len, written)) <= 80


@pytest.mark.parametrize("name", ["list", "show", "doctor", "check", "new"])
def test_every_command_of_the_table_is_there(name):
    assert run("plugins", name, "--help").stdout.startswith(f"Usage: cli plugins {name} ")
