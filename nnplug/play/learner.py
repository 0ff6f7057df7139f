"""A network that learns in steps, and what is seen of it at any time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnplug.errors import NnplugError, SettingError
from nnplug.play.columns import columns_of
from nnplug.play.content import Content
from nnplug.play.curve import Curve
from nnplug.play.limits import MOST_PARAMETERS, check_size
from nnplug.play.maps import Plane, signed_bytes, to_text, unit_bytes
from nnplug.plugins.registry import Registry
from nnplug.runs.fitting import HOOKS, Callbacks
from nnplug.runs.preparing import prepare
from nnplug.runs.run import Run
from nnplug.training import BatchRecord, Evaluator, History
from nnplug.types import AnyArray

if TYPE_CHECKING:
    from nnplug.microscope.trace import Trace

__all__ = ["OWN_SETTINGS", "THUMBNAIL", "Edit", "Learner"]

OWN_SETTINGS: Mapping[str, Any] = {
    "engine": "numpy",
    "patience": "none",
    "min_delta": 0,
    "members": 1,
}
"""What a playground sets itself, whatever a recipe says: it starts without compiling, never stops
early, and shows one network."""

THUMBNAIL, PICTURE = 24, 100
"""The sides of a unit's map and of the output's, in points."""

TRACED = 4
"""The rows and columns of an array whose formulas are shown."""

FOR_EVER = 1 << 60
"""The epochs of a run whose learning rate does not depend on their number."""


@dataclass(frozen=True)
class Edit:
    """A weight or bias that was set by hand, after so many epochs and steps.

    Attributes
    ----------
    epoch, step : int
    array : str
        `"hidden1.weight"`.
    place : tuple of int
        The row and the column, or the unit of a bias.
    value : float
    """

    epoch: int
    step: int
    array: str
    place: tuple[int, ...]
    value: float


class _LastEpoch(History):
    """A history of the last epoch alone, so that no memory is taken by the earlier ones."""

    def add(self, name: str, *values: float) -> None:
        self.columns[name] = list(values[-1:])


class Learner:
    """A run of nnplug's own training loop that is left and continued between steps.

    Parameters
    ----------
    content : Content
    given : mapping
        The settings that are chosen, by the names of `nnplug.train`.
    registry : Registry

    Raises
    ------
    NnplugError
        If the settings and the data do not go together.
    """

    def __init__(self, content: Content, given: Mapping[str, Any], registry: Registry) -> None:
        self.content, self.given = content, dict(given)
        asked = {**OWN_SETTINGS, **given, **content.settings}
        with registry.naming_culprits():
            run = prepare(
                content.rows(registry), registry=registry, most_parameters=MOST_PARAMETERS, **asked
            )
            check_size(run)
            # The weights that are seen are those of the last step, not of the best epoch.
            self.metrics, run.stopping = run.metrics, None
            self._hooks = Callbacks(registry.plugins, run.used)
            if not any(name in self._hooks for name in HOOKS):
                # Nobody else looks at an epoch: metrics are computed when they are shown.
                run.metrics, run.history = (), _LastEpoch()
            self.trainer = run.trainer()
        self.run: Run = run
        self._begun = False
        self.planned = run.schedule.text != "constant"
        if not self.planned:
            self.trainer.epochs = FOR_EVER
        self.columns = columns_of(run.network)
        self.curve, self.edits, self.trouble = Curve(), list[Edit](), ""
        self._evaluator = Evaluator(run.network, run.loss)
        self._parts = {
            name: self._encoded(rows)
            for name, rows in (("train", run.train_rows), ("test", run.validation_rows))
            if len(rows)
        }
        self._epochs_at_once = 1

    def _encoded(self, rows: AnyArray) -> tuple[AnyArray, AnyArray]:
        run = self.run
        targets = run.head.encode(run.rows.targets[rows], run.network.dtype)
        return run.rows.inputs[rows], targets

    # --- training ---------------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.trainer.epoch

    @property
    def step(self) -> int:
        """Steps done of the next epoch."""
        return self.trainer.step

    @property
    def done(self) -> bool:
        """Whether it cannot go on: its epochs are done, a hook asked for the end, it diverged."""
        ended = self.trainer.ended is not None or self.trainer.epoch >= self.trainer.epochs
        return ended or bool(self.trouble)

    def learn(self, seconds: float) -> None:
        """Train for about this long."""
        until, before = time.perf_counter() + seconds, self.epoch
        started = time.perf_counter()
        self._train(lambda: time.perf_counter() >= until, every=self._epochs_at_once)
        # Epochs of a step each are taken several at once: about a quarter of the time.
        rate = (self.epoch - before) / max(time.perf_counter() - started, 1e-6)
        self._epochs_at_once = max(1, int(rate * seconds / 4))

    def learn_to(self, epoch: int, step: int = 0, *, seconds: float = math.inf) -> None:
        """Train until this epoch and step are done, or the time is up."""
        until = time.perf_counter() + seconds

        def reached() -> bool:
            return self.epoch >= epoch or time.perf_counter() >= until

        if self.epoch < epoch:
            self._train(reached)
        while (self.epoch, self.step) < (epoch, step) and not self.done:
            if time.perf_counter() >= until:
                return
            self.one_step()

    def one_step(self) -> None:
        """Take one step, which is one batch."""
        self._train(lambda: True, by_step=True)

    def _train(
        self, should_stop: Callable[[], bool], *, every: int = 1, by_step: bool = False
    ) -> None:
        """Train, with the hooks of plugins as `nnplug.train` calls them."""
        if self.done:
            return
        run, hooks = self.run, self._hooks

        def on_epoch(epoch: int) -> bool:
            if "on_epoch_end" not in hooks:
                return False
            return hooks.call("on_epoch_end", epoch, run=run, record=run.history.record(epoch))

        on_batch = hooks.on_batch(run)
        if by_step and on_batch is None:
            on_batch = _nothing
        try:
            with run.model.registry.naming_culprits():
                if not self._begun:
                    self._begun = True
                    hooks.call("on_train_start", run=run)
                self.trainer.run(
                    every=1 if "on_epoch_end" in hooks else every,
                    on_epoch=on_epoch, should_stop=should_stop, on_batch=on_batch,
                )  # fmt: skip
                run.ended = self.trainer.ended
                if run.ended is not None:
                    hooks.call("on_train_end", run=run)
        except NnplugError as error:
            self.trouble = str(error)

    def next_rows(self) -> list[int]:
        """Return the places in the data of the rows of the next batch, in their order."""
        trainer, step = self.trainer, self.step * self.trainer.steps.batch_size
        for order, _ in trainer.batches.loads(self.epoch):
            if order is None:
                return [int(row) for row in self.run.train_rows]
            if step < len(order):
                return [int(row) for row in order[step : step + trainer.steps.batch_size]]
            step -= len(order)
        return []

    def trace(self, row: int) -> Trace:
        """Trace the next step on one sample; see `Run.trace`."""
        self.run.state = self.trainer.steps.state()
        return self.run.trace(row, elements=TRACED)

    def edit(self, array: str, place: tuple[int, ...], value: float) -> None:
        """Set a weight or bias by hand; training goes on from it.

        Raises
        ------
        SettingError
            If there is none at that place, or it cannot be set.
        """
        network = self.run.network
        if self.run.optimizer.shown:
            raise SettingError(
                f"optimizer {self.run.optimizer.name!r} predicts with weights that it computes "
                "from others, so none can be set by hand.\nChoose another optimizer."
            )
        shape = network.span(array).shape
        if len(place) != len(shape) or not all(
            0 <= number < size for number, size in zip(place, shape, strict=True)
        ):
            raise SettingError(f"{array} has the shape {shape}, and no place {place}.")
        with np.errstate(over="ignore"):
            stored = network.dtype.type(value)
        if not math.isfinite(stored):
            raise SettingError(f"{array}: {value} is not a finite number of {network.dtype}.")
        network[array][place] = value
        self.edits.append(Edit(self.epoch, self.step, array, place, float(value)))

    # --- looking ----------------------------------------------------------------------

    @property
    def shown_part(self) -> str:
        """The rows that are judged: those for testing, or for training if there are no others."""
        return "test" if "test" in self._parts else "train"

    def scores(self) -> dict[str, Any]:
        """Compute losses and metrics of both parts, and count right and wrong classes.

        Returns
        -------
        dict
            `loss` and `metrics` by part, and `confusion`: rows by true class, columns
            by predicted class. What is not finite is None.
        """
        run, head = self.run, self.run.head
        found: dict[str, Any] = {"loss": {}, "metrics": {}, "confusion": None}
        for part, (inputs, targets) in self._parts.items():
            with np.errstate(all="ignore"):
                outputs, loss = self._evaluator.run(inputs, targets)
                finite = head.finite(outputs) is None
                metrics = {}
                if finite and self.metrics:
                    truth = head.decode(targets)
                    metrics = dict(run.model.measure(self.metrics, outputs, truth))
            found["loss"][part] = _finite(loss)
            found["metrics"][part] = {name: _finite(value) for name, value in metrics.items()}
            if part == self.shown_part and finite and run.settings.task in ("binary", "multiclass"):
                counts = np.zeros((head.width, head.width), int)
                np.add.at(counts, (head.decode(targets), head.classes(outputs)), 1)
                found["confusion"] = counts.tolist()
        return found

    def mark(self) -> dict[str, Any]:
        """Compute the scores, and add a point to the curve of losses."""
        scores = self.scores()
        metric = next(iter(scores["metrics"][self.shown_part].values()), None)
        at = self.epoch + self.step / max(self.trainer.per_epoch, 1)
        self.curve.add(at, scores["loss"].get("train"), scores["loss"].get("test"), metric)
        return scores

    def frame(self, plane: Plane) -> dict[str, Any]:
        """Return all that is seen at this time, as plain values for JSON.

        Returns
        -------
        dict
            `epoch`, `step`, `loss`, `metrics`, `confusion`, `curve`, `weights` and
            `biases` by column, `maps` by column (bytes in base64, unit by unit), and
            `output`, the large map.
        """
        scores = self.mark()
        weights, biases, inputs = [], [], min(self.run.network.inputs, 12)
        for column in self.columns:
            arrays = column.weights(self.run.network, inputs)
            weights.append(None if arrays is None else _plain(arrays[0]))
            biases.append(None if arrays is None else _plain(arrays[1]))
            inputs = column.shown
        return {
            "epoch": self.epoch,
            "step": self.step,
            "trouble": self.trouble,
            "done": self.done,
            **scores,
            "curve": self.curve.points,
            "weights": weights,
            "biases": biases,
            "maps": self._maps(plane),
            "output": self._picture(plane),
        }

    def _maps(self, plane: Plane) -> list[str]:
        """Compute the maps of all units that are drawn, column by column."""
        at = {column.last: column for column in self.columns}
        found = []
        for place, (_, outputs) in enumerate(self.run.network.forward(plane.grid(THUMBNAIL))):
            if place in at:
                found.append(to_text(signed_bytes(outputs[:, : at[place].shown]).T))
        return found

    def _picture(self, plane: Plane) -> dict[str, Any]:
        """Compute what the network answers over the plane, or along its only axis."""
        head, run = self.run.head, self.run
        if head.task == "regression" and plane.axes[0] == plane.axes[1]:
            xs, inputs = plane.line(200)
            answers = self._answers(inputs)[:, 0]
            return {"line": [[float(x), _finite(y)] for x, y in zip(xs, answers, strict=True)]}
        answers = self._answers(plane.grid(PICTURE))
        if head.task == "regression":
            low, high = self._target_range()
            numbers = unit_bytes(answers[:, 0], low, high)
            return {"number": to_text(numbers), "low": low, "high": high}
        if run.settings.task in ("binary", "multilabel"):
            return {"share": to_text(unit_bytes(answers[:, -1 if head.task == "binary" else 0]))}
        best = answers.argmax(axis=1)
        share = answers[np.arange(len(answers)), best]
        return {
            "class": to_text(best.astype(np.uint8)),
            "share": to_text(unit_bytes(share, 1 / answers.shape[1], 1.0)),
        }

    def _answers(self, inputs: AnyArray) -> AnyArray:
        """Compute probabilities (N, C) or numbers (N, K); NaN where they are not finite."""
        with np.errstate(all="ignore"):
            outputs = self._evaluator.run(inputs.astype(self.run.network.dtype))[0]
            finite = self.run.head.finite(outputs)
            safe = outputs if finite is None else np.where(finite[:, np.newaxis], outputs, 0)
            if self.run.head.task == "regression":
                answers = self.run.head.numbers(safe)
            else:
                answers = self.run.head.probabilities(safe)
            if finite is None:
                return answers
            return np.where(finite[:, np.newaxis], answers, np.nan)

    def _target_range(self) -> tuple[float, float]:
        targets = self.run.rows.targets
        return float(targets[:, 0].min()), float(targets[:, 0].max())

    def probe(self, inputs: AnyArray) -> dict[str, Any]:
        """Compute what every unit that is drawn, and the network, answer for one row, (D,).

        Returns
        -------
        dict
            `units` by column, and `answer`: probabilities or numbers.
        """
        at = {column.last: column for column in self.columns}
        units = [
            [_finite(value) for value in outputs[0, : at[place].shown]]
            for place, (_, outputs) in enumerate(self.run.network.forward(inputs[np.newaxis]))
            if place in at
        ]
        answer = self._answers(inputs[np.newaxis])[0]
        return {"units": units, "answer": [_finite(value) for value in answer]}


def _nothing(record: BatchRecord) -> None:
    """Let the trainer stop after a step."""


def _finite(value: Any) -> float | None:
    """Return a number as JSON can hold it."""
    return float(value) if math.isfinite(value) else None


def _plain(values: AnyArray) -> Any:
    """Return weights as nested lists."""
    return values.tolist()
