"""Where rows come from: memory and streams give the same training, to the bit."""

import numpy as np
import pytest

from nnplug.errors import DataError
from nnplug.network.network import Network
from nnplug.plugins.registry import Registry
from nnplug.randomness import derive_generator
from nnplug.training import RowsInMemory, Stopping, StreamedRows, Trainer

REGISTRY = Registry()
ROWS, HELD, BATCH = 47, 10, 5


def data(loss="mse"):
    rng = np.random.default_rng(2)
    x = rng.standard_normal((ROWS, 3)).astype(np.float32)
    y = rng.integers(0, 2, (ROWS, 1)) if loss == "cross_entropy" else np.sin(x[:, :2])
    return x, y, rng.uniform(0.5, 2, (ROWS, 1)).astype(np.float32)


class Shuffled(StreamedRows):
    """A stream that visits the rows in the order of rows in memory, load by load."""

    def __init__(self, x, y, weights, size):
        self.x, self.y, self.w = x, y, weights
        self.size = size
        super().__init__(
            np.full((size, x.shape[1]), np.nan, x.dtype),
            np.zeros((size, y.shape[1]), y.dtype),
            None if weights is None else np.zeros((size, 1), weights.dtype),
            rows=ROWS - HELD, batch_size=BATCH,
        )  # fmt: skip

    def fill(self, epoch):
        order = np.arange(HELD, ROWS)[derive_generator(4, "shuffle", epoch).permutation(self.rows)]
        for start in range(0, self.rows, self.size):
            rows = order[start : start + self.size]
            self.inputs[: len(rows)] = self.x[rows]
            self.targets[: len(rows)] = self.y[rows]
            if self.weights is not None:
                self.weights[: len(rows)] = self.w[rows]
            yield len(rows)

    def validation(self):
        buffer = np.empty((4, 3), np.float32)  # used again for every chunk
        for start in range(0, HELD, 4):
            part = slice(start, min(start + 4, HELD))
            chunk = buffer[: part.stop - start]
            chunk[...] = self.x[part]
            yield chunk, self.y[part], None if self.w is None else self.w[part]


def trainer(batches, loss="mse", measure=None, monitor="validation_loss"):
    net = Network(
        3, (6,), 2, activations=[REGISTRY.get("activation", "tanh")],
        output_activation=REGISTRY.get("activation", "identity"), dtype=np.float32,
    )  # fmt: skip
    net.initialize(REGISTRY.get("initializer", "glorot_uniform"), 0)
    return Trainer(
        net, REGISTRY.get("loss", loss), REGISTRY.get("optimizer", "adam"), batches,
        epochs=4, stopping=Stopping(monitor=monitor), measure=measure,
    )  # fmt: skip


def in_memory(loss="mse", weighted=False):
    x, y, w = data(loss)
    return RowsInMemory(
        x, y, batch_size=BATCH, seed=4, rows=np.arange(HELD, ROWS),
        weights=w if weighted else None, held_out=np.arange(HELD),
    )  # fmt: skip


def streamed(loss="mse", weighted=False, size=3 * BATCH):
    x, y, w = data(loss)
    return Shuffled(x, y, w if weighted else None, size)


@pytest.mark.parametrize("loss", ["mse", "half_sse", "cross_entropy"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("size", [BATCH, 3 * BATCH, 40])
def test_a_stream_trains_as_rows_in_memory_do(loss, weighted, size):
    one = trainer(in_memory(loss, weighted), loss)
    other = trainer(streamed(loss, weighted, size), loss)
    one.run()
    other.run()
    assert other.network.parameters.tobytes() == one.network.parameters.tobytes()
    for name in ("loss", "validation_loss"):
        assert other.history[name] == pytest.approx(one.history[name], rel=1e-6)


def test_metrics_see_all_chunks_of_the_validation_part_in_order():
    seen = {}

    def measure(key):
        def note(outputs, targets):
            seen[key] = (outputs.copy(), targets)
            return {"rows": len(outputs)}

        return note

    for key, batches in (("memory", in_memory()), ("stream", streamed())):
        made = trainer(batches, measure=measure(key))
        made.run()
        assert made.history["rows"] == [HELD] * 4
    np.testing.assert_array_equal(seen["stream"][1], seen["memory"][1])
    np.testing.assert_allclose(seen["stream"][0], seen["memory"][0], rtol=1e-5, atol=1e-6)


def test_a_stream_without_validation_keeps_no_outputs_and_has_no_metrics(monkeypatch):
    monkeypatch.setattr(Shuffled, "validation", lambda self: iter(()))
    made = trainer(streamed(), measure=lambda outputs, _: {"rows": len(outputs)}, monitor="loss")
    made.run()
    assert made.history.columns.keys() == {"loss", "learning_rate"}
    assert not any(len(array) == ROWS - HELD for array in made.state()[0].values() if array.ndim)


@pytest.mark.parametrize("after", [1, 3, 4, 7, 8, 13])
def test_a_stream_goes_on_within_a_load(after, monkeypatch):
    monkeypatch.setattr("nnplug.training.loop.PORTION_SECONDS", 0.0)
    whole = trainer(streamed(weighted=True))
    whole.run()
    first, second = (trainer(streamed(weighted=True)) for _ in range(2))
    asked = iter(range(1, 1000))
    first.run(should_stop=lambda: next(asked) == after)
    second.restore(*first.state())
    second.run()
    assert second.history.columns == whole.history.columns
    assert second.network.parameters.tobytes() == whole.network.parameters.tobytes()


@pytest.mark.parametrize(
    ("loads", "gave"),
    [
        ([15, 15], "gave 30 in epoch 0"),
        ([15, 7, 15], "gave 37 in epoch 0"),
        ([15, 15, 15], "gave 45 in epoch 0"),
        ([15, 15, 7, 5], "gave 42 in epoch 0"),
    ],
)
def test_a_stream_that_breaks_its_word_is_named(loads, gave):
    batches = streamed()
    batches.inputs[...] = 0
    batches.fill = lambda epoch: iter(loads)
    with pytest.raises(DataError) as caught:
        trainer(batches).run()
    assert f"A stream of 37 rows {gave}" in str(caught.value)
    assert "multiple of the batch size, 5" in str(caught.value)


def test_held_out_rows_are_taken_in_chunks(monkeypatch):
    whole = trainer(in_memory())
    whole.run()
    monkeypatch.setattr("nnplug.training.batches.CHUNK", 4)
    assert [len(chunk[0]) for chunk in in_memory().validation()] == [4, 4, 2]
    chunked = trainer(in_memory())
    chunked.run()
    assert chunked.history["validation_loss"] == pytest.approx(whole.history["validation_loss"])


def test_rows_are_taken_from_the_callers_array():
    x, y, _ = data()
    batches = RowsInMemory(x, y, batch_size=BATCH, seed=0, rows=np.arange(5))
    assert batches.inputs is x
    assert trainer(batches).steps.inputs is x
