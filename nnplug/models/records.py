"""The parts and layers that a model file names: a selection from what is installed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from nnplug.errors import SettingError
from nnplug.formulas.digest import DIGEST
from nnplug.parts import OptionValue, Part, Placed
from nnplug.parts.following import Following
from nnplug.parts.text import DEEPEST, is_part_name, write_option, write_part
from nnplug.plugins.plugin import Plugin
from nnplug.untrusted import need, printable, shown, take_list, take_mapping, take_text

__all__ = [
    "PREDICTING",
    "ROLES",
    "PartRecord",
    "PartTree",
    "built",
    "holders_of",
    "is_version",
    "kind_of",
    "plain_class",
    "read_classes",
    "read_holders",
]

_Layer = TypeVar("_Layer")

ROLES = {
    "layers": "layer",
    "output_activation": "activation",
    "loss": "loss",
    "metrics": "metric",
    "optimizer": "optimizer",
    "schedule": "schedule",
    "initializer": "initializer",
    "encodings": "encoding",
    "dataset": "dataset",
}
"""The roles of parts in a run, with their kinds; there are activations among the layers too."""

PREDICTING = ("layers", "output_activation", "loss", "encodings")
"""The roles that a prediction needs."""

_PACKAGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")  # PEP 508
_VERSION = re.compile(r"(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*[A-Za-z0-9.+_-]{0,40}")  # as PEP 440
_DIGEST = re.compile(DIGEST)
_LONGEST_VERSION = 64


def is_version(text: str) -> bool:
    """Whether a text may be the version of a package."""
    return len(text) <= _LONGEST_VERSION and _VERSION.fullmatch(text) is not None


@dataclass(frozen=True)
class PartRecord:
    """A part as a file names it: a selection from what is installed.

    Attributes
    ----------
    name : str
        In snake_case.
    package : str
        The package that provides it; `"nnplug"` for a built-in part, `"local"`
        for one from a file or from Python code.
    version : str
        The package's version; empty for a local part.
    options : dict
        All options with their values.
    formula : str
        The part's digest; empty if it has none, as in files written before
        there were digests.
    kind : str
        `"layer"` or `"activation"` for a part of the role `"layers"`; empty for
        the others, whose role gives the kind.
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

    def written(self, inner: Iterable[str] = (), *, qualified: bool = False) -> str:
        """Write the text form, with all options.

        Parameters
        ----------
        inner : iterable of str
            The text forms of the parts that it holds.
        qualified : bool, optional
            Write it for a look-up: whole, and with the package of a plugin's
            part. By default it is for a person: long or unprintable values are
            cut and escaped, since a file may hold anything.
        """
        if not qualified:
            shown_options = {
                key: printable(write_option(value), 40) for key, value in self.options.items()
            }
            return write_part(self.name, shown_options, inner)
        own = self.package in ("nnplug", "local")
        name = self.name if own else f"{self.package}/{self.name}"
        return write_part(name, self.options, inner)

    @property
    def text(self) -> str:
        """The text form with all options, for a person."""
        return self.written()

    @property
    def label(self) -> str:
        """Package and version."""
        return f"{self.package} {self.version}".rstrip()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "name": self.name,
            "package": self.package,
            "version": self.version,
            "options": {
                key: str(value) if isinstance(value, Following) else value
                for key, value in self.options.items()
            },
            "formula": self.formula,
            **({"kind": self.kind} if self.kind else {}),
        }

    @classmethod
    def from_dict(cls, value: object, role: str) -> Self:
        """Read what `to_dict` returned, trusting nothing in it.

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
    """Return the kind of a part that has a role."""
    return record.kind or ROLES[role]


@dataclass(frozen=True)
class PartTree:
    """A part as a file names it, with the parts that it holds: layers, or an optimizer."""

    part: PartRecord
    inner: tuple[PartTree, ...] = ()

    def written(self, *, qualified: bool = False) -> str:
        """Write the text form; see `PartRecord.written`."""
        held = (tree.written(qualified=qualified) for tree in self.inner)
        return self.part.written(held, qualified=qualified)


# --- classes -----------------------------------------------------------------


def plain_class(value: Any) -> str | bool | int | float:
    """Return a class as a value that JSON has.

    Raises
    ------
    SettingError
    """
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, str | bool | int) or (isinstance(plain, float) and math.isfinite(plain)):
        return plain
    raise SettingError(
        f"The class {value!r} cannot be saved: a model file holds texts, numbers and truth values."
    )


def read_classes(value: object, task: str) -> tuple[Any, ...]:
    """Read the classes of a model file.

    Raises
    ------
    ModelFileError
    """
    classes = take_list(value, "classes")
    need(bool(classes) != (task == "regression"), f"it has {len(classes)} classes for a {task}")
    for label in classes:
        need(isinstance(label, str | bool | int | float), "a class is neither text nor number")
    # To Python, 1, 1.0 and True are the same class too.
    need(len(set(classes)) == len(classes), "a class is listed twice")
    return tuple(classes)


# --- layers ------------------------------------------------------------------
#
# A file lists a network's layers in order, each followed by those that it holds, and for
# each the place in that list of the layer that holds it; -1 if none does.


def holders_of(placed: Sequence[Placed], holder: int = -1, first: int = 0) -> list[int]:
    """List, for each layer, the place of the layer that holds it; -1 if none does."""
    holders: list[int] = []
    for layer in placed:
        place = first + len(holders)
        holders.append(holder)
        holders += holders_of(layer.inner, place, place + 1)
    return holders


def read_holders(value: object) -> tuple[int, ...]:
    """Read what `holders_of` returned.

    Raises
    ------
    ModelFileError
        If a layer does not follow the one that holds it and its other layers,
        or is too deep.
    """
    holders = take_list(value, "layers")
    open_layers: list[int] = []  # those that may hold the next layer, outermost first
    for place, holder in enumerate(holders):
        whole = isinstance(holder, int) and not isinstance(holder, bool)
        while open_layers and open_layers[-1] != holder:
            open_layers.pop()
        need(whole and (holder == -1 or bool(open_layers)), "its layers are not numbered in order")
        open_layers.append(place)
        need(len(open_layers) <= DEEPEST, f"layers in it hold layers more than {DEEPEST} deep")
    return tuple(holders)


def built(
    holders: Sequence[int], make: Callable[[int, tuple[_Layer, ...]], _Layer]
) -> tuple[_Layer, ...]:
    """Build a network's layers from the inside out.

    Parameters
    ----------
    holders : sequence of int
        See `holders_of`.
    make : callable
        Makes the layer at a place in the list, around those that it holds.
    """
    inner: dict[int, tuple[_Layer, ...]] = {}
    for place in reversed(range(len(holders))):  # a layer comes after the one that holds it
        layer = make(place, inner.get(place, ()))
        inner[holders[place]] = (layer, *inner.get(holders[place], ()))
    return inner.get(-1, ())
