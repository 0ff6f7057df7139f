"""Rows without a finite prediction: counted, and named in one error."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from nnplug.errors import NotFiniteError
from nnplug.network.network import Network
from nnplug.tables.wording import count_of
from nnplug.types import AnyArray

__all__ = ["NonfiniteRows"]

SHOWN = 10
"""The most rows that a message names."""

WAY_OUT = (
    "; or leave their predictions empty with allow_nonfinite=True, on the command line "
    "--allow-nonfinite"
)


class NonfiniteRows:
    """Counts rows whose predictions are not finite, in chunks that come in order.

    Parameters
    ----------
    networks : sequence of Network
        Of one model.
    source : str
        What the message calls the rows.
    first : int
        The number of the first row: 0 for arrays, 1 for tables.
    finite : callable
        Tells which rows of the outputs are finite, as `Head.finite` does.

    Attributes
    ----------
    rows : int
        How many rows were added.
    count : int
        How many of them have no finite prediction.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        source: str,
        *,
        first: int,
        finite: Callable[[AnyArray], npt.NDArray[np.bool_] | None],
    ) -> None:
        self.networks, self.source, self.first, self.finite = networks, source, first, finite
        self.rows = self.count = 0
        self._some: list[int] = []
        self._cause = ""

    def add(self, inputs: AnyArray, outputs: AnyArray) -> npt.NDArray[np.bool_] | None:
        """Add the next rows.

        Returns
        -------
        array of bool or None
            (N,), which rows have a finite prediction; None if all have.
        """
        finite = self.finite(outputs)
        if finite is not None:
            rows = np.flatnonzero(~finite)
            self.count += len(rows)
            self._some += (rows[: SHOWN - len(self._some)] + self.rows).tolist()
            self._cause = self._cause or self._find_cause(inputs[rows])
        self.rows += len(outputs)
        return finite

    def check(self, way_out: str = WAY_OUT) -> None:
        """Refuse rows without a finite prediction.

        Raises
        ------
        NotFiniteError
            If there are any.
        """
        if self.count:
            raise NotFiniteError(
                f"{self.message()}\nWay out: look at the part and at those rows{way_out}.",
                rows=tuple(self._some),
                count=self.count,
            )

    def message(self) -> str:
        """Say which rows they are, and why."""
        named = ", ".join(str(row + self.first) for row in self._some)
        if self.count > len(self._some):
            named += f" and {self.count - len(self._some):,} more"
        word = "row" if self.count == 1 else "rows"
        return (
            f"{self.source}: {self.count:,} of {count_of(self.rows, 'prediction')} "
            f"{'is not a finite number' if self.count == 1 else 'are not finite numbers'}: "
            f"{word} {named}, counted from {self.first}.\n{self._cause}"
        )

    def _find_cause(self, inputs: AnyArray) -> str:
        places = (network.first_nonfinite(inputs) for network in self.networks)
        found = next((place for place in places if place is not None), None)
        if found is None:
            return "The network's outputs are finite, but too large for the target's unit."
        layer, what = found
        return (
            f"The {what} of layer {layer.name!r} ({layer.part.kind} {layer.part.name!r}) are not "
            "finite there."
        )
