"""Commands and the numbers that people write: `data`, `train`, `predict` and `evaluate` agree."""

import json

import numpy as np
import pytest

import nnplug
from nnplug.tables import ReadOptions, TableOptions
from nnplug.tables import raw_text as raw_text_module
from tests.cli.models import nnplug_here

ROWS = 90


def price(i):
    return 700 + 37 * (i * 7 % ROWS)


def table(plain, *, target=True, rows=ROWS):
    """The same rows as plain numbers, or as people write them."""
    lines = ["price;rate;cost" if target else "price;rate"]
    for i in range(rows):
        rate = f"{i % 13 / 4:.2f}"
        cells = (
            [str(price(i)), rate] if plain else [f"${price(i):,}", f"{rate} %".replace(".", ",")]
        )
        if target:
            cells.append(str(2 * price(i) + 1) if plain else f"${2 * price(i) + 1:,}")
        lines.append(";".join(cells))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("numbers")
    for name, plain in (("plain", True), ("money", False)):
        (folder / f"{name}.csv").write_text(table(plain))
        (folder / f"{name}_new.csv").write_text(table(plain, target=False))
    lines = table(False, target=False).splitlines()[1:]
    rows = [dict(zip(("price", "rate"), line.split(";"), strict=True)) for line in lines]
    (folder / "money_new.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "few_new.csv").write_text("price;rate\n$999;1,25 %\n")
    (folder / "other_new.csv").write_text("price;rate\n999 EUR;1,25 %\n")
    more = {"target": "cost", "epochs": 3, "hidden": 4}
    read = ReadOptions.parse(["unit=$", "unit=%", "thousands=,", "decimal.rate=,"]).to_dict()
    nnplug.train(folder / "money.csv", read=read, **more).save(folder / "money.safetensors")
    nnplug.train(folder / "plain.csv", **more).save(folder / "plain.safetensors")
    return folder


@pytest.mark.parametrize("command", ["data", "data --target cost", "train --target cost"])
def test_data_and_train_ask_the_same(folder, command):
    name, *more = command.split()
    done = nnplug_here(name, "money.csv", *more, folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    dollars = ["--read 'unit.price=$' --read {0}.price=,", "--read 'unit.cost=$' --read {0}.cost=,"]
    assert done.stderr.splitlines() == [
        'error: money.csv: columns "price", "cost" hold numbers such as "$1,033", and no row tells '
        "whether that is",
        "1033 or 1.033. Say which:",
        " ".join(dollars).format("thousands"),
        " ".join(dollars).format("decimal"),
        'money.csv: column "rate" holds numbers such as "0,25 %", which is read as 0.25 if you say '
        "so:",
        "--read unit.rate=% --read decimal.rate=,",
        "If they are not numbers: --categorical price,rate,cost",
    ]


def test_the_model_is_that_of_plain_numbers_and_keeps_how_they_are_written(folder):
    money, plain = (nnplug.load(folder / f"{name}.safetensors") for name in ("money", "plain"))
    assert [each.written for each in money.encoder.columns] == ["$1,234.5", "%1234,5"]
    assert [each.written for each in money.encoder.scales] == ["$1,234.5"]
    assert [each.mean for each in money.encoder.columns] == [
        each.mean for each in plain.encoder.columns
    ]
    wanted = plain.predict(folder / "plain_new.csv")
    np.testing.assert_array_equal(money.predict(folder / "money_new.csv"), wanted)


@pytest.mark.parametrize("large", [0, 1 << 30], ids=["large", "small"])
def test_new_rows_are_read_as_in_training(folder, large, monkeypatch):
    monkeypatch.setattr(raw_text_module, "_LARGE", large)
    wanted = nnplug_here("predict", "plain.safetensors", "plain_new.csv", folder=folder)
    for name in ("money_new.csv", "money_new.jsonl"):
        done = nnplug_here("predict", "money.safetensors", name, folder=folder)
        assert (done.returncode, done.stderr, done.stdout) == (0, "", wanted.stdout)
    # One row tells neither thousands nor decimals; training did.
    done = nnplug_here("predict", "money.safetensors", "few_new.csv", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    scores = [
        nnplug_here("evaluate", f"{name}.safetensors", f"{name}.csv", folder=folder).stdout
        for name in ("money", "plain")
    ]
    assert scores[0].replace("money", "plain") == scores[1]


def test_another_unit_is_refused_and_can_be_stated(folder):
    done = nnplug_here("predict", "money.safetensors", "other_new.csv", folder=folder)
    assert done.returncode == 2
    assert 'column "price": cannot read "999 EUR" as a number' in done.stderr
    done = nnplug_here(
        "predict", "money.safetensors", "other_new.csv", "--read", "unit.price=EUR", folder=folder
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_nothing_is_asked_of_columns_that_are_not_used(suffix, tmp_path):
    columns = {"price": "$1,234", "day": "01/02/2024", "mixed": "1.234"}
    rows = [columns | {"x": i % 7, "y": f"{i % 7}.5"} for i in range(40)]
    rows[5] |= {"mixed": "999"}
    rows[6] |= {"day": "soon"}
    path = tmp_path / f"t.{suffix}"
    if suffix == "csv":
        lines = [";".join(map(str, row.values())) for row in rows]
        path.write_text("\n".join([";".join(rows[0]), *lines]) + "\n")
    else:
        path.write_text("".join(json.dumps(row | {"y": float(row["y"])}) + "\n" for row in rows))
    given = [path, "--target", "y", "--epochs", "1", "--no-output", "--read", "decimal=."]
    assert nnplug_here("train", *given, folder=tmp_path).returncode == 2
    for options in (("--drop", "price,day,mixed"), ("--columns", "x")):
        done = nnplug_here("train", *given, *options, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        done = nnplug_here("data", path, "--target", "y", *options, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    # The columns that the split and the weights go by are used too.
    for options in (("--split", "time:day"), ("--weights", "price")):
        done = nnplug_here("train", *given, "--columns", "x", *options, folder=tmp_path)
        assert done.returncode == 2
        assert f'column "{options[1].removeprefix("time:")}"' in done.stderr


@pytest.mark.parametrize("cells", [["2024-01-31", "NA", "NA"], [5, "NA", "NA"]])
def test_marks_in_json_do_not_count(cells, tmp_path):
    rows = [{"x": cells[i % 3], "y": i % 7 + 0.5} for i in range(60)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = nnplug_here("data", "t.jsonl", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert '"NA" often stands for a missing value. If so here: --read na=NA\n' in done.stderr
    done = nnplug_here("data", "t.jsonl", "--read", "na=NA", folder=tmp_path)
    assert done.returncode == 0


def test_a_mark_is_no_third_class(tmp_path):
    rows = "".join(f"{i % 9},{['yes', 'no', 'no', '', 'NA'][i % 5]}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(f"x,y\n{rows}")
    given = ["t.csv", "--target", "y", "--drop-missing-targets"]
    epochs = ["--epochs", "1", "--no-output"]
    done = nnplug_here("train", *given, *epochs, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        'error: t.csv: target "y" holds "NA" in 12 rows, which often stands for a missing value.\n'
        "If so here: --read na.y=NA\nIf it is a class: --categorical y\n"
    )
    assert "holds" in nnplug_here("data", *given, folder=tmp_path).stdout
    done = nnplug_here("train", *given, *epochs, "--read", "na.y=NA", folder=tmp_path)
    assert done.stderr.startswith('target "y" has 2 classes: binary')
    done = nnplug_here("train", *given, *epochs, "--categorical", "y", folder=tmp_path)
    assert done.stderr.startswith('target "y" has 3 classes: multiclass')
    (tmp_path / "t.csv").write_text(f"x,y\n{rows}".replace(",\n", ",no\n"))
    done = nnplug_here("train", "t.csv", "--target", "y", *epochs, folder=tmp_path)
    assert (
        'target "y" holds "NA" in 12 rows, as a class; if it stands for a missing value: '
        "--read na.y=NA --drop-missing-targets\n"
    ) in done.stderr


def test_a_mark_among_categories_is_said(tmp_path):
    rows = "".join(f"{['u', 'v', 'NA'][i % 3]},{i % 7}.5\n" for i in range(60))
    (tmp_path / "t.csv").write_text(f"x,y\n{rows}")
    said = 'column "x": "NA" in 20 rows counts as a category; if it stands for a missing value: '
    done = nnplug_here("data", "t.csv", folder=tmp_path)
    assert said + "--read na.x=NA" in " ".join(done.stdout.split())
    encoder = nnplug.tables.Encoder.fit(nnplug.tables.read_table(tmp_path / "t.csv"), target="y")
    assert said + "--read na.x=NA" in encoder.notes
    done = nnplug_here("data", "t.csv", "--target", "y", "--validation", 0, folder=tmp_path)
    assert " ".join(done.stdout.split()).count(said) == 1
    done = nnplug_here("data", "t.csv", "--read", "na.x=NA", folder=tmp_path)
    assert "counts as a category" not in done.stdout


def test_numbers_with_a_unit_are_said(tmp_path):
    rows = "".join(f"{i * 17 % 61 * 20} CC,{i % 7}.5\n" for i in range(60))
    (tmp_path / "t.csv").write_text(f"engine,y\n{rows}")
    said = 'column "engine" is text; without "CC" it is numbers: --read unit.engine=CC'
    for more in ([], ["--target", "y", "--categorical", "engine"]):
        done = nnplug_here("data", "t.csv", *more, folder=tmp_path)
        assert " ".join(done.stdout.split()).count(said) == 1
    # Said too where the column is left out, as an identifier.
    rows = "".join(f"{i * 20} CC,{i % 7}.5,{i % 5}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(f"engine,y,z\n{rows}")
    done = nnplug_here(
        "train", "t.csv", "--target", "y", "--epochs", "1", "--no-output", folder=tmp_path
    )
    assert 'column "engine" is left out' in done.stderr
    assert f"{said}\n" in done.stderr
    read = nnplug.tables.read_table(tmp_path / "t.csv", unit_of={"engine": "CC"})
    assert read.column("engine").kind == "number"


def test_whole_numbers_beyond_what_a_float_holds_are_said(tmp_path):
    rows = "".join(f"{9007199254740993 + i},{i % 7}.5,{i % 5}\n" for i in range(60))
    (tmp_path / "t.csv").write_text(f"account,y,z\n{rows}")
    said = (
        'column "account" has whole numbers such as 9007199254741052: beyond 2^53, a 64-bit float '
        "does not tell neighbours apart. If they are codes: --categorical account"
    )
    done = nnplug_here("data", "t.csv", folder=tmp_path)
    assert f"warning {said}" in " ".join(done.stdout.split())
    found = nnplug.tables.read_table(tmp_path / "t.csv")
    assert said in nnplug.tables.Encoder.fit(found, target="y").notes
    left_out = nnplug.tables.Encoder.fit(found, target="y", options=TableOptions(drop=("account",)))
    assert said not in left_out.notes
    assert said in " ".join(
        nnplug_here("data", "t.csv", "--target", "y", "--drop", "account", folder=tmp_path)
        .stdout.split()
    )  # fmt: skip
    read = nnplug.tables.read_table(tmp_path / "t.csv", text=["account"])
    assert len(read.column("account").words) == 60
