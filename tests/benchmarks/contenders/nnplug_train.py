"""`nnplug.train` with its defaults, only the Numba engine named: hooks, default metric and all."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.contenders import nnplug_numba, nnplug_numpy

TITLE = "nnplug.train, Numba"
RANK = 2
PACKAGES = nnplug_numba.PACKAGES
KEEPS_COMPILED = True


def supports(work: Any) -> bool:
    """Take works in batches; the notebook's has weights and a recipe of its own."""
    return work.batch_size is not None


def run(work: Any, arrays: dict[str, Any], clock: Any) -> float:
    """Train as `nnplug.train` does once its run is prepared, without validation rows."""
    nnplug_numba.import_compiler(clock)
    with clock("import"):
        from nnplug.plugins.registry import Registry
        from nnplug.runs.preparing import prepare

    with clock("plan"):
        run = prepare(
            (arrays["inputs"], arrays["targets"]),
            hidden=work.widths[1:-1],
            activation=work.hidden,
            optimizer=work.optimizer,
            learning_rate=work.learning_rate,
            batch_size=work.batch_size,
            epochs=work.epochs,
            validation=0,
            seed=work.seed,
            dtype=work.dtype,
            engine="numba",
            registry=Registry.from_environment(work.plugins),
        )
        nnplug_numpy.set_weights(run.network, arrays)
        with clock("trace"):
            trainer = run.trainer()
    with clock("loop"):
        trainer.run(
            on_epoch=lambda epoch: False,
            every=run.settings.log_every,
            should_stop=lambda: False,
        )
    return float(run.history["loss"][-1])
