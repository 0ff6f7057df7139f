"""The checks as tests of pytest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from nnplug.errors import SettingError, suggest
from nnplug.parts import Part
from nnplug.testing.failure import CheckFailure
from nnplug.testing.kit import SUITES, Check, checks

__all__ = ["parametrize"]


def parametrize(
    *parts: Part,
    engine: str | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> pytest.MarkDecorator:
    """Make a test that takes `check` run once for each check of each part.

    Parameters
    ----------
    *parts : Part
    engine : str, optional
        See `nnplug.testing.run`.
    expected_failures : mapping of str to str, optional
        For the name of a check (`"minimum"`, of every part that has it) or its
        id (`"pinball-minimum"`), the reason why it is known to fail, in addition
        to those that the parts declare themselves. If such a check passes, its
        test fails.

    Raises
    ------
    SettingError
        If there is no such check, or no reason is given.

    Examples
    --------
    >>> from nnplug.builtin.activations import relu, tanh
    >>> @parametrize(relu, tanh)
    ... def test_conformance(check):
    ...     check()
    """
    reasons = dict(expected_failures or {})
    suite = [check for part in parts for check in checks(part, engine=engine)]
    ids = [check.id for check in suite]
    for key in reasons:
        if key not in ids and all(key != check.name for check in suite):
            raise SettingError(
                f"expected_failures: there is no check {key!r} of these parts."
                f"{suggest(key, ids)}\nThe names are those of nnplug.testing.SUITES, or "
                f"part-name, such as {ids[0] if ids else 'mish-derivative'}."
            )
    # An activation and a loss may share a name; two tests may not share an id.
    repeated = {id_ for id_, count in Counter(ids).items() if count > 1}
    found = []
    for part in parts:
        own = {
            name: reasons.get(f"{part.name}-{name}", reasons.get(name, ""))
            for name in SUITES[part.kind]
            if f"{part.name}-{name}" in reasons or name in reasons
        }
        found += [
            _test(check, repeated) for check in checks(part, engine=engine, expected_failures=own)
        ]
    return pytest.mark.parametrize("check", found)


def _test(check: Check, repeated: set[str]) -> object:
    id_ = f"{check.part.kind}-{check.id}" if check.id in repeated else check.id
    marks = (
        [pytest.mark.xfail(reason=check.reason, raises=CheckFailure, strict=True)]
        if check.reason
        else []
    )
    return pytest.param(check, id=id_, marks=marks)
