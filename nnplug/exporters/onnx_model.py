"""A model as ONNX: columns in, answer out, nothing left to do outside of the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import nnplug
from nnplug.errors import SettingError
from nnplug.exporters.cells import Cell
from nnplug.exporters.model_graph import ModelGraph, model_graph
from nnplug.exporters.onnx_dates import place_of_date
from nnplug.exporters.writing import free_letter
from nnplug.formulas.graph import Symbol
from nnplug.models import Model
from nnplug.tables.encodings import FAR

__all__ = ["onnx_model"]

_OPSET = 19

_NODES = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "power": "Pow",
    "negative": "Neg", "reciprocal": "Reciprocal", "sqrt": "Sqrt", "absolute": "Abs",
    "sign": "Sign", "floor": "Floor", "ceil": "Ceil", "round": "Round", "maximum": "Max",
    "minimum": "Min", "where": "Where", "exp": "Exp", "log": "Log", "sin": "Sin", "cos": "Cos",
    "tanh": "Tanh", "greater": "Greater", "greater_equal": "GreaterOrEqual", "less": "Less",
    "less_equal": "LessOrEqual", "equal": "Equal", "logical_and": "And", "logical_or": "Or",
    "logical_not": "Not", "logical_xor": "Xor", "matmul": "MatMul", "transpose": "Transpose",
}  # fmt: skip
"""Primitives that are one node; those that onnxruntime has in float64."""

_FLOAT32 = {
    "tan": "Tan", "arcsin": "Asin", "arccos": "Acos", "arctan": "Atan", "sinh": "Sinh",
    "cosh": "Cosh", "arcsinh": "Asinh", "arccosh": "Acosh", "arctanh": "Atanh",
}  # fmt: skip
"""Those that it has in float32 alone."""


def onnx_model(model: Model, interval: float | None = None) -> Any:
    """Write a model as ONNX.

    Each column is an input (N, 1) by its name: numbers and truth values as
    floats, nan where one is missing; text as strings, empty where one is
    missing; dates as seconds since 1970-01-01 in float64, nan where one is
    missing. Truth values as classes are 0 and 1. Where the network's outputs
    are not finite, the label is empty or -1, and the probabilities are nan.

    Parameters
    ----------
    interval : float, optional
        The level of the outputs `lower` and `upper` (N, K), or `set` (N, C).

    Returns
    -------
    onnx.ModelProto

    Raises
    ------
    SettingError
        If the package onnx is missing, or an operation cannot be written.
    """
    try:
        import onnx  # noqa: PLC0415  # an extra
    except ImportError:
        raise SettingError(
            "the package onnx is not installed.\nInstall it: pip install onnx"
        ) from None
    nodes = _NODES if model.network.dtype == np.float64 else {**_NODES, **_FLOAT32}
    whole = model_graph(model, {"standardise"}, has={*nodes, *_WRITTEN, "stack"}, target="ONNX",
                        interval=interval)  # fmt: skip
    return _Writer(whole, onnx).write()


class _Writer:
    def __init__(self, whole: ModelGraph, onnx: Any) -> None:
        self.whole, self.onnx = whole, onnx
        self.nodes: list[Any] = []
        self.constants: dict[tuple[Any, ...], str] = {}
        self.initializers: list[Any] = []
        self.names: dict[int, str] = {}
        self.dtypes: dict[int, Any] = {}
        self.count = 0
        self.letters = [free_letter(letter, whole.columns) for letter in "tw"]
        cells = whole.cells.values()
        self.texts = {cell.column for cell in cells if cell.fact in ("equals", "known")}
        self.flat: dict[str, str] = {}

    # --- pieces -------------------------------------------------------------------------

    def node(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node; give what its output is called."""
        self.count += 1
        name = f"{self.letters[0]}{self.count}"
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def output(self, name: str) -> str:
        """Give what an output is called: by its name, unless a column is called so."""
        while name in self.whole.columns:
            name += "_"
        return name

    def constant(self, value: Any, dtype: Any) -> str:
        """Give the name of an array that is known."""
        array = np.asarray(value, dtype)
        text = array.dtype == object
        content: Any = tuple(array.reshape(-1).tolist()) if text else array.tobytes()
        key = (array.dtype.str, array.shape, content)
        if key not in self.constants:
            name = f"{self.letters[1]}{len(self.constants) + 1}"
            self.constants[key] = name
            self.initializers.append(self.onnx.numpy_helper.from_array(array, name))
        return self.constants[key]

    def write(self) -> Any:
        """Write the model."""
        whole, helper, types = self.whole, self.onnx.helper, self.onnx.TensorProto
        answer = whole.answer
        inputs = []
        dated = {cell.column for cell in whole.cells.values() if cell.fact == "years"}
        single = whole.model.network.dtype == np.float32
        for column in whole.columns:
            kind = types.STRING if column in self.texts else (
                types.FLOAT if single and column not in dated else types.DOUBLE
            )  # fmt: skip
            inputs.append(helper.make_tensor_value_info(column, kind, ["N", 1]))
        for symbol in whole.order(whole.outputs):
            if not symbol.is_constant and not symbol.is_input and not _is_standardised(symbol):
                self._write(symbol)
        values = self._of(answer.values, np.float64)
        infos = []
        if answer.scores is None:
            infos += self._predictions(values)
        else:
            infos += self._labels(values)
        graph = helper.make_graph(self.nodes, "nnplug", inputs, infos, self.initializers)
        made = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", _OPSET)],
            producer_name="nnplug",
            producer_version=nnplug.__version__,
        )
        made.ir_version = 9
        facts = {"task": whole.model.task, "targets": ", ".join(answer.targets)}
        for role, parts in whole.model.info.parts.items():
            for number, part in enumerate(parts):
                facts[f"{role}.{number}"] = f"{part}"
        for key, value in facts.items():
            entry = made.metadata_props.add()
            entry.key, entry.value = key, value
        self.onnx.checker.check_model(made, full_check=True)
        return made

    def _predictions(self, values: str) -> list[Any]:
        """Write the outputs of a regression: predictions, then the bounds if there are any."""
        count = len(self.whole.model.targets)
        places = {"prediction": list(range(count))}
        if len(self.whole.answer.targets) > count:
            bounds = [count + 2 * place for place in range(count)]
            places |= {"lower": bounds, "upper": [place + 1 for place in bounds]}
        infos = []
        for name, chosen in places.items():
            given = [values, self.constant(chosen, np.int64)]
            infos.append(self._result("Gather", given, name, "DOUBLE", count, axis=1))
        return infos

    def _result(
        self, kind: str, inputs: list[str], name: str, dtype: str, count: int, **attributes: Any
    ) -> Any:
        """Add the node that makes an output (N, `count`)."""
        helper, called = self.onnx.helper, self.output(name)
        self.nodes.append(helper.make_node(kind, inputs, [called], **attributes))
        return helper.make_tensor_value_info(
            called, getattr(self.onnx.TensorProto, dtype), ["N", count]
        )

    def _labels(self, values: str) -> list[Any]:
        helper, types, answer = self.onnx.helper, self.onnx.TensorProto, self.whole.answer
        assert answer.scores is not None
        assert answer.finite is not None
        finite = self._of(answer.finite, np.bool_)
        scores = self._of(answer.scores, self.dtypes[id(answer.scores)])
        count = len(answer.classes)
        shares = self._result("Identity", [values], "probabilities", "DOUBLE", count)
        if self.whole.model.task == "multilabel":
            half = self.constant(0.5, self.dtypes[id(answer.scores)])
            above = self.node("Greater", [scores, half])
            bits = self.node("Cast", [above], to=types.INT64)
            known = self.node("Unsqueeze", [finite, self.constant([1], np.int64)])
            none = self.constant(-1, np.int64)
            return [self._result("Where", [known, bits, none], "labels", "INT64", count), shares]
        index = self.node("ArgMax", [scores], axis=1, keepdims=0)
        text = isinstance(answer.classes[0], str)
        dtype, kind = (object, types.STRING) if text else (np.int64, types.INT64)
        label = self.node("Gather", [self.constant(list(answer.classes), dtype), index], axis=0)
        none = self.constant("" if text else -1, dtype)
        self.nodes.append(helper.make_node("Where", [finite, label, none], [self.output("label")]))
        found = [helper.make_tensor_value_info(self.output("label"), kind, ["N"]), shares]
        if answer.sets is not None:
            half = self.constant(0.5, np.float64)
            given = [self._of(answer.sets, np.float64), half]
            found.append(self._result("Greater", given, "set", "BOOL", count))
        return found

    # --- nodes --------------------------------------------------------------------------

    def _dtype(self, symbol: Symbol) -> Any:
        if symbol.dtype_kind == "bool":
            return np.bool_
        name = symbol.operation.name
        if name == "to_network":
            return self.whole.model.network.dtype
        if name == "to_float64" or symbol.is_input:
            return np.float64
        return self._work(symbol)

    def _work(self, symbol: Symbol) -> Any:
        """Find the dtype in which an operation is computed."""
        kinds = [
            self.dtypes[id(child)] for child in symbol.inputs
            if id(child) in self.dtypes and self.dtypes[id(child)] != np.bool_
        ] + [self.whole.model.network.dtype for child in symbol.inputs
             if id(child) in self.whole.arrays]  # fmt: skip
        # Two meet only where one was made of truth values and numbers alone: it has no say.
        return min(map(np.dtype, kinds), key=lambda kind: kind.itemsize, default=np.dtype(float))

    def _of(self, symbol: Symbol, dtype: Any) -> str:
        if symbol.is_constant:
            kind = np.bool_ if symbol.dtype_kind == "bool" else dtype
            return self.constant(symbol.value, kind)
        if id(symbol) in self.whole.arrays:
            array = self.whole.arrays[id(symbol)]
            return self.constant(array, array.dtype if array.dtype == np.bool_ else dtype)
        if id(symbol) not in self.names:  # a cell, or a number that is standardised by itself
            self._write(symbol)
        own = self.dtypes[id(symbol)]
        if np.bool_ in (own, dtype) or np.dtype(own) == np.dtype(dtype):
            return self.names[id(symbol)]
        to = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.node("Cast", [self.names[id(symbol)]], to=to)

    def _write(self, symbol: Symbol) -> None:
        dtype = self.dtypes[id(symbol)] = self._dtype(symbol)
        name = symbol.operation.name
        work = self._work(symbol) if dtype == np.bool_ else dtype
        if symbol.is_input:
            self.names[id(symbol)] = self._cell(self.whole.cells[symbol.name])
            return
        if name == "stack":
            self.names[id(symbol)] = self._stack(symbol)
            return
        if name in ("to_network", "to_float64"):  # which take what comes
            work = self._work(symbol)
        inputs = [self._of(child, work) for child in symbol.inputs]
        write = _WRITTEN.get(name)
        self.names[id(symbol)] = (
            self.node({**_NODES, **_FLOAT32}[name], inputs)
            if write is None
            else write(self, symbol, inputs, dict(symbol.options))
        )

    # --- operations that are several nodes, or have options -----------------------------

    def _cast(self, symbol: Symbol, inputs: list[str], options: Mapping[str, Any]) -> str:
        dtype = np.dtype(self.dtypes[id(symbol)])
        return self.node("Cast", inputs, to=self.onnx.helper.np_dtype_to_tensor_dtype(dtype))

    def _stack(self, symbol: Symbol) -> str:
        """Put columns side by side: those that are standardised at once, and the others."""
        children = list(symbol.inputs)
        together = [place for place, child in enumerate(children) if _is_standardised(child)]
        others = [place for place in range(len(children)) if place not in set(together)]
        blocks = [self._standardised([children[place] for place in together])] if together else []
        axes = self.constant([1], np.int64)
        for place in others:
            child = children[place]
            blocks.append(self.node("Unsqueeze", [self._of(child, self._dtype(child)), axes]))
        stacked = self.node("Concat", blocks, axis=1)
        order = [*together, *others]
        if order == sorted(order):
            return stacked
        back = [order.index(place) for place in range(len(order))]
        return self.node("Gather", [stacked, self.constant(back, np.int64)], axis=1)

    def _standardised(self, children: list[Symbol]) -> str:
        """Standardise several columns of numbers with one node for each operation."""
        cells = [self.whole.cells[child.inputs[0].name].column for child in children]
        raw = self.node("Concat", cells, axis=1)
        value = self.node("Cast", [raw], to=self.onnx.TensorProto.DOUBLE)
        options = [dict(child.options) for child in children]
        facts = {key: [option[key] for option in options] for key in options[0]}
        return self._bent(value, self.node("IsNaN", [value]), facts)

    def _column(self, symbol: Symbol, inputs: list[str], options: Mapping[str, Any]) -> str:
        return self.node("Gather", [*inputs, self.constant(options["place"], np.int64)], axis=1)

    def _columns(self, symbol: Symbol, inputs: list[str], options: Mapping[str, Any]) -> str:
        width, place = symbol.shape[1], options["place"]
        assert isinstance(width, int)
        return self._slice(inputs[0], place * width, (place + 1) * width, 1)

    def _flip(self, symbol: Symbol, inputs: list[str], options: Mapping[str, Any]) -> str:
        return self._slice(inputs[0], -1, np.iinfo(np.int64).min, -1)

    def _slice(self, x: str, first: int, last: int, step: int) -> str:
        ends = [self.constant([value], np.int64) for value in (first, last, 1, step)]
        return self.node("Slice", [x, *ends])

    def _reduce(self, symbol: Symbol, inputs: list[str], options: Mapping[str, Any]) -> str:
        kind = {"sum": "ReduceSum", "max": "ReduceMax", "min": "ReduceMin"}[symbol.operation.name]
        axes = self.constant([options["axis"]], np.int64)
        return self.node(kind, [inputs[0], axes], keepdims=int(bool(options["keepdims"])))

    def _expand_dims(self, symbol: Symbol, inputs: list[str], options: Mapping[str, Any]) -> str:
        return self.node("Unsqueeze", [inputs[0], self.constant([options["axis"]], np.int64)])

    def _broadcast(self, symbol: Symbol, inputs: list[str], options: Mapping[str, Any]) -> str:
        return self.node("Expand", [inputs[0], self.node("Shape", [inputs[1]])])

    def _cumsum(self, symbol: Symbol, inputs: list[str], options: Mapping[str, Any]) -> str:
        return self.node("CumSum", [inputs[0], self.constant(-1, np.int64)])

    def _sort(self, symbol: Symbol, inputs: list[str], options: Mapping[str, Any]) -> str:
        name = self.node("Identity", inputs)
        self.nodes.pop()
        count = self.constant([symbol.shape[1]], np.int64)
        self.nodes.append(
            self.onnx.helper.make_node("TopK", [inputs[0], count], [name, f"{name}_places"],
                                       axis=-1, largest=0)
        )  # fmt: skip
        return name

    def _bent(self, value: str, missing: str, options: Mapping[str, Any]) -> str:
        fill, mean, scale, far, zero = (
            self.constant(number, np.float64)
            for number in (options["fill"], options["mean"], options["scale"], FAR, 0.0)
        )
        known = self.node("Where", [missing, fill, value])
        z = self.node("Div", [self.node("Sub", [known, mean]), scale])
        size = self.node("Abs", [z])
        beyond = self.node("Max", [self.node("Sub", [size, far]), zero])
        # Beside FAR, what log(1 + beyond) loses near 0 is nothing.
        log = self.node("Log", [self.node("Add", [beyond, self.constant(1.0, np.float64)])])
        bent = self.node("Mul", [self.node("Sign", [z]), self.node("Add", [far, log])])
        return self.node("Where", [self.node("Greater", [size, far]), bent, z])

    def _cell(self, cell: Cell) -> str:
        """Write what is asked of a column's cells: (N,)."""
        if cell.column not in self.flat:
            flat = self.node("Squeeze", [cell.column, self.constant([1], np.int64)])
            if cell.column not in self.texts:
                flat = self.node("Cast", [flat], to=self.onnx.TensorProto.DOUBLE)
            self.flat[cell.column] = flat
        x = self.flat[cell.column]
        if cell.fact in ("number", "truth"):
            return x
        if cell.fact == "missing":
            if cell.column in self.texts:
                return self.node("Equal", [x, self.constant("", object)])
            return self.node("IsNaN", [x])
        if cell.fact in ("equals", "known"):
            hits = [self.node("Equal", [x, self.constant(text, object)]) for text in cell.texts]
            found = hits[0]
            for hit in hits[1:]:
                found = self.node("Or", [found, hit])
            return found
        return place_of_date(cell.fact, x, self.node, self.constant)


def _is_standardised(symbol: Symbol) -> bool:
    return symbol.operation.name == "standardise"


_WRITTEN: dict[str, Callable[[_Writer, Symbol, list[str], Mapping[str, Any]], str]] = {
    "to_network": _Writer._cast,
    "to_float64": _Writer._cast,
    "column": _Writer._column,
    "columns": _Writer._columns,
    "flip": _Writer._flip,
    "sum": _Writer._reduce,
    "max": _Writer._reduce,
    "min": _Writer._reduce,
    "expand_dims": _Writer._expand_dims,
    "broadcast_like": _Writer._broadcast,
    "cumsum": _Writer._cumsum,
    "sort": _Writer._sort,
    "standardise": lambda writer, _, inputs, options: writer._bent(inputs[0], inputs[1], options),
}
"""Operations that are several nodes, or have options."""
