"""From the parts that a file names to those that are installed.

A file selects a part by kind, name and package, and gives options that the
installed part declares. It cannot name a path, an address, a module or a
function, and nothing is ever installed because of it. A package is imported only
if it is installed, has an entry point for nnplug and is named with the part.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence

import nnplug
from nnplug.errors import ModelFileError, NnplugWarning, OptionError, UnknownPartError
from nnplug.formulas.digest import differ
from nnplug.models.info import ModelInfo
from nnplug.models.records import PartRecord, kind_of
from nnplug.parts import OptionValue, Part
from nnplug.plugins.plugin import LOCAL, Plugin, normalise_package
from nnplug.plugins.registry import Registry
from nnplug.untrusted import printable

__all__ = ["find_parts", "warn_of"]

_BUILTIN = "nnplug"
_LISTED = 10


def find_parts(
    info: ModelInfo,
    roles: Sequence[str],
    registry: Registry,
    *,
    allow_other_versions: bool = False,
) -> tuple[dict[str, tuple[Part, ...]], tuple[str, ...]]:
    """Find the installed parts of some roles.

    Parameters
    ----------
    allow_other_versions : bool, optional
        Whether a package may be of another major version than the model was
        made with.

    Returns
    -------
    tuple
        The parts by role; and a line for each package whose version, and each
        part whose formula, has changed since the model was made.

    Raises
    ------
    ModelFileError
        With only a reason, see `naming`: a package is not installed, is of
        another major version, or does not have the part or an option.
    PluginError
        If a plugin is broken.
    """
    wanted = [(role, record) for role in roles for record in info.parts.get(role, ())]
    notes = _check_packages(info, wanted, registry, allow_other_versions)
    found: dict[str, tuple[Part, ...]] = dict.fromkeys(roles, ())
    for role, record in wanted:
        part = _with_options(_part(kind_of(role, record), record, registry), record)
        found[role] += (part,)
        if differ(record.formula, part.digest):
            notes += (_other_formula(part, record, registry),)
    return found, tuple(dict.fromkeys(notes))


def warn_of(notes: Sequence[str], where: str = "", *, stacklevel: int = 2) -> None:
    """Issue the notes of `find_parts` as warnings.

    Parameters
    ----------
    stacklevel : int, optional
        2 names the line that calls the caller of this function.
    """
    for note in notes:
        warnings.warn(f"{where}{note}.", NnplugWarning, stacklevel=stacklevel + 1)


def _check_packages(
    info: ModelInfo,
    wanted: list[tuple[str, PartRecord]],
    registry: Registry,
    allow_other_versions: bool,
) -> tuple[str, ...]:
    """Compare what is wanted with what is installed, by metadata alone."""
    users: dict[tuple[str, str], list[str]] = {}
    for role, record in wanted:
        if record.package not in (_BUILTIN, LOCAL):
            named = users.setdefault((record.package, record.version), [])
            if (called := f"{kind_of(role, record)} {record.name}") not in named:
                named.append(called)
    versions = {
        key: _installed(key[0], registry)[0].version
        for key in users
        if _installed(key[0], registry)
    }
    missing = {key: users[key] for key in users if key not in versions}
    if missing:
        raise ModelFileError(_not_installed(missing))
    other = [
        (package, made_with, versions[package, made_with])
        for package, made_with in users
        if _major(made_with) != _major(versions[package, made_with])
    ]
    if _major(info.nnplug) != _major(nnplug.__version__):
        other.insert(0, (_BUILTIN, info.nnplug, nnplug.__version__))
    if other and not allow_other_versions:
        listed = "".join(
            f"{package} is installed as {installed}; the model was made with {made_with}.\n"
            for package, made_with, installed in other[:_LISTED]
        )
        install = " ".join(f"{package}=={made_with}" for package, made_with, _ in other[:_LISTED])
        raise ModelFileError(
            "it needs another major version of a package\n"
            f"{listed}Install that one: pip install {install}\n"
            "Or allow the other: allow_other_versions=True, on the command line "
            "--allow-other-versions; the predictions may then differ."
        )
    return tuple(
        f"{', '.join(users[key])}: made with {key[0]} {key[1]}, and {version} is installed"
        for key, version in versions.items()
        if version != key[1]
    )


def _other_formula(part: Part, record: PartRecord, registry: Registry) -> str:
    """Write that a part no longer computes what it did for the model."""
    installed = registry.provider(part).version
    if record.package == LOCAL:
        its, way_out = "its formula", "give the one it was trained with"
    elif installed == record.version:
        its = f"its formula in {record.label}"
        way_out = "the version is the same, so look at how that package was installed"
    else:
        its = f"its formula in {record.package} {installed}"
        way_out = f"install {record.label}"
    return (
        f"{part.kind} {part.name}: {its} is not the one that the model was trained with, and "
        f"results may differ; {way_out}, or train anew"
    )


def _not_installed(missing: Mapping[tuple[str, str], list[str]]) -> str:
    lines = [
        f"{_joined(named)} {'is' if len(named) == 1 else 'are'} from {package} {version}."
        for (package, version), named in missing.items()
    ]
    more = f"\nSo are {len(lines) - _LISTED} more." if len(lines) > _LISTED else ""
    install = " ".join(f"{package}=={version}" for package, version in list(missing)[:_LISTED])
    one = len(missing) == 1
    return (
        f"{'a plugin' if one else f'{len(missing)} plugins'} that it needs "
        f"{'is' if one else 'are'} not installed\n"
        + "\n".join(lines[:_LISTED])
        + more
        + f"\nInstall {'it, if you trust it' if one else 'those that you trust'}: "
        f"pip install {install}"
    )


def _installed(package: str, registry: Registry) -> list[Plugin]:
    wanted = normalise_package(package)
    return [
        provider
        for provider in registry.plugins.installed
        if normalise_package(provider.package) == wanted
    ]


def _part(kind: str, record: PartRecord, registry: Registry) -> Part:
    qualified = f"{record.package}/{record.name}"
    if record.package in (_BUILTIN, LOCAL):
        found = registry.find(qualified, kind, load=False)
        if found:
            return found[0][0]
        if record.package == _BUILTIN:
            raise ModelFileError(
                f"this nnplug has no {kind} {record.name}, and the model was made with nnplug "
                f"{record.version}\nInstall that one, in the folder of its source: pip install ."
            )
        if built_in := _built_in_since(kind, record, registry):
            return built_in
        raise ModelFileError(
            f"{kind} {record.name} is not from a package but from a file or from Python code, "
            "which a model file does not hold\n"
            "Give it again: -p ./FILE.py on the command line, in Python "
            f"registry.register({record.name}) and load(..., registry=registry)."
        )
    blocked = [found for found in _installed(record.package, registry) if found.state == "blocked"]
    if blocked:
        raise ModelFileError(
            f"{kind} {record.name} is from {blocked[0].label}, which is left out "
            f"({blocked[0].cause})\nAllow it, or use another model."
        )
    try:
        return registry.get(kind, qualified)
    except UnknownPartError:
        version = _installed(record.package, registry)[0].version
        raise ModelFileError(
            f"{record.package} {version}, which is installed, has no {kind} {record.name}; the "
            f"model was made with {record.version}\n"
            f"Install that one: pip install {record.package}=={record.version}"
        ) from None


def _built_in_since(kind: str, record: PartRecord, registry: Registry) -> Part | None:
    """Find the built-in part with the name and formula of one that came from Python code."""
    for part, _ in registry.find(f"{_BUILTIN}/{record.name}", kind, load=False):
        known = record.options.keys() <= part.defaults.keys()
        if known and record.formula and record.formula == _with_options(part, record).digest:
            return part
    return None


def _with_options(part: Part, record: PartRecord) -> Part:
    """Set a part's options, checked against its own declaration."""
    for key, value in record.options.items():
        if key not in part.defaults:
            raise ModelFileError(
                f"{part.kind} {part.name} has no option {printable(key, 40)}; the model was made "
                f"with {record.label}"
            )
        if not _fits(value, part.defaults[key]):
            raise ModelFileError(
                f"{part.kind} {part.name}: its option {key} is "
                f'"{printable(str(value), 40)}", which is not of the type of its default, '
                f"{part.defaults[key]!r}"
            )
    try:
        return part.with_options(**record.options)
    except OptionError as error:
        raise ModelFileError(" ".join(str(error).splitlines())) from None


def _fits(value: OptionValue, default: OptionValue) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):  # or a text, of a number that follows a schedule
        return isinstance(value, int | float) or "*" in value
    return isinstance(value, int if isinstance(default, int) else str)


def _major(version: str) -> tuple[int, int]:
    """Return the epoch and the first number of a version."""
    match = re.match(r"(?:(\d+)!)?(\d+)", version)
    return (int(match[1] or 0), int(match[2])) if match else (0, 0)


def _joined(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
