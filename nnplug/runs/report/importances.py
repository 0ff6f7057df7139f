"""What the model looks at: the importance of each column, in a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nnplug.models import Model
from nnplug.models.importance import Importance, column_widths, permuted
from nnplug.runs.report.svg import INKS, clean, folding, number
from nnplug.types import AnyArray

__all__ = ["few_importances", "importance_table"]

_ROWS = (100, 500)
"""At least and at most so many rows are taken."""
_REPEATS = 3
_MOST_COLUMNS = 60
_MOST_PRODUCTS = 2e9
"""So many products of a weight and a number are computed: a fraction of a second."""


def few_importances(
    model: Model, found: Sequence[tuple[AnyArray, AnyArray, AnyArray]]
) -> Importance | None:
    """Compute importances from some of the rows, evenly spread; None if that takes long.

    Parameters
    ----------
    found : sequence of tuple
        Inputs, outputs and targets, part by part.
    """
    columns, rows = len(column_widths(model)), sum(len(targets) for *_, targets in found)
    least, most = _ROWS
    allowed = int(_MOST_PRODUCTS / (columns * _REPEATS * max(1, model.network.size)))
    taken = min(rows, most, allowed)
    if not 2 <= columns <= _MOST_COLUMNS or taken < min(rows, least) or taken < 2:
        return None
    step = -(-rows // taken)
    inputs = np.concatenate([part[::step] for part, *_ in found])
    targets = np.concatenate([part[::step] for *_, part in found])
    if not np.isfinite(model.run(inputs)).all():
        return None
    measured = permuted(model, inputs, targets, repeats=_REPEATS)
    return measured if np.isfinite(measured.changes).all() else None


def importance_table(found: Importance) -> Iterator[str]:
    """Write a line for each column, the most important first, with a bar for each."""
    yield (
        f"<p>What {clean(found.metric.replace('_', ' '))} {found.change} when the values of a "
        f"column are shuffled; it is {number(found.score)} on {found.rows:,} of these rows. "
        "Columns that say the same share their importance.</p>"
    )
    lines = [
        "<div class='wide'><table class='network'>",
        f"<tr><th>column</th><th>importance</th><th class='number'>± ({_REPEATS} times)</th></tr>",
    ]
    largest = max(float(found.means.max()), 1e-300)
    for k in found.order:
        mean, spread = float(found.means[k]), float(found.deviations[k])
        share = f"{100 * max(mean, 0.0) / largest:.3g}%"
        bar = f"<span class='room'><span class='{INKS[0]}' style='width: {share}'></span></span>"
        lines.append(
            f"<tr><td>{folding(found.columns[k])}</td><td class='row'>{bar}{number(mean)}</td>"
            f"<td class='number'>{number(spread)}</td></tr>"
        )
    yield "\n".join([*lines, "</table></div>"])
