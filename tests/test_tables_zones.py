"""Times of day with a zone, and infinity: the same answer whatever the row and the road."""

from __future__ import annotations

import datetime
import gzip
import json

import numpy as np
import pytest

from nnplug.errors import DataError
from nnplug.tables import raw_text, read_table, sniffing

NAIVE = "2024-01-05 10:00:00"
ZONED = {
    "2024-01-05 20:00:00+05:00": "2024-01-05T15:00:00",
    "2024-01-05T20:00:00-03:30": "2024-01-05T23:30:00",
    "2024-01-05 20:00:00.125+05:00": "2024-01-05T15:00:00.125",
    "2024-01-05 20:00:00.123456-05": "2024-01-06T01:00:00.123456",
    "2024-01-05T20:00:00+0530": "2024-01-05T14:30:00",
    "2024-01-05 20:00:00 +05:00": "2024-01-05T15:00:00",
    "2024-01-05 20:00+05:00": "2024-01-05T15:00:00",
    "2024-01-05T20:00:00Z": "2024-01-05T20:00:00",
}


@pytest.fixture(params=["small", "large"])
def road(request, monkeypatch):
    """Both ways in which text is read: by all rows, and by a sample."""
    if request.param == "large":
        monkeypatch.setattr(raw_text, "_LARGE", 0)
    return request.param


def save(folder, kind, cells):
    """Write a table with the column `when`."""
    path = folder / f"times.{kind}"
    if kind == "jsonl":
        path.write_text(
            "".join(json.dumps({"when": c, "y": k}) + "\n" for k, c in enumerate(cells))
        )
        return path
    text = "when,y\n" + "".join(f"{cell},{k}\n" for k, cell in enumerate(cells))
    if kind == "csv.gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def instants(path, **options):
    return read_table(path, **options).column("when").values.astype("datetime64[us]")


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "jsonl"])
@pytest.mark.parametrize("row", [0, 45, 2100, 21_500])
@pytest.mark.parametrize("cell", ZONED)
def test_a_time_with_an_offset_is_converted_whatever_its_row(cell, row, kind, road, tmp_path):
    cells = [NAIVE] * (row + 5)
    cells[row] = cell
    found = instants(save(tmp_path, kind, cells))
    assert found[row] == np.datetime64(ZONED[cell])
    others = np.delete(found, row)
    assert (others == np.datetime64("2024-01-05T10:00:00")).all()


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_days_with_one_instant_that_has_an_offset(kind, road, tmp_path):
    cells = ["2024-01-05"] * 50 + ["2024-01-05 01:00:00+05:00"]
    found = instants(save(tmp_path, kind, cells))
    assert found[-1] == np.datetime64("2024-01-04T20:00:00")


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_every_time_has_an_offset(kind, road, tmp_path):
    cells = [f"2024-01-05 {k % 24:02d}:00:00{'+-'[k % 2]}0{k % 9}:30" for k in range(3_000)]
    found = instants(save(tmp_path, kind, cells))
    wanted = [datetime.datetime.fromisoformat(c).astimezone(datetime.UTC) for c in cells]
    assert found.tolist() == [each.replace(tzinfo=None) for each in wanted]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("row", [3, 2100, 21_500])
@pytest.mark.parametrize("zone", [" Europe/Berlin", " CET", " GMT", "[Europe/Berlin]"])
def test_a_zone_by_its_name_is_refused_with_its_line(zone, row, kind, road, tmp_path):
    cells = [NAIVE] * (row + 5)
    cells[row] += zone
    with pytest.raises(DataError, match=str(row + 2 - (kind == "jsonl"))) as error:
        read_table(save(tmp_path, kind, cells))
    assert "when" in str(error.value)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize(
    "offset", ["+99:00", "-25:00", "+23:59", "+16", "-1600", "+05:60", " +16:00"]
)
def test_an_offset_that_no_clock_has_is_refused_with_its_line(offset, kind, road, tmp_path):
    cells = [NAIVE + "-03:30"] * 60
    cells[45] = f"{NAIVE}{offset}"
    with pytest.raises(DataError, match=f':{47 - (kind == "jsonl")}: column "when"') as error:
        read_table(save(tmp_path, kind, cells))
    assert f'"{cells[45]}" as a date' in str(error.value)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_offsets_that_are_furthest_from_utc(kind, road, tmp_path):
    found = instants(save(tmp_path, kind, [f"{NAIVE}+15:59", f"{NAIVE}-1559", f"{NAIVE}+14"] * 9))
    wanted = ["2024-01-04T18:01", "2024-01-06T01:59", "2024-01-04T20:00"]
    assert (found[:3] == np.array(wanted, "datetime64[us]")).all()


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "jsonl"])
@pytest.mark.parametrize("row", [3, 45, 2100, 21_500])
@pytest.mark.parametrize("cell", ["infinity", "-infinity", "epoch"])
def test_infinity_among_dates_is_refused(cell, row, kind, road, tmp_path):
    cells = [NAIVE] * (row + 5)
    cells[row] = cell
    with pytest.raises(DataError, match='"when"') as error:
        read_table(save(tmp_path, kind, cells))
    line = row + 2 - (kind == "jsonl")
    assert f':{line}: column "when": cannot read "{cell}" as a date\n' in str(error.value)
    assert cell == "epoch" or f"--read na={cell}" in str(error.value)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_column_that_is_mostly_infinity_is_no_text(kind, road, tmp_path):
    cells = ["2024-01-05", *["infinity"] * 40, "Infinity", "2024-01-06"]
    with pytest.raises(DataError, match=f':{3 - (kind == "jsonl")}: column "when": cannot read'):
        read_table(save(tmp_path, kind, cells))


@pytest.mark.parametrize("options", [{"na": ["infinity"]}, {"na_of": {"when": ["infinity"]}}])
def test_infinity_may_stand_for_a_missing_value(options, road, tmp_path):
    path = save(tmp_path, "csv", [NAIVE] * 50 + ["infinity"])
    assert np.flatnonzero(read_table(path, **options).column("when").missing).tolist() == [50]


def test_a_query_sees_the_instants(road, tmp_path):
    path = save(tmp_path, "csv", [NAIVE] * 2_100 + ["2024-01-05 20:00:00+05:00"])
    found = read_table(path, sql='SELECT max("when") AS when, count(*) AS y FROM data')
    assert found.column("when").values[0] == np.datetime64("2024-01-05T15:00:00")


def test_the_machines_own_zone_makes_no_difference(road, tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    path = save(tmp_path, "csv", [NAIVE, "2024-01-05 20:00:00+05:00"] * 30)
    assert instants(path)[0] == np.datetime64("2024-01-05T10:00:00")
    found = read_table(path, sql='SELECT "when"::TIMESTAMPTZ AS when, y FROM data')
    assert found.column("when").values[0] == np.datetime64("2024-01-05T10:00:00")


@pytest.mark.parametrize(
    "cell", ["10:00:00+05:00", "10:00:00.123456-0330", "10:00 CET", "10:00+05"]
)
def test_the_bytes_show_a_zone_wherever_it_lies(cell, tmp_path, monkeypatch):
    from nnplug.tables.diagnosis import Dialect
    from nnplug.tables.text_file import TextFile

    monkeypatch.setattr(sniffing, "_STRETCH", 64)
    for before in range(140):
        path = tmp_path / "a.csv"
        path.write_text("x\n" + "y" * before + f"\n2024-01-05 {cell}\n")
        marks = sniffing.look_at_bytes(TextFile(path, "a.csv"), Dialect(",", '"', ("x",), True))
        assert marks.zones, before
        other = "2024-01-05 10:00:00.123456 \n10:00 AM,1-2\nnote: at noon,http://a:8/b,3:1 or so\n"
        path.write_text("x\n" + "y" * before + f"\n{other}")
        marks = sniffing.look_at_bytes(TextFile(path, "a.csv"), Dialect(",", '"', ("x",), True))
        assert not marks.zones, before
