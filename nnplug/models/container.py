"""The format of the files that nnplug keeps: named arrays, a JSON document, a checksum.

The bytes are those of a safetensors file. Its metadata has the single entry
`nnplug`, a JSON object:

- `kind`: `"model"`, `"checkpoint"` or `"history"`;
- `format`: the version of the document's form;
- `checksum`: BLAKE2b of kind, format and content as canonical JSON, then of
  each array in the order of the names: its name, dtype, shape and bytes;
- `content`: the document.

Equal content gives equal bytes. A reader trusts nothing in a file: sizes are
checked before anything is allocated, and no name in the file is looked up here.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nnplug.errors import ModelFileError, StorageError, suggest
from nnplug.models.strict_json import canonical_json, read_json
from nnplug.types import AnyArray
from nnplug.untrusted import printable

__all__ = ["Container", "naming", "opened", "pack", "read_container", "read_document"]

FORMAT = 1
"""The version that is written; no other is read yet."""

LARGEST_FILE = 4 << 30
LARGEST_HEADER = 16 << 20
MOST_ARRAYS = 10_000
MOST_AXES = 4

_DTYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "BOOL": "|b1"}
"""The element types that are written, by their names in safetensors."""

_KINDS = ("model", "checkpoint", "history")

_OTHERS = {
    b"\x80": "a pickle, which may run any code when it is read; nnplug never reads one",
    b"PK\x03\x04": "a zip archive, as PyTorch, Keras and skops write them",
    b"\x89HDF": "an HDF5 file, as Keras writes them",
    b"\x1f\x8b": "a gzip file",
    b"\x93NUMPY": "a NumPy array file",
    b"PAR1": "a Parquet table",
    b"TFL3": "a TensorFlow Lite model",
}
"""How files of other kinds begin, for messages."""


@dataclass(frozen=True)
class Container:
    """What a file holds.

    Attributes
    ----------
    content : dict
        The JSON document, whose form the caller checks.
    arrays : dict of str to array
        Read-only views of the file's bytes, with the shapes and element types
        that the file gives, which the caller checks too.
    """

    content: dict[str, Any]
    arrays: dict[str, AnyArray]


def pack(kind: str, content: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> bytes:
    """Write a container's bytes; the same content gives the same bytes.

    Raises
    ------
    StorageError
        If the file would be too large to be read again.
    ValueError
        If the document holds a number that is not finite, or an array has an
        element type that the format does not have.
    """
    from safetensors.numpy import save  # noqa: PLC0415  # only when something is saved

    ready = {}
    for name, array in arrays.items():
        if array.dtype.newbyteorder("<").str not in _DTYPES.values():
            raise ValueError(f"array {name!r} holds {array.dtype}, which the format does not have.")
        # np.ascontiguousarray would turn a single number into a vector.
        ready[name] = np.array(array, array.dtype.newbyteorder("<"), order="C", copy=None)
    head = {"kind": kind, "format": FORMAT, "content": content}
    document = {**head, "checksum": _checksum(head, ready)}
    # A single entry: safetensors does not keep the order of several.
    data = save(ready, {"nnplug": canonical_json(document)})
    _check_readable(data, kind)
    return data


def read_document(path: str | os.PathLike[str], kind: str) -> dict[str, Any]:
    """Read only the document of a file: a few kilobytes, however large the arrays are.

    The checksum covers the arrays too, so it is not checked.

    Raises
    ------
    ModelFileError, StorageError
    """
    path = Path(path)
    with opened(path) as file, naming(path, kind):
        _, document = _read_header(file, os.fstat(file.fileno()).st_size, kind)
        content: dict[str, Any] = document["content"]
        return content


def read_container(path: str | os.PathLike[str], kind: str) -> Container:
    """Read and verify a whole file.

    Parameters
    ----------
    kind : str
        The kind that the file must have.

    Raises
    ------
    ModelFileError
        If it is damaged, or not a file of that kind.
    StorageError
        If it cannot be read.
    """
    import safetensors  # noqa: PLC0415  # only when something is loaded

    path = Path(path)
    with opened(path) as file, naming(path, kind):
        size = os.fstat(file.fileno()).st_size
        header, document = _read_header(file, size, kind)
        _check_arrays(header)
        file.seek(0)
        data = file.read(size)
        try:
            found = safetensors.deserialize(data)  # type: ignore[no-untyped-call]  # untyped stubs
        except safetensors.SafetensorError as error:
            raise ModelFileError(f"its arrays do not fit the file: {error}") from None
        arrays = {}
        for name, entry in found:
            array = np.frombuffer(entry["data"], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
            array.flags.writeable = False
            arrays[name] = array
        head = {key: document[key] for key in ("kind", "format", "content")}
        if _checksum(head, arrays) != document["checksum"]:
            raise ModelFileError(
                "its content does not match its checksum, so it was damaged or changed"
            )
        return Container(document["content"], arrays)


def _checksum(head: Mapping[str, Any], arrays: Mapping[str, AnyArray]) -> str:
    try:
        text = canonical_json(head).encode("utf-8")
    except UnicodeEncodeError:
        raise ModelFileError("its JSON holds half of a surrogate pair") from None
    digest = hashlib.blake2b(text, digest_size=16)
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(canonical_json([name, array.dtype.str, list(array.shape)]).encode("utf-8"))
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


# --- reading -----------------------------------------------------------------


def _check_readable(data: bytes, kind: str) -> None:
    """Refuse to write a file that could not be read again."""
    try:
        header, _ = _read_header(io.BytesIO(data), len(data), kind)
        _check_arrays(header)
    except ModelFileError as error:
        raise StorageError(f"This {kind} cannot be kept: {error}.") from None


def opened(path: Path) -> BinaryIO:
    """Open a regular file; a pipe or a device could keep the reader waiting for ever."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return path.open("rb")
    except FileNotFoundError:
        near = ""
        if path.parent.is_dir():
            near = suggest(path.name, (file.name for file in path.parent.iterdir()))
        raise StorageError(f"{path}: no such file.{near}") from None
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise StorageError(f"{path}: cannot be read: {reason}.") from None
    what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
    inside = path / "model.safetensors"
    name = f"Name its model, {inside}." if inside.is_file() else "Name a file."
    raise StorageError(f"{path}: is {what}. {name}")


@contextlib.contextmanager
def naming(path: str | os.PathLike[str], kind: str) -> Iterator[None]:
    """Complete the errors about a file: name it, and say what it cannot be used for.

    A `ModelFileError` raised within has only a reason, and perhaps the way out
    on a second line.
    """
    try:
        yield
    except ModelFileError as error:
        reason, _, way_out = str(error).partition("\n")
        raise ModelFileError(
            f"{path}: this {kind} file cannot be used: {reason}.\n"
            + (way_out or "Copy it again from where it was made, or make it anew.")
        ) from error.__cause__
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror or error}.") from error


def _read_header(file: BinaryIO, size: int, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what comes before the arrays: their places, and nnplug's document."""
    if size > LARGEST_FILE:
        raise ModelFileError(
            f"it has {size:,} bytes, and {LARGEST_FILE:,} are the most that are read"
        )
    start = file.read(16)
    length = int.from_bytes(start[:8], "little")
    is_ours = start[8:9] == b"{" and length <= max(size, LARGEST_HEADER)
    other = next((what for magic, what in _OTHERS.items() if start.startswith(magic)), "")
    if size >= 8 and not is_ours:
        raise ModelFileError(
            f"it is {other or 'not a safetensors file'}\n"
            "Only files that nnplug wrote are read: run.save(path) writes one."
        )
    if length > size - 8:
        raise ModelFileError(f"it ends after {size:,} bytes, before its header does")
    if length > LARGEST_HEADER:
        raise ModelFileError(
            f"its header has {length:,} bytes, and {LARGEST_HEADER:,} are the most that are read"
        )
    file.seek(8)
    header = read_json(file.read(length))
    metadata = header.pop("__metadata__", None) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or "nnplug" not in metadata:
        raise ModelFileError(
            "it is a safetensors file of another program\n"
            "Weights alone are not a model: nnplug also needs the network, its parts and the "
            "encoding of the data."
        )
    if set(metadata) != {"nnplug"} or not isinstance(metadata["nnplug"], str):
        raise ModelFileError("its metadata has more than the one text that nnplug writes")
    return header, _document(metadata["nnplug"], kind)


def _document(text: str, kind: str) -> dict[str, Any]:
    document = read_json(text.encode("utf-8", "surrogatepass"))
    if not isinstance(document, dict) or not {"kind", "format"} <= set(document):
        raise ModelFileError("its document has no kind and format")
    version = document["format"]
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ModelFileError("the version of its format is not a whole number from 1 on")
    if version != FORMAT:
        raise ModelFileError(
            f"it has format {version}, and this nnplug reads format {FORMAT}\n"
            "Upgrade nnplug to the version that wrote it, or a later one."
        )
    if document["kind"] not in _KINDS:
        raise ModelFileError("its kind is unknown")
    if document["kind"] != kind:
        raise ModelFileError(f"it is a {document['kind']} file")
    if set(document) != {"kind", "format", "checksum", "content"}:
        raise ModelFileError("its document has other keys than nnplug writes")
    checksum = document["checksum"]
    if not isinstance(checksum, str) or not re.fullmatch("[0-9a-f]{32}", checksum):
        raise ModelFileError("its checksum is not 32 hexadecimal digits")
    if not isinstance(document["content"], dict):
        raise ModelFileError("its content is not a JSON object")
    return document


def _check_arrays(header: Mapping[str, Any]) -> None:
    """Check what the header says about the arrays; safetensors checks that it fits the file."""
    if len(header) > MOST_ARRAYS:
        raise ModelFileError(
            f"it holds {len(header):,} arrays, and {MOST_ARRAYS:,} are the most that are read"
        )
    for name, entry in header.items():
        label = f'its array "{printable(name)}"'
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise ModelFileError(f"{label} is not described as safetensors does")
        if not isinstance(entry["dtype"], str) or entry["dtype"] not in _DTYPES:
            raise ModelFileError(
                f"{label} has elements of type {printable(str(entry['dtype']), 30)}, and nnplug "
                f"keeps {', '.join(_DTYPES)}"
            )
        for key in ("shape", "data_offsets"):
            numbers = entry[key]
            if (
                not isinstance(numbers, list)
                or len(numbers) > MOST_AXES
                or not all(
                    isinstance(number, int) and not isinstance(number, bool) and number >= 0
                    for number in numbers
                )
            ):
                raise ModelFileError(f"{label}: {key} is not a short list of whole numbers")
        count = math.prod(entry["shape"]) * np.dtype(_DTYPES[entry["dtype"]]).itemsize
        if len(entry["data_offsets"]) != 2 or count != (
            entry["data_offsets"][1] - entry["data_offsets"][0]
        ):
            raise ModelFileError(
                f"{label} has shape {tuple(entry['shape'])}, which does not fit its bytes"
            )
