"""The registry: from a part's name to the part and to who provides it."""

from __future__ import annotations

import textwrap
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
    UnknownPartError,
    suggest,
)
from nnplug.hookspecs import HOOKS
from nnplug.parts import KINDS, Layer, Optimizer, Part, PartText, parse_name, parse_part
from nnplug.plugins import LOCAL, PluginManager, Provider, normalise_package

__all__ = ["Found", "Registry"]

Found = tuple[Part, Provider]
"""A part and who provides it."""


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
        self._given: dict[tuple[str, str], Found] = {}

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
                raise PartError(f"{text.text!r} is {_a(text.kind)}, not {_a(kind)}.")
            return text
        if not isinstance(text, str):
            raise PartError(
                f"{text!r} is not {_a(kind)}. Give its name, or a part made with @nnplug.{kind}."
            )
        asked = parse_name(text)
        found = self._own(kind, asked) or self._installed(kind, asked, blame=True)
        if not found:
            raise self._unknown(kind, asked)
        if len(found) > 1:
            raise _ambiguous(kind, asked, found)
        part, provider = found[0]
        if provider.state != "built-in":
            self._given[provider.plugin_name, part.text] = found[0]
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
            f"{part.name}[{inner}]: {_a(part.kind)} holds no other part; leave out the brackets."
        )

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
        own = [found for each in kinds for found in self._own(each, asked)]
        if own or not load:
            return own
        return [found for each in kinds for found in self._installed(each, asked, blame=False)]

    def provider(self, part: Part) -> Provider:
        """Say who provides a part, whatever its options."""
        self.plugins.builtin(part.kind)  # a short form may name a part that nobody asked for
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
                f"{_called(part)} is from {provider.label}; check it with: nnplug plugins check "
                + _spelling(part, provider)
                for part, provider in self._given.values()
                if (isinstance(error, DivergedError) or _called(part) in message)
                and provider.label not in message
            ]
            error.args = ("\n".join([message, *lines]), *error.args[1:])
            raise
        except Exception as error:
            for frame in reversed(traceback.extract_tb(error.__traceback__)):
                for part, provider in self._given.values():
                    if part.place.rpartition(":")[0] == frame.filename:
                        raise PartError(
                            f"{_called(part)} of {provider.label} failed:\n"
                            f"{frame.filename}:{frame.lineno}: {type(error).__name__}: {error}\n"
                            f"Check it with: nnplug plugins check {_spelling(part, provider)}"
                        ) from error
            raise

    # --- resolution ----------------------------------------------------------

    def _own(self, kind: str, asked: PartText) -> list[Found]:
        """Look among built-in and then local parts; scans nothing."""
        package = normalise_package(asked.package) if asked.package is not None else None
        found: list[Found] = []
        if package in (None, "nnplug"):
            found = _named(kind, asked.name, [self.plugins.builtin(kind)])
        if not found and package in (None, LOCAL):
            local = [each for each in self.plugins.known if each.package == LOCAL]
            found = _named(kind, asked.name, local)
        return found

    def _installed(self, kind: str, asked: PartText, *, blame: bool) -> list[Found]:
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

    def _unknown(self, kind: str, asked: PartText) -> UnknownPartError:
        """Say what was asked, what is near, what there is and what failed."""
        known = self.parts(kind)
        if asked.package is not None:
            wanted = normalise_package(asked.package)
            known = [each for each in known if normalise_package(each[1].package) == wanted]
        names = {name for part, _ in known for name in (part.name, *part.aliases)}
        prefix = f"{asked.package}/" if asked.package is not None else ""
        lines = [f"There is no {kind} {prefix + asked.name!r}.{suggest(asked.name, names)}"]
        other = [each for each in HOOKS.values() if each != kind and self._own(each, asked)]
        if other:
            lines.append(f"{asked.name!r} is the name of {_a(other[0])}.")
        groups: dict[str, list[str]] = {}
        for part, provider in known:
            groups.setdefault(provider.label, []).append(part.name)
        if groups:
            lines.append(f"Installed {KINDS[kind].plural}:")
            lines += [
                _fill(f"{label}: {', '.join(sorted(group))}") for label, group in groups.items()
            ]
        elif asked.package is not None:
            lines.append(self._about_package(kind, asked.package))
        package = asked.package
        troubled = [
            each
            for each in self.plugins.installed
            if each.state in ("failed", "blocked") and (package is None or each.is_called(package))
        ]
        if troubled:
            lines += ["Not loaded, and may hold it:", *_not_loaded(troubled)]
        refused = [
            f"plugin {each.label}: {note}"
            for each in self.plugins.installed
            for note in each.notes
            if (kind, asked.name) in each.declared and repr(asked.name) in note
        ]
        return UnknownPartError("\n".join([*lines, *refused, *self.plugins.unmatched]))

    def _about_package(self, kind: str, package: str) -> str:
        labels = {each.package: each.label for each in self.plugins.installed}
        if any(normalise_package(each) == normalise_package(package) for each in labels):
            return f"Package {package!r} has no {kind}; see: nnplug plugins show {package}"
        listed = ", ".join(labels.values()) or "none"
        return f"No plugin package {package!r} is installed. Installed: {listed}."


def _fill(text: str) -> str:
    return textwrap.fill(
        text,
        width=79,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _not_loaded(providers: Iterable[Provider]) -> list[str]:
    """Write one line for each failed plugin, and one for all that are blocked alike."""
    blocked: dict[str, list[str]] = {}
    lines = []
    for each in providers:
        if each.state == "blocked":
            blocked.setdefault(each.cause, []).append(each.label)
        else:
            lines.append(f"  {each.label} (entry point {each.entry_point}): {each.cause}")
    return [
        *lines,
        *(_fill(f"{cause}: {', '.join(dict.fromkeys(each))}") for cause, each in blocked.items()),
    ]


def _named(kind: str, name: str, providers: Sequence[Provider]) -> list[Found]:
    return _distinct(
        (part, provider)
        for provider in providers
        for part in provider.parts
        if part.kind == kind and name in (part.name, *part.aliases)
    )


def _distinct(found: Iterable[Found]) -> list[Found]:
    """Drop repetitions: two entry points may name one module."""
    return list({id(part): (part, provider) for part, provider in found}.values())


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise PartError(
            f"There is no kind of part {kind!r}.{suggest(kind, KINDS)} "
            f"The kinds are {', '.join(KINDS)}."
        )


def _ambiguous(kind: str, asked: PartText, found: list[Found]) -> PluginError:
    packages = {normalise_package(provider.package) for _, provider in found}
    if len(packages) == 1:
        lines = [
            f"{kind} {asked.name!r} is defined more than once by {found[0][1].label}:",
            *(f"  {part.place}" for part, _ in found),
            "Way out: give one of them another name.",
        ]
        return PluginError("\n".join(lines))
    options = ",".join(f"{key}={value}" for key, value in asked.options.items())
    spellings = [
        f"{provider.package}/{asked.name}{':' + options if options else ''}"
        for _, provider in found
    ]
    width = max(map(len, spellings))
    lines = [
        f"{kind} {asked.name!r} is in {len(packages)} packages; say which:",
        *(
            f"  {spelling:{width}}  from {provider.label}"
            for spelling, (_, provider) in zip(spellings, found, strict=True)
        ),
    ]
    return PluginError("\n".join(lines))


def _called(part: Part) -> str:
    return f"{part.kind} {part.name!r}"


def _spelling(part: Part, provider: Provider) -> str:
    """Write what the command line may call a part, whoever else has its name."""
    if provider.package == LOCAL:
        return provider.entry_point or part.name
    return f"{provider.package}/{part.name}"


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
