"""What a resumed run rests on, taken out: the comparison with the uninterrupted run sees it.

`test_durable.py` and `test_models_checkpoint.py` do the same to the steps of a durable write.
"""

from __future__ import annotations

import numpy as np
import pytest

import nnplug.training.batches
import nnplug.training.loop
import nnplug.training.steps
from nnplug.plugins.registry import Registry
from tests.contract.test_resume import digest, leave, trainer

AFTER = 6  # within the second epoch


@pytest.fixture(autouse=True)
def _step_by_step(monkeypatch):
    monkeypatch.setattr(nnplug.training.loop, "PORTION_SECONDS", 0.0)


def same(spoil=lambda arrays, numbers: None, forget=lambda: None):
    """Tell whether a run that is left and taken up ends as the one that is not."""
    registry = Registry(allowed=())
    parts = registry.get("optimizer", "adam"), registry.get("schedule", "cosine")
    whole = trainer(*parts)
    whole.run()
    forget()
    arrays, numbers = leave(trainer(*parts), AFTER)
    spoil(arrays, numbers)
    forget()  # as a new process has
    other = trainer(*parts, seed=77)
    other.restore(arrays, numbers)
    other.run()
    return digest(other) == digest(whole)


def test_nothing_taken_out():
    assert same()


@pytest.mark.parametrize("module", ["batches", "steps"])
def test_generators_that_are_carried_and_not_derived(module, monkeypatch):
    carried = {}

    def carry(seed, purpose, epoch=0, step=0):
        return carried.setdefault((seed, purpose), np.random.default_rng(seed))

    monkeypatch.setattr(getattr(nnplug.training, module), "derive_generator", carry)
    assert not same(forget=carried.clear)


@pytest.mark.parametrize("name", ["count", "slot.m", "slot.v", "parameters"])
def test_a_part_of_the_state_that_is_not_kept(name):
    def spoil(arrays, numbers):
        arrays[name][...] = 0

    assert not same(spoil)


@pytest.mark.parametrize("name", ["epoch", "step"])
def test_a_place_that_is_not_kept(name):
    def spoil(arrays, numbers):
        numbers[name] = 0
        if name == "step":
            for key in ("losses", "penalties"):
                arrays[key] = arrays[key][:0]

    assert not same(spoil)
