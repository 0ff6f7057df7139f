"""The contenders, one module each; a new one is one more file here.

A contender module has

- `TITLE`, its name in the tables, and `RANK`, its place there;
- `PACKAGES`, the distributions that it needs, for their versions;
- `supports(work)`, whether it can do exactly that work;
- `run(work, arrays, clock)`, which does it and returns the last epoch's mean
  loss, each batch before its step. It imports its library within
  `clock("import")`, gets ready within `clock("plan")` and trains within
  `clock("loop")`. `arrays` has `inputs`, `targets` and, for each layer from
  0, `weight0`, `bias0`, ...; `work.order(epoch, rows)` is the order of rows;

and, where they say something,

- `predictor(work, arrays, clock)`, which gives a function from rows, a NumPy
  array, to the class of each, another;
- `clock("trace")` within `run`, for the part of getting ready that is tracing,
  planning and compiling;
- `KEEPS_COMPILED`, true if a second run finds on disk what the first compiled;
- `AGREES`, how closely its loss in float64 agrees with nnplug's, if not to
  `training.AGREES`, with the reason.

The module itself imports no library: the harness imports all contenders.
"""

from __future__ import annotations

import pkgutil
import sys
from functools import cache
from importlib import import_module, metadata
from types import ModuleType


@cache
def contenders() -> dict[str, ModuleType]:
    """Import every contender whose packages are installed, in the order of the tables."""
    found = {
        module.name: import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    }
    for name, contender in list(found.items()):
        missing = [package for package in contender.PACKAGES if not _installed(package)]
        if missing:
            print(
                f"{contender.TITLE} takes no part: {', '.join(missing)} is not installed; "
                'pip install -e ".[bench]"',
                file=sys.stderr,
            )
            del found[name]
    return dict(sorted(found.items(), key=lambda item: (item[1].RANK, item[0])))


def _installed(package: str) -> bool:
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False
