"""What `--help` shows: groups, examples and lines that fit a terminal."""

import re

import click
import pytest

from nnplug.cli import cli
from tests.cli.models import nnplug_here


def every_command(command=cli, context=None, path=()):
    """Find the path and the command of the whole tree."""
    context = context or click.Context(cli, info_name="nnplug")
    yield path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            yield from every_command(child, context, (*path, name))


COMMANDS = dict(every_command())


def help_of(path, folder, monkeypatch, columns="80"):
    monkeypatch.setenv("COLUMNS", columns)
    done = nnplug_here(*path, "--help", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("path", COMMANDS, ids="-".join)
def test_help_fits_a_terminal_and_says_something_of_every_option(path, tmp_path, monkeypatch):
    written = help_of(path, tmp_path, monkeypatch)
    assert max(map(len, written.splitlines())) <= 80
    for option in COMMANDS[path].params:
        if isinstance(option, click.Option):
            assert option.help.endswith("."), option.name
            assert not re.search(r"\[x|<=x|RANGE", written)
    assert not isinstance(COMMANDS[path], click.Group) or "Commands:" in written


@pytest.mark.parametrize("path", [path for path in COMMANDS if path], ids="-".join)
def test_help_has_examples_that_the_command_can_read(path, tmp_path, monkeypatch):
    written = help_of(path, tmp_path, monkeypatch)
    examples = re.findall(r"^    nnplug (.*)$", written.partition("Examples:")[2], re.MULTILINE)
    assert examples
    for example in examples:
        arguments = re.sub(r"'([^']*)'", r"\1", example).split()
        command = cli
        context = click.Context(cli, info_name="nnplug")
        while isinstance(command, click.Group):
            command = command.get_command(context, arguments.pop(0))
        command.make_context("nnplug", list(arguments), parent=context)  # parses, runs nothing


def test_the_options_of_train_are_in_groups(tmp_path, monkeypatch):
    written = help_of(("train",), tmp_path, monkeypatch)
    titles = re.findall(r"^(\w.*):$", written, re.MULTILINE)
    assert titles == ["Data", "Network", "Training", "Keeping the run", "Output", "Other"]
    groups = dict(zip(titles, re.split(r"^\w.*:$", written, flags=re.MULTILINE)[1:], strict=True))
    for title, option in [
        ("Data", "--target"), ("Data", "--validation"), ("Network", "--hidden"),
        ("Training", "--epochs"), ("Keeping the run", "--resume"), ("Output", "--json"),
        ("Other", "-p"), ("Other", "--help"),
    ]:  # fmt: skip
        assert f"{option} " in groups[title]
    assert "Options:" not in written


def test_the_help_of_a_narrow_terminal_is_narrower(tmp_path, monkeypatch):
    options = help_of(("train",), tmp_path, monkeypatch, "60").partition("Data:")[2]
    assert max(map(len, options.partition("A PART")[0].splitlines())) <= 60
