"""Every loss trains a network by its name, on targets of its kind, and is lower afterwards."""

from __future__ import annotations

from typing import Any

import nnplug
import numpy as np
import pytest
from losses_at_hand import LOSSES
from nnplug.parts import Loss


def data(loss: Loss) -> tuple[Any, Any, dict[str, Any]]:
    """Give inputs, targets that depend on them, and how to train."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(48, 3))
    middle = x[:, :2] @ np.array([[1.0, 0.3], [-0.5, 1.0]]) + 0.1 * rng.normal(size=(48, 2))
    if loss.against == "labels":
        settings = {"output_activation": "identity"} if loss.takes == "prediction" else {}
        return x, np.digitize(middle[:, 0], [-0.5, 0.5]), settings
    if loss.function.__module__.endswith(".survival") and not loss.heads:
        event = (rng.random(48) < 0.7).astype(float)
        return x, np.stack([np.exp(middle[:, 0]), event], axis=1), {"task": "regression"}
    match loss.targets:
        case "binary":
            return x, (middle > 0).astype(int), {}
        case "unit" if loss.takes == "logits":
            return x, (middle > 0).astype(int), {}
        case "unit":
            return x, 1 / (1 + np.exp(-middle)), {"task": "regression"}
        case "distribution":
            shares = np.exp(middle)
            return x, shares / shares.sum(axis=1, keepdims=True), {"task": "regression"}
        case "count":
            return x, rng.poisson(np.exp(0.5 * middle)).astype(float), {"task": "regression"}
        case "positive":
            return x, np.exp(middle), {"task": "regression"}
        case "nonnegative":
            return x, np.exp(middle) * (middle > -0.5), {"task": "regression"}
    return x, middle, {"task": "regression"}


@pytest.mark.parametrize("name", LOSSES)
def test_a_network_learns_with_it(name: str) -> None:
    x, targets, settings = data(LOSSES[name])
    run = nnplug.train(
        (x, targets), loss=LOSSES[name], hidden=[4], epochs=6, batch_size=16, seed=0,
        validation=0.0, learning_rate=0.02, engine="numpy", **settings,
    )  # fmt: skip
    losses = run.history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    predicted = np.asarray(run.predict(x[:5]))
    assert predicted.dtype.kind in "iUO" or np.isfinite(predicted).all()
