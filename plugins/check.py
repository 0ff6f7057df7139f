"""Checks every part of the packages here and notes the outcome for the documentation.

    python -m plugins.check [PACKAGE...]

A part whose formula is as it was when it was last checked is left out, so a run
that was stopped goes on where it was. Times are those of the machine that it
runs on, beside the built-in part whose formula costs about the same.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Collection
from pathlib import Path

from nnplug.errors import NnplugError
from nnplug.parts import Part
from nnplug.plugins.registry import Registry
from nnplug.testing.kit import checks, run_check
from nnplug.testing.report import passed_in
from nnplug.testing.speed import times
from plugins.packages import FOLDER, packages

__all__ = ["FILE", "check_packages", "digest_of", "outcomes"]

FILE = FOLDER / "checked.tsv"
_COLUMNS = ("package", "kind", "name", "digest", "engines", "failed", "times")

Outcome = dict[str, str]
"""A line of the file."""


def outcomes(path: Path = FILE) -> dict[tuple[str, str, str], Outcome]:
    """Read the file: by package, kind and name."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {(row["package"], row["kind"], row["name"]): row for row in rows}


def check_packages(names: Collection[str] = (), path: Path = FILE) -> int:
    """Check the parts that have changed, write the file after each, and count the failures."""
    found = outcomes(path)
    there = {}
    for package in packages():
        for part, _ in package.parts():
            key = package.name, part.kind, part.name
            if (not names or package.name in names) and found.get(key, {}).get("digest") != (
                digest_of(part)
            ):
                found[key] = _check(package.name, part)
                sys.stdout.write(f"{' '.join(key)}: {found[key]['failed'] or 'passed'}\n")
                _write(found, path)
            there[key] = found.get(key)
    _write({key: row for key, row in there.items() if row}, path)
    return sum(bool(row and row["failed"]) for row in there.values())


def digest_of(part: Part) -> str:
    """Shorten the digest of a part's formula; it is empty for one that cannot be traced."""
    try:
        return part.digest[:16]
    except NnplugError:
        return ""


def _check(package: str, part: Part) -> Outcome:
    suite = checks(part)
    results = [run_check(check) for check in suite]
    record = {
        "engines": sorted({engine.name for check in suite for engine in check.engines}),
        "checks": [{"outcome": each.outcome, "only_in": each.only_in} for each in results],
    }
    measured = times(part, Registry(allowed=()))
    values = (
        package, part.kind, part.name, digest_of(part), ", ".join(passed_in(record)),
        ", ".join(each.name for each in results if not each.ok),
        ", ".join(f"{engine}: {ratio:.2f} of {beside}" for engine, beside, ratio in measured),
    )  # fmt: skip
    return dict(zip(_COLUMNS, values, strict=True))


def _write(found: dict[tuple[str, str, str], Outcome], path: Path) -> None:
    lines = ["\t".join(_COLUMNS)]
    lines += ["\t".join(found[key][name] for name in _COLUMNS) for key in sorted(found)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(min(check_packages(sys.argv[1:]), 1))
