"""Which part is which layer of PyTorch and Keras and which operator of ONNX: one table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from nnplug.errors import SettingError, UnknownPartError
from nnplug.importers.steps import Step, refuse
from nnplug.parts import Activation, OptionValue
from nnplug.plugins.registry import Registry
from nnplug.untrusted import printable

__all__ = ["ROWS", "Row", "Value", "row_for", "step_by_name"]

Framework = Literal["torch", "onnx", "keras"]


@dataclass(frozen=True)
class Value:
    """What a layer says beside its arrays.

    Attributes
    ----------
    torch, onnx, keras : str
        The names of the attribute; empty if the framework has none.
    default : object
        What ONNX takes where a node does not say.
    option : str
        The part's option that has this value; empty if the part has none, and
        the value must be one of `allowed`.
    allowed : tuple
        Numbers may differ in the digits that float32 does not keep.
    """

    torch: str
    onnx: str
    default: Any
    option: str = ""
    allowed: tuple[Any, ...] = ()
    keras: str = ""


@dataclass(frozen=True)
class Row:
    """A part and its counterparts.

    Attributes
    ----------
    part : str
    torch, onnx : str
        The class and the operator; empty if there is none.
    values : tuple of Value
    keras : str
        The class; Keras's functions are called as the parts are.
    """

    part: str
    torch: str
    onnx: str
    values: tuple[Value, ...] = ()
    keras: str = ""

    def is_called(self, framework: Framework, kind: str) -> bool:
        """Whether it is the part for a class, function or operator."""
        return getattr(self, framework) == kind or (framework == "keras" and self.part == kind)


_LAST_AXIS = (Value("dim", "axis", -1, allowed=(-1, 1), keras="axis"),)
_EPSILON = Value("eps", "epsilon", 1e-5, "epsilon", keras="epsilon")

ROWS = (
    Row("identity", "Identity", "Identity", keras="linear"),
    Row(
        "relu",
        "ReLU",
        "Relu",
        (
            Value("", "", 0.0, allowed=(0,), keras="negative_slope"),
            Value("", "", 0.0, allowed=(0,), keras="threshold"),
            Value("", "", None, allowed=(None,), keras="max_value"),
        ),
        keras="ReLU",
    ),
    Row(
        "relu6",
        "ReLU6",
        "",
        (
            Value("", "", 0.0, allowed=(0,), keras="negative_slope"),
            Value("", "", 0.0, allowed=(0,), keras="threshold"),
            Value("", "", 6.0, allowed=(6,), keras="max_value"),
        ),
        keras="ReLU",
    ),
    Row("sigmoid", "Sigmoid", "Sigmoid"),
    Row(
        "hard_sigmoid",
        "Hardsigmoid",
        "HardSigmoid",
        (Value("", "alpha", 0.2, allowed=(1 / 6,)), Value("", "beta", 0.5, allowed=(0.5,))),
    ),
    Row(
        "hard_tanh",
        "Hardtanh",
        "",
        (Value("min_val", "", -1.0, "low"), Value("max_val", "", 1.0, "high")),
    ),
    Row("tanh", "Tanh", "Tanh"),
    Row(
        "leaky_relu",
        "LeakyReLU",
        "LeakyRelu",
        (Value("negative_slope", "alpha", 0.01, "slope", keras="negative_slope"),),
        keras="LeakyReLU",
    ),
    Row("elu", "ELU", "Elu", (Value("alpha", "alpha", 1.0, "alpha", keras="alpha"),), keras="ELU"),
    Row("celu", "CELU", "Celu", (Value("alpha", "alpha", 1.0, "alpha", keras="alpha"),)),
    Row(
        "selu",
        "SELU",
        "Selu",
        (
            Value("", "alpha", 1.6732632, allowed=(1.6732632423543772,)),
            Value("", "gamma", 1.0507010, allowed=(1.0507009873554805,)),
        ),
    ),
    Row(
        "softplus",
        "Softplus",
        "Softplus",
        (Value("beta", "", 1, allowed=(1,)), Value("threshold", "", 20, allowed=(20,))),
    ),
    Row("silu", "SiLU", "Swish", (Value("", "alpha", 1.0, allowed=(1.0,)),)),
    Row("gelu", "GELU", "Gelu", (Value("approximate", "approximate", "none", allowed=("none",),
                                         keras="approximate"),)),
    Row(
        "gelu_tanh", "GELU", "Gelu",
        (Value("approximate", "approximate", "none", allowed=("tanh",), keras="approximate"),),
        keras="gelu",
    ),
    Row("softmax", "Softmax", "Softmax", _LAST_AXIS, keras="Softmax"),
    Row("log_softmax", "LogSoftmax", "LogSoftmax", _LAST_AXIS),
    Row(
        "dropout",
        "Dropout",
        "Dropout",
        (Value("p", "ratio", 0.5, "rate", keras="rate"),),
        keras="Dropout",
    ),
    Row(
        "batch_norm",
        "BatchNorm1d",
        "BatchNormalization",
        (
            _EPSILON,
            Value("momentum", "momentum", 0.9, "momentum", keras="momentum"),
            Value("", "training_mode", 0, allowed=(0,)),
            Value("", "spatial", 1, allowed=(1,)),
            Value("track_running_stats", "", True, allowed=(True,)),
            Value("", "", -1, allowed=(-1, 1), keras="axis"),
            Value("", "", False, allowed=(False,), keras="renorm"),
        ),
        keras="BatchNormalization",
    ),
    Row(
        "layer_norm",
        "LayerNorm",
        "LayerNormalization",
        (
            _EPSILON,
            Value("", "axis", -1, allowed=(-1, 1), keras="axis"),
            Value("", "stash_type", 1, allowed=(1, 11)),
            Value("", "", False, allowed=(False,), keras="rms_scaling"),
        ),
        keras="LayerNormalization",
    ),
    Row("rms_norm", "RMSNorm", "RMSNormalization", (
        _EPSILON, Value("", "axis", -1, allowed=(-1, 1)), Value("", "stash_type", 1,
                                                               allowed=(1, 11)),
    )),
)  # fmt: skip
"""The parts whose counterparts have a name of their own. Where a value decides which part
it is, there is a row for each."""


_OTHERS: dict[Framework, tuple[str, ...]] = {
    "torch": ("Linear", "Flatten", "Sequential"),
    "onnx": ("Gemm", "MatMul", "Add", "Flatten", "Reshape", "Cast"),
    "keras": ("Dense", "Activation", "Flatten", "Sequential"),
}
"""What the importers know beside the table."""


def row_for(
    framework: Framework, kind: str, said: Callable[[str, Any], Any], where: str
) -> tuple[Row, dict[str, OptionValue]] | None:
    """Find a layer's row and the part's options; None if there is no row.

    Parameters
    ----------
    said : callable
        Gives the value of an attribute, or its default.
    where : str
        What the layer is called in messages.

    Raises
    ------
    SettingError
        If a value is not one that the part has.
    """
    rows = [row for row in ROWS if row.is_called(framework, kind)]
    wrong: list[tuple[str, Any, tuple[Any, ...]]] = []
    for row in rows:
        named = [(getattr(value, framework), value) for value in row.values]
        told = [(name, said(name, value.default), value) for name, value in named if name]
        refused = [
            (name, found, value.allowed)
            for name, found, value in told
            if value.allowed and not any(_same(found, each) for each in value.allowed)
        ]
        if not refused:
            return row, {
                value.option: float(found) if isinstance(value.default, float) else found
                for _, found, value in told
                if value.option
            }
        wrong += refused
    if not rows:
        return None
    name, found, _ = wrong[0]
    allowed = [each for other, _, values in wrong if other == name for each in values]
    raise refuse(
        where,
        f"{name} is {printable(repr(found), 40)}, and the part {rows[0].part} has "
        f"{' or '.join(map(repr, allowed))}",
        "Train it anew here with that value, or write the part as a plugin.",
    )


def _same(found: Any, allowed: Any) -> bool:
    if isinstance(found, str | bytes) or isinstance(allowed, str) or None in (found, allowed):
        return bool(found == allowed)
    return isinstance(found, int | float) and math.isclose(found, allowed, rel_tol=1e-6)


def step_by_name(
    framework: Framework, kind: str, where: str, registry: Registry, plain: bool
) -> Step:
    """Find an installed activation that is called as the layer is, such as tanhshrink.

    Parameters
    ----------
    plain : bool
        Whether the layer has no arrays, and no value that the activation would need.

    Raises
    ------
    SettingError
        If there is none.
    """
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()
    if plain and re.fullmatch("[a-z][a-z0-9_]{0,60}", name):
        try:
            part = cast(Activation, registry.get("activation", name))
        except (UnknownPartError, SettingError):
            pass
        else:
            return Step(where, part.name, {}, {})
    known = {getattr(row, framework) or row.part for row in ROWS} | set(_OTHERS[framework])
    raise refuse(
        where,
        "no installed part is like it",
        f"Known are {', '.join(sorted(known))}, and activations that are called so. Write "
        f"a part {printable(name, 40)}: nnplug plugins new --help; or replace the layer.",
    )
