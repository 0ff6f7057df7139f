"""The run that `nnplug train` is asked for: options, `--set`, `--config` and `--resume`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnplug.cli.options import add_plugins, plugins_given
from nnplug.cli.setting_options import table_arguments
from nnplug.cli.terminal import echo

if TYPE_CHECKING:
    from nnplug.runs.configuration import Configuration

__all__ = ["asked_configuration"]

_NOT_SETTABLE = ("plugins", "packages", "formulas", "given_in_python")


def asked_configuration(
    ctx: click.Context, path: Path | None, given: dict[str, Any], pairs: Iterable[str]
) -> Configuration:
    """Combine what the command line asks for.

    Options and `--set` override the file. The plugins that the file names are
    loaded as `-p` loads them, and listed on stderr.

    Parameters
    ----------
    path : Path or None
        A configuration file.
    given : dict
        The values of the options that were given, by setting.
    pairs : iterable of str
        The values of `--set`.

    Raises
    ------
    click.UsageError
        If a pair is malformed, or a setting is given twice.
    SettingError, StorageError
        If there is no such setting, or the file cannot be read.
    """
    from nnplug.runs.configuration import Configuration

    changes = table_arguments({**given, **_parse(ctx, given, pairs)})
    if path is None:
        changes.setdefault("data", "xor")
        found = Configuration({})
    else:
        found = Configuration.read(path)
        if found.plugins:
            echo(f"plugins of {path}: {', '.join(found.plugins)}", err=True)
            add_plugins(ctx, found.plugins)
    plugins = tuple(dict.fromkeys(map(from_anywhere, plugins_given(ctx)[0])))
    return found.changed({**changes, "plugins": plugins})


def _parse(ctx: click.Context, given: dict[str, Any], pairs: Iterable[str]) -> dict[str, Any]:
    """Read `key=value`: a TOML value, or text as the option of that name takes it."""
    from nnplug.runs.configuration import check_setting

    options = {option.name: option for option in ctx.command.params}
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip().replace("-", "_")
        if not equals:
            raise click.UsageError(f"--set {pair}: write key=value, such as epochs=20.", ctx)
        if key in _NOT_SETTABLE:
            raise click.UsageError(f"--set {pair}: use -p instead.", ctx)
        option = options.get(key)
        if option is None:
            check_setting(key, text, "--set")
        if key in found or key in given:
            raise click.UsageError(f"--set {pair}: {key} is given twice.", ctx)
        if key == "read":
            found[key] = (text,)
            continue
        value = _value(key, text)
        if isinstance(value, str) and option is not None:
            value = option.type.convert(value, option, ctx)
            if getattr(option, "multiple", False):
                value = (value,)
        check_setting(key, value, "--set")
        found[key] = value
    return found


def _value(key: str, text: str) -> Any:
    """Read a TOML value; anything else is text."""
    import tomllib

    from nnplug.untrusted import why_unreadable

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()
    except ValueError as error:
        raise click.UsageError(f"--set {key}: {why_unreadable(error)}.") from None


def from_anywhere(plugin: str) -> str:
    """Write the path of a plugin's file so that it is found from any folder."""
    return os.path.abspath(plugin) if plugin.endswith(".py") else plugin  # noqa: PTH100  # resolve() would follow links
