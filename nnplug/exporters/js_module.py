"""A model as one JavaScript module without dependencies."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Sequence
from typing import ClassVar

import nnplug
from nnplug.exporters.cells import Cell
from nnplug.exporters.language import Language, float_text
from nnplug.exporters.model_graph import ModelGraph, model_graph
from nnplug.exporters.row_program import RowProgram
from nnplug.exporters.writing import Names
from nnplug.formulas.printing import ATOM, COMPARE, Piece
from nnplug.models import Model
from nnplug.tables.dates import Dates
from nnplug.tables.encoded import plain_of
from nnplug.tables.encodings import FAR, Categories

__all__ = ["js_module", "js_page"]

_WORDS = """
arguments await break case catch class const continue debugger default delete do else enum eval
export extends false finally for function if implements import in instanceof interface let
new null package private protected public return static super switch this throw true try typeof var
void
while with yield row values scores chosen names predict i j k v x Math Number Float64Array
"""

_LIBRARY = {
    "absolute": "abs", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "maximum": "max",
    "minimum": "min",
    **{
        name: name
        for name in ("sqrt", "cbrt", "hypot", "floor", "ceil", "trunc", "exp", "expm1",
                     "log", "log1p", "log2", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh")
    },
}  # fmt: skip
"""What Math has, by operation. Its max and min of a NaN are NaN, as NumPy's are."""

_CELLS = {
    "standardise": f"""// Deviations from the mean; beyond {FAR:g} they grow as a logarithm.
const standardise = (x, missing, mean, scale, fill) => {{
  const z = ((missing ? fill : x) - mean) / scale;
  const far = Math.abs(z);
  return far > {FAR:g} ? Math.sign(z) * ({FAR:g} + Math.log1p(far - {FAR:g})) : z;
}};""",
    "missing": """const missing = (cell) =>
  cell === null || cell === undefined || cell === "" || Number.isNaN(cell);""",
    "time": r"""// Milliseconds since 1970-01-01 of a Date, or of text such as 2026-11-27T10:30:00.
const time = (cell) => {
  if (cell instanceof Date) return cell.getTime();
  const text = /[T ]/.test(cell) ? cell.replace(" ", "T") : `${cell}T00:00:00`;
  return Date.parse(/Z$|[+-]\d\d:?\d\d$/.test(text) ? text : `${text}Z`);
};""",
    "years": "const years = (cell) => time(cell) / 31556952000;",
    "day": """// The place in the day, from 0 at midnight.
const day = (cell) => (((time(cell) % 86400000) + 86400000) % 86400000) / 86400000;""",
    "week": """// The place in the week, from 0 on Monday.
const week = (cell) => {
  const days = Math.floor(time(cell) / 86400000) + 3;
  return (((days % 7) + 7) % 7 + day(cell)) / 7;
};""",
    "year": """// The place in the calendar year.
const year = (cell) => {
  const days = Math.floor(time(cell) / 86400000);
  const y = new Date(days * 86400000).getUTCFullYear();
  const begin = (year) => new Date(0).setUTCFullYear(year) / 86400000;
  return (days - begin(y) + day(cell)) / (begin(y + 1) - begin(y));
};""",
}
_NEEDS = {"years": ("time",), "day": ("time",), "week": ("day", "time"), "year": ("day", "time")}


class _JavaScript(Language):
    generated = frozenset({"sigmoid", "softplus", "log_sigmoid", "erf", "erfc", "lgamma",
                           "digamma", "trigamma"})  # fmt: skip
    infix: ClassVar = {**Language.infix, "equal": ("===", COMPARE), "not_equal": ("!==", COMPARE)}
    own: ClassVar = {
        "power": "const power = (a, b) => (a === 1 ? 1 : a ** b);",
        "sign": "const sign = (x) => Math.sign(x) + 0; // 0 for -0, as NumPy has it",
        "exp2": "const exp2 = (x) => 2 ** x;",
        "square": "const square = (x) => x * x;",
        "fmod": "const fmod = (a, b) => a % b;",
        "fmax": "const fmax = (a, b) => (a > b || Number.isNaN(b) ? a : b);",
        "fmin": "const fmin = (a, b) => (a < b || Number.isNaN(b) ? a : b);",
        "copysign": """const copysign = (a, b) =>
  b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a);""",
        "heaviside": "const heaviside = (x, at) => (x > 0 ? 1 : x < 0 ? 0 : x === 0 ? at : x);",
        "round": """const round = (x) => {
  const low = Math.floor(x); // a half goes to the even neighbour
  return x - low !== 0.5 ? Math.round(x) : low % 2 === 0 ? low : low + 1;
};""",
        "remainder": """const remainder = (a, b) => {
  const r = a % b;
  if (r === 0) return b < 0 ? -0 : 0;
  return r < 0 !== b < 0 ? r + b : r;
};""",
        "floor_divide": """const floor_divide = (a, b) => {
  if (b === 0) return a / b;
  const r = a % b;
  const q = (a - r) / b - (r !== 0 && b < 0 !== r < 0 ? 1 : 0);
  const low = Math.floor(q);
  return q - low > 0.5 ? low + 1 : low;
};""",
    }

    def number(self, value: float, dtype: str) -> str:
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return float_text(value).removesuffix(".0")

    def library(self, name: str, dtype: str) -> str | None:
        if name == "standardise":
            self.facts.add(name)
            return name
        return f"Math.{_LIBRARY[name]}" if name in _LIBRARY else None

    def name(self, operation: str, dtype: str) -> str:
        return operation

    def function(self, name: str, dtype: str, body: Sequence[str]) -> str:
        return "\n".join([f"const {name} = (x) => {{", *(f"  {line}" for line in body), "};"])

    def own_function(self, name: str, dtype: str) -> str:
        return self.own[name]

    def convert(self, piece: Piece, dtype: str) -> Piece:
        return (f"Math.fround({piece[0]})", ATOM) if dtype == "float32" else piece

    def assign(self, name: str, text: str, dtype: str, *, constant: bool = True) -> str:
        return f"{'const' if constant else 'let'} {name} = {text};"

    def array(self, name: str, size: int, dtype: str) -> str:
        return f"const {name} = new Float64Array({size});"

    def loop(self, letter: str, size: int) -> str:
        return f"for (let {letter} = 0; {letter} < {size}; {letter}++)"

    def cell(self, cell: Cell) -> Piece:
        value = f"row[{_json(cell.column)}]"
        if cell.fact in ("number", "truth"):
            return f"Number({value})", ATOM
        if cell.fact == "equals":
            return f"({value} === {_json(cell.texts[0])})", ATOM
        if cell.fact == "known":
            return f"{_json(list(cell.texts))}.includes({value})", ATOM
        self.facts.add(cell.fact)
        return f"{cell.fact}({value})", ATOM

    def cell_functions(self) -> list[str]:
        """Write what reads cells."""
        facts = self.facts.union(*(_NEEDS.get(fact, ()) for fact in self.facts))
        return [text for fact, text in _CELLS.items() if fact in facts]


def js_module(model: Model, interval: float | None = None) -> str:
    """Write a model as a module of JavaScript.

    It exports `predict(row)`: given an object with a row's cells by column, it
    returns the answer and, for classes, their `probabilities` (`probabilities_`
    if the target is called so): null and NaN if
    the network's outputs are not finite. Numbers are computed in float64,
    whatever the network's dtype.

    Parameters
    ----------
    interval : float, optional
        The level of intervals, or of a `set` of classes, in the answer.

    Raises
    ------
    SettingError
        If the model cannot be written: see `model_graph`.
    """
    whole = model_graph(model, {"standardise", *_JavaScript.generated}, interval=interval)
    language = _JavaScript(whole.composite)
    names = Names([*_WORDS.split(), *_CELLS, *_JavaScript.own, *_JavaScript.generated])
    program = RowProgram(whole, language, names)
    data = []
    for name, array in program.arrays.items():
        texts = (language.number(float(value), "float64") for value in array.reshape(-1))
        data.append(f"const {name} = new Float64Array([{', '.join(texts)}]);")
    lines = [
        f"// Written by nnplug {nnplug.__version__}.\n",
        *data,
        "",
        *(f"{text}\n" for text in [*language.cell_functions(), *language.functions()]),
        f"export const names = {_json(list(whole.answer.names))};\n",
        "// Predict from a row: an object with a cell for each column; null where one is empty.",
        "export function predict(row) {",
        *(f"  {line}" for line in [*program.lines, *_answer(whole, program)]),
        "}\n",
    ]
    return "\n".join(lines)


def _answer(whole: ModelGraph, program: RowProgram) -> list[str]:
    answer = whole.answer
    lines = [f"const values = [{', '.join(program.elements(answer.values))}];"]
    entries = "Object.fromEntries(names.map((name, k) => [name, values[k]]))"
    if answer.scores is None or answer.finite is None:
        return [*lines, f"return {entries};"]
    (finite,) = program.elements(answer.finite)
    lines.append(f"const scores = [{', '.join(program.elements(answer.scores))}];")
    if whole.model.task == "multilabel":
        chosen = f"labels: {finite} ? names.filter((_, k) => scores[k] > 0.5) : null"
    else:
        lines.append("const chosen = scores.reduce((b, s, k) => (s > scores[b] ? k : b), 0);")
        chosen = f"{_json(answer.targets[0])}: {finite} ? names[chosen] : null"
    if answer.sets is not None:
        inside = ", ".join(program.elements(answer.sets))
        key = _free("set", whole.model)
        chosen += f", {key}: names.filter((_, k) => [{inside}][k] > 0.5)"
    return [*lines, f"return {{ {chosen}, {_shares_key(whole.model)}: {entries} }};"]


def _shares_key(model: Model) -> str:
    """Name the probabilities in an answer."""
    return _free("probabilities", model)


def _free(key: str, model: Model) -> str:
    """Name a part of an answer, where the target may be called so itself."""
    taken = model.task != "multilabel" and model.targets[0] == key
    return f"{key}_" if taken else key


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>TITLE</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
  body { margin: 2rem auto; max-width: 40rem; padding: 0 1rem; overflow-wrap: anywhere; }
  h1 { font-size: 1.5rem; line-height: 1.25; }
  label, tr { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; }
  label { align-items: center; margin: 0.5rem 0; }
  input, select { box-sizing: border-box; font: inherit; padding: 0.25rem 0.5rem; width: 100%; }
  output { display: block; font-size: 1.25rem; font-weight: 600; margin: 1.5rem 0 0.5rem; }
  table, tbody { display: block; }
  tr { border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent);
       padding: 0.25rem 0; }
  td { padding: 0; }
  td:last-child { font-variant-numeric: tabular-nums; }
  @media (max-width: 30rem) {
    label { gap: 0.25rem; grid-template-columns: minmax(0, 1fr); }
  }
</style>
<h1>TITLE</h1>
<p>An empty field is a missing value. Nothing leaves this page.</p>
<form>
FIELDS
</form>
<output></output>
<table></table>
<script type="module">
MODULE
// A field's name may be that of a property of the form, so the form itself is not asked.
const show = () => {
  const row = Object.create(null);
  for (const field of document.querySelectorAll("form input, form select")) {
    const text = field.value;
    row[field.name] = text === "" ? null : field.type === "number" ? Number(text)
      : field.type === "select-one" ? text === "true" : text;
  }
  const answer = predict(row);
  const numbers = NUMBERS;
  const called = CHOSEN;
  const chosen = answer[called];
  const said = Array.isArray(chosen) ? chosen.join(", ") || "none" : chosen ?? "no answer";
  document.querySelector("output").textContent = called === null ? "" : `${called}: ${said}`;
  const table = document.querySelector("table");
  table.replaceChildren(...names.map((name) => {
    const line = document.createElement("tr");
    for (const text of [String(name), numbers[name].toPrecision(6)]) {
      line.append(Object.assign(document.createElement("td"), { textContent: text }));
    }
    return line;
  }));
};
document.addEventListener("input", show);
document.addEventListener("submit", (event) => event.preventDefault());
show();
</script>
</html>
"""


def js_page(model: Model, module: str) -> str:
    """Write a page that shows a model, with a field for each column.

    Parameters
    ----------
    module : str
        What `js_module` wrote.
    """
    encoder = model.encoder
    columns = [None] * len(model.features) if encoder is None else [*map(plain_of, encoder.columns)]
    names = model.features if encoder is None else [column.name for column in encoder.columns]
    fields: list[str] = []
    for name, column in zip(names, columns, strict=True):
        shown = html.escape(str(name))
        field, listed = f"<input name='{shown}' type='number' step='any'>", ""
        if isinstance(column, Dates):
            field = f"<input name='{shown}' type='datetime-local' step='1'>"
        elif isinstance(column, Categories):
            field = f"<input name='{shown}' list='c{len(fields)}'>"
            options = (f"<option value='{html.escape(text)}'>" for text in column.categories)
            listed = f"<datalist id='c{len(fields)}'>{''.join(options)}</datalist>"
        elif column is not None and column.kind == "boolean":
            field = f"<select name='{shown}'><option><option>true<option>false</select>"
        fields.append(f"  <label>{shown} {field}{listed}</label>")
    title = html.escape(", ".join(model.targets))
    words = {"TITLE": title, "FIELDS": "\n".join(fields), "MODULE": module}
    words |= {"NUMBERS": "answer", "CHOSEN": "null"}
    if model.classes:
        words["NUMBERS"] = f"answer.{_shares_key(model)}"
        words["CHOSEN"] = _json("labels" if model.task == "multilabel" else model.targets[0])
    # All at once, so that a name like TITLE within a value is left alone.
    return re.sub("|".join(words), lambda found: words[found[0]], _PAGE)


def _json(value: object) -> str:
    """Write a value as JavaScript, which a page may hold."""
    text = json.dumps(value)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
