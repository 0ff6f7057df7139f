"""Untrusted ONNX files: what is looked at before a parser takes memory for them.

A file of protocol buffers can say much in few bytes: an empty node takes two.
So all but the numbers of the weights must be small, and the fields are counted
first. Numbers are taken only from the file itself, and only as many as its
bytes hold.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nnplug.errors import ModelFileError
from nnplug.models.container import opened
from nnplug.types import AnyArray
from nnplug.untrusted import printable

__all__ = ["called", "read_numbers", "read_onnx"]

LARGEST_FILE = 2 << 30  # protocol buffers have no more
LARGEST_STRUCTURE = 16 << 20
MOST_FIELDS = 100_000
MOST_AXES = 4

# Numbers of fields in onnx.proto.
_GRAPH, _INITIALIZER, _NUMBERS = 7, 5, (4, 9, 10)  # float_data, raw_data, double_data

_DTYPES = {1: "<f4", 11: "<f8", 7: "<i8", 6: "<i4", 9: "|b1"}
"""Element types, by their numbers in onnx.proto."""

_TYPED = {1: "float_data", 11: "double_data", 7: "int64_data", 6: "int32_data", 9: "int32_data"}
"""Where a tensor has its numbers if not as bytes."""


def read_onnx(path: str | os.PathLike[str], onnx: Any) -> Any:
    """Read and parse a file, and no other.

    Parameters
    ----------
    onnx : module
        The package.

    Raises
    ------
    ModelFileError
        With only a reason, and the way out on a second line, if it is no ONNX
        file, is damaged or has too much in it.
    StorageError
        If it cannot be read.
    """
    with opened(Path(path)) as file:
        size = os.fstat(file.fileno()).st_size
        if size > LARGEST_FILE:
            raise ModelFileError(
                f"it has {size:,} bytes, and {LARGEST_FILE:,} are the most that are read\n"
                "Bring it to float32, or give the module itself: nnplug.from_torch."
            )
        data = file.read(size)
    _check(data)
    try:
        return onnx.ModelProto.FromString(data)
    except Exception as error:  # protobuf has several, by its implementation
        raise ModelFileError(
            f"it is not an ONNX file, or is damaged: {printable(str(error), 120)}"
        ) from None


def _check(data: bytes) -> None:
    """Count fields and the bytes that are not numbers of weights."""
    view, numbers, count = memoryview(data), 0, 0
    for field, start, stop in _fields(view, 0, len(view)):
        count += 1
        if field != _GRAPH:
            continue
        for inner, first, last in _fields(view, start, stop):
            count += 1
            if count > MOST_FIELDS:
                raise ModelFileError(
                    f"it has more than {MOST_FIELDS:,} nodes and arrays\n"
                    "Networks of so many layers are not taken in."
                )
            if inner == _INITIALIZER:
                numbers += sum(b - a for number, a, b in _fields(view, first, last)
                               if number in _NUMBERS)  # fmt: skip
    if len(data) - numbers > LARGEST_STRUCTURE:
        raise ModelFileError(
            f"it has {len(data) - numbers:,} bytes beside the numbers of its weights, and "
            f"{LARGEST_STRUCTURE:,} are the most that are read\n"
            "Keep weights as initializers, and leave out the metadata."
        )


def _fields(view: memoryview, at: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """List the fields of a message: their numbers, and where what they hold begins and ends."""
    while at < stop:
        key, at = _varint(view, at, stop)
        wire = key & 7
        if wire == 0:
            begin, (_, at) = at, _varint(view, at, stop)
        elif wire in (1, 2, 5):
            length = {1: 8, 5: 4}.get(wire)
            if length is None:
                length, at = _varint(view, at, stop)
            begin, at = at, at + length
        else:
            raise ModelFileError("it is not an ONNX file, or is damaged")
        if at > stop:
            raise ModelFileError("it is not an ONNX file, or ends too early")
        yield key >> 3, begin, at


def _varint(view: memoryview, at: int, stop: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= stop:
            raise ModelFileError("it is not an ONNX file, or ends too early")
        byte = view[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ModelFileError("it is not an ONNX file, or is damaged")


def called(name: str | bytes, most: int = 80) -> str:
    """Show a name in a message; protobuf gives bytes where it is not valid UTF-8."""
    return printable(name if isinstance(name, str) else name.decode("utf-8", "replace"), most)


def read_numbers(tensor: Any) -> AnyArray:
    """Take the numbers of a tensor, if it holds as many as its shape says.

    Raises
    ------
    ModelFileError
        With only a reason.
    """
    label = f'array "{called(tensor.name)}"'
    if tensor.data_location or tensor.external_data:
        where = next((each.value for each in tensor.external_data if each.key == "location"), "")
        raise ModelFileError(
            f"the numbers of {label} are in another file, {called(where)!r}, and no other "
            "file is opened\n"
            "Bring all into one: torch.onnx.export(..., external_data=False), or "
            "onnx.save_model(onnx.load(PATH), NEW) for a file that you trust."
        )
    kind = _DTYPES.get(tensor.data_type)
    if kind is None:
        raise ModelFileError(
            f"{label} has elements of type {tensor.data_type} of ONNX, and float32 and float64 "
            "are taken in\nBring the network to float32 before it is exported."
        )
    shape = tuple(tensor.dims)
    if len(shape) > MOST_AXES or min(shape, default=0) < 0:
        raise ModelFileError(f"{label} has shape {printable(str(shape))}")
    if tensor.raw_data:
        held = len(tensor.raw_data) / np.dtype(kind).itemsize
    else:
        held = len(getattr(tensor, _TYPED[tensor.data_type]))
    if held != math.prod(shape):
        raise ModelFileError(
            f"{label} has shape {printable(str(shape))}, and it holds {held:,g} numbers"
        )
    if tensor.raw_data:
        found: AnyArray = np.frombuffer(tensor.raw_data, kind)
    else:
        found = np.array(getattr(tensor, _TYPED[tensor.data_type]), kind)
    return found.reshape(shape)
