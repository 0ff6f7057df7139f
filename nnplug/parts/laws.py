"""Laws by which a layer draws the start of its arrays itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nnplug.errors import PartError
from nnplug.formulas.refusal import author_line

__all__ = ["Drawn", "drawn"]


@dataclass(frozen=True)
class Drawn:
    """A law that a layer itself has for the start of an array, whatever the run's initializer.

    Attributes
    ----------
    law : str
        `"normal"`, with mean 0, or `"uniform"`, from -scale to scale.
    scale : float or str
        The deviation, or the bound; or the option that it is computed from.
    power : float
        The scale is the option to this power.
    """

    law: Literal["normal", "uniform"]
    scale: float | str
    power: float = 1.0

    def draw(self, generator: Any, shape: tuple[int, ...], options: Mapping[str, Any]) -> Any:
        """Draw an array."""
        scale = self.scale
        if isinstance(scale, str):
            scale = float(options[scale]) ** self.power
        if self.law == "normal":
            return scale * generator.normal(size=shape)
        return generator.uniform(-scale, scale, shape)

    def __str__(self) -> str:
        to = f"^{self.power:g}" if self.power != 1 else ""
        scale = f"{self.scale:g}" if isinstance(self.scale, float) else f"{self.scale}{to}"
        return f"normal, deviation {scale}" if self.law == "normal" else f"uniform on ±{scale}"


def drawn(law: Literal["normal", "uniform"], scale: float | str, power: float = 1.0) -> Drawn:
    """Give the law that a parameter's start is drawn by, in place of the run's initializer.

    `parameter("D", start=drawn("normal", "sigma"))` has the deviation that the option
    `sigma` says, and `drawn("uniform", "units", -0.5)` the bound 1/√units.

    Parameters
    ----------
    law : str
        `"normal"`, with mean 0, or `"uniform"`, from -scale to scale.
    scale : float or str
        The deviation, or the bound; or the name of an option.
    power : float, optional
        Of the option.

    Raises
    ------
    PartError
        If the law is unknown.
    """
    if law not in ("normal", "uniform"):
        raise PartError(f"{author_line()}drawn: {law!r} is neither 'normal' nor 'uniform'.")
    return Drawn(law, scale if isinstance(scale, str) else float(scale), float(power))
