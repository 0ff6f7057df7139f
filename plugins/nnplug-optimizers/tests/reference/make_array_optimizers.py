"""Make array_optimizers.json: ten steps of other libraries' optimizers, in float64.

The problem: four arrays, a loss that is a quadratic with its own curvature for
each element and a slope that changes with the step. Run it where torch, jax,
optax and pytorch_optimizer are installed:

    python make_array_optimizers.py

Weights are (inputs, outputs), as optax and nnplug have them; for torch they are
transposed. What is left out of a library's optimizer, so that it computes what
its paper says or in float64 throughout, stands beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
import pytorch_optimizer as others
import torch
from pytorch_optimizer.optimizer import sam as sharpness
from pytorch_optimizer.optimizer import scion

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)

STEPS = 10
KEPT = (1, 3, 10)
SHAPES = {"first.weight": (4, 3), "first.bias": (3,), "second.weight": (3, 2), "second.bias": (2,)}


def problem() -> dict[str, Any]:
    """Draw the start, the curvatures and the slopes."""
    rng = np.random.default_rng(16)
    return {
        "start": {name: rng.normal(size=shape) for name, shape in SHAPES.items()},
        "curvature": {name: rng.uniform(0.5, 3.0, size=shape) for name, shape in SHAPES.items()},
        "slope": {name: rng.normal(size=(STEPS, *shape)) for name, shape in SHAPES.items()},
    }


GIVEN = problem()
Arrays = dict[str, np.ndarray]
Trail = dict[str, dict[str, list[Any]]]


def gradient(params: Any, step: int) -> Any:
    """Compute the gradient at a step, from 1."""
    return {
        name: GIVEN["curvature"][name] * value + GIVEN["slope"][name][step - 1]
        for name, value in params.items()
    }


def keep(trail: Trail, step: int, params: Arrays) -> None:
    if step in KEPT:
        trail[str(step)] = {name: np.asarray(value).tolist() for name, value in params.items()}


def with_optax(transformation: Any) -> Trail:
    """Take the steps with optax."""
    params = {name: jax.numpy.asarray(value) for name, value in GIVEN["start"].items()}
    state = transformation.init(params)
    trail: Trail = {}
    for step in range(1, STEPS + 1):
        grads = {name: jax.numpy.asarray(g) for name, g in gradient(params, step).items()}
        updates, state = transformation.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        keep(trail, step, params)
    return trail


def torch_params(start: Arrays) -> dict[str, torch.nn.Parameter]:
    return {name: torch.nn.Parameter(torch.tensor(value.T.copy())) for name, value in start.items()}


def loss(params: dict[str, torch.nn.Parameter], step: int) -> torch.Tensor:
    total = torch.zeros(())
    for name, value in params.items():
        curvature = torch.tensor(GIVEN["curvature"][name].T.copy())
        slope = torch.tensor(GIVEN["slope"][name][step - 1].T.copy())
        total = total + (0.5 * curvature * value**2 + slope * value).sum()
    return total


def with_torch(
    make: Callable[[dict[str, torch.nn.Parameter]], Any],
    *,
    start: Arrays | None = None,
    graph: bool = False,
    closure: bool = False,
    after: Callable[[dict[str, torch.nn.Parameter]], Arrays] | None = None,
    before: Callable[[Any, dict[str, torch.nn.Parameter]], None] | None = None,
) -> Trail:
    """Take the steps with a torch optimizer."""
    params = torch_params(GIVEN["start"] if start is None else start)
    optimizer = make(params)
    trail: Trail = {}
    for step in range(1, STEPS + 1):

        def again(step: int = step) -> torch.Tensor:
            optimizer.zero_grad()
            value = loss(params, step)
            value.backward(create_graph=graph)
            return value

        again()
        if before is not None and step == 1:
            before(optimizer, params)
        if closure:
            optimizer.step(again)
        else:
            optimizer.step()
        found = params if after is None else after(params)
        keep(trail, step, {name: value.detach().numpy().T for name, value in found.items()})
    return trail


def own(name: str, **options: Any) -> Callable[[dict[str, torch.nn.Parameter]], Any]:
    """Make an optimizer of pytorch_optimizer over all arrays."""
    return lambda params: getattr(others, name)(list(params.values()), **options)


def without_bfloat16(make: Callable[[], Trail]) -> Trail:
    """Take Newton-Schulz in float64: both libraries for torch turn matrices into bfloat16."""
    kept, turned = torch.Tensor.bfloat16, torch.Tensor.to
    torch.Tensor.bfloat16 = lambda self, *_, **__: self.clone()

    def to(self: torch.Tensor, *given: Any, **named: Any) -> torch.Tensor:
        asked = (*given, *named.values())
        return self.clone() if torch.bfloat16 in asked else turned(self, *given, **named)

    torch.Tensor.to = to
    try:
        return make()
    finally:
        torch.Tensor.bfloat16, torch.Tensor.to = kept, turned


def muon_of_optax() -> Trail:
    """Take optax's Muon, whose one epsilon is for norms and for Adam: 0 for weights, 1e-8 else."""

    def taken(eps: float) -> Trail:
        return with_optax(
            optax.contrib.muon(
                0.02, beta=0.9, nesterov=False, weight_decay=0.1, adam_weight_decay=0.0, eps=eps
            )
        )

    weights, biases = taken(1e-30), taken(1e-8)
    return {
        number: {name: (weights if "weight" in name else biases)[number][name] for name in SHAPES}
        for number in weights
    }


def in_float64() -> None:
    """Let pytorch_optimizer's SAM take norms in float64, and its Scion no epsilon."""
    scion.BiasRMS.lmo.__defaults__ = (1e-30,)

    def norm(groups: Any, *_: Any, weight_adaptive: bool = False, **__: Any) -> torch.Tensor:
        total = torch.zeros(1)
        for group in groups:
            adaptive = weight_adaptive and group.get("adaptive", False)
            for value in group["params"]:
                scaled = value.grad * value.abs() if adaptive else value.grad
                total = total + (scaled**2).sum()
        return total.detach()

    sharpness.get_global_gradient_norm = norm


def averaged(**options: Any) -> Trail:
    """Average the weights of SGD as torch's AveragedModel does."""
    model = torch.nn.Module()
    mean: list[Any] = []

    def make(params: dict[str, torch.nn.Parameter]) -> Any:
        for name, value in params.items():
            model.register_parameter(name.replace(".", "_"), value)
        mean.append(torch.optim.swa_utils.AveragedModel(model, **options))
        return torch.optim.SGD(list(params.values()), lr=0.05)

    def after(params: dict[str, torch.nn.Parameter]) -> Any:
        mean[0].update_parameters(model)
        return {name: getattr(mean[0].module, name.replace(".", "_")) for name in params}

    return with_torch(make, after=after)


def zero_biases() -> Arrays:
    return {
        name: value if "weight" in name else 0 * value for name, value in GIVEN["start"].items()
    }


def last_gradient(optimizer: Any, params: dict[str, torch.nn.Parameter]) -> None:
    """Let MARS begin with the first gradient as the last one, as its paper does."""
    for group in optimizer.param_groups:
        optimizer.init_group(group)
        for value in group["params"]:
            optimizer.state[value]["last_grad"] = value.grad.clone()


def two_gradients(name: str, base: Any, **options: Any) -> Trail:
    return with_torch(
        lambda params: getattr(others, name)(list(params.values()), base, lr=0.05, **options),
        closure=True,
    )


def cases() -> dict[str, Trail]:
    """Take every optimizer's steps."""
    in_float64()
    o = optax
    return {
        "optax.adafactor": with_optax(
            o.chain(
                o.scale_by_factored_rms(
                    min_dim_size_to_factor=1, decay_rate_fn=lambda i, rate: 1 - (i + 1.0) ** -rate
                ),
                o.clip_by_block_rms(1.0),
                o.scale(-0.05),
                o.scale_by_param_block_rms(),
            )
        ),
        "torch.Adafactor": with_torch(
            lambda p: torch.optim.Adafactor(
                list(p.values()), lr=0.05, eps=(1e-30, 1e-3), weight_decay=0.1, foreach=False
            )
        ),
        "optax.lamb": with_optax(o.lamb(0.05, weight_decay=0.1)),
        "optax.lars": with_optax(o.lars(0.5, weight_decay=0.0, trust_coefficient=0.1)),
        "optax.novograd": with_optax(o.novograd(0.05, weight_decay=0.1)),
        "optax.fromage": with_optax(o.fromage(0.05)),
        "optax.muon": muon_of_optax(),
        "torch.Muon": without_bfloat16(
            lambda: with_torch(
                lambda p: torch.optim.Muon(
                    list(p.values()), lr=0.02, momentum=0.9, weight_decay=0.1, eps=1e-30
                ),
                start={name: value for name, value in GIVEN["start"].items() if "weight" in name},
            )
        ),
        "NorMuon": without_bfloat16(
            lambda: with_torch(
                lambda p: others.NorMuon(
                    [{"params": list(p.values()), "use_muon": True}],
                    lr=0.05,
                    weight_decay=0.1,
                    nesterov=False,
                    update_scale="match_rms",
                    eps=1e-30,
                ),
                start={name: value for name, value in GIVEN["start"].items() if "weight" in name},
            )
        ),
        "optax.adaptive_grad_clip": with_optax(o.chain(o.adaptive_grad_clip(0.2), o.sgd(0.05))),
        "optax.sm3": with_optax(o.chain(o.scale_by_sm3(0.9, 1.0, 1e-30), o.scale(-0.05))),
        "SM3": with_torch(own("SM3", lr=0.05, momentum=0.9)),
        "CAME": with_torch(own("CAME", lr=0.05, weight_decay=0.1)),
        "Nero": with_torch(own("Nero", lr=0.05, eps=1e-30), start=zero_biases()),
        "Fromage": with_torch(own("Fromage", lr=0.05)),
        "StableAdamW": with_torch(own("StableAdamW", lr=0.05, kahan_sum=False, weight_decay=0.1)),
        "Adai": with_torch(own("Adai", lr=0.05, weight_decay=0.1, weight_decouple=True)),
        "AdamP": with_torch(own("AdamP", lr=0.05, delta=0.9, weight_decay=0.1, eps=1e-30)),
        "AdamP.nesterov": with_torch(
            own("AdamP", lr=0.05, delta=0.9, weight_decay=0.1, eps=1e-30, nesterov=True)
        ),
        "SGDP": with_torch(own("SGDP", lr=0.05, momentum=0.9, delta=0.9, weight_decay=0.01)),
        "AdaNorm": with_torch(own("AdaNorm", lr=0.05, weight_decay=0.1, eps=1e-30)),
        "Aida": with_torch(own("Aida", lr=0.05, eps=1e-20)),
        "Amos": with_torch(own("Amos", lr=0.05)),
        "FAdam": with_torch(
            own("FAdam", lr=0.05, momentum_dtype=torch.float64, fim_dtype=torch.float64)
        ),
        "Ranger": with_torch(
            own("Ranger", lr=0.05, weight_decay=0.1, k=3, degenerated_to_sgd=True)
        ),
        "SGDSaI": with_torch(own("SGDSaI", lr=0.05, weight_decay=0.1)),
        "AdamS": with_torch(own("AdamS", lr=0.05, weight_decay=0.1, eps=1e-30)),
        "SCION": without_bfloat16(lambda: with_torch(own("SCION", lr=0.05))),
        "MARS": with_torch(own("MARS", lr=0.05, optimize_1d=True, eps=1e-30), before=last_gradient),
        "AdamP.cautious": with_torch(own("AdamP", lr=0.05, delta=0.0, eps=1e-30, cautious=True)),
        "OrthoGrad": with_torch(
            lambda p: others.OrthoGrad(torch.optim.SGD(list(p.values()), lr=0.05))
        ),
        "Lookahead": with_torch(
            lambda p: others.Lookahead(torch.optim.Adam(list(p.values()), lr=0.05), k=3, alpha=0.4)
        ),
        "SAM": two_gradients("SAM", torch.optim.SGD, rho=0.2),
        "ASAM": two_gradients("SAM", torch.optim.SGD, rho=0.2, adaptive=True),
        "AveragedModel": averaged(),
        "AveragedModel.ema": averaged(multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.8)),
        "AdaHessian": with_torch(
            own("AdaHessian", lr=0.05, weight_decay=0.1, eps=1e-8), graph=True
        ),
        "SophiaH": with_torch(
            own(
                "SophiaH",
                lr=0.05,
                betas=(0.9, 0.8),
                p=0.3,
                weight_decay=0.1,
                update_period=3,
                hessian_distribution="rademacher",
            ),
            graph=True,
        ),
    }


def main() -> None:
    """Write the file."""
    plain = {
        key: {name: value.tolist() for name, value in part.items()} for key, part in GIVEN.items()
    }
    versions = {
        "torch": torch.__version__, "jax": jax.__version__, "optax": optax.__version__,
        "pytorch_optimizer": others.__version__ if hasattr(others, "__version__") else "4.1.0",
    }  # fmt: skip
    written = {"versions": versions, "problem": plain, "trails": cases()}
    path = Path(__file__).with_name("array_optimizers.json")
    path.write_text(json.dumps(written, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
