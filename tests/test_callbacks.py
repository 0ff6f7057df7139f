"""Training hooks, each with a test named after it."""

import pytest

import nnplug
import nnplug.errors
from nnplug.errors import PluginError
from nnplug.plugins import PluginManager
from nnplug.registry import Registry
from nnplug.run import train


class Diary:
    """Notes what it sees; ends the run after an epoch, if told to."""

    def __init__(self, stop_after=None):
        self.seen = []
        self.stop_after = stop_after

    def on_train_start(self, run):
        self.seen.append(("start", len(run.history), run.settings.epochs))

    def on_epoch_end(self, run, record):
        self.seen.append((record.epoch, record.loss, run.history["loss"][-1]))
        return record.epoch == self.stop_after

    def on_train_end(self, run):
        self.seen.append(("end", len(run.history)))


def test_on_train_start():
    diary = Diary()
    train("xor", epochs=3, callbacks=[diary])
    assert diary.seen[0] == ("start", 0, 3)


def test_on_epoch_end():
    diary = Diary()
    run = train("xor", epochs=3, callbacks=[diary])
    epochs = diary.seen[1:-1]
    assert [epoch for epoch, _, _ in epochs] == [0, 1, 2]
    assert [loss for _, loss, _ in epochs] == run.history["loss"]
    assert all(loss == last for _, loss, last in epochs)


def test_on_train_end():
    diary = Diary()
    train("xor", epochs=3, callbacks=[diary])
    assert diary.seen[-1] == ("end", 3)


def test_a_hook_that_returns_true_ends_the_run_cleanly():
    first, second = Diary(stop_after=4), Diary()
    run = train("xor", epochs=50, callbacks=[first, second])
    assert len(run.history) == 5
    # Everyone sees the last epoch and the end, in whatever order they stand.
    assert first.seen[-1] == second.seen[-1] == ("end", 5)
    assert [each[0] for each in second.seen] == ["start", 0, 1, 2, 3, 4, "end"]


def test_only_true_stops():
    class Truthy:
        def on_epoch_end(self, record):
            return "yes"

    assert len(train("xor", epochs=3, callbacks=[Truthy()]).history) == 3


def test_hooks_see_metrics_and_validation():
    import numpy as np

    x = np.random.default_rng(0).standard_normal((40, 3))
    diary = []

    class Look:
        def on_epoch_end(self, record):
            diary.append(record)

    train((x, x[:, 0] > 0), epochs=2, callbacks=[Look()])
    assert set(diary[0].metrics) == {"accuracy"}
    assert diary[0].validation_loss is not None


@pytest.mark.parametrize(
    ("hook", "when"),
    [("on_train_start", ""), ("on_epoch_end", " after epoch 0"), ("on_train_end", "")],
)
@pytest.mark.parametrize("raised", [ValueError("no disk"), SystemExit("no disk")])
def test_a_raising_hook_is_fatal_and_named(hook, when, raised):
    def fail(self, run):
        raise raised

    broken = type("Broken", (), {hook: fail})()
    with pytest.raises(PluginError) as caught:
        train("xor", epochs=2, callbacks=[broken])
    message = str(caught.value)
    assert message.startswith(f"callback Broken: {hook}{when} failed: {__file__}:")
    assert f"{type(raised).__name__}: no disk" in message


def test_an_interrupt_in_a_hook_is_not_swallowed():
    class Stop:
        def on_epoch_end(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train("xor", epochs=2, callbacks=[Stop()])


def test_a_plugins_hooks_are_called_and_named(tmp_path):
    file = tmp_path / "diary.py"
    file.write_text(
        "import nnplug\n"
        "@nnplug.hookimpl\n"
        "def on_epoch_end(run, record):\n"
        "    if record.epoch == 2:\n"
        "        raise RuntimeError('full')\n"
    )
    registry = Registry(PluginManager(local=[str(file)]))
    with pytest.raises(PluginError, match=r"diary.*on_epoch_end after epoch 2 failed.*full"):
        nnplug.train("xor", epochs=9, registry=registry)


def test_a_misspelt_method_is_not_passed_over():
    class Misspelt:
        def on_epoch_ended(self, record):
            """Never called, if nobody looked."""

    with pytest.raises(nnplug.errors.SettingError, match="Did you mean 'on_epoch_end'"):
        train("xor", epochs=1, callbacks=[Misspelt()])
    with pytest.raises(nnplug.errors.SettingError, match="has none of the methods on_train_start"):
        train("xor", epochs=1, callbacks=[print])


def test_numpys_true_stops_too():
    import numpy as np

    class Enough:
        def on_epoch_end(self, record):
            return np.float64(record.loss) < 1

    assert len(train("xor", epochs=9, callbacks=[Enough()]).history) == 1
