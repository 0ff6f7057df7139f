"""What a model file says about its model: data that is read, checked and shown, never run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, get_args

import nnplug
from nnplug.models.calibration import Calibration
from nnplug.models.earlier import of_this_version
from nnplug.models.records import (
    PREDICTING,
    ROLES,
    PartRecord,
    PartTree,
    built,
    holders_of,
    is_version,
    kind_of,
    plain_class,
    read_classes,
    read_holders,
)
from nnplug.network.network import Network, in_and_out
from nnplug.parts import Part, Task
from nnplug.plugins.plugin import Plugin
from nnplug.untrusted import need, printable, shown, take_list, take_mapping, take_text, take_width

if TYPE_CHECKING:
    from nnplug.tables import Encoder

__all__ = ["ModelInfo"]

_LATER = frozenset({"encodings"})
"""Roles that are written only if they are used: older files and versions do not know them."""

_LISTED = 20
"""So many names are listed; the rest are counted."""


@dataclass(frozen=True, repr=False)
class ModelInfo:
    """What a model file says about its model.

    Attributes
    ----------
    task : str
    inputs, outputs : int
        D and C.
    holders : tuple of int
        For each part of the role `"layers"`, the place of the layer that holds
        it; -1 if none does.
    parameters, states : int
        How many numbers the network learned, and how many it keeps as state.
    dtype : str
        `"float32"` or `"float64"`.
    members : int
        How many networks of this size it has; their mean is what is predicted.
    parts : dict of str to tuple of PartRecord
        By role: `"layers"`, those before the output; one `"output_activation"`
        and one `"loss"`; any number of `"metrics"`; and those used in training.
    classes : tuple
        Empty for a regression.
    features : tuple of str
        A name for each input.
    encoder : dict or None
        What turns a table into inputs, as `Encoder.to_dict` returns it.
    settings : dict
        The run's settings, for people to read; nothing depends on them.
    nnplug : str
        The version of nnplug that made it.
    calibration : Calibration or None
        What is known of its error, if anything.
    """

    task: Task
    inputs: int
    holders: tuple[int, ...]
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
    calibration: Calibration | None = None
    members: int = 1

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
        members: int = 1,
    ) -> Self:
        """Describe a network that was trained.

        Parameters
        ----------
        parts : mapping
            The parts by role.
        provider : callable
            Returns what provides a part; `Registry.provider`.
        """
        return cls(
            task=task,
            inputs=network.inputs,
            holders=tuple(holders_of(network.placed[:-2])),
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
            members=members,
        )

    @property
    def target(self) -> tuple[str, ...]:
        """The columns that it predicts, if the file names them."""
        named = (self.encoder or {}).get("target")
        names = named if isinstance(named, list) else []
        return tuple(name for name in names if isinstance(name, str))

    @property
    def layers(self) -> tuple[PartTree, ...]:
        """The layers before the output, in order."""
        records = self.parts["layers"]
        return built(self.holders, lambda place, inner: PartTree(records[place], inner))

    @property
    def optimizer(self) -> PartTree | None:
        """The optimizer, with the one that it holds; an estimator may have had none."""
        found: PartTree | None = None
        for record in reversed(self.parts["optimizer"]):
            found = PartTree(record, () if found is None else (found,))
        return found

    @property
    def hidden(self) -> tuple[int, ...] | None:
        """Units of the dense layers before the output; None if there are other layers too.

        An activation follows each dense layer, and dropout may follow that.
        """
        found: list[int] = []
        wanted: tuple[str, ...] = ("dense", "dropout")
        for layer in self.parts["layers"]:
            own = layer.package == "nnplug" and layer.kind == "layer"
            role = layer.name if own else layer.kind
            units = layer.options.get("units")
            if role not in wanted or (role == "dense" and not isinstance(units, int)):
                return None
            if isinstance(units, int) and role == "dense":
                found.append(units)
            wanted = ("activation",) if role == "dense" else ("dense", "dropout")
        return None if wanted == ("activation",) else tuple(found)

    @property
    def form(self) -> str:
        """The widths, if all layers are dense; else what goes in and out."""
        if self.hidden is None:
            return in_and_out(self.inputs, self.outputs)
        return "-".join(map(str, (self.inputs, *self.hidden, self.outputs)))

    def __repr__(self) -> str:
        return f"<info of a model: {self.task}, {self.form}, {self.dtype}>"

    @property
    def packages(self) -> dict[str, str]:
        """The plugin packages of all its parts, with their versions."""
        found = {part.package: part.version for records in self.parts.values() for part in records}
        return {name: found[name] for name in sorted(found) if name not in ("nnplug", "local")}

    def described(self) -> Iterator[tuple[str, str]]:
        """Describe it in lines for a person: their names and texts; a text may be empty."""
        classes = [printable(str(label)) for label in self.classes]
        yield "task", f"{self.task}: {_listed(classes)}" if classes else self.task
        table = self.settings.get("table")
        transform = table.get("target_transform") if isinstance(table, dict) else None
        learned = f" (learned as {printable(transform)})" if isinstance(transform, str) else ""
        yield "predicts", _listed([printable(name) for name in self.target]) + learned
        columns = _column_names(self.encoder) if self.parts.get("encodings") else ()
        yield "from", _listed([printable(name) for name in columns or self.features])
        states = f" and {self.states:,} numbers of state" if self.states else ""
        encoded = self.settings.get("table", {}) if self.parts.get("encodings") else {}
        yield "encoding", _encodings(encoded)
        yield "network", f"{self.form}, {self.parameters:,} parameters{states}, {self.dtype}"
        if self.members > 1:
            yield "members", f"{self.members:,} such networks; a prediction is the mean of all"
        if self.hidden is None:
            yield "layers", " ".join(layer.written() for layer in self.layers)
        else:
            records = self.parts["layers"]
            texts = dict.fromkeys(part.text for part in records if part.kind == "activation")
            yield "activation", ", ".join(texts)
            shares = dict.fromkeys(part.options.get("rate") for part in records)
            listed = (printable(str(share)) for share in shares if share is not None)
            yield "dropout", ", ".join(listed)
        yield "output", self.parts["output_activation"][0].text
        yield "monotone", ", ".join(self._monotone())
        for role in ("loss", "metrics"):
            yield role, ", ".join(part.text for part in self.parts[role])
        if self.calibration is not None:
            yield from self.calibration.described([printable(name) for name in self.target])
        yield "optimizer", "" if self.optimizer is None else self.optimizer.written()
        for role in ("schedule", "initializer", "dataset"):
            yield role, ", ".join(part.text for part in self.parts[role])
        keys = ("data", "epochs", "batch_size", "validation", "seed")
        settings = [
            f"{key.replace('_', ' ')} {printable(str(self.settings[key]))}"
            for key in keys
            if isinstance(self.settings.get(key), str | int | float)
        ]
        yield "trained", ", ".join(settings)
        yield "made with", f"nnplug {self.nnplug}"
        for package, version in self.packages.items():
            provided = [
                (role, f"{kind_of(role, part)} {part.name}")
                for role, records in self.parts.items()
                for part in records
                if part.package == package
            ]
            # A prediction does not need what training alone used.
            needed = any(role in PREDICTING for role, _ in provided)
            names = ", ".join(dict.fromkeys(name for _, name in provided))
            yield "needs" if needed else "used", f"{package} {version}: {names}"

    def _monotone(self) -> Iterator[str]:
        """List the columns that the prediction was made to rise or fall with."""
        for way in ("increasing", "decreasing"):
            names = self.settings.get(way)
            if isinstance(names, list | tuple):
                for name in names[:_LISTED]:
                    yield f"{way} with {printable(str(name))}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON.

        Raises
        ------
        SettingError
            If a class is a value that a file cannot hold.
        """
        return {
            "nnplug": self.nnplug,
            "task": self.task,
            "network": {
                "inputs": self.inputs,
                "layers": list(self.holders),
                "outputs": self.outputs,
                "parameters": self.parameters,
                "states": self.states,
                "dtype": self.dtype,
                # An older version must not take them for one network.
                **({"members": self.members} if self.members > 1 else {}),
            },
            "parts": {
                role: [part.to_dict() for part in self.parts.get(role, ())]
                for role in ROLES
                if role not in _LATER or self.parts.get(role)
            },
            "classes": list(map(plain_class, self.classes)),
            "features": list(self.features),
            "encoder": self.encoder,
            "settings": dict(self.settings),
            **({} if self.calibration is None else {"calibration": self.calibration.to_dict()}),
        }

    @classmethod
    def from_dict(cls, value: object) -> Self:
        """Read what `to_dict` returned, trusting nothing in it.

        Raises
        ------
        ModelFileError
            If anything is not as `to_dict` writes it, or contradicts the rest.
        """
        keys = {"nnplug", "task", "network", "parts", "classes", "features", "encoder", "settings"}
        state = take_mapping(value, keys, "its content", may_have=frozenset({"calibration"}))
        version = take_text(state["nnplug"], "the version of nnplug")
        need(is_version(version), f"{shown(version)} is not a version of nnplug")
        task = take_text(state["task"], "the task")
        need(task in get_args(Task), f"there is no task {shown(task)}")
        state = of_this_version(state)
        keys = {"inputs", "layers", "outputs", "parameters", "states", "dtype"}
        more = frozenset({"members"})
        network = take_mapping(state["network"], keys, "the network", may_have=more)
        inputs = take_width(network["inputs"], "inputs")
        need(
            network["dtype"] in ("float32", "float64"),
            f"the dtype {shown(network['dtype'])} is neither float32 nor float64",
        )
        roles = take_mapping(
            state["parts"], set(ROLES) - _LATER, "its table of parts", may_have=_LATER
        )
        parts = {
            role: tuple(
                PartRecord.from_dict(part, role) for part in take_list(roles.get(role, []), role)
            )
            for role in ROLES
        }
        holders = read_holders(network["layers"])
        counts = {"layers": len(holders), "output_activation": 1, "loss": 1}
        for role, count in counts.items():
            need(
                len(parts[role]) == count,
                f"it names {len(parts[role])} parts for {role}, and needs {count}",
            )
        features = tuple(
            take_text(name, "a feature") for name in take_list(state["features"], "features")
        )
        need(len(features) == inputs, f"it names {len(features)} features for {inputs} inputs")
        encoder = state["encoder"]
        need(encoder is None or isinstance(encoder, dict), "the encoder is not a JSON object")
        need(isinstance(state["settings"], dict), "the settings are not a JSON object")
        classes = read_classes(state["classes"], task)
        found = state.get("calibration")
        calibration = found if found is None else Calibration.from_dict(found, task, len(classes))
        return cls(
            task=task,  # type: ignore[arg-type]  # checked above to be one of Task's
            inputs=inputs,
            holders=holders,
            outputs=take_width(network["outputs"], "outputs"),
            parameters=take_width(network["parameters"], "the parameters"),
            states=take_width(network["states"], "the states", least=0),
            dtype=network["dtype"],
            parts=parts,
            classes=classes,
            features=features,
            encoder=encoder,
            settings=state["settings"],
            nnplug=version,
            calibration=calibration,
            members=take_width(network.get("members", 1), "the members"),
        )


def _column_names(encoder: Mapping[str, Any] | None) -> list[str]:
    """List the columns of an encoder: a formula may make very many inputs of each."""
    plain = [column.get("plain", column) for column in (encoder or {}).get("columns", [])
             if isinstance(column, dict)]  # fmt: skip
    return [str(column.get("name", "")) for column in plain if isinstance(column, dict)]


def _encodings(table: object) -> str:
    """Write what was asked of a table's columns."""
    asked = table.get("encoding") if isinstance(table, dict) else None
    if not isinstance(asked, dict):
        return ""
    return "; ".join(
        printable(str(text) if name == "*" else f"{name}: {text}") for name, text in asked.items()
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
