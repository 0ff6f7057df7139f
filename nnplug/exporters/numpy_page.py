"""A model as one page of NumPy, to read and to run without nnplug.

Letters: N rows, D inputs, C outputs.
"""

from __future__ import annotations

import io
import keyword
import math
from collections import Counter
from collections.abc import Iterator

import numpy as np

import nnplug
from nnplug.exporters.cells import Cell
from nnplug.exporters.model_graph import ModelGraph, model_graph
from nnplug.exporters.writing import Expressions, Names, bracket
from nnplug.formulas.graph import Symbol, walk
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import (
    ATOM,
    INFIX,
    MULTIPLY,
    OR,
    POWER,
    UNARY,
    Piece,
    number_text,
    strengths,
)
from nnplug.formulas.tracing import lower
from nnplug.models import Model
from nnplug.tables.encodings import FAR

__all__ = ["numpy_files"]

_SPECIAL = (
    "sigmoid", "softplus", "log_sigmoid", "softmax", "log_softmax", "log_sum_exp",
    "erf", "erfc", "lgamma", "digamma", "trigamma",
)  # fmt: skip
"""Operations that get a function of their own on the page."""

_INSIDE = 2_000
"""As many weights stand on the page itself."""

_FUNCTIONS = {
    "number": '''
def number(cells):
    """Numbers, (N,); nan where a cell is empty."""
    if getattr(cells, "dtype", np.dtype(object)).kind in "iuf":
        return np.asarray(cells, np.float64)
    return np.array([np.nan if c in (None, "") else float(c) for c in cells])
''',
    "truth": '''
def truth(cells):
    """Truth values as 0 and 1, (N,); nan where a cell is empty."""
    words = {"true": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "0": 0.0, "0.0": 0.0}
    return np.array([words.get(str(c).lower(), np.nan) for c in cells])
''',
    "missing": '''
def missing(cells):
    """Whether a cell is empty, (N,)."""
    if getattr(cells, "dtype", np.dtype(object)).kind in "iufM":
        return cells != cells
    return np.array([c is None or c == "" or c != c for c in cells])
''',
    "equals": '''
def equals(cells, text):
    """Whether a cell is a text, (N,)."""
    return np.array([c is not None and str(c) == text for c in cells])
''',
    "known": '''
def known(cells, texts):
    """Whether a cell is one of some texts, (N,)."""
    return np.array([c is not None and str(c) in texts for c in cells])
''',
    "years": '''
def instants(cells):
    """Dates written as 2026-11-27 or 2026-11-27T10:30:00, (N,)."""
    return np.array([c if c not in (None, "") else "NaT" for c in cells], "datetime64[us]")


def years(cells):
    """Years since 1970, (N,)."""
    return instants(cells).astype("int64") / (365.2425 * 86_400_000_000)
''',
    "day": '''
def day(cells):
    """The place in the day, from 0 at midnight, (N,)."""
    t = instants(cells)
    return (t - t.astype("datetime64[D]")) / np.timedelta64(1, "D")
''',
    "week": '''
def week(cells):
    """The place in the week, from 0 on Monday, (N,)."""
    days = instants(cells).astype("datetime64[D]").astype("int64")
    return ((days + 3) % 7 + day(cells)) / 7
''',
    "year": '''
def year(cells):
    """The place in the calendar year, (N,)."""
    days = instants(cells).astype("datetime64[D]")
    first = days.astype("datetime64[Y]").astype("datetime64[D]")
    following = (days.astype("datetime64[Y]") + 1).astype("datetime64[D]")
    one = np.timedelta64(1, "D")
    return ((days - first) / one + day(cells)) / ((following - first) / one)
''',
    "standardise": f'''
def standardise(x, mean, scale, fill):
    """Standard deviations from the mean; beyond {FAR:g} they grow as a logarithm."""
    z = (np.where(np.isnan(x), fill, x) - mean) / scale
    far = np.abs(z)
    bent = np.copysign({FAR:g} + np.log1p(np.maximum(far - {FAR:g}, 0)), z)
    return np.where(far > {FAR:g}, bent, z)
''',
}
"""What the page defines, where it needs it."""

_NEEDS = {"week": ("day", "years"), "year": ("day", "years"), "day": ("years",)}

_MAIN = """

if __name__ == "__main__":
    import csv
    import sys

    with open(sys.argv[1], newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    answers = predict({name: [row[name] for row in rows] for name in rows[0]})
    writer = csv.writer(sys.stdout, lineterminator="\\n")
    writer.writerow(answers)
    writer.writerows(zip(*(column.tolist() for column in answers.values())))
"""


def numpy_files(model: Model, interval: float | None = None) -> dict[str, str | bytes]:
    """Write a model as a page of NumPy.

    Parameters
    ----------
    interval : float, optional
        The level of intervals or sets that the answer is to have.

    Returns
    -------
    dict
        The page as `".py"`, and `".npz"` with the arrays if they are too many
        to stand on it.
    """
    return _Page(model_graph(model, {"standardise", *_SPECIAL}, interval=interval)).write()


class _Page:
    def __init__(self, whole: ModelGraph) -> None:
        self.whole = whole
        self.names = Names([*keyword.kwlist, "np", "columns", "rows", "number", "standardise",
                            "predict", "weights", "Path", "instants", "names", "labels", "chosen",
                            "shares", "sets", *_FUNCTIONS, *_SPECIAL])  # fmt: skip
        self.order = whole.order(whole.outputs)
        self.lines: list[str] = []
        self.arrays = {
            identity: self.names.new(name) for identity, name in whole.array_names().items()
        }

    def write(self) -> dict[str, str | bytes]:
        """Write the page, and the arrays beside it."""
        body = list(self._body())
        arrays = {name: self.whole.arrays[identity] for identity, name in self.arrays.items()}
        beside = sum(array.size for array in arrays.values()) > _INSIDE
        weights = [_array_line(name, array) for name, array in arrays.items()]
        if beside:
            weights = ['with np.load(Path(__file__).with_suffix(".npz")) as weights:']
            weights += [f"    {name} = weights[{name!r}]" for name in arrays]
        model = self.whole.model
        head = [
            f'"""{model.task.capitalize()}: {_harmless(", ".join(model.targets))}.',
            "",
            f"Written by nnplug {nnplug.__version__}. It needs NumPy alone.",
            '"""',
            *(["", "from pathlib import Path"] if beside else []),
            "",
            "import numpy as np",
            "",
            *weights,
            "",
        ]
        files: dict[str, str | bytes] = {
            ".py": "\n".join([*head, *self._functions(), *body, _MAIN])
        }
        if beside:
            content = io.BytesIO()
            np.savez(content, allow_pickle=False, **arrays)
            files[".npz"] = content.getvalue()
        return files

    def _functions(self) -> Iterator[str]:
        cells = {self.whole.cells[symbol.name].fact for symbol in self.order if symbol.is_input}
        found = {symbol.operation.name for symbol in self.order} | cells
        needed = found.union(*(_NEEDS.get(fact, ()) for fact in found))
        yield from (text for name, text in _FUNCTIONS.items() if name in needed)
        special = {symbol.operation.name: symbol for symbol in self.order}
        yield from (_function(special[name]) for name in _SPECIAL if name in special)

    def _body(self) -> Iterator[str]:
        whole = self.whole
        yield '\n@np.errstate(all="ignore")\ndef predict(columns):'
        yield '    """Predict from cells by column, (N,) each; None or "" where one is empty."""'
        comments = {id(symbol): text for _, text, symbol in whole.layers}
        wanted = {id(symbol): name for name, _, symbol in whole.layers}
        # What standardises a number sees by itself where one is missing.
        users = Counter(
            id(child)
            for symbol in self.order
            for child in symbol.inputs[: 1 if symbol.operation.name == "standardise" else None]
        )
        for symbol in self.order:
            if symbol.is_input and users[id(symbol)] > 1:
                cell = whole.cells[symbol.name]
                wanted[id(symbol)] = " ".join([cell.column, cell.fact, *cell.texts[:1]])
            elif symbol.operation.name == "standardise":
                wanted[id(symbol)] = whole.cells[symbol.inputs[0].name].column
        wanted[id(whole.input)] = "x"
        wanted[id(whole.answer.values)] = "answer"
        if whole.answer.finite is not None:
            wanted[id(whole.answer.finite)] = "finite"
        lines: list[str] = []

        def assign(symbol: Symbol, name: str, text: str) -> None:
            part = comments.get(id(symbol))
            if part is not None:
                lines.append(f"\n    # {part}: (N, {symbol.shape[1]})")
            lines.append(f"    {name} = {text}")

        expressions = Expressions(self.order, self._node, assign, self.names, wanted, longest=75)
        for identity, name in self.arrays.items():
            expressions.pieces[identity] = (name, ATOM)
        for symbol in self.order:
            expressions.write(symbol)
            yield from lines
            lines.clear()
        yield from self._answer(expressions)

    def _answer(self, expressions: Expressions) -> Iterator[str]:
        answer = self.whole.answer
        values = expressions.pieces[id(answer.values)][0]
        if answer.scores is None or answer.finite is None:
            names = ", ".join(
                f"{name!r}: {values}[:, {k}]" for k, name in enumerate(answer.targets)
            )
            yield f"    return {{{names}}}"
            return
        scores = expressions.pieces[id(answer.scores)][0]
        finite = expressions.pieces[id(answer.finite)][0]
        classes = list(answer.classes)
        yield f"    names = {classes!r}"
        if self.whole.model.task == "multilabel":
            yield f"    chosen = {scores} > 0.5"
            label = f"np.where({finite}, chosen[:, k], None)"
            yield f"    labels = {{name: {label} for k, name in enumerate(names)}}"
            prefix = "probability of "
        else:
            prefix = f"{answer.targets[0]}="
            yield f"    chosen = np.array(names, object)[np.argmax({scores}, axis=-1)]"
            yield f"    labels = {{{answer.targets[0]!r}: np.where({finite}, chosen, None)}}"
        share = f"{prefix!r} + str(name): {values}[:, k]"
        yield f"    shares = {{{share} for k, name in enumerate(names)}}"
        if answer.sets is None:
            yield "    return {**labels, **shares}"
            return
        prefix = f"{answer.targets[0]}_set="
        inside = f"{bracket(expressions.pieces[id(answer.sets)], ATOM)}[:, k] > 0.5"
        yield f"    sets = {{{prefix!r} + str(name): {inside} for k, name in enumerate(names)}}"
        yield "    return {**labels, **shares, **sets}"

    def _node(self, symbol: Symbol, inputs: list[Piece]) -> Piece:
        if symbol.is_constant:
            return _number(symbol)
        if symbol.is_input:
            return _cell(self.whole.cells[symbol.name])
        name = symbol.operation.name
        texts = [text for text, _ in inputs]
        if name == "to_network":
            return f"({texts[0]}).astype(np.{self.whole.model.network.dtype.name})", ATOM
        if name == "to_float64":
            return f"{bracket(inputs[0], ATOM)}.astype(np.float64)", ATOM
        if name == "standardise":
            options = dict(symbol.options)
            given = ", ".join(f"{options[key]!r}" for key in ("mean", "scale", "fill"))
            return f"standardise({texts[0]}, {given})", ATOM
        if name == "stack":
            return f"np.stack([{', '.join(texts)}], axis=-1)", ATOM
        if name == "column":
            return f"{bracket(inputs[0], ATOM)}[:, {dict(symbol.options)['place']}]", ATOM
        return _numpy(symbol, inputs)


_FORMS = {
    "negative": ("-{0}", UNARY, UNARY),
    "square": ("{0} ** 2", ATOM, POWER),
    "power": ("{0} ** {1}", ATOM, POWER),
    "reciprocal": ("1 / {0}", POWER, MULTIPLY),
    "transpose": ("{0}.T", ATOM, ATOM),
    "round": ("np.rint({0})", OR, ATOM),
    "broadcast_like": ("np.broadcast_to({0}, np.shape({1}))", OR, ATOM),
}
"""Primitives that NumPy writes otherwise: a pattern, what its operands bind, and what it binds."""


def _numpy(symbol: Symbol, inputs: list[Piece]) -> Piece:
    """Write a primitive as NumPy has it."""
    name = symbol.operation.name
    texts = [text for text, _ in inputs]
    options = dict(symbol.options)
    if name in INFIX:
        sign, strength = INFIX[name]
        left, right = strengths(strength)
        return f"{bracket(inputs[0], left)} {sign} {bracket(inputs[1], right)}", strength
    if name in _FORMS:
        pattern, operand, strength = _FORMS[name]
        return pattern.format(*(bracket(piece, operand) for piece in inputs)), strength
    if name == "columns":
        width, place = symbol.shape[1], options["place"]
        assert isinstance(width, int)
        return f"{bracket(inputs[0], ATOM)}[:, {place * width}:{(place + 1) * width}]", ATOM
    listed = [*texts, *(f"{key}={value}" for key, value in symbol.options if value is not False)]
    if name in ("cumsum", "flip", "sort", "take_along_axis"):
        listed.append("axis=-1")
    return f"{'' if name in _SPECIAL else 'np.'}{name}({', '.join(listed)})", ATOM


def _number(symbol: Symbol) -> Piece:
    if math.isfinite(symbol.value):
        return number_text(symbol)
    names = {"nan": "np.nan", "inf": "np.inf", "-inf": "-np.inf"}
    return names[repr(symbol.value)], UNARY if symbol.value < 0 else ATOM


def _cell(cell: Cell) -> Piece:
    column = f"columns[{cell.column!r}]"
    if cell.fact == "number":
        return f"number({column})", ATOM
    if cell.fact == "missing":
        return f"missing({column})", ATOM
    if cell.fact == "equals":
        return f"equals({column}, {cell.texts[0]!r})", ATOM
    if cell.fact == "known":
        return f"known({column}, {list(cell.texts)!r})", ATOM
    return f"{cell.fact}({column})", ATOM


def _function(symbol: Symbol) -> str:
    """Write a special function as a function of Python."""
    operation = symbol.operation
    graph = new_graph()
    x = graph.input("x", ("N", "C"))
    assert operation.lower is not None
    (y,) = lower([graph.symbol(operation.lower(x))])
    order = walk([y])
    lines = [f"\ndef {operation.name}(x):"]

    def assign(_: Symbol, name: str, text: str) -> None:
        lines.append(f"    {name} = {text}")

    def node(symbol: Symbol, inputs: list[Piece]) -> Piece:
        if symbol.is_constant:
            return _number(symbol)
        return ("x", ATOM) if symbol.is_input else _numpy(symbol, inputs)

    expressions = Expressions(order, node, assign, Names(["x"]), {}, given=["x"], longest=75)
    for inner in order:
        expressions.write(inner)
    lines.append(f"    return {expressions.pieces[id(y)][0]}")
    return "\n".join(lines) + "\n"


def _harmless(text: str) -> str:
    """Write names for a docstring, which they can neither end nor escape from."""
    return "".join(letter if letter.isalnum() or letter in " _-.," else "?" for letter in text)


def _array_line(name: str, array: np.ndarray) -> str:
    dtype = "" if array.dtype == np.float64 else f", dtype=np.{array.dtype}"
    text = np.array2string(
        array, separator=", ", threshold=array.size + 1, max_line_width=88, floatmode="unique"
    )
    return f"{name} = np.array({text}{dtype})"
