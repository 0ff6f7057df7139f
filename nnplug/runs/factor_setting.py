"""What the settings `rate` and `decay` take."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from nnplug.runs.setting_kinds import Kind

__all__ = ["Factors"]


class Factors(Kind):
    """Factors by patterns of names: `*.bias=0.1`, several with commas between them."""

    metavar = "PATTERN=FACTOR"
    repeated = True
    _power = re.compile(r"fan_in\^-?\d+(\.\d+)?")
    _reason = (
        "it must be factors, at least 0 or a power of an array's inputs, by names of arrays, as "
        "'*.bias=0.1' or '*.weight=fan_in^-0.5'"
    )

    def parse(self, text: str) -> dict[str, float | str]:
        """Read the factors."""
        found: dict[str, float | str] = {}
        try:
            for item in text.split(","):
                name, _, factor = (piece.strip() for piece in item.rpartition("="))
                found[name] = factor if self._power.fullmatch(factor) else float(factor)
        except ValueError:
            raise ValueError(self._reason) from None
        return self.check(found)

    def check(self, value: Any) -> dict[str, float | str]:
        """Check a mapping, or several that were given one after the other."""
        if isinstance(value, list | tuple):
            value = {key: factor for some in value for key, factor in self.check(some).items()}
        if not isinstance(value, Mapping):
            raise ValueError(self._reason)
        found: dict[str, float | str] = {}
        for pattern, factor in value.items():
            power = isinstance(factor, str) and self._power.fullmatch(factor)
            number = (
                isinstance(factor, int | float)
                and not isinstance(factor, bool)
                and 0 <= factor < math.inf
            )
            if not (isinstance(pattern, str) and pattern) or not (power or number):
                raise ValueError(self._reason)
            found[pattern] = factor if isinstance(factor, str) else float(factor)
        return found
