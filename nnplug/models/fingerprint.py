"""A fingerprint of data: a text that is the same for equal rows in equal order, and only then."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from nnplug.tables import Column, Table
from nnplug.types import AnyArray

__all__ = ["fingerprint"]

_ROWS = 1 << 16


def fingerprint(*data: AnyArray | Table | Path | None) -> str:
    """Digest data, so that a run is resumed only on the data that it began with.

    Parameters
    ----------
    data : array, Table, Path or None
        Arrays by dtype, shape and bytes; tables by the names, kinds and
        values of their columns; files by their bytes.

    Returns
    -------
    str
        32 hexadecimal digits, of BLAKE2b.

    Examples
    --------
    >>> fingerprint(np.zeros(3)) == fingerprint(np.zeros(3))
    True
    >>> fingerprint(np.zeros(3)) == fingerprint(np.zeros(3, np.float32))
    False
    """
    digest = hashlib.blake2b(digest_size=16)
    for item in data:
        if item is None:
            digest.update(b"none;")
        elif isinstance(item, Table):
            _label(digest, f"table of {len(item.columns)}")
            for column in item.columns:
                _label(digest, f"{column.kind} {column.name}")
                _array(digest, _texts(digest, column) if column.kind == "text" else column.data)
                _array(digest, np.zeros(0) if column.missing is None else column.missing)
        elif isinstance(item, Path):
            with item.open("rb") as file:
                _label(digest, "file")
                digest.update(hashlib.file_digest(file, "blake2b").digest())
        else:
            _array(digest, item)
    return digest.hexdigest()


def _texts(digest: hashlib.blake2b, column: Column) -> AnyArray:
    """Add the texts that occur; return each row's place among them, -1 for a missing text.

    A column may know more texts than occur in it; those do not count.
    """
    held = np.unique(column.data[column.data >= 0])
    _label(digest, f"{len(held)} texts")
    for code in held.tolist():
        _label(digest, column.words[code])
    places = np.searchsorted(held, column.data)
    places[column.data < 0] = -1
    return places


def _label(digest: hashlib.blake2b, text: str) -> None:
    """Add a text with its length, so that different series of texts give different bytes."""
    data = text.encode("utf-8", "surrogatepass")
    digest.update(len(data).to_bytes(8, "little") + data)


def _array(digest: hashlib.blake2b, array: AnyArray) -> None:
    _label(digest, f"{array.dtype.newbyteorder('<').str} {array.shape}")
    rows = array.reshape(-1) if array.ndim == 0 else array
    # Some rows at a time: an array that is not contiguous is never copied whole.
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        if part.dtype == object:
            texts = [str(text).encode("utf-8", "surrogatepass") for text in part.reshape(-1)]
            lengths = np.fromiter(map(len, texts), "<i8", len(texts))
            digest.update(lengths.tobytes() + b"".join(texts))
        else:
            little = part.astype(part.dtype.newbyteorder("<"), order="C", copy=False)
            digest.update(little.reshape(-1).view(np.uint8).data)
