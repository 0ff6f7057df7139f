"""Writes down which parts could be exported where: run `python -m tests.exporters.record`.

The reference shows it, and a test compares it with what it finds. Everything that
runs exported models must be installed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.exporters import parts, targets
from tests.exporters.test_agreement import TARGETS, part_faults


def main() -> None:
    found: dict[str, dict[str, str]] = {name: {} for name in parts.parts()}
    with tempfile.TemporaryDirectory(prefix="pg-") as server:  # noqa: SIM117  # the server is in it
        with targets.postgresql(Path(server)) as ask:
            for name in TARGETS:
                with tempfile.TemporaryDirectory() as folder:
                    run = targets.runner(name, Path(folder), ask)
                    for part, outcome in part_faults(run, name).items():
                        found[part][name] = " ".join(outcome.split())
    parts.write_record(found, TARGETS)


if __name__ == "__main__":
    main()
