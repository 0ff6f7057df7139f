"""What `nnplug plugins report` shows: parts with their formulas, curves, checks and speed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nnplug.errors import NnplugError
from nnplug.formulas.mathml import to_mathml
from nnplug.parts import Part
from nnplug.parts.docstring import read_docstring
from nnplug.parts.written import write_formulas
from nnplug.runs.report.curves import curve_chart
from nnplug.runs.report.page import frame, table
from nnplug.untrusted import clean

__all__ = ["describe", "passed_in", "write_html", "write_markdown"]

Record = Mapping[str, Any]
"""A part, as `nnplug plugins check --json` gives it, with its description and speed."""

_STYLE = """
div.math { overflow-x: auto; margin: .6rem 0; } math { font-size: 1.05em; }
.failed { color: var(--k6); font-weight: 600; }
section { border-top: 1px solid var(--faint); }
"""


def describe(part: Part) -> dict[str, str]:
    """Write what a report shows of a part.

    Returns
    -------
    dict
        `about`, `source`, `formula` (text), and in HTML `mathml` and `curve`;
        what there is not, or cannot be traced, is empty.
    """
    doc = read_docstring(part.doc)
    try:
        formula, mathml = write_formulas(part), write_formulas(part, to_mathml)
    except NnplugError:  # a check says why
        formula = mathml = ""
    return {
        "about": doc.about,
        "source": doc.source,
        "formula": formula,
        "mathml": mathml,
        "curve": curve_chart(part),
    }


def passed_in(part: Record) -> list[str]:
    """Name the engines in which a part passed all checks that run in an engine.

    Examples
    --------
    >>> failed = {"outcome": "failed", "only_in": "fast"}
    >>> passed_in({"engines": ["fast", "numpy"], "checks": [failed]})
    ['numpy']
    """
    engines: list[str] = list(part["engines"])
    for check in part["checks"]:
        if check["outcome"] in ("passed", "expected failure"):
            continue
        only_in = check.get("only_in")
        engines = [name for name in engines if only_in and name != only_in]
    return engines


def write_html(title: str, lead: str, parts: Sequence[Record], problems: Iterable[str]) -> str:
    """Write the page in HTML: an overview, then a section for each part.

    Parameters
    ----------
    lead : str
        The sentence under the title.
    problems : iterable of str
        What could not be loaded, and why.
    """
    body = [f"<h1>{clean(title)}</h1>", f"<p class='lead'>{clean(lead)}</p>"]
    body += [f"<p class='failed'>{clean(problem)}</p>" for problem in problems]
    body.append(table(*_overview(parts)))
    for part in parts:
        body += [
            "<section>",
            f"<h2>{clean(part['kind'])} {clean(part['name'])}</h2>",
            f"<p>{clean(part['about'])}.</p>" if part["about"] else "",
            f"<p class='lead'>Source: {clean(part['source'])}</p>" if part["source"] else "",
            f"<div class='math'>{part['mathml']}</div>" if part["mathml"] else "",
            part["curve"],
            *(f"<p class='failed'>{clean(line)}</p>" for line in _failures(part)),
            *(f"<p>{clean(line)}</p>" for line in _known(part)),
            "</section>",
        ]
    return frame(title, filter(None, body), _STYLE)


def write_markdown(title: str, lead: str, parts: Sequence[Record], problems: Iterable[str]) -> str:
    """Write the same in Markdown, without curves."""
    head, rows = _overview(parts)
    lines = [f"# {title}", "", lead, "", *(f"- {problem}" for problem in problems), ""]
    lines += [_row(head), "|---" * len(head) + "|", *map(_row, rows), ""]
    for part in parts:
        lines += [f"## {part['kind']} `{part['name']}`", ""]
        lines += [f"{_plain(part['about'])}.", ""] if part["about"] else []
        lines += [f"Source: {_plain(part['source'])}", ""] if part["source"] else []
        lines += ["```text", part["formula"], "```", ""] if part["formula"] else []
        lines += [f"- {_plain(line)}" for line in (*_failures(part), *_known(part))]
    return "\n".join(lines).rstrip() + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(text: str) -> str:
    """Keep a text on one line and in its cell, and out of what Markdown takes for HTML."""
    return " ".join(text.split()).replace("|", r"\|").replace("<", r"\<")


def _overview(parts: Sequence[Record]) -> tuple[list[str], list[list[str]]]:
    head = ["kind", "part", "package", "source", "checks", "engines"]
    measured = any(part.get("speed") for part in parts)
    rows = []
    for part in parts:
        passed = sum(check["outcome"] == "passed" for check in part["checks"])
        row = [
            part["kind"], part["name"], f"{part['package']} {part['version']}".strip(),
            part["source"] or "not given", f"{passed} of {len(part['checks'])} passed",
            (", ".join(passed_in(part)) or "none") if part["engines"] else "needs none",
        ]  # fmt: skip
        if measured:
            times = [f"{s['engine']}: {s['ratio']:.2f} of {s['beside']}" for s in part["speed"]]
            row.append(", ".join(times) or "not measured")
        rows.append(row)
    return [*head, "time"] if measured else head, rows


def _failures(part: Record) -> list[str]:
    lines = [
        f"Check {check['name']}: {check['outcome']}. {check['message']}"
        for check in part["checks"]
        if check["outcome"] in ("failed", "unexpected pass")
    ]
    left = [check["name"] for check in part["checks"] if check["outcome"] == "not run"]
    return [*lines, f"Checks that were not run then: {', '.join(left)}."] if left else lines


def _known(part: Record) -> list[str]:
    return [
        f"Check {check['name']} fails, as declared: {check['message']}"
        for check in part["checks"]
        if check["outcome"] == "expected failure"
    ]
