"""nnplug with its NumPy engine, through `train_network`."""

from __future__ import annotations

from typing import Any

TITLE = "nnplug"
RANK = 0
PACKAGES = ("nnplug",)


def supports(work: Any) -> bool:
    """Take any work."""
    return True


def run(work: Any, arrays: dict[str, Any], clock: Any) -> float:
    """Train, with the planning of the steps on its own clock."""
    with clock("import"):
        from nnplug.training import loop as training
        from nnplug.network import Network
        from nnplug.registry import Registry

    class TimedSteps(training.Steps):
        def __init__(self, *args: Any) -> None:
            with clock("planned"):
                super().__init__(*args)

    vars(training)["Steps"] = TimedSteps
    with clock("plan"):
        registry: Any = Registry()
        hidden = work.widths[1:-1]
        network = Network(
            work.widths[0],
            hidden,
            work.widths[-1],
            activations=[registry.get("activation", work.hidden)] * len(hidden),
            output_activation=registry.get("activation", work.output),
            dtype=work.dtype,
        )
        for number, layer in enumerate(network.layers):
            network[f"{layer.name}.weight"][...] = arrays[f"weight{number}"]
        loss = registry.get("loss", work.loss)
        optimizer = registry.get("optimizer", work.optimizer)
        optimizer = optimizer.with_options(learning_rate=work.learning_rate)
        targets = arrays["targets"].reshape(len(arrays["inputs"]), -1)
    with clock("loop"):
        history = training.train_network(
            network,
            loss,
            optimizer,
            arrays["inputs"],
            targets,
            epochs=work.epochs,
            batch_size=work.batch_size,
            seed=work.seed,
        )
    planned = clock.seconds.pop("planned")
    clock.seconds["loop"] -= planned
    clock.seconds["plan"] += planned
    return history["loss"][-1]
