"""The microscope's look at one sample of the next batch, through one step of training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnplug.errors import SettingError
from nnplug.play.catalogue import without_style
from nnplug.play.learner import Learner

if TYPE_CHECKING:
    from nnplug.microscope.trace import Trace

__all__ = ["Lens"]


class Lens:
    """Traces of a learner's next step, each kept while it is looked at.

    Attributes
    ----------
    passed : int
        How many samples of the next batch have been looked at.
    """

    def __init__(self) -> None:
        self.passed = 0
        self._key: tuple[Any, ...] = ()
        self._trace: Trace | None = None

    def outline(self, learner: Learner, row: int | None) -> dict[str, Any]:
        """List the arrays of a step on one sample.

        Parameters
        ----------
        row : int or None
            The sample's place in the data; None: the next one of the batch.

        Returns
        -------
        dict
            `row`, `rows` (those of the batch), and `steps`: phase, layer, what, name,
            formula and value of each array.
        """
        rows = learner.next_rows()
        row = rows[min(self.passed, len(rows) - 1)] if row is None else row
        steps = [
            {
                "phase": step.phase,
                "layer": step.layer,
                "what": step.what,
                "name": step.name,
                "shape": list(step.value.shape),
                "written": len(step.elements),
            }
            for step in self._of(learner, row).steps
        ]
        return {"row": row, "rows": rows, "passed": self.passed, "steps": steps}

    def step(self, learner: Learner, row: int, number: int) -> dict[str, Any]:
        """Return one array of the step with its formulas and numbers.

        Raises
        ------
        SettingError
            If there is no such array.
        """
        steps = self._of(learner, row).to_dict()["steps"]
        if number >= len(steps):
            raise SettingError(f"step={number}: there are {len(steps)} arrays, from 0.")
        found: dict[str, Any] = steps[number]
        found["mathml"] = without_style(found["mathml"])
        for element in found["elements"]:
            for name in ("mathml", "mathml_numbers"):
                element[name] = without_style(element[name])
        return found

    def pass_on(self, learner: Learner) -> bool:
        """Go on to the next sample of the batch; after the last one, take the step.

        Returns
        -------
        bool
            Whether the step was taken.
        """
        self.passed += 1
        if self.passed < len(learner.next_rows()):
            return False
        self.passed = 0
        learner.one_step()
        return True

    def _of(self, learner: Learner, row: int) -> Trace:
        key = (id(learner), learner.epoch, learner.step, len(learner.edits), row)
        if self._trace is None or key != self._key:
            self._trace, self._key = learner.trace(row), key
        return self._trace
