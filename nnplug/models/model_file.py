"""Loading a model file: from untrusted bytes to a model."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from nnplug.errors import DataError, ModelFileError, PartError, SettingError
from nnplug.models.container import naming, read_container, read_document
from nnplug.models.info import ModelInfo
from nnplug.models.model import Model
from nnplug.models.records import PREDICTING, built
from nnplug.models.selection import find_parts
from nnplug.network.network import Network
from nnplug.network.tasks import Head
from nnplug.parts import Activation, Encoding, Layer, Loss, Part
from nnplug.plugins.registry import Registry
from nnplug.tables import Encoder
from nnplug.types import AnyArray
from nnplug.untrusted import printable

__all__ = ["load_model", "read_info"]


def read_info(path: str | os.PathLike[str]) -> ModelInfo:
    """Read what a model file says about its model, without loading parts or weights.

    Raises
    ------
    ModelFileError
        If it is not a model file, or is damaged.
    StorageError
        If it cannot be read.
    """
    document = read_document(path, "model")
    with naming(path, "model"):
        return ModelInfo.from_dict(document)


def load_model(
    path: str | os.PathLike[str], registry: Registry, *, allow_other_versions: bool = False
) -> Model:
    """Load a model.

    Nothing in the file is run. The parts that it names are looked up among
    those that are installed; see `find_parts`.

    Parameters
    ----------
    allow_other_versions : bool, optional
        Whether a package may be of another major version than the model was
        made with.

    Raises
    ------
    ModelFileError
        If it is not a model file, is damaged, or needs parts that are not
        installed; the message says what to install.
    PluginError
        If the plugin that has a part is broken.
    StorageError
        If the file cannot be read.
    """
    container = read_container(path, "model")
    with naming(path, "model"):
        info = ModelInfo.from_dict(container.content)
        # Before any package is imported for the file.
        _check_size(info, container.arrays)
        parts, notes = find_parts(
            info, PREDICTING, registry, allow_other_versions=allow_other_versions
        )
        encoder = _encoder(info, cast("tuple[Encoding, ...]", parts["encodings"]))
        loss = cast(Loss, parts["loss"][0])
        output_activation = cast(Activation, parts["output_activation"][0])
        width = len(info.classes)
        if info.task == "regression":
            width = info.outputs // loss.outputs_for_each
        with _as_reason():
            head = Head(info.task, loss, output_activation, width)
            tables = 0 if info.calibration is None else len(info.calibration.tables)
            if info.task == "regression" and tables not in (0, width):
                raise ModelFileError(f"its calibration has {tables} tables for {width} targets")
            if head.outputs != info.outputs:
                raise ModelFileError(
                    f"{info.outputs} outputs do not fit a {info.task} of {width} classes with loss "
                    f"{loss.name}, which needs {head.outputs}"
                )
            network = Network.of(
                info.inputs,
                _layers(info.holders, parts["layers"]),
                info.outputs,
                output_activation=output_activation,
                dtype=info.dtype,
                size=sum(array.size for array in container.arrays.values()) // info.members,
                columns=(),
            )
        others = tuple(network.twin() for _ in range(info.members - 1))
        _fill((network, *others), container.arrays)
        states = network.size - network.learned
        info = replace(info, parameters=network.learned, states=states)
    return Model(
        network=network,
        head=head,
        encoder=encoder,
        classes=info.classes,
        features=info.features,
        registry=registry,
        describe=lambda: info,
        notes=notes,
        calibration=info.calibration,
        others=others,
    )


@contextlib.contextmanager
def _as_reason() -> Iterator[None]:
    """Turn an error about contents that contradict one another into one about the file."""
    try:
        yield
    except (DataError, SettingError, PartError) as error:
        raise ModelFileError(printable(" ".join(str(error).split()), 400).rstrip(".")) from None


def _layers(holders: Sequence[int], parts: Sequence[Part]) -> Sequence[Activation | Layer]:
    """Put the parts of a network's layers together."""

    def layer(place: int, inner: tuple[Activation | Layer, ...]) -> Activation | Layer:
        part = parts[place]
        return cast(Layer, part).around(inner) if inner else cast("Activation | Layer", part)

    return built(holders, layer)


def _single(arrays: Mapping[str, AnyArray]) -> int:
    """Count single numbers, which activations learn; older files do not count them."""
    return sum(array.ndim == 0 for array in arrays.values())


def _check_size(info: ModelInfo, arrays: Mapping[str, AnyArray]) -> None:
    """Compare the counts with what is there, before memory is allocated for the network."""
    held, named = sum(array.size for array in arrays.values()), info.parameters + info.states
    if info.members > 1:
        if named * info.members != held:
            raise ModelFileError(
                f"{info.members:,} members of {printable(info.form, 60)} have {named:,} parameters "
                f"and states each, and it holds {held:,}"
            )
    elif named not in (held, held - _single(arrays)):
        raise ModelFileError(
            f"a network of {printable(info.form, 60)} has {named:,} parameters and states, and it "
            f"holds {held:,}"
        )


def _encoder(info: ModelInfo, encodings: tuple[Encoding, ...]) -> Encoder | None:
    if info.encoder is None:
        return None
    with _as_reason():
        encoder = Encoder.from_dict(info.encoder, encodings)
    named = (info.task, info.classes, info.features)
    if (encoder.task, tuple(encoder.classes), encoder.features) != named:
        raise ModelFileError("its encoder has another task, other classes or other features")
    if info.task == "regression" and info.outputs % max(len(encoder.target), 1):
        raise ModelFileError(
            f"its encoder has {len(encoder.target)} targets, and its network {info.outputs} outputs"
        )
    return encoder


def _fill(networks: Sequence[Network], arrays: Mapping[str, AnyArray]) -> None:
    """Check the arrays, and copy them into the networks' vectors."""
    network, members = networks[0], (len(networks),) if len(networks) > 1 else ()
    names = {span.name for span in network.spans}
    for name in sorted(names ^ set(arrays)):
        what = "has no array" if name in names else "has an array that the network does not have:"
        raise ModelFileError(f'it {what} "{printable(name)}"')
    for span in network.spans:
        array, shape = arrays[span.name], (*members, *span.shape)
        if array.dtype != network.dtype or array.shape != shape:
            raise ModelFileError(
                f"{span.name} has shape {array.shape} of {array.dtype}, and the network needs "
                f"{shape} of {network.dtype}"
            )
        if not np.isfinite(array).all():
            raise ModelFileError(f"{span.name} holds a number that is not finite")
        for one, values in zip(networks, array if members else (array,), strict=True):
            one[span.name][...] = values
