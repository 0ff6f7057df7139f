"""What the setting `encoding` takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nnplug.runs.setting_kinds import Kind

__all__ = ["Encodings"]

_ENCODING = re.compile(r"\s*(?:[\w.-]+/)?[A-Za-z][\w-]*(?:\[[^\]]*\]|:)")
"""How a text begins that has an equals sign in the option of a part."""


class Encodings(Kind):
    """Encodings of all columns, or of one: `robust_clip` or `price=robust_clip[log]`."""

    metavar = "[COLUMN=]PARTS"
    repeated = True
    _reason = (
        "it must be encodings by their text form, as 'piecewise_linear:bins=16 robust_clip', or "
        "those of a column, as 'price=robust_clip[log]'"
    )

    def parse(self, text: str) -> dict[str, str]:
        """Read encodings; before an equals sign that is not an option's stands a column."""
        column, equals, parts = text.partition("=")
        named = bool(equals) and not _ENCODING.match(text)
        return self.check({column.strip(): parts} if named else {"*": text})

    def check(self, value: Any) -> dict[str, Any]:
        """Check a text or part for all columns, a mapping by columns, or several of them."""
        if isinstance(value, list | tuple):
            found: dict[str, Any] = {}
            for given in value:
                some = self.check(self.parse(given) if isinstance(given, str) else given)
                if twice := next(iter(found.keys() & some), ""):
                    what = "all columns" if twice == "*" else f"column {twice!r}"
                    raise ValueError(f"it must give the encodings of {what} once")
                found |= some
            return found
        by_column = value if isinstance(value, Mapping) else {"*": value}
        for column, given in by_column.items():
            part = getattr(given, "kind", "") == "encoding"
            if not isinstance(column, str) or not (part or (isinstance(given, str) and given)):
                raise ValueError(self._reason)
        return dict(by_column)
