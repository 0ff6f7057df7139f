"""A model of each part alone: of an activation, a layer or a loss, built in or of a package here.

A model has four columns of numbers. An activation is that of the output layer,
whose weights are the identity; a layer's outputs are the network's; a loss gives
the outputs the meaning that its head has.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from nnplug.builtin.activations import identity, sigmoid, softmax, tanh
from nnplug.builtin.layers import dense
from nnplug.builtin.losses import mse
from nnplug.errors import NnplugError
from nnplug.models import Model
from nnplug.models.info import ModelInfo
from nnplug.network.network import Network
from nnplug.network.tasks import Head, output_activation_name
from nnplug.parts import Activation, Layer, Loss, Part
from nnplug.plugins.registry import Registry
from nnplug.testing.layer_trials import Trial
from plugins.packages import packages
from tests.exporters.cases import REGISTRY
from tests.exporters.targets import Case

RECORD = Path(__file__).parents[2] / "docs" / "exported.tsv"
"""What could be exported where, for the documentation."""

WIDTH = 4
TASKS = ("regression", "binary", "multiclass", "multilabel")
_OUTPUTS = {"identity": identity, "sigmoid": sigmoid, "softmax": softmax}

_RNG = np.random.default_rng(3)
_FAR = [
    [0, 0, 0, 0], [1, 1, 1, 1], [-1, 2, -3, 0.5], [2, 2, -2, -2], [0.5, -0.5, 1.5, -2.5],
    [1e-3, 20, -20, 60],
    [1e-300, -1e-300, 1e-9, -1e-9], [30, -30, 700, -700], [1e9, -1e9, 1e4, -1e4],
    [1e300, -1e300, 1e150, -1e150],
]  # fmt: skip
_NUMBERS = np.concatenate([
    1.5 * _RNG.normal(size=(6, WIDTH)), 6 * _RNG.normal(size=(2, WIDTH)), _FAR
])  # fmt: skip
COLUMNS = tuple(f"x{place}" for place in range(WIDTH))

ROWS: dict[str, list[float | None]] = {
    name: [*_NUMBERS[:, place].tolist(), None if place == 1 else 1.0]
    for place, name in enumerate(COLUMNS)
}
"""Ordinary numbers, 0, equal ones, tiny and huge ones; and a row that lacks one."""

_FAR_OUT = [
    k for k, row in enumerate(_NUMBERS) if (abs(row) > 100).any() or 0 < abs(row).min() < 1e-8
]
MODERATE = {
    name: [cell for k, cell in enumerate(cells) if k not in _FAR_OUT]
    for name, cells in ROWS.items()
}
"""The same without tiny and huge ones."""


@cache
def parts() -> dict[str, tuple[Part, Registry]]:
    """Find all parts that an exported model may have, by `"PACKAGE KIND NAME"`."""
    found: dict[str, tuple[Part, Registry]] = {}
    registries = [("nnplug", Registry(allowed=()))]
    registries += [(package.name, package.registry()) for package in packages() if package.parts()]
    for name, registry in registries:
        for part, plugin in registry.parts():
            if part.kind in ("activation", "layer", "loss") and plugin.package == name:
                found[f"{name} {part.kind} {part.name}"] = part, registry
    # What no package here has, such as an arctangent at the edge of its rewriting.
    part = REGISTRY.get("activation", "rectified_arctan")
    found[f"tests activation {part.name}"] = part, REGISTRY
    return found


def models(dtype: Any = np.float64) -> Iterator[tuple[str, Case]]:
    """Make the models of all parts; of a loss, one for each task that it fits."""
    for name, (part, registry) in parts().items():
        if not isinstance(part, Loss):
            yield name, Case(_model(*_placed(part, dtype), registry))
            continue
        for task in TASKS:
            try:
                head = _head(part, task)
            except NnplugError:  # it is not for this task
                continue
            network = Network.of(WIDTH, [], head.outputs, output_activation=head.activation,
                                 dtype=dtype)  # fmt: skip
            random = np.random.default_rng(zlib.crc32(task.encode()))
            network.parameters[:] = random.normal(size=network.size) / 2
            yield f"{name} for {task}", Case(_model(network, head, registry))


def unlike(cases: Iterator[tuple[str, Case]]) -> dict[str, tuple[Case, tuple[str, ...]]]:
    """Gather models that are the same, such as those of losses with the same head.

    They are the same if what they are made of is, and that is the page of NumPy.
    """
    from nnplug.exporters.numpy_page import numpy_files

    found: dict[object, tuple[str, Case, list[str]]] = {}
    for name, case in cases:
        try:
            files = numpy_files(case.model, case.interval)
            key: object = (case.model.task, tuple(files.values()))
        except NnplugError:
            key = name
        found.setdefault(key, (name, case, []))[2].append(name)
    return {name: (case, tuple(names)) for name, case, names in found.values()}


def _head(loss: Loss, task: Any) -> Head:
    return Head(task, loss, _OUTPUTS[output_activation_name(task, loss)],
                2 if task in ("regression", "binary") else 3)  # fmt: skip


def _placed(part: Activation | Layer, dtype: Any) -> tuple[Network, Head]:
    if "units" in part.defaults:
        part = part.with_options(units=3)
    inner: tuple[Any, ...] = ()
    if isinstance(part, Layer) and part.holds and not part.inner:
        inner = (dense.with_options(units=WIDTH), tanh)
    trial = Trial(part, (6, WIDTH), inner=inner)
    last = part if isinstance(part, Activation) else identity
    hidden = [] if isinstance(part, Activation) else [trial.whole]
    network = Network.of(WIDTH, hidden, trial.placed.outputs, output_activation=last, dtype=dtype)
    placed = network.placed[-1 if isinstance(part, Activation) else 0]
    network["output.weight"][...] = np.eye(network.outputs)
    arrays = network.arrays
    # The trial's arrays and the network's have different names, but the same order.
    for mine, its in zip(trial.placed.arrays, placed.arrays, strict=True):
        if its.name in arrays:  # noise is not among them
            arrays[its.name][...] = trial.given[mine.name]
    return network, Head("regression", mse, last, network.outputs)


def _model(network: Network, head: Head, registry: Registry) -> Model:
    labels = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "multilabel": ("p", "q", "r")}
    classes = labels.get(head.task, ())
    describe = partial(
        ModelInfo.of, network, {}, registry.provider, task=head.task, classes=classes,
        features=COLUMNS, encoder=None, settings={},
    )  # fmt: skip
    return Model(head, None, classes, network, COLUMNS, registry, describe)


def read_record() -> dict[str, dict[str, str]]:
    """Read the record: by package, kind and name, `"yes"` or why not, by target."""
    with RECORD.open(encoding="utf-8", newline="") as file:
        return {row.pop("part"): row for row in csv.DictReader(file, delimiter="\t")}


def write_record(found: Mapping[str, Mapping[str, str]], names: Sequence[str]) -> None:
    """Write the record, in the order of the parts."""
    lines = ["\t".join(["part", *names])]
    lines += ["\t".join([part, *(row[name] for name in names)]) for part, row in found.items()]
    RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def by_part(faults: Mapping[str, str], groups: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Say of each part `"yes"`, or the fault of one of its models.

    Parameters
    ----------
    faults : mapping of str to str
        By the names of models.
    groups : mapping of str to sequence of str
        The names that stand for the same model, by that model's.
    """
    found = dict.fromkeys(parts(), "yes")
    for model, names in groups.items():
        for name in names if faults.get(model) else ():
            found[name.partition(" for ")[0]] = faults[model]
    return found
