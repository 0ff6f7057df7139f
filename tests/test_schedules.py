"""The built-in schedules at points worked out by hand, and against the papers' recursions."""

import math

import pytest

from nnplug.plugins.registry import Registry

REGISTRY = Registry()


def factors(text, times, epochs):
    schedule = REGISTRY.get("schedule", text)
    return [schedule(time, epochs) for time in times]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("constant", [1, 1, 1, 1]),
        ("step:every=4,factor=0.5", [1, 1, 0.5, 0.25]),
        ("exponential:decay=0.5", [1, 0.25, 1 / 16, 1 / 256]),
        ("inverse_time:decay=0.5", [1, 0.5, 1 / 3, 0.2]),
        ("inverse_sqrt:scale=2", [1, math.sqrt(0.5), math.sqrt(1 / 3), math.sqrt(0.2)]),
        ("linear", [1, 0.75, 0.5, 0]),
        ("linear:end=0.2", [1, 0.8, 0.6, 0.2]),
        ("polynomial", [1, 0.5625, 0.25, 0]),
        ("polynomial:power=3,end=0.2", [1, 0.2 + 0.8 * 0.75**3, 0.3, 0.2]),
        ("cosine", [1, (2 + math.sqrt(2)) / 4, 0.5, 0]),
        ("cosine:end=0.1", [1, 0.1 + 0.9 * (2 + math.sqrt(2)) / 4, 0.55, 0.1]),
        ("cosine_restarts:period=4", [1, 0.5, 1, 1]),
        ("one_cycle:rise=0.25,start=0.1", [0.1, 1, 0.75, 4e-6]),
    ],
)
def test_by_hand(text, expected):
    # At epochs 0, 2, 4 and 8 of 8; the last is reached after the run's last step.
    assert factors(text, (0, 2, 4, 8), 8) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", sorted(set(REGISTRY.names("schedule")) - {"one_cycle"}))
def test_a_warm_up_climbs_in_a_straight_line_to_the_schedules_start(name):
    if name == "step":  # its stretches count from the run's start
        assert factors("step:warmup=3", (0, 1.5, 3), 20) == [0.01, 0.5, 1]
        return
    plain, warm = f"{name}", f"{name}:warmup=3"
    assert factors(warm, (0, 0.75, 1.5, 3), 20) == pytest.approx([0.01, 0.25, 0.5, 1])
    # What comes after is the schedule of the rest of the run.
    assert factors(warm, (3, 8, 19), 20) == pytest.approx(factors(plain, (0, 5, 16), 17))


def test_restarts_grow():
    # Half cosines of 2, 6 and 18 epochs: restarts at 2, 8 and 26.
    text = "cosine_restarts:period=2,growth=3,end=0.1"
    assert factors(text, (0, 2, 8, 26), 99) == pytest.approx([1, 1, 1, 1])
    assert factors(text, (1, 5, 17), 99) == pytest.approx([0.55, 0.55, 0.55])
    just_before = factors(text, (2 - 1e-6, 8 - 1e-6, 26 - 1e-6), 99)
    assert just_before == pytest.approx([0.1, 0.1, 0.1], abs=1e-6)


def test_inverse_sqrt_is_that_of_the_paper():
    # Vaswani et al. (2017), eq. 3: min(t^-0.5, t·w^-1.5), here over its peak at t = w.
    w = 7.0
    for time in (1.0, 5.0, 7.0, 20.0, 90.0):
        rate = min(time**-0.5, time * w**-1.5) / w**-0.5
        assert factors(f"inverse_sqrt:scale={w},warmup={w}", (time,), 99) == pytest.approx([rate])


def test_one_cycle_has_pytorchs_ends():
    # OneCycleLR(max_lr=1): div_factor=25, final_div_factor=1e4, pct_start=0.3.
    start, peak, end = factors("one_cycle", (0, 30, 100), 100)
    assert (start, peak, end) == pytest.approx((1 / 25, 1, 1 / 25 / 1e4))
    up = factors("one_cycle", range(31), 100)
    down = factors("one_cycle", range(30, 101), 100)
    assert up == sorted(up)
    assert down == sorted(down, reverse=True)
