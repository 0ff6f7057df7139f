"""JAX: a whole epoch of steps as one compiled function, its state donated.

Each epoch is one call of a jitted `lax.scan` over the batches, the data being
on the device; a last, smaller batch is a jitted step of its own. A full batch
scans over the epochs. On the works here that is as fast as a call for each
step, or faster. The optimizers are written out, as optax has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TITLE = "JAX, jit"
RANK = 3
PACKAGES = ("jax", "jaxlib")


def supports(work: Any) -> bool:
    """Take any work whose parts stand below."""
    return True


def run(work: Any, arrays: dict[str, Any], clock: Any) -> float:
    """Train."""
    with clock("import"):
        import jax
        import jax.numpy as jnp
        import numpy as np
    with clock("plan"):
        jax.config.update("jax_enable_x64", work.dtype == "float64")
        inputs, targets = jnp.asarray(arrays["inputs"], work.dtype), jnp.asarray(arrays["targets"])
        update, slots = _optimizer(work)
        outputs = _forward(work)

        def loss_of(params: Any, x: Any, y: Any) -> Any:
            out = outputs(params, x)
            if work.loss == "mse":
                return jnp.mean((out - y) ** 2)
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(out), y[:, None], axis=1))

        def step(state: Any, batch: Any) -> Any:
            params, slot_values, count = state
            x, y = (inputs, targets) if batch is None else (inputs[batch], targets[batch])
            loss, grads = jax.value_and_grad(loss_of)(params, x, y)
            count = count + 1
            params, slot_values = update(params, grads, slot_values, count)
            return (params, slot_values, count), loss

        params = _parameters(work, arrays)
        zeros = tuple(jax.tree.map(jnp.zeros_like, params) for _ in range(slots))
        state = (params, zeros, jnp.zeros((), work.dtype))
        rows = len(inputs)
        size = work.batch_size or rows
        whole, rest = divmod(rows, size)
        with clock("trace"):
            if work.batch_size is None:
                scan = jax.jit(
                    lambda state: jax.lax.scan(step, state, None, length=work.epochs),
                    donate_argnums=0,
                )
                epochs = scan.lower(state).compile()
            else:
                epoch = jax.jit(lambda s, batches: jax.lax.scan(step, s, batches), donate_argnums=0)
                epoch = epoch.lower(state, np.zeros((whole, size), np.int64)).compile()
                last = jax.jit(step, donate_argnums=0)
                last = last.lower(state, np.zeros(rest, np.int64)).compile() if rest else None
    with clock("loop"):
        if work.batch_size is None:
            state, losses = epochs(state)
            return float(losses[-1])
        loss = 0.0
        for number in range(work.epochs):
            order = work.order(number, rows)
            full, left = order[: whole * size].reshape(whole, size), order[whole * size :]
            state, losses = epoch(state, full)
            total = losses.sum() * size
            if last is not None:
                state, one = last(state, left)
                total += one * rest
            loss = float(total) / rows
    return loss


def predictor(work: Any, arrays: dict[str, Any], clock: Any) -> Callable[[Any], Any]:
    """Give a jitted forward pass, compiled at its first call for each number of rows."""
    with clock("import"):
        import jax
        import numpy as np
    with clock("plan"):
        outputs, params = _forward(work), _parameters(work, arrays)
        classes = jax.jit(lambda params, x: outputs(params, x).argmax(axis=1))
    return lambda x: np.asarray(classes(params, x))


def _parameters(work: Any, arrays: dict[str, Any]) -> Any:
    import jax.numpy as jnp

    return [
        (jnp.array(arrays[f"weight{number}"]), jnp.array(arrays[f"bias{number}"]))
        for number in range(len(work.widths) - 1)
    ]


def _forward(work: Any) -> Callable[[Any, Any], Any]:
    import jax
    import jax.numpy as jnp

    def squareplus(x: Any) -> Any:
        return (x + jnp.sqrt(x * x + 4)) / 2

    def gelu(x: Any) -> Any:
        return jax.nn.gelu(x, approximate=False)

    functions: dict[str, Any] = {
        "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "gelu": gelu, "squareplus": squareplus,
        "identity": lambda x: x,
    }  # fmt: skip
    hidden, output = functions[work.hidden], functions[work.output]

    def forward(params: Any, x: Any) -> Any:
        for weight, bias in params[:-1]:
            x = hidden(x @ weight + bias)
        weight, bias = params[-1]
        return output(x @ weight + bias)

    return forward


def _optimizer(work: Any) -> tuple[Callable[..., Any], int]:
    """Give a step over the tree of parameters, and how many trees it keeps."""
    import jax
    import jax.numpy as jnp

    rate = work.learning_rate

    def sgd(params: Any, grads: Any, slots: Any, count: Any) -> Any:
        return jax.tree.map(lambda p, g: p - rate * g, params, grads), slots

    def adam(params: Any, grads: Any, slots: Any, count: Any, decay: float = 0.0) -> Any:
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, slots[0], grads)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, slots[1], grads)
        m_scale, v_scale = 1 / (1 - 0.9**count), 1 / (1 - 0.999**count)
        params = jax.tree.map(
            lambda p, m, v: (
                p * (1 - rate * decay) - rate * m * m_scale / (jnp.sqrt(v * v_scale) + 1e-8)
            ),
            params, m, v,
        )  # fmt: skip
        return params, (m, v)

    def adamw(params: Any, grads: Any, slots: Any, count: Any) -> Any:
        return adam(params, grads, slots, count, decay=0.01)

    def lion(params: Any, grads: Any, slots: Any, count: Any) -> Any:
        params = jax.tree.map(
            lambda p, g, m: p - rate * jnp.sign(0.9 * m + 0.1 * g), params, grads, slots[0]
        )
        return params, (jax.tree.map(lambda m, g: 0.99 * m + 0.01 * g, slots[0], grads),)

    return {"sgd": (sgd, 0), "adam": (adam, 2), "adamw": (adamw, 2), "lion": (lion, 1)}[
        work.optimizer
    ]
