"""The checks of each kind of part, running them, and the report."""

from __future__ import annotations

import inspect
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

import nnplug
from nnplug.engines import Engine
from nnplug.errors import PartError, SettingError, suggest
from nnplug.parts import KINDS, Part
from nnplug.plugins.plugin import find_installed
from nnplug.plugins.registry import Registry
from nnplug.testing import activations, encodings, layers, losses, optimizers, others
from nnplug.testing.engine import engines_for
from nnplug.testing.examples import Suite
from nnplug.testing.failure import CheckFailure, Curve, Wrong

__all__ = ["SUITES", "Check", "Report", "Result", "checks", "run"]

SUITES: dict[str, Suite] = {
    "activation": activations.CHECKS,
    "layer": layers.CHECKS,
    "loss": losses.CHECKS,
    "optimizer": optimizers.CHECKS,
    "initializer": others.INITIALIZERS,
    "schedule": others.SCHEDULES,
    "metric": others.METRICS,
    "dataset": others.DATASETS,
    "recipe": others.RECIPES,
    "encoding": encodings.ENCODINGS,
}
"""The checks of each kind of part, by name."""

Outcome = Literal["passed", "failed", "expected failure", "unexpected pass"]


@dataclass(frozen=True)
class Check:
    """One check of one part; calling it runs it.

    Attributes
    ----------
    name : str
        Such as `"derivative"`.
    part : Part
    function : callable
        Takes the part, and perhaps an engine; raises `Wrong` if it finds something.
    engines : tuple of Engine
        The engines it runs in; empty if it needs none.
    reason : str
        Why it is expected to fail; empty if it is expected to pass.
    provider : str
        The part's package and version; looked up if it is not given.
    """

    name: str
    part: Part
    function: Callable[..., None] = field(repr=False)
    engines: tuple[Engine, ...] = ()
    reason: str = ""
    provider: str = ""

    @property
    def id(self) -> str:
        """The part's name and the check's: `"mish-derivative"`."""
        return f"{self.part.name}-{self.name}"

    @property
    def about(self) -> str:
        """What it checks, in a sentence."""
        return (self.function.__doc__ or "").partition("\n\n")[0]

    def __call__(self) -> None:
        """Run it, in one engine after another.

        Raises
        ------
        CheckFailure
            If the part fails it.
        """
        # A check that fails in a later engine has passed in those before it.
        for number, given in enumerate([(engine,) for engine in self.engines] or [()]):
            only_in = given[0].name if number and given else ""
            try:
                # Overflow inside a formula does not matter; only its result does.
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore", RuntimeWarning)  # the variance of one row
                    self.function(self.part, *given)
            except Wrong as wrong:
                raise self._failure(str(wrong), wrong.curve, only_in) from None
            except Exception as error:
                raise self._failure(_raised(error), only_in=only_in) from error

    def _failure(self, finding: str, curve: Curve | None = None, only_in: str = "") -> CheckFailure:
        part = self.part
        if only_in:
            finding = f"only in the {only_in} engine: {finding}"
        provider = self.provider or provider_of(part)
        origin = f"{provider}, {part.place}" if provider else part.place
        return CheckFailure(
            f"{part.kind} {part.text!r} ({origin}): {self.name}: {finding}",
            finding,
            curve,
            only_in,
        )


@dataclass(frozen=True)
class Result:
    """The result of one check.

    Attributes
    ----------
    name : str
    outcome : str
        `"passed"`, `"failed"`, `"expected failure"` or `"unexpected pass"`,
        which is a failure too.
    message : str
        What was found, or the reason why it was expected to be.
    seconds : float
    curve : Curve or None
    only_in : str
        The engine that the part fails it in, if it passed in an earlier one.
    """

    name: str
    outcome: Outcome
    message: str = ""
    seconds: float = 0.0
    curve: Curve | None = field(default=None, repr=False)
    only_in: str = ""

    @property
    def ok(self) -> bool:
        """Whether the outcome is as expected."""
        return self.outcome in ("passed", "expected failure")


@dataclass(frozen=True)
class Report:
    """The results of all checks of a part; as text, one line for each."""

    part: Part
    results: tuple[Result, ...]

    @property
    def passed(self) -> bool:
        """Whether the outcome of every check is as expected."""
        return all(result.ok for result in self.results)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the checks whose outcome is not as expected."""
        return tuple(result.name for result in self.results if not result.ok)

    def __str__(self) -> str:
        lines = [
            f"{result.outcome}: {result.name}" + (f": {result.message}" if result.message else "")
            for result in self.results
        ]
        return "\n".join([f"{self.part.kind} {self.part.text}", *lines])


def checks(
    part: Part,
    *,
    engine: str | None = None,
    expected_failures: Mapping[str, str] | None = None,
    provider: str = "",
    registry: Registry | None = None,
) -> list[Check]:
    """Return the checks of a part's kind.

    Parameters
    ----------
    part : Part
        It is checked with its options as they are.
    engine : str, optional
        The engine for the checks of what training computes; by default, each
        of nnplug's own that can run here.
    expected_failures : mapping of str to str, optional
        For the name of a check, the reason why the part is known to fail it, in
        addition to those that the part declares itself.
    provider : str, optional
        Package and version, for messages.
    registry : Registry, optional
        Where engines are looked up; by default, among all installed ones.

    Raises
    ------
    PartError
        If it is not a part.
    SettingError
        If there is no such check, a reason is missing, or the engine cannot run here.
    UnknownPartError
        If there is no such engine.
    """
    if getattr(part, "kind", None) not in KINDS:
        raise PartError(f"{part!r} is not a part; make one with @nnplug.activation or another.")
    suite = SUITES[part.kind]
    reasons = {**part.expected_failures, **(expected_failures or {})}
    engines = engines_for(engine, registry)
    for name, reason in reasons.items():
        if name not in suite:
            raise SettingError(
                f"expected_failures: there is no check {name!r} of {part.kind} {part.name!r}."
                f"{suggest(name, suite)}\nThe checks are {', '.join(suite)}."
            )
        if not reason.strip():
            raise SettingError(
                f"expected_failures: {name!r} needs the reason why {part.kind} {part.name!r} is "
                "known to fail it."
            )
    return [
        Check(
            name,
            part,
            function,
            engines if "engine" in inspect.signature(function).parameters else (),
            reasons.get(name, ""),
            provider,
        )
        for name, function in suite.items()
    ]


def run(
    part: Part,
    *,
    engine: str | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Report:
    """Run every check of a part.

    Parameters
    ----------
    engine : str, optional
        The engine for the checks of what training computes; by default, each
        of nnplug's own that can run here.
    expected_failures : mapping of str to str, optional
        For the name of a check, the reason why the part is known to fail it, in
        addition to those that the part declares itself. If such a check passes,
        that is a failure.

    Returns
    -------
    Report

    Examples
    --------
    >>> from nnplug.builtin.activations import relu
    >>> run(relu).passed
    True
    """
    found = checks(part, engine=engine, expected_failures=expected_failures)
    return Report(part, tuple(run_check(check) for check in found))


def run_check(check: Check) -> Result:
    """Run one check and return its result."""
    start = time.perf_counter()
    outcome: Outcome = "passed"
    message, curve, only_in = "", None, ""
    try:
        check()
    except CheckFailure as failure:
        outcome = "expected failure" if check.reason else "failed"
        message, curve = check.reason or failure.finding, failure.curve
        only_in = failure.only_in
    else:
        if check.reason:
            outcome = "unexpected pass"
            message = f"it passes, but was expected to fail: {check.reason}"
    return Result(check.name, outcome, message, time.perf_counter() - start, curve, only_in)


def provider_of(part: Part) -> str:
    """Name the package and version that a part's module comes from, if known."""
    top = part.function.__module__.partition(".")[0]
    if top == "nnplug":
        return f"nnplug {nnplug.__version__}"
    for plugin in find_installed():
        if plugin.module.partition(":")[0].partition(".")[0] == top:
            return plugin.label
    return ""


def _raised(error: BaseException) -> str:
    """Describe an exception of the part's code, with the author's line."""
    if isinstance(error, nnplug.errors.NnplugError):
        return str(error)
    what = f"it raises {type(error).__name__}: {error}"
    here, numpy = str(Path(nnplug.__file__).parent), str(Path(np.__file__).parent)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((here, numpy, "<"))
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}: {what}" if frames else what
