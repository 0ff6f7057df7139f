"""The parts and layers that a model file names: a selection among what is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from nnplug.formulas.digest import DIGEST
from nnplug.parts import OptionValue, Part, Placed
from nnplug.parts.text import DEEPEST, is_part_name
from nnplug.plugins.plugin import Plugin
from nnplug.untrusted import need, printable, shown, take_list, take_mapping, take_text

__all__ = [
    "PREDICTING",
    "ROLES",
    "LayerRecord",
    "PartRecord",
    "is_version",
    "kind_of",
    "number_layers",
    "plain_structure",
    "read_structure",
]

ROLES = {
    "layers": "layer",
    "output_activation": "activation",
    "loss": "loss",
    "metrics": "metric",
    "optimizer": "optimizer",
    "schedule": "schedule",
    "initializer": "initializer",
    "dataset": "dataset",
}
"""The roles of parts in a run, each with its kind; activations stand among layers, too."""

PREDICTING = ("layers", "output_activation", "loss")
"""The roles without which there is no prediction."""

_PACKAGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")  # PEP 508
_VERSION = re.compile(r"(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*[A-Za-z0-9.+_-]{0,40}")  # as PEP 440
_DIGEST = re.compile(DIGEST)
_LONGEST_VERSION = 64


def is_version(text: str) -> bool:
    """Whether a text may be the version of a package."""
    return len(text) <= _LONGEST_VERSION and _VERSION.fullmatch(text) is not None


@dataclass(frozen=True)
class PartRecord:
    """A part as a file names it: a selection among what is installed.

    Attributes
    ----------
    name : str
        In snake_case.
    package : str
        Who provided it; `"nnplug"` for a built-in, `"local"` for one from a
        file or from Python code.
    version : str
        The package's; empty for a local one.
    options : dict
        All its options with their values.
    formula : str
        The part's digest; empty if it has none, and in files of before there
        were digests.
    kind : str
        Among layers, `"layer"` or `"activation"`; else empty, as the role says it.
    """

    name: str
    package: str
    version: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    formula: str = field(default="", repr=False)
    kind: str = ""

    @classmethod
    def of(cls, part: Part, provider: Plugin, role: str = "") -> Self:
        """Record a part and who provides it."""
        options, kind = dict(part.options), part.kind if role == "layers" else ""
        return cls(part.name, provider.package, provider.version, options, part.digest, kind)

    @property
    def text(self) -> str:
        """For a person: the name, with the options in brackets."""
        listed = ", ".join(
            f"{key}={printable(str(value), 40)}" for key, value in self.options.items()
        )
        return f"{self.name} ({listed})" if listed else self.name

    @property
    def label(self) -> str:
        """Package and version."""
        return f"{self.package} {self.version}".rstrip()

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values, for JSON."""
        return {
            "name": self.name,
            "package": self.package,
            "version": self.version,
            "options": dict(self.options),
            "formula": self.formula,
            **({"kind": self.kind} if self.kind else {}),
        }

    @classmethod
    def from_dict(cls, value: object, role: str) -> Self:
        """Read what `to_dict` gave, trusting nothing in it.

        Raises
        ------
        ModelFileError
        """
        keys = {"name", "package", "version", "options"}
        more = frozenset({"formula", *(("kind",) if role == "layers" else ())})
        state = take_mapping(value, keys, f"a part of {role}", may_have=more)
        name = take_text(state["name"], f"the name of a part of {role}")
        need(is_part_name(name) and len(name) <= 80, f"{shown(name)} is not the name of a part")
        kind = take_text(state.get("kind", ""), f"the kind of {name}")
        need(
            role != "layers" or kind in ("layer", "activation"),
            f"the kind of {name} is {shown(kind)}, and it must be layer or activation",
        )
        called = f"{kind or role} {name}"
        package = take_text(state["package"], f"the package of {called}")
        need(
            _PACKAGE.fullmatch(package) is not None,
            f"{shown(package)} is not the name of a package ({called})",
        )
        version = take_text(state["version"], f"the version of {package}")
        need(
            is_version(version) or (package == "local" and not version),
            f"{shown(version)} is not a version ({called}, package {package})",
        )
        options = state["options"]
        need(isinstance(options, dict), f"the options of {called} are not a JSON object")
        for key, option in options.items():
            need(key.isidentifier(), f"{shown(key)} is not the name of an option ({called})")
            need(
                isinstance(option, bool | int | float | str),
                f"the option {key} of {called} is neither number, text nor truth value",
            )
        formula = take_text(state.get("formula", ""), f"the digest of the formula of {called}")
        need(
            not formula or _DIGEST.fullmatch(formula) is not None,
            f"{shown(formula)} is not the digest of a formula ({called})",
        )
        return cls(name, package, version, options, formula, kind)


def kind_of(role: str, record: PartRecord) -> str:
    """Say of what kind a part of a role is."""
    return record.kind or ROLES[role]


@dataclass(frozen=True)
class LayerRecord:
    """A layer as a file names it, with the layers that it holds."""

    part: PartRecord
    inner: tuple[LayerRecord, ...] = ()


# --- layers ------------------------------------------------------------------


def number_layers(placed: Sequence[Placed], numbers: Iterator[int]) -> tuple[Any, ...]:
    """Give layers their numbers, and those that they hold."""
    return tuple(
        (number, number_layers(each.inner, numbers)) if each.inner else number
        for each, number in zip(placed, numbers, strict=False)
    )


def plain_structure(structure: Sequence[Any], holder: int = -1) -> list[int]:
    """Give, for each layer, the number of the one that holds it; -1 for none: for JSON."""
    holders: list[int] = []
    for each in structure:
        holders.append(holder)
        if not isinstance(each, int):
            holders += plain_structure(each[1], each[0])
    return holders


def read_structure(value: object) -> tuple[Any, ...]:
    """Read what `plain_structure` gave: a layer follows the one that holds it, and its others."""
    holders = take_list(value, "layers")
    for number, holder in enumerate(holders):
        whole = isinstance(holder, int) and not isinstance(holder, bool)
        need(whole and -1 <= holder < number, "its layers are not numbered in order")

    def held(first: int, holder: int, depth: int) -> tuple[tuple[Any, ...], int]:
        """Take the layers from a number on that one holds, and say which number follows."""
        need(depth <= DEEPEST, f"layers in it hold layers more than {DEEPEST} deep")
        found: list[Any] = []
        while first < len(holders) and holders[first] == holder:
            inner, following = held(first + 1, first, depth + 1)
            found.append((first, inner) if inner else first)
            first = following
        return tuple(found), first

    structure, end = held(0, -1, 0)
    need(end == len(holders), "its layers are not numbered in order")
    return structure
