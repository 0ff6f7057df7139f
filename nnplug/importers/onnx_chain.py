"""An ONNX graph as a chain of nodes, each with one input that depends on the rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnplug.errors import ModelFileError
from nnplug.importers.onnx_bytes import called, read_numbers
from nnplug.importers.steps import refuse
from nnplug.types import AnyArray
from nnplug.untrusted import printable

__all__ = ["Chain", "Link"]

OLDEST_OPSET = 7  # from then on, operators broadcast as NumPy does
MORE_NUMBERS = 64 << 20
"""So many bytes more than the file the arrays may have, since several nodes may share one."""

_LISTED = 10


@dataclass(frozen=True)
class Link:
    """A node of the chain.

    Attributes
    ----------
    kind, where : str
        The operator; what the node is called in messages.
    inputs : tuple
        Arrays that are known; None for the rows, and where there is none.
    place : int
        The index of the rows among the inputs.
    attributes : mapping
    """

    kind: str
    where: str
    inputs: tuple[AnyArray | None, ...] = (None,)
    place: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def array(self, place: int) -> AnyArray | None:
        """Give the array at an input; None if there is none."""
        return self.inputs[place] if place < len(self.inputs) else None

    def said(self, name: str, default: Any) -> Any:
        """Give an attribute, or its default; of another type it is refused."""
        value = self.attributes.get(name, default)
        fits = isinstance(value, bytes if isinstance(default, str) else type(default))
        if name in self.attributes and not fits:
            raise refuse(
                self.where,
                f"{name} is {printable(repr(value), 40)}, which is not of the operator's type",
                "Export it again.",
            )
        return value


class Chain:
    """The nodes from the input to the output.

    Parameters
    ----------
    model : onnx.ModelProto
    onnx : module

    Attributes
    ----------
    links : tuple of Link
    shape : tuple of int
        Of the input, with 0 for sizes that are not fixed; empty if it is not said.
    rank : int or None
    single : bool
        Whether the network is float32.

    Raises
    ------
    ModelFileError, SettingError
        If the graph is no chain, or too large.
    """

    def __init__(self, model: Any, onnx: Any) -> None:
        graph = self._graph = model.graph
        self._onnx = onnx
        self._check_opset(model)
        self._tensors = {each.name: each for each in graph.initializer}
        if len(self._tensors) != len(graph.initializer) or graph.sparse_initializer:
            raise ModelFileError("its arrays have no names, equal ones, or are sparse")
        self._made: dict[str, Any] = {}
        for node in graph.node:
            for name in node.output:
                if name in self._made or name in self._tensors:
                    raise ModelFileError(f"{called(name)!r} is made twice")
                if name:
                    self._made[name] = node
            if node.op_type == "Constant" and not node.domain:
                self._take_constant(node)
        self._room = model.ByteSize() + MORE_NUMBERS
        inputs = [each for each in graph.input if each.name not in self._tensors]
        self._inputs = {each.name: each for each in inputs}
        self.single = not any(each.data_type == 11 for each in self._tensors.values())
        if len(graph.output) != 1:
            names = ", ".join(called(each.name) for each in graph.output[:_LISTED])
            raise ModelFileError(
                f"it has {len(graph.output)} outputs ({names}), and one is taken in\n"
                "Export only the one that the network computes: probabilities, logits or numbers."
            )
        reversed_links, first = self._walk(graph.output[0].name)
        self.links = tuple(reversed(reversed_links))
        self.shape = self._shape(first)
        self.rank = len(self.shape) or None
        if self.rank == 1:
            raise ModelFileError("its input is one row, and no table of rows")

    def _check_opset(self, model: Any) -> None:
        opsets = [each.version for each in model.opset_import if each.domain in ("", "ai.onnx")]
        newest = self._onnx.defs.onnx_opset_version()
        if len(opsets) != 1 or not OLDEST_OPSET <= opsets[0] <= newest:
            raise ModelFileError(
                f"it has opset {', '.join(map(str, opsets)) or 'none'}, and those from "
                f"{OLDEST_OPSET} to {newest} are known\n"
                "Export it with one of these, or upgrade the package onnx."
            )
        if any(each.domain in ("", "ai.onnx") for each in model.functions):
            raise ModelFileError("it gives operators of ONNX another meaning")

    def _take_constant(self, node: Any) -> None:
        found = {each.name: each for each in node.attribute}
        if "value" in found and len(node.output) == 1:
            self._tensors[node.output[0]] = found["value"].t
        elif "value_float" in found and len(node.output) == 1:
            tensor = self._onnx.TensorProto(data_type=1)
            tensor.float_data.append(found["value_float"].f)
            self._tensors[node.output[0]] = tensor

    def _shape(self, name: str) -> tuple[int, ...]:
        kind = self._inputs[name].type.tensor_type
        if not kind.HasField("shape"):
            return ()
        return tuple(max(each.dim_value, 0) for each in kind.shape.dim)

    # --- walking ------------------------------------------------------------------------

    def _where(self, node: Any) -> str:
        name = node.name or (node.output[0] if node.output else "")
        return f"node {called(name)} ({called(node.op_type, 40)})"

    def _walk(self, name: str) -> tuple[list[Link], str]:
        """Go back from the output to the input."""
        links: list[Link] = []
        seen: set[str] = set()
        while name not in self._inputs:
            node = self._made.get(name)
            if node is None:
                raise ModelFileError(f"{called(name)!r} is made by no node")
            if name in seen:
                raise refuse(self._where(node), "it depends on itself", "Export it again.")
            seen.add(name)
            if (gate := self._gate(node)) is not None:
                link, name = gate
            else:
                link, name = self._link(node, name)
            links.append(link)
        return links, name

    def _link(self, node: Any, output: str) -> tuple[Link, str]:
        where = self._where(node)
        if node.domain not in ("", "ai.onnx"):
            raise refuse(
                where,
                f"it is of {called(node.domain)!r}, and not an operator of ONNX itself",
                "Export the network without operators of one runtime.",
            )
        arrays = [self._array(name) if name else None for name in node.input]
        rows = [k for k, name in enumerate(node.input) if name and arrays[k] is None]
        if len(rows) != 1:
            raise refuse(
                where,
                f"{len(rows)} of its inputs depend on the rows, and one must",
                "What can be taken in is a chain of layers, without branches. Build such a "
                "network here with residual[...] and copy its weights.",
            )
        if node.output[0] != output:
            raise refuse(where, f"its output {called(output)!r} is used", "Use its first one.")
        attributes = {
            each.name: self._onnx.helper.get_attribute_value(each)
            for each in node.attribute
            if each.type in (1, 2, 3) and not each.ref_attr_name  # a float, whole number or text
        }
        if len(attributes) != len(node.attribute):
            attributes[""] = None  # there is more than a plain operator has
        link = Link(called(node.op_type), where, tuple(arrays), rows[0], attributes)
        return link, node.input[rows[0]]

    def _array(self, name: str) -> AnyArray | None:
        """Give an array that is known; None for what depends on the rows."""
        turned = False
        for _ in range(4):  # an array may be copied or transposed before it is used
            if name in self._tensors:
                found = read_numbers(self._tensors[name])
                self._room -= found.nbytes
                if self._room < 0:
                    raise ModelFileError("many of its nodes share arrays, and it is too large")
                return found.T if turned else found
            node = self._made.get(name)
            if node is None or node.domain or len(node.input) != 1:
                return None
            if node.op_type == "Transpose":
                perm = [list(each.ints) for each in node.attribute if each.name == "perm"]
                if perm not in ([], [[1, 0]]):
                    return None
                turned = not turned
            elif node.op_type != "Identity":
                return None
            name = node.input[0]
        return None

    # --- activations that are several nodes ------------------------------------------------

    def _gate(self, node: Any) -> tuple[Link, str] | None:
        """Find x·Φ(x) or x·sigmoid(x), as exporters write GELU and SiLU before there were nodes."""
        if node.op_type != "Mul" or node.domain:
            return None
        factor, names, waiting = 1.0, [], [node]
        for _ in range(3):
            if not waiting:
                break
            for name in waiting.pop().input:
                number, made = self._number(name), self._made.get(name)
                if number is not None:
                    factor *= number
                elif made is not None and made.op_type == "Mul" and not made.domain:
                    waiting.append(made)
                else:
                    names.append(name)
        if waiting or len(names) != 2:
            return None
        for x, other in (names, names[::-1]):
            gate = self._made.get(other)
            if gate is None or gate.domain:
                continue
            if gate.op_type == "Sigmoid" and list(gate.input) == [x] and _near(factor, 1.0):
                return Link("Swish", self._where(node)), x
            if gate.op_type == "Add" and self._is_normal(gate, x) and _near(factor, 0.5):
                return Link("Gelu", self._where(node)), x
        return None

    def _is_normal(self, add: Any, x: str) -> bool:
        """Whether a node adds 1 to erf(x/√2)."""
        for one, name in (add.input, add.input[::-1]) if len(add.input) == 2 else ():
            erf = self._made.get(name)
            if not _near(self._number(one), 1.0) or erf is None or erf.op_type != "Erf":
                continue
            scaled = self._made.get(erf.input[0]) if len(erf.input) == 1 else None
            if scaled is None or len(scaled.input) != 2 or scaled.domain:
                continue
            left, right = scaled.input
            if scaled.op_type == "Div":
                return left == x and _near(self._number(right), math.sqrt(2))
            if scaled.op_type == "Mul":
                left, right = (left, right) if left == x else (right, left)
                return left == x and _near(self._number(right), math.sqrt(0.5))
        return False

    def _number(self, name: str) -> float | None:
        """Give a single number that is known."""
        tensor = self._tensors.get(name)
        if tensor is None or math.prod(tensor.dims) != 1 or len(tensor.dims) > 1:
            return None
        return float(np.float64(read_numbers(tensor).reshape(-1)[0]))


def _near(found: float | None, wanted: float) -> bool:
    return found is not None and math.isclose(found, wanted, rel_tol=1e-6)
