"""Write schedules.json: factors on the learning rate, as other libraries compute them.

Run by hand, from the repository's root, with PyTorch, Keras 3, optax,
scikit-learn and pytorch_optimizer:

    KERAS_BACKEND=torch python -m tests.reference.make_schedules

A step of theirs is an epoch here, and the learning rate is 1, so that what
they give is the factor. All run for 20 epochs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import keras
import optax
import torch
from pytorch_optimizer import REXScheduler, get_wsd_schedule
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR

from tests.reference.writing import write_json

PLACE = Path(__file__).with_name("schedules.json")
EPOCHS = 20

jax.config.update("jax_enable_x64", True)
keras.config.set_floatx("float64")
torch.set_default_dtype(torch.float64)


def by_torch(make: Callable[..., Any], **options: Any) -> list[float]:
    """Step one of PyTorch's schedulers."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer, **options)
    found = []
    for _ in range(EPOCHS):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        with contextlib.suppress(ValueError):  # OneCycleLR, after its last step
            scheduler.step()
    return found


def by_call(function: Callable[[int], Any], shift: int = 0) -> list[float]:
    """Call a function of the step."""
    return [float(function(epoch + shift)) for epoch in range(EPOCHS)]


def by_sklearn(power: float, rows: int) -> list[float]:
    """Take scikit-learn's learning rate after each epoch."""
    kept = SGDOptimizer([], learning_rate_init=1.0, lr_schedule="invscaling", power_t=power)
    found = []
    for epoch in range(EPOCHS):
        found.append(float(kept.learning_rate))
        kept.iteration_ends(rows * (epoch + 1))
    return found


def by_rex() -> list[float]:
    """Ask for the factor itself: its first step has the learning rate 0."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    kept = REXScheduler(optimizer, total_steps=EPOCHS)
    found = []
    for epoch in range(EPOCHS):
        kept.step_t = epoch
        found.append(kept.get_linear_lr())
    return found


keras_schedules = keras.optimizers.schedules
CASES: list[tuple[str, str, list[float]]] = [
    ("step:every=3,factor=0.5", "torch", by_torch(lr_scheduler.StepLR, step_size=3, gamma=0.5)),
    (
        "multistep:milestones=3/7/12,factor=0.3",
        "torch",
        by_torch(lr_scheduler.MultiStepLR, milestones=[3, 7, 12], gamma=0.3),
    ),
    (
        "multistep:milestones=3/7/12,factor=0.3",
        "optax",
        by_call(optax.piecewise_constant_schedule(1.0, {3: 0.3, 7: 0.3, 12: 0.3})),
    ),
    ("exponential:decay=0.9", "torch", by_torch(lr_scheduler.ExponentialLR, gamma=0.9)),
    (
        "exponential:decay=0.9",
        "keras",
        by_call(keras_schedules.ExponentialDecay(1.0, 1, 0.9)),
    ),
    ("inverse_time:decay=0.3", "keras", by_call(keras_schedules.InverseTimeDecay(1.0, 1, 0.3))),
    ("linear:end=0.2", "optax", by_call(optax.linear_schedule(1.0, 0.2, EPOCHS))),
    (
        "polynomial:power=3",
        "torch",
        by_torch(lr_scheduler.PolynomialLR, total_iters=EPOCHS, power=3.0),
    ),
    (
        "polynomial:power=3,end=0.1",
        "keras",
        by_call(keras_schedules.PolynomialDecay(1.0, EPOCHS, 0.1, 3.0)),
    ),
    (
        "cosine:end=0.1",
        "torch",
        by_torch(lr_scheduler.CosineAnnealingLR, T_max=EPOCHS, eta_min=0.1),
    ),
    ("cosine:end=0.1", "optax", by_call(optax.cosine_decay_schedule(1.0, EPOCHS, 0.1))),
    (
        "cosine_restarts:period=3,growth=2,end=0.1",
        "torch",
        by_torch(lr_scheduler.CosineAnnealingWarmRestarts, T_0=3, T_mult=2, eta_min=0.1),
    ),
    (
        "cosine_restarts:period=3,growth=2,end=0.1",
        "keras",
        by_call(keras_schedules.CosineDecayRestarts(1.0, 3, 2.0, 1.0, 0.1)),
    ),
    (
        "piecewise_constant:boundaries=3/7,values=1/0.5/0.2",
        "keras",
        by_call(keras_schedules.PiecewiseConstantDecay([3, 7], [1.0, 0.5, 0.2]), shift=1),
    ),
    (
        "piecewise_interpolate:boundaries=4/9,values=1/0.5/1.5",
        "optax",
        by_call(optax.piecewise_interpolate_schedule("linear", 1.0, {4: 0.5, 9: 3.0})),
    ),
    (
        "piecewise_interpolate:boundaries=4/9,values=1/0.5/1.5,shape=cosine",
        "optax",
        by_call(optax.piecewise_interpolate_schedule("cosine", 1.0, {4: 0.5, 9: 3.0})),
    ),
    (
        "warmup:length=5,start=0.25",
        "torch",
        by_torch(lr_scheduler.LinearLR, start_factor=0.25, total_iters=5),
    ),
    (
        "warmup:length=5,start=0.25,shape=constant",
        "torch",
        by_torch(lr_scheduler.ConstantLR, factor=0.25, total_iters=5),
    ),
    (
        "warmup:length=5,start=0.25",
        "optax",
        by_call(optax.warmup_constant_schedule(0.25, 1.0, 5)),
    ),
    *(
        (
            f"cyclic:up=3,down=2,low=0.2,mode={mode},decay=0.9",
            "torch",
            by_torch(
                lr_scheduler.CyclicLR,
                base_lr=0.2,
                max_lr=1.0,
                step_size_up=3,
                step_size_down=2,
                mode=mode,
                gamma=0.9,
                cycle_momentum=False,
            ),
        )
        for mode in ("triangular", "triangular2", "exp_range")
    ),
    *(
        (
            f"swa_lr:start=0,length=6,end=0.3,shape={ours}",
            "torch",
            by_torch(
                SWALR,
                swa_lr=0.3,
                anneal_epochs=6,
                anneal_strategy=theirs,
            ),
        )
        for ours, theirs in (("linear", "linear"), ("cosine", "cos"))
    ),
    (
        "one_cycle:rise=0.3",
        "torch",
        by_torch(
            lr_scheduler.OneCycleLR,
            max_lr=1.0,
            total_steps=EPOCHS + 1,
            pct_start=(0.3 * EPOCHS + 1) / (EPOCHS + 1),  # its first step counts to the rise
            cycle_momentum=False,
        ),
    ),
    ("invscaling:power=0.4,rows=150", "sklearn", by_sklearn(0.4, 150)),
    ("rex", "pytorch_optimizer", by_rex()),
    *(
        (
            f"wsd:fall=0.25,shape={ours}",
            "pytorch_optimizer",
            by_torch(
                get_wsd_schedule,
                num_warmup_steps=0,
                num_stable_steps=15,
                num_decay_steps=5,
                cooldown_type=theirs,
            ),
        )
        for ours, theirs in (("linear", "linear"), ("sqrt", "1-sqrt"))
    ),
]


def main() -> None:
    """Write the file."""
    libraries = ("torch", "keras", "optax", "scikit-learn", "pytorch_optimizer")
    write_json(
        PLACE,
        {
            "made_by": "tests/reference/make_schedules.py",
            **{name: version(name).partition("+")[0] for name in libraries},
            "epochs": EPOCHS,
            "cases": [
                {"schedule": text, "library": library, "factors": factors}
                for text, library, factors in CASES
            ],
        },
    )
    print(f"{len(CASES)} cases")


if __name__ == "__main__":
    main()
