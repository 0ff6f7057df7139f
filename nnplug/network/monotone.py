"""Monotone networks: how they are made, and the proof that one is.

A path from an input to an output rises if the product of its weights' signs is not
negative and the activations between them never fall. So each unit gets a sign, and
a weight between two units the product of theirs: the network then rises with each
input of sign 1 (Sill, 1998, "Monotonic Networks"). With all signs 1, relu could only
make convex functions; of units with sign -1 it makes concave ones, the pair of
Runje & Shankaranarayana (2023, arXiv:2205.11775, equation 7), with no activation but
the user's.

Letters: D inputs, H units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nnplug.builtin.layers import dense, dropout, monotone_dense
from nnplug.errors import FormulaError, SettingError
from nnplug.formulas.boxes import find_jumps, sign_everywhere
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.graph import Symbol, walk
from nnplug.formulas.tracing import Formula
from nnplug.network.network import Network
from nnplug.parts import Activation, Layer, Noise, Placed
from nnplug.parts.placing import place, trace_placed
from nnplug.types import AnyArray

__all__ = [
    "Directions",
    "constrain",
    "directions",
    "monotone_layers",
    "refuse_falling",
    "why_not_rising",
]

BoolArray = npt.NDArray[np.bool_]

_JUMP = 1e-12
"""A step down by less, relative to the value, is taken for rounding."""


# --- making one -----------------------------------------------------------------------


def monotone_layers(layers: Sequence[Activation | Layer]) -> list[Activation | Layer]:
    """Replace dense layers by those whose weights have signs.

    Raises
    ------
    SettingError
        If a layer or an activation does not allow a monotone network.
    """
    made: list[Activation | Layer] = []
    for part in layers:
        if part.function in (dense.function, monotone_dense.function):
            made.append(monotone_dense.with_options(units=part.options["units"]))
            continue
        if isinstance(part, Layer):
            if part.function is not dropout.function:
                raise SettingError(
                    f"layer {part.text!r}: only dense and dropout layers, with activations, can "
                    "be made monotone.\nLeave it out, or increasing and decreasing."
                )
        else:
            refuse_falling(part)
        made.append(part)
    if not any(part.function is monotone_dense.function for part in made):
        raise SettingError(
            "increasing, decreasing: a monotone network needs a hidden layer.\n"
            "Give one, as in hidden=64."
        )
    return made


def refuse_falling(part: Activation) -> None:
    """Refuse an activation that falls somewhere, or is not proved never to.

    Raises
    ------
    SettingError
    """
    (placed,) = place(2, [part])
    why = why_not_rising(placed, None)
    if why is not None:
        raise SettingError(
            f"activation {part.text!r}: {why}, so a network with it is not monotone.\n"
            "Use one that never falls, such as relu, elu, softplus or tanh."
        )


def constrain(network: Network, signs: AnyArray) -> None:
    """Set the signs of a network of monotone layers.

    Parameters
    ----------
    signs : array
        (D,), 1 for an input that the outputs rise with, -1 for one they fall with,
        and 0 for any other.
    """
    before = np.asarray(signs, network.dtype)
    layers = [part for part in network.placed if part.part.function is monotone_dense.function]
    for placed in layers:
        after = np.ones(placed.outputs, network.dtype)
        if placed is not layers[-1]:
            after[1::2] = -1  # half of the units, so that relu is not convex alone
        network[f"{placed.name}.sign"][...] = np.outer(before, after)
        before = after


# --- proving it -----------------------------------------------------------------------


@dataclass(frozen=True)
class Directions:
    """In which directions outputs may move when an input rises; all else is ruled out.

    Attributes
    ----------
    up, down : array of bool
        (D, C), whether an output may rise, and whether it may fall.
    reasons : tuple of str
        Why less is known than could be: a line for each layer that is no obvious help.
    """

    up: BoolArray
    down: BoolArray
    reasons: tuple[str, ...] = ()


def directions(network: Network) -> Directions:
    """Find how outputs move with inputs, over all inputs and not at samples.

    Raises
    ------
    FormulaError
        If a layer cannot be traced.
    """
    given = {span.name: network[span.name].astype(np.float64) for span in network.spans}
    up, down = np.eye(network.inputs, dtype=bool), np.zeros((network.inputs,) * 2, bool)
    reasons: list[str] = []
    for placed in network.placed:
        formula = trace_placed(placed, training=False).value
        if formula.is_identity:
            continue
        matrix = _matrix(placed, formula, given)
        if matrix is not None:
            rise, fall = matrix > 0, matrix < 0
            # Of truth values, @ tells whether any path of that kind is there.
            up, down = (up @ rise) | (down @ fall), (up @ fall) | (down @ rise)
            continue
        moves = up | down
        if formula.slope is not None:
            why = why_not_rising(placed, given)
            if why is not None:
                up = down = moves
                reasons.append(f"{placed.name}: {placed.part.text} {why}")
            continue
        every = moves.any(axis=1, keepdims=True)
        up = down = np.repeat(every, placed.outputs, axis=1)
        reasons.append(f"{placed.name}: {placed.part.text} mixes its inputs")
    return Directions(up, down, tuple(reasons))


def _matrix(placed: Placed, formula: Formula, given: Mapping[str, AnyArray]) -> AnyArray | None:
    """Give the matrix, (D, H), of a layer that is affine in its inputs; else None."""
    pulled = formula.pulled[0]
    nodes = walk([pulled])
    if any(node is formula.inputs[0] or node.operation.opaque for node in nodes):
        return None
    arrays = _arrays(placed, formula, given)
    (found,) = evaluate([pulled], {**arrays, formula.g.name: np.eye(placed.outputs)})
    turned: AnyArray = np.broadcast_to(found, (placed.outputs, placed.inputs)).T
    return turned


def _arrays(placed: Placed, formula: Formula, given: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    return {
        symbol.name: given[array.name]
        for array, symbol in zip(placed.arrays, formula.inputs[1:], strict=True)
        if not isinstance(array.declared, Noise)
    }


def why_not_rising(placed: Placed, given: Mapping[str, AnyArray] | None) -> str | None:
    """Say why an activation is not proved never to fall; None if it is.

    Its derivative is bounded on boxes that cover all finite numbers. Where it may be
    discontinuous, its values on both sides are compared too.

    Parameters
    ----------
    given : mapping of str to array, optional
        The network's arrays, by name; without them, what is learned may be anything.
    """
    try:
        formula = trace_placed(placed, training=False).value
    except FormulaError:
        return "cannot be traced"
    x = formula.inputs[0]
    if any(node.operation.opaque for node in walk([formula.y])):
        return "runs as it stands, without a formula"
    derived = Formula(formula.name, formula.inputs, formula.written)
    if derived.slope is None:
        return "is not elementwise"
    others: dict[str, tuple[float, float]] = {}
    if given is not None:
        arrays = _arrays(placed, formula, given)
        others = {name: (float(a.min()), float(a.max())) for name, a in arrays.items()}
    sign, box = sign_everywhere(derived.slope, x.name, others)
    if sign == "unknown" and formula.slope is not None and _agree(formula, derived, others):
        sign, box = sign_everywhere(formula.slope, x.name, others)
    if sign != "never negative":
        assert box is not None
        where = f"{box[0]:.3g} and {box[1]:.3g}"
        if sign == "sometimes negative":
            return f"falls between {where}"
        if placed.arrays and given is None:
            return "learns a number with which it may fall"
        return f"is not proved never to fall (between {where})"
    jumps = find_jumps(formula.y, x.name, others)
    fixed = len(others) == len(formula.inputs) - 1 and all(a == b for a, b in others.values())
    if jumps is None or (len(jumps[0]) and not fixed):
        if placed.arrays and given is None:
            return "learns a number with which it may fall"
        return "is not proved to be without jumps"
    place_of = _falls(formula.y, x.name, others, *jumps)
    return None if place_of is None else f"jumps down at {place_of:.6g}"


def _agree(formula: Formula, derived: Formula, others: Mapping[str, tuple[float, float]]) -> bool:
    """Whether the author's derivative is the formula's, as it need not be."""
    points = np.linspace(-20, 20, 4001)[:, np.newaxis] + 1e-3 / np.pi
    given = {formula.inputs[0].name: points, **{name: low for name, (low, _) in others.items()}}
    known = {symbol.name for symbol in formula.inputs}
    if known - set(given):
        return False
    one, other = (_value(each.slope, given) for each in (formula, derived))
    return bool(np.allclose(one, other, rtol=1e-6, atol=1e-9))


def _falls(
    value: Symbol,
    name: str,
    others: Mapping[str, tuple[float, float]],
    low: AnyArray,
    high: AnyArray,
) -> float | None:
    """Find a narrow box over which the value falls."""
    if not len(low):
        return None
    points = np.stack([np.nextafter(low, -np.inf), low, high, np.nextafter(high, np.inf)])
    values = _value(value, {name: points, **{key: number for key, (number, _) in others.items()}})
    size = np.maximum(abs(values[1:]), 1.0)
    wrong = np.argwhere(~(np.diff(values, axis=0) >= -_JUMP * size))
    return float(low[wrong[0][1]]) if len(wrong) else None


def _value(symbol: Symbol | None, given: Mapping[str, Any]) -> AnyArray:
    assert symbol is not None
    (found,) = evaluate([symbol], given)
    (points,) = (array for array in given.values() if np.ndim(array))
    spread: AnyArray = np.broadcast_to(found, np.shape(points))
    return spread
