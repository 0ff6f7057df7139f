"""The curves of a run that may take for ever, in constant memory."""

from __future__ import annotations

__all__ = ["Curve"]

MOST = 240
"""The most points that a curve keeps; then every second one is dropped."""


Point = tuple[float, float | None, float | None, float | None]
"""An epoch, and the numbers at its end."""


class Curve:
    """Numbers by epoch, ever more widely apart as they become many.

    Examples
    --------
    >>> curve = Curve()
    >>> for epoch in range(1000):
    ...     curve.add(float(epoch), 0.5, None, None)
    >>> len(curve.points) <= 240, curve.points[0][0], curve.points[-1][0]
    (True, 0.0, 999.0)
    """

    def __init__(self) -> None:
        self.points: list[Point] = []
        self._apart = 0.0

    def add(
        self, epoch: float, train: float | None, test: float | None, metric: float | None
    ) -> None:
        """Add a point; the last one is replaced while it is too near to the one before."""
        points = self.points
        gaps = [] if len(points) < 2 else [points[-1][0] - points[-2][0]]
        if points and (points[-1][0] == epoch or (gaps and gaps[0] < self._apart)):
            points.pop()
        points.append((epoch, train, test, metric))
        if len(points) >= MOST:
            self.points = points[:-1:2] + points[-1:]
            self._apart = 2 * (epoch - points[0][0]) / MOST
