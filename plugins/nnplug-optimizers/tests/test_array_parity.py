"""Ten steps beside optax, torch and pytorch_optimizer: reference/array_optimizers.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nnplug.parts import Optimizer
from nnplug.plugins.registry import Registry
from nnplug.testing.stepping import as_given, point_of, start, step

PATH = Path(__file__).parent / "reference" / "array_optimizers.json"
KNOWN = json.loads(PATH.read_text())
PROBLEM = {
    key: {name: np.array(value) for name, value in part.items()}
    for key, part in KNOWN["problem"].items()
}
REGISTRY = Registry()
TINY = "epsilon=1e-30"

# The reference, ours, and what is particular about the comparison.
SAME = [
    ("optax.adafactor", "adafactor:learning_rate=0.05"),
    ("torch.Adafactor", "adafactor:learning_rate=0.05,weight_decay=0.1"),
    ("optax.lamb", "lamb:learning_rate=0.05,weight_decay=0.1"),
    ("optax.lamb", "trust_ratio:learning_rate=0.05[adamw:epsilon=1e-6,weight_decay=0.1]"),
    ("optax.lars", "lars:learning_rate=0.5,trust=0.1"),
    ("optax.novograd", "novograd:learning_rate=0.05,weight_decay=0.1"),
    ("optax.fromage", "fromage:learning_rate=0.05"),
    ("Fromage", "fromage:learning_rate=0.05"),
    (
        "optax.muon",
        "muon:momentum=0.9,nesterov=false,weight_decay=0.1,epsilon=1e-30,bias_rate=1",
    ),
    ("torch.Muon", "muon:momentum=0.9,weight_decay=0.1,epsilon=1e-30"),
    ("NorMuon", f"normuon:learning_rate=0.05,weight_decay=0.1,{TINY}"),
    ("optax.adaptive_grad_clip", "adaptive_clip:clip=0.2[sgd:learning_rate=0.05]"),
    ("optax.sm3", "sm3:learning_rate=0.05"),
    ("SM3", "sm3:learning_rate=0.05"),
    ("CAME", "came:learning_rate=0.05,weight_decay=0.1"),
    ("Nero", f"nero:learning_rate=0.05,{TINY}"),
    ("StableAdamW", "stableadamw:learning_rate=0.05,weight_decay=0.1"),
    ("Adai", "adai:learning_rate=0.05,weight_decay=0.1"),
    ("AdamP", f"adamp:learning_rate=0.05,delta=0.9,weight_decay=0.1,{TINY}"),
    ("AdamP.nesterov", f"adamp:learning_rate=0.05,delta=0.9,weight_decay=0.1,nesterov=true,{TINY}"),
    ("SGDP", "sgdp:learning_rate=0.05,delta=0.9,weight_decay=0.01"),
    ("AdaNorm", f"adanorm:learning_rate=0.05,weight_decay=0.1,{TINY}"),
    ("Aida", "aida:learning_rate=0.05,epsilon=1e-20"),
    ("Amos", "amos:learning_rate=0.05"),
    ("FAdam", "fadam:learning_rate=0.05"),
    ("Ranger", "ranger:learning_rate=0.05,weight_decay=0.1,k=3"),
    ("AdamS", f"adam_swd:learning_rate=0.05,weight_decay=0.1,{TINY}"),
    ("SCION", "scion:learning_rate=0.05"),
    ("MARS", f"mars[adam:learning_rate=0.05,beta1=0.95,beta2=0.99,{TINY}]"),
    ("AdamP.cautious", f"cautious[adam:learning_rate=0.05,{TINY}]"),
    ("OrthoGrad", "orthograd[sgd:learning_rate=0.05]"),
    ("Lookahead", "lookahead:k=3,alpha=0.4[adam:learning_rate=0.05]"),
    ("SAM", "sam:rho=0.2[sgd:learning_rate=0.05]"),
    ("ASAM", "asam:rho=0.2,eta=0[sgd:learning_rate=0.05]"),
    ("AveragedModel", "swa[sgd:learning_rate=0.05]"),
    ("AveragedModel.ema", "ema:decay=0.8[sgd:learning_rate=0.05]"),
    ("AdaHessian", "adahessian:learning_rate=0.05,power=1,weight_decay=0.1"),
    (
        "SophiaH",
        "sophia:learning_rate=0.05,beta1=0.9,beta2=0.8,gamma=1,clip=0.3,weight_decay=0.1,k=3",
    ),
]


def gradient(name: str, param: Any, number: int) -> Any:
    return PROBLEM["curvature"][name] * param + PROBLEM["slope"][name][number - 1]


def flat(arrays: dict[str, Any]) -> Any:
    return np.concatenate([value.reshape(-1) for value in arrays.values()])


def split(vector: Any, like: dict[str, Any]) -> dict[str, Any]:
    ends = np.cumsum([value.size for value in like.values()])[:-1]
    pieces = np.split(vector.reshape(-1), ends)
    return {
        name: piece.reshape(value.shape)
        for (name, value), piece in zip(like.items(), pieces, strict=True)
    }


def take(part: Optimizer, begin: dict[str, Any], count: int = 10) -> dict[str, dict[str, Any]]:
    """Take steps, and give the weights to predict with after each."""
    whole = part.over == "vector"
    arrays = {"": flat(begin)} if whole else begin
    states = {name: start(part, value) for name, value in arrays.items()}
    shown = 1 + part.slots.index(part.shown) if part.shown else 0
    trail = {}
    for number in range(1, count + 1):
        here = {name: state[0].reshape(arrays[name].shape) for name, state in states.items()}
        params = split(here[""], begin) if whole else here
        grads = {name: gradient(name, value, number) for name, value in params.items()}
        at = split(point_of(part, flat(params), flat(grads)), begin)
        grads = {name: gradient(name, value, number) for name, value in at.items()}
        bent = {name: PROBLEM["curvature"][name] for name in begin}
        given = {"": flat(grads)} if whole else grads
        for name in states:
            states[name] = step(
                part,
                states[name],
                as_given(part, given[name]),
                number,
                curvature=as_given(part, bent[name]) if name else None,
            )
        found = {name: state[shown].reshape(arrays[name].shape) for name, state in states.items()}
        trail[str(number)] = split(found[""], begin) if whole else found
    return trail


def beginning(reference: str) -> dict[str, Any]:
    known = KNOWN["trails"][reference]["1"]
    zero = reference == "Nero"  # which multiplies the steps of biases by their size at first
    return {
        name: 0 * value if zero and "bias" in name else value
        for name, value in PROBLEM["start"].items()
        if name in known
    }


def error(reference: str, trail: dict[str, dict[str, Any]]) -> float:
    """Find the largest distance, relative to the largest element of an array."""
    worst = 0.0
    for number, known in KNOWN["trails"][reference].items():
        for name, value in known.items():
            distance = np.abs(trail[number][name] - np.array(value)).max()
            worst = max(worst, float(distance / np.abs(value).max()))
    return worst


@pytest.mark.parametrize(("reference", "text"), SAME, ids=[f"{a}-{b}" for a, b in SAME])
def test_ten_steps_are_the_reference_s(reference: str, text: str) -> None:
    part = REGISTRY.get("optimizer", text)
    assert isinstance(part, Optimizer)
    assert error(reference, take(part, beginning(reference))) < 1e-10


def test_sgdsai_is_the_reference_s_with_the_difference_of_the_deviations() -> None:
    # There a weight's deviation divides by one less than its elements, and a bias's rate is
    # multiplied by the gradient's norm alone.
    begin, found = PROBLEM["start"], {}
    for name, value in begin.items():
        grad = gradient(name, value, 1)
        factor = float(np.sqrt(1 - 1 / value.size) if value.ndim > 1 else np.std(grad))
        # The decay is not multiplied.
        options = f"learning_rate={0.05 * factor!r},weight_decay={0.1 / factor!r},{TINY}"
        part = REGISTRY.get("optimizer", f"sgdsai:{options}")
        assert isinstance(part, Optimizer)
        found[name] = take(part, {name: value})
    trail = {str(n): {name: found[name][str(n)][name] for name in begin} for n in range(1, 11)}
    assert error("SGDSaI", trail) < 1e-7  # its own epsilon is 1e-8
