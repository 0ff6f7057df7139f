"""Every optimizer and every schedule: a run that is left and taken up is the same run, to the bit.

Each is in several pairs, which are chosen by a hash of their names.

Left at steps within epochs and between them; taken up by other objects in
this process and, all of them, from a checkpoint in another process.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

import nnplug.training.loop
from nnplug.models import Checkpoints
from nnplug.network.network import Network
from nnplug.parts import Optimizer, Part
from nnplug.plans import Regularization
from nnplug.plugins.registry import Registry
from nnplug.testing.stepping import whole
from nnplug.training import RowsInMemory, Stopping, Trainer
from tests.contract.conftest import every_part

ROOT = Path(__file__).parents[2]
STEPS = 12  # 3 epochs of 4 steps
LEAVE_AFTER = (1, 4, 6, 11)


def trainer(optimizer, schedule, seed=0):
    registry = Registry()
    net = Network(
        3, (6, 4), 2, activations=[registry.get("activation", "tanh")] * 2,
        output_activation=registry.get("activation", "identity"), dropout=(0.2, 0.0),
        dtype=np.float32,
    )  # fmt: skip
    net.initialize(registry.get("initializer", "glorot_uniform"), seed)
    rng = np.random.default_rng(3)
    x = rng.standard_normal((25, 3)).astype(np.float32)
    y = np.sin(x[:, :2])
    batches = RowsInMemory(
        x, y, batch_size=5, seed=8, rows=np.arange(6, 25), held_out=np.arange(6)
    )  # 19 rows: the last batch has 4
    return Trainer(
        net, registry.get("loss", "mse"), optimizer, batches, epochs=3, schedule=schedule,
        regularization=Regularization(0.01, 0.0, 1.0),
        stopping=Stopping(patience=2), seed=8,
    )  # fmt: skip


def leave(made, after):
    """Run some steps and give the state, through JSON where it must go through it."""
    asked = iter(range(1, 1000))
    made.run(should_stop=lambda: next(asked) == after)
    arrays, numbers = made.state()
    return arrays, json.loads(json.dumps(numbers, allow_nan=False))


def digest(made):
    """Take all that is left at the end as one short text."""
    arrays, numbers = made.state()
    found = hashlib.sha256(json.dumps(numbers, sort_keys=True).encode())
    for name in sorted(arrays):
        found.update(name.encode() + arrays[name].dtype.str.encode() + arrays[name].tobytes())
    found.update(made.network.parameters.tobytes())
    return found.hexdigest()


@pytest.fixture(autouse=True)
def _step_by_step(monkeypatch):
    monkeypatch.setattr(nnplug.training.loop, "PORTION_SECONDS", 0.0)


def combinations():
    """Choose pairs until each optimizer and each schedule is in two of them."""
    parts = every_part()
    optimizers = [whole(part) for part in parts if isinstance(part, Optimizer)]
    schedules = [part for part in parts if part.kind == "schedule"]
    every = [(optimizer, schedule) for optimizer in optimizers for schedule in schedules]
    drawn = sorted(every, key=lambda pair: zlib.crc32(f"{pair[0].name}-{pair[1].name}".encode()))
    times: dict[Part, int] = {}
    chosen = []
    for pair in drawn:
        if min(times.get(part, 0) for part in pair) < 2:
            chosen.append(pair)
            times |= {part: times.get(part, 0) + 1 for part in pair}
    return chosen


PAIRS = combinations()


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair[0].name}-{pair[1].name}")
def test_going_on_is_not_having_left(pair):
    places = LEAVE_AFTER[PAIRS.index(pair) % 2 :: 2]  # two of them for each pair
    whole_run = trainer(*pair)
    whole_run.run()
    assert float(whole_run.state()[0]["count"]) <= STEPS
    for after in places:
        arrays, numbers = leave(trainer(*pair), after)
        # Other weights, which the state replaces; nothing else is carried over.
        other = trainer(*pair, seed=77)
        other.restore(arrays, numbers)
        other.run()
        assert digest(other) == digest(whole_run), f"left after step {after}"


def test_every_optimizer_and_every_schedule_is_in_several_pairs():
    for place, kind in enumerate(("optimizer", "schedule")):
        for part in every_part():
            if part.kind == kind:
                assert sum(pair[place].name == part.name for pair in PAIRS) >= 2


def test_another_process_goes_on_to_the_same_bits(tmp_path):
    expected = []
    for number, (optimizer, schedule) in enumerate(PAIRS):
        arrays, numbers = leave(trainer(optimizer, schedule), LEAVE_AFTER[number % 4])
        folder = tmp_path / str(number)
        folder.mkdir()
        Checkpoints(folder).save(arrays, numbers)
        uninterrupted = trainer(optimizer, schedule)
        uninterrupted.run()
        expected.append(digest(uninterrupted))
    done = subprocess.run(
        [sys.executable, "-m", "tests.contract.test_resume", str(tmp_path)],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout.split() == expected
    assert len(set(expected)) > len(expected) / 2  # they are different runs


def _go_on(folder: Path) -> None:
    for number, (optimizer, schedule) in enumerate(PAIRS):
        made = trainer(optimizer, schedule, seed=5)
        found = Checkpoints(folder / str(number)).load()
        assert found is not None
        made.restore(found.arrays, found.numbers)
        made.run()
        print(digest(made))


if __name__ == "__main__":
    _go_on(Path(sys.argv[1]))
