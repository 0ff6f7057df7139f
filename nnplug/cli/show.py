"""`nnplug plugins show`: everything about a part or a package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from nnplug.cli.command import Command
from nnplug.cli.options import kind_option, plugin_options, registry_of, warn
from nnplug.cli.part_names import complete_shown
from nnplug.cli.terminal import echo, style, width
from nnplug.layout import fold

if TYPE_CHECKING:
    from nnplug.formulas.graph import Graph
    from nnplug.parts import Layer, Optimizer, Part
    from nnplug.plugins.plugin import Plugin
    from nnplug.plugins.registry import Found, Registry
    from nnplug.tool import Tool

__all__ = ["formulas", "show"]

_EPILOG = """\b
Examples:
  nnplug plugins show gelu
  nnplug plugins show nnplug-example
  nnplug plugins show mine -p ./my_part.py
"""


@click.command(cls=Command, epilog=_EPILOG)
@click.argument("name", shell_complete=complete_shown)
@kind_option("Show only parts of this kind")
@plugin_options
@click.pass_context
def show(context: click.Context, name: str, kind: str | None) -> None:
    """Show a part with its formula and source, an engine, or a package.

    NAME is a part (mish, package/mish), an engine, a package or an entry
    point. If parts of several kinds have the name, all of them are shown. For
    a package that cannot be loaded, the traceback is shown. For a built-in
    part, no plugin is loaded.
    """
    from nnplug.tool import Tool

    registry = registry_of(context)
    parts, plugins = _look_up(registry, name, kind)
    found: list[tuple[Part | Tool | None, Plugin]] = [*parts]
    # Entry points of one module have the same parts, and are shown together.
    points: dict[tuple[str, ...], list[str]] = {}
    for plugin in plugins:
        if plugin.module_key not in points:
            found.append((None, plugin))
        points.setdefault(plugin.module_key, []).append(plugin.entry_point)
    for number, (part, plugin) in enumerate(found):
        if number:
            echo()
        if part is None:
            _show_plugin(plugin, points[plugin.module_key])
        elif isinstance(part, Tool):
            _show_tool(part, plugin)
        else:
            _show_part(part, plugin)
    warn(registry, besides=plugins)


def _look_up(registry: Registry, name: str, kind: str | None) -> tuple[list[Found], list[Plugin]]:
    """Find what a name means, loading no more than it must."""
    from nnplug.errors import OptionError, UnknownPartError, suggest
    from nnplug.parts import KINDS, parse_name
    from nnplug.plugins.elsewhere import how_to_get

    try:
        own: list[Found] = [*registry.find(name, kind, load=False)]
        own += registry.find_tools(name, load=False) if kind is None else []
    except OptionError:  # not the name of a part, but it may be a package's
        own, is_part_name = [], False
    else:
        is_part_name = True
    if own:
        return own, []
    registry.plugins.load(name)
    called = [plugin for plugin in registry.plugins.all if plugin.is_called(name)]
    packaged = [plugin for plugin in called if plugin.is_of(name)]
    if packaged and kind is None:
        registry.parts()  # load the built-in ones, in case the package is nnplug itself
        return [], packaged
    found: list[Found] = [*registry.find(name, kind)] if is_part_name else []
    found += registry.find_tools(name) if is_part_name and kind is None else []
    asked = parse_name(name).name if is_part_name else ""
    troubled = [
        plugin
        for plugin in registry.plugins.installed
        if (plugin.state in ("failed", "blocked") or plugin.notes)
        and (plugin in called or any(asked == declared for _, declared in plugin.declared))
    ]
    if found or troubled:
        return found, troubled
    if called and kind is None:
        return [], called
    if kind is not None:
        registry.get(kind, name)  # says what there is
    known = {own for part, _ in registry.parts() for own in (part.name, *part.aliases)}
    known |= {plugin.package for plugin in registry.plugins.all}
    way = how_to_get(asked, KINDS, registry.plugins)
    raise UnknownPartError(
        f"There is no part, package or entry point {name!r}."
        + (f"\n{way}" if way else suggest(name, known))
        + "\nnnplug plugins list --parts lists every part."
    )


# --- output --------------------------------------------------------------------------


def _show_plugin(plugin: Plugin, points: Sequence[str]) -> None:
    from textwrap import shorten

    echo(style(f"plugin {plugin.label}", bold=True))
    _field("state", plugin.state)
    if len(points) == 1:
        _field("entry point", f"{plugin.entry_point} = {plugin.module}")
    else:
        _field("module", plugin.module)
        _field("points", ", ".join(points))
    _field("page", plugin.page)
    _field("cause", plugin.cause)
    for part in plugin.provided:
        about = f"{part.text}: {part.summary}" if part.summary else part.text
        _field(part.kind, shorten(about, max(20, width() - 15), placeholder=" ..."))
    for note in plugin.notes:
        _field("note", note)
    if plugin.traceback:
        echo(f"\n{plugin.traceback}", whole=True)


def _show_tool(tool: Tool, plugin: Plugin) -> None:
    echo(style(f"{tool.kind} {tool.name}", bold=True))
    _field("from", f"{plugin.label}, {plugin.state}")
    _field("page", plugin.page)
    _field("file", tool.place)
    _field("about", tool.about)
    _field("missing", getattr(tool, "missing", str)())


def _show_part(part: Part, plugin: Plugin) -> None:
    import textwrap

    echo(style(f"{part.kind} {part.name}", bold=True))
    _field("from", f"{plugin.label}, {plugin.state}")
    _field("page", plugin.page)
    _field("file", part.place)
    options = ",".join(f"{key}={_value(value)}" for key, value in part.defaults.items())
    options = options.removeprefix(f"{part.bare_option}=")
    inner = "[...]" if getattr(part, "holds", False) else ""
    _field("text form", (f"{part.name}:{options}" if options else part.name) + inner)
    _field("aliases", ", ".join(part.aliases))
    for number, (key, value) in enumerate(part.defaults.items()):
        _field("" if number else "parameters", f"{key} = {_value(value)}")
    for number, (key, array) in enumerate(getattr(part, "declared", {}).items()):
        _field("" if number else "declares", f"{key}: {array.about}")
    for name, text in _traits(part).items():
        _field(name, text)
    lines = [
        fold(line, width(), indent="  ", hanging="      ") for line in formulas(part).splitlines()
    ]
    for title, text in (
        ("Formula", "\n".join(lines)),
        ("Docstring", textwrap.indent(part.doc, "  ")),
        ("Source", textwrap.indent(_source(part), "  ")),
    ):
        if text:
            echo(f"\n{style(title, bold=True)}")
            echo(text, whole=title == "Source")


def _field(name: str, text: str) -> None:
    if text:
        echo(f"  {name:11}  {text}", hanging=" " * 15)


def _value(value: object) -> str:
    from nnplug.parts import Trainable

    if isinstance(value, Trainable):
        return f"{float(value)!r} (learned)"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _source(part: Part) -> str:
    """Return the author's code without the docstring, which is shown separately."""
    import ast
    import inspect
    import textwrap

    try:
        source = textwrap.dedent(inspect.getsource(part.function))
    except OSError:  # defined at a prompt
        return ""
    lines = source.rstrip().splitlines()
    definition = ast.parse(source).body[0]
    if isinstance(definition, ast.FunctionDef) and ast.get_docstring(definition) is not None:
        first = definition.body[0]
        if len(definition.body) > 1:
            del lines[first.lineno - 1 : first.end_lineno]
    return "\n".join(lines)


def _traits(part: Part) -> dict[str, str]:
    """Describe what a formula takes and keeps, for which widths it is, and its dtype."""
    from nnplug.errors import FormulaError
    from nnplug.formulas.primitives import new_graph
    from nnplug.parts import Activation, Encoding, Layer, Loss, Optimizer
    from nnplug.parts.targets import TARGETS

    graph = new_graph()
    traits = {}
    try:
        if isinstance(part, Activation):
            x = graph.input("x", ("N", "C"))
            is_elementwise = part.slope(x, part.value(x)) is not None
            traits["learns"] = ", ".join(f"{name}, for each layer" for name in part.trainables)
            row_wise = "row-wise: each output depends on its whole row"
            traits["widths"] = "elementwise: any number of units" if is_elementwise else row_wise
        elif isinstance(part, Loss):
            shape = part.value(*part.inputs(graph)).shape
            takes = f"{', '.join(part.heads) or part.takes} and {part.against}"
            over = ", over all rows of a batch" if part.over == "batch" else ""
            traits["takes"] = f"{takes}; its {part.reduction} is the loss{over}"
            if part.heads:
                traits["predicts"] = part.heads[0] if part.predict is None else "from all of them"
                traits["predicts"] += "" if part.interval is None else ", and intervals"
            if part.link != "identity" or part.targets not in ("real", "unit"):
                traits["is for"] = f"{TARGETS[part.targets]}; the link is {part.link}"
            row_wise = "row-wise: one error for each row"
            traits["widths"] = "elementwise" if shape == ("N", "C") else row_wise
        elif isinstance(part, Encoding):
            return {"takes": f"{part.takes}s".replace("ys", "ies"), "facts": ", ".join(part.facts)}
        elif isinstance(part, Layer):
            traits |= _layer_traits(part)
        elif isinstance(part, Optimizer):
            traits |= _optimizer_traits(part, graph)
        else:
            return {}
    except FormulaError:  # the formula's own lines say why
        return {}
    traits["dtype"] = "the run's, float32 or float64"
    if graph.opaque:  # the function itself is called at each step
        traits["dtype"] = "its own; the result is converted to the run's"
    return traits


def _optimizer_traits(part: Optimizer, graph: Graph) -> dict[str, str]:
    """Describe what an optimizer keeps, how it gets parameters, and what else it asks for."""
    from nnplug.parts.written import has_bias_formula

    traits = {"keeps": ", ".join(part.slots) or "nothing"}
    if part.states:
        traits["takes"] = "each parameter as a matrix, biases as columns"
    elif not part.holds:
        traits["widths"] = "per tensor: over each weight matrix and bias by itself"
        if has_bias_formula(part):
            traits["widths"] = "per tensor: weight matrices and biases have formulas of their own"
        elif part.update(graph).elementwise:
            traits["widths"] = "elementwise: each parameter by itself"
        elif part.over == "vector":
            traits["widths"] = "per vector: over all parameters at once"
    if part.holds:
        traits["holds"] = "the optimizer that stands in brackets after it"
    if part.uses_curvature:
        traits["curvature"] = "an estimate of the Hessian's diagonal"
    if part.point is not None:
        traits["gradient"] = "a second one, at another point"
    if part.evaluate:
        traits["predicts"] = f"with {part.evaluate}"
    return traits


def _layer_traits(part: Layer) -> dict[str, str]:
    """Describe how wide a layer's outputs are, and what the network tells it."""
    traits = {}
    if part.holds:
        traits["holds"] = "the layers that stand in brackets after it"
    else:
        kept = part.width == "D"
        traits["widths"] = "as many outputs as inputs" if kept else f"{part.width} outputs"
    if part.branches:
        traits["training"] = "a different formula than outside training"
    return traits


def formulas(part: Part) -> str:
    """Write a part's formula and its derivative, or say why that is not possible."""
    from nnplug.errors import FormulaError
    from nnplug.parts.written import write_formulas

    try:
        return write_formulas(part)
    except FormulaError as error:
        return f"The formula cannot be printed: {error}"
