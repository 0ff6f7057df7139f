"""The numbers of one training step as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from nnplug.errors import UnknownNameError
from nnplug.microscope.step import Element, Step
from nnplug.types import AnyArray

__all__ = ["Trace"]


@dataclass(frozen=True, eq=False)
class Trace:
    """One training step with all its numbers.

    Printed, it is a table for each array; a notebook shows the formulas as such.

    Attributes
    ----------
    rows : tuple of int
        The samples, by their places in the data.
    steps : tuple of Step
        In the order in which they are computed.
    """

    rows: tuple[int, ...]
    steps: tuple[Step, ...]

    def __getitem__(self, name: str) -> AnyArray:
        """Return an array by its name, such as `"hidden1.delta"`.

        Raises
        ------
        UnknownNameError
            If there is no such array. It is also a `KeyError`.
        """
        for step in self.steps:
            if step.name == name:
                return step.value
        names = list(dict.fromkeys(step.name for step in self.steps))
        raise UnknownNameError.of("The trace has no array", name, names)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values for JSON; numbers that are not finite are None."""
        steps = [
            {
                "phase": step.phase,
                "layer": step.layer,
                "what": step.what,
                "name": step.name,
                "formula": step.formula,
                "mathml": step.mathml,
                "shape": list(step.value.shape),
                "value": _plain(step.value),
                "elements": [
                    {
                        **asdict(element),
                        "index": list(element.index),
                        "value": _plain(np.asarray(element.value)),
                    }
                    for element in step.elements
                ],
            }
            for step in self.steps
        ]
        return {"rows": list(self.rows), "steps": steps}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Trace:
        """Make a trace from what `to_dict` gave."""
        return cls(tuple(given["rows"]), tuple(map(_step, given["steps"])))

    def __str__(self) -> str:
        from nnplug.microscope.tables import write_tables  # noqa: PLC0415  # few are printed

        return write_tables(self.steps)

    def _repr_html_(self) -> str:
        from nnplug.microscope.notebook import trace_html  # noqa: PLC0415  # only a notebook shows it

        return trace_html(repr(self).strip("<>"), self.steps)

    def __repr__(self) -> str:
        samples = ", ".join(map(str, self.rows[:5])) + ", ..." * (len(self.rows) > 5)
        return f"<trace of row {samples}: {len(self.steps)} arrays>"


def _plain(array: AnyArray) -> Any:
    """Give an array as nested lists."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return array.tolist()
    kept = array.astype(object)
    kept[~np.isfinite(array)] = None
    return kept.tolist()


def _step(given: Mapping[str, Any]) -> Step:
    names = [field.name for field in fields(Element)]
    elements = [{name: each[name] for name in names} for each in given["elements"]]
    return Step(
        given["phase"],
        given["layer"],
        given["what"],
        given["formula"],
        given["mathml"],
        np.array(given["value"], float).reshape(given["shape"]),
        tuple(
            Element(
                **{
                    **each,
                    "index": tuple(each["index"]),
                    "value": float("nan") if each["value"] is None else each["value"],
                }
            )
            for each in elements
        ),
    )
