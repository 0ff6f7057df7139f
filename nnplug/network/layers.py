"""Finding layers by their text form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from nnplug.errors import OptionError, PartError, UnknownPartError, suggest
from nnplug.parts import Activation, InputColumn, Layer, LayerText, Part, parse_layers, parse_part
from nnplug.plugins.registry import Registry

__all__ = ["arrange_all", "find_layers", "flat"]


def find_layers(asked: str | Sequence[str | Part], registry: Registry) -> list[Activation | Layer]:
    """Find the layers of a network.

    Parameters
    ----------
    asked : str or sequence
        The text form, `"dense:64 gelu dropout:0.1"`, or its pieces and parts.

    Raises
    ------
    OptionError
        If the text is malformed.
    UnknownPartError
        If no layer or activation has one of the names.
    PartError
        If something is neither text nor a part, or a layer that can hold none
        is given layers.
    """
    if isinstance(asked, str):
        return [_find(text, registry) for text in parse_layers(asked)]
    found: list[Activation | Layer] = []
    for item in asked:
        if isinstance(item, str):
            found += find_layers(item, registry)
        elif isinstance(item, Activation | Layer):
            found.append(item)
        else:
            raise PartError(f"{item!r} is neither a layer nor an activation, nor the name of one.")
    return found


def arrange_all(
    parts: Sequence[Activation | Layer], columns: Sequence[InputColumn]
) -> list[Activation | Layer]:
    """Fill the first layers, as far as they look at what the inputs are; see `Layer.arranged`."""
    found = list(parts)
    for number, part in enumerate(parts):
        if not isinstance(part, Layer) or part.arrange is None:
            break
        found[number], _, columns = part.arranged(columns)
    return found


def flat(layers: Sequence[Activation | Layer]) -> Iterator[Activation | Layer]:
    """List layers, each before those that it holds."""
    for part in layers:
        yield part
        if isinstance(part, Layer):
            yield from flat(part.inner)


def _find(said: LayerText, registry: Registry) -> Activation | Layer:
    part = _named(said.text, registry)
    if said.inner is None:
        if isinstance(part, Layer) and part.holds:
            raise OptionError(
                f"layer {part.name!r} holds layers: write them in brackets, as in "
                f"{part.name}[dense:64 relu]."
            )
        return part
    if not isinstance(part, Layer):
        raise OptionError(f"{said.text}[...]: {part.name!r} is an activation, and holds no layers.")
    return part.around([_find(text, registry) for text in said.inner])


def _named(text: str, registry: Registry) -> Activation | Layer:
    """Find a layer, or an activation; its first option may be given by its value alone."""
    name = text.partition(":")[0]
    for kind in ("layer", "activation"):
        if registry.find(name, kind):
            bare = registry.get(kind, name)
            first = next(iter(bare.defaults), None)
            options = parse_part(text, first).options
            return cast(Activation | Layer, bare.with_options(**options))
    try:
        registry.get("layer", name)
    except UnknownPartError as error:
        names = registry.names("activation")
        line, rest = (f"{error}\n").split("\n", 1)
        if line.endswith(f"{name!r}."):
            line += suggest(name, names)
        known = [found for found in registry.parts() if found[0].kind == "activation"]
        own = [part.name for part, plugin in known if plugin.state == "built-in"]
        others, listed = len(known) - len(own), ", ".join(sorted(own))
        more = f", and {others} of packages" if others else ""
        raise UnknownPartError(
            f"{line}\n{rest}Activations stand among layers, too: {listed}{more}."
        ) from None
    raise AssertionError("the registry found a layer that it had not found before")
