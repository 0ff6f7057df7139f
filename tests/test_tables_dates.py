"""Dates as numbers, against Python's calendar and by hand."""

import calendar
import datetime
import json
import math

import numpy as np
import pytest

from nnplug.tables import Encoder, table_from


def encoded(instants, rows=None):
    table = table_from({"d": instants, "t": [0, 1] * (len(instants) // 2)})
    encoder = Encoder.fit(table, target="t", rows=rows)
    return encoder, encoder.inputs(table)


def test_cycles_agree_with_the_calendar():
    rng = np.random.default_rng(0)
    start = datetime.datetime(1965, 3, 1)
    instants = [start + datetime.timedelta(seconds=int(s)) for s in rng.integers(0, 2**31, 400)]
    encoder, inputs = encoded(instants)
    assert encoder.features == (
        "d.time", "d.year_sin", "d.year_cos", "d.week_sin", "d.week_cos", "d.day_sin", "d.day_cos",
    )  # fmt: skip
    for instant, row in zip(instants, inputs, strict=True):
        of_day = (instant - instant.replace(hour=0, minute=0, second=0)).total_seconds() / 86400
        length = 366 if calendar.isleap(instant.year) else 365
        of_year = (instant.timetuple().tm_yday - 1 + of_day) / length
        of_week = (instant.weekday() + of_day) / 7
        wanted = [
            f(2 * math.pi * x) for x in (of_year, of_week, of_day) for f in (math.sin, math.cos)
        ]
        np.testing.assert_allclose(row[1:], wanted, atol=1e-9)
    seconds = np.array(
        [(each - datetime.datetime(1970, 1, 1)).total_seconds() for each in instants]
    )
    scaled = (seconds - seconds.mean()) / seconds.std()
    np.testing.assert_allclose(inputs[:, 0], scaled, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("instants", "cycles"),
    [
        (np.arange(4) * 400, ("year", "week")),
        (np.arange(4) * 30, ("week",)),
        (np.arange(4), ()),
    ],
)
def test_a_cycle_that_training_did_not_see_whole_is_no_input(instants, cycles):
    days = np.datetime64("2021-05-03") + instants.astype("m8[D]")
    assert encoded(days)[0].columns[0].cycles == cycles


def test_times_of_day_have_the_cycle_of_the_day():
    encoder, inputs = encoded([datetime.time(hour) for hour in (0, 6, 12, 18)])
    assert encoder.features == ("d.time", "d.day_sin", "d.day_cos")
    np.testing.assert_allclose(inputs[:, 1:], [[0, 1], [1, 0], [0, -1], [-1, 0]], atol=1e-12)


def test_one_date_only_is_said():
    table = table_from({"d": [datetime.date(2020, 1, 1)] * 4, "x": range(4), "t": [0, 1, 0, 1]})
    encoder = Encoder.fit(table, target="t")
    assert encoder.notes[1] == 'column "d" is left out: all rows for training have one date'
    assert encoder.features == ("x",)


def test_missing_dates():
    instants = [
        datetime.date(2020, 1, 1),
        None,
        datetime.date(2022, 1, 1),
        datetime.date(2021, 1, 1),
    ]
    encoder, inputs = encoded(instants)
    assert encoder.features[-1] == "d=(missing)"
    np.testing.assert_array_equal(inputs[1], [0] * 5 + [1])
    np.testing.assert_array_equal(inputs[:, -1], [0, 1, 0, 0])
    assert encoder.notes[-1].endswith('an input tells where: "d" (1)')


def test_state_survives_json():
    encoder, _ = encoded(
        np.datetime64("2020-01-01T05:00") + np.arange(800) * np.timedelta64(1, "D")
    )
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("cycles", ["day", "year"], 'the cycles of "d" are unknown'),
        ("cycles", ["month"], 'the cycles of "d" are unknown'),
        ("scale", -1, 'the scale of "d" is not positive'),
        ("extra", 1, 'a date column has "extra", which nnplug does not write'),
        ("indicator", 1, 'the indicator of "d" is not a truth value'),
    ],
)
def test_a_bad_state_is_refused(key, value, message):
    state = encoded(np.arange(4).astype("M8[D]"))[0].to_dict()
    state["columns"][0][key] = value
    with pytest.raises(Exception, match=message):
        Encoder.from_dict(state)
