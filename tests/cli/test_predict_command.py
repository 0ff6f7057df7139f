"""`nnplug predict`: what it writes, where, in which order, and what it refuses."""

import csv
import io
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import nnplug
from nnplug import durable
from nnplug.cli import main
from tests.cli.models import IRIS, make_models, nnplug_command, nnplug_here
from tests.plugins.packages import isolated_site  # noqa: F401  # the fixture `site`

FRAME = pd.read_csv(IRIS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_models(tmp_path_factory.mktemp("models"))


def table(text):
    return pd.read_csv(io.StringIO(text), keep_default_na=False)


def test_one_column_named_as_the_target_in_the_rows_order(folder):
    done = nnplug_command("predict", "species.safetensors", IRIS, folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    wanted = nnplug.load(folder / "species.safetensors").predict(FRAME)
    assert done.stdout.splitlines() == ["species", *wanted]


def test_identifiers_and_probabilities(folder):
    done = nnplug_here(
        "predict", "species.safetensors", "iris.csv", "--id", "plant", "--id", "species",
        "--probabilities", folder=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = table(done.stdout)
    assert list(found) == [
        "plant", "species", "predicted_species", "predicted_species=setosa",
        "predicted_species=versicolor", "predicted_species=virginica",
    ]  # fmt: skip
    assert found["plant"].tolist() == [f"p{k:03}" for k in range(150)]
    assert found["species"].tolist() == FRAME["species"].tolist()
    wanted = nnplug.load(folder / "species.safetensors").probabilities(FRAME)
    assert (found.iloc[:, 3:].to_numpy(np.float32) == wanted).all()


def test_numbers_in_the_targets_units(folder):
    done = nnplug_here("predict", "petals.safetensors", IRIS, folder=folder)
    assert done.returncode == 0, done.stderr
    found = table(done.stdout)
    assert list(found) == ["petal_length", "petal_width"]
    wanted = nnplug.load(folder / "petals.safetensors").predict(FRAME)
    assert (found.to_numpy() == wanted).all()


def test_identifiers_keep_every_digit(folder, tmp_path):
    ids = ["9007199254740993", "007", "-5", "=1+1"]
    frame = FRAME[:4].assign(code=ids)
    frame.to_csv(tmp_path / "t.csv", index=False)
    done = nnplug_here(
        "predict", folder / "species.safetensors", "t.csv", "--id", "code", folder=tmp_path
    )
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert [row[0] for row in rows] == ["code", "9007199254740993", "007", "-5", "'=1+1"]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet", "jsonl"])
def test_an_input_may_be_an_identifier_too_and_is_copied_as_it_stands(tmp_path, kind):
    rows = 70_000  # more than a stretch
    frame = pd.DataFrame(
        {
            "num": [f"{k % 17}.50" for k in range(rows)],
            "day": [f"2024-{k % 12 + 1:02d}-{k % 28 + 1:02d}" for k in range(rows)],
            "flag": [["true", "false"][k % 2] for k in range(rows)],
            "y": [k % 17 * 2.5 for k in range(rows)],
        }
    )
    frame[:200].to_csv(tmp_path / "train.csv", index=False)
    run = nnplug.train(tmp_path / "train.csv", target="y", epochs=2)
    run.save(tmp_path / "m.safetensors")
    path = tmp_path / f"new.{kind}"
    if kind == "parquet":
        frame.assign(
            num=frame["num"].astype(float),
            day=pd.to_datetime(frame["day"]),
            flag=frame["flag"] == "true",
        ).to_parquet(path)
    elif kind == "jsonl":
        frame.assign(num=frame["num"].astype(float), flag=frame["flag"] == "true").to_json(
            path, orient="records", lines=True
        )
    else:
        frame.to_csv(path, index=False)
    ids = ("num", "day", "flag")
    asked = [word for name in ids for word in ("--id", name)]
    done = nnplug_here("predict", tmp_path / "m.safetensors", path, *asked, folder=tmp_path)
    found = pd.read_csv(io.StringIO(done.stdout), dtype=str)
    assert len(found) == rows
    assert found["day"].str[:10].tolist() == frame["day"].tolist()
    assert found["flag"].tolist() == frame["flag"].tolist()
    if kind.startswith("csv"):
        assert found["num"].tolist() == frame["num"].tolist()
    else:
        assert found["num"].astype(float).tolist() == frame["num"].astype(float).tolist()
    alone = nnplug_here("predict", tmp_path / "m.safetensors", path, folder=tmp_path)
    assert found["y"].tolist() == pd.read_csv(io.StringIO(alone.stdout), dtype=str)["y"].tolist()


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.parquet"])
def test_a_file_for_output_is_never_overwritten_silently(folder, tmp_path, name):
    arguments = ("predict", folder / "species.safetensors", IRIS, "-o", name)
    done = nnplug_here(*arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{name}: 150 rows written\n"
    before = (tmp_path / name).read_bytes()
    again = nnplug_here(*arguments, "--probabilities", folder=tmp_path)
    assert again.returncode == 2
    assert again.stderr == (
        f"error: {name}: there is such a file already, and it is not overwritten.\n"
        "Choose another name, or say that it may be: overwrite=True, on the command line "
        "--overwrite.\n"
    )
    assert (tmp_path / name).read_bytes() == before
    over = nnplug_here(*arguments, "--probabilities", "--overwrite", folder=tmp_path)
    assert over.returncode == 0, over.stderr
    assert (tmp_path / name).read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_csv_and_parquet_hold_the_same(folder, tmp_path):
    for name in ("a.csv", "a.parquet"):
        nnplug_here(
            "predict", folder / "petals.safetensors", folder / "iris.csv", "--id", "plant",
            "-o", name, folder=tmp_path,
        )  # fmt: skip
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "a.csv"), pd.read_parquet(tmp_path / "a.parquet")
    )


def test_a_model_of_a_dataset_takes_a_table_with_its_features(folder, tmp_path):
    (tmp_path / "t.csv").write_text("x2,x1,name\n0,0,a\n1,0,b\n0,1,c\n1,1,d\n")
    names = nnplug.load(folder / "xor.safetensors").info.features
    text = (tmp_path / "t.csv").read_text().replace("x1", names[0]).replace("x2", names[1])
    (tmp_path / "t.csv").write_text(text)
    done = nnplug_here(
        "predict", folder / "xor.safetensors", "t.csv", "--id", "name", folder=tmp_path
    )
    assert done.stdout == "name,prediction\na,0\nb,1\nc,1\nd,0\n"


def test_the_folder_of_a_run_stands_for_its_model(folder, tmp_path):
    (tmp_path / "model.safetensors").write_bytes((folder / "xor.safetensors").read_bytes())
    assert "xor" in nnplug_here("info", tmp_path).stdout
    done = nnplug_here("info", folder)
    assert done.stderr == (
        f"error: {folder}: a folder without model.safetensors. Name a model file or a run.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.safetensors", "iris.csv"], "error: absent.safetensors: no such file."),
        (["specis.safetensors", "iris.csv"], "no such file. Did you mean 'species.safetensors'"),
        (["iris.csv", "iris.csv"], "this model file cannot be used: it is not a safetensors file."),
        (["species.safetensors", "absent.csv"], "error: absent.csv: no such file."),
        (["species.safetensors", "iris.csv", "--id", "plnat"], "Did you mean 'plant'?"),
        (["petals.safetensors", "iris.csv", "--probabilities"],
         "error: A regression has no classes, so no probabilities; use predict."),
        (["species.safetensors", "iris.csv", "-o", "x.xlsx"],
         "error: x.xlsx: the name of a table to write must end in .csv, .tsv, .parquet."),
        (["species.safetensors", "iris.csv", "-o", "no/x.csv"], "(ENOENT), while making"),
        (["petals.safetensors", "short.csv"], 'there is no column "sepal_width"'),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_a_few_lines(folder, tmp_path, arguments, message):
    FRAME.drop(columns="sepal_width").to_csv(folder / "short.csv", index=False)
    done = nnplug_here("predict", *arguments, folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) <= 4
    assert "Traceback" not in done.stderr
    assert not (folder / "x.xlsx").exists()


def test_columns_are_matched_by_name_and_others_are_named(folder, tmp_path):
    frame = FRAME[["petal_width", "sepal_length", "petal_length", "sepal_width"]]
    frame.assign(colour="blue").to_csv(tmp_path / "t.csv", index=False)
    done = nnplug_here("predict", folder / "species.safetensors", "t.csv", folder=tmp_path)
    wanted = nnplug.load(folder / "species.safetensors").predict(FRAME)
    assert done.stdout.splitlines()[1:] == list(wanted)
    assert done.stderr == (
        'Warning: t.csv: columns that training did not have are ignored: "colour"\n'
    )


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    """Give a folder with a model that has categories, and rows with others."""
    folder = tmp_path_factory.mktemp("sites")
    rng = np.random.default_rng(0)
    site = rng.choice(["north", "south", "west"], 90)
    frame = pd.DataFrame({"site": site, "x": rng.standard_normal(90)})
    frame["y"] = frame["x"] + (site == "north")
    nnplug.train(frame, target="y", epochs=2).save(folder / "m.safetensors")
    frame.loc[[3, 5, 8], "site"] = ["east", "up", "east"]
    frame.to_csv(folder / "new.csv", index=False)
    return folder


def test_unknown_categories_are_counted_or_refused(sites):
    done = nnplug_here("predict", "m.safetensors", "new.csv", folder=sites)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 91
    assert 'new.csv: column "site" has categories that training did not see, in 3 of 90 rows' in (
        done.stderr
    )
    assert '"east", "up"' in done.stderr
    done = nnplug_here(
        "predict", "m.safetensors", "new.csv", "--unknown", "error", "-o", "o.csv", folder=sites
    )
    assert done.returncode == 2
    assert 'column "site" has categories that training did not see' in done.stderr
    assert sorted(path.name for path in sites.iterdir()) == ["m.safetensors", "new.csv"]


BENT = """
import numpy as np
import nnplug

@nnplug.activation
def bent(x):
    "Bent identity."
    return (np.sqrt(x**2 + 1) - 1) / 2 + x
"""


def test_a_part_of_a_file_is_given_again(tmp_path):
    (tmp_path / "bent.py").write_text(BENT)
    registry = nnplug.Registry.from_environment([str(tmp_path / "bent.py")])
    run = nnplug.train(IRIS, target="species", activation="bent", epochs=2, registry=registry)
    run.save(tmp_path / "m")
    done = nnplug_here("predict", "m", IRIS, folder=tmp_path)
    assert done.returncode == 2
    assert (
        "activation bent is not from a package but from a file or from Python code" in done.stderr
    )
    assert "Give it again: -p ./FILE.py on the command line" in done.stderr
    done = nnplug_here("predict", "-p", "./bent.py", "m", IRIS, folder=tmp_path)
    assert done.stdout.splitlines()[1:] == run.predict(IRIS).tolist()


def test_other_versions_of_a_package_are_taken_if_allowed(site, tmp_path):
    hook = "\n@nnplug.hookimpl\ndef register_activations(register):\n    register(bent)\n"
    site.install("nnplug-bent", BENT + hook, version="1.0")
    run = nnplug.train(
        IRIS, target="species", activation="bent", epochs=2, registry=nnplug.Registry()
    )
    run.save(tmp_path / "m")
    (site.folder / "nnplug_bent-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: nnplug-bent\nVersion: 2.0\n"
    )
    where = {"folder": tmp_path, "PYTHONPATH": str(site.folder)}
    done = nnplug_command("predict", "m", IRIS, **where)
    assert done.returncode == 2
    assert "nnplug-bent is installed as 2.0; the model was made with 1.0." in done.stderr
    done = nnplug_command("predict", "m", IRIS, "--allow-other-versions", **where)
    assert done.stdout.splitlines()[1:] == run.predict(IRIS).tolist()
    assert done.stderr == (
        "Warning: m: activation bent: made with nnplug-bent 1.0, and 2.0 is installed\n"
    )


def test_an_error_of_the_disk_exits_with_2_and_leaves_nothing(
    folder, tmp_path, monkeypatch, capsys
):
    def full(self, file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.Disk, "sync", full)
    monkeypatch.chdir(tmp_path)
    model = str(folder / "species.safetensors")
    with pytest.raises(SystemExit) as ended:
        main(["predict", model, str(IRIS), "-o", "out.csv"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "error: out.csv: cannot be written: No space left on device (ENOSPC), while syncing.\n"
        "What was there before is as it was. Free some space, or choose a folder on another disk.\n"
    )
    assert not list(tmp_path.iterdir())


def test_a_reader_that_goes_early_is_no_error(folder):
    command = f"{sys.executable} -m nnplug predict species.safetensors {IRIS} | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, cwd=folder,
        check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("species\n", "")


def test_a_pickle_for_a_model_is_never_read(folder, tmp_path):
    (tmp_path / "m.pkl").write_bytes(pickle.dumps({"weights": list(range(100))}))
    done = nnplug_here("predict", "m.pkl", IRIS, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "error: m.pkl: this model file cannot be used: it is a pickle, which may run any code when "
        "it is read; nnplug never reads one.\n"
        "Only files that nnplug wrote are read: run.save(path) writes one.\n"
    )


def test_the_help_shows_the_way():
    done = nnplug_here("predict", "--help")
    assert "Usage: nnplug predict [OPTIONS] MODEL DATA" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines())


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_a_level_of_the_training_that_few_rows_cannot_give_is_left_out(tmp_path, task):
    rows = pd.DataFrame({"x": range(8), "y": [1, 2, 3, 3, 2, 1, 2, 3]})
    rows.to_csv(tmp_path / "few.csv", index=False)
    run = nnplug.train(rows, target="y", task=task, members=4, epochs=1, interval=0.9)
    run.save(tmp_path / "few.safetensors")
    for command in ("predict", "evaluate"):
        done = nnplug_here(command, "few.safetensors", "few.csv", folder=tmp_path)
        assert done.returncode == 0
        assert "Warning: trained with interval=0.9: it takes at least 9 rows" in done.stderr
        assert "y_lower" not in done.stdout
        assert "y_set" not in done.stdout
        assert "At level" not in done.stdout
        asked = nnplug_here(
            command, "few.safetensors", "few.csv", "--interval", "0.9", folder=tmp_path
        )
        assert asked.returncode == 2
        assert "Ask for 0.888 or less" in asked.stderr
