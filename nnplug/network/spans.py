"""Where a network's arrays lie in its vector, and their factors on rates and penalties."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from nnplug.errors import SettingError
from nnplug.parts import Parameter, Placed, State
from nnplug.types import AnyArray

__all__ = ["FAN_IN", "Span", "grouped", "spans_of"]

FAN_IN = "fan_in^"
"""How a factor begins that is a power of an array's number of inputs."""

LISTED = 12
"""The most names that a message lists."""


@dataclass(frozen=True)
class Span:
    """Where one array lies in the vector.

    Attributes
    ----------
    name : str
        `"hidden1.weight"`: the names of the layer and of the formula's argument.
    start, stop : int
        Its first index in the vector, and the index after its last.
    shape : tuple of int
        (fan_in, fan_out) for a dense layer's weight, (fan_out,) for its bias.
    penalised : float
        A factor on penalties; by default 1, and 0 for biases.
    decays : float
        A factor on the optimizer's weight decay; by default 1.
    rate : float
        A factor on the learning rate.
    is_state : bool
        Whether it is a state, which training steps replace, and not a parameter.
    """

    name: str
    start: int
    stop: int
    shape: tuple[int, ...]
    penalised: float = 0.0
    decays: float = 1.0
    rate: float = 1.0
    is_state: bool = False

    def view(self, vector: AnyArray) -> AnyArray:
        """Give its part of a vector, in its shape."""
        return vector[self.start : self.stop].reshape(self.shape)


def spans_of(placed: Sequence[Placed]) -> Iterator[Span]:
    """Lay the arrays of layers one after the other: parameters, then states."""
    arrays = [array for layer in placed for array in layer.arrays]
    start = 0
    for kind in (Parameter, State):
        for array in arrays:
            if isinstance(array.declared, kind):
                stop = start + math.prod(array.shape)
                span = Span(array.name, start, stop, array.shape, is_state=kind is State)
                if isinstance(array.declared, Parameter):
                    penalised, rate = float(array.declared.decay), array.declared.rate
                    span = replace(span, penalised=penalised, rate=rate)
                yield span
                start = stop


def _number(factor: float | str, span: Span) -> float:
    """Give a factor, or a power of an array's number of inputs, as a number."""
    if not isinstance(factor, str):
        return factor
    fan_in = span.shape[0] if len(span.shape) == 2 else 1
    return float(fan_in ** float(factor.removeprefix(FAN_IN)))


def grouped(
    spans: Sequence[Span],
    *,
    rate: Mapping[str, float | str],
    decay: Mapping[str, float | str],
) -> tuple[Span, ...]:
    """Give some arrays a learning rate, or a decay, of their own.

    Parameters
    ----------
    rate, decay : mapping of str to float or str
        Factors by patterns of names, such as `"*.bias"`; the last pattern that
        fits counts. A decay is a factor on penalties and on the optimizer's
        weight decay. `"fan_in^-0.5"` is a power of an array's own number of
        inputs, which is 1 for a vector.

    Raises
    ------
    SettingError
        If a pattern fits no array.
    """
    learned = [span for span in spans if not span.is_state]
    for what, factors in (("rate", rate), ("decay", decay)):
        for pattern in factors:
            if not any(fnmatchcase(span.name, pattern) for span in learned):
                names = ", ".join(span.name for span in learned[:LISTED])
                more = f" and {len(learned) - LISTED} more" * (len(learned) > LISTED)
                raise SettingError(
                    f"{what}={pattern!r}: no array has such a name. There are {names}{more}."
                )

    def given(span: Span) -> Span:
        for pattern, factor in rate.items():
            if fnmatchcase(span.name, pattern):
                span = replace(span, rate=_number(factor, span))
        for pattern, factor in decay.items():
            if fnmatchcase(span.name, pattern):
                own = _number(factor, span)
                span = replace(span, penalised=own, decays=own)
        return span

    return tuple(map(given, spans))
