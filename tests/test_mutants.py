"""Parts that are each wrong in one way, and the checks of the kit that catch them.

Every check of every kind catches at least one. Where a mistake shows in more
than one check, all of them are named. Some mistakes no author can make, since
nnplug derives, averages and counts by itself: there nnplug is made wrong.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import nnplug
import nnplug.formulas.tracing
import nnplug.plans.step_graph
from nnplug import testing
from nnplug.parts import Data, Loss, Part
from nnplug.training.evaluation import MeanLoss
from tests.engines import ENGINES


@dataclass(frozen=True)
class Mutant:
    name: str
    part: Part
    caught_by: set[str]
    says: str
    sabotage: Any = None


MUTANTS: list[Mutant] = []


def mutant(part: Part, caught_by: str, says: str, *, sabotage: Any = None) -> None:
    MUTANTS.append(Mutant(part.name, part, set(caught_by.split()), says, sabotage))


def is_array(x: Any) -> bool:
    """Whether a formula is given numbers, not traced."""
    return isinstance(x, np.ndarray)


calls = itertools.count(1)
WIDE = np.float64(0.5)
UNREADABLE = "a,b"  # the comma ends an option in the text form
LEARNED = nnplug.trainable(0.25)


# --- activations ------------------------------------------------------------------------


@nnplug.activation
def traced_elsewhere(x):
    return np.tanh(x) if is_array(x) else np.tanh(x) + 0.01


mutant(traced_elsewhere, "formula", "value of the formula, traced, on a 1 x 1 input, at row 0")


@nnplug.activation(derivative=lambda x, y: 1.01 * (1 - y * y))
def one_percent(x):
    return np.tanh(x)


mutant(one_percent, "derivative", "(relative error 1 %); wrong at 1")


@nnplug.activation(derivative=lambda x, y: np.where(abs(x - 2) < 0.05, 0.0, 1.0))
def wrong_at_two(x):
    return x


mutant(wrong_at_two, "derivative", "derivative at x = 1.99667: the part gives 0, expected 1")


@nnplug.activation(derivative=lambda x, y: y * (1 - y), gives="probabilities")
def softmax_elementwise(x):
    powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return powers / np.sum(powers, axis=-1, keepdims=True)


mutant(softmax_elementwise, "derivative", "derivative of Σ g·y at row 0, column 1 of a 1 x 5 input")


@nnplug.activation
def frozen_slope(x, *, slope=LEARNED):
    # What it learns by is another function of the slope than what it computes.
    return np.where(x > 0, x, (float(slope) if is_array(x) else 0.25) * x)


# In training it is compared with the plain function too.
mutant(
    frozen_slope,
    "derivative training",
    "derivative by its option 'slope', at 0.25: the part gives 0, ",
)


@nnplug.activation
def unstable_softplus(x):
    return np.log(1 + np.exp(x))


mutant(unstable_softplus, "finite", "value at x = 1e+04 in float64: the part gives inf")


@nnplug.activation
def unstable_slope(x):
    return np.sqrt(x * x)


mutant(unstable_slope, "finite", "derivative at x = 0 in float64: the part gives nan")


@nnplug.activation(derivative=lambda x, y: 2.0)
def one_row_too_many(x):
    return 2 * x if len(x) else np.zeros((1, 4))


mutant(one_row_too_many, "shape", "for an input of shape (0, 1) it returned shape (1, 4)")


@nnplug.activation
def wide(x):
    return x * WIDE


mutant(wide, "dtype", "value for float32: the part gives float64")


@nnplug.activation(derivative=lambda x, y: np.ones(x.shape))
def wide_derivative(x):
    return x


mutant(wide_derivative, "dtype", "derivative for float32: the part gives float64")


@nnplug.activation(derivative=lambda x, y: 1.0)
def counts_rows(x):
    return x + 0.01 * len(x)


mutant(counts_rows, "rows", "value of row 0 in a batch of 6, against the row alone, at row 0")


@nnplug.activation(derivative=lambda x, y: 1.0)
def centred(x):
    return x - np.sum(np.asarray(x), axis=0)


mutant(centred, "derivative rows", "value of row 0 in a batch of 6")


@nnplug.activation(gives="probabilities")
def not_probable(x):
    return np.tanh(x)


mutant(not_probable, "gives", "expected between 0 and 1")


@nnplug.activation(gives="log_probabilities")
def not_logarithms(x):
    return x * x


mutant(not_logarithms, "gives", "expected at most 0")


@nnplug.activation(derivative=lambda x, y: np.where(x > 0, 1.0, 0.0))
def in_place(x):
    np.maximum(x, 0, out=np.asarray(x))
    return x


mutant(
    in_place,
    "formula derivative finite rows inputs-unchanged",
    "it writes into its argument 'x', at row",
)


@nnplug.activation
def restless(x):  # one that is also when it is traced is refused there
    return x * (1 + (1e-15 * next(calls) if is_array(x) else 0))


mutant(restless, "deterministic", "called twice with the same arguments: the second time at row")


@nnplug.activation
def unreadable_option(x, *, names=UNREADABLE):
    return x * len(names)


mutant(unreadable_option, "options", "option 'names' with value 'a,b'")


# --- layers -----------------------------------------------------------------------------


@nnplug.layer
def gain(x, factor=nnplug.parameter("D", start=1)):
    """One factor for each input."""
    return x * factor


@nnplug.layer
def layer_traced_elsewhere(x, factor=nnplug.parameter("D", start=1)):
    """Another value when it is traced."""
    return x * factor if is_array(x) else x * factor + 0.01


mutant(layer_traced_elsewhere, "formula", "value of the formula, traced, in training, on a 1 x 1")


def one_percent_more(monkeypatch):
    """Give derivatives by arrays that are 1 % too large, in the composition of formulas."""
    right = nnplug.formulas.tracing.differentiate

    def wrong(output, arguments, seed):
        return [
            1.01 * each if symbol.name == "factor" else each
            for symbol, each in zip(arguments, right(output, arguments, seed), strict=True)
        ]

    monkeypatch.setattr(nnplug.formulas.tracing, "differentiate", wrong)


mutant(
    gain, "derivative", "by gain1.factor at element 0, in training, on a 1 x 1 input: the part ",
    sabotage=one_percent_more,
)  # fmt: skip


@nnplug.layer
def forgetful(x, factor=nnplug.parameter("D", start=1), shift=nnplug.parameter("D", start=0)):
    """A parameter that is declared, and nothing else."""
    return x * factor


mutant(forgetful, "used", "it declares the parameter 'shift', but does not use it")


@nnplug.layer
def detached(x, factor=nnplug.parameter("D", start=1)):
    """A parameter that decides, and has no slope."""
    return np.where(factor > 0, x, -x)


mutant(detached, "used", "the derivative by the parameter 'factor' is 0 for every input")


@nnplug.layer
def unread_state(x, count=nnplug.state(start=0)):
    """A state that counts and tells nobody."""
    return 2.0 * x, count + 1.0


mutant(unread_state, "used", "it declares the state 'count', but does not use it")


@nnplug.layer
def root_at_zero(x):
    """A root has no finite slope at 0."""
    return np.sqrt(abs(x))


mutant(root_at_zero, "finite", "derivative by x for inputs of about 0 in float64, in training, on")


@nnplug.layer
def root_of_a_row(x):
    """The length of a row has no slope at 0."""
    return x / (1 + np.sqrt(np.sum(x**2, axis=-1, keepdims=True)))


mutant(root_of_a_row, "finite", "keep what goes into root, logarithm and quotient away from")


@nnplug.layer
def seven_rows_are_eight(x):
    """A shape that depends on the number of rows, where nobody sees it traced."""
    return np.concatenate([x, x[:1]]) if is_array(x) and len(x) == 7 else 1.0 * x


mutant(seven_rows_are_eight, "shape", "on a 7 x 1 input: the part gives shape (8, 1), expected (7")


@nnplug.layer
def rows_by_rows(x):
    """A width that is the number of rows."""
    return x @ x.T


mutant(
    rows_by_rows,
    "formula derivative used finite shape dtype rows noise inputs-unchanged deterministic",
    "its result has shape (N, N)",
)


@nnplug.layer
def wide_layer(x):
    """A float64 of NumPy's widens it."""
    return x * WIDE


mutant(wide_layer, "dtype", "value for float32, in training: the part gives float64")


@nnplug.layer
def centred_rows(x):
    """Rows that look at each other outside training too."""
    return x - np.mean(x, axis=0)


mutant(centred_rows, "rows", "value of the function outside training, of row 0 in a batch of 6, ")


@nnplug.layer
def exchanged(
    x, mean=nnplug.state("D", start=0), size=nnplug.state("D", start=1), *, training
):  # fmt: skip
    """The new states in the wrong order."""
    if not training:
        return (x - mean) / size, mean, size
    centre, spread = np.mean(x, axis=0), 1 + np.mean(abs(x), axis=0)
    return (x - centre) / spread, 0.9 * size + 0.1 * spread, 0.9 * mean + 0.1 * centre


mutant(exchanged, "states", "return the value and then mean, size, in the order in which they are")


@nnplug.layer
def growing(x, size=nnplug.state("D", start=1), *, training):
    """A state that has no end."""
    return x / size, size**4 + abs(np.mean(x, axis=0)) if training else size


mutant(growing, "states", "numbers that are not finite; expected finite numbers of shape (3,)")


@nnplug.layer
def noise_at_zero(x, noise=nnplug.uniform("N", "D"), *, training):
    """A logarithm of what may be 0."""
    return x - 0.1 * np.log(noise) if training else x + 0.1


mutant(noise_at_zero, "noise", "with noise_at_zero1.noise = 0, on a 4 x 3 input: 12 num")


@nnplug.layer
def always_noisy(x, noise=nnplug.normal("N", "D")):
    """Noise outside training."""
    return x + 0.1 * noise


mutant(
    always_noisy,
    "formula derivative used finite shape dtype rows noise inputs-unchanged deterministic",
    "it reads noise, which is random, outside training too.",
)


@nnplug.layer
def layer_in_place(x, factor=nnplug.parameter("D", start=1)):
    """It writes into its parameter."""
    y = x * factor
    if is_array(factor):
        factor *= 0.5
    return y


mutant(layer_in_place, "inputs-unchanged", "in training it writes into its argument 'factor', at")


@nnplug.layer
def restless_layer(x):
    """Another number at every call."""
    return x * (1 + (1e-15 * next(calls) if is_array(x) else 0))


mutant(restless_layer, "deterministic", "called twice with the same arguments in training: the sec")


@nnplug.layer
def nameless(x):
    return 2.0 * x


mutant(nameless, "summary", "it has no docstring; begin with a line such as")


@nnplug.layer
def unreadable_layer(x, *, units=3, names=UNREADABLE):
    """An option that no text can say."""
    return x * len(names)


mutant(unreadable_layer, "options", "option 'names' with value 'a,b'")


@nnplug.layer
def around_and_aside(x, *, inner):
    """A layer around layers that looks at other rows."""
    return inner(x) - np.mean(inner(x), axis=0)


mutant(around_and_aside, "rows", "of row 0 in a batch of 6, against the row alone, at row 0, colu")


@nnplug.activation
def noisy_elsewhere(x, noise=nnplug.uniform("N", "C"), *, training):
    if training:
        return x * noise if is_array(x) else x * noise + 0.01
    return 0.5 * x


mutant(noisy_elsewhere, "training", "value of the formula, traced, in training, on a 1 x 1 input")


# --- losses -----------------------------------------------------------------------------


@nnplug.loss
def quartic(prediction, target):
    return (prediction - target) ** 4


@nnplug.loss
def loss_traced_elsewhere(prediction, target):
    errors = (prediction - target) ** 2
    return errors if is_array(prediction) else errors + 0.01


mutant(loss_traced_elsewhere, "formula reduction", "errors of the formula, traced, for 1 row and 1")


def scaled_by_outputs(monkeypatch):
    """Give the gradient of a mean over rows alone, as if there were one output."""
    right = nnplug.plans.step_graph.differentiate

    def wrong(output, arguments, seed):
        outputs = output.graph.size(("C",))
        return [each * outputs for each in right(output, arguments, seed)]

    monkeypatch.setattr(nnplug.plans.step_graph, "differentiate", wrong)


mutant(quartic, "gradient", "for 1 row and 3 outputs, at row 0", sabotage=scaled_by_outputs)


def averaged_by_rows(monkeypatch):
    monkeypatch.setattr(MeanLoss, "scale", lambda self, weight: 1 / weight)


mutant(quartic, "reduction", "mean printed by an evaluation, for 1 row", sabotage=averaged_by_rows)


def without_weights(monkeypatch):
    run = nnplug.training.Evaluator.run
    monkeypatch.setattr(
        nnplug.training.Evaluator, "run", lambda self, x, y=None, weights=None: run(self, x, y)
    )


mutant(quartic, "weights", "weighted mean printed by an evaluation", sabotage=without_weights)


@nnplug.loss(reduction="sum")
def summed(prediction, target):
    return (prediction - target) ** 2


object.__setattr__(summed, "reduction", "total")
mutant(summed, "reduction weights", "reduction is 'total', neither 'mean' nor 'sum'")


@nnplug.loss
def off_target(prediction, target):
    return (prediction - target - 0.1) ** 2


mutant(off_target, "minimum", "the loss where prediction and target are equal is 0.01")


@nnplug.loss
def backwards(logits, labels):
    return np.take_along_axis(logits, labels, axis=-1)


mutant(backwards, "minimum", "the loss of right answers is 4, of wrong ones 0")


@nnplug.loss
def backwards_binary(logits, target):
    return logits * target


mutant(backwards_binary, "minimum", "the loss of right answers is")


@nnplug.loss
def backwards_probabilities(probabilities, labels):
    return np.take_along_axis(probabilities, labels, axis=-1)


mutant(backwards_probabilities, "minimum", "the loss of right answers is 0.9, of wrong ones 0.05")


@nnplug.loss
def overflowing(prediction, target):
    return np.log(np.cosh(prediction - target))


mutant(overflowing, "finite", "error for prediction (1e+04, -1e+04, 0) and target")


@nnplug.loss
def unclipped(probabilities, target):
    return -target * np.log(probabilities) - (1 - target) * np.log(1 - probabilities)


mutant(unclipped, "finite", "error for probabilities (0, 1, 0) and target (0, 1, 0) in float64")


def broadcasting(monkeypatch):
    monkeypatch.delattr(Loss, "__call__")


mutant(quartic, "strict-shapes", "(3, 1) and target of shape (3,) in a call", sabotage=broadcasting)


@nnplug.loss
def wide_loss(prediction, target):
    return WIDE * (prediction - target) ** 2


mutant(wide_loss, "dtype", "errors for float32: the part gives float64")


@nnplug.loss
def loss_in_place(prediction, target):
    errors = (prediction - target) ** 2
    if is_array(target):
        target[...] = 0
    return errors


mutant(loss_in_place, "inputs-unchanged", "it writes into its argument 'target', at row")


@nnplug.loss
def restless_loss(prediction, target):
    noise = 1e-15 * next(calls) if is_array(prediction) else 0
    return (prediction - target) ** 2 * (1 + noise)


mutant(restless_loss, "deterministic", "the second time at row")


@nnplug.loss
def comma_option(prediction, target, *, names=UNREADABLE):
    return (prediction - target) ** 2


mutant(comma_option, "options", "option 'names' with value 'a,b', as comma_option:names=a,b")


@nnplug.loss(interval=lambda mean, spread, level: (mean - (1 - level), mean + (1 - level)))
def narrowing(mean, spread, target):
    return (mean - target) ** 2 + spread**2


mutant(narrowing, "prediction", "expected one that contains the prediction")


@nnplug.loss
def away_from_the_first(shift, scale, target):
    return (shift - 2 * target) ** 2 + scale**2


mutant(away_from_the_first, "minimum", "if shift is not the prediction, say what is")


@nnplug.loss(over="batch")
def batch_elsewhere(prediction, target):
    centre = np.mean(prediction) if is_array(prediction) else np.mean(prediction) + 0.01
    return (prediction - target) ** 2 + (centre - np.mean(target)) ** 2


mutant(batch_elsewhere, "formula reduction weights gradient", "errors of the formula, traced")


# --- optimizers -------------------------------------------------------------------------


@nnplug.optimizer
def adamish(param, grad, m, v, *, step, learning_rate=0.01):
    m = 0.9 * m + 0.1 * grad
    v = 0.99 * v + 0.01 * grad**2
    m_hat, v_hat = m / (1 - 0.9**step), v / (1 - 0.99**step)
    return param - learning_rate * m_hat / (np.sqrt(v_hat) + 1e-8), m, v


@nnplug.optimizer
def step_traced_elsewhere(param, grad, *, learning_rate=0.01):
    return param - learning_rate * (grad if is_array(grad) else 1.001 * grad)


mutant(step_traced_elsewhere, "formula step-count", "param after step 1 of the formula, traced")


def counting_from_two(monkeypatch):
    right = nnplug.training.Steps.__init__

    def wrong(self, *arguments, **options):
        right(self, *arguments, **options)
        self.count += 1

    monkeypatch.setattr(nnplug.training.Steps, "__init__", wrong)


mutant(adamish, "step-count", "param after step 1 of training", sabotage=counting_from_two)


@nnplug.optimizer
def counts_from_zero(param, grad, m, *, step, learning_rate=0.01):
    m = 0.9 * m + 0.1 * grad
    return param - learning_rate * m / (1 - 0.9 ** (step - 1)), m


mutant(counts_from_zero, "step-count descends finite", "param after step 1 is not finite")


def hidden_state(monkeypatch):
    """Let the learning rate depend on how often these very steps have run."""
    right = nnplug.training.Steps.run

    def wrong(self, rows):
        self.hidden = getattr(self, "hidden", 0) + 1
        if self.hidden > 5:
            self.learning_rate *= 0.9
        return right(self, rows)

    monkeypatch.setattr(nnplug.training.Steps, "run", wrong)


mutant(adamish, "resumes", "an optimizer must keep all of its state in its", sabotage=hidden_state)


@nnplug.optimizer
def uphill(param, grad, *, learning_rate=0.01):
    return param + learning_rate * grad


mutant(uphill, "descends", "on a quadratic, from ")


@nnplug.optimizer
def standing_still(param, grad, *, learning_rate=0.01):
    return param - 0 * learning_rate * grad


mutant(standing_still, "descends", "300 steps do not end lower at any learning rate")


@nnplug.optimizer
def no_epsilon(param, grad, total, *, learning_rate=0.01):
    total = total + grad**2
    return param - learning_rate * grad / np.sqrt(total), total


mutant(
    no_epsilon, "finite", "param after step 1 with gradients of 0 in float64: the part gives nan"
)


@nnplug.optimizer
def wide_step(param, grad, m, *, learning_rate=0.01):
    m = WIDE * m + grad
    return param - learning_rate * m, m


mutant(wide_step, "dtype", "new param for float32 of shape (1,): the part gives float64")


@nnplug.optimizer
def step_in_place(param, grad, *, learning_rate=0.01):
    new = param - learning_rate * grad
    if is_array(grad):
        grad *= 0
    return new


mutant(step_in_place, "inputs-unchanged", "it writes into its argument 'grad', at row")


@nnplug.optimizer
def restless_step(param, grad, *, learning_rate=0.01):
    noise = 1e-15 * next(calls) if is_array(grad) else 0
    return param - learning_rate * grad * (1 + noise)


mutant(restless_step, "deterministic", "the second time at row")


@nnplug.optimizer
def waiting_in_python(param, grad, *, learning_rate=0.01):
    return param - learning_rate * grad * (1 + 1e-15 * next(calls))


mutant(
    waiting_in_python,
    "deterministic formula step-count resumes finite dtype",
    "the second call of the formula gave another one",
)


@nnplug.optimizer
def endless_option(param, grad, *, learning_rate=0.01, limit=float("inf")):
    return param - learning_rate * grad


mutant(endless_option, "options", "limit=inf is not a number")


@nnplug.optimizer
def row_elsewhere(param, grad, row=nnplug.state("R", 1), *, learning_rate=0.01):
    row = row + np.mean(grad**2, axis=1, keepdims=True) + (0 if is_array(grad) else 0.01)
    return param - learning_rate * grad / np.sqrt(row + 1), row


mutant(row_elsewhere, "formula step-count", "param after step 1 of the formula, traced")


@nnplug.optimizer
def held_elsewhere(param, grad, *, base):
    return base(param, grad if is_array(grad) else 2 * grad)


mutant(held_elsewhere, "formula step-count", "param after step 1 of the formula, traced")


# --- initializers -----------------------------------------------------------------------


@nnplug.initializer
def transposed(generator, fan_in, fan_out):
    return generator.normal(size=(fan_out, fan_in))


mutant(transposed, "shape", "for fan_in=1, fan_out=5: the part gives shape (5, 1), expected (1, 5)")


@nnplug.initializer
def endless(generator, fan_in, fan_out):
    return generator.normal(size=(fan_in, fan_out)) / np.float64(fan_in - 6)


mutant(endless, "finite", "for fan_in=6, fan_out=1: a weight is not a finite number")


@nnplug.initializer
def own_seed(generator, fan_in, fan_out):
    return np.random.default_rng(0).normal(size=(fan_in, fan_out))


mutant(own_seed, "seeded", "two seeds give the same weights")


@nnplug.initializer
def restless_weights(generator, fan_in, fan_out):
    return np.random.default_rng().normal(size=(fan_in, fan_out))


mutant(restless_weights, "deterministic", "the second time at row")


@nnplug.initializer
def wide_spread(generator, fan_in, fan_out, *, spread=UNREADABLE):
    return len(spread) * generator.normal(size=(fan_in, fan_out))


mutant(wide_spread, "options", "option 'spread'")


# --- schedules --------------------------------------------------------------------------


@nnplug.schedule
def whole(epoch, epochs):
    return 1


mutant(whole, "number", "at epoch 0 of 1: the part gives a int, expected a float")


@nnplug.schedule
def starts_at_infinity(epoch, epochs):
    return 1 / epoch if epoch else float("inf")


mutant(starts_at_infinity, "finite", "at epoch 0 of 1: the part gives inf")


@nnplug.schedule
def below_zero(epoch, epochs):
    return 1 - 1.5 * epoch / epochs


mutant(below_zero, "non-negative", "expected at least 0")


@nnplug.schedule
def restless_schedule(epoch, epochs):
    return 0.5 + random.random()


mutant(restless_schedule, "deterministic", "the second time")


@nnplug.schedule
def wide_schedule(epoch, epochs, *, end=UNREADABLE):
    return 1.0


mutant(wide_schedule, "options", "option 'end'")


# --- metrics ----------------------------------------------------------------------------


@nnplug.metric
def narrow_metric(prediction, target):
    return np.float32(np.mean((prediction - target) ** 2))


mutant(narrow_metric, "number", "a float32; expected a finite float")


@nnplug.metric(goal="minimize")
def wrong_goal(classes, labels):
    return float(np.mean(classes == labels))


mutant(wrong_goal, "goal", "right answers give 1 and wrong ones 0, with goal='minimize'")


@nnplug.metric
def metric_in_place(prediction, target):
    prediction -= target
    return float(np.mean(prediction**2))


mutant(metric_in_place, "inputs-unchanged", "it writes into its argument 'prediction', at row")


@nnplug.metric(goal="maximize")
def restless_metric(probabilities, labels):
    return float(probabilities[np.arange(len(labels)), labels].mean()) + 1e-9 * random.random()


mutant(restless_metric, "deterministic", "the second time")


@nnplug.metric
def wide_metric(prediction, target, *, scale=UNREADABLE):
    return float(np.mean(abs(prediction - target)))


mutant(wide_metric, "options", "option 'scale'")


# --- datasets ---------------------------------------------------------------------------


def rows(count=6, *, targets=(0, 1) * 3, **changed):
    inputs = np.arange(2.0 * count).reshape(count, 2)
    return Data(**{"inputs": inputs, "targets": np.array(targets), "task": "binary",
                   "classes": ("no", "yes"), **changed})  # fmt: skip


@nnplug.dataset
def one_target_short():
    return rows(targets=(0, 1, 0, 1, 0))


mutant(one_target_short, "data", "inputs have shape (6, 2) and targets (5,)")


@nnplug.dataset
def third_class():
    return rows(targets=(0, 1, 2, 0, 1, 2))


mutant(third_class, "classes", "targets go from 0 to 2; expected indices of 2 classes")


@nnplug.dataset
def missing_value():
    return rows(inputs=np.array([[1.0, np.nan]] * 6))


mutant(missing_value, "finite", "inputs at (0, 1) are nan")


@nnplug.dataset
def restless_data():
    return rows(inputs=np.random.default_rng().normal(size=(6, 2)))


mutant(restless_data, "deterministic", "the second time at row")


@nnplug.dataset
def wide_data(*, noise=UNREADABLE):
    return rows()


mutant(wide_data, "options", "option 'noise'")


# --- recipes ----------------------------------------------------------------------------


@nnplug.recipe
def too_many_at_once(facts):
    return {"batch_size": facts.rows // 100}


mutant(too_many_at_once, "settings prepares", "batch_size = 0: it must be a whole number")


@nnplug.recipe
def large_only(facts):
    return {"batch_size": max(1, facts.rows), "epochs": 1 if facts.rows < 10**6 else 0}


mutant(large_only, "settings", "epochs = 0: it must be a whole number, at least 1")


@nnplug.recipe
def moody(facts):
    return {"l2": np.random.default_rng().random()}


mutant(moody, "deterministic", "l2 is ")


@nnplug.recipe
def of_parts_that_are_not_there(facts):
    return {"activation": "no_such_activation"}


mutant(of_parts_that_are_not_there, "prepares", "There is no activation 'no_such_activation'")


@nnplug.recipe
def wide_recipe(facts, *, width=UNREADABLE):
    return {"hidden": (8,)}


mutant(wide_recipe, "options", "option 'width'")


# --- encodings --------------------------------------------------------------------------


@nnplug.encoding
def branching(x, mean, deviation):
    return (x - mean) / deviation if deviation > 1 else x - mean


mutant(branching, "formula prepares", "test_mutants.py:")


@nnplug.encoding
def of_this_batch(x, deviation):
    return (x - np.mean(x)) / deviation


mutant(of_this_batch, "formula prepares", "a row's inputs depend on other rows")


@nnplug.encoding
def always_above_zero(x, mean):
    return np.log(x) - np.log(mean)


mutant(always_above_zero, "finite prepares", "expected a finite number")


@nnplug.encoding
def never_constant(x, minimum, maximum):
    return (x - minimum) / (maximum - minimum)


mutant(never_constant, "finite", "one value: input 1 is nan at x = 4")


@nnplug.encoding
def by_the_rows(x, deviation):
    return (x / deviation,) * (2 if x.shape == (1,) else 1)


mutant(by_the_rows, "width", "it makes 1 inputs for 28 rows and 2 for one")


@nnplug.encoding
def nothing(x):
    return ()


mutant(nothing, "tells-apart width", "it makes 0 inputs for 28 rows and 0 for one")


@nnplug.encoding
def same_for_all(x, median, deviation):
    return 0 * x + np.tanh(median / deviation)


mutant(same_for_all, "tells-apart", "every row gets the same inputs")


@nnplug.encoding
def in_its_unit(x, mean):
    return x - mean


mutant(in_its_unit, "moderate", "too large for a network; divide by a fact")


@nnplug.encoding(takes="category")
def tired_category(x, counts):
    return x * np.random.default_rng().random()


mutant(tired_category, "deterministic formula prepares", "called twice, the second time")


@nnplug.encoding
def over_its_column(x, mean, deviation):
    if isinstance(x, np.ndarray):
        x -= mean
        return x / deviation
    return (x - mean) / deviation


mutant(over_its_column, "deterministic", "it writes into its argument 'x'")


@nnplug.encoding
def wide_encoding(x, mean, deviation, *, width=UNREADABLE):
    return (x - mean) / deviation


mutant(wide_encoding, "options", "option 'width'")


# ----------------------------------------------------------------------------------------


COMPUTED = ("activation", "layer", "loss", "optimizer")
"""The kinds of parts that an engine runs."""


def one_a_check(mutants: list[Mutant]) -> list[Mutant]:
    """Choose as many as it takes that every check of every kind catches one."""
    seen: set[tuple[str, str]] = set()
    chosen = []
    for each in mutants:
        checks = {(each.part.kind, check) for check in each.caught_by}
        if not checks <= seen:
            chosen.append(each)
            seen |= checks
    return chosen


# Compiling takes most of the time, and a check is the same code in each engine.
COMPILED = one_a_check([each for each in MUTANTS if each.part.kind in COMPUTED])


@pytest.mark.parametrize(
    ("mutant", "engine"),
    [
        pytest.param(
            each,
            engine,
            id=f"{each.name}-{'-'.join(sorted(each.caught_by))}-{engine}",
            marks=[] if engine == "numpy" else pytest.mark.slow,
        )
        for each in MUTANTS
        for engine in (ENGINES if each in COMPILED else ["numpy"])
    ],
)
def test_mutant_is_caught(mutant, engine, monkeypatch):
    if mutant.sabotage is not None:
        assert testing.run(mutant.part, engine=engine).passed
        mutant.sabotage(monkeypatch)
    report = testing.run(mutant.part, engine=engine)
    assert set(report.failed) == mutant.caught_by, str(report)
    if engine == "numpy":  # the others are tried with fewer shapes
        assert mutant.says in str(report), str(report)


def test_every_check_of_every_kind_catches_a_mutant():
    every = {(kind, name) for kind, suite in testing.SUITES.items() for name in suite}
    caught = {(each.part.kind, name) for each in MUTANTS for name in each.caught_by}
    assert caught == every
    # And all but a few catch one that nothing else would have caught.
    alone = {(each.part.kind, *each.caught_by) for each in MUTANTS if len(each.caught_by) == 1}
    assert every - alone == {
        ("activation", "inputs-unchanged"),  # the engine's own guard finds it too
        ("loss", "formula"),
        ("optimizer", "formula"),
        # What cannot be traced gives no inputs to check either.
        ("encoding", "formula"),
        ("encoding", "prepares"),
    }
