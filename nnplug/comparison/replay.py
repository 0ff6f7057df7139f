"""Replaying a comparison: what came out different, and what has changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnplug.comparison.request import Request
from nnplug.comparison.results import REPORT, read_record
from nnplug.errors import SettingError

__all__ = ["differences", "read_report", "request_of"]

_RECORDED = ("nnplug", "python", "numpy", "machine", "processor")


def read_report(path: Path) -> dict[str, Any]:
    """Read a report.

    Parameters
    ----------
    path : Path
        Of a `report.json`, or of the folder that it is in.

    Raises
    ------
    StorageError, SettingError
        If it cannot be read, or is not a report.
    """
    path = path / REPORT if path.is_dir() else path
    found = read_record(path)
    keys = {"request", "data", "record", "nnplug"}
    if not isinstance(found, dict) or not keys <= found.keys():
        raise SettingError(f"{path} is not the report of a comparison.")
    return found


def request_of(report: Mapping[str, Any], where: str) -> Request:
    """Return what the comparison of a report was asked to do."""
    return Request.from_dict(report["request"], where)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Write, a line each, what has changed, and what came out different.

    Times are not compared.

    Raises
    ------
    SettingError
        If the earlier one is not a whole report, or that of another comparison.
    """
    try:
        return _changes(before, now), _results(before, now)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise SettingError(
            "The earlier report is not whole, or is of another comparison: "
            f"{type(error).__name__} {error}."
        ) from None


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Compare versions, formulas, machine and data."""
    old, new = ({**each["record"], "nnplug": each["nnplug"]} for each in (before, now))
    lines = [f"{key} was {old[key]} and is {new[key]}" for key in _RECORDED if old[key] != new[key]]
    for kind in ("packages", "formulas"):
        for name in sorted({*old[kind], *new[kind]}):
            was, now_is = old[kind].get(name), new[kind].get(name)
            if was == now_is or (kind, name) == ("packages", "nnplug"):
                continue
            if kind == "formulas" and was is not None and now_is is not None:
                lines.append(f"{name}: its formula has changed")
            else:
                lines.append(f"{name} was {was or 'not there'} and is {now_is or 'not there'}")
    for was, now_is in zip(before["data"], now["data"], strict=True):
        if was["fingerprint"] != now_is["fingerprint"]:
            lines.append(f"{now_is['name']}: its rows have changed")
    return lines


def _results(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Compare rates, scores and verdicts."""
    lines = []
    for was, now_is in zip(before["data"], now["data"], strict=True):
        for arm, found in now_is["arms"].items():
            old, name = was["arms"][arm], f"{now_is['name']}, {arm}"
            if old["rate"] != found["rate"]:
                lines.append(f"{name}: the rate was {old['rate']:g} and is {found['rate']:g}")
            pairs = list(zip(old["runs"], found["runs"], strict=True))
            other = [new["seed"] for old_run, new in pairs if old_run["score"] != new["score"]]
            if other:
                seeds = ", ".join(map(str, other))
                lines.append(f"{name}: other scores for seed {seeds}")
            if found["verdict"] is not None:
                words = [each["verdict"]["word"] for each in (old, found)]
                if words[0] != words[1]:
                    lines.append(f"{name}: the verdict was {words[0]!r} and is {words[1]!r}")
    return lines
