"""How the files of reference values are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write_json(place: Path, content: Any) -> None:
    """Write numbers to the last bit, one innermost list a line, so that changes can be read."""
    place.write_text(_text(content, "") + "\n", encoding="utf-8")


def _text(content: Any, indent: str) -> str:
    inner = indent + " "
    if isinstance(content, dict) and any(
        isinstance(each, dict | list) for each in content.values()
    ):
        lines = [f"{json.dumps(key)}: {_text(value, inner)}" for key, value in content.items()]
        brackets = "{}"
    elif isinstance(content, list | tuple) and any(
        isinstance(each, dict | list | tuple) for each in content
    ):
        lines, brackets = [_text(each, inner) for each in content], "[]"
    else:
        return json.dumps(content, ensure_ascii=False)
    return f"{brackets[0]}\n{inner}" + f",\n{inner}".join(lines) + f"\n{indent}{brackets[1]}"
