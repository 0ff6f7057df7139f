"""What databases call things: types, functions, and how a date is taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnplug.exporters.cells import Cell
from nnplug.formulas.printing import ATOM, Piece

__all__ = ["DIALECTS", "Dialect", "sql_literal", "sql_name", "sql_truth"]


@dataclass(frozen=True)
class Dialect:
    """A database's own words.

    Attributes
    ----------
    name : str
    real, text : str
        Its types for float64 and text.
    infinity, nan : str
    largest, smallest : str
        Functions of several numbers.
    functions : mapping of str to str
        By primitive, a pattern for its arguments: `"sqrt({0})"`.
    day : str
        The whole days from 1970-01-01 to a date, as a pattern.
    of_day : str
        The place of a date in the day, from 0 to below 1.
    year_begin : str
        The whole days to the first day of its year; `{1}` years later.
    materialized : str
        What keeps the database from writing a step into the next one, where
        what is used twice would be computed twice, and so on from step to step.
    product : str
        The sum of the products of two lists, as a pattern; empty where there is
        no such function.
    """

    name: str
    real: str
    text: str
    infinity: str
    nan: str
    largest: str
    smallest: str
    functions: Mapping[str, str]
    day: str
    of_day: str
    year_begin: str
    materialized: str = ""
    product: str = ""

    def cell(self, cell: Cell) -> Piece:
        """Write what is asked of a row."""
        column = sql_name(cell.column)
        if cell.fact == "number":
            text = f"CAST({column} AS {self.real})"
            # A list with a NULL has no product; what is missing may be any number.
            return f"coalesce({text}, 0e0)" if self.product else text, ATOM
        if cell.fact == "truth":
            return f"CAST(CAST({column} AS INTEGER) AS {self.real})", ATOM
        if cell.fact == "missing":
            return f"({column} IS NULL)", ATOM
        if cell.fact in ("equals", "known"):
            listed = ", ".join(sql_literal(text) for text in cell.texts)
            return f"(CAST({column} AS {self.text}) IN ({listed}))", ATOM
        day, of_day = self.day.format(column), self.of_day.format(column)
        if cell.fact == "years":
            return f"(({day} + {of_day}) / 365.2425e0)", ATOM
        if cell.fact == "day":
            return of_day, ATOM
        if cell.fact == "week":  # 1970-01-01 was a Thursday, three days after a Monday
            return f"(({day} + 3 - 7 * floor(({day} + 3) / 7e0) + {of_day}) / 7e0)", ATOM
        first, following = (self.year_begin.format(column, years) for years in (0, 1))
        return f"(({day} - {first} + {of_day}) / ({following} - {first}))", ATOM


def sql_name(column: str) -> str:
    """Quote the name of a table or a column."""
    return '"' + column.replace('"', '""') + '"'


def sql_literal(value: Any) -> str:
    """Write a text, a number or a truth value."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return repr(value) if isinstance(value, int | float) else "'" + value.replace("'", "''") + "'"


# A database may take a number outside of a function's domain, an overflow, or even an
# underflow for an error that ends the statement. {inf} and {nan} are its own.
_FUNCTIONS = {
    "absolute": "abs({0})",
    "floor": "floor({0})",
    "ceil": "ceil({0})",
    "sin": "sin({0})",
    "cos": "cos({0})",
    "sqrt": "CASE WHEN {0} >= 0 THEN sqrt({0}) ELSE {nan} END",
    "exp": "CASE WHEN {0} > 709.78e0 THEN {inf} WHEN {0} < -745.1e0 THEN 0e0 ELSE exp({0}) END",
    "log": "CASE WHEN {0} > 0 THEN ln({0}) WHEN {0} = 0 THEN -{inf} ELSE {nan} END",
    "power": "CASE WHEN {0} < 0 AND {1} <> floor({1}) THEN {nan} WHEN {0} = 0 AND {1} < 0 "
    "THEN {inf} ELSE power({0}, {1}) END",
}


_DIVIDE = (
    "CASE WHEN {1} <> 0 THEN {0} / {1} WHEN {0} > 0 THEN {inf} WHEN {0} < 0 THEN -{inf} "
    "ELSE {nan} END"
)
"""A quotient for databases that have no infinity for one by 0, but an error or NULL."""


def _functions(infinity: str, nan: str, **others: str) -> dict[str, str]:
    return {
        name: pattern.replace("{inf}", infinity).replace("{nan}", nan)
        for name, pattern in {**_FUNCTIONS, **others}.items()
    }


def _dialect(name: str, real: str, infinity: str, nan: str, **more: str) -> Dialect:
    known = ("text", "largest", "smallest", "day", "of_day", "year_begin", "materialized",
             "product")  # fmt: skip
    words = {key: more.pop(key) for key in known if key in more}
    return Dialect(name, real=real, infinity=infinity, nan=nan,
                   functions=_functions(infinity, nan, **more), **words)  # fmt: skip


DIALECTS = {
    "duckdb": _dialect(
        "duckdb",
        "DOUBLE",
        "'Infinity'::DOUBLE",
        "'NaN'::DOUBLE",
        text="VARCHAR",
        largest="greatest",
        smallest="least",
        day="date_diff('day', DATE '1970-01-01', CAST({0} AS DATE))",
        of_day="((epoch_us({0}::TIMESTAMP) - epoch_us(date_trunc('day', {0}::TIMESTAMP)))"
        " / 86400e6)",
        year_begin="date_diff('day', DATE '1970-01-01', "
        "CAST(date_trunc('year', {0}::TIMESTAMP) + INTERVAL ({1}) YEAR AS DATE))",
        product="list_inner_product({0}, {1})",
        # Twice as fast as greatest and least.
        maximum="CASE WHEN {0} > {1} THEN {0} ELSE {1} END",
        minimum="CASE WHEN {0} < {1} THEN {0} ELSE {1} END",
        tanh="tanh({0})",
    ),
    "postgresql": _dialect(
        "postgresql",
        "double precision",
        "'Infinity'::double precision",
        "'NaN'::double precision",
        text="text",
        largest="greatest",
        smallest="least",
        day="({0}::date - date '1970-01-01')",
        of_day="(extract(epoch FROM {0}::timestamp - date_trunc('day', {0}::timestamp))"
        "::double precision / 86400e0)",
        year_begin="((date_trunc('year', {0}::timestamp) + interval '{1} year')::date"
        " - date '1970-01-01')",
        materialized=" MATERIALIZED",
        tanh="tanh({0})",
        divide=_DIVIDE,
        # A product that underflows ends the statement, so what is below 1e-300 is 0 at once.
        exp="CASE WHEN {0} > 709.78e0 THEN {inf} WHEN {0} < -690e0 THEN 0e0 ELSE exp({0}) END",
    ),
    "sqlite": _dialect(
        "sqlite",
        "REAL",
        "9e999",
        "NULL",
        text="TEXT",
        largest="max",
        smallest="min",
        day="(julianday(date({0})) - 2440587.5)",
        of_day="((3600e0 * strftime('%H', {0}) + 60e0 * strftime('%M', {0})"
        " + strftime('%f', {0})) / 86400e0)",
        year_begin="(julianday(strftime('%Y-01-01', {0}), '+{1} years') - 2440587.5)",
        materialized=" MATERIALIZED",
        tanh="tanh({0})",
        divide=_DIVIDE,
    ),
}


def sql_truth(value: Any) -> Piece:
    """Write a truth value."""
    return ("(1 = 1)" if value else "(1 = 0)"), ATOM
