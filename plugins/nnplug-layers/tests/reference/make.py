"""Write layers.json: values and derivatives of layers of PyTorch and Keras, in float64.

    KERAS_BACKEND=torch python make.py

Made with torch 2.13.0 and keras 3.15.1, which normalises in float32 whatever it is
given. Derivatives are those of sum(g·y), by
PyTorch's autograd. A case has the layer's text form, its arrays, x, g, the noise
where there is any, the value, and the derivatives by x and by the arrays.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import torch
from torch import nn
from torch.nn import functional

torch.set_default_dtype(torch.float64)
keras.config.set_floatx("float64")
generator = np.random.default_rng(15)
cases: list[dict[str, Any]] = []


def drawn(*shape: int) -> torch.Tensor:
    return torch.tensor(generator.normal(size=shape), requires_grad=True)


def case(source: str, text: str, x: Any, arrays: dict[str, Any], y: Any, **more: Any) -> None:
    g = torch.tensor(generator.normal(size=y.shape))
    given = {"x": x, **{k: v for k, v in arrays.items() if v.requires_grad}}
    slopes = torch.autograd.grad(torch.sum(g * y), list(given.values()), retain_graph=True)
    cases.append(
        {
            "source": source,
            "layer": text,
            "x": x.tolist(),
            "g": g.tolist(),
            "arrays": {name: array.tolist() for name, array in arrays.items()},
            "value": y.tolist(),
            "slopes": {k: one.tolist() for k, one in zip(given, slopes, strict=True)},
            **{name: value.tolist() for name, value in more.items()},
        }
    )


N, D, H = 5, 4, 3
for size in (1.0, 1e-6, 30.0):
    for p in (1.0, 2.0, 3.5):
        x = (drawn(N, D) * size).detach().requires_grad_()
        case("torch.nn.functional.normalize", f"lp_norm:p={p}", x, {},
             functional.normalize(x, p=p, dim=-1))  # fmt: skip
    x = (drawn(N, D) * size).detach().requires_grad_()
    case("keras.layers.UnitNormalization", "lp_norm", x, {},
         keras.layers.UnitNormalization(dtype="float64")(x))  # fmt: skip
    x = (drawn(N, 6) * size).detach().requires_grad_()
    gain, shift = drawn(6), drawn(6)
    y = functional.group_norm(x, 2, gain, shift)
    case("torch.nn.GroupNorm", "group_norm:groups=2", x, {"gain": gain, "shift": shift}, y)
    x = (drawn(N, D) * size).detach().requires_grad_()
    gain, shift = drawn(D), drawn(D)
    case("torch.nn.RMSNorm", "rms_norm_shift", x, {"gain": gain, "shift": shift},
         functional.rms_norm(x, (D,), gain, eps=1e-6) + shift)  # fmt: skip
    case("torch.nn.RMSNorm", "pixel_norm", x, {}, functional.rms_norm(x, (D,), eps=1e-8))

w, v, b, c = drawn(D, H), drawn(D, H), drawn(H), drawn(H)
x = drawn(N, D)
gated = {"weight": w, "bias": b, "gate": v, "gate_bias": c}
left, right = x @ w + b, x @ v + c
for name, y in {
    "geglu": functional.gelu(left) * right,
    "reglu": functional.relu(left) * right,
    "bilinear_glu": left * right,
    "gated_tanh": torch.tanh(left) * torch.sigmoid(right),
}.items():
    case("torch.nn.functional", f"{name}:{H}", x, gated, y)
both = torch.cat([functional.relu(x), functional.relu(-x)], dim=1)
case("torch.nn.functional", f"crelu_dense:{H}", x, {"positive": w, "negative": v, "bias": b},
     both @ torch.cat([w, v]) + b)  # fmt: skip

linear = nn.utils.parametrizations.weight_norm(nn.Linear(D, H), dim=0)
parameters = linear.parametrizations.weight
size, direction = drawn(H), drawn(D, H)
with torch.no_grad():
    parameters.original0.copy_(size[:, None])
    parameters.original1.copy_(direction.T)
    linear.bias.copy_(b)
y = linear(x)
g = torch.tensor(generator.normal(size=(N, H)))
slopes = torch.autograd.grad(
    torch.sum(g * y), [x, parameters.original0, parameters.original1, linear.bias]
)
cases.append(
    {
        "source": "torch.nn.utils.parametrizations.weight_norm", "layer": f"weight_norm:{H}",
        "x": x.tolist(), "g": g.tolist(), "value": y.tolist(),
        "arrays": {"direction": direction.tolist(), "size": size.tolist(), "bias": b.tolist()},
        "slopes": {
            "x": slopes[0].tolist(), "size": slopes[1][:, 0].tolist(),
            "direction": slopes[2].T.tolist(), "bias": slopes[3].tolist(),
        },
    }
)  # fmt: skip

linear = nn.Linear(D, H)
with torch.no_grad():
    linear.weight.copy_(w.T)
    linear.bias.copy_(b)
linear = nn.utils.spectral_norm(linear)  # the newer one takes the halves in the other order
before = functional.normalize(torch.ones(H), dim=0)
linear.weight_u.copy_(before)
y = linear(x)  # one iteration, in training
g = torch.tensor(generator.normal(size=(N, H)))
slopes = torch.autograd.grad(torch.sum(g * y), [x, linear.weight_orig, linear.bias])
cases.append(
    {
        "source": "torch.nn.utils.spectral_norm", "layer": f"spectral_norm:{H}",
        "x": x.tolist(), "g": g.tolist(), "value": y.tolist(),
        "arrays": {"weight": w.tolist(), "bias": b.tolist(), "u": before[:, None].tolist()},
        "new": {"u": linear.weight_u[:, None].tolist()},
        "slopes": {
            "x": slopes[0].tolist(), "weight": slopes[1].T.tolist(), "bias": slopes[2].tolist()
        },
    }
)  # fmt: skip

for rate in (0.1, 0.5):
    torch.manual_seed(3)
    x = drawn(N, 8)
    y = functional.alpha_dropout(x, rate, training=True)
    (slope,) = torch.autograd.grad(y.sum(), [x], retain_graph=True)
    # Noise that drops what PyTorch dropped: where the derivative is 0.
    case("torch.nn.AlphaDropout", f"alpha_dropout:{rate}", x, {}, y,
         noise=torch.where(slope == 0, 0.0, 0.999))  # fmt: skip
    y = functional.dropout1d(torch.ones(1, 8, 1).expand(1, 8, N), rate)[0].T * x
    (slope,) = torch.autograd.grad(y.sum(), [x], retain_graph=True)
    case("torch.nn.Dropout1d", f"column_dropout:{rate}", x, {}, y,
         noise=torch.where(slope[0] == 0, 0.0, 0.999))  # fmt: skip

Path(__file__).with_name("layers.json").write_text(json.dumps(cases, indent=0) + "\n")
