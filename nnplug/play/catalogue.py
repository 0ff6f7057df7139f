"""The parts that can be chosen, and why some do not fit."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from nnplug.errors import NnplugError, SettingError
from nnplug.formulas.mathml import to_mathml
from nnplug.network.tasks import Head, output_activation_name
from nnplug.parts import KINDS, Activation, Dataset, Loss, Part
from nnplug.parts.docstring import read_docstring
from nnplug.parts.written import write_formulas
from nnplug.plugins.plugin import Plugin
from nnplug.plugins.registry import Registry
from nnplug.runs.run import Run

__all__ = ["catalogue", "describe", "misfits", "sketches", "without_style"]

SKETCHED = 120
"""The points of a dataset's small picture."""


def catalogue(registry: Registry) -> dict[str, list[dict[str, Any]]]:
    """List every installed part by kind, with its package and options."""
    return {
        kind: [_entry(part, plugin) for part, plugin in registry.parts(kind, load_all=True)]
        for kind in KINDS
    }


def _entry(part: Part, plugin: Plugin) -> dict[str, Any]:
    return {
        "name": part.name,
        "summary": part.summary,
        "package": plugin.package,
        "version": plugin.version,
        "built_in": plugin.state == "built-in",
        "options": {name: _plain(value) for name, value in part.defaults.items()},
        "holds": bool(getattr(part, "holds", False)),
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | str) else float(value)


def describe(registry: Registry, kind: Any, text: Any) -> dict[str, str]:
    """Describe a part as it is chosen: what it is, whose, its formula and its source.

    Returns
    -------
    dict
        `name`, `about`, `source`, `package`, `version`, and `mathml`, empty where
        there is no formula.

    Raises
    ------
    SettingError
        If there is no such kind.
    UnknownPartError, OptionError
        If there is no such part.
    """
    if not isinstance(kind, str) or kind not in KINDS or not isinstance(text, str):
        raise SettingError(f"part: kind={kind!r}, text={text!r}; give one of {', '.join(KINDS)}.")
    part = registry.get(kind, text)
    provider, doc = registry.provider(part), read_docstring(part.doc)
    try:
        mathml = write_formulas(part, to_mathml)
    except NnplugError:  # a function that is called as it stands has no formula
        mathml = ""
    return {
        "kind": kind,
        "name": part.name,
        "text": part.text,
        "about": doc.about.replace("`", ""),
        "source": doc.source,
        "package": provider.package,
        "version": provider.version,
        "mathml": without_style(mathml),
    }


def without_style(mathml: str) -> str:
    """Give the cells of a formula classes: the page allows no style to come with what it shows."""
    for side in ("left", "right"):
        mathml = mathml.replace(f' style="text-align: {side}"', f' class="{side}"')
    return mathml


def sketches(registry: Registry) -> dict[str, dict[str, Any]]:
    """Return a few points of each dataset, for a small picture of it."""
    found = {}
    for part, plugin in registry.parts("dataset"):
        size = {"size": SKETCHED} if "size" in part.defaults else {}
        try:
            data = cast(Dataset, part).with_options(**size)()
        except NnplugError:  # it says why when it is chosen
            continue
        x, y = np.asarray(data.inputs, float), np.asarray(data.targets, float)
        x, y = x[:SKETCHED], y.reshape(len(y), -1)[:SKETCHED, 0]
        name = part.name if plugin.state == "built-in" else f"{plugin.package}/{part.name}"
        found[name] = {
            "task": data.task,
            "flat": x.shape[1] == 1,
            "points": [
                [a, b, c if data.task == "regression" else int(c)]
                for a, b, c in zip(x[:, 0].tolist(), x[:, -1].tolist(), y.tolist(), strict=True)
            ],
        }
    return found


def misfits(run: Run, registry: Registry) -> dict[str, str]:
    """Say of each loss that does not fit a run's task and targets why that is."""
    found = {}
    task, width, targets = run.settings.task, run.head.width, run.rows.targets
    if task == "regression" and run.rows.encoder is not None:
        # In their own unit, as a loss that is not for all numbers takes them; rounded, so that
        # scaling and back leaves a 0 at 0 and a count whole.
        targets = np.round(run.rows.encoder.decode(targets), 6)
    for part, _ in registry.parts("loss", load_all=True):
        loss = cast(Loss, part)
        try:
            name = output_activation_name(task, loss)
            head = Head(task, loss, cast(Activation, registry.get("activation", name)), width)
            if task == "regression":
                head.check_targets(targets, "the targets", first=0)
        except NnplugError as error:
            found[loss.name] = str(error)
    return found
