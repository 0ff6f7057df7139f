"""ONNX graphs, node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="ONNX files need it: pip install onnx")

Node = tuple[str, tuple[str, ...], str, dict[str, Any]]


def node(kind: str, *inputs: str, out: str = "", **attributes: Any) -> Node:
    """Describe a node; an input `""` is the output of the node before it."""
    return kind, inputs, out, attributes


def graph(
    nodes: Sequence[Node], arrays: Mapping[str, Any], *, inputs: int = 3, opset: int = 20
) -> Any:
    """Make a model of nodes, from `x` to the output of the last one."""
    made, before = [], "x"
    for number, (kind, given, out, attributes) in enumerate(nodes, 1):
        name = out or f"t{number}"
        domain = attributes.pop("domain", "") if "domain" in attributes else ""
        names = [each or before for each in given]
        made.append(onnx.helper.make_node(kind, names, [name], name=name, domain=domain,
                                          **attributes))  # fmt: skip
        before = name
    arrays = {name: np.asarray(value) for name, value in arrays.items()}
    single = any(array.dtype == np.float32 for array in arrays.values())
    kind = onnx.TensorProto.FLOAT if single else onnx.TensorProto.DOUBLE
    return onnx.helper.make_model(
        onnx.helper.make_graph(
            made,
            "network",
            [onnx.helper.make_tensor_value_info("x", kind, ["N", inputs])],
            [onnx.helper.make_tensor_value_info(before, kind, None)],
            [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()],
        ),
        opset_imports=[onnx.helper.make_opsetid("", opset)],
        ir_version=9,
    )


def dense(units: int = 4, outputs: int = 2, last: str = "Identity") -> Any:
    """Make a network of two dense layers."""
    generator = np.random.default_rng(2)
    arrays = {
        "W1": generator.normal(size=(3, units)),
        "B1": generator.normal(size=units),
        "W2": generator.normal(size=(units, outputs)),
        "B2": generator.normal(size=outputs),
    }
    nodes = [node("Gemm", "x", "W1", "B1"), node("Relu", ""), node("Gemm", "", "W2", "B2")]
    return graph([*nodes, node(last, "")], arrays)


def saved(folder: Path, model: Any) -> Path:
    """Write a model to a file."""
    path = folder / "network.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return path
