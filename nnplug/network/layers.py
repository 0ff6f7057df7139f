"""Layers by their text form, and what short forms stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from nnplug.errors import OptionError, PartError, UnknownPartError, suggest
from nnplug.parts import Activation, Layer, LayerText, Part, parse_layers, parse_part
from nnplug.plugins.registry import Registry

__all__ = ["find_layers", "flat"]


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
        If no layer or activation has a name that is asked for.
    PartError
        If something is neither text nor a part, or a layer holds layers that
        can hold none.
    """
    if isinstance(asked, str):
        return [_find(each, registry) for each in parse_layers(asked)]
    found: list[Activation | Layer] = []
    for each in asked:
        if isinstance(each, str):
            found += find_layers(each, registry)
        elif isinstance(each, Activation | Layer):
            found.append(each)
        else:
            raise PartError(f"{each!r} is neither a layer nor an activation, nor the name of one.")
    return found


def flat(layers: Sequence[Activation | Layer]) -> Iterator[Activation | Layer]:
    """List layers, each before those that it holds."""
    for each in layers:
        yield each
        if isinstance(each, Layer):
            yield from flat(each.inner)


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
    return part.around([_find(each, registry) for each in said.inner])


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
        raise UnknownPartError(
            f"{line}\n{rest}Activations stand among layers, too: {', '.join(names)}."
        ) from None
    raise AssertionError("what is not found is not there")
