"""optax's optimizers: found, the same as optax and as nnplug's own, kept, refused."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import nnplug
import nnplug.testing
import numpy as np
import optax
import optax.contrib
import pytest
from nnplug.errors import PartError, UnknownPartError
from nnplug.network.network import Network
from nnplug.plugins.registry import Registry
from nnplug.testing import Check
from nnplug.training import Steps

REGISTRY = Registry()

OPTIMIZERS = (
    "adabelief", "adadelta", "adafactor", "adagrad", "adam", "adamax", "adamaxw", "adamw", "adan",
    "amsgrad", "fromage", "lamb", "lars", "lion", "novograd",
    "optimistic_adam_v2", "optimistic_gradient_descent", "radam", "rmsprop", "rprop", "sgd",
    "sign_sgd", "signum", "sm3", "yogi", "acprop", "ademamix", "adopt", "cocob", "dadapt_adamw",
    "dog", "dowg", "galore", "madgrad", "muon", "prodigy", "simplified_ademamix",
)  # fmt: skip
REFUSED = (
    "lbfgs", "noisy_sgd", "polyak_sgd", "dpsgd", "momo", "momo_adam", "schedule_free",
    "schedule_free_adamw", "schedule_free_sgd", "sophia", "optimistic_adam",
)  # fmt: skip


def test_all_that_optax_makes_from_a_learning_rate_are_found_or_refused_with_the_reason() -> None:
    made = {
        name
        for module in (optax, optax.contrib)
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and "learning_rate" in inspect.signature(value).parameters
        and not name.startswith(("scale_by", "_"))
    }
    assert made - {*OPTIMIZERS} <= {*REFUSED}
    for name in {*OPTIMIZERS} & {*dir(optax), *dir(optax.contrib)}:
        part = REGISTRY.get("optimizer", f"optax/{name}")
        assert (part.name, REGISTRY.provider(part).package) == (name, "nnplug-optax")
    for name in REFUSED:
        with pytest.raises(PartError, match=f"optax's {name} cannot be an optimizer here: it"):
            REGISTRY.get("optimizer", f"optax/{name}")


def test_what_there_is_not_is_said() -> None:
    for name in ("adamm", "scale_by_adam", "tree"):
        with pytest.raises(UnknownPartError, match=f"There is no optimizer 'optax/{name}'"):
            REGISTRY.get("optimizer", f"optax/{name}")
    with pytest.raises(PartError, match=r"muon keeps .* of shape \(3,\) for an array of shape \(2"):
        nnplug.train("xor", optimizer="optax/muon", epochs=1)


def test_options_have_optaxs_names() -> None:
    part: Any = REGISTRY.get("optimizer", "optax/rmsprop:learning_rate=0.5,momentum=0.9")
    assert part.learning_rate == 0.5
    assert len(part.slots) == len(REGISTRY.get("optimizer", "optax/rmsprop").slots) + 1  # type: ignore[attr-defined]  # an optimizer has
    assert part.options["momentum"] == "0.9"  # None in optax, so text here
    betas: Any = REGISTRY.get("optimizer", "optax/prodigy:beta1=0.8")
    assert (betas.options["beta1"], betas.over) == (0.8, "vector")


CASES = [
    *OPTIMIZERS,
    "sgd:momentum=0.9",
    "rmsprop:momentum=0.9,centered=true",
    "adam:nesterov=true",
]


@pytest.mark.parametrize("text", CASES)
def test_ten_steps_are_optaxs(text: str) -> None:
    part: Any = REGISTRY.get("optimizer", f"optax/{text}")
    name, _, listed = text.partition(":")
    options: dict[str, Any] = {}
    for item in listed.split(",") if listed else ():
        key, _, value = item.partition("=")
        options[key] = True if value == "true" else float(value)
    made = vars(optax).get(name) or vars(optax.contrib)[name]
    generator = np.random.default_rng(5)
    for shape in ((3, 4), (5,)):
        param = generator.normal(size=shape)
        grads = generator.normal(size=(10, *shape))
        slots = [np.zeros(shape) for _ in part.slots]
        with jax.enable_x64(True):
            theirs = made(learning_rate=part.learning_rate, **options)
            weight = jnp.asarray(param)
            state = theirs.init(weight)
            update = jax.jit(theirs.update)
        for step, grad in enumerate(grads, 1):
            param, *slots = part(param, grad, *slots, step=step)
            with jax.enable_x64(True):
                change, state = update(jnp.asarray(grad), state, weight)
                weight = optax.apply_updates(weight, change)
            np.testing.assert_allclose(param, weight, rtol=1e-12, atol=1e-14)


def _ten_steps(optimizer: Any) -> tuple[list[float], Any]:
    parts = [REGISTRY.get("layer", "dense:5"), REGISTRY.get("activation", "tanh")]
    network = Network.of(
        4, parts, 3, output_activation=REGISTRY.get("activation", "identity"), dtype=np.float64
    )
    network.initialize(REGISTRY.get("initializer", "glorot_uniform"), 1)
    generator = np.random.default_rng(0)
    rows, labels = generator.normal(size=(12, 4)), generator.integers(0, 3, (12, 1))
    steps = Steps(network, REGISTRY.get("loss", "cross_entropy"), optimizer, rows, labels, 12)
    return [steps.run(np.arange(12)) for _ in range(10)], network.parameters.copy()


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        ("sgd:learning_rate=0.1", "sgd:learning_rate=0.1"),
        ("momentum:learning_rate=0.1", "sgd:learning_rate=0.1,momentum=0.9"),
        ("nesterov:learning_rate=0.1", "sgd:learning_rate=0.1,momentum=0.9,nesterov=true"),
        ("adam:learning_rate=0.01", "adam:learning_rate=0.01"),
        ("adamw:learning_rate=0.01,weight_decay=0.1", "adamw:learning_rate=0.01,weight_decay=0.1"),
    ],
)
def test_ten_steps_of_a_network_are_those_of_nnplugs_own(own: str, theirs: str) -> None:
    first = _ten_steps(REGISTRY.get("optimizer", own))
    second = _ten_steps(REGISTRY.get("optimizer", f"optax/{theirs}"))
    np.testing.assert_allclose(second[0], first[0], rtol=1e-12)
    np.testing.assert_allclose(second[1], first[1], rtol=1e-10, atol=1e-13)


def _checks() -> list[object]:
    return [
        pytest.param(check, id=f"{name}-{check.name}")
        for name in ("adabelief", "lamb")
        for check in nnplug.testing.checks(
            REGISTRY.get("optimizer", f"optax/{name}"), engine="numpy"
        )
    ]


@pytest.mark.parametrize("check", _checks())
def test_conformance(check: Check) -> None:
    check()


class _Stop:
    @nnplug.hookimpl
    def on_epoch_end(self, run: Any, record: Any) -> None:
        if record.epoch == 5:
            raise KeyboardInterrupt


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_run_is_kept_resumed_to_the_bit_and_loaded_in_a_fresh_process(
    tmp_path: Any, dtype: str
) -> None:
    settings: Any = {
        "hidden": 3, "optimizer": "optax/adabelief:learning_rate=0.05", "epochs": 12, "seed": 3,
        "batch_size": 2, "dtype": dtype,
    }  # fmt: skip
    whole = nnplug.train("xor", **settings)
    with pytest.raises(KeyboardInterrupt):
        nnplug.train(
            "xor", **settings, output=tmp_path / "r", callbacks=[_Stop()], checkpoint_every=5
        )
    resumed = nnplug.resume(tmp_path / "r")
    assert resumed.history["loss"] == whole.history["loss"]
    mine, other = (run.model.network.parameters for run in (resumed, whole))
    assert mine.tobytes() == other.tobytes()
    resumed.save(tmp_path / "m.nnplug")
    code = (
        "import sys, nnplug; m = nnplug.load(sys.argv[1]); "
        "print(m.predict([[0.0, 1.0], [1.0, 1.0]]).tolist()); assert 'jax' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "m.nnplug")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str(resumed.model.predict([[0.0, 1.0], [1.0, 1.0]]).tolist())
