"""Arguments to call each kind of part with, and the checks of every kind that need only those."""

# ruff: noqa: D401  # a check's docstring says what it makes sure of
from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np

from nnplug.errors import OptionError
from nnplug.parts import (
    Data,
    Initializer,
    Layer,
    Loss,
    Metric,
    Optimizer,
    OptionValue,
    Part,
    parse_layers,
    parse_part,
)
from nnplug.randomness import derive_generator, legacy_generator
from nnplug.testing.failure import Wrong, different
from nnplug.testing.stepping import Given, call, start, step, whole
from nnplug.types import AnyArray

__all__ = [
    "check_dtype",
    "deterministic",
    "generator_for",
    "inputs_unchanged",
    "loss_arguments",
    "mean_within",
    "metric_arguments",
    "options",
    "random",
    "results",
    "targets_of",
]


def random(seed: int) -> np.random.Generator:
    """Make the generator for a check's numbers."""
    return derive_generator(seed, "conformance")


def generator_for(part: Initializer, seed: int) -> np.random.Generator:
    """Make the generator that an initializer gets in a run with this seed."""
    return legacy_generator(seed) if part.legacy else derive_generator(seed, "init")


def loss_arguments(
    part: Loss, rows: int, columns: int, dtype: Any = np.float64, seed: int = 0
) -> tuple[AnyArray, AnyArray]:
    """Draw what a loss takes: outputs (N, C) and targets (N, C) or labels (N, 1).

    If it takes k outputs for each target, the outputs are (N, k·C).
    """
    generator = random(seed)
    if part.heads:
        output = generator.normal(size=(rows, columns * len(part.heads))) * 2 + 0.3
        if part.targets == "real":
            target = output[:, :columns] + generator.normal(size=(rows, columns)) + 0.2
        else:
            target = targets_of(part, generator, (rows, columns))
        return output.astype(dtype), target.astype(dtype)
    output = generator.normal(size=(rows, columns)) * 2 + 0.3
    if part.takes == "probabilities":
        shares = np.exp(output)
        output = shares / (1 + shares) if columns == 1 else shares / shares.sum(1, keepdims=True)
    if part.against == "labels":
        return output.astype(dtype), generator.integers(0, columns, (rows, 1))
    if part.targets == "real":
        target = output + generator.normal(size=output.shape) + 0.2
        return output.astype(dtype), target.astype(dtype)
    target = targets_of(part, generator, output.shape)
    if part.link == "identity" and part.takes == "prediction":
        # A mean of such targets, not a target itself.
        output = mean_within(part, np.abs(output) + 0.1)
    elif part.link == "log":
        output = 0.5 * output
    return output.astype(dtype), target.astype(dtype)


def targets_of(
    part: Loss, generator: np.random.Generator, shape: tuple[int, ...], *, inner: bool = False
) -> AnyArray:
    """Draw targets of a kind other than real numbers.

    Parameters
    ----------
    inner : bool
        Leave out those on the edge, such as 0 for counts: their link is infinite.
    """
    edge = generator.random(shape) < (0 if inner else 0.25)
    match part.targets:
        case "positive" | "nonnegative":
            target = np.exp(generator.normal(size=shape))
            return np.where(edge & (part.targets == "nonnegative"), 0.0, target)
        case "count":
            return generator.integers(1, 8, shape) * ~edge
        case "binary":
            return generator.integers(0, 2, shape).astype(np.float64)
        case "distribution":
            share = generator.random(shape) + 0.05
            if shape[1] > 1:
                share[:, 0] *= ~edge[:, 0]
            shares: AnyArray = share / share.sum(axis=1, keepdims=True)
            return shares
    return generator.uniform(0, 1, shape)


def mean_within(part: Loss, size: AnyArray) -> AnyArray:
    """Turn positive numbers into possible means of targets of a kind."""
    mean = size
    if part.targets == "distribution":
        mean = size / size.sum(axis=1, keepdims=True)
    elif part.targets in ("unit", "binary"):
        mean = size / (1 + size)
    return mean


def metric_arguments(part: Metric, *, good: bool) -> tuple[AnyArray, AnyArray]:
    """Make answers that are all right, or all far off, and the true values."""
    labels = np.tile(np.arange(3), 4)
    if part.takes == "prediction":
        target = random(0).normal(size=(12, 2)) + 0.5
        return (target.copy() if good else -3 * target - 5), target
    chosen = labels if good else (labels + 1) % 3
    if part.takes == "classes":
        return chosen, labels
    return 0.05 + 0.85 * np.eye(3)[chosen], labels


def _arguments(part: Part) -> tuple[list[Any], dict[str, Any]]:
    """Make one valid set of arguments, the same at every call."""
    if isinstance(part, Loss):
        output, target = loss_arguments(part, 4, 3)
        return [*(head.copy() for head in part.split(output)), target], {}
    if isinstance(part, Metric):
        return [*metric_arguments(part, good=False)], {}
    if isinstance(part, Optimizer):
        part = whole(part)
        state = start(part, random(0).normal(size=(4, 3)))
        grads = [random(number).normal(size=(4, 3)) for number in (1, 2, 3)]
        for number, grad in enumerate(grads[:2], start=1):
            state = step(part, state, grad, number, curvature=grad)
        given = Given(3, part.learning_rate, grads[1])
        own, named, _ = call(part, state[1:], given)
        return [state[0], grads[2], *own], named
    if isinstance(part, Initializer):
        inputs = [random(0).normal(size=(6, 5))] if part.from_inputs else []
        return [generator_for(part, 3), 5, 4, *inputs], {}
    if part.kind == "schedule":
        return [2.5, 10], {}
    if part.kind == "activation":
        return [random(0).normal(size=(6, 3)) * 2], {}
    return [], {}


def results(value: Any) -> list[AnyArray]:
    """Return what a part returned as a list of arrays."""
    if isinstance(value, Data):
        return [np.asarray(value.inputs), np.asarray(value.targets)]
    return [np.asarray(array) for array in (value if isinstance(value, tuple) else (value,))]


# --- shared by the checks of several kinds ----------------------------------------


def check_dtype(
    part: Part, what: str, kind: Any, found: Any, *, traced: bool, size: str = ""
) -> None:
    """Refuse an array whose dtype is not the one that the formula was given.

    Training runs the traced formula, whose numbers adapt to any dtype. In a
    plain call, the root of a number is a NumPy float64, which widens float32.
    That is not the author's fault, but a float64 in the author's module is.

    Parameters
    ----------
    traced : bool
        Whether it comes from the traced formula, and not from a plain call.
    size : str
        Of the input, for the message.
    """
    given = np.asarray(found).dtype
    widens = not traced and given == np.float64
    named = _wide_number(part) if widens else ""
    if given != kind and (not widens or named):
        raise Wrong(
            f"{what} for {np.dtype(kind).name}{size}: the part gives {given}, expected the input's "
            "dtype; a NumPy number such as np.float64(2) widens an array, a plain 2.0 does "
            f"not{f': {named} is a NumPy number; write float({named})' if named else ''}"
        )


def _wide_number(part: Part) -> str:
    """Name a NumPy float64 that a part's function reads from its module."""
    read = inspect.getclosurevars(inspect.unwrap(part.function))
    values = {**read.globals, **read.nonlocals}
    return next((name for name, value in values.items() if isinstance(value, np.float64)), "")


# --- checks of every kind ---------------------------------------------------------


def deterministic(part: Part) -> None:
    """The same arguments give the same numbers, to the bit."""
    found = []
    for _ in range(2):
        arguments, given = _arguments(part)
        found.append(results(part(*arguments, **given)))
    for first, second in zip(*found, strict=True):
        if first.dtype.kind in "OU":
            said = "" if first.tolist() == second.tolist() else "the part gives other values"
        else:
            said = different(second, first, rtol=0, atol=0)
        if said:
            raise Wrong(f"called twice with the same arguments: the second time {said}")


def inputs_unchanged(part: Part) -> None:
    """The part does not write into its arguments."""
    arguments, given = _arguments(part)
    before = [argument.copy() for argument in arguments]
    part(*arguments, **given)
    names = part.function.__code__.co_varnames
    for name, old, new in zip(names, before, arguments, strict=False):
        said = different(new, old, rtol=0, atol=0)
        if said:
            place = said.partition(":")[0]
            raise Wrong(
                f"it writes into its argument {name!r}, {place}; return new values, "
                f"with {name} + 1 for {name} += 1"
            )


def options(part: Part) -> None:
    """Every option can be written in the text form, and is read back as it was."""
    for key, default in part.defaults.items():
        for value in (default, *_others(part, key)):
            text = ""
            try:
                changed = part.with_options(**{key: value})
                text = _text(changed, key)
                read = part.with_options(**_read(part, text))
            except OptionError as error:
                raise Wrong(
                    f"the option {key!r} with value {value!r}, as {text or 'an option'}: {error}"
                ) from None
            if read.options[key] != changed.options[key]:
                raise Wrong(
                    f"the option {key!r} with value {value!r} is written {text} and read back "
                    f"as {read.options[key]!r}"
                )


def _text(part: Part, key: str) -> str:
    """Write the text form with one option, even if it has its default."""
    no_default = cast(OptionValue, None)
    return replace(
        part,
        defaults=dict.fromkeys(part.defaults, no_default),
        options={key: part.options[key]},
    ).text


def _read(part: Part, text: str) -> dict[str, str]:
    """Read the options of a text form; a layer's is read as one of several."""
    if isinstance(part, Layer):
        (said,) = parse_layers(text)
        text = said.text
    return parse_part(text, part.bare_option).options


def _others(part: Part, key: str) -> list[OptionValue]:
    """Choose other values of an option, within its range; which texts are valid is unknown."""
    default, interval = part.defaults[key], part.ranges.get(key)
    if isinstance(default, bool):
        return [not default]
    if isinstance(default, str):
        return []
    whole = isinstance(default, int)
    others = (default + 1, default + 1000) if whole else (default / 3 + 0.1, default + 1e-7)
    return [value for value in others if interval is None or value in interval]


Suite = dict[str, Callable[..., None]]
"""The checks of a kind by name; one that takes `engine` besides the part runs in each engine."""
