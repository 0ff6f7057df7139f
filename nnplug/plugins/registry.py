"""The registry: from a part's name to the part and to who provides it."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self, cast

from nnplug.errors import (
    DivergedError,
    NnplugError,
    OptionError,
    PartError,
    PluginError,
    suggest,
)
from nnplug.hookspecs import HOOKS, TOOL_HOOKS
from nnplug.parts import KINDS, Layer, Optimizer, Part, PartText, parse_name, parse_part
from nnplug.plugins.manager import LOCAL, PluginManager, Provider, normalise_package
from nnplug.plugins.not_found import FoundEither, ambiguous, called, unknown, way_out, with_article
from nnplug.tool import Tool

__all__ = ["Found", "FoundTool", "Registry"]

Found = tuple[Part, Provider]
"""A part and who provides it."""

FoundTool = tuple[Tool, Provider]
"""An engine or exporter, and who provides it."""


class Registry:
    """Finds parts by kind and name, loading no more plugins than it must.

    A bare name is looked for among the built-in parts, then the local ones,
    then in the plugin whose entry point bears the name, then in all plugins.
    So a run with built-in parts imports no third-party code, and the answer
    does not depend on what was loaded before.

    Parameters
    ----------
    plugins : PluginManager, optional
        A new one, which blocks nothing, by default.

    Examples
    --------
    >>> registry = Registry()
    >>> registry.get("activation", "Leaky-ReLU:slope=0.2")
    <activation leaky_relu:slope=0.2>
    """

    def __init__(self, plugins: PluginManager | None = None) -> None:
        self.plugins = plugins if plugins is not None else PluginManager()
        self._asked: set[Provider] = set()
        self._told: set[str] = set()
        self._given: dict[tuple[str, str], FoundEither] = {}

    @classmethod
    def from_environment(cls, options: Sequence[str] = (), *, strict: bool = False) -> Self:
        """Make a registry from `-p` options and the environment's variables.

        See `PluginManager.from_environment`.
        """
        return cls(PluginManager.from_environment(options, strict=strict))

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
            If a part of another kind, or no part at all, is passed.
        """
        _check_kind(kind)
        if isinstance(text, Part):
            if text.kind != kind:
                raise PartError(
                    f"{text.text!r} is {with_article(text.kind)}, not {with_article(kind)}."
                )
            return text
        if not isinstance(text, str):
            raise PartError(
                f"{text!r} is not {with_article(kind)}. Give its name, or a part made with "
                f"@nnplug.{kind}."
            )
        part, provider = self._look_up(kind, parse_name(text))
        assert isinstance(part, Part)
        if provider.state != "built-in":
            self._given[provider.plugin_name, part.text] = part, provider
        said = parse_part(text, part.bare_option)
        if said.options:
            part = part.with_options(**said.options)
        return part if said.inner is None else self._around(part, said.inner)

    def _around(self, part: Part, inner: str) -> Part:
        """Put a part around the one that stands in brackets after it."""
        if isinstance(part, Optimizer):
            return part.around(cast(Optimizer, self.get("optimizer", inner)))
        if isinstance(part, Layer):
            raise OptionError(f"{part.name}[{inner}]: layers are read together, as --layers is.")
        raise OptionError(
            f"{part.name}[{inner}]: {with_article(part.kind)} holds no other part; leave out the "
            "brackets."
        )

    def tool(self, kind: str, text: str, *, also: Sequence[str] = ()) -> Tool:
        """Find an engine or an exporter by its name.

        Parameters
        ----------
        kind : str
            `"engine"` or `"exporter"`.
        text : str
            `name` or `package/name`.
        also : sequence of str
            Words that may stand in a name's place; for the message.

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
        if asked.options or asked.inner is not None:
            raise OptionError(
                f"{kind} {text!r}: {with_article(kind)} has no options; give its name alone."
            )
        tool, provider = self._look_up(kind, asked, also)
        assert isinstance(tool, Tool)
        if provider.state != "built-in":
            self._given[provider.plugin_name, tool.text] = tool, provider
        return tool

    def find_tools(self, text: str, *, load: bool = True) -> list[FoundTool]:
        """Find every engine and exporter that a name may mean; as `find` does for parts."""
        asked, kinds = parse_name(text), TOOL_HOOKS.values()
        found = [each for kind in kinds for each in self._own(kind, asked)]
        if not found and load:
            found = [each for kind in kinds for each in self._installed(kind, asked, blame=False)]
        return [(tool, provider) for tool, provider in found if isinstance(tool, Tool)]

    def find(self, text: str, kind: str | None = None, *, load: bool = True) -> list[Found]:
        """Find every part that a name may mean, in one kind or in all.

        Unlike `get`, two packages with one name are no error here, nor is a
        broken plugin, nor a name that nobody has. If the name is built in,
        no package is loaded for more of it; with `load=False`, none ever.
        """
        asked = parse_name(text)
        kinds = [kind] if kind is not None else list(HOOKS.values())
        for each in kinds:
            _check_kind(each)
        own = [found for each in kinds for found in _parts(self._own(each, asked))]
        if own or not load:
            return own
        return [
            found for each in kinds for found in _parts(self._installed(each, asked, blame=False))
        ]

    def provider(self, part: Part | Tool) -> Provider:
        """Say who provides a part, whatever its options, or a tool."""
        self.plugins.builtin(part.kind)  # a short form may name a part that nobody asked for
        if isinstance(part, Tool):
            having = (each for each in self.plugins.known if part in each.tools)
            local = Provider(LOCAL, "", "", part.function.__module__, "loaded", tools=[part])
            return next(having, local)
        for provider in self.plugins.known:
            if any(each.function is part.function and each.kind == part.kind
                   and each.name == part.name for each in provider.parts):  # fmt: skip
                return provider
        return Provider(LOCAL, "", "", part.function.__module__, "loaded", parts=[part])

    # --- many parts ----------------------------------------------------------

    def parts(self, kind: str | None = None, *, load_all: bool = False) -> list[Found]:
        """List the parts that are known so far, built-in ones first.

        Parameters
        ----------
        kind : str, optional
            Only those of one kind.
        load_all : bool, optional
            Load every plugin first.
        """
        if kind is not None:
            _check_kind(kind)
        kinds = [kind] if kind is not None else list(HOOKS.values())
        for each in kinds:
            self.plugins.builtin(each)
        if load_all:
            self.plugins.load_all()
        return _distinct(
            (part, provider)
            for each in kinds
            for provider in self.plugins.known
            for part in provider.parts
            if part.kind == each
        )

    def tools(self, kind: str, *, load_all: bool = False) -> list[FoundTool]:
        """List the engines or exporters that are known so far, built-in ones first.

        Parameters
        ----------
        kind : str
        load_all : bool, optional
            Load every plugin first.
        """
        self.plugins.builtin(kind)
        if load_all:
            self.plugins.load_all()
        found = [(each, owner) for owner in self.plugins.known for each in owner.tools]
        return list(
            {id(each): (each, owner) for each, owner in found if each.kind == kind}.values()
        )

    def is_ambiguous(self, part: Part, provider: Provider) -> bool:
        """Whether a part's bare name would be an error, as far as plugins are loaded."""
        if provider.state == "built-in" or provider.package == LOCAL:
            return False
        rivals = _named(part.kind, part.name, self.plugins.installed)
        name = normalise_package(part.name)
        called = [each for each in rivals if normalise_package(each[1].entry_point) == name]
        packages = {normalise_package(each.package) for _, each in called or rivals}
        return len(packages) > 1 or normalise_package(provider.package) not in packages

    def names(self, kind: str, *, load_all: bool = False) -> list[str]:
        """List the names of a kind's parts, without aliases, in alphabetical order."""
        return sorted({part.name for part, _ in self.parts(kind, load_all=load_all)})

    def register(self, part: Part) -> Part:
        """Add a part of one's own to this registry.

        Returns
        -------
        Part
            The same, so that this may stand above a definition as a decorator.

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

    # --- what went wrong with plugins that nobody asked for -------------------

    @property
    def warnings(self) -> list[str]:
        """One line for each plugin that failed unasked, part refused, or blocking that blocks none.

        Nothing is looked for: as long as no plugin was needed, there are none.
        """
        lines = self.plugins.unmatched if self.plugins.is_scanned else []
        for provider in self.plugins.known:
            causes = [f"not loaded: {provider.cause}"] if provider.state == "failed" else []
            if provider not in self._asked:
                lines += [
                    f"plugin {provider.label}: {cause}; see: nnplug plugins show {provider.package}"
                    for cause in (*causes, *provider.notes)
                ]
        return lines

    def take_warnings(self) -> list[str]:
        """Give those of `warnings` that were not given before."""
        new = [line for line in self.warnings if line not in self._told]
        self._told.update(new)
        return new

    @contextmanager
    def naming_culprits(self) -> Iterator[None]:
        """Let an error that comes from a plugin's part name its package and version.

        An error of nnplug's about a part gets a line that says where the part
        is from; any other that arose in a part's own file becomes a
        `PartError` with the author's file and line. Only parts that `get` has
        given are looked at.
        """
        try:
            yield
        except NnplugError as error:
            message = str(error)
            lines = [
                f"{called(part)} is from {provider.label}; {way_out(part, provider)}"
                for part, provider in self._given.values()
                if (isinstance(error, DivergedError) or called(part) in message)
                and provider.label not in message
            ]
            error.args = ("\n".join([message, *lines]), *error.args[1:])
            raise
        except Exception as error:
            for frame in reversed(traceback.extract_tb(error.__traceback__)):
                for part, provider in self._given.values():
                    if part.place.rpartition(":")[0] == frame.filename:
                        advice = way_out(part, provider)
                        raise PartError(
                            f"{called(part)} of {provider.label} failed:\n"
                            f"{frame.filename}:{frame.lineno}: {type(error).__name__}: {error}\n"
                            f"{advice[0].upper()}{advice[1:]}"
                        ) from error
            raise

    # --- resolution ----------------------------------------------------------

    def _look_up(
        self, kind: str, asked: PartText, also: Sequence[str] = ()
    ) -> tuple[Part | Tool, Provider]:
        """Find the one part or tool that is meant."""
        found = self._own(kind, asked) or self._installed(kind, asked, blame=True)
        if not found:
            known = self.parts(kind) if kind in KINDS else self.tools(kind)
            every = (*HOOKS.values(), *TOOL_HOOKS.values())
            others = [each for each in every if each != kind and self._own(each, asked)]
            raise unknown(kind, asked, known, others, self.plugins, also)
        if len(found) > 1:
            raise ambiguous(kind, asked, found)
        return found[0]

    def _own(self, kind: str, asked: PartText) -> list[FoundEither]:
        """Look among built-in and then local parts; scans nothing."""
        package = normalise_package(asked.package) if asked.package is not None else None
        found: list[FoundEither] = []
        if package in (None, "nnplug"):
            found = _named(kind, asked.name, self.plugins.builtin(kind))
        if not found and package in (None, LOCAL):
            local = [each for each in self.plugins.known if each.package == LOCAL]
            found = _named(kind, asked.name, local)
        return found

    def _installed(self, kind: str, asked: PartText, *, blame: bool) -> list[FoundEither]:
        """Look in the plugins: one package's, or else the name's own, then all."""
        plugins = self.plugins
        if asked.package is not None:
            wanted = normalise_package(asked.package)
            called = plugins.load(asked.package)
            stages = [[each for each in called if normalise_package(each.package) == wanted]]
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
        return []

    def _raise_if_broken(self, kind: str, asked: PartText, providers: list[Provider]) -> None:
        """Make it an error if what was asked for comes from a failed plugin."""
        name = normalise_package(asked.name)
        for provider in providers:
            if provider.state == "failed" and (
                asked.package is not None
                or normalise_package(provider.entry_point) == name
                or (kind, asked.name) in provider.declared
            ):
                self._asked.add(provider)
                raise PluginError(
                    f"{kind} {asked.name!r} is asked for, and plugin {provider.label} (entry point "
                    f"{provider.entry_point}) cannot be loaded:\n{provider.cause}\n"
                    f"Way out: pip install --upgrade {provider.package}, or leave it out with "
                    f"-p no:{provider.package}.\n"
                    f"The traceback: nnplug plugins show {provider.package}"
                ) from provider.error


def _named(kind: str, name: str, providers: Sequence[Provider]) -> list[FoundEither]:
    found: list[FoundEither] = [
        (each, provider)
        for provider in providers
        for each in provider.provided
        if each.kind == kind and name in (each.name, *each.aliases)
    ]
    return list({id(each): (each, provider) for each, provider in found}.values())


def _parts(found: Iterable[FoundEither]) -> list[Found]:
    return [(each, provider) for each, provider in found if isinstance(each, Part)]


def _distinct(found: Iterable[Found]) -> list[Found]:
    """Drop repetitions: two entry points may name one module."""
    return list({id(part): (part, provider) for part, provider in found}.values())


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise PartError(
            f"There is no kind of part {kind!r}.{suggest(kind, KINDS)} "
            f"The kinds are {', '.join(KINDS)}."
        )
