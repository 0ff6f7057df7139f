"""The command `python -m tests.mutation`."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.mutation.places import Place, find_places, modules
from tests.mutation.record import Recorder, Records
from tests.mutation.trials import Child, Outcome, prepare, run_tests

DEFAULT = ["formulas", "plans", "engines", "training", "models", "runs/keeping.py"]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="files or folders below the root")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[2])
    parser.add_argument("--places", type=int, default=300, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--seconds", type=float, default=10, help="of tests for a place")
    parser.add_argument(
        "--patience", type=float, default=20, help="seconds of a processor before a hang is one"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=0, help="stop after so many")
    parser.add_argument("--results", type=Path, help="a file that is gone on with")
    parser.add_argument("--without", nargs="*", default=[], help="files of tests, as patterns")
    parser.add_argument("--as-recorded", action="store_true", help="record no further tests")
    parser.add_argument("--list", action="store_true", help="only show the places")
    cache = Path(tempfile.gettempdir()) / "nnplug-mutation"
    parser.add_argument("--cache", type=Path, default=cache, help="records of the tests")
    return parser.parse_args(arguments)


class Workers:
    """Two copies of the tree, each with one child at a time."""

    def __init__(self, root: Path, folder: Path, cache: Path, count: int) -> None:
        self.root, self.folder, self.cache = root, folder, cache
        self.copies = [folder / str(number) for number in range(count)]
        for copy in self.copies:
            prepare(root, copy)

    def each(
        self,
        works: Iterable[object],
        begin: Callable[[object, Path, Path], Child],
        end: Callable[[object, Path, Path, Child], None],
    ) -> None:
        """Do works, in any order: begin each in a copy that is free."""
        works, running = iter(works), {}
        try:
            while True:
                for copy in self.copies:
                    if copy in running:
                        work, child = running[copy]
                        if not child.done():
                            continue
                        del running[copy]
                        end(work, copy, self.note(copy), child)
                    if (work := next(works, None)) is not None:
                        running[copy] = work, begin(work, copy, self.note(copy))
                if not running:
                    return
                time.sleep(0.02)
        finally:
            for _, child in running.values():
                child.stop()

    def note(self, copy: Path) -> Path:
        """The file in which a child says what came out."""
        return copy.with_suffix(".note")

    def log(self, copy: Path) -> Path:
        return copy.with_suffix(".log")


def record(workers: Workers, records: Records, until: float) -> None:
    """Run the files of tests that have no record yet."""

    def files():
        for file in records.missing():
            if time.monotonic() < until:
                yield file

    def begin(file, copy, note):
        run = run_tests(copy, workers.cache, [file], Recorder(copy, note), workers.log(copy))
        note.unlink(missing_ok=True)
        return Child(run, 240)

    def end(file, copy, note, child):
        log = workers.log(copy).read_text(errors="replace")
        failed = "" if re.search(r"\d (failed|error)", log) is None else ", UP TO A FAILURE"
        print(f"{file}: recorded in {child.seconds:.0f} s{failed}", flush=True)
        records.write(file, note)

    records.folder.mkdir(parents=True, exist_ok=True)
    workers.each(files(), begin, end)


def try_places(
    workers: Workers,
    records: Records,
    places: list[Place],
    options: argparse.Namespace,
    until: float,
    note_down: Callable[..., None],
) -> None:
    """Break one place at a time and run the tests that belong to it."""

    times = itertools.count(10**9)

    def works():
        for place in places:
            if time.monotonic() > until:
                return
            if chosen := records.choose(place, options.seconds):
                yield place, chosen
            else:
                note_down(place, "survived", "no test runs it", 0.0)

    def begin(work, copy, note):
        place, chosen = work
        path = copy / place.path
        path.write_bytes(place.broken((workers.root / place.path).read_bytes()))
        # Python tells compiled files that are out of date by whole seconds.
        os.utime(path, (next(times), next(times)))
        plugin = Outcome(note, [test.nodeid for test in chosen])
        files = list(dict.fromkeys(test.file for test in chosen))
        limit = options.patience + 4 * sum(test.seconds for test in chosen)
        return Child(run_tests(copy, workers.cache, files, plugin, workers.log(copy)), limit)

    def end(work, copy, note, child):
        place, chosen = work
        shutil.copy2(workers.root / place.path, copy / place.path)
        outcome, _, test = note.read_text().partition(" ")
        if outcome == "survived":
            test = f"{len(chosen)} tests"
            if child.hung:
                outcome = "hang"
            elif "passed" not in workers.log(copy).read_text(errors="replace"):
                outcome, test = "crash", "before any test"
        note_down(place, outcome, test, child.seconds)

    workers.each(works(), begin, end)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    root = options.root.resolve()
    until = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    names = options.modules or [f"nnplug/{name}" for name in DEFAULT]
    places = [
        place
        for path in modules(root, names)
        for place in find_places(path, (root / path).read_bytes())
    ]
    drawn = random.Random(options.seed).sample(places, min(options.places, len(places)))
    print(f"{len(places):,} places, {len(drawn)} drawn", flush=True)
    if options.list:
        print(*(place.name for place in drawn), sep="\n")
        return 0
    done: dict[str, tuple[str, str, float]] = {}
    if options.results and options.results.exists():
        done = {name: tuple(rest) for name, *rest in map(json.loads, options.results.open())}

    def note_down(place: Place, *outcome) -> None:
        done[place.name] = outcome
        print(f"{outcome[0]:9}  {outcome[2]:5.1f} s  {place.name}  ({outcome[1]})", flush=True)
        if options.results:
            with options.results.open("a") as file:
                file.write(json.dumps([place.name, *outcome]) + "\n")

    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        # Loops are kept under their source, so those of a broken place are others.
        workers = Workers(root, Path(folder), options.cache / "machine-code", options.workers)
        records = Records(root, options.cache, options.without)
        if not options.as_recorded:
            record(workers, records, until)
        records.read()
        left = [place for place in drawn if place.name not in done]
        try_places(workers, records, left, options, until, note_down)

    found = {place.name: done[place.name] for place in drawn if place.name in done}
    count = Counter(outcome for outcome, *_ in found.values())
    print("\nWhat survived:")
    print(
        *(
            f"  {name}  ({said})"
            for name, (outcome, said, _) in found.items()
            if outcome == "survived"
        ),
        sep="\n",
    )
    caught = len(found) - count["survived"]
    print(
        f"{len(found)} of {len(drawn)} places: {caught} caught"
        f" ({100 * caught / max(1, len(found)):.1f} %), {count['assertion']} by an assertion,"
        f" {count['crash']} by a crash, {count['hang']} by the time limit"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
