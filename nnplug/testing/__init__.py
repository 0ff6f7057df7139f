"""The conformance kit: checks that a part does what its kind promises.

One call runs the checks of a part's kind:

    import nnplug.testing
    from my_package import mish

    @nnplug.testing.parametrize(mish)
    def test_conformance(check):
        check()

Each check is a test with its own name, such as `mish-derivative`. If it fails,
it says where: the point, what the part gives and what was expected. Outside
pytest, `nnplug.testing.run(mish)` returns a report. A check that is known to
fail is declared with the reason, and counts as a failure once it passes.

Names are imported when they are first used, since pytest imports this package
at every start, for its fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnplug.lazy import lazy_names

if TYPE_CHECKING:
    from nnplug.testing.failure import CheckFailure as CheckFailure
    from nnplug.testing.kit import SUITES as SUITES
    from nnplug.testing.kit import Check as Check
    from nnplug.testing.kit import Report as Report
    from nnplug.testing.kit import Result as Result
    from nnplug.testing.kit import checks as checks
    from nnplug.testing.kit import run as run
    from nnplug.testing.marks import parametrize as parametrize

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "nnplug.testing.failure": ("CheckFailure",),
        "nnplug.testing.kit": ("SUITES", "Check", "Report", "Result", "checks", "run"),
        "nnplug.testing.marks": ("parametrize",),
    },
)

__all__ = [
    "SUITES",
    "Check",
    "CheckFailure",
    "Report",
    "Result",
    "checks",
    "parametrize",
    "run",
]
