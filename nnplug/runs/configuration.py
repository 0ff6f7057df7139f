"""Configurations: every setting of a run, resolved, as a file that gives the same run again."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from nnplug import __version__
from nnplug.errors import SettingError, StorageError
from nnplug.formulas.digest import differ
from nnplug.models import ModelInfo, PartRecord
from nnplug.models.records import LayerRecord, kind_of
from nnplug.plugins.plugin import Plugin
from nnplug.runs.settings import GROUPS, ROWS, SHORT_FORM, Settings, no_setting
from nnplug.runs.sources import Source
from nnplug.runs.toml_text import toml_line, toml_table
from nnplug.tables import Rows
from nnplug.tables.wording import quote
from nnplug.untrusted import read_small, why_unreadable

__all__ = ["CHECKPOINT_EVERY", "Configuration"]

CHECKPOINT_EVERY = "60s"
"""How often a checkpoint is written where nobody says."""

LARGEST = 2**20
"""Bytes of a file of settings."""

MOST_DOTS = 100
"""In a key; the settings have one."""

_TABLES = ("read", "class_weight", "rate", "decay")
_OWN = ("checkpoint_every", "plugins", "given_in_python", "packages", "formulas")
_TEXTS = ("plugins", "given_in_python")

SETTABLE = frozenset({*ROWS, *_OWN})
"""The keys that a configuration may have."""

_FREE = ("data", "log_every")
"""Settings that change no number: where the data lies is not what it is."""


@dataclass(frozen=True)
class Configuration:
    """The settings of a run, and what else it takes to run it again.

    Attributes
    ----------
    settings : dict
        Arguments of `nnplug.train`, `data` among them, as plain values. None
        stands for what is not set, but by default nothing is left out.
    checkpoint_every : str
        See `nnplug.runs.folder.Every`.
    plugins : tuple of str
        What `-p` named.
    packages : dict of str to str
        The packages of its parts and its engine, and nnplug, with their versions.
    formulas : dict of str to str
        A digest of what its parts compute, by kind and text; see `Part.digest`.
    given_in_python : tuple of str
        The arguments that were objects in Python, which no file can hold.
    """

    settings: Mapping[str, Any]
    checkpoint_every: str = CHECKPOINT_EVERY
    plugins: tuple[str, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    formulas: Mapping[str, str] = field(default_factory=dict)
    given_in_python: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        settings: Settings,
        info: ModelInfo,
        rows: Rows,
        source: Source,
        *,
        engine: Plugin,
        checkpoint_every: str = CHECKPOINT_EVERY,
        plugins: tuple[str, ...] = (),
        given_in_python: tuple[str, ...] = (),
    ) -> Self:
        """Describe a run that was prepared.

        Parts are written with all their options, so that a default that
        changes in a later version does not change this run.

        Parameters
        ----------
        engine : Plugin
            Where the engine is from.
        """
        chosen = {
            **settings.to_dict(),
            **_spelled_network(settings, info),
            "metrics": [_spelled(each) for each in info.parts["metrics"]],
            **{
                role: _spelled(info.parts[role][0])
                for role in ("output_activation", "loss", "schedule", "initializer")
            },
            "optimizer": _spelled_chain(info.parts["optimizer"]),
            "split": rows.split.text,
        }
        if rows.split.way == "file":
            chosen["split"] = f"file:{os.path.abspath(rows.split.name)}"  # noqa: PTH100  # resolve() would follow links
        chosen.update(chosen.pop("table") or {})
        if rows.encoder is not None:
            chosen["stream"] = rows.disk is not None
        if isinstance(source.content, str | os.PathLike):
            chosen["data"] = os.path.abspath(source.content)  # noqa: PTH100  # resolve() would follow links
        elif source.dataset is not None:
            # By its name alone: a slash would make it a path.
            (record,) = info.parts["dataset"]
            chosen["data"] = _spelled(replace(record, package="nnplug"))
        else:
            chosen["data"] = None
            given_in_python = ("data", *given_in_python)
        plain = {key: list(each) if isinstance(each, tuple) else each
                 for key, each in chosen.items()}  # fmt: skip
        packages = {engine.package: engine.version} if engine.version else {}
        packages |= {"nnplug": __version__, **info.packages}
        return cls(plain, checkpoint_every, plugins, packages, _digests(info), given_in_python)

    # --- as a file --------------------------------------------------------------------

    def to_toml(self) -> str:
        """Write it as TOML, every setting on a line of its own."""
        lines = [
            f"# All settings of a run of nnplug {__version__}. It is run again with",
            "#     nnplug train --config THIS_FILE",
            "# and a key takes what the option of that name takes.",
        ]
        values = {**self.settings, "checkpoint_every": self.checkpoint_every}
        for group in GROUPS:
            lines += ["", f"# {group}"]
            for key, row in ROWS.items():
                if row.group != group or key not in values or isinstance(values[key], Mapping):
                    continue
                value = values[key]
                if value is None and row.unset:
                    value = "none"
                lines.append(f"# {key}: not set" if value is None else toml_line(key, value))
        lines.append(toml_line("plugins", self.plugins))
        if self.given_in_python:
            lines += ["# Arguments that were objects in Python, which a file cannot hold."]
            lines.append(toml_line("given_in_python", self.given_in_python))
        for key in _TABLES:
            if isinstance(values.get(key), Mapping):
                lines += ["", *toml_table(key, values[key])]
        lines += ["", "# What it was run with.", *toml_table("packages", self.packages)]
        lines += ["", "# Digests of its parts' formulas.", *toml_table("formulas", self.formulas)]
        return "\n".join(lines) + "\n"

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a configuration; what it leaves out is as by default.

        Raises
        ------
        StorageError
            If there is no such file.
        SettingError
            If it is no TOML, or has an unknown key or a value of the wrong
            kind. Whether values are in range is seen when the run is prepared.
        """
        import tomllib  # noqa: PLC0415  # most runs have no file of settings

        path = Path(path)
        if path.is_dir() and (path / "config.toml").is_file():
            path /= "config.toml"
        try:
            text = read_small(path, LARGEST).decode("utf-8")
            _check_keys(path, text)
            found = tomllib.loads(text)
        except OSError as error:
            raise StorageError(
                f"{path}: cannot be read: {error.strerror or error}. Name a configuration, such "
                "as runs/NAME/config.toml."
            ) from None
        except RecursionError:
            raise SettingError(f"{path}: is nested too deeply.") from None
        except ValueError as error:  # no TOML, no UTF-8, or a number of thousands of digits
            raise SettingError(f"{path}: is no TOML: {why_unreadable(error)}.") from None
        for key, value in found.items():
            check_setting(key, value, str(path))
        own = {key: found.pop(key) for key in _OWN if key in found}
        for key in ("plugins", "given_in_python"):
            own[key] = tuple(own.get(key, ()))
        return cls(found, **own)

    # --- another one ------------------------------------------------------------------

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Give the configuration with other values for some keys.

        Layers in one form stand in place of those in the other.
        """
        short = any(changes.get(name) is not None for name in SHORT_FORM)
        whole = changes.get("layers") is not None
        settings = {**self.settings, **changes}
        if short != whole:
            settings |= dict.fromkeys(("layers",) if short else SHORT_FORM)
        own = {key: settings.pop(key) for key in ("checkpoint_every", "plugins") if key in settings}
        return replace(self, settings=settings, **own)

    def differences(self, other: Mapping[str, Any]) -> list[str]:
        """Say, a line each, which settings differ from those of an earlier state of the run."""
        lines = []
        for key in sorted({*self.settings, *other} - set(_FREE)):
            # What a state does not name is a setting that there was not yet.
            usual = ROWS[key].default if key in ROWS else None
            before, after = other.get(key, usual), self.settings.get(key, usual)
            if before != after:
                lines.append(f"{key} was {_shown(before)} and is {_shown(after)}")
        return lines

    def changed_formulas(self, before: Mapping[str, str]) -> list[str]:
        """Say, a line each, which parts computed something else before.

        Parameters
        ----------
        before : mapping
            What `formulas` was. A part that is not in it is not compared.
        """
        lines = []
        for name, now in sorted(self.formulas.items()):
            if differ(str(before.get(name, "")), now):
                package, slash, _ = name.partition(" ")[2].partition("/")
                version = f" ({package} {self.packages.get(package)} is installed)" if slash else ""
                lines.append(f"{name}: its formula is not the one that it was{version}")
        return lines


def _check_keys(path: Path, text: str) -> None:
    """Refuse keys of very many parts, for which a reader of TOML takes the square of their time.

    Raises
    ------
    SettingError
    """
    for number, line in enumerate(text.splitlines(), 1):
        if line.partition("=")[0].count(".") > MOST_DOTS:
            raise SettingError(f"{path}: line {number} has a key of more than {MOST_DOTS} parts.")


def check_setting(key: str, value: Any, where: str) -> None:
    """Refuse a key that there is not, and a value of the wrong kind or out of range.

    Raises
    ------
    SettingError
    """
    if key in ROWS:
        ROWS[key].check(value, f"{where}: ")
        return
    if key not in SETTABLE:
        raise SettingError(f"{where}: {no_setting(key, SETTABLE)}")
    wanted = None
    if key not in _TEXTS:
        wanted = None if isinstance(value, Mapping) else "a table"
    elif not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        wanted = "a list of texts"
    if wanted is not None:
        raise SettingError(f"{where}: {key} = {value!r}: it must be {wanted}.")


def _digests(info: ModelInfo) -> dict[str, str]:
    """Give the digest of each part that has one."""
    return {
        f"{kind_of(role, record)} {_spelled(record)}": record.formula
        for role, records in info.parts.items()
        for record in records
        if record.formula
    }


def _spelled_network(settings: Settings, info: ModelInfo) -> dict[str, Any]:
    """Write the layers: by their text form if they were given so, else by the short one."""
    if settings.layers is not None:
        return {**dict.fromkeys(SHORT_FORM), "layers": " ".join(map(_spelled_layer, info.layers))}
    activation = [_spelled(each) for each in info.parts["layers"] if each.kind == "activation"]
    # One for all layers, so that it fits when their number is changed.
    if len(set(activation)) == 1:
        activation = activation[:1]
    shares = settings.dropout
    several = len(set(shares)) > 1
    return {"activation": activation, "dropout": shares if several else (*shares, 0.0)[0]}


def _spelled_chain(records: Sequence[PartRecord]) -> str:
    """Write an optimizer, with the one that it holds in brackets."""
    first, *others = records
    return f"{_spelled(first)}[{_spelled_chain(others)}]" if others else _spelled(first)


def _spelled_layer(layer: LayerRecord) -> str:
    text = _spelled(layer.part)
    return f"{text}[{' '.join(map(_spelled_layer, layer.inner))}]" if layer.inner else text


def _spelled(record: PartRecord) -> str:
    """Write a part with all its options, and with its package if it is a plugin's."""
    options = ",".join(f"{key}={_plain(value)}" for key, value in record.options.items())
    own = record.package in ("nnplug", "local")
    name = record.name if own else f"{record.package}/{record.name}"
    return f"{name}:{options}" if options else name


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else repr(value)


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    # Two long texts, such as layers, may differ near their end alone.
    return quote(value, 1000) if isinstance(value, str) else str(value)
