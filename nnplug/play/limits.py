"""How large a network a playground takes, so that it answers at once."""

from __future__ import annotations

from nnplug.errors import SettingError
from nnplug.runs.run import Run

__all__ = ["MOST_LAYERS", "MOST_PARAMETERS", "MOST_PRODUCTS", "check_size"]

MOST_PARAMETERS = 250_000
"""A larger network could not be looked at while it learns: the output's map alone takes 10,000
rows."""

MOST_LAYERS = 60
"""The most layers that are drawn beside one another."""

MOST_PRODUCTS = 1_000_000_000
"""Parameters times rows of the largest step, which takes less than a second."""


def check_size(run: Run) -> None:
    """Refuse a network that would keep the page waiting.

    Raises
    ------
    SettingError
        If it has too many layers, or a step takes too many rows.
    """
    if len(run.network.placed) > 2 * MOST_LAYERS:
        raise SettingError(
            f"layers: {len(run.network.placed)}, activations included; a playground draws "
            f"{2 * MOST_LAYERS} at most.\nUse nnplug train for more."
        )
    rows, size = len(run.train_rows), run.settings.batch_size
    rows = rows if size == "full" else min(size, rows)
    if rows * run.network.learned > MOST_PRODUCTS:
        most = max(1, MOST_PRODUCTS // run.network.learned)
        raise SettingError(
            f"batch_size={size!r}: a step of {rows:,} rows through {run.network.learned:,} "
            f"parameters would keep the page waiting.\nChoose {most:,} rows at most, or a smaller "
            "network, or use nnplug train."
        )
