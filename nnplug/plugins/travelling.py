"""Local plugins that travel: the text of a file of `-p` is sent to where its parts are used."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Self

from nnplug.errors import PluginError
from nnplug.plugins.registry import Registry

__all__ = ["Luggage"]


@dataclass(frozen=True)
class Luggage:
    """What a process needs to find the same plugins as the one that sends it.

    Attributes
    ----------
    plugins : tuple of str
        The values of `-p`.
    strict : bool
        Whether the failure of any plugin is an error.
    files : tuple of tuple of str
        Of each file among the plugins: the value of `-p`, its text and the text's digest.
        Whoever runs it later runs what was there when it was read.
    """

    plugins: tuple[str, ...] = ()
    strict: bool = False
    files: tuple[tuple[str, str, str], ...] = ()

    @classmethod
    def pack(cls, plugins: Sequence[str], *, strict: bool = False) -> Self:
        """Read the files among the plugins.

        Raises
        ------
        PluginError
            If one cannot be read.
        """
        files = []
        for plugin in plugins:
            if not plugin.endswith(".py"):
                continue
            try:
                text = Path(plugin).read_bytes().decode()
            except OSError as error:
                raise PluginError(f"-p {plugin}: {error.strerror or error}.") from None
            except UnicodeDecodeError as error:
                raise PluginError(f"-p {plugin}: it is not UTF-8: {error}.") from None
            files.append((plugin, text, _digest(text)))
        return cls(tuple(plugins), strict, tuple(files))

    @property
    def registry(self) -> Registry:
        """The parts of this process, found once.

        Raises
        ------
        PluginError
            If a plugin cannot be loaded, or a text is not the one that was sent.
        """
        return _registry(self)

    def _unpack(self) -> list[str]:
        """Return what `-p` would be here: a file of the same text, or one that is written."""
        places = {}
        for plugin, text, digest in self.files:
            if _digest(text) != digest:
                raise PluginError(f"-p {plugin}: its text was changed on its way here.")
            path = Path(plugin)
            try:
                same = path.read_bytes() == text.encode()
            except OSError:
                same = False
            if not same:
                path = Path(_folder()) / digest / path.name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(text.encode())
            places[plugin] = str(path)
        return [places.get(plugin, plugin) for plugin in self.plugins]


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=4)
def _registry(luggage: Luggage) -> Registry:
    return Registry.from_environment(luggage._unpack(), strict=luggage.strict)


@cache
def _folder() -> str:
    # A folder of this process alone, so that nobody else chooses what is imported from it.
    kept = tempfile.TemporaryDirectory(prefix="nnplug-")
    _kept().append(kept)
    return kept.name


@cache
def _kept() -> list[tempfile.TemporaryDirectory[str]]:
    """Hold the folder until the process ends, which removes it."""
    return []
