"""Dates as files write them: found from all cells, asked for where the cells do not tell."""

import datetime
import json

import numpy as np
import pytest

import nnplug
from nnplug.errors import DataError, SettingError
from nnplug.tables import Encoder, ReadOptions, read_table
from nnplug.tables import raw_text as raw_text_module
from nnplug.tables.date_formats import ISO, candidates
from nnplug.tables.given import open_table
from nnplug.tables.preparation import with_file


@pytest.fixture
def save(tmp_path):
    def save(cells, name="t.csv", column="day"):
        path = tmp_path / name
        if name.endswith(".jsonl"):
            rows = [json.dumps({column: cell, "y": i}) for i, cell in enumerate(cells)]
            path.write_text("\n".join(rows))
        else:
            rows = [f'"{cell}",{i}\n' for i, cell in enumerate(cells)]
            path.write_text(f"{column},y\n" + "".join(rows))
        return path

    return save


def refusal(*arguments, **options):
    with pytest.raises(DataError) as caught:
        read_table(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("cell", "ways"),
    [
        ("2024-01-31", [ISO]),
        ("2024/1/31 10:05", [ISO]),
        ("2024-01-31T10:05:09.25Z", [ISO]),
        ("2024-01-31 10:00+02:00", [ISO]),
        ("2024-01-31 10:00:09 -0330", [ISO]),
        ("2024.1.31", ["%Y.%m.%d"]),
        ("31.01.2024", ["%d.%m.%Y", "%m.%d.%Y"]),
        ("31.01.24", ["%d.%m.%y"]),
        ("1/2/2024, 1:05 pm", ["%d/%m/%Y, %I:%M %p", "%m/%d/%Y, %I:%M %p"]),
        ("1/2/2024 01:05:00AM", ["%d/%m/%Y %I:%M:%S%p", "%m/%d/%Y %I:%M:%S%p"]),
        ("01-02-24", ["%d-%m-%y", "%m-%d-%y", "%y-%m-%d"]),
        ("1/2/24", ["%d/%m/%y", "%m/%d/%y"]),
        ("31-Jan-2024", ["%d-%b-%Y", "%d-%B-%Y"]),
        ("31 January 24", ["%d %B %y"]),
        ("May 7, 2024", ["%b %d, %Y", "%B %d, %Y"]),
        *((cell, []) for cell in (
            "", "Rome", "12", "1.2.10", "1.5", "1.2.3", "10.0.0.1", "555-1234-99", "2024",
            "2024-01-31 10:00+02:00:00", "2024-1/31", "31/01-2024", "2024-01-31 late",
            "2024-01-31 10", "127/80/2020", "2024/1/2024", "7 Ma 2024",
        )),
    ],
)  # fmt: skip
def test_what_one_cell_may_be(cell, ways):
    assert list(candidates(cell)) == ways


WAYS = [
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%y", "%m/%d/%y", "%Y.%m.%d", "%y-%m-%d",
    "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S%p", "%d/%m/%Y, %H:%M:%S",
    "%d-%b-%Y", "%d %B %Y", "%B %d, %Y", "%d.%b.%y %H:%M",
]  # fmt: skip


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
@pytest.mark.parametrize("way", WAYS)
def test_all_cells_tell_how_they_are_written(save, way, name, large, monkeypatch):
    monkeypatch.setattr(raw_text_module, "_LARGE", 0 if large else 1 << 30)
    rng = np.random.default_rng(0)
    # From 1970 to 2067, where two digits of a year mean the same to Python and DuckDB.
    instants = [
        datetime.datetime(1970, 1, 1) + datetime.timedelta(minutes=int(each))
        for each in rng.integers(0, 97 * 365 * 24 * 60, 500)
    ]
    wanted = [datetime.datetime.strptime(each.strftime(way), way) for each in instants]
    column = read_table(save([each.strftime(way) for each in instants], name)).column("day")
    assert (column.kind, column.written) == ("date", way)
    assert column.values.tolist() == wanted


def test_columns_of_one_file_may_be_written_in_different_ways(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,c,d\n1/31/2024,31/1/2024,2024-01-31,31.1.2024 5:00\n,,,\n")
    for column in read_table(path).columns:
        assert column.kind == "date"
        assert column.values[0].astype("M8[D]").item() == datetime.date(2024, 1, 31)


# --- where the cells do not tell -------------------------------------------------------------


def test_dates_that_no_row_makes_clear_are_refused(save):
    path = save(["05/05/2024", "", "06/05/2024"])
    assert refusal(path) == (
        't.csv: column "day" holds dates such as "06/05/2024", and no row tells whether they are\n'
        "written %d/%m/%Y or %m/%d/%Y. Say which:\n"
        "--read dates.day=%d/%m/%Y\n"
        "--read dates.day=%m/%d/%Y\n"
        "If they are no dates: --categorical day"
    )
    may = datetime.datetime(2024, 5, 6)
    for said in ({"dates": "%d/%m/%Y"}, {"dates_of": {"day": "%d/%m/%Y"}}):
        assert read_table(path, **said).column("day").values[2] == may
    assert read_table(path, dates="%m/%d/%Y").column("day").values[2].item().month == 6
    assert read_table(path, text="day").column("day").values[2] == "06/05/2024"


@pytest.mark.parametrize("large", [False, True])
def test_one_row_that_tells_is_enough(save, large, monkeypatch):
    monkeypatch.setattr(raw_text_module, "_LARGE", 0 if large else 1 << 30)
    cells = ["03/04/2024"] * 30_000
    assert "no row tells" in refusal(save(cells))
    column = read_table(save([*cells, "04/13/2024"])).column("day")
    assert column.written == "%m/%d/%Y"
    assert column.values[0] == datetime.datetime(2024, 3, 4)


def test_a_column_that_is_the_same_either_way_is_read(save):
    column = read_table(save(["05/05/2024", "06/06/2024"])).column("day")
    assert column.values.tolist()[1] == datetime.datetime(2024, 6, 6)


def test_a_year_of_two_digits_may_stand_first(save):
    message = refusal(save(["05-06-07"], column="the day"))
    assert "written %d-%m-%y or %m-%d-%y. Say which:" in message
    assert "--read 'dates.the day=%m-%d-%y'\nIf they are no dates: --categorical 'the day'" in (
        message
    )
    # Each of one month's days might be a year; but in 97-06-05 the year comes first.
    assert read_table(save(["05-06-07", "31-05-07"])).column("day").written == "%d-%m-%y"
    assert read_table(save(["05-06-07", "97-06-05"])).column("day").written == "%y-%m-%d"
    # A year of two digits has two.
    assert read_table(save(["13/1/24", "1/2/24"])).column("day").written == "%d/%m/%y"


def test_with_points_the_day_comes_first(save):
    column = read_table(save(["05.06.2024"])).column("day")
    assert column.values[0] == datetime.datetime(2024, 6, 5)
    assert read_table(save(["05.13.2024"])).column("day").written == "%m.%d.%Y"


def test_json_lines_are_asked_about_as_well(save):
    message = refusal(save(["05/06/2024"], "t.jsonl"))
    assert message.startswith('t.jsonl: column "day" holds dates such as "05/06/2024", and no row')


# --- cells that are none ---------------------------------------------------------------------


def test_a_few_cells_that_are_no_dates_are_refused(save):
    days = [f"2024-01-{day:02d}" for day in range(1, 29)]
    assert refusal(save([*days, "soon"])) == (
        't.csv:30: column "day": cannot read "soon" as a date\n'
        "The column's other cells are dates written ISO 8601. Correct these.\n"
        "If they stand for missing values: --read na=soon\n"
        "If the column is text: --categorical day"
    )
    message = refusal(save(["n/a", *(f"{day}/1/24" for day in range(1, 29))]))
    assert message == (
        't.csv:2: column "day": cannot read "n/a" as a date\n'
        "The column's other cells are dates written %d/%m/%y.\n"
        '"n/a" often stands for a missing value. If so here: --read na=n/a\n'
        "If the column is text: --categorical day\n"
        "Else correct the file."
    )
    assert read_table(save([*days, "soon"]), na=["soon"]).column("day").kind == "date"
    # A short year, and a day that no calendar has.
    assert '"3/1/24"' in refusal(save([*(f"{day}/1/2024" for day in range(1, 29)), "3/1/24"]))
    assert '"2024-02-30"' in refusal(save([*days, "2024-02-30"]))


def test_text_in_which_some_cells_are_dates_is_text(save):
    for cells in (
        ["2024-01-01", "2024-01-02", "Rome", "Oslo", "Bern", "Ulm"],
        [*["2024-01-01"] * 20, *"abcd"],
        ["31/01/2024", "01/31/2024"],
    ):
        column = read_table(save(cells)).column("day")
        assert (column.kind, column.written) == ("text", "")


def test_a_year_before_1000_is_no_date(save):
    assert read_table(save(["13/01/0020", "14/01/0020"])).column("day").kind == "text"


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_words_that_duckdb_takes_for_instants_are_no_dates(save, name):
    days = [f"{day}/1/2024" for day in range(1, 29)]
    for word in ("infinity", "-infinity", "epoch"):
        assert f'cannot read "{word}" as a date' in refusal(save([*days, word], name))
    path = save(["2024-01-31", "infinity"])
    message = refusal(path)
    assert message == (
        't.csv:3: column "day": cannot read "infinity" as a date\n'
        "The column's other cells are dates written ISO 8601. Correct these.\n"
        "If they stand for missing values: --read na=infinity\n"
        "If the column is text: --categorical day"
    )
    assert read_table(path, na=["infinity"]).column("day").kind == "date"


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
@pytest.mark.parametrize(
    ("cells", "day"),
    [(["2024-01-31", "2024-02-01 10:00:00.5"], 31), (["31/1/2024 10:00", "1/2/2024"], 31),
     (["2024-01-31T10:00:00Z", "2024-02-01"], 31)],
)  # fmt: skip
@pytest.mark.parametrize("times", [1, 3000])
def test_a_time_of_day_may_be_left_out(save, cells, day, times, name):
    column = read_table(save(cells * times, name)).column("day")
    assert column.kind == "date"
    first, second = column.values[:2].tolist()
    assert (first.day, second.day, second.month) == (day, 1, 2)


# --- what a user states ----------------------------------------------------------------------


def test_a_stated_way_that_does_not_fit(save):
    path = save(["31/01/2024", "01/02/2024"])
    assert refusal(path, dates_of={"day": "%m/%d/%Y"}) == (
        't.csv:2: column "day": cannot read "31/01/2024" as a date\n'
        'The dates of "day" are to be written %m/%d/%Y, as stated, or as in training.\n'
        "Correct the cells, or say how they are: --read dates.day=..."
    )
    assert (
        read_table(save(["2024-01-31"], "iso.csv"), dates_of={"day": "%m/%d/%Y"})
        .column("day")
        .written
        == ""
    )
    year_last = {"dates_of": {"day": "%Y-%d-%m"}}
    for name in ("u.csv", "u.jsonl"):
        column = read_table(save(["2024-03-04"], name), **year_last).column("day")
        assert column.values[0] == datetime.datetime(2024, 4, 3)
        assert 'cannot read "soon" as a date\n' in refusal(
            save(["2024-03-04", "soon"], name), **year_last
        )
    assert 'column "y": cannot read "0" as a date' in refusal(path, dates_of={"y": "%d/%m/%Y"})
    # For all columns it is a hint: others are written as they are.
    assert read_table(path, dates="%m/%d/%Y").column("day").written == "%d/%m/%Y"
    assert "there is no column \"dya\" to be read as dates. Did you mean 'day'?" in refusal(
        path, dates_of={"dya": "%m/%d/%Y"}
    )
    unknown = (
        "read: dates.day=%Q: dates are not written so. Python's codes say how, such as\n"
        "%d.%m.%Y or %m/%d/%Y %I:%M %p."
    )
    assert refusal(path, dates_of={"day": "%Q"}) == unknown
    assert refusal(save(["x"], "t.jsonl"), dates_of={"day": "%Q"}) == unknown
    assert "read: dates=%Q: " in refusal(path, dates="%Q")
    # Without a year there is no date.
    assert "read: dates.day=%H:%M: dates are not written so." in refusal(
        save(["10:30"], "t.csv"), dates_of={"day": "%H:%M"}
    )
    for given, other in (("text", "categorical"), ("numeric", "numeric")):
        with pytest.raises(SettingError, match=f"'d' cannot be both {other} and dates"):
            ReadOptions(dates_of=(("d", "%Y"),), **{given: ("d",)})
    with pytest.raises(SettingError, match=r"read: dates\.d is given twice\."):
        ReadOptions.parse(["dates.d=%Y", "dates.d=%y"])


def test_options_are_given_as_text_and_kept_as_a_mapping():
    options = ReadOptions.parse(["dates=%Y", "dates.a b=%d/%m/%Y", "dates.c=%y=%m"])
    assert options.date_format("a b") == "%d/%m/%Y"
    assert options.date_format("other") == ""
    kept = options.to_dict()
    assert kept == {"dates": "%Y", "dates_of": {"a b": "%d/%m/%Y", "c": "%y=%m"}}
    assert ReadOptions.of(kept) == options


# --- as in training --------------------------------------------------------------------------


def test_new_rows_are_read_as_the_rows_for_training_were(save, tmp_path):
    days = [f"{month}/{day}/2024" for month in range(1, 13) for day in (1, 15, 28)]
    run = nnplug.train(save(days), target="y", epochs=2)
    run.save(tmp_path / "m.safetensors")
    model = nnplug.load(tmp_path / "m.safetensors")
    # Alone, these two cells could be days of February.
    new = save(["3/2/2024", "4/2/2024"], "new.csv")
    assert "no row tells" in refusal(new)
    clear = save(["2024-03-02", "2024-04-02"], "iso.csv")
    np.testing.assert_array_equal(model.predict(new), model.predict(clear))
    # One typing error does not turn all of them.
    wrong = save(["3/2/2024", "13/4/2024"], "wrong.csv")
    with pytest.raises(DataError) as caught:
        model.predict(wrong)
    assert str(caught.value) == (
        'wrong.csv:3: column "day": cannot read "13/4/2024" as a date\n'
        'The dates of "day" are to be written %m/%d/%Y, as stated, or as in training.\n'
        "Correct the cells, or say how they are: --read dates.day=..."
    )
    # What the user says of the new file comes first.
    said = ReadOptions(dates_of=(("day", "%d/%m/%Y"),))
    with open_table(new, model.encoder.read_options(said), 1 << 28) as table:
        assert table.fetch(["day"]).column("day").values[0] == datetime.datetime(2024, 2, 3)


def test_digits_are_dates_again(save, tmp_path):
    days = [f"2024{month:02d}{day:02d}" for month in range(1, 13) for day in (1, 15, 28)]
    table = read_table(save(days), dates_of={"day": "%Y%m%d"})
    encoder = Encoder.fit(table, target="y")
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder
    read = read_table(save(days, "new.csv"), again.read_options())
    np.testing.assert_array_equal(again.inputs(read), encoder.inputs(table))
    # A file without the column is refused by its name, as ever, and not by its dates.
    path = tmp_path / "without.csv"
    path.write_text("y\n1\n")
    with pytest.raises(DataError, match='there is no column "day"'):
        again.inputs(read_table(path, again.read_options()))


def test_the_file_for_validation_is_written_as_the_one_for_training(save):
    days = [f"{month}/{day}/2024" for month in range(1, 13) for day in (1, 15, 28)]
    other = save(["3/2/2024", "4/2/2024"], "later.csv")
    table, held_out = with_file(read_table(save(days)), str(other), ReadOptions())
    assert table.column("day").values[held_out].tolist() == [
        datetime.datetime(2024, 3, 2), datetime.datetime(2024, 4, 2)
    ]  # fmt: skip
    iso = save(["2024-03-02"], "iso.csv")
    table, held_out = with_file(read_table(save(days)), str(iso), ReadOptions())
    assert table.column("day").values[held_out][0] == datetime.datetime(2024, 3, 2)
    said = ReadOptions(dates_of=(("day", "%d/%m/%Y"),))
    table, held_out = with_file(read_table(save(days)), str(other), said)
    assert table.column("day").values[held_out][0] == datetime.datetime(2024, 2, 3)


def test_several_files_are_written_in_one_way(save, tmp_path):
    save(["1/31/2024"], "a1.csv")
    second = save(["3/2/2024"], "a2.csv")  # alone it would not tell
    table = read_table(tmp_path / "a*.csv")
    assert table.column("day").written == "%m/%d/%Y"
    assert table.column("day").values[1] == datetime.datetime(2024, 3, 2)
    second.write_text("day,y\n31/1/2024,1\n")
    assert 'a2.csv:2: column "day": cannot read "31/1/2024" as a date' in refusal(
        tmp_path / "a*.csv"
    )


def test_a_query_passes_the_way_on(save):
    table = read_table(
        save(["1/31/2024"]), sql="SELECT day, day + INTERVAL 1 DAY AS next FROM data"
    )
    assert [column.written for column in table.columns] == ["%m/%d/%Y", ""]


def test_a_query_may_leave_out_a_column_whose_way_is_stated(save):
    path, query = save(["05/06/2024", "06/06/2024"]), "SELECT y FROM data"
    assert "--read dates.day=%d/%m/%Y" in refusal(path, sql=query)
    assert read_table(path, sql=query, dates_of={"day": "%d/%m/%Y"}).names == ("y",)
    message = refusal(path, sql=query, dates_of={"dya": "%d/%m/%Y"})
    assert "there is no column \"dya\" to be read as dates. Did you mean 'day'?" in message
