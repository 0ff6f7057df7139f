"""The contenders, one module each; a new one is one more file here.

A contender module has

- `TITLE`, its name in the tables, and `RANK`, its place there;
- `PACKAGES`, the distributions that it needs, for their versions;
- `supports(work)`, whether it can do exactly that work;
- `run(work, arrays, clock)`, which does it and returns the last epoch's mean
  loss, each batch before its step. It imports its library within
  `clock("import")`, gets ready within `clock("plan")` and trains within
  `clock("loop")`. `arrays` has `inputs`, `targets` and, for each layer from
  0, `weight0`, `bias0`, ...; `work.order(epoch, rows)` is the order of rows.

The module itself imports no library: the harness imports all contenders.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType


def contenders() -> dict[str, ModuleType]:
    """Import every contender, in the order of the tables."""
    found = {
        module.name: import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    }
    return dict(sorted(found.items(), key=lambda item: (item[1].RANK, item[0])))
