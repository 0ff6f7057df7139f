"""Model files that are damaged or made to do harm: refused, each with its message.

`NNPLUG_FUZZED` is the number of variants, 600 unless it is set.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import nnplug
from nnplug.errors import ModelFileError, StorageError
from nnplug.models import load_model
from nnplug.models.container import LARGEST_FILE
from nnplug.plugins.registry import Registry
from tests.reliability.hostile import HOSTILE, Sample, content

ROOT = Path(__file__).parents[2]
FUZZED = int(os.environ.get("NNPLUG_FUZZED", "600"))


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Give a folder with model files of several kinds."""
    folder = tmp_path_factory.mktemp("good")
    iris = ROOT / "examples" / "iris.csv"
    few = {"epochs": 1, "hidden": 8}
    nnplug.train(iris, target="species", **few).save(folder / "good1.safetensors")
    nnplug.train(
        iris, target=["petal_length", "petal_width"], dtype="float64", loss="huber:delta=0.5",
        activation="leaky_relu:slope=0.2", **few,
    ).save(folder / "good2.safetensors")  # fmt: skip
    nnplug.train("xor", epochs=1, hidden=(2, 3)).save(folder / "good3.safetensors")
    return folder


@pytest.fixture(scope="module")
def sample(good):
    return Sample.of((good / "good1.safetensors").read_bytes())


@pytest.fixture(scope="module")
def registry():
    return Registry(allowed=())


def test_a_file_that_is_put_together_again_loads(sample, registry, tmp_path):
    path = tmp_path / "again.safetensors"
    path.write_bytes(sample.bytes())
    assert load_model(path, registry).info.task == "multiclass"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_its_own_message(name, sample, registry, tmp_path):
    make, message = HOSTILE[name]
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(make(sample))
    with pytest.raises(ModelFileError) as caught:
        load_model(path, registry)
    first, *others = str(caught.value).splitlines()
    assert first.startswith(f"{path}: this model file cannot be used: ")
    assert first.endswith(".")
    assert message in str(caught.value)
    assert 1 <= len(others) <= 3  # the way out
    assert str(caught.value).replace("\n", "").isprintable()
    assert len(str(caught.value)) < 1200


@pytest.mark.parametrize(
    ("formula", "notes"),
    [
        (None, 0),  # of before there were digests
        ("", 0),  # not known
        ("2:" + "0" * 32, 0),  # of an nnplug that writes graphs another way
        ("1:" + "0" * 32, 1),
    ],
)
def test_a_file_whose_formula_is_another_loads_with_a_note(
    formula, notes, sample, registry, tmp_path
):
    def change(state):
        _, record = state["parts"]["layers"]
        if formula is None:
            del record["formula"]
        else:
            record["formula"] = formula

    path = tmp_path / "model.safetensors"
    path.write_bytes(content(change)(sample))
    found = load_model(path, registry).notes
    assert len(found) == notes
    for note in found:
        assert note == (
            f"activation relu: its formula in nnplug {nnplug.__version__} is not the one that the "
            "model was trained with, and results may differ; the version is the same, so look at "
            "how that package was installed, or train anew"
        )


def test_there_are_enough_of_them():
    assert len(HOSTILE) >= 50
    assert len({message for _, message in HOSTILE.values()}) >= 50


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.mkdir(), "is a folder. Name a file."),
        (
            lambda path: [path.mkdir(), (path / "model.safetensors").touch()],
            "is a folder. Name its model, PATH/model.safetensors.",
        ),
        (os.mkfifo, "is not a regular file. Name a file."),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links."),
        (lambda path: path.symlink_to("/dev/zero"), "is not a regular file. Name a file."),
        (lambda path: None, "no such file."),
    ],
)
def test_what_is_no_file_is_said_at_once(make, message, registry, tmp_path):
    path = tmp_path / "model.safetensors"
    make(path)
    with pytest.raises(StorageError) as caught:
        load_model(path, registry)
    assert str(caught.value) == f"{path}: {message.replace('PATH', str(path))}"


def test_a_file_larger_than_memory_is_not_read(registry, tmp_path):
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)  # a hole: it takes no space
    with pytest.raises(ModelFileError, match="it has 4,294,967,297 bytes, and 4,294,967,296 are"):
        load_model(path, registry)


def audited(*arguments):
    """Load files in a process that notes what Python does beside."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.audited", *map(str, arguments)],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_loading_runs_no_code_and_opens_no_other_file(good, sample, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for path in good.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    for number, (make, _) in enumerate(HOSTILE.values()):
        (folder / f"hostile{number:03d}.safetensors").write_bytes(make(sample))
    results = audited(folder)
    assert len(results) == len(HOSTILE) + 3
    for each in results:
        assert each["events"] == [], each
        wanted = "loaded" if each["file"].startswith("good") else "ModelFileError"
        assert each["ended"] == wanted, each


def test_the_audit_hook_would_see_it(good, tmp_path, monkeypatch):
    """A loader that ran something is caught by the test above."""
    code = (
        "import sys; from tests.reliability import audited;"
        "real = audited.load_model;"
        "audited.load_model = lambda path, registry: (eval('1+1'), real(path, registry))[1];"
        f"audited.main([{str(good)!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(any(event.startswith("exec") for event in each["events"]) for each in results)


@pytest.mark.slow
def test_variants_of_good_files_load_or_are_refused(good, tmp_path):
    for path in good.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (result,) = audited(tmp_path, FUZZED, 0)
    assert result["wrong"] == []
    assert result["ended"]["ModelFileError"] > 0.7 * FUZZED, result
    assert result["reasons"] > 20
    assert result["slowest"] < 1
