"""The gradient of random networks of layers against differences of the loss that is printed.

A case is a network of up to six random layers, with activations among them,
and a batch. The loss is computed by hand: the layers' own functions on arrays,
in training. `NNPLUG_CASES` is the number of cases, 50 unless it is set. The
Numba engine, which compiles for a second or two, takes every tenth of those
50, and all if the variable is set.

Differences are taken along random directions, by the five-point rule with
three steps. A direction counts if the three agree to 1e-8 of the gradient's
length: else a kink lies between the points of one of them, or the loss bends
too much there, as a batch norm of two rows that are nearly equal does.
"""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest

from nnplug.engines.numba import binder
from nnplug.network.network import Network
from nnplug.plugins.registry import Registry
from nnplug.randomness import derive_generator
from nnplug.training import Steps
from tests.engines import ENGINES

REGISTRY = Registry()
CASES = int(os.environ.get("NNPLUG_CASES", "50"))
SHARES = 5
"""Tests that the cases are divided among, for processes that run at once."""
NUMBA = 1 if "NNPLUG_CASES" in os.environ else 10
DIRECTIONS = 4
TOLERANCE = 1e-7

ACTIVATIONS = [
    part for part, _ in REGISTRY.parts("activation") if "finite" not in part.expected_failures
]
# The width of those that know the kinds of their inputs is not their units; the kit checks them.
LAYERS = {part.name: part for part, _ in REGISTRY.parts("layer") if part.arrange is None}
LOSSES = [part for part, _ in REGISTRY.parts("loss") if part.over == "row"]


def draw_layers(rng, width, count, depth=0):
    """Draw some layers, and give the width after them."""
    found = []
    for _ in range(count):
        if rng.random() < 0.35:
            found.append(ACTIVATIONS[rng.integers(len(ACTIVATIONS))])
            continue
        part = LAYERS[str(rng.choice(list(LAYERS)))]
        if part.holds and depth == 2:
            continue
        options = {
            "units": int(rng.integers(1, 6)),
            "pieces": int(rng.integers(1, 4)),
            "rate": float(rng.choice([0.0, 0.3, 0.8])),
            "epsilon": float(rng.choice([1e-5, 0.1])),
        }
        part = part.with_options(**{key: options[key] for key in part.defaults if key in options})
        if part.holds:
            inner, last = draw_layers(rng, width, int(rng.integers(0, 4)), depth + 1)
            if last != width:
                inner.append(LAYERS["dense"].with_options(units=width))
            part = part.around(inner or [ACTIVATIONS[0]])
        found.append(part)
        width = part.options.get("units", width)
    return found, width


def arrays_by_hand(network, rng):
    """Give names and random values of all arrays."""
    values = {}
    for span in network.spans:
        scale = 0.9 / np.sqrt(span.shape[0]) if len(span.shape) == 2 else 0.4
        values[span.name] = scale * rng.standard_normal(span.shape)
        if span.name.rpartition(".")[2] in ("gain", "factor", "variance"):
            values[span.name] = 0.5 + abs(values[span.name])
    return values


def apply_by_hand(placed, x, arrays):
    """Apply a layer in training, by its own function."""
    part = placed.part
    given = {name: arrays[f"{placed.name}.{name}"] for name in part.arrays}
    options = dict(part.options)
    if part.kind == "layer":
        given = part.grouped(given)
        if part.branches:
            options["training"] = True
        if part.holds:
            options["inner"] = lambda rows: all_by_hand(placed.inner, rows, arrays)
    result = part.function(x, **given, **options)
    return np.broadcast_to(
        result[0] if isinstance(result, tuple) else result, (len(x), placed.outputs)
    )


def all_by_hand(layers, x, arrays):
    for placed in layers:
        x = apply_by_hand(placed, x, arrays)
    return x


class Case:
    """A network, its data, and its loss as it is printed."""

    def __init__(self, number):
        self.rng = rng = np.random.default_rng([14, number])
        inputs, outputs = int(rng.integers(1, 5)), int(rng.integers(1, 4))
        self.rows, self.seed = int(rng.integers(1, 8)), int(rng.integers(1000))
        self.loss = LOSSES[rng.integers(len(LOSSES))]
        if self.loss.by_row:  # a single share is 1, whatever the network gives
            outputs += 1
        layers, _ = draw_layers(rng, inputs, int(rng.integers(1, 7)))
        self.network = Network.of(
            inputs, layers, outputs,
            output_activation=REGISTRY.get("activation", "identity"), dtype=np.float64,
        )  # fmt: skip
        self.arrays = arrays_by_hand(self.network, rng)
        self.x = rng.standard_normal((self.rows, inputs))
        self.y = rng.standard_normal((self.rows, outputs))
        if self.loss.against == "labels":
            self.y = rng.integers(0, outputs, (self.rows, 1))
        elif self.loss.for_numbers:
            self.y = abs(self.y) + 0.1
        self.w = rng.choice([0.0, 0.5, 2.0], (self.rows, 1)) if rng.random() < 0.3 else None
        generator = derive_generator(self.seed, "dropout", step=1)
        self.noise = {
            array.name: generator.random((self.rows, *array.shape)) for array in self.network.noise
        }

    @property
    def text(self):
        layers = " ".join(placed.part.text for placed in self.network.placed)
        return f"{self.network.inputs} {layers}, {self.loss}, {self.rows} rows, w {self.w}"

    def printed_loss(self, arrays):
        """Compute the loss by hand."""
        outputs = all_by_hand(self.network.placed, self.x, {**arrays, **self.noise})
        each = np.asarray(self.loss.function(outputs, self.y, **self.loss.options))
        each = each.reshape(self.rows, -1)
        if self.w is None:
            return each.sum() if self.loss.reduction == "sum" else each.mean()
        total = (each * self.w).sum()
        if self.loss.reduction == "sum":
            return total
        return total / (self.w.sum() * each.shape[1]) if self.w.sum() else 0.0

    def gradient(self, engine):
        """Take one step of SGD, and tell from it the gradient, array by array."""
        network = self.network
        for name, array in self.arrays.items():
            network[name][...] = array
        steps = Steps(
            network, self.loss, REGISTRY.get("optimizer", "sgd:learning_rate=1.0"),
            self.x, self.y, None, self.w, seed=self.seed, engine=ENGINES[engine],
        )  # fmt: skip
        with np.errstate(all="ignore"):
            assert np.isfinite(steps.run(None)), f"{engine} did not take a step: {self.text}"
        return {
            span.name: self.arrays[span.name] - network[span.name]
            for span in network.spans
            if not span.is_state
        }


def slope(function, step):
    """The derivative at 0 by the five-point rule."""
    return (8 * (function(step) - function(-step)) - (function(2 * step) - function(-2 * step))) / (
        12 * step
    )


# What NumPy says of the variance of one row, of which a batch norm makes nothing.
@pytest.mark.filterwarnings("ignore:(Degrees of freedom|invalid value):RuntimeWarning")
@pytest.mark.parametrize("share", range(SHARES))
def test_gradients_of_random_layers_are_those_of_differences(share, monkeypatch):
    counts = Counter()
    for number in range(share, CASES, SHARES):
        case = Case(number)
        # A step that is one function is compiled for longer.
        monkeypatch.setattr(binder, "SMALL_PROGRAM", 200 if number % 7 == 0 else 0)
        engines = ["numpy", "numba"] if number // SHARES % NUMBA == 0 else ["numpy"]
        gradients = {engine: case.gradient(engine) for engine in engines}
        size = np.sqrt(sum(np.sum(array**2) for array in gradients["numpy"].values()))
        counts["networks"] += 1
        counts["without a gradient"] += size < 1e-6
        for _ in range(DIRECTIONS):
            away = {
                name: case.rng.standard_normal(a.shape) for name, a in gradients["numpy"].items()
            }
            length = np.sqrt(sum(np.sum(array**2) for array in away.values()))
            away = {name: array / length for name, array in away.items()}

            def along(t, case=case, away=away):
                with np.errstate(all="ignore"):
                    moved = {name: case.arrays[name] + t * away[name] for name in away}
                    return case.printed_loss(case.arrays | moved)

            wide, middle, narrow = (slope(along, step) for step in (1e-3, 4e-4, 1.7e-4))
            scale = max(size, 1e-3)
            counts["directions"] += 1
            if not max(abs(wide - narrow), abs(middle - narrow)) <= 1e-8 * scale:
                continue
            counts["compared"] += 1
            for engine, gradient in gradients.items():
                found = sum(np.sum(gradient[name] * away[name]) for name in away)
                off = abs(found - narrow) / scale
                assert off <= TOLERANCE, f"{engine} is off by {off:.2g}: {case.text}"
    print(dict(counts))
    assert counts["without a gradient"] <= 1 + 0.1 * counts["networks"]
    assert counts["compared"] >= 0.7 * counts["directions"]
