"""nnplug with its NumPy engine, through `train_network` and `Run.predict`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TITLE = "nnplug"
RANK = 0
PACKAGES: tuple[str, ...] = ("nnplug",)


def supports(work: Any) -> bool:
    """Take any work."""
    return True


def run(work: Any, arrays: dict[str, Any], clock: Any, engine: str = "numpy") -> float:
    """Train, with the planning of the steps on its own clock.

    Parameters
    ----------
    engine : str, optional
        Its name.
    """
    with clock("import"):
        from nnplug.engines import find_engine
        from nnplug.network.network import Network
        from nnplug.plugins.registry import Registry
        from nnplug.training import RowsInMemory, Trainer

    with clock("plan"):
        registry: Any = Registry.from_environment(work.plugins)
        hidden = work.widths[1:-1]
        network = Network(
            work.widths[0],
            hidden,
            work.widths[-1],
            activations=[registry.get("activation", work.hidden)] * len(hidden),
            output_activation=registry.get("activation", work.output),
            dtype=work.dtype,
        )
        set_weights(network, arrays)
        loss = registry.get("loss", work.loss)
        optimizer = registry.get("optimizer", work.optimizer)
        optimizer = optimizer.with_options(learning_rate=work.learning_rate)
        targets = arrays["targets"].reshape(len(arrays["inputs"]), -1)
        with clock("trace"):
            batches = RowsInMemory(
                arrays["inputs"], targets, batch_size=work.batch_size, seed=work.seed
            )
            trainer = Trainer(
                network,
                loss,
                optimizer,
                batches,
                epochs=work.epochs,
                seed=work.seed,
                engine=find_engine(engine, registry),
            )
    with clock("loop"):
        history = trainer.run()
    return float(history["loss"][-1])


def predictor(
    work: Any, arrays: dict[str, Any], clock: Any, engine: str = "numpy"
) -> Callable[[Any], Any]:
    """Give `Run.predict` of a network with the work's weights."""
    with clock("import"):
        import nnplug
    with clock("plan"):
        run = nnplug.train(
            (arrays["inputs"][:200], arrays["targets"][:200]),
            hidden=work.widths[1:-1],
            activation=work.hidden,
            validation=0,
            epochs=1,
            dtype=work.dtype,
            engine=engine,
        )
        set_weights(run.network, arrays)
    return run.predict


def set_weights(network: Any, arrays: dict[str, Any]) -> None:
    """Give a network the work's initial weights."""
    for number, layer in enumerate(network.layers):
        network[f"{layer.name}.weight"][...] = arrays[f"weight{number}"]
        network[f"{layer.name}.bias"][...] = arrays[f"bias{number}"]
