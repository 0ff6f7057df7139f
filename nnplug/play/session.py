"""A session of the playground: commands and answers as plain values, without HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nnplug.errors import DataError, NnplugError, SettingError, suggest
from nnplug.play import choices, downloads, script, view
from nnplug.play.catalogue import catalogue, describe, misfits, sketches
from nnplug.play.choices import SHARED, checked, items, number, whole
from nnplug.play.content import Content, PastedTable
from nnplug.play.learner import Learner
from nnplug.play.lens import Lens
from nnplug.play.maps import Plane
from nnplug.plugins.registry import Registry

__all__ = ["SPEEDS", "Session"]

SPEEDS = (1, 10, 100, 1000, 0)
"""Epochs per second that can be chosen; 0 is as fast as it goes."""

FRAMES = 20
"""The most frames in a second."""

FEWEST_FRAMES = 10
"""The frames in a second below which looking may take more than its share."""

CURVE_PARTS = 20
"""The points of the curve of losses that an address with an epoch has."""

REPLAY_SECONDS = 20.0
"""How long an address may train before it is shown."""


class Session:
    """What one tab shows: one network that learns, or two in a race.

    Until something else is chosen, they learn `content`.
    """

    def __init__(self, registry: Registry, content: Content | None = None) -> None:
        self.registry, self.start = registry, content or Content()
        self.content, self.pasted = self.start, list[PastedTable]()
        self.given: list[dict[str, Any]] = [{}]
        self.learners: list[Learner] = []
        self.playing, self.speed, self.version = False, 0, 0
        self.axes, self.fixed = (0, 1), dict[int, float]()
        self.lens = Lens()
        self._due, self._cost = 0.0, 0.0
        self._commands: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "open": self._open,
            "state": lambda _: self.state(),
            "play": self._play,
            "pause": self._pause,
            "reset": lambda _: self._rebuilt(),
            "epoch": self._one_epoch,
            "batch": self._one_batch,
            "sample": self._one_sample,
            "trace": self._look_closely,
            "speed": self._set_speed,
            "set": self._set,
            "data": self._choose_data,
            "table": self._paste,
            "target": self._choose_target,
            "points": self._set_points,
            "edit": self._edit,
            "race": self._race,
            "axes": self._choose_axes,
            "probe": self._probe,
            "catalogue": lambda _: {"kinds": catalogue(self.registry)},
            "sketches": lambda _: {"sets": sketches(self.registry)},
            "part": lambda asked: describe(self.registry, asked.get("kind"), asked.get("text")),
            "code": lambda asked: script.code(self._learner(asked)),
            "download": lambda asked: downloads.download(self._learner(asked), asked.get("what")),
        }

    def do(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Obey a command.

        Parameters
        ----------
        asked : mapping
            `do`, the command's name, and what belongs to it.

        Returns
        -------
        dict
            The answer; or `error`, a message for the user. Nothing has changed then.
        """
        name = asked.get("do")
        command = self._commands.get(name) if isinstance(name, str) else None
        if command is None:
            return {"error": f"There is no command {name!r}.{suggest(str(name), self._commands)}"}
        if not self.learners and name in choices.NEED_NETWORKS:
            return {"error": "Nothing is open in this tab.\nReload the page."}
        before = {**vars(self), "given": [dict(given) for given in self.given]}
        try:
            return command(asked)
        except Exception as error:
            vars(self).update(before)
            if not isinstance(error, NnplugError):
                raise
            return {"error": str(error)}

    def close(self) -> None:
        """Delete what was pasted."""
        for table in self.pasted:
            table.close()

    # --- beginning and choosing -------------------------------------------------------

    def _open(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Show what an address says: settings, points, edits, how far, and what varies."""
        if self.learners and asked.get("resume"):  # the page was reloaded
            return self.state()
        given = choices.of_networks(asked.get("settings") or [{}])
        named = {key: asked[key] for key in ("data", "points") if asked.get(key)}
        self.content = Content.of({"data": self.start.dataset, **named})
        if self.start.table is not None and "data" not in named:
            self.content = replace(self.start, points=self.content.points)
        self.given = given
        self._build()
        if asked.get("axes"):
            self._choose_axes(asked)
        until = time.perf_counter() + REPLAY_SECONDS
        for change in items(asked.get("edits"), "edits", Mapping):
            left = max(0.0, until - time.perf_counter())
            position = [whole(change.get(key, 0), key) for key in ("epoch", "step")]
            self._learner(change).learn_to(*position, seconds=left)
            self._edit(change)
        epoch, step = (whole(asked.get(key, 0), key) for key in ("epoch", "step"))
        for learner in self.learners:
            for part in range(CURVE_PARTS + 1):
                left = max(0.0, until - time.perf_counter())
                learner.learn_to(epoch * part // CURVE_PARTS, seconds=left)
                learner.mark()
            learner.learn_to(epoch, step, seconds=max(0.0, until - time.perf_counter()))
        return self.state()

    def _rebuilt(self) -> dict[str, Any]:
        """Begin again with what is chosen now."""
        self._build()
        return self.state()

    def _build(self) -> None:
        if self.content.table is not None:  # a network that can be looked at
            self.given = [
                given if {"hidden", "layers", "recipe"} & set(given) else {**given, "hidden": [8]}
                for given in self.given
            ]
        learners = [Learner(self.content, given, self.registry) for given in self.given]
        width = learners[0].run.network.inputs
        if learners[-1].run.network.inputs != width:
            raise SettingError(
                "The networks of a race need the same inputs, and this recipe encodes the columns "
                "in another way.\nEnd the race, and choose the recipe for both."
            )
        if not self.learners or self.learners[0].run.network.inputs != width:
            self.axes, self.fixed = (0, min(1, width - 1)), {}
        self.learners, self.lens = learners, Lens()
        if self.version == 0:
            expected = learners[0].run.settings.epochs
            self.speed = next((speed for speed in SPEEDS if speed * 10 >= expected), 0)
        if all(learner.done for learner in learners):
            self.playing = False
        self._changed()

    def _changed(self) -> None:
        """Say that more than numbers has changed: the page asks for the state."""
        self.version += 1
        self._due = 0.0

    def _set(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Choose settings; None takes back a choice."""
        changes = asked.get("settings")
        if not isinstance(changes, Mapping):
            raise SettingError("set: give a table of settings.")
        lane = self._lane(asked)
        for name, value in changes.items():
            targets = self.given if name in SHARED else [self.given[lane]]
            for given in targets:
                if value is None:
                    given.pop(name, None)
                else:
                    given[name] = value
                if name in ("hidden", "activation", "dropout") and value is not None:
                    given.pop("layers", None)
                if name == "layers" and value is not None:
                    for short in ("hidden", "activation", "dropout"):
                        given.pop(short, None)
                if name == "optimizer" and "learning_rate" not in changes:
                    given.pop("learning_rate", None)
        self.given = [checked(given) for given in self.given]
        return self._rebuilt()

    def _choose_data(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Choose a dataset; what came with the last one goes, as its recipe does."""
        self.content = Content.of({"data": asked.get("data")})
        return self._with_new_rows()

    def _paste(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Take a table that was dropped or pasted, as text."""
        text, name = asked.get("text"), asked.get("name", "pasted.csv")
        if not isinstance(text, str) or not isinstance(name, str):
            raise SettingError("table: give its text, and its name.")
        pasted = PastedTable(name, text)
        try:
            self.content = Content.of_table(pasted.path, pasted=True)
            answer = self._with_new_rows()
        except Exception:
            pasted.close()
            raise
        self.pasted.append(pasted)
        return answer

    def _choose_target(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        target = asked.get("target")
        if self.content.table is None:
            raise SettingError(f"{self.content.dataset} has its own target: it is no table.")
        if not isinstance(target, str):
            raise SettingError(f"target={target!r}: give the name of a column.")
        self.content = replace(self.content, target=(target,))
        return self._with_new_rows()

    def _with_new_rows(self) -> dict[str, Any]:
        """Begin with other rows: what was chosen for the last ones is kept where it fits."""
        try:
            return self._rebuilt()
        except (SettingError, DataError):
            # A loss for numbers, say, does not fit classes, and one for counts no other numbers.
            fitting = ("loss", "output_activation", "metrics", "task")
            self.given = [
                {name: value for name, value in given.items() if name not in fitting}
                for given in self.given
            ]
            return self._rebuilt()

    def _set_points(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Set the points that are added by click, all at once."""
        self.content = self.content.with_points(asked.get("points", []))
        return self._rebuilt()

    def _race(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Begin or end a race of two networks, which start alike."""
        on = bool(asked.get("on", True))
        self.given = [self.given[0], dict(self.given[0])] if on else self.given[:1]
        return self._rebuilt()

    def _choose_axes(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Choose the two inputs that vary in the maps, and the values of the others."""
        width = self.learners[0].run.network.inputs
        self.axes = choices.two_inputs(asked.get("axes") or self.axes, width)
        self.fixed = choices.values_of_inputs(asked.get("fixed") or {}, width)
        self._changed()
        return self.state()

    # --- training ---------------------------------------------------------------------

    def _play(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.lens.passed = 0
        self.playing, self._due = not all(learner.done for learner in self.learners), 0.0
        return {"playing": self.playing}

    def _pause(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.playing = False
        return {"playing": False}

    def _set_speed(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        speed = asked.get("speed")
        if speed not in SPEEDS:
            raise SettingError(f"speed={speed!r}: choose one of {', '.join(map(str, SPEEDS))}.")
        self.speed, self._due = int(speed), 0.0
        return {"speed": self.speed}

    def _one_epoch(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.playing, self.lens.passed = False, 0
        for learner in self.learners:
            learner.learn_to(learner.epoch + 1)
        return self.frame()

    def _one_batch(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.playing, self.lens.passed = False, 0
        for learner in self.learners:
            learner.one_step()
        return self.frame()

    def _one_sample(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Look at the next sample of the batch; after its last one, all networks take the step."""
        self.playing = False
        if self.lens.pass_on(self.learners[0]):
            for learner in self.learners[1:]:
                learner.one_step()
        return self.frame()

    def _look_closely(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Trace the next step on a sample: all its arrays, or one of them with its numbers."""
        learner, row = self._learner(asked), asked.get("row")
        row = None if row is None else whole(row, "row")
        if asked.get("step") is None:
            return self.lens.outline(learner, row)
        return self.lens.step(learner, whole(row, "row"), whole(asked["step"], "step"))

    def _edit(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        array, value = asked.get("array"), asked.get("value")
        if not isinstance(array, str):
            raise SettingError("edit: give the array, the place and the value.")
        place = tuple(whole(at, "place") for at in items(asked.get("place"), "place"))
        self._learner(asked).edit(array, place, number(value, array))
        return {**self.frame(), "address": self.address()}

    @property
    def due(self) -> float:
        """When there is work to do, by `time.perf_counter`; infinite while it is paused."""
        return self._due if self.playing else float("inf")

    def work(self, share: float = 1.0) -> dict[str, Any]:
        """Train for one frame, or for a share of its time, and return it."""
        started = time.perf_counter()
        # What looking leaves of the time between two frames; but looking takes a seventh at
        # most, unless ten frames a second need more.
        enough = min(6 * self._cost, 0.8 / FEWEST_FRAMES)
        seconds = share * max(1 / FRAMES - self._cost, enough)
        epochs = max(1, round(self.speed / FRAMES))
        racing = [learner for learner in self.learners if not learner.done]
        for learner in racing[:1]:
            own = seconds / len(racing)
            if self.speed:
                learner.learn_to(learner.epoch + epochs, seconds=own)
            else:
                learner.learn(own)
        for learner in racing[1:]:  # a race is by epochs, not by time
            alike = learner.trainer.per_epoch == racing[0].trainer.per_epoch
            learner.learn_to(racing[0].epoch, racing[0].step if alike else 0)
        self.playing = self.playing and not all(learner.done for learner in self.learners)
        looked = time.perf_counter()
        frame = self.frame()
        self._cost = time.perf_counter() - looked
        wait = epochs / self.speed if self.speed else 1 / FRAMES
        self._due = max(started + wait, time.perf_counter())
        return frame

    # --- looking ----------------------------------------------------------------------

    def plane(self) -> Plane:
        """Return the plane over which maps are drawn."""
        inputs = self.learners[0].run.rows.inputs
        return Plane.of(inputs, self.axes, self.fixed)

    def frame(self) -> dict[str, Any]:
        """Return what is seen now, a part for each network."""
        plane = self.plane()
        return {
            "version": self.version,
            "playing": self.playing,
            "lanes": [learner.frame(plane) for learner in self.learners],
        }

    def state(self) -> dict[str, Any]:
        """Return what changes only by a choice: data, settings, networks; and a frame."""
        return {
            "version": self.version,
            "speed": self.speed,
            "speeds": list(SPEEDS),
            "data": view.data(self.content, self.learners[0].run, self.plane()),
            "lanes": list(map(view.network, self.learners)),
            "misfits": misfits(self.learners[0].run, self.registry),
            "address": self.address(),
            "frame": self.frame(),
        }

    def _probe(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Compute exact values at a point of the plane."""
        at = asked.get("at")
        if not isinstance(at, list) or len(at) != 2:
            raise SettingError("probe: give [x, y].")
        point = np.array([[number(each, "at") for each in at]])
        row = self.plane().at(point)[0]
        return {"lanes": [learner.probe(row) for learner in self.learners]}

    def address(self) -> dict[str, Any]:
        """Return all that gives this screen again, for JSON."""
        return view.address(self.content, self.learners, self.given, self.axes, self.fixed)

    # --- arguments --------------------------------------------------------------------

    def _lane(self, asked: Mapping[str, Any]) -> int:
        lane = whole(asked.get("lane", 0), "lane")
        if lane >= len(self.given):
            raise SettingError(f"lane={lane}: there is no such network.")
        return lane

    def _learner(self, asked: Mapping[str, Any]) -> Learner:
        return self.learners[self._lane(asked)]
