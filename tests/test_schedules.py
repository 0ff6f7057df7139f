"""The built-in schedules at points worked out by hand, and against the papers' recursions."""

import json
import math
from pathlib import Path

import pytest

from nnplug.errors import OptionError
from nnplug.plugins.registry import Registry

REGISTRY = Registry()
REFERENCE = json.loads((Path(__file__).parent / "reference/schedules.json").read_text("utf-8"))


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
        ("multistep:milestones=2/3/9,factor=0.5", [1, 0.5, 0.25, 0.25]),
        ("piecewise_constant:boundaries=2/8,values=0.5/2/0", [0.5, 2, 2, 0]),
        ("piecewise_interpolate:boundaries=4/8,values=1/0/3", [1, 0.5, 0, 3]),
        ("piecewise_interpolate:boundaries=3/6,values=2/0/3,shape=cosine", [2, 0.5, 0.75, 3]),
        ("warmup:length=4,start=0.5", [0.5, 0.75, 1, 1]),
        ("warmup:length=3,start=0.2,shape=cosine", [0.2, 0.8, 1, 1]),
        ("warmup:length=4,start=0.2,shape=constant", [0.2, 0.2, 1, 1]),
        ("cyclic:up=3,down=1,low=0.4", [0.4, 0.8, 0.4, 0.4]),
        ("cyclic:up=1,down=2,low=0.4", [0.4, 0.7, 1, 0.7]),
        ("cyclic:up=1,down=3,low=0,mode=triangular2", [0, 2 / 3, 0, 0]),
        ("cyclic:up=1,down=2,low=0,mode=triangular2", [0, 0.5, 0.5, 0.125]),
        ("cyclic:up=4,down=1,low=0.5,mode=exp_range,decay=0.5", [0.5, 0.5625, 0.53125, 0.5014648]),
        ("swa_lr:start=0.25,length=4,end=0.2", [1, 1, 0.6, 0.2]),
        ("swa_lr:start=0,length=4,end=0.2,shape=linear", [1, 0.6, 0.2, 0.2]),
        ("wsd:fall=0.5,end=0.2", [1, 1, 1, 0.2]),
        ("wsd:fall=1", [1, 0.75, 0.5, 0]),
        ("wsd:fall=1,shape=cosine", [1, (2 + math.sqrt(2)) / 4, 0.5, 0]),
        ("wsd:fall=1,shape=sqrt,end=0.5", [1, 0.75, 1 - math.sqrt(0.5) / 2, 0.5]),
        ("rex", [1, 6 / 7, 2 / 3, 0]),
        ("rex:end=0.4", [1, 0.4 + 0.6 * 6 / 7, 0.8, 0.4]),
        ("invscaling", [1, 1 / math.sqrt(3), 1 / math.sqrt(5), 1 / 3]),
        ("invscaling:rows=12,power=1", [1, 1 / 25, 1 / 49, 1 / 97]),
    ],
)
def test_by_hand(text, expected):
    # At epochs 0, 2, 4 and 8 of 8; the last is reached after the run's last step.
    assert factors(text, (0, 2, 4, 8), 8) == pytest.approx(expected, abs=1e-5)


RISING = {"one_cycle", "cyclic", "warmup", "swa_lr", "coslog", "flat_cos"}
"""Those without a warm-up: they rise by themselves, or follow a run that has one."""

PLANNED = {"step": "", "multistep": "", "piecewise_constant": "", "wsd": "",
           "piecewise_interpolate": "values=1/1/0.1"}  # fmt: skip
"""Those whose stretches count from the run's start, or are a share of it."""


@pytest.mark.parametrize("name", sorted(set(REGISTRY.names("schedule")) - RISING))
def test_a_warm_up_climbs_in_a_straight_line_to_the_schedules_start(name):
    if name in PLANNED:
        text = f"{name}:warmup=3,{PLANNED[name]}".removesuffix(",")
        assert factors(text, (0, 1.5, 3), 20) == [0.01, 0.5, 1]
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("multistep:milestones=30-60", "milestones=30-60: write numbers with slashes between"),
        ("multistep:milestones=60/30", "they must be above 0 and ascend, as in 30/60/80."),
        ("multistep:milestones=0/30", "they must be above 0"),
        ("multistep:milestones=30/nan", "write numbers"),
        ("piecewise_constant:values=1/2", "values=1/2: 2 for 2 boundaries, 30/60; give 3."),
        ("piecewise_constant:values=1/2/-1", "they must be at least 0"),
        ("piecewise_interpolate:shape=sine", "shape=sine: there are linear, cosine."),
        ("warmup:shape=sine", "shape=sine: there are linear, cosine, constant."),
        ("swa_lr:shape=constant", "there are linear, cosine."),
        ("cyclic:mode=square", "mode=square: there are triangular, triangular2, exp_range."),
        ("wsd:shape=sine", "there are linear, cosine, sqrt."),
    ],
)
def test_a_text_that_an_option_does_not_know_is_refused(text, message):
    with pytest.raises(OptionError, match=f"schedule '{text.partition(':')[0]}'") as error:
        factors(text, (0,), 8)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "case", REFERENCE["cases"], ids=lambda case: f"{case['schedule']}-{case['library']}"
)
def test_factors_are_those_of_others(case):
    found = factors(case["schedule"], range(REFERENCE["epochs"]), REFERENCE["epochs"])
    # optax computes in float32 where a number of its own is one.
    assert found == pytest.approx(case["factors"], rel=1e-10, abs=1e-15)


def test_every_schedule_is_compared_that_others_have():
    compared = {case["schedule"].partition(":")[0] for case in REFERENCE["cases"]}
    # inverse_sqrt is compared with its paper above; constant says all of itself.
    assert compared == {*Registry(allowed=()).names("schedule")} - {
        "constant", "inverse_sqrt", "coslog", "flat_cos"
    }  # fmt: skip
