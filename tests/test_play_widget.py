"""The playground in a notebook, on the side of Python: its data, its messages, its end."""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
import zlib

import numpy as np
import pytest

import nnplug
from nnplug.errors import NnplugError
from nnplug.play import messages
from nnplug.play.messages import View
from nnplug.play.session import Session
from nnplug.play.worker import Worker
from nnplug.runs.preparing import default_registry

pytest.importorskip("anywidget", reason="needs pip install anywidget")
from nnplug.play.widget import Playground, _page, _worker, module

VIEW = "0123456789abcdef"


class Comm:
    """The kernel's end of a widget's messages, as ipywidgets uses it."""

    comm_id = "a-comm"

    def __init__(self):
        self.sent = queue.Queue()

    def send(self, data=None, metadata=None, buffers=None):
        if data["method"] == "custom":
            self.sent.put((data["content"], json.loads(zlib.decompress(buffers[0]))))

    def close(self, *_, **__):
        pass

    def on_msg(self, _):
        pass

    def on_close(self, _):
        pass


@pytest.fixture
def make():
    made = []

    def play(*data, **settings):
        made.append(Playground(*data, **settings))
        made[-1].widget.comm = Comm()
        return made[-1]

    yield play
    for playground in made:
        playground.close()


def hear(playground, **message):
    """Deliver a message as ipywidgets does."""
    data = {"method": "custom", "content": {"view": VIEW, **message}}
    playground.widget._handle_msg({"content": {"data": data}, "buffers": []})


def ask(playground, what, **more):
    hear(playground, number=7, command={"do": what, **more})
    while True:
        message, answer = playground.widget.comm.sent.get(timeout=20)
        if message["kind"] == "answer":
            assert message == {"view": VIEW, "kind": "answer", "number": 7}
            return answer


# --- data -----------------------------------------------------------------------------------


def rows(count=60):
    random = np.random.default_rng(5)
    x, y = random.normal(size=(2, count))
    return {"width": x, "height": 10 * y + 3, "kind": np.where(x > 0, "big", "small")}


def test_a_dataset_and_settings(make):
    playground = make("moons:size=40", hidden=(4, 3), activation=nnplug.Registry.from_environment()
                      .get("activation", "gelu"), seed=3, hide=["loss", "table"])  # fmt: skip
    state = ask(playground, "open", resume=True)
    assert state["data"]["name"] == "moons:size=40"
    assert state["lanes"][0]["settings"]["hidden"] == [4, 3]
    assert state["lanes"][0]["settings"]["activation"] == ["gelu", "gelu"]
    assert state["frame"]["playing"]
    assert playground.widget.address == "#&hide=loss,table"
    frame = ask(playground, "epoch")
    run = nnplug.train("moons:size=40", hidden=(4, 3), activation="gelu", seed=3, epochs=1,
                       patience="none", monitor="loss", engine="numpy")  # fmt: skip
    np.testing.assert_array_equal(frame["lanes"][0]["weights"][0], run.network["hidden1.weight"])
    np.testing.assert_array_equal(playground.run.network.parameters, run.network.parameters)


def test_a_screen(make):
    playground = make(screen="""data=moons:size=40&hidden=[3]
        &epoch=2&panel=code""", seed=3)  # fmt: skip
    state = ask(playground, "open", resume=True)
    (lane,) = state["frame"]["lanes"]
    assert (state["data"]["name"], lane["epoch"]) == ("moons:size=40", 2)
    assert not state["frame"]["playing"]
    assert state["lanes"][0]["settings"]["hidden"] == [3]
    assert state["lanes"][0]["settings"]["seed"] == 3
    assert playground.widget.address == "#data=moons:size=40&hidden=[3]&epoch=2&panel=code"


def test_a_table_in_memory(make):
    pandas = pytest.importorskip("pandas")
    playground = make(pandas.DataFrame(rows()), "kind", play=False)
    data = ask(playground, "state")["data"]
    assert (data["table"], data["columns"]) == ("your table", ["width", "height", "kind"])
    assert data["target"] == ["kind"]
    assert (data["classes"], data["clickable"]) == (["big", "small"], True)
    assert not ask(playground, "state")["frame"]["playing"]
    assert ask(playground, "target", target="height")["data"]["task"] == "regression"
    assert ask(playground, "open")["data"]["table"] == "your table"


def test_arrays_and_a_path(make, tmp_path):
    found = rows()
    x = np.stack([found["width"], found["height"]], axis=1)
    data = ask(make((x, found["kind"])), "state")["data"]
    assert (data["table"], data["classes"]) == ("your arrays", ["big", "small"])
    assert data["points"][0][:2] == x[0].tolist()  # as they are
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n" + "".join(f"{k % 7},{k % 7 + 1}\n" for k in range(30)))
    assert ask(make(str(path)), "state")["data"]["table"] == "mine.csv"
    assert ask(make(path, "a"), "state")["data"]["target"] == ["a"]


@pytest.mark.parametrize(
    ("data", "settings", "message"),
    [
        ("mooons", {}, "Did you mean 'moons'"),
        ("moons", {"target": "y"}, "has its own target"),
        ("moons", {"hiden": [3]}, "no setting 'hiden'"),
        ("moons", {"hidden": [9000, 9000]}, "250,000 at most"),
        ("no.csv", {}, "no.csv"),
        ({"a": [1.0] * 30_000, "b": [2.0] * 30_000}, {}, "20,000 at most"),
    ],
)
def test_what_cannot_be_shown_is_told_at_once(data, settings, message):
    with pytest.raises(NnplugError) as told:
        Playground(data, **settings)
    assert message in str(told.value)


def test_a_cell_shows_the_widget(make):
    playground = make()
    content, _ = playground._repr_mimebundle_()
    shown = content["application/vnd.jupyter.widget-view+json"]
    assert shown["model_id"] == playground.widget.model_id
    assert repr(playground) == "<playground of xor>"


def test_without_anywidget_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    _page.cache_clear()
    with pytest.raises(ImportError, match="pip install anywidget"):
        Playground()
    assert nnplug.Playground is Playground  # so that `from nnplug import *` works


def test_the_module_is_one_file_that_loads_nothing():
    text = module()
    assert "http://" not in text.replace("http://www.w3.org/", "")
    assert "https://" not in text
    for word in ("innerHTML", "eval(", "new Function"):
        assert word not in text
    assert len(text) < 200_000


# --- messages -------------------------------------------------------------------------------


def test_frames_come_until_it_is_closed(make):
    playground = make("circle:size=40")
    hear(playground, look=True)
    epochs = []
    while len(epochs) < 4:
        message, frame = playground.widget.comm.sent.get(timeout=20)
        assert message["kind"] == "frame"
        epochs.append(frame["lanes"][0]["epoch"])
        hear(playground, taken=True)
    assert epochs == sorted(epochs)
    assert epochs[-1] > 0
    hear(playground, look=False)
    stopped = ask(playground, "state")["frame"]["lanes"][0]["epoch"]
    time.sleep(0.15)
    assert ask(playground, "state")["frame"]["lanes"][0]["epoch"] == stopped
    playground.close()
    until(lambda: playground._name not in _worker().tabs)


def test_a_playground_that_lost_its_place_says_so(make):
    """Of those that nobody looks at, the oldest goes when there are too many."""
    playground = make()
    for _ in range(8):
        make()
    assert "This playground was closed" in ask(playground, "state")["error"]


def test_what_is_no_message_is_passed_over(make):
    playground = make()
    for content in ("text", {"view": 5}, {"command": {"do": "state"}}):
        data = {"method": "custom", "content": content}
        playground.widget._handle_msg({"content": {"data": data}, "buffers": []})
    assert playground.widget.comm.sent.empty()
    hear(playground, number=3, command=["state"])
    assert playground.widget.comm.sent.get(timeout=20)[1] == {
        "error": "The command is not an object."
    }


@pytest.fixture
def watched(monkeypatch):
    """A session that plays, and a view of it whose frames are kept, not taken."""
    worker = Worker(lambda: Session(default_registry()))
    worker.start()
    sent, arrived = [], threading.Condition()

    def send(message, content):
        with arrived:
            sent.append((message["kind"], json.loads(zlib.decompress(content))))
            arrived.notify_all()

    view = View("v", "tab", worker, send)
    for command in ({"do": "open"}, {"do": "play"}):
        worker.do("tab", command).result(20)
    yield worker, view, sent
    worker.stop()


def until(true):
    limit = time.monotonic() + 20
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_a_frame_waits_until_the_one_before_is_taken_and_the_latest_wins(watched):
    _, view, sent = watched
    view.hear({"look": True})
    until(lambda: view._latest)
    first = view._latest
    until(lambda: view._latest != first)
    assert len(sent) == 1  # none of several was sent after the first
    view.hear({"taken": True})
    until(lambda: len(sent) == 2)
    assert sent[1][1]["lanes"][0]["epoch"] > sent[0][1]["lanes"][0]["epoch"]
    assert sent[1][1] != json.loads(first)


def test_a_view_that_gives_no_sign_is_not_worked_for(watched, monkeypatch):
    """As when the browser is closed, or a cell keeps the kernel busy."""
    monkeypatch.setattr(messages, "PATIENCE", 0.1)
    worker, view, sent = watched
    view.hear({"look": True})
    until(lambda: len(sent) == 1)
    until(lambda: worker.tabs["tab"].listeners == [])
    session = worker.tabs["tab"].session
    stopped = session.learners[0].epoch
    time.sleep(0.1)
    assert session.learners[0].epoch == stopped
    view.hear({"taken": True})  # the cell is done
    until(lambda: session.learners[0].epoch > stopped)
    view.close()
    until(lambda: worker.tabs["tab"].listeners == [])


def test_one_playground_too_many_is_refused(watched):
    worker, _, _ = watched
    for number in range(8):
        worker.listen(f"tab{number}" if number else "tab", lambda _: None).result(20)
    said = []
    other = View("w", "one_more", worker, lambda message, content: said.append(
        (message["kind"], json.loads(zlib.decompress(content)))))  # fmt: skip
    other.hear({"look": True})
    until(lambda: said)
    assert said[0][0] == "refused"
    assert "8 tabs are open" in said[0][1]
