"""Tasks at a place: all of them, in other processes, on workers that are as this one."""

import os
import signal
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import pytest

import nnplug
from nnplug.comparison.api import run as run_comparison
from nnplug.comparison.bench import Bench
from nnplug.comparison.request import Request
from nnplug.comparison.results import Results
from nnplug.errors import PluginError, SettingError
from nnplug.places import running
from nnplug.places.place import Place
from nnplug.places.running import check_place, refuse_unlike, run_all
from nnplug.plugins.registry import Registry
from nnplug.plugins.travelling import Luggage
from nnplug.runs.likeness import Likeness, identity
from nnplug.runs.preparing import prepare

PART = '''
import numpy as np
import nnplug

@nnplug.activation
def mine(x):
    """Bent relu."""
    return np.maximum(x, 0.1 * x)
'''


class Pretended(Place):
    """A place whose workers fail as they are told to."""

    text, room, lost = "pretended", 2, (BrokenProcessPool,)

    def __init__(self, failures, surveyed=()):
        self.failures, self.surveyed, self.begun = dict(failures), surveyed, []

    def submit(self, perform, task):
        self.begun.append(task)
        found = Future()
        if self.failures.get(task, 0):
            self.failures[task] -= 1
            found.set_exception(BrokenProcessPool("a worker was killed"))
        else:
            found.set_result(perform(task))
        return found

    def survey(self, examine):
        yield from self.surveyed


def double(x):
    return 2 * x


def test_a_task_whose_worker_was_lost_is_done_again_and_yielded_once():
    place = Pretended({1: 2, 3: running.LOSSES - 1})
    found = list(running._run(place, double, iter([1, 2, 3])))
    assert sorted(found) == [(1, 2), (2, 4), (3, 6)]
    assert [place.begun.count(task) for task in (1, 2, 3)] == [3, 1, running.LOSSES]


def test_a_task_that_ends_every_worker_is_named():
    with pytest.raises(SettingError) as error:
        list(running._run(Pretended({7: 99}), double, iter([7])))
    assert "8 workers ended while they performed 7: BrokenProcessPool" in str(error.value)
    assert "too little memory" in str(error.value)


def test_a_place_without_workers_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(running, "LONELY", 0)
    monkeypatch.setattr(running.time, "sleep", lambda seconds: None)
    place = Pretended({})
    place.room = 0
    with pytest.raises(SettingError, match="'pretended': it has had no workers for 0 s"):
        list(running._run(place, double, iter([1])))


def test_no_more_tasks_are_taken_than_there_is_room_for():
    """A search can so propose a trial after it has learned from the one before."""
    taken = []

    def tasks():
        for task in range(6):
            taken.append(task)
            yield task

    for count, _ in enumerate(running._run(Pretended({}), double, tasks()), start=1):
        assert len(taken) <= count + 1


def test_workers_that_differ_are_named_with_what_differs():
    surveyed = [
        ("tcp://a:1", ["NumPy is 1.0 there and 2.0 here", "activation mine: its formula differs"]),
        ("tcp://b:1", []),
    ]
    with pytest.raises(SettingError) as error:
        refuse_unlike(Pretended({}, surveyed), list)
    assert str(error.value).split("\n") == [
        "on='pretended': a worker would give other numbers than this process.",
        "worker tcp://a:1:",
        "  NumPy is 1.0 there and 2.0 here",
        "  activation mine: its formula differs",
        "Install the same packages there, and keep the data under the same paths.",
    ]
    with pytest.raises(SettingError, match="4 of its workers"):
        refuse_unlike(Pretended({}, [(f"w{n}", ["x"]) for n in range(4)]), list)


def test_a_process_is_compared_with_what_was_found_elsewhere():
    run = prepare("moons", activation="tanh", epochs=3)
    here = {"moons": identity(run, "the rows")}
    assert Likeness(lambda: here, here)() == []
    there = {"moons": {**here["moons"], "data": "others", "packages": {"nnplug": "9"}}}
    there["moons"]["settings"] = {**here["moons"]["settings"], "engine": "numba", "epochs": 4}
    there["moons"]["formulas"] = {**here["moons"]["formulas"], "activation tanh": "1:" + "0" * 32}
    likeness = Likeness(lambda: there, here, {"Python": "1.0", "NumPy": "0.9"})
    lines = likeness()
    assert [line.split(" is ")[0] for line in lines[:3]] == ["Python", "NumPy", "nnplug"]
    assert lines[3:] == [
        "activation tanh: its formula differs",
        f"moons: engine is numba there and {run.settings.engine} here",
        "moons: epochs is 4 there and 3 here",
        "moons: the rows differ",
    ]

    def missing():
        raise PluginError("There is no activation 'mine'.\nInstall it.\nMore.")

    assert Likeness(missing, here)() == ["There is no activation 'mine'.", "Install it."]


def test_a_local_plugin_travels_as_it_was_read(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PART)
    luggage = Luggage.pack([str(path)])
    digest = luggage.registry.get("activation", "mine").digest
    path.write_text(PART.replace("0.1", "0.2"))
    assert Luggage.pack([str(path)]).registry.get("activation", "mine").digest != digest
    path.unlink()
    (kept,) = luggage.files
    other = Luggage(luggage.plugins, True, luggage.files)  # as another process finds it
    assert other.registry.get("activation", "mine").digest == digest
    changed = Luggage(luggage.plugins, False, ((kept[0], kept[1] + "#", kept[2]),))
    with pytest.raises(PluginError, match="changed on its way"):
        _ = changed.registry
    with pytest.raises(PluginError, match="No such file"):
        Luggage.pack([str(path)])


def test_other_processes_have_the_plugin_the_folder_and_the_same_scores(tmp_path, monkeypatch):
    pytest.importorskip("joblib", reason="the extra compare is not installed")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PART)
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(40)))
    request = Request.of(
        "t.csv:y", {"activation": "relu,mine"}, effort="quick", budget=1, plugins=("./mine.py",)
    )
    bench = Bench(request)
    here = run_comparison(bench, Results())
    (tmp_path / "mine.py").unlink()
    monkeypatch.chdir("/")
    assert run_comparison(bench, Results(), on="2").differences(here) == []


def killed_once(path):
    """End this process, the first time."""
    if not path.exists():
        path.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    return path.name


def unlike():
    return ["NumPy is 1.0 there and 2.0 here"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_process_costs_its_tasks_only_and_each_process_is_examined(tmp_path):
    pytest.importorskip("joblib", reason="the extra compare is not installed")
    paths = [tmp_path / name for name in "ab"]
    assert sorted(run_all(killed_once, paths, "2")) == [(path, path.name) for path in paths]
    with pytest.raises(SettingError, match=r"worker .*, process \d+:\n  NumPy is 1.0 there"):
        list(run_all(double, [1], "2", examine=unlike))


BACKEND = """
import joblib
from joblib._parallel_backends import ThreadingBackend

class Mine(ThreadingBackend):
    supports_return_generator = {generator}

joblib.register_parallel_backend("my_backend", Mine)
"""


@pytest.mark.parametrize("generator", [True, False])
def test_a_backend_that_a_plugin_registers(tmp_path, generator):
    pytest.importorskip("joblib", reason="the extra compare is not installed")
    path = tmp_path / "backend.py"
    path.write_text(PART + BACKEND.format(generator=generator))
    check_place("my_backend", Registry(local=[str(path)]))
    tasks = list(range(9))
    found = list(run_all(double, iter(tasks), "my_backend"))
    assert sorted(found) == [(task, 2 * task) for task in tasks]
    with pytest.raises(SettingError, match="joblib knows no backend of that name"):
        check_place("nobodys", Registry())


def test_ray_that_does_not_answer_is_named(monkeypatch):
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")

    def refuse(*arguments, **options):
        raise ConnectionError("ray client connection timeout")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(SettingError, match="no Ray cluster answers there") as error:
        nnplug.compare("moons", activation="relu,tanh", effort="quick", on="ray://127.0.0.1:1")
    assert "ray start --head" in str(error.value)
