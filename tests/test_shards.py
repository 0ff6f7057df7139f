"""Batches cut into shards: the same numbers as a whole batch, the same bits on any processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import duckdb
import numpy as np
import pytest

import nnplug
from nnplug.cli.ranks import run_together
from nnplug.errors import DivergedError, SettingError
from nnplug.launch import launched
from nnplug.training.ranks import Ranks, tree_sum, world
from nnplug.training.shards import Shards


def find_mpiexec() -> str | None:
    """Find the program of MPICH's wheel, or that of another MPI."""
    folders = [Path(sys.executable).parent]
    with contextlib.suppress(PackageNotFoundError):
        files = distribution("mpich").files or []
        folders += [Path(str(file.locate())).parent for file in files if file.name == "mpiexec"]
    own = os.pathsep.join(str(folder.resolve()) for folder in folders)
    return shutil.which("mpiexec", path=own) or shutil.which("mpiexec")


MPIEXEC = find_mpiexec()
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "80"}

several = pytest.mark.skipif(
    MPIEXEC is None or sys.platform == "win32", reason="there is no mpiexec: pip install mpich"
)


def arrays(rows=203):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(rows, 5))
    return x, x[:, 0] * x[:, 1] - x[:, 2]


def start(processes, *command, cwd):
    assert MPIEXEC is not None
    return subprocess.Popen(
        [MPIEXEC, "-n", str(processes), sys.executable, "-W", "error", *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, cwd=cwd,
    )  # fmt: skip


def run(processes, *command, cwd):
    child = start(processes, *command, cwd=cwd)
    out, err = child.communicate(timeout=300)
    return child.returncode, out, err


# --- the arithmetic ----------------------------------------------------------------------


def test_neighbours_are_added_first():
    # In order, 1e16 + 1 + 1 - 1e16 is 0 in float64; in pairs, 1 is lost twice as well; the
    # branch of two ones alone keeps them.
    assert tree_sum(np.array([1.0, 1.0, 1e16, -1e16])).item() == 2.0
    assert tree_sum(np.array([1.0, 1e16, 1.0, -1e16])).item() == 0.0
    assert tree_sum(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [4.0, 6.0]


@pytest.mark.parametrize("batch", [1, 3, 8, 13, 64])
def test_shards_cover_a_batch_and_differ_by_one_row_at_most(batch):
    shards = Shards(8)
    places = [shards.rows(batch, shard) for shard in range(8)]
    rows = [row for place in places for row in range(batch)[place]]
    assert rows == list(range(batch))
    sizes = {place.stop - place.start for place in places}
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) == shards.most(batch)


def test_shards_are_dealt_out_in_whole_branches():
    class Third(Ranks):
        rank, count = 2, 4

    assert list(Shards(16, Third()).own) == [8, 9, 10, 11]


CASES = [
    {},
    {"loss": "half_sse", "l2": 1e-3},
    {"l1": 1e-3, "clip_global_norm": 0.1},
    {"batch_size": "full"},
    {"sample_weight": np.arange(203) % 3, "metrics": ("mae",)},
    {"validation": 0.0},
    {"members": 2},
]


@pytest.mark.parametrize(
    ("engine", "settings"),
    [*(("numpy", case) for case in CASES), *(("numba", case) for case in CASES[:2])],
    ids=lambda value: value if isinstance(value, str) else ",".join(value) or "defaults",
)
def test_a_batch_in_shards_is_learned_like_a_whole_one(engine, settings):
    if engine == "numba":
        pytest.importorskip("numba")
    settings = {"epochs": 3, "hidden": (7, 4), "activation": "tanh", "batch_size": 48} | settings
    whole, cut = (
        nnplug.train(arrays(), dtype="float64", engine=engine, shards=shards, **settings)
        for shards in (None, 8)
    )
    assert np.allclose(whole.network.parameters, cut.network.parameters, rtol=1e-9, atol=1e-12)
    for name, column in whole.history.columns.items():
        assert np.allclose(column, cut.history.columns[name], rtol=1e-9, atol=1e-12), name


def test_a_shard_whose_rows_weigh_nothing():
    weights = np.zeros(203)
    weights[::50] = 1.0
    options = {"epochs": 2, "batch_size": 203, "sample_weight": weights, "dtype": "float64"}
    whole, cut = (
        nnplug.train(arrays(), validation=0.0, shards=shards, **options) for shards in (None, 16)
    )
    assert np.allclose(whole.network.parameters, cut.network.parameters, rtol=1e-9, atol=1e-12)


def test_a_run_that_diverges_says_so():
    with pytest.raises(DivergedError, match=r"Training stopped at epoch \d+, step \d+"):
        nnplug.train(arrays(), shards=4, optimizer="sgd", learning_rate=1e9, dropout=0.5)


# --- what is refused -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shards": 3}, r"shards=3: it must be a power of two, such as 4"),
        (
            {"layers": "dense:8 batch_norm relu"},
            "layer 'batch_norm1' keeps a state from step to step, which needs a batch in one piece",
        ),
        (
            {"loss": "half_sse", "l2": 0.1, "sample_weight": np.ones(203)},
            "a penalty counts the weights of the rows",
        ),
    ],
    ids=["three", "batch_norm", "weights"],
)
def test_what_needs_a_whole_batch_is_refused(settings, message):
    with pytest.raises(SettingError, match=message):
        nnplug.train(arrays(), **({"shards": 4} | settings))


def test_without_mpi4py(monkeypatch):
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setattr("nnplug.training.ranks.find_spec", lambda name: None)
    with pytest.raises(SettingError, match="pip install mpi4py mpich"):
        world(4)


def test_mpi4py_without_an_mpi(monkeypatch, capsys):
    """As from `pip install mpi4py` alone; the command line starts all the same."""

    def load(*given):
        raise RuntimeError("cannot load MPI library\nlibmpi.so: no such file")

    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setattr("nnplug.training.ranks.find_spec", lambda name: True)
    monkeypatch.setattr("nnplug.training.ranks.MPIRanks", load)
    with pytest.raises(
        SettingError, match=r"(?s)finds no MPI: cannot load MPI library\.\nIn.*mpich"
    ):
        world(4)
    monkeypatch.setattr("nnplug.cli.ranks.find_spec", lambda name: True)
    monkeypatch.setattr("nnplug.cli.ranks.import_module", load)
    run_together(lambda: print("done"), 0)
    assert capsys.readouterr().out == "done\n"


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"PMI_RANK": "1", "PMI_SIZE": "4"}, (1, 4)),
        ({"OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_SIZE": "3"}, (2, 3)),
        ({"PMIX_RANK": "5", "SLURM_STEP_NUM_TASKS": "8"}, (5, 8)),
        ({"PMI_RANK": "0", "PMI_SIZE": "1"}, None),
        ({"SLURM_STEP_NUM_TASKS": "8"}, None),  # the script of a job, before it calls srun
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_who_started_this_process(monkeypatch, variables, wanted):
    for name in [name for name in os.environ if name.startswith(("PMI", "OMPI", "SLURM"))]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert launched() == wanted


# --- several processes -----------------------------------------------------------------------

SCRIPT = """
    import hashlib, os
    import numpy as np
    import nnplug
    from nnplug.runs.configuration import fingerprint_of
    from nnplug.tables import dealing, dealt, streaming

    rng = np.random.default_rng(3)
    x = rng.normal(size=(203, 5))
    data = x, x[:, 0] * x[:, 1] - x[:, 2]
    said = []
    for engine in ENGINES:
        for more in (
            {"dropout": 0.3}, {"dtype": "float64", "validation": 0.0}, {"members": 2, "patience": 1}
        ):
            run = nnplug.train(
                data, epochs=2, hidden=(7, 4), batch_size=96, engine=engine, shards=4, **more)
            numbers = [value for column in run.history.columns.values() for value in column]
            kept = run.network.parameters.tobytes() + np.array(numbers).tobytes()
            said.append(hashlib.sha256(kept).hexdigest())
        streaming._BLOCK, dealing._CHUNK = 16, 64
        dealt.LOAD_BYTES = dealing.LOAD_BYTES = 4000
        for more in (
            {"target": "c", "class_weight": "balanced", "dropout": 0.3, "patience": 1},
            {"target": "y", "weights": "b", "validation": 0.0},
        ):
            run = nnplug.train("t.parquet", epochs=3, hidden=(7, 4), batch_size=96, engine=engine,
                               shards=4, stream=True, **more)
            numbers = [value for column in run.history.columns.values() for value in column]
            kept = run.network.parameters.tobytes() + np.array(numbers).tobytes()
            said.append(hashlib.sha256(kept).hexdigest())
            said.append(fingerprint_of(run.rows, run.weights))
    if os.environ.get("PMI_RANK", "0") == str(int(os.environ.get("PMI_SIZE", "1")) - 1):
        print(*said)
"""


@several
def test_the_bits_do_not_depend_on_the_number_of_processes(tmp_path):
    engines = ["numpy"]
    try:
        import numba  # noqa: F401  # whether it is there

        engines.append("numba")
    except ImportError:
        pass
    duckdb.execute(
        "COPY (SELECT sin(n) AS a, hash(n) % 5 AS b, 'k' || (n % 3) AS c, cos(n) * (n % 3) AS y "
        f"FROM range(803) AS r(n)) TO '{tmp_path / 't.parquet'}' (ROW_GROUP_SIZE 100)"
    )
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(SCRIPT).replace("ENGINES", repr(engines)))
    found = {}
    for processes in (1, 2, 4):
        code, out, err = run(processes, str(script), cwd=tmp_path)
        assert code == 0, err
        found[processes] = out.split()
    assert len(found[1]) == len(engines) * (3 + 2 * 2)
    assert found[1] == found[2] == found[4]


def write_table(folder, rows=400):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(rows, 3)).round(4)
    lines = [f"{a},{b},{c},{a * b + c:.4f}" for a, b, c in x.tolist()]
    (folder / "table.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")


TRAIN = ("-m", "nnplug", "train", "table.csv", "--target", "y", "--shards", "4", "--batch-size",
         "160", "--recipe", "none", "--dropout", "0.1", "--patience", "none", "--engine",
         "numpy")  # fmt: skip


@several
def test_a_killed_run_goes_on_with_another_number_of_processes(tmp_path):
    write_table(tmp_path)
    options = ("--epochs", "40", "--checkpoint-every", "1", "--log-every", "40")
    whole = subprocess.run(
        [sys.executable, *TRAIN, *options, "--output", "whole"],
        cwd=tmp_path, env=ENVIRONMENT, check=True, capture_output=True,
    )  # fmt: skip
    assert b"kept in whole" in whole.stderr
    child = start(2, *TRAIN, *options, "--output", "killed", cwd=tmp_path)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("killed/checkpoints/*")) and time.monotonic() < deadline:
        assert child.poll() is None, child.communicate()
        time.sleep(0.01)
    workers = subprocess.run(
        ["pgrep", "-f", f"{sys.executable}.*--output killed"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    os.kill(max(int(pid) for pid in workers), signal.SIGKILL)  # a rank, started after mpiexec
    child.communicate(timeout=120)
    assert child.returncode != 0
    code, _, err = run(4, "-m", "nnplug", "train", "--resume", "killed", cwd=tmp_path)
    assert code == 0, err
    assert "going on" in err
    for name in ("model.safetensors", "history.jsonl"):
        killed, kept = ((tmp_path / folder / name).read_bytes() for folder in ("killed", "whole"))
        assert killed == kept, name


@several
@pytest.mark.slow
def test_a_file_of_hosts(tmp_path):
    """Two addresses of this machine, with a script in ssh's place."""
    version = subprocess.run([MPIEXEC, "--version"], capture_output=True, text=True, check=True)
    if "HYDRA" not in version.stdout.upper():
        pytest.skip("the options of mpiexec are MPICH's")
    write_table(tmp_path)
    (tmp_path / "hosts").write_text("127.0.0.2:1\n127.0.0.3:1\n")
    launcher = tmp_path / "launcher"
    launcher.write_text(
        '#!/bin/sh\nwhile [ "${1#-}" != "$1" ]; do shift; done\n'
        f'echo "$1" >> {tmp_path}/launched; shift\nexec sh -c "$*"\n'
    )
    launcher.chmod(0o700)
    there = ("-f", "hosts", "-launcher", "ssh", "-launcher-exec", str(launcher))
    common = (*TRAIN, "--stream", "--epochs", "2", "--output")
    for count, folder, more in ((1, "alone", ()), (2, "both", there)):
        done = subprocess.run(
            [MPIEXEC, *more, "-n", str(count), sys.executable, *common, folder],
            cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert sorted((tmp_path / "launched").read_text().split()) == ["127.0.0.2", "127.0.0.3"]
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("alone", "both"))
    assert one == two


@several
def test_rank_0_speaks_alone(tmp_path):
    write_table(tmp_path)
    code, out, err = run(2, *TRAIN, "--epochs", "2", "--output", "kept", cwd=tmp_path)
    assert code == 0, err
    assert out.count("Final, Loss:") == 1
    assert err.count("kept in kept") == 1
    assert (tmp_path / "kept" / "report.html").exists()


@several
@pytest.mark.parametrize(
    ("processes", "arguments", "message"),
    [
        (2, ("table.csv", "--target", "y"), "nothing says how to share the work: --shards 16"),
        (4, ("table.csv", "--target", "y", "--shards", "2"), "dealt out evenly to 4 processes"),
        (2, ("nothing.csv", "--target", "y", "--shards", "2"), "nothing.csv: no such file"),
    ],
    ids=["no shards", "too few", "no table"],
)
def test_an_error_is_said_once_and_ends_all(tmp_path, processes, arguments, message):
    write_table(tmp_path)
    code, out, err = run(processes, "-m", "nnplug", "train", *arguments, cwd=tmp_path)
    assert code == 2
    assert not out
    assert err.count(message) == 1
    assert "Traceback" not in err


@several
def test_a_file_that_one_rank_cannot_read_ends_all(tmp_path):
    write_table(tmp_path)
    nnplug_train = [sys.executable, "-W", "error", "-m", "nnplug", "train"]
    options = ["--target", "y", "--shards", "2", "--stream"]
    began = time.monotonic()
    done = subprocess.run(
        [MPIEXEC, "-n", "1", *nnplug_train, "table.csv", *options,
         ":", "-n", "1", *nnplug_train, "elsewhere.csv", *options],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "rank 1: error: elsewhere.csv: no such file" in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - began < 100


@several
@pytest.mark.parametrize("rank", [0, 1])
def test_an_exception_on_one_rank_ends_all(tmp_path, rank):
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent(f"""
        import os
        import numpy as np
        import nnplug

        class Fails:
            def on_epoch_end(self, run, record):
                if os.environ["PMI_RANK"] == "{rank}" and record.epoch == 1:
                    raise RuntimeError("out of order")

        x = np.arange(60.0).reshape(20, 3)
        nnplug.train((x, x[:, 0]), shards=2, epochs=1000, batch_size=16, callbacks=[Fails()])
        """)
    )
    code, _, err = run(2, str(script), cwd=tmp_path)
    assert code != 0
    assert "RuntimeError: out of order" in err
