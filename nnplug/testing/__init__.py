"""The conformance kit: whether a part does what its kind promises.

One call gives one suite for each kind of part:

    import nnplug.testing
    from my_package import mish

    @nnplug.testing.parametrize(mish)
    def test_conformance(check):
        check()

Each check is a test with its own name, such as `mish-derivative`, and says
where a part is wrong: the point, what the part gives, what is right. Outside
pytest, `nnplug.testing.run(mish)` gives a report. A check that is known to
fail is declared with its reason, and is a failure once it passes.

Names are imported when they are first used: pytest imports this package at
every start, for its fixture.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnplug.testing.failure import CheckFailure as CheckFailure
    from nnplug.testing.kit import SUITES as SUITES
    from nnplug.testing.kit import Check as Check
    from nnplug.testing.kit import Report as Report
    from nnplug.testing.kit import Result as Result
    from nnplug.testing.kit import checks as checks
    from nnplug.testing.kit import run as run
    from nnplug.testing.marks import parametrize as parametrize

_HOMES = {
    "CheckFailure": "nnplug.testing.failure",
    "parametrize": "nnplug.testing.marks",
    **dict.fromkeys(("SUITES", "Check", "Report", "Result", "checks", "run"), "nnplug.testing.kit"),
}

__all__ = [*_HOMES]  # noqa: PLE0604  # names are strings


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'nnplug.testing' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
