"""What PyTorch, Keras, JAX with Optax and scikit-learn have, and where it is in nnplug.

`frameworks.tsv` says for each name of their public lists which part it is, by
nnplug's name; `frameworks_otherwise.tsv` says what to do where nnplug has no such part.
The rest is looked up among the built-in parts and in the packages.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nnplug.parts import KINDS
from nnplug.plugins.registry import Registry
from plugins.packages import packages

__all__ = ["COVERED", "FRAMEWORKS", "Entry", "entries", "names", "page"]

HERE = Path(__file__).parent
FRAMEWORKS = {
    "torch": "PyTorch", "keras": "Keras", "jax": "JAX", "optax": "Optax",
    "sklearn": "scikit-learn",
}  # fmt: skip
COVERED = ("built in", "package", "adapter", "otherwise")
"""What counts as there. `left out` and `missing` do not."""


@dataclass(frozen=True)
class Entry:
    """A part that some framework has.

    Attributes
    ----------
    kind, name : str
        By nnplug's words.
    state : str
        One of `COVERED`, `"left out"` or `"missing"`.
    place : str
        The package, or how to do it, or why it is left out.
    names : dict of str to list of str
        What each framework calls it.
    """

    kind: str
    name: str
    state: str
    place: str
    names: dict[str, list[str]]


def names() -> list[dict[str, str]]:
    """Read the table of names: `list`, `name`, `part` (several with commas, or -) and `note`."""
    return _read("frameworks.tsv")


def _read(name: str) -> list[dict[str, str]]:
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def entries() -> list[Entry]:
    """List every part of the frameworks once, with where it is."""
    places = _places()
    otherwise = {
        (row["kind"], row["part"]): (row["how"], row["note"])
        for row in _read("frameworks_otherwise.tsv")
    }
    kinds = {cls.plural: kind for kind, cls in KINDS.items()}
    called: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in names():
        framework, _, plural = row["list"].partition(".")
        for part in row["part"].split(", "):
            if part != "-":
                own = called.setdefault((kinds[plural], part), {})
                own.setdefault(framework, []).append(row["name"])
    found = []
    for key, own in called.items():
        # An activation over pairs of inputs, or with weights, is a layer in nnplug.
        layer = places.get(("layer", key[1])) if key[0] == "activation" else None
        state, place = places.get(key) or layer or otherwise.get(key) or ("missing", "")
        found.append(Entry(*key, state, place, own))
    order = list(KINDS)
    return sorted(found, key=lambda entry: (order.index(entry.kind), entry.name))


def _places() -> Mapping[tuple[str, str], tuple[str, str]]:
    """Find each part of nnplug and of its packages, by kind and by name or alias."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for package in packages():
        for part, _ in package.parts():
            for name in (part.name, *part.aliases):
                found[part.kind, name] = "package", package.name
    for part, _ in Registry(allowed=()).parts():
        for name in (part.name, *part.aliases):
            found[part.kind, name] = "built in", ""
    return found


def page() -> str:
    """Write the page in MyST Markdown."""
    listed = entries()
    lines = ["# Parts of other frameworks", ""]
    lines += [
        "What PyTorch, Keras, JAX with Optax and scikit-learn list publicly, each part counted "
        "once, and where it is in nnplug. *Adapter*: by the package that runs the framework's own "
        "code. *Otherwise*: nnplug does it in another way, which the table says.",
        "",
        "| kind | they have | built in | in a package | adapter | otherwise | left out | missing |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(entry.kind for entry in listed):
        states = Counter(entry.state for entry in listed if entry.kind == kind)
        cells = [states[state] for state in (*COVERED, "left out", "missing")]
        lines.append(f"| {KINDS[kind].plural} | {states.total()} | {_joined(cells)} |")
    for kind in dict.fromkeys(entry.kind for entry in listed):
        lines += ["", f"## {KINDS[kind].plural.capitalize()}", ""]
        lines += [f"| nnplug | where | {_joined(FRAMEWORKS.values())} |"]
        lines += ["|---" * (len(FRAMEWORKS) + 2) + "|"]
        for entry in listed:
            if entry.kind == kind:
                cells = [
                    ", ".join(f"`{name}`" for name in entry.names.get(framework, ()))
                    for framework in FRAMEWORKS
                ]
                lines.append(f"| {_linked(entry)} | {_where(entry)} | {_joined(cells)} |")
    lines += ["", "## Not parts", "", "| framework | name | why |", "|---|---|---|"]
    lines += [
        f"| {FRAMEWORKS[row['list'].partition('.')[0]]} | `{row['name']}` | {row['note']} |"
        for row in names()
        if row["part"] == "-"
    ]
    return "\n".join([*lines, ""])


def _joined(cells: object) -> str:
    assert hasattr(cells, "__iter__")
    return " | ".join(map(str, cells))


def _linked(entry: Entry) -> str:
    if entry.state == "built in":
        found = {part.kind: part for part, _ in Registry(allowed=()).find(entry.name)}
        part = found.get(entry.kind) or found["layer"]
        return f"[`{entry.name}`]({part.plural}.md#{part.kind}-{part.name})"
    return f"`{entry.name}`" if entry.state == "package" else entry.name


def _where(entry: Entry) -> str:
    if entry.state == "package":
        return f"[{entry.place}](packages/{entry.place}.md)"
    return f"{entry.state}: {entry.place}" if entry.place else entry.state
