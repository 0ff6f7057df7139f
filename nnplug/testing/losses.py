"""The checks of a loss."""

# ruff: noqa: D401  # a check's docstring says what it makes sure of
from __future__ import annotations

from typing import Any

import numpy as np

from nnplug.engines import Engine
from nnplug.formulas.derivative import differentiate
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.graph import Symbol
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower
from nnplug.parts import Loss
from nnplug.parts.targets import linked
from nnplug.testing.engine import BATCH, COLUMN, printed_loss, some_of
from nnplug.testing.examples import (
    Suite,
    check_dtype,
    deterministic,
    inputs_unchanged,
    loss_arguments,
    mean_within,
    options,
    random,
    targets_of,
)
from nnplug.testing.failure import Wrong, contrast, different, number, where_in
from nnplug.testing.numeric import Measured, curve_along, worst
from nnplug.testing.numeric import gradient as measure
from nnplug.types import AnyArray

__all__ = ["CHECKS"]

SHAPES = ((1, 1), (1, 3), COLUMN, BATCH, (3, 4))
"""Rows by outputs: one row, one output, several of both; none is square."""

FAR = {"identity": 1e4, "log": 30.0, "logit": 1e4, "softmax": 1e4}
"""How far from 0 the errors must be finite, by link: the exponential of 30 is 1e13."""

LINK_HINT = """; if the prediction is not the target's mean itself, declare its link, as in \
@nnplug.loss(link="log")"""


def _traced(part: Loss) -> list[Symbol]:
    """Trace the errors and the derivative of their sum."""
    graph = new_graph()
    output, target = part.inputs(graph)
    errors = part.value(output, target)
    return [errors, *differentiate(errors, [output], graph.constant(1.0))]


def _evaluate(
    part: Loss, nodes: list[Symbol], output: AnyArray, target: AnyArray
) -> list[AnyArray]:
    return evaluate(nodes, {part.takes: output.copy(), part.against: target.copy()})


def _errors(part: Loss, output: AnyArray, target: AnyArray) -> AnyArray:
    """Call the author's function; a batch's single number is the error of each of its rows."""
    errors = np.asarray(part(output.copy(), target.copy()))
    alone = part.over == "batch" and errors.size == 1
    return np.broadcast_to(errors, (len(output), 1)) if alone else errors


def _number(
    part: Loss, output: AnyArray, target: AnyArray, weight: AnyArray | None = None
) -> float:
    """Average or sum what the author's function returns."""
    errors = _errors(part, output, target).astype(np.float64).reshape(len(output), -1)
    share = np.ones((len(output), 1)) if weight is None else weight
    total = float(np.sum(share * errors))
    return total if part.reduction == "sum" else total / float(share.sum() * errors.shape[1])


def _first(part: Loss) -> str:
    """Name the loss's outputs."""
    return f"the outputs ({', '.join(part.heads)})" if part.heads else part.takes


def _size(output: AnyArray) -> str:
    rows, columns = output.shape
    return f"{rows} row{'s' if rows > 1 else ''} and {columns} output{'s' if columns > 1 else ''}"


def formula(part: Loss) -> None:
    """The traced formula, as written and lowered, is the function."""
    nodes = _traced(part)
    for rows, columns in SHAPES:
        output, target = loss_arguments(part, rows, columns)
        expected = _errors(part, output, target)
        for form, forms in (("traced", nodes), ("traced and lowered", lower(nodes))):
            errors = _evaluate(part, forms, output, target)[0]
            said = different(errors, expected)
            if said:
                raise Wrong(f"errors of the formula, {form}, for {_size(output)}, {said}")


def gradient(part: Loss, engine: Engine) -> None:
    """Training descends the number it prints, for any number of rows and outputs."""
    for seed, (rows, columns) in enumerate(some_of(SHAPES, engine)):
        output, target = loss_arguments(part, rows, columns, seed=seed)

        def printed(outputs: AnyArray, target: AnyArray = target) -> float:
            return _number(part, outputs, target)

        def slope(outputs: AnyArray, target: AnyArray = target) -> AnyArray:
            return printed_loss(part, outputs, target)[2]

        measured = measure(printed, output)
        given = printed_loss(part, output, target, engine=engine)[2]
        index, wrong = worst(given.reshape(-1), measured)
        if index is not None:
            place = tuple(int(at) for at in np.unravel_index(index, output.shape))
            raise Wrong(
                f"derivative of the printed number for {_size(output)}, at {where_in(place)}, "
                f"{part.takes} = {number(output[place])}: "
                f"{contrast(given[place], measured.slope[place])}; wrong at {wrong} of "
                f"{output.size} elements",
                curve_along(part.takes, output, place, printed, slope),
            )


def reduction(part: Loss, engine: Engine) -> None:
    """The printed number is the mean, or the declared sum, of the function's errors."""
    if part.reduction not in ("mean", "sum"):
        raise Wrong(f"reduction is {part.reduction!r}, neither 'mean' nor 'sum'")
    for rows, columns in some_of(SHAPES, engine):
        output, target = loss_arguments(part, rows, columns)
        expected = _number(part, output, target)
        evaluated, trained, _ = printed_loss(part, output, target, engine=engine)
        for where, given in (("an evaluation", evaluated), ("a training step", trained)):
            if not np.isclose(given, expected, rtol=1e-10, atol=1e-13):
                raise Wrong(
                    f"{part.reduction} printed by {where}, for {_size(output)}: "
                    f"{contrast(given, expected)}"
                )


def weights(part: Loss, engine: Engine) -> None:
    """With a weight for each row, the number is Σwℓ / Σw, where ℓ is the number of a row alone.

    For a loss over a batch, ℓ is the row's error in that batch.
    """
    for rows, columns in [BATCH] if engine.preparation else SHAPES:
        output, target = loss_arguments(part, rows, columns)
        weight = np.linspace(0.25, 2.0, rows).reshape(-1, 1)
        expected, slope = _weighted(part, output, target, weight)
        *printed, given = printed_loss(part, output, target, weight, engine=engine)
        for where, found in zip(("an evaluation", "a training step"), printed, strict=True):
            if not np.isclose(found, expected, rtol=1e-10, atol=1e-13):
                raise Wrong(
                    f"weighted {part.reduction} printed by {where}, for {_size(output)}: "
                    f"{contrast(found, expected)}"
                )
        if isinstance(slope, Measured):
            index, wrong = worst(given.reshape(-1), slope)
            if index is not None:
                raise Wrong(
                    f"gradient with weights, for {_size(output)}, "
                    f"{contrast(given.reshape(-1)[index], slope.slope.reshape(-1)[index])}; wrong "
                    f"at {wrong} of {given.size} elements"
                )
        elif said := different(given, slope):
            raise Wrong(f"gradient with weights, for {_size(output)}, {said}")


def _weighted(
    part: Loss, output: AnyArray, target: AnyArray, weight: AnyArray
) -> tuple[float, AnyArray | Measured]:
    """Return the weighted number and its derivative: from single rows, or measured for a batch."""
    if part.over == "batch":
        number_ = _number(part, output, target, weight)
        return number_, measure(lambda outputs: _number(part, outputs, target, weight), output)
    rows = [slice(row, row + 1) for row in range(len(output))]
    alone = [printed_loss(part, output[row], target[row]) for row in rows]
    share = weight if part.reduction == "sum" else weight / weight.sum()
    expected = float(np.sum(share[:, 0] * [evaluated for evaluated, _, _ in alone]))
    return expected, np.concatenate([slope for _, _, slope in alone]) * share


def minimum(part: Loss) -> None:
    """Nothing is better than the target, or its link; a right class is better than a wrong one.

    For a loss that takes several outputs, this holds for the first, which is
    the prediction, whatever the others are.
    """
    if part.heads:
        _minimum_of_heads(part)
        return
    scores = part.takes == "logits" or (part.link == "logit" and part.targets == "binary")
    if part.against == "target" and not scores:
        for seed in range(6):
            output, away, target = _best_and_away(part, seed)
            best, worse = _number(part, output, target), _number(part, away, target)
            if not best <= worse + 1e-12 * abs(worse):
                where = (
                    f"where {part.takes} and target are equal"
                    if part.link == "identity"
                    else f"at the {part.link} of the target"
                )
                hint = LINK_HINT if (part.takes, part.link) == ("prediction", "identity") else ""
                raise Wrong(
                    f"the loss {where} is {number(best, 6)}, and {number(worse, 6)} at up to "
                    f"{number(abs(away - output).max())} from it{hint}"
                )
        return
    right, wrong, target = _right_and_wrong(part)
    better, worse = _number(part, right, target), _number(part, wrong, target)
    if not better < worse:
        raise Wrong(
            f"the loss of right answers is {number(better, 6)}, of wrong ones {number(worse, 6)}"
        )


def _minimum_of_heads(part: Loss) -> None:
    if part.predict is not None:
        return  # only the author knows what the outputs should be for a target
    best_at = "the target" if part.link == "identity" else f"the {part.link} of the target"
    for seed in range(6):
        output, target = loss_arguments(part, 4, 3, seed=seed)
        if part.targets != "real":
            target = targets_of(part, random(seed), target.shape, inner=True)
        output[:, :3] = linked(part.link, target)
        away = output.copy()
        away[:, :3] += random(seed).normal(size=target.shape) * 10.0 ** (-seed / 2)
        best, worse = _number(part, output, target), _number(part, away, target)
        if not best <= worse + 1e-12 * abs(worse):
            raise Wrong(
                f"the loss where {part.heads[0]}, which is predicted, is {best_at} is "
                f"{number(best, 6)}, and {number(worse, 6)} at up to "
                f"{number(abs(away - output).max())} from it; if {part.heads[0]} is not the "
                "prediction, say what is: @nnplug.loss(predict=...)"
            )


def _best_and_away(part: Loss, seed: int) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Draw targets, the best outputs for them, and others; with the seed these come nearer."""
    generator = random(seed)
    if part.targets == "real":
        _, target = loss_arguments(part, 4, 3, seed=seed)
        best = target
    else:
        target = targets_of(part, generator, (4, 3), inner=part.takes == "prediction")
        best = linked(part.link, target)
    noise = random(seed).normal(size=target.shape) * 10.0 ** (-seed / 2)
    if part.link != "identity" or part.targets == "real":
        return best, best + noise, target
    if part.targets in ("positive", "nonnegative", "count"):
        return best, best * np.exp(noise), target
    away = np.clip(best + noise, 0.001, 0.999)
    if part.targets == "distribution":
        away /= away.sum(axis=1, keepdims=True)
    return best, away, target


def _right_and_wrong(part: Loss) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Make confident right and wrong answers for three classes, or for yes and no."""
    if part.against == "labels":
        labels = np.array([[0], [1], [2], [1]])
        # Over a batch, labels may be exchanged: wrong is what separates rows of one class.
        moved = np.arange(len(labels)) if part.over == "batch" else 1
        hits, misses = np.eye(3)[labels[:, 0]], np.eye(3)[(labels[:, 0] + moved) % 3]
        if part.takes == "probabilities":
            return 0.05 + 0.85 * hits, 0.05 + 0.85 * misses, labels
        return 4 * hits, 4 * misses, labels
    target = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0] if part.by_row else [1.0, 1.0]])
    right = 8 * target - 4
    return right, -right, target


def finite(part: Loss, engine: Engine) -> None:
    """Errors and derivative are finite at ±1e4, a log of ±30, or probabilities of 0 and 1."""
    nodes = _traced(part)
    for dtype in (np.float64, np.float32):
        output, target = loss_arguments(part, *BATCH, dtype)
        if part.heads:
            output[:3] = FAR["log"] * np.resize([1, -1, 0, -1, 1], (3, output.shape[1]))
        elif part.takes == "probabilities":
            # They occur: the sigmoid of 40 is 1.
            output[:] = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 0]])
            if part.against == "target":
                wrong = output[[1, 2]] if part.targets == "distribution" else 1 - output[2:]
                target[:2], target[2:] = output[:2], wrong
        elif part.link == "identity" and part.targets not in ("real", "labels"):
            size = np.array([[1e4, 1e-4, 1], [1e4, 1e4, 1e4], [1e-4, 1e-4, 1e-4]])
            output[:3] = mean_within(part, size)
        else:
            output[:3] = FAR[part.link] * np.array([[1, -1, 0], [1, 1, 1], [-1, -1, -1]])
        found = [_errors(part, output, target)]
        found += _evaluate(part, nodes, output, target)
        for what, array in zip(("error", "error", "derivative"), found, strict=True):
            bad = ~np.isfinite(array.reshape(len(output), -1))
            if bad.any():
                row, column = np.argwhere(bad)[0]
                shown = ", ".join(number(value) for value in output[row])
                against = ", ".join(number(value) for value in target[row])
                raise Wrong(
                    f"{what} for {_first(part)} ({shown}) and {part.against} ({against}) in "
                    f"{np.dtype(dtype).name}: the part gives "
                    f"{array.reshape(len(output), -1)[row, column]}, expected a finite number"
                    f"{LINK_HINT if (part.takes, part.link) == ('prediction', 'identity') else ''}"
                )
        evaluated, trained, slope = printed_loss(part, output, target, engine=engine)
        numbers: dict[str, Any] = {
            "an evaluation's loss": evaluated,
            "a training step's loss": trained,
        }
        for what, number_ in {**numbers, "the derivative": slope}.items():
            if not np.isfinite(number_).all():
                raise Wrong(
                    f"{what} is not finite in {np.dtype(dtype).name}, though the function is, at "
                    "the same numbers"
                )


def strict_shapes(part: Loss) -> None:
    """Outputs (N, 1) against targets (N,) are refused, not broadcast to (N, N)."""
    output, target = loss_arguments(part, 3, 1)
    flat = target[:, 0]
    for where, compute in (
        ("a call", lambda: np.sum(part(output, flat))),
        ("training", lambda: printed_loss(part, output, flat)[1]),
    ):
        try:
            found = compute()
        except Exception:  # which one is up to the code that refuses
            continue
        raise Wrong(
            f"{part.takes} of shape {output.shape} and {part.against} of shape {flat.shape} in "
            f"{where}: the part gives {number(found)}, expected an error"
        )


def prediction(part: Loss) -> None:
    """Predictions from several outputs have the target's shape; intervals hold them and widen."""
    if not part.heads:
        return
    for rows, columns in SHAPES:
        output, target = loss_arguments(part, rows, columns)
        predicted = part.predicted(output.copy())
        _check_head(part, "predict", predicted, target)
        if part.interval is None:
            continue
        narrower: tuple[AnyArray, AnyArray] | None = None
        for level in (0.5, 0.9, 0.99):
            lower_, upper = part.bounds(output.copy(), level)
            for bound in (lower_, upper):
                _check_head(part, f"interval, at level {level}", bound, target)
            inside = (lower_ <= predicted) & (predicted <= upper)
            if narrower is not None:
                inside &= (lower_ <= narrower[0]) & (narrower[1] <= upper)
            if not inside.all():
                place = tuple(int(at) for at in np.argwhere(~inside)[0])
                raise Wrong(
                    f"interval at level {level}, at {where_in(place)}: it is from "
                    f"{number(lower_[place])} to {number(upper[place])}; expected one that "
                    f"contains the prediction, {number(predicted[place])}, and the intervals of "
                    "lower levels"
                )
            narrower = lower_, upper


def _check_head(part: Loss, what: str, found: AnyArray, target: AnyArray) -> None:
    if found.shape != target.shape:
        raise Wrong(
            f"{what} of {_first(part)}, each of shape {target.shape}: the part gives shape "
            f"{found.shape}, expected that shape"
        )
    if not np.isfinite(found).all():
        raise Wrong(f"{what} of {_first(part)}: the part gives a number that is not finite")


def dtype(part: Loss) -> None:
    """float32 in, float32 out, for errors and derivative; float64 likewise."""
    nodes = _traced(part)
    for kind in (np.float32, np.float64):
        output, target = loss_arguments(part, 4, 3, kind)
        check_dtype(part, "errors", kind, part(output.copy(), target.copy()), traced=False)
        found = _evaluate(part, nodes, output, target)
        for what, array in zip(("errors", "derivative"), found, strict=True):
            check_dtype(part, what, kind, array, traced=True)


CHECKS: Suite = {
    "formula": formula,
    "gradient": gradient,
    "reduction": reduction,
    "weights": weights,
    "minimum": minimum,
    "prediction": prediction,
    "finite": finite,
    "strict-shapes": strict_shapes,
    "dtype": dtype,
    "inputs-unchanged": inputs_unchanged,
    "deterministic": deterministic,
    "options": options,
}
