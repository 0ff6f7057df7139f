"""A model as one SQL statement: a step for each layer, a column for each of its units.

Letters: a node's width is its shape without N; each of its numbers is an
expression, or a column of an earlier step.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import nnplug
from nnplug.errors import SettingError, suggest
from nnplug.exporters.model_graph import ModelGraph, model_graph
from nnplug.exporters.sql_dialects import DIALECTS, Dialect, sql_literal, sql_name, sql_truth
from nnplug.exporters.writing import bracket, free_letter
from nnplug.formulas.graph import Symbol
from nnplug.formulas.printing import ADD, ATOM, COMPARE, INFIX, MULTIPLY, UNARY, Piece, strengths
from nnplug.models import Model
from nnplug.tables.encodings import FAR

__all__ = ["sql_statement"]

_INFIX = {
    **{name: sign for name, sign in INFIX.items() if name != "matmul"},
    "equal": ("=", COMPARE),
    "not_equal": ("<>", COMPARE),
}

_FORMS = {
    "where": "CASE WHEN {0} THEN {1} ELSE {2} END",
    "logical_and": "({0} AND {1})",
    "logical_or": "({0} OR {1})",
    "logical_not": "(NOT {0})",
    "maximum": "{largest}({0}, {1})",
    "minimum": "{smallest}({0}, {1})",
}
"""Primitives that are the same in all databases."""

_TERMS = 100
"""Terms of a sum between brackets: a database may refuse a deeper expression."""

_NUMBER = r"-?[0-9.]+e[0-9+-]+"

_LISTED = 8
"""Terms from which on a product of lists is faster than a sum, where a database has one."""

_LONGEST = 400
"""Characters of an expression that is not a column of its own."""


def sql_statement(
    model: Model,
    table: str = "data",
    dialect: str = "duckdb",
    keep: Sequence[str] = (),
    interval: float | None = None,
) -> str:
    """Write a model as one statement.

    Its columns are those of `keep`, the answer, and for classes the
    probability of each; the answer is NULL where the network's outputs are not
    finite.

    Parameters
    ----------
    table : str
        The table with the rows to predict: its columns are called as the
        training data's, an empty cell is NULL.
    dialect : str
        `"duckdb"`, `"postgresql"` or `"sqlite"`.
    keep : sequence of str
        Columns that are copied, such as an identifier.
    interval : float, optional
        The level of intervals or sets that the answer is to have.

    Raises
    ------
    SettingError
        If the dialect is unknown, or the model cannot be written: see
        `model_graph`.
    """
    if dialect not in DIALECTS:
        raise SettingError(
            f"dialect={dialect!r} is not one of {', '.join(DIALECTS)}.{suggest(dialect, DIALECTS)}"
        )
    words = DIALECTS[dialect]
    has = {"negative", *_INFIX, *_FORMS, *_ALIASES, *_ROWS, *words.functions}
    whole = model_graph(model, {"standardise"}, has=has, target=f"SQL for {dialect}",
                        interval=interval)  # fmt: skip
    return _Statement(whole, table, words, keep).write()


class _Statement:
    def __init__(
        self, whole: ModelGraph, table: str, dialect: Dialect, keep: Sequence[str]
    ) -> None:
        self.whole, self.table, self.dialect, self.keep = whole, table, dialect, keep
        self.order = whole.order(whole.outputs)
        self.pieces: dict[int, list[Piece]] = {}
        self.step: dict[int, int] = {}
        """By identity, the number of steps that a node's expressions read; 0: the table alone."""
        self.steps: list[dict[str, str]] = []
        """Of each step, the columns that it makes, by name."""
        self.count = 0
        self.letter = free_letter("c", [*whole.columns, *keep])

    def write(self) -> str:
        """Write the statement."""
        uses = Counter(id(child) for symbol in self.order for child in symbol.inputs)
        uses.update(id(symbol) for symbol in self.whole.outputs for _ in range(2))
        for symbol in self.order:
            if symbol.is_constant:
                is_truth = symbol.dtype_kind == "bool"
                write = sql_truth if is_truth else self.number
                self.pieces[id(symbol)] = [write(symbol.value)]
                continue
            if self._repeats(symbol.operation.name):
                for child in symbol.inputs:
                    self._make_columns(child)
            self.step[id(symbol)] = max(
                (self.step.get(id(child), 0) for child in symbol.inputs), default=0
            )
            self.pieces[id(symbol)] = self._write(symbol)
            long = any(len(text) > _LONGEST for text, _ in self.pieces[id(symbol)])
            shared = uses[id(symbol)] > 1 and symbol.operation.name not in _ALIASES
            if (shared and not symbol.is_input) or long:
                self._make_columns(symbol)
        return self._text()

    def _repeats(self, name: str) -> bool:
        """Whether an operation writes its inputs more than once."""
        pattern = self.dialect.functions.get(name, "")
        return name in ("matmul", "max", "min", "cumsum") or pattern.count("{0}") > 1

    # --- steps --------------------------------------------------------------------------

    def _make_columns(self, symbol: Symbol) -> None:
        """Let a node's numbers be columns, unless they are as short as one."""
        if symbol.is_constant or id(symbol) in self.whole.arrays:
            return
        step = self.step[id(symbol)]
        pieces = []
        for text, strength in self.pieces[id(symbol)]:
            if re.fullmatch(rf"{self.letter}\d+|{_NUMBER}", text):
                pieces.append((text, strength))
                continue
            self.count += 1
            while len(self.steps) <= step:
                self.steps.append({})
            name = f"{self.letter}{self.count}"
            self.steps[step][name] = text
            pieces.append((name, ATOM))
            self.step[id(symbol)] = step + 1
        self.pieces[id(symbol)] = pieces

    def _make_list(self, pieces: list[Piece], step: int) -> str:
        """Let the numbers of a step be one more column of it, a list."""
        text = _list(pieces)
        while len(self.steps) <= step:
            self.steps.append({})
        for name, known in self.steps[step].items():
            if known == text:
                return name
        self.count += 1
        name = f"{self.letter}{self.count}"
        self.steps[step][name] = text
        return name

    def _text(self) -> str:
        answer = self._answer()
        texts = [" ".join(step.values()) for step in self.steps] + [" ".join(answer)]
        known: dict[str, None] = {}
        source, written, letter = sql_name(self.table), [], free_letter("s", [self.table])
        for number, step in enumerate(self.steps):
            later = " ".join(texts[number + 1 :])
            read = set(re.findall(rf"\b{self.letter}\d+\b", later))
            columns = [
                column for column in self.whole.columns
                if column not in self.keep and sql_name(column) in later
            ]  # fmt: skip
            lines = [
                *(sql_name(column) for column in [*self.keep, *columns]),
                *(name for name in known if name in read),
                *(f"{text} AS {name}" for name, text in step.items()),
            ]
            known.update(dict.fromkeys(step))
            listed = ",\n    ".join(lines)
            head = f"{letter}{number + 1} AS{self.dialect.materialized}"
            written.append(f"{head} (\n  SELECT\n    {listed}\n  FROM {source}\n)")
            source = f"{letter}{number + 1}"
        steps = f"WITH {', '.join(written)}\n" if written else ""
        listed = ",\n  ".join([*map(sql_name, self.keep), *answer])
        head = f"-- Written by nnplug {nnplug.__version__} for {self.dialect.name}.\n"
        return f"{head}{steps}SELECT\n  {listed}\nFROM {source};\n"

    def _answer(self) -> list[str]:
        answer = self.whole.answer
        values = [text for text, _ in self.pieces[id(answer.values)]]
        if answer.scores is None or answer.finite is None:
            pairs = zip(values, answer.targets, strict=True)
            return [f"{value} AS {sql_name(target)}" for value, target in pairs]
        scores = [text for text, _ in self.pieces[id(answer.scores)]]
        ((finite, _),) = self.pieces[id(answer.finite)]
        if self.whole.model.task == "multilabel":
            labels = [str(label) for label in answer.classes]
            return [
                *(f"CASE WHEN {finite} THEN {score} > 0.5 END AS {sql_name(label)}"
                  for score, label in zip(scores, labels, strict=True)),
                *(f"{value} AS {sql_name(f'probability of {label}')}"
                  for value, label in zip(values, labels, strict=True)),
            ]  # fmt: skip
        (target,) = answer.targets
        top = f"{self.dialect.largest}({', '.join(scores)})"
        cases = " ".join(
            f"WHEN {score} = {top} THEN {sql_literal(label)}"
            for score, label in zip(scores, answer.classes, strict=True)
        )
        sets = [] if answer.sets is None else self.pieces[id(answer.sets)]
        return [
            f"CASE WHEN {finite} THEN CASE {cases} END END AS {sql_name(target)}",
            *(f"{value} AS {sql_name(f'{target}={label}')}"
              for value, label in zip(values, answer.classes, strict=True)),
            *(f"{bracket(piece, ATOM)} > 0.5 AS {sql_name(f'{target}_set={label}')}"
              for piece, label in zip(sets, answer.classes, strict=False)),
        ]  # fmt: skip

    # --- expressions --------------------------------------------------------------------

    def number(self, value: float) -> Piece:
        """Write a number, so that no database takes it for a decimal one."""
        if math.isnan(value):
            return self.dialect.nan, ATOM
        if math.isinf(value):
            return (
                (self.dialect.infinity, ATOM) if value > 0 else (f"-{self.dialect.infinity}", UNARY)
            )
        text = repr(float(value))
        return text if "e" in text else f"{text}e0", UNARY if value < 0 else ATOM

    def _array(self, array: Any) -> list[Piece]:
        """Write what is known; a float32 by the shortest text that reads back to it."""
        if array.dtype == np.bool_:
            return [sql_truth(value) for value in array.reshape(-1)]
        single = array.dtype == np.float32
        return [self.number(float(str(v)) if single else float(v)) for v in array.reshape(-1)]

    def _of(self, symbol: Symbol, width: int = 1) -> list[Piece]:
        array = self.whole.arrays.get(id(symbol))
        pieces = self.pieces[id(symbol)] if array is None else self._array(array)
        return pieces * width if len(pieces) == 1 else pieces

    def _write(self, symbol: Symbol) -> list[Piece]:
        name = symbol.operation.name
        if symbol.is_input:
            return [self.dialect.cell(self.whole.cells[symbol.name])]
        width = symbol.shape[1] if len(symbol.shape) > 1 else 1
        assert isinstance(width, int)
        if name in _ALIASES:
            return self._of(symbol.inputs[0], width)
        if name in _ROWS:
            return _ROWS[name](self, symbol)
        given = [self._of(child, width) for child in symbol.inputs]
        return [self._operation(name, list(pieces)) for pieces in zip(*given, strict=True)]

    def _operation(self, name: str, pieces: list[Piece]) -> Piece:
        """Write an elementwise operation."""
        known = re.fullmatch(_NUMBER, pieces[-1][0]) and float(pieces[-1][0]) != 0
        if name in _INFIX and (known or name not in self.dialect.functions):
            sign, strength = _INFIX[name]
            left, right = strengths(strength)
            return f"{bracket(pieces[0], left)} {sign} {bracket(pieces[1], right)}", strength
        if name == "negative":
            return f"-{bracket(pieces[0], ATOM)}", UNARY
        pattern = self.dialect.functions.get(name) or _FORMS[name]
        at_least = ATOM if "{0} " in pattern and name != "where" else 0
        texts = [bracket(piece, at_least) for piece in pieces]
        words = {"largest": self.dialect.largest, "smallest": self.dialect.smallest}
        return pattern.format(*texts, **words), ATOM

    # --- operations on whole rows -------------------------------------------------------

    def _standardise(self, symbol: Symbol) -> list[Piece]:
        value, missing = (self._of(child)[0] for child in symbol.inputs)
        options = dict(symbol.options)
        known = f"CASE WHEN {missing[0]} THEN {self.number(options['fill'])[0]} ELSE {value[0]} END"
        mean = bracket(self.number(options["mean"]), ATOM)
        text = f"({known} - {mean}) / {self.number(options['scale'])[0]}"
        self.pieces[id(symbol)] = [(text, MULTIPLY)]
        self._make_columns(symbol)
        ((z, _),) = self.pieces[id(symbol)]
        far = self.number(FAR)[0]
        beyond = f"{far} + ln(1e0 + abs({z}) - {far})"
        return [(f"CASE WHEN {z} > {far} THEN {beyond} WHEN {z} < -{far} THEN -({beyond}) "
                 f"ELSE {z} END", ATOM)]  # fmt: skip

    def _stack(self, symbol: Symbol) -> list[Piece]:
        return [piece for child in symbol.inputs for piece in self._of(child)]

    def _column(self, symbol: Symbol) -> list[Piece]:
        return [self._of(symbol.inputs[0])[dict(symbol.options)["place"]]]

    def _columns(self, symbol: Symbol) -> list[Piece]:
        width = symbol.shape[1]
        assert isinstance(width, int)
        first = dict(symbol.options)["place"] * width
        return self._of(symbol.inputs[0])[first : first + width]

    def _flip(self, symbol: Symbol) -> list[Piece]:
        return self._of(symbol.inputs[0])[::-1]

    def _matmul(self, symbol: Symbol) -> list[Piece]:
        x, weights = symbol.inputs
        if id(weights) not in self.whole.arrays:
            raise SettingError(
                "a matrix product of two arrays that depend on the row: SQL has no form for it."
            )
        terms, (rows, width) = self._of(x), self.whole.arrays[id(weights)].shape
        factors = self._array(self.whole.arrays[id(weights)])
        if self.dialect.product and rows >= _LISTED:
            listed = self._make_list(terms, self.step.get(id(x), 0))
            self.step[id(symbol)] = self.step.get(id(x), 0) + 1
            return [
                (self.dialect.product.format(listed, _list(factors[column::width])), ATOM)
                for column in range(width)
            ]
        return [
            _sum([
                f"{factors[row * width + column][0]} * {bracket(terms[row], UNARY)}"
                for row in range(rows)
            ])
            for column in range(width)
        ]  # fmt: skip

    def _reduce(self, symbol: Symbol) -> list[Piece]:
        pieces = self._of(symbol.inputs[0])
        if symbol.operation.name == "sum":
            return [_sum([bracket(piece, MULTIPLY) for piece in pieces])]
        words = {"max": self.dialect.largest, "min": self.dialect.smallest}
        listed = ", ".join(text for text, _ in pieces)
        return [(f"{words[symbol.operation.name]}({listed})", ATOM)] if pieces[1:] else pieces

    def _cumsum(self, symbol: Symbol) -> list[Piece]:
        texts = [bracket(piece, MULTIPLY) for piece in self._of(symbol.inputs[0])]
        return [_sum(texts[: place + 1]) for place in range(len(texts))]

    def _sort(self, symbol: Symbol) -> list[Piece]:
        """Sort by exchanging neighbours, as many rounds as there are numbers."""
        low, high = self.dialect.smallest, self.dialect.largest
        self.pieces[id(symbol)] = list(self._of(symbol.inputs[0]))
        for number in range(len(self.pieces[id(symbol)])):
            self._make_columns(symbol)
            pieces = self.pieces[id(symbol)]
            for place in range(number % 2, len(pieces) - 1, 2):
                a, b = pieces[place][0], pieces[place + 1][0]
                pieces[place : place + 2] = [
                    (f"{low}({a}, {b})", ATOM),
                    (f"{high}({a}, {b})", ATOM),
                ]
        return self.pieces[id(symbol)]


_ALIASES = ("to_network", "to_float64", "expand_dims", "broadcast_like")
"""What changes no number: everything is a float64 here."""

_ROWS: dict[str, Callable[[_Statement, Symbol], list[Piece]]] = {
    "standardise": _Statement._standardise,
    "stack": _Statement._stack,
    "column": _Statement._column,
    "columns": _Statement._columns,
    "flip": _Statement._flip,
    "matmul": _Statement._matmul,
    "sum": _Statement._reduce,
    "max": _Statement._reduce,
    "min": _Statement._reduce,
    "cumsum": _Statement._cumsum,
    "sort": _Statement._sort,
}
"""Operations that need more than one number of their input's row."""


def _list(pieces: list[Piece]) -> str:
    return f"[{', '.join(text for text, _ in pieces)}]"


def _sum(terms: list[str]) -> Piece:
    """Write a sum; a long one as a sum of sums."""
    if len(terms) == 1:
        return terms[0], MULTIPLY
    if len(terms) <= _TERMS:
        return " + ".join(terms), ADD
    parts = [terms[first : first + _TERMS] for first in range(0, len(terms), _TERMS)]
    return _sum([f"({' + '.join(part)})" for part in parts])
