"""A model as C99: one source and one header, no allocation, no library but math.h."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

import nnplug
from nnplug.errors import SettingError
from nnplug.exporters.cells import Cell
from nnplug.exporters.language import Language, float_text
from nnplug.exporters.model_graph import ModelGraph, model_graph
from nnplug.exporters.row_program import RowProgram
from nnplug.exporters.writing import Names
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.printing import ATOM, UNARY, Piece
from nnplug.models import Model
from nnplug.tables.encodings import FAR
from nnplug.types import AnyArray

__all__ = ["c_source"]

_WORDS = """
auto bool break case char const continue default do double else enum extern false float for goto
 if inline int long main register restrict return short signed sizeof static struct switch true
typedef union unsigned void volatile while row values best chosen labels i j k v x
linux unix
"""
"""The language's, the page's, and what gcc defines unless it is told a standard."""

_LIBRARY = {
    "power": "pow", "absolute": "fabs", "round": "rint", "arcsin": "asin", "arccos": "acos",
    "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh",
    **{
        name: name
        for name in ("sqrt", "cbrt", "hypot", "fmod", "copysign", "floor", "ceil", "trunc",
                     "fmax", "fmin", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10",
                     "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "erfc", "lgamma")
    },
}  # fmt: skip
"""What math.h has, by operation."""

_TYPES = {"float32": "float", "float64": "double", "bool": "bool", "int": "int"}

_STANDARDISE = f"""/* Standard deviations from the mean; beyond {FAR:g} they grow as a logarithm. */
static double standardise(double x, bool missing, double mean, double scale, double fill) {{
    const double z = ((missing ? fill : x) - mean) / scale;
    const double far = fabs(z);
    return far > {FAR:.1f} ? copysign({FAR:.1f} + log1p(far - {FAR:.1f}), z) : z;
}}"""

_CELLS = {
    "equals": """static bool equals(const char *cell, const char *text) {
    return cell != NULL && strcmp(cell, text) == 0;
}""",
    "day": """/* The place in the day, from 0 at midnight. */
static double day(double seconds) {
    return (seconds - 86400.0 * floor(seconds / 86400.0)) / 86400.0;
}""",
    "week": """/* The place in the week, from 0 on Monday. */
static double week(double seconds) {
    const double days = floor(seconds / 86400.0) + 3.0;
    return (days - 7.0 * floor(days / 7.0) + day(seconds)) / 7.0;
}""",
    "year_begin": """/* Days from 1970-01-01 to the first day of a year. */
static double year_begin(double year) {
    const double p = year - 1.0;
    return 365.0 * p + floor(p / 4.0) - floor(p / 100.0) + floor(p / 400.0) - 719162.0;
}""",
    "year": """/* The place in the calendar year. */
static double year(double seconds) {
    const double days = floor(seconds / 86400.0);
    double y = floor((days + 719528.0) / 365.2425); /* right, or off by one */
    if (year_begin(y) > days) { y -= 1.0; }
    if (year_begin(y + 1.0) <= days) { y += 1.0; }
    const double first = year_begin(y);
    return (days - first + day(seconds)) / (year_begin(y + 1.0) - first);
}""",
}
_FLASH = """/* What was learned stays in flash, which AVR processors read in a way of their own. */
#ifdef __AVR__
#include <avr/pgmspace.h>
#define STORED PROGMEM
#define READ(number) pgm_read_float(&(number))
#define TEXT(text) PSTR(text)
#define COMPARE(cell, text) strcmp_P(cell, text)
#else
#define STORED
#define READ(number) (number)
#define TEXT(text) text
#define COMPARE(cell, text) strcmp(cell, text)
#endif
"""
_REACH = 60_000
"""Bytes of flash that the 16 bits of a pointer reach, less those of the program's own."""
_AVR_LACKS = {"expm1", "log1p", "exp2", "log2", "round", "arcsinh", "arccosh", "arctanh"}
"""What the math.h of AVR lacks."""

_NEEDS = {"known": ("equals",), "week": ("day",), "year": ("year_begin", "day")}
_DATES = ("day", "week", "year")


class _C(Language):
    generated = frozenset({"sigmoid", "softplus", "log_sigmoid", "digamma", "trigamma"})
    own: ClassVar = {
        "maximum": "R f(R a, R b) { return a > b || isnan(a) ? a : b; }",
        "minimum": "R f(R a, R b) { return a < b || isnan(a) ? a : b; }",
        "square": "R f(R x) { return x * x; }",
        "sign": "R f(R x) { return x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x; }",
        "heaviside": "R f(R x, R at) { return x > 0 ? 1 : x < 0 ? 0 : x == 0 ? at : x; }",
        "remainder": """R f(R a, R b) {
    const R r = fmod_(a, b);
    if (r == 0) { return copysign_(r, b); }
    return (r < 0) != (b < 0) ? r + b : r;
}""",
        "floor_divide": """R f(R a, R b) {
    if (b == 0) { return a / b; }
    const R r = fmod_(a, b);
    const R q = (a - r) / b - (R)(r != 0 && (b < 0) != (r < 0));
    const R low = floor_(q);
    return q == 0 ? copysign_(q, a / b) : low + (R)(q - low > (R)0.5);
}""",
    }
    """R is the type, f the function, and name_ a function of math.h for that type."""

    def __init__(self, whole: ModelGraph, fields: dict[str, str], *, flash: bool) -> None:
        super().__init__(whole.composite)
        self.fields, self.flash = fields, flash
        self.texts = whole.text_columns

    def number(self, value: float, dtype: str) -> str:
        if math.isnan(value):
            return "NAN"
        if math.isinf(value):
            return "INFINITY" if value > 0 else "-INFINITY"
        if dtype == "float32":  # the shortest text that reads back to the same bits
            return f"{float_text(float(str(np.float32(value))))}f"
        return float_text(value)

    def library(self, name: str, dtype: str) -> str | None:
        if name == "standardise":
            self.facts.add(name)
            return name
        found = _LIBRARY.get(name)
        return f"{found}f" if found is not None and dtype == "float32" else found

    def name(self, operation: str, dtype: str) -> str:
        return f"{operation}_f" if dtype == "float32" else f"{operation}_d"

    def function(self, name: str, dtype: str, body: Sequence[str]) -> str:
        kind = _TYPES[dtype]
        lines = "".join(f"    {line}\n" for line in body)
        return f"static {kind} {self.name(name, dtype)}({kind} x) {{\n{lines}}}"

    def own_function(self, name: str, dtype: str) -> str:
        text = (
            self.own[name].replace("R ", f"{_TYPES[dtype]} ").replace("(R)", f"({_TYPES[dtype]})")
        )
        for operation in _LIBRARY:
            text = text.replace(f"{operation}_(", f"{self.library(operation, dtype)}(")
        return f"static {text.replace(' f(', f' {self.name(name, dtype)}(', 1)}"

    def convert(self, piece: Piece, dtype: str) -> Piece:
        return f"({_TYPES[dtype]})({piece[0]})", UNARY

    def assign(self, name: str, text: str, dtype: str, *, constant: bool = True) -> str:
        return f"{'const ' if constant else ''}{_TYPES[dtype]} {name} = {text};"

    def array(self, name: str, size: int, dtype: str) -> str:
        return f"{_TYPES[dtype]} {name}[{size}];"

    def stored(self, array: str, place: str) -> str:
        found = super().stored(array, place)
        return f"READ({found})" if self.flash else found

    def loop(self, letter: str, size: int) -> str:
        return f"for (int {letter} = 0; {letter} < {size}; {letter}++)"

    def cell(self, cell: Cell) -> Piece:
        value = f"row->{self.fields[cell.column]}"
        if cell.fact in ("number", "truth"):
            return value, ATOM
        if cell.fact == "missing":
            return (f"({value} == NULL)" if cell.column in self.texts else f"isnan({value})"), ATOM
        if cell.fact == "years":
            return f"({value} / 31556952.0)", ATOM
        self.facts.add(cell.fact)
        if cell.fact in ("equals", "known"):
            form = "equals({}, TEXT({}))" if self.flash else "equals({}, {})"
            hits = " || ".join(form.format(value, _quoted(text)) for text in cell.texts)
            return f"({hits})", ATOM
        return f"{cell.fact}({value})", ATOM

    def cell_functions(self) -> list[str]:
        """Write what reads cells."""
        facts = self.facts.union(*(_NEEDS.get(fact, ()) for fact in self.facts))
        found = [text for fact, text in _CELLS.items() if fact in facts]
        if "standardise" in facts:
            found.append(_STANDARDISE)
        if self.flash:
            found = [
                text.replace("strcmp(", "COMPARE(").replace("log1p(", "log(1.0 + ")
                for text in found
            ]
        return found


def c_source(
    model: Model, name: str, file: str = "", interval: float | None = None, *, flash: bool = False
) -> tuple[str, str]:
    """Write a model as C99.

    The function `NAME_predict` is given a row, writes the numbers of the
    answer (of a classification, the probabilities), and returns the number of
    the class; of several labels, a bit for each; -1 if the network's outputs
    are not finite. With sets of classes, a 1 or 0 for each follows the
    probabilities.

    Parameters
    ----------
    name : str
        What the names of its functions begin with: an identifier of C.
    file : str, optional
        What the header is called, without its ending; by default as the functions.
    interval : float, optional
        The level of intervals or sets that the answer is to have.
    flash : bool, optional
        For small devices: what was learned is read from flash where that is
        not memory, and no function is used that the math.h of AVR lacks.

    Returns
    -------
    tuple of str
        The source and the header.

    Raises
    ------
    SettingError
        If the model cannot be written: see `model_graph`. With `flash`, also if it
        computes in float64 or reads dates, since AVR's double has 32 bits.
    """
    if flash:
        whole = model_graph(
            model, {"standardise"}, has={*new_graph().operations} - _AVR_LACKS,
            target="C for flash", interval=interval,
        )  # fmt: skip
        _check_small(whole)
    else:
        kept = {"standardise", "erf", "erfc", "lgamma", *_C.generated}
        whole = model_graph(model, kept, interval=interval)
    words = [*_WORDS.split(), *(("STORED", "PROGMEM") if flash else ())]
    members = Names(words)
    fields = {column: members.new(column) for column in whole.columns}
    language = _C(whole, fields, flash=flash)
    names = Names([*words, *_CELLS, *_LIBRARY.values(), "standardise"])
    program = RowProgram(whole, language, names)
    dtype = model.network.dtype.name
    data = [
        f"static const {_TYPES[dtype]} {array}[{values.size}]{' STORED' * flash} = {{\n"
        f"{_listed(values, language, dtype)}\n}};"
        for array, values in program.arrays.items()
    ]
    functions = [*language.cell_functions(), *language.functions()]
    called = list(map(str, whole.answer.names))
    if whole.answer.sets is not None:
        called += [f"{label} in the set" for label in whole.answer.names]
    count = len(called)
    signature = f"int {name}_predict(const {name}_row *row, double values[{name.upper()}_VALUES])"
    head = f"/* Written by nnplug {nnplug.__version__}. */\n"
    header = [
        head,
        f"#ifndef {name.upper()}_H\n#define {name.upper()}_H\n",
        "/* A row. An empty cell is NULL in a text and NAN in a number. */",
        "typedef struct {",
        *_members(whole, language),
        f"}} {name}_row;\n",
        f"#define {name.upper()}_VALUES {count}\n",
        "/* What each value is called. */",
        f"extern const char *const {name}_names[{name.upper()}_VALUES];\n",
        *_about(whole),
        f"{signature};\n",
        "#endif\n",
    ]
    labels = ", ".join(map(_quoted, called))
    source = [
        head,
        f'#include "{file or name}.h"\n',
        "#include <math.h>\n#include <stdbool.h>\n#include <stddef.h>",
        *(["#include <string.h>"] if "equals" in "".join(functions) else []),
        *(["", _FLASH, *_beyond(whole, program)] if flash else []),
        f"\nconst char *const {name}_names[{count}] = {{{labels}}};\n",
        *data,
        "",
        *(f"{text}\n" for text in functions),
        f"{signature} {{",
        *(f"    {line}" for line in [*program.lines, *_answer(whole, program)]),
        "}\n",
    ]
    return "\n".join(source), "\n".join(header)


def _check_small(whole: ModelGraph) -> None:
    if whole.model.network.dtype != np.float32:
        raise SettingError(
            "flash: the network computes in float64, and AVR's double has 32 bits.\n"
            "Train it with --dtype float32."
        )
    dates = sorted(cell.column for cell in whole.cells.values() if cell.fact in ("years", *_DATES))
    if dates:
        raise SettingError(
            f"flash: column {dates[0]!r} is a date in seconds since 1970, and AVR's double has 32 "
            "bits, which tell two minutes apart at best.\nTrain without it, or export to plain c."
        )


def _beyond(whole: ModelGraph, program: RowProgram) -> list[str]:
    """Keep a model from being compiled whose arrays and texts a pointer does not reach."""
    size = 4 * sum(values.size for values in program.arrays.values())
    size += sum(len(text.encode()) + 1 for cell in whole.cells.values() for text in cell.texts)
    if size <= _REACH:
        return []
    said = f"{size} bytes of weights and texts: AVR reads 64 KiB of flash"
    return [f'#ifdef __AVR__\n#error "{said}"\n#endif']


def _members(whole: ModelGraph, language: _C) -> list[str]:
    dates = {cell.column for cell in whole.cells.values() if cell.fact == "years"}
    note = " /* seconds since 1970-01-01 00:00 */"
    return [
        f"    {'const char *' if column in language.texts else 'double '}{field};"
        f"{note if column in dates else ''}"
        for column, field in language.fields.items()
    ]


def _about(whole: ModelGraph) -> list[str]:
    if whole.answer.scores is None:
        return ["/* Writes the predicted numbers; returns 0. */"]
    if whole.model.task == "multilabel":
        return [
            "/* Writes the probability of each label; returns a bit for each, the first lowest.\n"
            "   If an output is not finite: NAN, and -1. */"
        ]
    sets = (
        " then 1 for each class in the set and 0 for the others;"
        if whole.answer.sets is not None
        else ""
    )
    return [
        f"/* Writes the probability of each class;{sets} returns the number of the likeliest.\n"
        "   If an output is not finite: NAN, and -1. */"
    ]


def _answer(whole: ModelGraph, program: RowProgram) -> list[str]:
    """Write the values, and what the function returns."""
    texts = program.elements(whole.answer.values)
    if whole.answer.sets is not None:
        texts += program.elements(whole.answer.sets)
    lines = [f"values[{place}] = {text};" for place, text in enumerate(texts)]
    if whole.answer.scores is None or whole.answer.finite is None:
        return [*lines, "return 0;"]
    (finite,) = program.elements(whole.answer.finite)
    none = f"if (!{finite}) {{ return -1; }}"
    first, *others = scores = program.elements(whole.answer.scores)
    if whole.model.task == "multilabel":
        bits = [f"if ({text} > 0.5f) {{ labels |= 1 << {k}; }}" for k, text in enumerate(scores)]
        return [*lines, none, "int labels = 0;", *bits, "return labels;"]
    kind = _TYPES[program.dtype(whole.answer.scores)]
    steps = [
        f"if ({text} > best) {{ best = {text}; chosen = {place}; }}"
        for place, text in enumerate(others, 1)
    ]
    return [*lines, none, f"{kind} best = {first};", "int chosen = 0;", *steps, "return chosen;"]


def _quoted(text: str) -> str:
    """Write text as a string of C: bytes that are not plain ASCII by their number."""
    made = ""
    for byte in text.encode():
        plain = 32 <= byte < 127 and chr(byte) not in '"\\?'
        made += chr(byte) if plain else f"\\{byte:03o}"
    return f'"{made}"'


def _listed(array: AnyArray, language: _C, dtype: str) -> str:
    texts = [language.number(float(value), dtype) for value in array.reshape(-1)]
    lines = (", ".join(texts[first : first + 6]) for first in range(0, len(texts), 6))
    return ",\n".join(f"    {line}" for line in lines)
