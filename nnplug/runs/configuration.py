"""Configurations: every setting of a run, resolved, as a file that gives the same run again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nnplug import __version__
from nnplug.errors import SettingError, StorageError
from nnplug.formulas.digest import differ
from nnplug.parts import parse_part
from nnplug.runs.settings import GROUPS, ROWS, SHORT_FORM, Settings, no_setting
from nnplug.tables.wording import quote
from nnplug.untrusted import read_small, why_unreadable

if TYPE_CHECKING:
    from nnplug.models import ModelInfo, PartRecord
    from nnplug.plugins.plugin import Plugin
    from nnplug.runs.sources import Source
    from nnplug.tables import Rows
    from nnplug.types import AnyArray

__all__ = ["Configuration", "check_setting", "fingerprint_of"]

LARGEST = 2**20
"""Bytes of a file of settings."""

MOST_DOTS = 100
"""In a key; those of settings have one."""

_TABLES = ("read", "encoding", "class_weight", "rate", "decay")
_OWN = ("checkpoint_every", "plugins", "given_in_python", "packages", "formulas")
_TEXTS = ("plugins", "given_in_python")

SETTABLE = frozenset({*ROWS, *_OWN})
"""The keys that a configuration may have."""

_FREE = ("data", "folds", "interval", "log_every")
"""Settings that change no number: the data is compared by its rows, wherever it lies."""


@dataclass(frozen=True)
class Configuration:
    """The settings of a run, and what else it takes to run it again.

    Attributes
    ----------
    settings : dict
        Arguments of `nnplug.train`, `data` among them, as plain values. None
        stands for a setting that is not set; a setting that is left out has
        its default.
    checkpoint_every : str
        Epochs between checkpoints, or a time.
    plugins : tuple of str
        The values of `-p`.
    packages : dict of str to str
        nnplug and the packages of the run's parts and engine, with their versions.
    formulas : dict of str to str
        A digest of what each part computes, by kind and text; see `Part.digest`.
    given_in_python : tuple of str
        The arguments that were objects in Python, which a file cannot hold.
    """

    settings: Mapping[str, Any]
    checkpoint_every: str = ROWS["checkpoint_every"].default
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
        checkpoint_every: str | int | None = None,
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

        Raises
        ------
        SettingError
            If `checkpoint_every` is neither epochs nor a time.
        """
        chosen = {
            **settings.to_dict(),
            **_network(settings, info),
            "metrics": [_written(part) for part in info.parts["metrics"]],
            **{
                role: _written(info.parts[role][0])
                for role in ("output_activation", "loss", "schedule", "initializer")
            },
            "optimizer": None if info.optimizer is None else info.optimizer.written(qualified=True),
            "split": rows.split.text,
        }
        if rows.split.way == "file":
            chosen["split"] = f"file:{os.path.abspath(rows.split.name)}"  # noqa: PTH100  # resolve() would follow links
        chosen.update(chosen.pop("table") or {})
        chosen["recipe"] = None  # each setting that it gave stands here
        if rows.encoder is not None:
            chosen["stream"] = rows.disk is not None
        if isinstance(source.content, str | os.PathLike):
            chosen["data"] = os.path.abspath(source.content)  # noqa: PTH100  # resolve() would follow links
        elif source.dataset is not None:
            # By its name alone: with a slash it would be a path.
            (record,) = info.parts["dataset"]
            chosen["data"] = _written(replace(record, package="nnplug"))
        else:
            chosen["data"] = None
            given_in_python = ("data", *given_in_python)
        plain = {
            key: list(value) if isinstance(value, tuple) else value for key, value in chosen.items()
        }
        packages = {engine.package: engine.version} if engine.version else {}
        packages |= {"nnplug": __version__, **info.packages}
        row = ROWS["checkpoint_every"]
        every = row.check(row.default if checkpoint_every is None else checkpoint_every)
        return cls(plain, every, plugins, packages, _digests(info), given_in_python)

    # --- as a file --------------------------------------------------------------------

    def to_toml(self) -> str:
        """Write it as TOML, every setting on a line of its own."""
        from nnplug.runs.toml_text import (  # noqa: PLC0415  # few runs are kept
            toml_line,
            toml_table,
        )

        lines = [
            f"# All settings of a run of nnplug {__version__}. To run it again:",
            "#     nnplug train --config THIS_FILE",
            "# A key takes the same values as the option of that name.",
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
            lines.append("# Arguments that were objects in Python, which a file cannot hold.")
            lines.append(toml_line("given_in_python", self.given_in_python))
        for key in _TABLES:
            if isinstance(values.get(key), Mapping):
                lines += ["", *toml_table(key, values[key])]
        lines += ["", "# The packages it was run with.", *toml_table("packages", self.packages)]
        lines += ["", "# Digests of its parts' formulas.", *toml_table("formulas", self.formulas)]
        return "\n".join(lines) + "\n"

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a configuration; a setting that it leaves out has its default.

        Raises
        ------
        StorageError
            If there is no such file.
        SettingError
            If it is not TOML, or has an unknown key or a value of the wrong
            kind or out of range.
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
            raise SettingError(f"{path} is nested too deeply.") from None
        except ValueError as error:  # not TOML, not UTF-8, or a number of thousands of digits
            raise SettingError(f"{path} is not valid TOML: {why_unreadable(error)}.") from None
        for key, value in found.items():
            check_setting(key, value, str(path))
        own = {key: found.pop(key) for key in _OWN if key in found}
        if "packages" in own:  # a run wrote it, and all settings stand there
            found.setdefault("recipe", "none")
        for key in ("plugins", "given_in_python"):
            own[key] = tuple(own.get(key, ()))
        return cls(found, **own)

    # --- another one ------------------------------------------------------------------

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return the configuration with other values for some keys.

        Layers given in one form replace those in the other.
        """
        short = any(changes.get(name) is not None for name in SHORT_FORM)
        whole = changes.get("layers") is not None
        settings = {**self.settings, **changes}
        if short != whole:
            settings |= dict.fromkeys(("layers",) if short else SHORT_FORM)
        own = {key: settings.pop(key) for key in ("checkpoint_every", "plugins") if key in settings}
        return replace(self, settings=settings, **own)

    # --- which run it is ----------------------------------------------------------------

    def identity(self, data: str) -> dict[str, Any]:
        """Return what a run must have in common with a state of it that it goes on from, for JSON.

        Parameters
        ----------
        data : str
            See `fingerprint_of`.
        """
        return {
            "settings": dict(self.settings),
            "data": data,
            "packages": dict(self.packages),
            "formulas": dict(self.formulas),
        }

    def differences(self, data: str, earlier: Mapping[str, Any]) -> list[str]:
        """Write, in a line each, what has changed since `identity` was recorded.

        Parameters
        ----------
        data : str
            What `fingerprint_of` returns now.
        """
        lines = []
        for key in sorted({*self.settings, *earlier["settings"]} - set(_FREE)):
            # A setting that an older version did not have is at its default there.
            usual = ROWS[key].default if key in ROWS else None
            usual = list(usual) if isinstance(usual, tuple) else usual  # as JSON has it
            before, now = earlier["settings"].get(key, usual), self.settings.get(key, usual)
            if before != now:
                lines.append(f"{key} was {_shown(before)} and is {_shown(now)}")
        if earlier["data"] != data:
            lines.append("the data has changed: its rows, or what was learned of its columns")
        # Before there were digests, local parts were recorded here, by digests of their source.
        packages = {key: version for key, version in earlier["packages"].items() if " " not in key}
        for name in sorted({*packages, *self.packages}):
            before, now = packages.get(name, "none"), self.packages.get(name, "none")
            if before != now:
                lines.append(f"{name} was {before} and is {now}")
        return lines + self.changed_formulas(earlier.get("formulas", {}))

    def only_adds_epochs(self, data: str, earlier: Mapping[str, Any]) -> bool:
        """Tell whether all that has changed is that there are more epochs, at a constant rate.

        No step so far would have been another. With a schedule the learning
        rates may depend on how many epochs are planned.
        """
        before, now = earlier["settings"].get("epochs"), self.settings.get("epochs")
        more = isinstance(before, int) and isinstance(now, int) and now > before
        constant = parse_part(str(self.settings.get("schedule"))).name == "constant"
        return more and constant and len(self.differences(data, earlier)) == 1

    def changed_formulas(self, before: Mapping[str, str]) -> list[str]:
        """Write, in a line each, which parts computed something else before.

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
                lines.append(f"{name}: its formula has changed{version}")
        return lines


def _check_keys(path: Path, text: str) -> None:
    """Refuse keys of very many parts: reading them takes time with the square of their number.

    Raises
    ------
    SettingError
    """
    for number, line in enumerate(text.splitlines(), 1):
        if line.partition("=")[0].count(".") > MOST_DOTS:
            raise SettingError(f"{path}: line {number} has a key of more than {MOST_DOTS} parts.")


def check_setting(key: str, value: Any, where: str) -> None:
    """Refuse an unknown key, and a value of the wrong kind or out of range.

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
    elif not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        wanted = "a list of texts"
    if wanted is not None:
        raise SettingError(f"{where}: {key} = {value!r}: it must be {wanted}.")


def fingerprint_of(rows: Rows, weights: AnyArray | None) -> str:
    """Digest a run's rows as the network sees them, and what was learned of their columns.

    Parameters
    ----------
    weights : array or None
        (N, 1), what each row counts for.
    """
    import numpy as np  # noqa: PLC0415  # few runs are kept

    from nnplug.models.fingerprint import fingerprint  # noqa: PLC0415  # the same
    from nnplug.models.strict_json import canonical_json  # noqa: PLC0415  # the same

    encoder = None if rows.encoder is None else rows.encoder.to_dict()
    text = np.frombuffer(canonical_json(encoder).encode(), np.uint8)
    if rows.dealt is not None:  # the same for any number of processes
        digests = np.frombuffer("".join(rows.dealt.digests).encode(), np.uint8)
        held = fingerprint(rows.dealt.path("validation"))
        return fingerprint(rows.targets, weights, text, digests, np.array([held]).view(np.uint8))
    files = [rows.disk.path(part) for part in ("training", "validation")] if rows.disk else []
    places = [rows.parts.training, rows.parts.validation]
    if rows.parts.folds is not None:
        places.append(rows.parts.folds)
    return fingerprint(rows.inputs, rows.targets, weights, *places, text, *files)


def _digests(info: ModelInfo) -> dict[str, str]:
    """Return the digests of the parts that have one."""
    from nnplug.models.records import kind_of  # noqa: PLC0415  # few runs are kept

    return {
        f"{kind_of(role, record)} {_written(record)}": record.formula
        for role, records in info.parts.items()
        for record in records
        if record.formula
    }


def _network(settings: Settings, info: ModelInfo) -> dict[str, Any]:
    """Write the layers in the form in which they were given: `layers`, or the short form."""
    if settings.layers is not None:
        layers = " ".join(layer.written(qualified=True) for layer in info.layers)
        return {**dict.fromkeys(SHORT_FORM), "layers": layers}
    activation = [_written(part) for part in info.parts["layers"] if part.kind == "activation"]
    # Where all are the same, one: it fits when the number of layers is changed.
    if len(set(activation)) == 1:
        activation = activation[:1]
    shares = settings.dropout
    several = len(set(shares)) > 1
    return {"activation": activation, "dropout": shares if several else (*shares, 0.0)[0]}


def _written(record: PartRecord) -> str:
    return record.written(qualified=True)


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    # Two long texts, such as layers, may differ near their end alone.
    return quote(value, 1000) if isinstance(value, str) else str(value)
