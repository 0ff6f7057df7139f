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
from nnplug.parts.link import linked
from nnplug.testing.activations import curve_along, worst
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
from nnplug.testing.numeric import gradient as measure
from nnplug.types import AnyArray

__all__ = ["CHECKS"]

SHAPES = ((1, 1), (1, 3), COLUMN, BATCH, (3, 4))
"""Rows and outputs: one row, one output, and neither square."""

FAR = {"identity": 1e4, "log": 30.0, "logit": 1e4, "softmax": 1e4}
"""How far from 0 the errors must be finite, by the link: the exponential of 30 is 1e13."""

LINK_HINT = (
    "; if the prediction is not the mean of the target itself, declare what it is, such as "
    '@nnplug.loss(link="log")'
)


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


def _number(part: Loss, output: AnyArray, target: AnyArray) -> float:
    """Average or sum what the author's function returns."""
    errors = np.asarray(part(output.copy(), target.copy()), np.float64)
    return float(errors.sum() if part.reduction == "sum" else errors.mean())


def _size(output: AnyArray) -> str:
    rows, columns = output.shape
    return f"{rows} row{'s' if rows > 1 else ''} and {columns} output{'s' if columns > 1 else ''}"


def formula(part: Loss) -> None:
    """The traced formula, as written and lowered, is the function."""
    nodes = _traced(part)
    for rows, columns in SHAPES:
        output, target = loss_arguments(part, rows, columns)
        expected = np.asarray(part(output.copy(), target.copy()))
        for form, forms in (("traced", nodes), ("traced and lowered", lower(nodes))):
            errors = _evaluate(part, forms, output, target)[0]
            said = different(errors, expected)
            if said:
                raise Wrong(f"errors of the formula, {form}, for {_size(output)}, {said}")


def gradient(part: Loss, engine: Engine) -> None:
    """Training descends the number it prints, at any number of rows and outputs."""
    for seed, (rows, columns) in enumerate(some_of(SHAPES, engine)):
        output, target = loss_arguments(part, rows, columns, seed=seed)
        measured = measure(lambda each, target=target: _number(part, each, target), output)  # type: ignore[misc]  # target is bound early
        given = printed_loss(part, output, target, engine=engine)[2]
        index, wrong = worst(given.reshape(-1), measured)
        if index is not None:
            place = tuple(int(at) for at in np.unravel_index(index, output.shape))
            raise Wrong(
                f"derivative of the printed number for {_size(output)}, at {where_in(place)}, "
                f"{part.takes} = {number(output[place])}: "
                f"{contrast(given[place], measured.slope[place])}; wrong at {wrong} of "
                f"{output.size} elements",
                curve_along(
                    part.takes,
                    output,
                    place,
                    lambda each, target=target: _number(part, each, target),
                    lambda each, target=target: printed_loss(part, each, target)[2],
                ),
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
    """With a weight for each row the number is Σwℓ / Σw, ℓ the number of a row alone."""
    for rows, columns in [BATCH] if engine.preparation else SHAPES:
        output, target = loss_arguments(part, rows, columns)
        weight = np.linspace(0.25, 2.0, rows).reshape(-1, 1)
        alone = [
            printed_loss(part, output[row : row + 1], target[row : row + 1]) for row in range(rows)
        ]
        share = weight if part.reduction == "sum" else weight / weight.sum()
        expected = float(np.sum(share[:, 0] * [each[0] for each in alone]))
        *printed, given = printed_loss(part, output, target, weight, engine=engine)
        for where, found in zip(("an evaluation", "a training step"), printed, strict=True):
            if not np.isclose(found, expected, rtol=1e-10, atol=1e-13):
                raise Wrong(
                    f"weighted {part.reduction} printed by {where}, for {_size(output)}: "
                    f"{contrast(found, expected)}"
                )
        said = different(given, np.concatenate([each[2] for each in alone]) * share)
        if said:
            raise Wrong(f"gradient with weights, for {_size(output)}, {said}")


def minimum(part: Loss) -> None:
    """Nothing is better than the target, or its link; a right class is better than a wrong one."""
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


def _best_and_away(part: Loss, seed: int) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Draw targets, what is best for them, and what is farther from it, from far to near."""
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
    """Make confident answers for three classes, or for yes and no."""
    if part.against == "labels":
        labels = np.array([[0], [1], [2], [1]])
        hits, misses = np.eye(3)[labels[:, 0]], np.eye(3)[(labels[:, 0] + 1) % 3]
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
        if part.takes == "probabilities":
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
        found = [np.asarray(part(output.copy(), target.copy()))]
        found += _evaluate(part, nodes, output, target)
        for what, each in zip(("error", "error", "derivative"), found, strict=True):
            bad = ~np.isfinite(each.reshape(len(output), -1))
            if bad.any():
                row, column = np.argwhere(bad)[0]
                shown = ", ".join(number(value) for value in output[row])
                against = ", ".join(number(value) for value in target[row])
                raise Wrong(
                    f"{what} for {part.takes} ({shown}) and {part.against} ({against}) in "
                    f"{np.dtype(dtype).name}: the part gives "
                    f"{each.reshape(len(output), -1)[row, column]}, expected a finite number"
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
                    f"{what} at the same numbers as the function, where that is finite, is not "
                    f"finite in {np.dtype(dtype).name}"
                )


def strict_shapes(part: Loss) -> None:
    """Outputs (N, 1) against targets (N,) are refused, never broadcast to (N, N)."""
    output, target = loss_arguments(part, 3, 1)
    flat = target[:, 0]
    for where, compute in (
        ("a call", lambda: np.sum(part(output, flat))),
        ("training", lambda: printed_loss(part, output, flat)[1]),
    ):
        try:
            found = compute()
        except Exception:  # which one is the choice of whoever refuses
            continue
        raise Wrong(
            f"{part.takes} of shape {output.shape} and {part.against} of shape {flat.shape} in "
            f"{where}: the part gives {number(found)}, expected an error"
        )


def dtype(part: Loss) -> None:
    """float32 in, float32 out, for errors and derivative; float64 likewise."""
    nodes = _traced(part)
    for kind in (np.float32, np.float64):
        output, target = loss_arguments(part, 4, 3, kind)
        check_dtype(part, "errors", kind, part(output.copy(), target.copy()), traced=False)
        found = _evaluate(part, nodes, output, target)
        for what, each in zip(("errors", "derivative"), found, strict=True):
            check_dtype(part, what, kind, each, traced=True)


CHECKS: Suite = {
    "formula": formula,
    "gradient": gradient,
    "reduction": reduction,
    "weights": weights,
    "minimum": minimum,
    "finite": finite,
    "strict-shapes": strict_shapes,
    "dtype": dtype,
    "inputs-unchanged": inputs_unchanged,
    "deterministic": deterministic,
    "options": options,
}
