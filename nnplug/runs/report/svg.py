"""Charts as SVG: axes with round numbers, lines, dots and bars."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from nnplug.untrusted import clean

__all__ = [
    "COLORS",
    "DARK",
    "INKS",
    "LIGHT",
    "PALE",
    "STYLE",
    "Chart",
    "clean",
    "folding",
    "number",
    "ticks",
]

COLORS = ("#1f5fa8", "#c2410c", "#2f7d32", "#7b3fa0", "#8a6d00", "#0f7a80", "#a81f5f", "#555555")
"""Dark enough for white paper, and distinct for people who confuse red and green."""
_ON_DARK = ("#7db3f0", "#ff9466", "#77c97b", "#c79be6", "#d9b84a", "#5cc5cc", "#f08ab5", "#b5b5b5")

INKS = tuple(f"k{place}" for place in range(len(COLORS)))
"""The CSS classes that give a mark one of the colours, whether the screen is light or dark."""
PALE = "pale"
"""The CSS class of what stands behind the data."""


def _inks(colors: Sequence[str]) -> str:
    return " ".join(f"--{ink}: {color};" for ink, color in zip(INKS, colors, strict=True))


LIGHT, DARK = _inks(COLORS), _inks(_ON_DARK)
"""The colours for a light and for a dark screen, as declarations."""

STYLE = f"""
{" ".join(f".{ink} {{ --ink: var(--{ink}); }}" for ink in INKS)} .{PALE} {{ --ink: var(--frame); }}
svg.chart {{ width: 100%; max-width: 30rem; height: auto; }}
svg.chart text {{ font: 12px system-ui, sans-serif; fill: var(--text); }}
svg.chart line {{ stroke: var(--frame); }}
svg.chart line.faint {{ stroke: var(--faint); }}
svg.chart polyline {{ fill: none; stroke: var(--ink); stroke-width: 1.8; }}
svg.chart :is(circle, rect, path) {{ fill: var(--ink); }}
svg.chart rect.frame {{ fill: none; stroke: var(--frame); }}
ul.keys {{ list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1.2rem;
          padding-left: 1.9rem; margin: .2rem 0 0; }}
ul.keys span {{ display: inline-block; width: 1.3em; height: .3em; margin: 0 .5em .2em 0;
               background: var(--ink); }}
"""
"""How charts look; the page around them declares the colours, --text, --frame and --faint."""

_RIGHT, _TOP, _BOTTOM = 14, 10, 42
_LETTER = 7.2
"""About the width of a letter or digit of a sans-serif font at 12 px."""


_SEPARATORS = re.compile(r"(?<=[^\s_/\\.,:;=+-][_/\\.,:;=+-])(?=[^\s_/\\.,:;=+-])")


def folding(text: object) -> str:
    """Make text safe for HTML, with a place to break the line after each separator.

    Examples
    --------
    >>> folding("area_in_m<2>")
    'area_<wbr>in_<wbr>m&lt;2&gt;'
    """
    return "<wbr>".join(clean(piece) for piece in _SEPARATORS.split(str(text)))


def number(value: float) -> str:
    """Write a number with four digits.

    Examples
    --------
    >>> number(28271.3), number(0.0271), number(2.5e-7)
    ('28,270', '0.0271', '2.5e-07')
    """
    short = f"{value:.4g}"
    return f"{float(short):,.0f}" if 1e3 <= abs(float(short)) < 1e7 else short


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Choose round numbers between two limits, about five of them.

    Examples
    --------
    >>> ticks(0, 97)
    [0, 20, 40, 60, 80]
    """
    raw = (high - low) / about
    if not 0 < raw < math.inf:
        return [low]
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if raw <= unit * factor)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # Below one, a multiple of the step is not exactly the decimal; a quotient is.
    found = [
        place * step if step >= 1 else place / round(1 / step) for place in range(first, last + 1)
    ]
    return [int(value) if value == int(value) else value for value in found]


class Chart:
    """A picture with two axes.

    Parameters
    ----------
    x, y : tuple of float
        The ranges.
    labels : tuple of str
        Of the axes.
    log : bool, optional
        Whether y has a logarithmic scale; it must then be above 0.
    ticks_x, ticks_y : sequence of tuple, optional
        Places on an axis and what to write there, in place of round numbers.
    """

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        labels: tuple[str, str],
        *,
        width: int = 420,
        height: int = 300,
        log: bool = False,
        ticks_x: Sequence[tuple[float, str]] | None = None,
        ticks_y: Sequence[tuple[float, str]] | None = None,
    ) -> None:
        self.log, self.ticks_x = log, ticks_x
        self.x, self.y = _wider(*x), _wider(*(map(math.log10, y) if log else y))
        self.width, self.height, self.labels = width, height, labels
        self.levels = self._levels() if ticks_y is None else ticks_y
        longest = max((len(label) for _, label in self.levels), default=1)
        self.left = round(30 + _LETTER * longest)
        self.marks: list[str] = []
        self.keys: list[tuple[str, str]] = []

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Bring a point to the picture's own units."""
        y = math.log10(y) if self.log else y
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        inner_width = self.width - self.left - _RIGHT
        inner_height = self.height - _TOP - _BOTTOM
        return self.left + across * inner_width, _TOP + (1 - up) * inner_height

    def key(self, ink: str, text: str) -> None:
        """Say in the legend what has a colour."""
        self.keys.append((ink, text))

    def line(self, points: Iterable[tuple[float, float]], ink: str, *, dash: str = "") -> None:
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
                self.marks.append(f'<circle class="{ink}" cx="{cx}" cy="{cy}" r="2.5"/>')
            else:
                self.marks.append(f'<polyline class="{ink}" points="{" ".join(piece)}"{style}/>')

    def dots(
        self,
        points: Iterable[tuple[float, float]],
        ink: str,
        *,
        size: float = 2.2,
        opacity: float = 0.45,
    ) -> None:
        """Draw points, half transparent, so that crowded ones look darker."""
        for x, y in points:
            across, down = self.place(x, y)
            self.marks.append(
                f'<circle class="{ink}" cx="{across:.1f}" cy="{down:.1f}" r="{size}" '
                f'fill-opacity="{opacity}"/>'
            )

    def bar(self, x: tuple[float, float], height: float, ink: str) -> None:
        """Draw a bar that stands on the lower axis."""
        left, top = self.place(x[0], height)
        right, bottom = self.place(x[1], self.y[0])
        self.marks.append(
            f'<rect class="{ink}" x="{left:.1f}" y="{top:.1f}" '
            f'width="{max(right - left - 1, 1):.1f}" height="{max(bottom - top, 0):.1f}"/>'
        )

    def area(self, pieces: Iterable[tuple[float, float, float, float]], ink: str) -> None:
        """Colour an area faintly; it consists of rectangles: left, right, bottom, top."""
        drawn = []
        for left, right, bottom, top in pieces:
            (x1, y1), (x2, y2) = self.place(left, bottom), self.place(right, top)
            drawn.append(f"M{x1:.1f} {y1:.1f}H{x2:.1f}V{y2:.1f}H{x1:.1f}z")
        # One path: separate rectangles are darker where rounding makes them overlap.
        self.marks.append(
            f'<path class="{ink}" d="{"".join(drawn)}" fill-opacity="0.25" '
            'shape-rendering="crispEdges"/>'
        )

    def band(self, points: Iterable[tuple[float, float, float]], ink: str) -> None:
        """Colour the area between two curves faintly; a point is x, lower y and upper y."""
        points = list(points)
        ends = [(x, low) for x, low, _ in points] + [(x, high) for x, _, high in points[::-1]]
        corners = " ".join("{:.1f} {:.1f}".format(*self.place(*end)) for end in ends)
        self.marks.append(f'<path class="{ink}" d="M{corners}z" fill-opacity="0.15"/>')

    def to_html(self, title: str) -> str:
        """Write the picture and its legend; a screen reader reads the title."""
        left, bottom, right = self.left, self.height - _BOTTOM, self.width - _RIGHT
        parts = [
            f'<svg class="chart" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{clean(title)}">',
            f'<rect class="frame" x="{left}" y="{_TOP}" width="{right - left}" '
            f'height="{bottom - _TOP}"/>',
        ]
        # As many ticks as the widest leaves room for.
        widest = max(len(number(value)) for value in ticks(*self.x)) + 2
        about = max(1, min(5, int((right - left) / (_LETTER * widest))))
        round_numbers = [(value, number(value)) for value in ticks(*self.x, about)]
        for value, label in round_numbers if self.ticks_x is None else self.ticks_x:
            across = self.place(value, self._bottom)[0]
            parts.append(_rule(across, bottom, across, bottom + 4))
            parts.append(_text(across, bottom + 17, label, "middle"))
        for value, label in self.levels:
            down = self.place(self.x[0], value)[1]
            parts.append(_rule(left, down, right, down, faint=True))
            parts.append(_text(left - 6, down + 4, label, "end"))
        parts += self.marks
        across_label, up_label = self.labels
        fits = int((right - left) / _LETTER)
        parts.append(_text((left + right) / 2, self.height - 8, _cut(across_label, fits), "middle"))
        middle = (_TOP + bottom) / 2
        up_label = _cut(up_label, int((bottom - _TOP) / _LETTER))
        parts.append(
            f'<text x="14" y="{middle:.1f}" text-anchor="middle" '
            f'transform="rotate(-90 14 {middle:.1f})">{clean(up_label)}</text>'
        )
        parts.append("</svg>")
        keys = "".join(
            f"<li><span class='{ink}'></span>{folding(text)}</li>" for ink, text in self.keys
        )
        return "\n".join([*parts, *([f"<ul class='keys'>{keys}</ul>"] if keys else [])])

    @property
    def _bottom(self) -> float:
        return 10.0 ** self.y[0] if self.log else self.y[0]

    def _levels(self) -> Sequence[tuple[float, str]]:
        if not self.log:
            return [(value, number(value)) for value in ticks(*self.y)]
        whole = range(math.ceil(self.y[0]), math.floor(self.y[1]) + 1)
        step = max(1, len(whole) // 6)
        return [(10.0**power, number(10.0**power)) for power in whole[::step]]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _wider(low: float, high: float) -> tuple[float, float]:
    """Widen a range that has no width."""
    if high > low:
        return low, high
    room = abs(low) / 2 or 1.0
    return low - room, high + room


def _rule(x1: float, y1: float, x2: float, y2: float, *, faint: bool = False) -> str:
    style = ' class="faint"' if faint else ""
    return f'<line{style} x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{clean(text)}</text>'
