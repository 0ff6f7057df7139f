"""What a model file says of its model: data that is read, checked and shown, never run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, get_args

import nnplug
from nnplug.errors import SettingError
from nnplug.models.records import (
    ROLES,
    LayerRecord,
    PartRecord,
    is_version,
    number_layers,
    plain_structure,
    read_structure,
)
from nnplug.network.network import Network, in_and_out
from nnplug.parts import Part, Task
from nnplug.plugins.plugin import Plugin
from nnplug.untrusted import need, shown, take_list, take_mapping, take_text, take_width

if TYPE_CHECKING:
    from nnplug.tables import Encoder

__all__ = ["ModelInfo"]


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
        provider: Callable[[Part], Plugin],
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
            structure=number_layers(network.placed[:-2], itertools.count()),
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
                "layers": plain_structure(self.structure),
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
        state = take_mapping(value, keys, "its content")
        version = take_text(state["nnplug"], "the version of nnplug")
        need(
            is_version(version),
            f"{shown(version)} is not a version of nnplug",
        )
        task = take_text(state["task"], "the task")
        need(task in get_args(Task), f"there is no task {shown(task)}")
        state = _of_this_version(state)
        keys = {"inputs", "layers", "outputs", "parameters", "states", "dtype"}
        network = take_mapping(state["network"], keys, "the network")
        inputs = take_width(network["inputs"], "inputs")
        need(
            network["dtype"] in ("float32", "float64"),
            f"the dtype {shown(network['dtype'])} is neither float32 nor float64",
        )
        roles = take_mapping(state["parts"], set(ROLES), "its table of parts")
        parts = {
            role: tuple(PartRecord.from_dict(each, role) for each in take_list(roles[role], role))
            for role in ROLES
        }
        structure = read_structure(network["layers"])
        counts = {"layers": len(network["layers"]), "output_activation": 1, "loss": 1}
        for role, count in counts.items():
            need(
                len(parts[role]) == count,
                f"it names {len(parts[role])} parts for {role}, and needs {count}",
            )
        features = tuple(
            take_text(each, "a feature") for each in take_list(state["features"], "features")
        )
        need(len(features) == inputs, f"it names {len(features)} features for {inputs} inputs")
        encoder = state["encoder"]
        need(encoder is None or isinstance(encoder, dict), "the encoder is not a JSON object")
        need(isinstance(state["settings"], dict), "the settings are not a JSON object")
        return cls(
            task=task,  # type: ignore[arg-type]  # one of Task's, as was checked
            inputs=inputs,
            structure=structure,
            outputs=take_width(network["outputs"], "outputs"),
            parameters=take_width(network["parameters"], "the parameters"),
            states=take_width(network["states"], "the states", least=0),
            dtype=network["dtype"],
            parts=parts,
            classes=_classes(state["classes"], task),
            features=features,
            encoder=encoder,
            settings=state["settings"],
            nnplug=version,
        )


# --- files of before ---------------------------------------------------------


def _of_this_version(state: dict[str, Any]) -> dict[str, Any]:
    """Bring a file that knows hidden layers alone to the form that has layers of any kind."""
    network, parts = state["network"], state["parts"]
    if not (isinstance(network, dict) and isinstance(parts, dict) and "hidden" in network):
        return state
    hidden = [take_width(each, "a hidden layer") for each in take_list(network["hidden"], "hidden")]
    activations = take_list(parts.get("activation"), "activation")
    need(
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
        take_width(network.get("inputs"), "inputs"),
        *hidden,
        take_width(network.get("outputs"), "outputs"),
    ]
    others = {key: value for key, value in network.items() if key != "hidden"}
    return {
        **state,
        "network": {
            **others,
            "layers": [-1] * len(layers),
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


def _classes(value: object, task: str) -> tuple[Any, ...]:
    classes = take_list(value, "classes")
    need(bool(classes) != (task == "regression"), f"it has {len(classes)} classes for a {task}")
    for each in classes:
        need(isinstance(each, str | bool | int | float), "a class is neither text nor number")
    # 1, 1.0 and True are one class too.
    need(len(set(classes)) == len(classes), "a class is listed twice")
    return tuple(classes)
