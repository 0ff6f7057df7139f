"""The numbers of a training step in a notebook: a table for each layer that opens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from nnplug.microscope.step import Step
from nnplug.microscope.tables import first_elements, title_of
from nnplug.untrusted import clean

__all__ = ["trace_html"]

_CELL = "<td style='text-align: left; vertical-align: middle'>"


def trace_html(title: str, steps: Sequence[Step]) -> str:
    """Write the steps that are computed: each array's formula, then its first numbers."""
    lines = [f"<p><b>{clean(title)}</b></p>"]
    for heading, together in groupby((step for step in steps if step.formula), title_of):
        lines.append(f"<details open><summary>{clean(heading)}</summary>")
        for step in together:
            lines += _table(step)
        lines.append("</details>")
    return "\n".join(lines)


def _table(step: Step) -> Iterator[str]:
    shown = list(first_elements(step))
    yield f"<div>{step.mathml}</div><table><tbody>"
    for element in shown:
        value = f"{element.value + 0.0:.6g}"
        yield f"<tr>{_CELL}{element.mathml}</td>{_CELL}{element.mathml_numbers}</td>"
        yield f"{_CELL}{value}</td></tr>"
    yield "</tbody></table>"
    left = step.value.size - len(shown)
    if left:
        yield f"<p>and {left:,} more</p>"
