"""The registry: from a part's name to the part and the plugin that it comes from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Self, cast

from nnplug.errors import OptionError, PartError
from nnplug.hookspecs import REGISTER_HOOKS, TOOL_HOOKS
from nnplug.parts import KINDS, Layer, Optimizer, Part, PartText, parse_name, parse_part
from nnplug.plugins.loading import Plugins
from nnplug.plugins.messages import (
    Found,
    ambiguous,
    broken,
    name_culprits,
    not_of_kind,
    unknown,
    unknown_kind,
    with_article,
)
from nnplug.plugins.plugin import LOCAL, Plugin, normalise_package
from nnplug.tool import Tool

__all__ = ["Found", "FoundPart", "FoundTool", "Registry"]

FoundPart = tuple[Part, Plugin]
"""A part and the plugin that it comes from."""

FoundTool = tuple[Tool, Plugin]
"""An engine or exporter and the plugin that it comes from."""


class Registry:
    """Finds parts by kind and name, loading no more plugins than it must.

    A bare name is looked for among the built-in parts, then the local ones,
    then in the plugin whose entry point has the name, then in all plugins.
    So a run with built-in parts imports no third-party code, and the answer
    does not depend on what was loaded before.

    Parameters
    ----------
    blocked, allowed, strict, local
        As `Plugins` takes them; `allowed=()` leaves only the built-in parts.
    plugins : Plugins, optional
        The plugins themselves, in place of the other arguments.

    Raises
    ------
    PluginError
        If something in `local` cannot be loaded.

    Examples
    --------
    >>> registry = Registry()
    >>> registry.get("activation", "Leaky-ReLU:slope=0.2")
    <activation leaky_relu:slope=0.2>
    """

    def __init__(
        self,
        *,
        blocked: Collection[str] = (),
        allowed: Collection[str] | None = None,
        strict: bool = False,
        local: Collection[str] = (),
        plugins: Plugins | None = None,
    ) -> None:
        self.plugins = plugins or Plugins(
            blocked=blocked, allowed=allowed, strict=strict, local=local
        )
        self._asked: set[Plugin] = set()
        self._told: set[str] = set()
        self._given: dict[tuple[str, str], Found] = {}

    @classmethod
    def from_environment(cls, options: Sequence[str] = (), *, strict: bool = False) -> Self:
        """Make a registry from `-p` options and the environment's variables.

        Parameters
        ----------
        options : sequence of str, optional
            The values of `-p`: `no:NAME` blocks, anything else is loaded.
        strict : bool, optional
            The same as `NNPLUG_STRICT_PLUGINS=1`.
        """
        return cls(plugins=Plugins.from_environment(options, strict=strict))

    # --- one part ------------------------------------------------------------

    def get(self, kind: str, text: str | Part) -> Part:
        """Find a part by its text form.

        Parameters
        ----------
        kind : str
            `"activation"`, `"loss"`, `"optimizer"`, ...
        text : str or Part
            `name`, `name:key=value,...` or `package/name`; a part is returned
            as it is.

        Returns
        -------
        Part
            With the options that the text gives.

        Raises
        ------
        UnknownPartError
            If no plugin has the name.
        PluginError
            If two packages have it, or the plugin that has it is broken.
        OptionError
            If the text or an option is malformed.
        PartError
            If `text` is a part of another kind, or neither a part nor text.
        """
        if kind not in KINDS:
            raise unknown_kind(kind)
        if isinstance(text, Part) and text.kind == kind:
            return text
        if not isinstance(text, str):
            raise not_of_kind(kind, text)
        part = cast(Part, self._look_up(kind, parse_name(text)))
        said = parse_part(text, part.bare_option)
        if said.options:
            part = part.with_options(**said.options)
        return part if said.inner is None else self._around(part, said.inner)

    def _around(self, part: Part, inner: str) -> Part:
        """Wrap a part around the one in brackets after it."""
        if isinstance(part, Optimizer):
            return part.around(cast(Optimizer, self.get("optimizer", inner)))
        if isinstance(part, Layer):
            raise OptionError(f"{part.name}[{inner}]: layers are read together, as --layers is.")
        raise OptionError(
            f"{part.name}[{inner}]: {with_article(part.kind)} does not hold another part; leave "
            "out the brackets."
        )

    def tool(self, kind: str, text: str, *, also: Sequence[str] = ()) -> Tool:
        """Find an engine or an exporter by its name.

        Parameters
        ----------
        kind : str
            `"engine"` or `"exporter"`.
        text : str
            `name` or `package/name`; of an exporter, with options.
        also : sequence of str
            Words that are accepted in place of a name, for the message.

        Raises
        ------
        UnknownPartError
            If no plugin has the name.
        PluginError
            If two packages have it, or the plugin that has it is broken.
        OptionError
            If the text is malformed, or gives options.
        """
        asked = parse_part(text)
        found = cast(Tool, self._look_up(kind, replace(asked, options={}, inner=None), also))
        if asked.inner is not None:
            raise OptionError(f"{kind} {text!r}: it holds nothing; leave out the brackets.")
        return found.with_options(asked.options) if asked.options else found

    def provider(self, part: Part | Tool) -> Plugin:
        """Return the plugin that a part, with any options, or a tool comes from."""
        self.plugins.builtin(part.kind)  # a short form may name a part that nobody asked for
        local = Plugin(LOCAL, "", "", part.function.__module__, "loaded", [part])
        return next((plugin for plugin in self.plugins.known if plugin.provides(part)), local)

    # --- several parts -------------------------------------------------------

    def find(self, text: str, kind: str | None = None, *, load: bool = True) -> list[FoundPart]:
        """Find every part that a name may mean, in one kind or in all.

        Unlike `get`, it is not an error if two packages have the name, if a
        plugin is broken, or if there is no such part. If the name is built
        in, no package is loaded to look for more; with `load=False`, none ever is.
        """
        return _only_parts(self._find(text, _kinds(kind), load=load))

    def find_tools(self, text: str, *, load: bool = True) -> list[FoundTool]:
        """Find every engine and exporter that a name may mean, as `find` does for parts."""
        return _only_tools(self._find(text, TOOL_HOOKS.values(), load=load))

    def _find(self, text: str, kinds: Collection[str], *, load: bool) -> list[Found]:
        asked = parse_name(text)
        found = [own for kind in kinds for own in self._own(kind, asked)]
        if not found and load:
            found = [own for kind in kinds for own in self._installed(kind, asked, blame=False)]
        return found

    def parts(self, kind: str | None = None, *, load_all: bool = False) -> list[FoundPart]:
        """List the parts that are known so far, built-in ones first.

        Parameters
        ----------
        kind : str, optional
            Only those of one kind.
        load_all : bool, optional
            Load every plugin first.
        """
        return _only_parts(self._list(_kinds(kind), load_all=load_all))

    def tools(self, kind: str, *, load_all: bool = False) -> list[FoundTool]:
        """List the engines or exporters that are known so far, as `parts` does for parts."""
        return _only_tools(self._list([kind], load_all=load_all))

    def _list(self, kinds: Collection[str], *, load_all: bool = False) -> list[Found]:
        for kind in kinds:
            self.plugins.builtin(kind)
        if load_all:
            self.plugins.load_all()
        return _distinct(
            (part, plugin)
            for kind in kinds
            for plugin in self.plugins.known
            for part in plugin.provided
            if part.kind == kind
        )

    def names(self, kind: str, *, load_all: bool = False) -> list[str]:
        """List the names of a kind's parts, without aliases, in alphabetical order."""
        return sorted({part.name for part, _ in self.parts(kind, load_all=load_all)})

    def is_ambiguous(self, part: Part, plugin: Plugin) -> bool:
        """Whether a part's bare name would be an error, as far as plugins are loaded."""
        if plugin.state == "built-in" or plugin.package == LOCAL:
            return False
        rivals = _named(part.kind, part.name, self.plugins.installed)
        name = normalise_package(part.name)
        # Plugins whose entry point has the name come before the others.
        first = [found for found in rivals if normalise_package(found[1].entry_point) == name]
        packages = {normalise_package(rival.package) for _, rival in first or rivals}
        return len(packages) > 1 or normalise_package(plugin.package) not in packages

    def register(self, part: Part) -> Part:
        """Add a part of your own to this registry.

        Returns
        -------
        Part
            The same part, so that this can be used as a decorator.

        Raises
        ------
        PartError
            If it is not a part.
        PluginError
            If its name is taken.

        Examples
        --------
        >>> import nnplug
        >>> @nnplug.activation
        ... def cube(x):
        ...     return x**3
        >>> registry = Registry()
        >>> registry.get("activation", registry.register(cube).name)
        <activation cube>
        """
        if getattr(part, "kind", None) not in KINDS:
            raise PartError(f"{part!r} is not a part; make one with @nnplug.activation or another.")
        self.plugins.add_local(part)
        return part

    # --- what went wrong -----------------------------------------------------

    @property
    def warnings(self) -> list[str]:
        """A line for each plugin that failed unasked, part that was refused, and unmatched name.

        Plugins are not looked for: as long as none was needed, there are no warnings.
        """
        lines = self.plugins.unmatched if self.plugins.is_scanned else []
        for plugin in self.plugins.known:
            causes = [f"not loaded: {plugin.cause}"] if plugin.state == "failed" else []
            if plugin not in self._asked:
                lines += [
                    f"plugin {plugin.label}: {cause}; see: nnplug plugins show {plugin.package}"
                    for cause in (*causes, *plugin.notes)
                ]
        return lines

    def take_warnings(self) -> list[str]:
        """Return those of `warnings` that were not returned before."""
        new = [line for line in self.warnings if line not in self._told]
        self._told.update(new)
        return new

    @contextmanager
    def naming_culprits(self) -> Iterator[None]:
        """Let an error that comes from a plugin's part name its package and version.

        An error of nnplug's about a part gets a line that says where the part
        is from; any other that arose in a part's own file becomes a
        `PartError` with the author's file and line. Only parts that `get` has
        returned are looked at.
        """
        try:
            yield
        except Exception as error:
            name_culprits(error, list(self._given.values()))
            raise

    # --- resolution ----------------------------------------------------------

    def _look_up(self, kind: str, asked: PartText, also: Sequence[str] = ()) -> Part | Tool:
        """Find the one part or tool that is meant, and remember it if a plugin has it."""
        found = self._own(kind, asked) or self._installed(kind, asked, blame=True)
        if not found:
            kinds = REGISTER_HOOKS.values()
            others = [other for other in kinds if other != kind and self._own(other, asked)]
            raise unknown(kind, asked, self._list([kind]), others, self.plugins, also)
        if len(found) > 1:
            raise ambiguous(kind, asked, found)
        ((part, plugin),) = found
        if plugin.state != "built-in":
            self._given[plugin.plugin_name, part.text] = part, plugin
        return part

    def _own(self, kind: str, asked: PartText) -> list[Found]:
        """Look among built-in and then local parts; scans nothing."""
        package = normalise_package(asked.package) if asked.package is not None else None
        found: list[Found] = []
        if package in (None, "nnplug"):
            found = _named(kind, asked.name, self.plugins.builtin(kind))
        if not found and package in (None, LOCAL):
            local = [plugin for plugin in self.plugins.known if plugin.package == LOCAL]
            found = _named(kind, asked.name, local)
            if not found and package == LOCAL:
                found = [*self.plugins.find_part(kind, asked.name, local)]
        return found

    def _installed(self, kind: str, asked: PartText, *, blame: bool) -> list[Found]:
        """Look in the plugins: one package's, or else first the name's own and then all."""
        plugins, package = self.plugins, asked.package
        if package is not None:
            stages = [[p for p in plugins.load(package) if p.is_before_slash(package)]]
        else:
            stages = [plugins.load_entry_point(asked.name), plugins.installed]
        for stage in stages:
            if stage is plugins.installed:
                plugins.load_all()
            found = _named(kind, asked.name, stage)
            if found:
                return found
            if blame:
                self._raise_if_broken(kind, asked, stage)
        # Only by its package: a bare name must mean the same whatever was found before.
        return [*plugins.find_part(kind, asked.name, stages[0])] if package is not None else []

    def _raise_if_broken(self, kind: str, asked: PartText, plugins: Sequence[Plugin]) -> None:
        """Raise an error if what was asked for comes from a failed plugin."""
        name = normalise_package(asked.name)
        for plugin in plugins:
            if plugin.state == "failed" and (
                asked.package is not None
                or normalise_package(plugin.entry_point) == name
                or (kind, asked.name) in plugin.declared
            ):
                self._asked.add(plugin)
                raise broken(kind, asked.name, plugin) from plugin.error


def _named(kind: str, name: str, plugins: Sequence[Plugin]) -> list[Found]:
    return _distinct(
        (part, plugin)
        for plugin in plugins
        for part in plugin.provided
        if part.kind == kind and name in (part.name, *part.aliases)
    )


def _distinct(found: Iterable[Found]) -> list[Found]:
    """Drop repetitions: two entry points may name one module; the last of them stays."""
    return list({id(part): (part, plugin) for part, plugin in found}.values())


def _only_parts(found: Iterable[Found]) -> list[FoundPart]:
    return [(part, plugin) for part, plugin in found if isinstance(part, Part)]


def _only_tools(found: Iterable[Found]) -> list[FoundTool]:
    return [(tool, plugin) for tool, plugin in found if isinstance(tool, Tool)]


def _kinds(kind: str | None) -> list[str]:
    """List one kind of part, or all of them."""
    if kind is None:
        return list(KINDS)
    if kind not in KINDS:
        raise unknown_kind(kind)
    return [kind]
