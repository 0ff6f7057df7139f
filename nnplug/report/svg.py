"""Charts as SVG: axes with round numbers, lines, dots and bars."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["COLORS", "Chart", "clean", "number", "ticks"]

COLORS = ("#1f5fa8", "#c2410c", "#2f7d32", "#7b3fa0", "#8a6d00", "#0f7a80", "#a81f5f", "#555555")
"""Dark enough for white paper, and told apart by people who do not see red and green alike."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 28, 42


def clean(text: object) -> str:
    """Make text safe for HTML: escaped, and without signs that no page may hold."""
    kept = (each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}"
            for each in str(text))  # fmt: skip
    return escape("".join(kept), quote=True)


def number(value: float) -> str:
    """Write a number shortly."""
    return f"{value:.4g}"


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Choose round numbers between two, some five of them.

    Examples
    --------
    >>> ticks(0, 97)
    [0, 20, 40, 60, 80]
    """
    raw = (high - low) / about
    if not 0 < raw < math.inf:
        return [low]
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * each for each in (1, 2, 5, 10) if raw <= unit * each)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # A multiple of a power of ten below one is no round number: a quotient is.
    found = [
        place * step if step >= 1 else place / round(1 / step) for place in range(first, last + 1)
    ]
    return [int(each) if each == int(each) else each for each in found]


class Chart:
    """A picture with two axes.

    Parameters
    ----------
    x, y : tuple of float
        The ranges.
    labels : tuple of str
        Of the axes.
    log : bool, optional
        Whether y is shown by its logarithm; it is then above 0.
    """

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        labels: tuple[str, str],
        *,
        width: int = 460,
        height: int = 300,
        log: bool = False,
    ) -> None:
        self.log = log
        self.x, self.y = _wider(*x), _wider(*(map(math.log10, y) if log else y))
        self.width, self.height, self.labels = width, height, labels
        self.marks: list[str] = []
        self.keys: list[tuple[str, str]] = []

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Bring a point to the picture's own units."""
        y = math.log10(y) if self.log else y
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        inner_width = self.width - _LEFT - _RIGHT
        inner_height = self.height - _TOP - _BOTTOM
        return _LEFT + across * inner_width, _TOP + (1 - up) * inner_height

    def line(
        self, points: Iterable[tuple[float, float]], color: str, key: str = "", *, dash: str = ""
    ) -> None:
        """Draw a line through points; where one is not finite it is interrupted."""
        pieces: list[list[str]] = [[]]
        for x, y in points:
            if not math.isfinite(y) or (self.log and y <= 0):
                pieces.append([])
                continue
            across, down = self.place(x, y)
            pieces[-1].append(f"{across:.1f},{down:.1f}")
        style = f' stroke-dasharray="{dash}"' if dash else ""
        for piece in filter(None, pieces):
            if len(piece) == 1:
                cx, cy = piece[0].split(",")
                self.marks.append(f'<circle cx="{cx}" cy="{cy}" r="2.5" fill="{color}"/>')
            else:
                self.marks.append(
                    f'<polyline points="{" ".join(piece)}" fill="none" stroke="{color}" '
                    f'stroke-width="1.8"{style}/>'
                )
        if key:
            self.keys.append((key, color))

    def dots(self, points: Iterable[tuple[float, float]], color: str, *, size: float = 2.2) -> None:
        """Draw points, half transparent, so that many are seen as many."""
        for x, y in points:
            across, down = self.place(x, y)
            self.marks.append(
                f'<circle cx="{across:.1f}" cy="{down:.1f}" r="{size}" fill="{color}" '
                'fill-opacity="0.45"/>'
            )

    def bar(self, x: tuple[float, float], height: float, color: str) -> None:
        """Draw a bar that stands on the lower axis."""
        left, top = self.place(x[0], height)
        right, bottom = self.place(x[1], self.y[0])
        self.marks.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(right - left - 1, 1):.1f}" '
            f'height="{max(bottom - top, 0):.1f}" fill="{color}"/>'
        )

    def to_svg(self, title: str) -> str:
        """Write the picture; the title is what a screen reader says."""
        left, bottom = _LEFT, self.height - _BOTTOM
        right = self.width - _RIGHT
        parts = [
            f'<svg viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'height="{self.height}" role="img" aria-label="{clean(title)}">',
            f'<rect x="{left}" y="{_TOP}" width="{right - left}" height="{bottom - _TOP}" '
            'fill="none" stroke="#999999"/>',
        ]
        for value in ticks(*self.x):
            across = self.place(value, self._bottom)[0]
            parts.append(_rule(across, bottom, across, bottom + 4))
            parts.append(_text(across, bottom + 17, number(value), "middle"))
        for value, label in self._levels():
            down = self.place(self.x[0], value)[1]
            parts.append(_rule(left, down, right, down, faint=True))
            parts.append(_text(left - 6, down + 4, label, "end"))
        parts += self.marks
        parts.append(_text((left + right) / 2, self.height - 8, self.labels[0], "middle"))
        middle = (_TOP + bottom) / 2
        parts.append(
            f'<text x="14" y="{middle:.1f}" text-anchor="middle" '
            f'transform="rotate(-90 14 {middle:.1f})">{clean(self.labels[1])}</text>'
        )
        across = float(left)
        for key, color in self.keys:
            short = key if len(key) < 22 else key[:20] + "…"
            parts.append(
                f'<line x1="{across:.1f}" y1="14" x2="{across + 20:.1f}" y2="14" '
                f'stroke="{color}" stroke-width="3"/>'
            )
            parts.append(_text(across + 25, 18, short))
            across += 42 + 7 * len(short)
        return "\n".join([*parts, "</svg>"])

    @property
    def _bottom(self) -> float:
        return 10.0 ** self.y[0] if self.log else self.y[0]

    def _levels(self) -> Sequence[tuple[float, str]]:
        if not self.log:
            return [(each, number(each)) for each in ticks(*self.y)]
        whole = range(math.ceil(self.y[0]), math.floor(self.y[1]) + 1)
        step = max(1, len(whole) // 6)
        return [(10.0**each, f"1e{each}") for each in whole[::step]]


def _wider(low: float, high: float) -> tuple[float, float]:
    """Leave room for a range of no width."""
    if high > low:
        return low, high
    room = abs(low) / 2 or 1.0
    return low - room, high + room


def _rule(x1: float, y1: float, x2: float, y2: float, *, faint: bool = False) -> str:
    color = "#e4e4e4" if faint else "#999999"
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{clean(text)}</text>'
