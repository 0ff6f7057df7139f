"""The best epoch and the end of patience, worked out by hand."""

import json
import math

import pytest

from nnplug.training import Stopping


def followed(values, **options):
    """Give the epochs that were the best so far, and the one that patience ran out after."""
    stopping, best = Stopping("x", **options), []
    for epoch, value in enumerate(values):
        if stopping.observe(epoch, value):
            best.append(epoch)
        if stopping.exhausted:
            return best, epoch
    return best, None


@pytest.mark.parametrize(
    ("patience", "end"),
    [
        # After epoch 1 (4.0) come 4.5, 4.2, 4.1: one, two, three epochs without improvement.
        (1, 2),
        (2, 3),
        (3, 4),
        (4, None),
        (None, None),
    ],
)
def test_patience_counts_the_epochs_without_improvement(patience, end):
    best, ended = followed([5.0, 4.0, 4.5, 4.2, 4.1, 3.0, 2.0], patience=patience)
    assert ended == end
    assert best == ([0, 1] if end is not None else [0, 1, 5, 6])


def test_an_equal_number_is_no_improvement_and_the_first_best_stays():
    stopping = Stopping("x", patience=2)
    assert [stopping.observe(epoch, 1.0) for epoch in range(3)] == [True, False, False]
    assert (stopping.best_epoch, stopping.exhausted) == (0, True)


def test_an_improvement_is_more_than_min_delta_but_the_best_is_the_best():
    # 0.9 and 0.75 do not improve 1.0 by more than 0.25 and are still the best so far;
    # 0.7 does, and ends the waiting.
    stopping = Stopping("x", patience=3, min_delta=0.25)
    seen = []
    for epoch, value in enumerate([1.0, 0.9, 0.75, 0.7, 0.6]):
        seen.append((stopping.observe(epoch, value), stopping.waited, stopping.reference))
    assert seen == [
        (True, 0, 1.0),
        (True, 1, 1.0),
        (True, 2, 1.0),
        (True, 0, 0.7),
        (True, 1, 0.7),
    ]
    assert (stopping.best, stopping.best_epoch) == (0.6, 4)


def test_a_goal_may_be_to_maximize():
    assert followed([0.1, 0.5, 0.4, 0.5, 0.3], goal="maximize", patience=3) == ([0, 1], 4)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_never_better(bad):
    assert followed([bad, 2.0, bad, bad], patience=2) == ([1], 3)
    assert followed([bad, bad], patience=2) == ([], 1)


def test_what_it_noted_goes_through_json():
    whole, first = (Stopping("x", patience=3, min_delta=0.1) for _ in range(2))
    values = [3.0, 0.1 + 0.2, 0.5, 0.25, 0.3, 0.28]
    for epoch, value in enumerate(values):
        whole.observe(epoch, value)
    for epoch, value in enumerate(values[:3]):
        first.observe(epoch, value)
    second = Stopping("x", patience=3, min_delta=0.1)
    second.restore(json.loads(json.dumps(first.numbers(), allow_nan=False)))
    for epoch, value in enumerate(values[3:], start=3):
        second.observe(epoch, value)
    assert second == whole
