"""What to say when training diverges: where the first number is that is not finite."""

from __future__ import annotations

import math

import numpy as np

from nnplug.errors import DivergedError
from nnplug.training.steps import Steps
from nnplug.types import AnyArray

__all__ = ["culprit", "diverged"]


def diverged(steps: Steps, rows: AnyArray | None, *, epoch: int, step: int) -> DivergedError:
    """Make the error for a step that was refused.

    Parameters
    ----------
    steps : Steps
        As the refused step left them.
    rows : array of int or None
        Its batch, as indices of rows; None for all.
    epoch, step : int
        Where in the training it was, for the message.
    """
    layer, what = culprit(steps, rows)
    rate, usual = float(steps.learning_rate), steps.optimizer.usual_rate
    advice = f"try {rate / 10:g}" if rate <= 1000 * usual else f"the default is {usual:g}"
    if what.startswith("the gradient"):
        cause = (
            "The loss is finite, so the derivative of a part may be wrong there; nnplug "
            f"plugins check NAME looks at a part. Or the learning rate, {rate:g}, is too large; "
            f"{advice}."
        )
    else:
        cause = f"The likely cause is a learning rate that is too large: it is {rate:g}; {advice}."
    return DivergedError(
        f"Training stopped at epoch {epoch}, step {step}: {what} not finite.\n"
        f"The step was not taken; the weights are the last finite ones. {cause}",
        epoch=epoch,
        step=step,
        layer=layer,
    )


def culprit(steps: Steps, rows: AnyArray | None) -> tuple[str, str]:
    """Find what was not finite in the step that was just refused.

    Returns
    -------
    tuple of str
        The layer, and a phrase that names its sums or outputs, the loss, a
        gradient or a new value, with the verb.
    """
    found = steps.network.first_nonfinite(steps.inputs if rows is None else steps.inputs[rows])
    if found is not None:
        layer, what = found
        return layer.name, f"the {what} of layer {layer.name!r} are"
    updated = steps.vectors[1 - steps.turn].copy()  # the next line puts the gradients there
    program = steps.recompute_gradients(rows)
    if not math.isfinite(program.results["loss"].item()):
        return "output", "the loss is"
    gradients = steps.vectors[1 - steps.turn]
    clipped = steps.regularization.clip_global_norm is not None
    # Finite gradients can still have a norm whose square overflows.
    if clipped and np.isfinite(gradients).all() and np.isinf(np.dot(gradients, gradients)):
        return "output", "the length of all gradients, which clip_global_norm limits, is"
    for vector, what in ((gradients, "the gradient of"), (updated, "the new value of")):
        for span in reversed(steps.network.spans):
            if not np.isfinite(span.view(vector)).all():
                return span.name.rpartition(".")[0], f"{what} {span.name} is"
    return "output", "a check is"
