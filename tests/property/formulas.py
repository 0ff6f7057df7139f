"""Random parts as an author writes them: text of Python, which a failure prints to be pasted.

A formula is a list of lines, each an operation on what stands above it. While
it is drawn it is computed on sample arrays of several shapes, by NumPy alone;
a line that raises, is not finite or grows large is drawn again.
"""

from __future__ import annotations

import linecache
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import nnplug

LIMIT = 40.0
"""The largest magnitude that a line may have on the samples."""

TRUTHS_AS_NUMBERS = 0.15
"""How often a truth value is drawn where a number could stand."""

# What a line may be. Each operand is described by a letter: a and r may be truth values,
# x and y not; r and y are arrays; c is a truth value, n a number of shape (), f an array
# of numbers of the arguments' shape.
ELEMENTWISE = {
    "{} + {}": "aa",
    "{} - {}": "aa",
    "{} * {}": "aa",
    "{} / {}": "aa",
    "{0} / (1 + {1} * {1})": "xx",
    "{} / 3": "a",
    "1 - {}": "a",
    "{} + 0.5": "a",
    "2 * {}": "a",
    "-1.5 * {}": "a",
    "-{}": "x",
    "np.negative({})": "x",
    "{} ** 2": "x",
    "{} ** 3": "x",
    "{} ** 4": "x",
    "np.square({})": "x",
    "1 / (1.5 + {0} * {0})": "x",
    "np.reciprocal(2.5 + np.sin({}))": "x",
    "(1 + {0} * {0}) ** -1.5": "x",
    "np.power(0.5 + {0} * {0}, {1})": "xn",
    "(0.5 + np.abs({0})) ** np.tanh({1})": "xx",
    "np.sqrt(1 + {0} * {0})": "x",
    "np.sqrt(np.abs({}) + 0.1)": "x",
    "(0.2 + {0} ** 2) ** 0.5": "x",
    "np.hypot({}, {})": "xx",
    "np.hypot({}, 1.0)": "x",
    "np.abs({})": "a",
    "abs({})": "a",
    "np.fabs({})": "x",
    "np.sign({})": "x",
    "np.floor({})": "a",
    "np.ceil({})": "a",
    "np.trunc({})": "a",
    "np.heaviside({}, 0.5)": "x",
    "np.heaviside({}, {})": "xx",
    "np.copysign({}, {})": "xx",
    "np.remainder({}, 0.7)": "x",
    "{0} % (0.4 + {1} * {1})": "xx",
    "np.fmod({}, 1.3)": "x",
    "{} // 0.6": "x",
    "np.cbrt(2 + {0} * {0})": "x",
    "np.cbrt({0}) * {0}": "x",
    "np.round({})": "x",
    "np.rint({})": "x",
    "np.maximum({}, {})": "aa",
    "np.maximum({}, 0)": "a",
    "np.maximum(-0.3, {})": "a",
    "np.minimum({}, {})": "aa",
    "np.minimum({}, 0.6)": "a",
    "np.fmax({}, {})": "aa",
    "np.fmin({}, {})": "aa",
    "np.clip({}, -1.1, 0.8)": "a",
    "np.clip({}, None, 0.7)": "a",
    "np.clip({}, -0.4, None)": "x",
    "np.clip({}, {}, {})": "xxx",
    "np.clip({0}, -abs({1}), abs({1}))": "xx",
    "np.exp({})": "x",
    "np.exp(-abs({}))": "x",
    "np.exp2(np.minimum({}, 1.5))": "x",
    "np.expm1(np.minimum({}, 0))": "x",
    "np.log(1 + {0} * {0})": "x",
    "np.log(np.abs({}) + 0.05)": "x",
    "np.log1p(np.abs({}))": "x",
    "np.log2(2 + {0} * {0})": "x",
    "np.log10(1.1 + {0} ** 2)": "x",
    "np.logaddexp({}, {})": "xx",
    "np.logaddexp({}, 0)": "x",
    "np.logaddexp2({}, {})": "xx",
    "np.sin({})": "x",
    "np.cos({})": "x",
    "np.tan(np.tanh({}))": "x",
    "np.arctan({})": "x",
    "np.arctan2({}, {})": "xx",
    "np.arcsin(0.9 * np.tanh({}))": "x",
    "np.arccos(0.8 * np.sin({}))": "x",
    "np.arccosh(1.2 + {0} * {0})": "x",
    "np.arctanh({0} / (1.5 + {0} * {0}))": "x",
    "np.sinc({})": "x",
    "np.sinh(np.clip({}, -3, 3))": "x",
    "np.cosh(np.clip({}, -3, 3))": "x",
    "np.tanh({})": "x",
    "np.arcsinh({})": "x",
    "nnplug.special.sigmoid({})": "x",
    "nnplug.special.softplus({})": "x",
    "nnplug.special.log_sigmoid({})": "x",
    "nnplug.special.erf({})": "x",
    "nnplug.special.erfc({})": "x",
    "nnplug.special.lgamma(0.2 + {0} * {0})": "x",
    "nnplug.special.lgamma(np.exp({}))": "x",
    "nnplug.special.digamma(0.5 + abs({}))": "x",
    "nnplug.special.trigamma(0.5 + {0} * {0})": "x",
    "np.where(np.isnan(0 / np.maximum({0}, 0)), {0}, np.log({0}))": "x",
    "np.where({}, {}, {})": "caa",
    "np.where({}, {}, 0)": "ca",
    "np.where({}, 1.0, {})": "ca",
    "np.where({}, 1.0, 0.0)": "c",
    "np.where({0} > {1}, {0}, {1} - 0.2)": "aa",
    # The branch that is not taken is NaN or infinite there, and so is its derivative.
    "np.where({0} > 0, np.log({0}), {1})": "xx",
    "np.where({0} > 0, np.sqrt({0}), 0)": "x",
    "np.where({0} > -8, {0}, np.exp(-300 * {0}))": "x",
    "np.where(np.abs({0}) < 1e-200, 1.0, np.sin({0}) / {0})": "x",
}
TRUTHS = {
    "{} > {}": "aa",
    "{} > 0": "a",
    "np.isfinite(np.exp(1000 * {}))": "x",
    "np.isnan(0 / np.maximum({}, 0))": "x",
    "np.isinf(np.exp(1000 * {}))": "x",
    "{} >= 0.3": "a",
    "{} < {}": "aa",
    "{} <= -0.2": "a",
    "{} == 0": "a",
    "{} != 0": "a",
    "np.greater({}, {})": "aa",
    "({0} > -0.5) & ({0} < {1})": "aa",
    "{} & {}": "cc",
    "{} | {}": "cc",
    "{} ^ {}": "cc",
    "~{}": "c",
    "np.logical_and({}, {})": "cc",
    "np.logical_or({}, {} > 0)": "ca",
    "np.logical_xor({}, {})": "ca",
    "np.logical_not({})": "a",
}
ROWS = {
    "np.sum({}, axis=-1, keepdims=True)": "r",
    "np.mean({}, axis=-1, keepdims=True)": "r",
    "np.max({}, axis=-1, keepdims=True)": "r",
    "np.min({}, axis=-1, keepdims=True)": "r",
    "np.amax({}, axis=-1, keepdims=True)": "r",
    "{}.mean(axis=-1, keepdims=True)": "r",
    "np.sum({} * {}, axis=-1, keepdims=True)": "rr",
    "np.linalg.norm({}, axis=-1, keepdims=True)": "y",
    "np.var({}, axis=-1, keepdims=True)": "r",
    "np.std(1.5 * {} + 0.1, axis=-1, keepdims=True)": "r",
    "np.cumsum({}, axis=-1)": "r",
    "np.sort({}, axis=-1)": "r",
    "np.flip({}, axis=-1)": "r",
    "nnplug.special.softmax({})": "y",
    "nnplug.special.log_softmax({})": "y",
    "nnplug.special.log_sum_exp({})": "y",
}
WHOLE = {
    "np.sum({})": "a",
    "np.sum({} * {})": "aa",
    "np.mean({})": "a",
    "{}.mean()": "a",
    "np.max({})": "a",
    "np.min(np.abs({}))": "a",
    "np.linalg.norm({})": "x",
    "np.var({})": "a",
    "np.std({0}, ddof=-1) * {0}": "x",
    "np.cumsum({}, axis=-1)": "r",
    "np.sort(abs({}), axis=-1)": "r",
    "np.sqrt(np.sum({0} ** 2))": "x",
    "np.mean({}, axis=0, keepdims=True)": "a",
    "{0} / (np.linalg.norm({0}) + 0.01)": "x",
    "{0} * np.minimum(1, 0.5 / (np.linalg.norm({0}) + 1e-6))": "x",
    "({0} @ ({1}.T @ {2}) if {0}.ndim == 2 else {2})": "fff",
    "(np.mean({0} * {0}, axis=-1, keepdims=True) if {0}.ndim == 2 else {0} * {0})": "f",
}
STEPS = {
    "1 - 0.9 ** step": "",
    "np.sqrt(step)": "",
    "learning_rate / np.sqrt(step)": "",
    "np.where(step > 2, {}, {})": "aa",
    "np.where(step == 1, {}, {})": "aa",
    "np.where(step == 1, param, s1)": "",
    "{} / (1 - 0.7 ** step)": "x",
    "{} * (step > 1)": "a",
    "np.where(np.floor(step / 2) * 2 == step, {}, {})": "aa",
    "np.minimum(step, 4) * {}": "a",
    "np.where(step % 2 == 0, {}, {})": "aa",
    "np.fmod(step, 3) * {}": "a",
}
LEFT_TO_NUMPY = (
    "sin", "cos", "tan(", "tan2", "copysign", "cbrt", "remainder({}", "} % (", "fmod({}", "//",
    "sort", "cumsum", "flip", "sinc",
    "sinh", "cosh", "arc", "hypot", "exp2", "log2", "log10", "round", "rint",
    "fmax", "fmin", "power", "** -", "** np", "axis=0", ".T",
)  # fmt: skip
"""Words of what no loop of the Numba engine takes: a step without it is one function."""

LABELS = {
    "np.take_along_axis({}, labels, axis=-1)": "f",
    "np.where(labels > 0, {}, {})": "aa",
    "np.where(labels == 1, {}, 0.3)": "a",
    "{} - labels": "a",
    "labels * {}": "a",
    "(labels == 1) * {}": "a",
    "np.sqrt(labels + 0.5) * {}": "a",
}


@dataclass(frozen=True)
class Line:
    """One line of a formula."""

    name: str
    template: str
    operands: tuple[str, ...]

    @property
    def text(self) -> str:
        return f"{self.name} = {self.template.format(*self.operands)}"


@dataclass(frozen=True)
class Formula:
    """A part's text, and how to cut it down.

    Attributes
    ----------
    kind : str
        `"activation"`, `"loss"` or `"optimizer"`.
    arguments : str
        As the function's head has them.
    given : str
        To the decorator, with its parentheses, or nothing.
    results : tuple of str
        The names that it returns.
    """

    kind: str
    name: str
    arguments: str
    given: str
    lines: tuple[Line, ...]
    results: tuple[str, ...]

    @property
    def text(self) -> str:
        """The source, without lines that nothing needs."""
        needed = set(self.results)
        kept = []
        for line in reversed(self.lines):
            if line.name in needed:
                kept.append(f"    {line.text}\n")
                needed |= set(line.operands)
        return (
            f"@nnplug.{self.kind}{self.given}\ndef {self.name}({self.arguments}):\n"
            f'    """Random."""\n{"".join(reversed(kept))}    return {", ".join(self.results)}\n'
        )

    def part(self) -> Any:
        """Make the part; messages find its lines."""
        text = f"import numpy as np\nimport nnplug\n\n\n{self.text}"
        filename = f"<{self.name}>"
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        names: dict[str, Any] = {}
        exec(compile(text, filename, "exec"), names)
        return names[self.name]

    def smaller(self) -> list[Formula]:
        """Give formulas that lack one of its operations."""
        made = []
        for number, line in enumerate(self.lines):
            for operand in line.operands:
                swap = {line.name: operand}
                rest = tuple(
                    replace(later, operands=tuple(swap.get(o, o) for o in later.operands))
                    for later in self.lines[number + 1 :]
                )
                results = tuple(swap.get(name, name) for name in self.results)
                made.append(replace(self, lines=self.lines[:number] + rest, results=results))
        return made


class Drawing:
    """Draws the lines of a formula, and computes them on samples.

    Parameters
    ----------
    rng : numpy.random.Generator
    samples : sequence of dict
        The arguments, in several shapes.
    fused : bool
        Whether to keep to what loops of the Numba engine take.
    """

    def __init__(
        self, rng: np.random.Generator, samples: Sequence[dict[str, Any]], *, fused: bool
    ) -> None:
        self.rng, self.fused = rng, fused
        self.samples = [{"np": np, "nnplug": nnplug, **sample} for sample in samples]
        self.names = [name for name in samples[0] if name not in ("labels", "step")]
        self.lines: list[Line] = []
        self.unread = set(self.names)
        self.shape = np.shape(self.samples[0][self.names[0]])

    def of(self, name: str) -> np.ndarray[Any, Any]:
        """Give a name's value on the first sample."""
        return np.asarray(self.samples[0][name])

    def add(self, template: str, *operands: str) -> str | None:
        """Add a line, if it is a number or a tame array on every sample."""
        line = Line(f"t{len(self.lines) + 1}", template, operands)
        values = []
        for sample in self.samples:
            try:
                with np.errstate(all="ignore"):
                    value = eval(template.format(*operands), sample)
                    fine = bool((np.abs(value) < LIMIT).all())
            except (TypeError, ValueError, ArithmeticError, AttributeError, NameError):
                return None
            if not fine or np.ndim(value) not in (0, np.ndim(sample[self.names[0]])):
                return None
            values.append(value)
        for sample, value in zip(self.samples, values, strict=True):
            sample[line.name] = value
        self.lines.append(line)
        self.names.append(line.name)
        self.unread = (self.unread - set(operands)) | {line.name}
        return line.name

    def pick(self, letter: str, taken: Sequence[str] = ()) -> str | None:
        """Draw an operand, one that nothing reads yet if there is one, more often than not."""
        wants_truth = letter == "c" or (letter in "ar" and self.rng.random() < TRUTHS_AS_NUMBERS)
        fitting = [
            name
            for name in self.names
            if (self.of(name).dtype == bool) == wants_truth
            and (letter != "n" or self.of(name).ndim == 0)
            and (letter not in "ry" or self.of(name).ndim > 0)
            and (letter != "f" or self.of(name).shape == self.shape)
        ]
        unread = [name for name in fitting if name in self.unread]
        if unread and self.rng.random() < 0.7:
            fitting = unread
        fitting = [name for name in fitting if name not in taken] or fitting
        return str(self.rng.choice(fitting)) if fitting else None

    def grow(self, count: int, tables: Sequence[dict[str, str]], shares: Sequence[float]) -> None:
        """Add lines from tables, each drawn as often as its share says."""
        wanted = len(self.lines) + count
        while len(self.lines) < wanted:
            table = tables[self.rng.choice(len(tables), p=np.divide(shares, sum(shares)))]
            template = list(table)[self.rng.integers(len(table))]
            if self.fused and any(word in template for word in LEFT_TO_NUMPY):
                continue
            operands: list[Any] = []
            for letter in table[template]:
                operands.append(self.pick(letter, operands))
            if None not in operands:
                self.add(template, *operands)

    def joined(self, name: str) -> str:
        """Add up a name and what nothing has read so far."""
        for other in sorted(self.unread - {name}, key=self.names.index):
            if other in self.whole() and self.rng.random() < 0.8:
                name = self.add("{} + {}", name, other) or name
        return name

    def whole(self) -> list[str]:
        """List the names of arrays of the full shape; as a rule, of numbers alone."""
        truths = self.rng.random() < TRUTHS_AS_NUMBERS / 4
        return [
            name
            for name in self.names
            if self.of(name).shape == self.shape and (truths or self.of(name).dtype != bool)
        ]


def _draw_name(rng: np.random.Generator, kind: str) -> str:
    return f"{kind}_{rng.integers(10**9)}"


SIZES = ((7, 4), (1, 4), (5, 1))


def draw_activation(rng: np.random.Generator, *, fused: bool = False) -> Formula:
    """Draw an activation, with options now and then."""
    options = {}
    arguments = "x"
    if rng.random() < 0.3:
        trained = rng.random() < 0.7 and not fused
        options["slope"] = 0.25
        arguments += f", *, slope={'nnplug.trainable(0.25)' if trained else 0.25}"
    samples = [{"x": 1.5 * rng.standard_normal(size), **options} for size in SIZES]
    drawing = Drawing(rng, samples, fused=fused)
    drawing.grow(int(rng.integers(1, 5)), (ELEMENTWISE, TRUTHS, ROWS), (0.72, 0.14, 0.14))
    result = drawing.joined(drawing.whole()[-1])
    if rng.random() < 0.3:
        result = drawing.add("{} + 0.4 * {}", result, "x") or result
    return Formula(
        "activation", _draw_name(rng, "activation"), arguments, "", tuple(drawing.lines), (result,)
    )


def draw_loss(rng: np.random.Generator, *, fused: bool = False) -> Formula:
    """Draw a loss of numbers or of labels, summed or averaged."""
    labels = rng.random() < 0.25
    arguments = ("logits", "labels") if labels else ("prediction", "target")
    samples = [
        {
            arguments[0]: rng.standard_normal(size),
            arguments[1]: rng.integers(0, size[1], (size[0], 1))
            if labels
            else rng.standard_normal(size),
        }
        for size in SIZES
    ]
    drawing = Drawing(rng, samples, fused=fused)
    tables, shares = [ELEMENTWISE, TRUTHS, ROWS], [0.72, 0.12, 0.16]
    if labels:
        tables, shares = [*tables, LABELS], [*shares, 0.3]
    else:
        drawing.add("{} - {}", *arguments)
    drawing.grow(int(rng.integers(0, 3)), tables, shares)
    result = next(name for name in reversed(drawing.names) if drawing.of(name).ndim)
    if result in drawing.whole():
        result = drawing.joined(result)
    if rng.random() < 0.5:
        square = "{0} * {0}" if drawing.of(result).dtype == bool else "{0} ** 2"
        result = drawing.add(f"{square} + 0.1 * {{1}}", result, arguments[0]) or result
    if rng.random() < 0.15:
        line = Line("total", "np.sum({}, axis=-1)", (result,))
        drawing.lines.append(line)
        result = line.name
    given = '(reduction="sum")' if rng.random() < 0.3 else ""
    return Formula(
        "loss", _draw_name(rng, "loss"), ", ".join(arguments), given, tuple(drawing.lines),
        (result,),
    )  # fmt: skip


def draw_optimizer(rng: np.random.Generator, *, fused: bool = False) -> Formula:
    """Draw an optimizer of up to three slots, which are returned in every way there is."""
    vector = rng.random() < 0.25
    slots = [f"s{number + 1}" for number in range(rng.integers(0, 4))]
    steps = rng.random() < 0.5
    samples = []
    for shape in ((4, 3), (3,), (1,)):
        sample = {name: 0.3 * rng.standard_normal(shape) for name in ("param", "grad", *slots)}
        samples.append(sample | {"learning_rate": 0.05} | ({"step": 3} if steps else {}))
    drawing = Drawing(rng, samples[1:] if vector else samples, fused=fused)
    tables, shares = [ELEMENTWISE, TRUTHS], [0.7, 0.14]
    if vector or rng.random() < 0.4:
        tables, shares = [*tables, WHOLE], [*shares, 0.2]
    if steps:
        tables, shares = [*tables, STEPS], [*shares, 0.2]
    drawing.grow(int(rng.integers(1, 4)), tables, shares)

    def array() -> str:
        names = drawing.whole()
        unread = [name for name in names if name in drawing.unread]
        return str(rng.choice(unread if unread and rng.random() < 0.7 else names))

    def new_slot(slot: str) -> str:
        ways = (
            lambda: slot,  # as it was
            lambda: "grad",
            lambda: drawing.add("np.where({} > {}, {}, {})", array(), array(), slot, array()),
            lambda: drawing.add("np.where({} > {}, {}, {})", array(), array(), array(), slot),
            lambda: drawing.add("0.9 * {} + {}", slot, array()),
            array,
        )
        return ways[rng.choice(len(ways), p=(0.1, 0.1, 0.1, 0.1, 0.4, 0.2))]() or array()

    def new_param() -> str:
        ways = (
            lambda: drawing.add("{} - learning_rate * {}", "param", array()),
            lambda: drawing.add("{} - learning_rate * ({} + {})", "param", array(), array()),
            lambda: drawing.add(
                "np.where({0} > {1}, {2} - learning_rate * {3}, {2})",
                array(), array(), "param", array(),
            ),
            array,
        )  # fmt: skip
        return ways[rng.choice(len(ways), p=(0.4, 0.4, 0.1, 0.1))]() or array()

    # A new value may be made before or after others, which may read it and the old one.
    made: dict[str, str] = {}
    for name in rng.permutation(["param", *slots]):
        made[name] = new_param() if name == "param" else new_slot(name)
        drawing.grow(int(rng.random() < 0.25), tables, shares)
    results = [made[name] for name in ("param", *slots)]
    arguments = ", ".join(["param", "grad", *slots, "*", *(["step"] if steps else [])])
    return Formula(
        "optimizer", _draw_name(rng, "optimizer"), f"{arguments}, learning_rate=0.05",
        '(over="vector")' if vector else "", tuple(drawing.lines), tuple(results),
    )  # fmt: skip


def plainest(kind: str) -> Formula:
    """Give the plainest formula of a kind."""
    arguments, template, *operands = {
        "activation": ("x", "np.tanh({})", "x"),
        "loss": ("prediction, target", "({} - {}) ** 2", "prediction", "target"),
        "optimizer": (
            "param, grad, *, learning_rate=0.05", "{} - learning_rate * {}", "param", "grad"
        ),
    }[kind]  # fmt: skip
    line = Line("t1", template, tuple(operands))
    return Formula(kind, f"plain_{kind}", arguments, "", (line,), ("t1",))
