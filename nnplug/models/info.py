"""What a model file says of its model: data that is read, checked and shown, never run."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, get_args

import nnplug
from nnplug.errors import ModelFileError, SettingError
from nnplug.formulas.digest import DIGEST
from nnplug.models.strict_json import printable
from nnplug.network import Network, in_and_out
from nnplug.parts import OptionValue, Part, Placed, Task
from nnplug.parts.text import is_part_name
from nnplug.plugins import Provider

if TYPE_CHECKING:
    from nnplug.tables import Encoder

__all__ = ["PREDICTING", "ROLES", "LayerRecord", "ModelInfo", "PartRecord", "kind_of"]

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
_LARGEST_WIDTH = 1 << 30


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
    def of(cls, part: Part, provider: Provider, role: str = "") -> Self:
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
        state = _mapping(value, keys, f"a part of {role}", may_have=more)
        name = _text(state["name"], f"the name of a part of {role}")
        _need(is_part_name(name) and len(name) <= 80, f"{_shown(name)} is not the name of a part")
        package = _text(state["package"], f"the package of {role} {name}")
        _need(
            _PACKAGE.fullmatch(package) is not None,
            f"{_shown(package)} is not the name of a package ({role} {name})",
        )
        version = _text(state["version"], f"the version of {package}")
        _need(
            len(version) <= _LONGEST_VERSION
            and (_VERSION.fullmatch(version) is not None or (package == "local" and not version)),
            f"{_shown(version)} is not a version ({role} {name}, package {package})",
        )
        options = state["options"]
        _need(isinstance(options, dict), f"the options of {role} {name} are no JSON object")
        for key, option in options.items():
            _need(key.isidentifier(), f"{_shown(key)} is not the name of an option ({role} {name})")
            _need(
                isinstance(option, bool | int | float | str),
                f"the option {key} of {role} {name} is neither number, text nor truth value",
            )
        formula = _text(state.get("formula", ""), f"the digest of the formula of {role} {name}")
        _need(
            not formula or _DIGEST.fullmatch(formula) is not None,
            f"{_shown(formula)} is not the digest of a formula ({role} {name})",
        )
        kind = state.get("kind", "")
        _need(
            role != "layers" or kind in ("layer", "activation"),
            f"the kind of {name} is {_shown(kind)}, which is no kind of layers",
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


@dataclass(frozen=True, repr=False)
class ModelInfo:
    """What a model file says of its model.

    Attributes
    ----------
    task : str
    inputs, outputs : int
        D and C.
    structure : tuple
        How the parts of the role `"layers"` stand in the network: the number
        of each, or, for one that holds layers, its number and their structure.
    parameters, states : int
        How many numbers the network learned, and how many it keeps as state.
    dtype : str
        `"float32"` or `"float64"`.
    parts : dict of str to tuple of PartRecord
        By role: `"layers"` those before the output, `"output_activation"`
        and `"loss"` one each, `"metrics"` any number, and those of training.
    classes : tuple
        Empty for a regression.
    features : tuple of str
        A name for each input.
    encoder : dict or None
        What turns a table into inputs, as `Encoder.to_dict` gives it.
    settings : dict
        The run's settings, to be read by people; nothing depends on them.
    nnplug : str
        The version of nnplug that made it.
    """

    task: Task
    inputs: int
    structure: tuple[Any, ...]
    outputs: int
    parameters: int
    states: int
    dtype: str
    parts: Mapping[str, tuple[PartRecord, ...]]
    classes: tuple[Any, ...]
    features: tuple[str, ...]
    encoder: Mapping[str, Any] | None
    settings: Mapping[str, Any]
    nnplug: str = nnplug.__version__

    @classmethod
    def of(
        cls,
        network: Network,
        parts: Mapping[str, Sequence[Part]],
        provider: Callable[[Part], Provider],
        *,
        task: Task,
        classes: Sequence[Any],
        features: Sequence[str],
        encoder: Encoder | None,
        settings: Mapping[str, Any],
    ) -> Self:
        """Describe a network that was trained.

        Parameters
        ----------
        parts : mapping
            The parts of each role.
        provider : callable
            Says who provides a part; `Registry.provider`.
        """
        return cls(
            task=task,
            inputs=network.inputs,
            structure=_structure(network.placed[:-2], itertools.count()),
            outputs=network.outputs,
            parameters=network.learned,
            states=network.size - network.learned,
            dtype=network.dtype.name,
            parts={
                role: tuple(
                    PartRecord.of(part, provider(part), role) for part in parts.get(role, ())
                )
                for role in ROLES
            },
            classes=tuple(classes),
            features=tuple(features),
            encoder=None if encoder is None else encoder.to_dict(),
            settings=dict(settings),
        )

    @property
    def target(self) -> tuple[str, ...]:
        """The columns that it predicts, as far as the file says so."""
        named = (self.encoder or {}).get("target")
        names = named if isinstance(named, list) else []
        return tuple(name for name in names if isinstance(name, str))

    @property
    def layers(self) -> tuple[LayerRecord, ...]:
        """The layers before the output, in order."""
        records = self.parts["layers"]

        def built(structure: Sequence[Any]) -> tuple[LayerRecord, ...]:
            return tuple(
                LayerRecord(records[each])
                if isinstance(each, int)
                else LayerRecord(records[each[0]], built(each[1]))
                for each in structure
            )

        return built(self.structure)

    @property
    def hidden(self) -> tuple[int, ...] | None:
        """Units of the dense layers before the output; None if there are other layers too.

        As `Network.layers`: of each an activation, and perhaps dropout.
        """
        found: list[int] = []
        wanted: tuple[str, ...] = ("dense", "dropout")
        for each in self.parts["layers"]:
            own = each.package == "nnplug" and each.kind == "layer"
            role = each.name if own else each.kind
            units = each.options.get("units")
            if role not in wanted or (role == "dense" and not isinstance(units, int)):
                return None
            if isinstance(units, int) and role == "dense":
                found.append(units)
            wanted = ("activation",) if role == "dense" else ("dense", "dropout")
        return None if wanted == ("activation",) else tuple(found)

    @property
    def form(self) -> str:
        """The widths of dense layers alone, or what goes in and out of others."""
        if self.hidden is None:
            return in_and_out(self.inputs, self.outputs)
        return "-".join(map(str, (self.inputs, *self.hidden, self.outputs)))

    def __repr__(self) -> str:
        return f"<info of a model: {self.task}, {self.form}, {self.dtype}>"

    @property
    def packages(self) -> dict[str, str]:
        """The plugin packages of all its parts, with their versions."""
        found = {each.package: each.version for every in self.parts.values() for each in every}
        return {name: found[name] for name in sorted(found) if name not in ("nnplug", "local")}

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values, for JSON.

        Raises
        ------
        SettingError
            If a class is nothing that a file can hold.
        """
        return {
            "nnplug": self.nnplug,
            "task": self.task,
            "network": {
                "inputs": self.inputs,
                "layers": _plain_structure(self.structure),
                "outputs": self.outputs,
                "parameters": self.parameters,
                "states": self.states,
                "dtype": self.dtype,
            },
            "parts": {
                role: [each.to_dict() for each in self.parts.get(role, ())] for role in ROLES
            },
            "classes": list(map(_plain_class, self.classes)),
            "features": list(self.features),
            "encoder": self.encoder,
            "settings": dict(self.settings),
        }

    @classmethod
    def from_dict(cls, value: object) -> Self:
        """Read what `to_dict` gave, trusting nothing in it.

        Raises
        ------
        ModelFileError
            If anything is not as `to_dict` gives it, or contradicts the rest.
        """
        keys = {"nnplug", "task", "network", "parts", "classes", "features", "encoder", "settings"}
        state = _mapping(value, keys, "its content")
        version = _text(state["nnplug"], "the version of nnplug")
        _need(
            _VERSION.fullmatch(version) is not None and len(version) <= _LONGEST_VERSION,
            f"{_shown(version)} is not a version of nnplug",
        )
        task = _text(state["task"], "the task")
        _need(task in get_args(Task), f"there is no task {_shown(task)}")
        state = _of_this_version(state)
        keys = {"inputs", "layers", "outputs", "parameters", "states", "dtype"}
        network = _mapping(state["network"], keys, "the network")
        inputs = _width(network["inputs"], "inputs")
        _need(
            network["dtype"] in ("float32", "float64"),
            f"the dtype {_shown(network['dtype'])} is neither float32 nor float64",
        )
        roles = _mapping(state["parts"], set(ROLES), "its table of parts")
        parts = {
            role: tuple(PartRecord.from_dict(each, role) for each in _list(roles[role], role))
            for role in ROLES
        }
        numbers = itertools.count()
        structure = _read_structure(network["layers"], numbers)
        counts = {"layers": next(numbers), "output_activation": 1, "loss": 1}
        for role, count in counts.items():
            _need(
                len(parts[role]) == count,
                f"it names {len(parts[role])} parts for {role}, and needs {count}",
            )
        features = tuple(_text(each, "a feature") for each in _list(state["features"], "features"))
        _need(len(features) == inputs, f"it names {len(features)} features for {inputs} inputs")
        encoder = state["encoder"]
        _need(encoder is None or isinstance(encoder, dict), "the encoder is no JSON object")
        _need(isinstance(state["settings"], dict), "the settings are no JSON object")
        return cls(
            task=task,  # type: ignore[arg-type]  # one of Task's, as was checked
            inputs=inputs,
            structure=structure,
            outputs=_width(network["outputs"], "outputs"),
            parameters=_width(network["parameters"], "the parameters"),
            states=_width(network["states"], "the states", least=0),
            dtype=network["dtype"],
            parts=parts,
            classes=_classes(state["classes"], task),
            features=features,
            encoder=encoder,
            settings=state["settings"],
            nnplug=version,
        )


# --- layers ------------------------------------------------------------------

_DEEPEST = 16
"""Layers within layers that a file may have."""


def _structure(placed: Sequence[Placed], numbers: Iterator[int]) -> tuple[Any, ...]:
    """Give layers their numbers, and those that they hold."""
    return tuple(
        (number, _structure(each.inner, numbers)) if each.inner else number
        for each, number in zip(placed, numbers, strict=False)
    )


def _plain_structure(structure: Sequence[Any]) -> list[Any]:
    return [
        each if isinstance(each, int) else [each[0], _plain_structure(each[1])]
        for each in structure
    ]


def _read_structure(value: object, numbers: Iterator[int], depth: int = 0) -> tuple[Any, ...]:
    """Read what `_plain_structure` gave: every number once, in order."""
    _need(depth <= _DEEPEST, f"its layers hold layers {_DEEPEST} times")
    found: list[Any] = []
    for each in _list(value, "layers"):
        number = next(numbers)
        pair = isinstance(each, list) and len(each) == 2
        _need((each[0] if pair else each) == number, "its layers are not numbered in order")
        found.append((number, _read_structure(each[1], numbers, depth + 1)) if pair else number)
    return tuple(found)


def _of_this_version(state: dict[str, Any]) -> dict[str, Any]:
    """Bring a file that knows hidden layers alone to the form that has layers of any kind."""
    network, parts = state["network"], state["parts"]
    if not (isinstance(network, dict) and isinstance(parts, dict) and "hidden" in network):
        return state
    hidden = [_width(each, "a hidden layer") for each in _list(network["hidden"], "hidden")]
    activations = _list(parts.get("activation"), "activation")
    _need(
        len(activations) == len(hidden),
        f"it names {len(activations)} parts for activation, and needs {len(hidden)}",
    )
    layers: list[Any] = []
    for units, activation in zip(hidden, activations, strict=True):
        dense = {"name": "dense", "package": "nnplug", "version": state["nnplug"]}
        layers.append({**dense, "options": {"units": units}, "kind": "layer"})
        of_kind = {**activation, "kind": "activation"} if isinstance(activation, dict) else None
        layers.append(of_kind)
    widths = [
        _width(network.get("inputs"), "inputs"),
        *hidden,
        _width(network.get("outputs"), "outputs"),
    ]
    others = {key: value for key, value in network.items() if key != "hidden"}
    return {
        **state,
        "network": {
            **others,
            "layers": list(range(len(layers))),
            "parameters": sum((a + 1) * b for a, b in itertools.pairwise(widths)),
            "states": 0,
        },
        "parts": {
            **{role: each for role, each in parts.items() if role != "activation"},
            "layers": layers,
        },
    }


# --- what a file may hold ----------------------------------------------------


def _plain_class(value: Any) -> str | bool | int | float:
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, str | bool | int) or (isinstance(plain, float) and math.isfinite(plain)):
        return plain
    raise SettingError(
        f"The class {value!r} cannot be saved: a model file holds texts, numbers and truth values."
    )


def _need(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ModelFileError(otherwise)


def _shown(value: object) -> str:
    return f'"{printable(str(value), 60)}"'


def _mapping(
    value: object, keys: set[str], what: str, *, may_have: frozenset[str] = frozenset()
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ModelFileError(f"{what} is no JSON object")
    for missing in sorted(keys - set(value)):
        raise ModelFileError(f'{what} has no "{missing}"')
    for extra in sorted(set(value) - keys - may_have):
        raise ModelFileError(f"{what} has {_shown(extra)}, which nnplug does not write")
    return value


def _list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise ModelFileError(f"{what} is no list")
    return value


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise ModelFileError(f"{what} is no text")
    return value


def _width(value: object, what: str, least: int = 1) -> int:
    whole = not isinstance(value, bool)
    if not (whole and isinstance(value, int) and least <= value <= _LARGEST_WIDTH):
        raise ModelFileError(
            f"the width of {what} is no whole number from {least} to {_LARGEST_WIDTH:,}"
        )
    return value


def _classes(value: object, task: str) -> tuple[Any, ...]:
    classes = _list(value, "classes")
    _need(bool(classes) != (task == "regression"), f"it has {len(classes)} classes for a {task}")
    for each in classes:
        _need(isinstance(each, str | bool | int | float), "a class is neither text nor number")
    # 1, 1.0 and True are one class too.
    _need(len(set(classes)) == len(classes), "a class is listed twice")
    return tuple(classes)
