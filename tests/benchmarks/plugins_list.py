"""Measure what installed packages cost `nnplug plugins list`.

    python -m tests.benchmarks.plugins_list [RUNS]

Two environments, one with nnplug alone and one with forty packages of five
parts each, take turns. Allowed is 1.5 of the time without any package, and a
millisecond for each.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.plugins.environments import Environment, build_wheels, run
from tests.plugins.many import PACKAGES, write_many

COMMANDS = {
    "plugins list": ("plugins", "list"),
    "plugins list --json": ("plugins", "list", "--json"),
    "train xor --epochs 5": ("train", "xor", "--epochs", "5"),
}
SHARE, MILLISECONDS = 1.5, 1.0


def seconds(environment: Environment, command: tuple[str, ...]) -> float:
    start = time.perf_counter()
    run(environment.bin / "nnplug", *command, cwd=environment.folder)
    return time.perf_counter() - start


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "wheels").mkdir()
        wheels = build_wheels(folder / "wheels")
        places = [folder / "none", folder / "many"]
        for place in places:
            place.mkdir()
        none = Environment(places[0], wheels)
        many = Environment(places[1], wheels, *write_many(folder / "packages"))
        for title, command in COMMANDS.items():
            seconds(none, command), seconds(many, command)  # files are in the cache from now on
            pairs = [(seconds(none, command), seconds(many, command)) for _ in range(runs)]
            without, with_all = (median(column) * 1000 for column in zip(*pairs, strict=True))
            ratio = median(b / a for a, b in pairs)
            allowed = SHARE * without + MILLISECONDS * PACKAGES
            print(
                f"{title}: {without:.0f} ms with no package, {with_all:.0f} ms with {PACKAGES}, "
                f"ratio {ratio:.2f}; allowed {allowed:.0f} ms "
                f"({'met' if with_all <= allowed else 'NOT MET'}); {runs} runs"
            )


if __name__ == "__main__":
    main()
