"""A Sphinx extension that writes the generated pages of the reference before each build.

Parts, hooks, commands and settings describe themselves; nothing of that is
written a second time by hand. A file whose name ends in `.inc.md` is not a
page of its own: another page includes it.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import click
from sphinx.application import Sphinx

import nnplug.errors
from nnplug import hookspecs
from nnplug.cli import cli
from nnplug.cli.command import option_groups
from nnplug.errors import NnplugError
from nnplug.exporters import c_source, js_module, onnx_model, simpler, sql_statement
from nnplug.exporters.sql_dialects import DIALECTS
from nnplug.formulas.mathml import to_mathml
from nnplug.hookspecs import HOOKS, TOOL_HOOKS
from nnplug.network.tasks import DEFAULT_LOSS, DEFAULT_METRIC
from nnplug.parts import (
    KINDS,
    Activation,
    Encoding,
    Layer,
    Loss,
    Metric,
    Optimizer,
    Part,
    Trainable,
)
from nnplug.parts.docstring import read_docstring
from nnplug.parts.written import write_formulas
from nnplug.plugins.plugin import Plugin
from nnplug.plugins.registry import Registry
from nnplug.runs.report.curves import curve_chart
from nnplug.runs.report.svg import DARK, LIGHT, STYLE
from nnplug.runs.settings import EPOCH_LIMIT, GROUPS, ROWS

ROOT = Path(nnplug.__file__).parent.parent
# sphinx-build does not look in the folder that it is run in, nor a test in this one.
sys.path += [str(ROOT), str(Path(__file__).parent)]

import exported  # noqa: E402  # found only now
import frameworks  # noqa: E402  # found only now

from plugins.check import digest_of, outcomes  # noqa: E402  # found only now
from plugins.packages import Package, packages  # noqa: E402  # found only now

__all__ = ["builtin_parts", "hook_names", "hook_signature", "pages", "setup", "write_pages"]


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx collects its sources."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / "reference/generated"))
    # Before the theme asks for the contents, at 500.
    app.connect("html-page-context", _Contents().share, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class _Contents:
    """The column of contents of pages that are not in it, made once for each folder.

    Sphinx makes it anew for every page, which takes longer than all else on hundreds of pages.
    """

    def __init__(self) -> None:
        self.made: dict[tuple[str, str], str] = {}

    def share(self, _: Sphinx, name: str, __: str, context: dict[str, Any], ___: object) -> None:
        """Let the pages of parts of a package share it: no entry in it is the page itself."""
        if "orphan" not in (context.get("meta") or {}):
            return
        own, folder = context["toctree"], name.rpartition("/")[0]

        def toctree(**options: Any) -> str:
            key = folder, repr(sorted(options.items()))
            if key not in self.made:
                self.made[key] = own(**options)
            return self.made[key]

        context["toctree"] = toctree


def write_pages(folder: Path) -> None:
    """Write every generated page, and remove outdated ones."""
    made = {folder / name: text for name, text in pages().items()}
    for old in folder.rglob("*.md"):
        if old not in made:
            old.unlink()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the text of every page, in MyST Markdown, by file name."""
    made = {f"{KINDS[kind].plural}.md": _kind_page(kind) for kind in HOOKS.values()}
    for package in packages():
        made |= _package_pages(package)
    made["frameworks.md"] = frameworks.page()
    made["exported.md"] = exported.page()
    made["commands.inc.md"] = _commands()
    made |= {f"hook_{name}.inc.md": _hook(name) for name in hook_names()}
    made["settings.inc.md"] = _settings()
    made["errors.inc.md"] = _errors()
    made["exporting.inc.md"] = _exporting()
    return made


def builtin_parts(kind: str) -> list[tuple[Part, Plugin]]:
    """List the built-in parts of a kind, ignoring installed plugins."""
    return Registry(allowed=()).parts(kind)


# --- parts -------------------------------------------------------------------


def _kind_page(kind: str) -> str:
    cls = KINDS[kind]
    found = builtin_parts(kind)
    listed = ", ".join(f"[`{part.name}`](#{kind}-{part.name})" for part, _ in found)
    lines = [f"# {cls.plural.capitalize()}", "", _intro(cls), "", f"Built in: {listed}.", ""]
    lines += _STYLE_BLOCK
    for part, provider in found:
        lines += [f"({part.kind}-{part.name})=", f"## {part.name}", "", *_part(part, provider)]
    return "\n".join(lines)


_STYLE = f"""{STYLE}
div.math {{ overflow-x: auto; }}
body {{ --text: var(--color-foreground-primary); --frame: var(--color-foreground-border);
       --faint: var(--color-background-border); {LIGHT} }}
body[data-theme="dark"] {{ {DARK} }}
@media (prefers-color-scheme: dark) {{ body:not([data-theme="light"]) {{ {DARK} }} }}
"""
_STYLE_BLOCK = ["```{raw} html", f"<style>{_STYLE}</style>", "```", ""]


def _intro(cls: type[Part]) -> str:
    kind = cls.kind
    summary = _markdown(inspect.getdoc(cls) or "").partition("\n\n")[0]
    return f"{summary} Made with [`@nnplug.{kind}`](../python.md)."


def _package_pages(package: Package) -> dict[str, str]:
    """Write the page of a package, and one for each of its parts."""
    found = package.parts()
    rows = [
        "| kind | part | what it is | source | passes in | time of a step |",
        "|---|---|---|---|---|---|",
    ]
    checked = outcomes()
    made = {}
    for part, provider in found:
        key = package.name, part.kind, part.name
        name = f"{package.name}/{part.kind}-{part.name}"
        doc = read_docstring(part.doc)
        rows.append(
            f"| {part.kind} | [`{part.name}`]({name}.md) | {_cell(doc.about)} "
            f"| {_cell(doc.source)} | {_outcome(part, checked.get(key))} |"
        )
        # Hundreds of pages in the column of contents would help nobody.
        lines = ["---", "orphan: true", "---", f"# {part.name}", ""]
        lines += [f"The {part.kind} `{part.name}` of [{package.name}](../{package.name}.md).", ""]
        made[f"packages/{name}.md"] = "\n".join([*lines, *_STYLE_BLOCK, *_part(part, provider)])
    lines = [f"# {package.name}", "", f"{_markdown(package.description)}.", ""]
    lines += ["```console", f"$ pip install {package.name}", "```", ""]
    if found:
        lines += [
            "The last two columns are of the last run of the checks: the engines in which all "
            "of them pass, and how long a training step takes beside one with the built-in part "
            "whose formula costs about the same.",
            "",
            *rows,
        ]
    made[f"packages/{package.name}.md"] = "\n".join([*lines, ""])
    return made


def _outcome(part: Part, checked: dict[str, str] | None) -> str:
    """Write in which engines a part has passed its checks, and its time beside a built-in's."""
    if checked is None or checked["digest"] != digest_of(part):
        return "not checked |"
    failed = f"fails {checked['failed']}" if checked["failed"] else ""
    return f"{failed or checked['engines'] or 'passes'} | {_cell(checked['times'])}"


def _part(part: Part, provider: Plugin) -> list[str]:
    doc = read_docstring(part.doc)
    facts = [f"aliases {', '.join(f'`{alias}`' for alias in part.aliases)}"] if part.aliases else []
    facts += [*_facts_of_kind(part), f"from {provider.label}, `{_file(part)}`"]
    lines = [_markdown(doc.text), "", " · ".join(facts), ""]
    if part.defaults:
        lines += ["| option | default | meaning |", "|---|---|---|"]
        lines += [
            f"| `{key}` | {_default(value)} | {_cell(doc.parameters.get(key, ''))} |"
            for key, value in part.defaults.items()
        ]
        lines.append("")
    declared = getattr(part, "declared", {})
    if declared:
        lines += ["| declares | |", "|---|---|"]
        lines += [f"| `{name}` | {_cell(array.about)} |" for name, array in declared.items()]
        lines.append("")
    formula = write_formulas(part, to_mathml)
    if formula:
        lines += ["```{raw} html", f'<div class="math">{formula}</div>', "```", ""]
    curve = curve_chart(part)
    if curve:
        lines += ["```{raw} html", curve, "```", ""]
    lines += ["```python", _source(part), "```", ""]
    if doc.examples:
        lines += ["```pycon", doc.examples, "```", ""]
    return lines


def _facts_of_kind(part: Part) -> list[str]:
    if isinstance(part, Activation) and part.gives:
        return [f"gives {part.gives.replace('_', ' ')}"]
    if isinstance(part, Layer):
        facts = ["another formula outside training"] if part.branches else []
        return [*facts, "holds layers"] if part.holds else facts
    if isinstance(part, Loss):
        over = "averaged" if part.reduction == "mean" else "summed"
        return [f"takes `{part.takes}` and `{part.against}`", over]
    if isinstance(part, Encoding):
        facts = [f"facts {', '.join(f'`{fact}`' for fact in part.facts)}"] if part.facts else []
        return [f"takes a {part.takes}", *facts]
    if isinstance(part, Optimizer) and part.slots:
        return [f"state {', '.join(f'`{slot}`' for slot in part.slots)}"]
    if isinstance(part, Metric):
        return [f"takes `{part.takes}`", part.goal]
    return []


def _file(part: Part) -> str:
    """Name its file within its package, or within nnplug."""
    path, _, line = part.place.rpartition(":")
    top = part.function.__module__.partition(".")[0]
    steps = Path(path).parts
    return f"{'/'.join(steps[len(steps) - steps[::-1].index(top) - 1 :])}:{line}"


def _default(value: object) -> str:
    if isinstance(value, Trainable):
        return f"`{float(value)!r}`, learned"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _source(part: Part) -> str:
    """Return the author's code without the docstring, which the page shows above it."""
    source = textwrap.dedent(inspect.getsource(part.function))
    lines = source.rstrip().splitlines()
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    first = definition.body[0]
    if ast.get_docstring(definition) is not None and len(definition.body) > 1:
        del lines[first.lineno - 1 : first.end_lineno]
    return "\n".join(lines)


def _markdown(text: str) -> str:
    """Escape plain text, in which only backticks have a meaning, for Markdown."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(
        piece if piece.startswith("`") else re.sub(r"([\\*_<>\[\]$|#~])", r"\\\1", piece)
        for piece in pieces
    )


def _cell(text: str) -> str:
    return _markdown(" ".join(text.split())).replace("`|`", r"`\|`")


# --- commands ----------------------------------------------------------------


def _commands() -> str:
    context = click.Context(cli, info_name="nnplug", **cli.context_settings)
    return "\n".join(_command(cli, context, depth=2))


def _command(command: click.Command, context: click.Context, *, depth: int) -> list[str]:
    lines = [f"{'#' * depth} {context.command_path}", ""]
    usage = " ".join(command.collect_usage_pieces(context))
    lines += ["```text", f"{context.command_path} {usage}", "```", ""]
    help_text = inspect.cleandoc(command.help or "")
    lines += [_markdown(re.sub(r"(?<!\n)\n(?!\n)", " ", help_text)), ""]
    for title, records in option_groups(command, context).items():
        lines += [f"| {title.lower()} | |", "|---|---|"]
        lines += [
            f"| `{name.replace('|', chr(92) + '|')}` | {_cell(text)} |" for name, text in records
        ]
        lines.append("")
    if command.epilog:
        epilog = "\n".join(
            line for line in command.epilog.splitlines() if line.strip() not in ("\b", "\\b")
        )
        lines += ["```text", epilog.strip("\n"), "```", ""]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            lines += _command(
                child, click.Context(child, parent=context, info_name=name), depth=depth + 1
            )
    return lines


# --- hooks, settings, errors ---------------------------------------------------


def hook_signature(name: str) -> str:
    """Return the exact signature of a hook, as written in `nnplug/hookspecs.py`."""
    source = inspect.getsource(getattr(hookspecs, name))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.body, definition.decorator_list = [], []
    return ast.unparse(definition).rstrip(":")


def hook_names() -> list[str]:
    """List all hooks in the order of `nnplug/hookspecs.py`."""
    return [
        name
        for name, function in vars(hookspecs).items()
        if inspect.isfunction(function) and function.__module__ == hookspecs.__name__
    ]


def _hook(name: str) -> str:
    """Write a hook's signature and docstring; the page that includes it adds an example."""
    doc = inspect.getdoc(getattr(hookspecs, name)) or ""
    lines = ["```python", hook_signature(name), "```", "", _markdown(doc)]
    if name in HOOKS:
        plural = KINDS[HOOKS[name]].plural
        lines += ["", f"Built in: [{plural}](generated/{plural}.md)."]
    if name in TOOL_HOOKS:
        found = Registry(allowed=()).tools(TOOL_HOOKS[name])
        listed = [f"- `{tool.name}`: {tool.about}" for tool, _ in found]
        lines += ["", "Built in:", "", *listed] if listed else ["", "None is built in."]
    return "\n".join([*lines, ""])


def _settings() -> str:
    lines = []
    for group in GROUPS:
        lines += ["", f"## {group}", "", "| setting | default | meaning |", "|---|---|---|"]
        for name, row in ROWS.items():
            if row.group == group:
                default = "" if row.default is None else f"`{row.default}`"
                lines.append(f"| `{name}` | {default} | {row.help.replace('|', chr(92) + '|')} |")
    lines += ["", "## Defaults that depend on other settings", ""]
    lines += [f"`epochs` is {EPOCH_LIMIT} if `patience` and validation rows may end the run.", ""]
    lines += ["", "| task | loss | metric |", "|---|---|---|"]
    lines += [
        f"| {task} | [`{loss}`](generated/losses.md#loss-{loss}) "
        f"| [`{DEFAULT_METRIC[task]}`](generated/metrics.md#metric-{DEFAULT_METRIC[task]}) |"
        for task, loss in DEFAULT_LOSS.items()
    ]
    return "\n".join(lines) + "\n"


def _errors() -> str:
    lines = ["| class | exit code | raised when |", "|---|---|---|"]
    for name in nnplug.errors.__all__:
        cls = getattr(nnplug.errors, name)
        if inspect.isclass(cls) and issubclass(cls, NnplugError):
            about = (inspect.getdoc(cls) or "").partition("\n\n")[0]
            lines.append(f"| `{name}` | {cls.exit_code} | {_cell(about)} |")
    return "\n".join(lines) + "\n"


# --- exporters ---------------------------------------------------------------


_SIMPLER, _PAGE = "in simpler ones", "on the page"


def _exporting() -> str:
    """Write which target has which operation, from the targets' own tables."""
    c, js = c_source._C, js_module._JavaScript
    common = {name for dialect in DIALECTS.values() for name in dialect.functions}
    sql = common.union(sql_statement._INFIX, sql_statement._FORMS)
    # Of each target, what the operations of a table are to it, and what all others are.
    targets = {
        "ONNX": ({"node": onnx_model._NODES, "node in float32": onnx_model._FLOAT32}, _SIMPLER),
        "SQL": ({"yes": sql}, _SIMPLER),
        "C": ({"`math.h`": c_source._LIBRARY, _PAGE: {*c.own, *c.generated}}, "a sign"),
        "JavaScript": ({"`Math`": js_module._LIBRARY, _PAGE: {*js.own, *js.generated}}, "a sign"),
    }
    names = sorted({*simpler._RULES, *c.own, *js.own, *js.generated})
    lines = [f"| operation | {' | '.join(targets)} |", "|---" * (len(targets) + 1) + "|"]
    for name in names:
        cells = (
            next((how for how, has in ways.items() if name in has), otherwise)
            for ways, otherwise in targets.values()
        )
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
