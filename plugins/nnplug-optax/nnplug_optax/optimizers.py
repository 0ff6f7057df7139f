"""The optimizers of optax.

What optax keeps is a tree of arrays. Each of them has a slot of nnplug, of the
parameter's shape: its numbers come first, in their order, and zeros after them.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import nnplug
import numpy as np
import optax
import optax.contrib
from nnplug import Opaque
from nnplug.errors import PartError
from nnplug.parts import Optimizer

Option = bool | int | float | str
Options = tuple[tuple[str, Option], ...]
Shape = tuple[int, ...]

_RANDOM = "it draws random numbers"
_OTHER_WEIGHTS = "it predicts with other weights than those that it learns with"
_REASONS = {
    "noisy_sgd": _RANDOM,
    "dpsgd": f"it takes a gradient for each row, and {_RANDOM[3:]}",
    "lbfgs": "its line search evaluates the loss several times a step",
    "optimistic_adam": "it is deprecated for optimistic_adam_v2",
    "polyak_sgd": "it takes the loss",
    "momo": "it takes the loss",
    "momo_adam": "it takes the loss",
    "sophia": "it takes the Hessian's diagonal",
    "schedule_free": _OTHER_WEIGHTS,
    "schedule_free_adamw": _OTHER_WEIGHTS,
    "schedule_free_sgd": _OTHER_WEIGHTS,
}

_TOGETHER = {"prodigy", "dadapt_adamw", "dog", "dowg"}
"""Those with one step size for all parameters together."""

_LEFT_OUT = re.compile(r"learning_rate|.*mask|.*dtype.*|key|seed|.*_fn|.*dimension_numbers")
"""Arguments that are not options: functions, trees, dtypes, and what nnplug gives."""

TEXT = "none"
"""How an option is written that is None in optax."""


def make_optimizer(name: str) -> Optimizer | None:
    """Make the part of a function of `optax` or `optax.contrib`; None: there is no such optimizer.

    Raises
    ------
    PartError
        If there is one, but it cannot be a part.
    """
    # Not by getattr, which warns of names that were moved.
    made = vars(optax).get(name) or vars(optax.contrib).get(name)
    if not inspect.isfunction(made) or name.startswith("scale_by"):
        return None
    if name in _REASONS:
        raise PartError(f"optax's {name} cannot be an optimizer here: {_REASONS[name]}.")
    arguments = inspect.signature(made).parameters
    if "learning_rate" not in arguments:
        return None
    rate = arguments["learning_rate"].default
    options = _options(made)
    called = Opaque(f"{name} of optax {optax.__version__}, jax {jax.__version__}", _Step(made))

    def function(
        param: Any, grad: Any, *slots: Any, step: Any, learning_rate: Any, **given: Any
    ) -> Any:
        return called.several(1 + len(slots), param, grad, *slots, step, learning_rate, **given)

    kinds = inspect.Parameter
    own = _slots(made, tuple(options.items()))
    named = {"learning_rate": 1e-3 if rate in (None, kinds.empty) else float(rate), **options}
    signature = [kinds(each, kinds.POSITIONAL_OR_KEYWORD) for each in ("param", "grad", *own)]
    signature.append(kinds("step", kinds.KEYWORD_ONLY))
    signature += [kinds(key, kinds.KEYWORD_ONLY, default=value) for key, value in named.items()]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"optax's {name}, called as it stands."
    function.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]  # inspect reads it
    part = nnplug.optimizer(name=name, over="vector" if name in _TOGETHER else "tensor")(function)
    return _OptaxOptimizer(**{**vars(part), "made": made})


@dataclass(frozen=True, eq=False, repr=False)
class _OptaxOptimizer(Optimizer):
    """An optimizer whose slots depend on its options, as on rmsprop's momentum.

    Attributes
    ----------
    made : callable
        The function of optax.
    """

    made: Callable[..., Any] = optax.sgd

    def with_options(self, /, **values: Any) -> Any:
        """Make it with other options."""
        changed = super().with_options(**values)
        own = {key: value for key, value in changed.options.items() if key != "learning_rate"}
        return replace(changed, own_slots=_slots(self.made, tuple(own.items())))


# --- options ---------------------------------------------------------------------------


def _options(made: Callable[..., Any]) -> dict[str, Option]:
    """Give the options of a function with their defaults.

    A tuple such as `betas` is written as `beta1` and `beta2`.
    """
    found: dict[str, Option] = {}
    for argument in inspect.signature(made).parameters.values():
        default = argument.default
        if _LEFT_OUT.fullmatch(argument.name):
            continue
        if isinstance(default, tuple):
            base = argument.name.removesuffix("s")
            found |= {
                f"{base}{place}": each if isinstance(each, str) else float(each)
                for place, each in enumerate(default, 1)
            }
        elif default is None:
            found[argument.name] = TEXT
        elif isinstance(default, bool | str | float):
            found[argument.name] = default
        elif isinstance(default, int):
            whole = argument.annotation is int or argument.name.endswith("steps")
            found[argument.name] = default if whole else float(default)
    return found


def _given(made: Callable[..., Any], options: Options) -> dict[str, Any]:
    """Give the arguments of a function from a part's options."""
    chosen = dict(options)
    given: dict[str, Any] = {}
    for argument in inspect.signature(made).parameters.values():
        if isinstance(argument.default, tuple) and not _LEFT_OUT.fullmatch(argument.name):
            base = argument.name.removesuffix("s")
            places = range(1, len(argument.default) + 1)
            given[argument.name] = tuple(chosen[f"{base}{place}"] for place in places)
        elif argument.name in chosen:
            value: Any = chosen[argument.name]
            if argument.default is None and isinstance(value, str):
                value = None if value == TEXT else _number(value)
            given[argument.name] = value
    return given


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


# --- a step ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Step:
    """One step of an optimizer, from what it kept to what it keeps."""

    made: Callable[..., Any]

    def __call__(self, param: Any, grad: Any, *given: Any, **options: Option) -> tuple[Any, ...]:
        *slots, step, rate = given
        compiled = _compiled(self.made, tuple(options.items()), np.shape(param), param.dtype.name)
        with jax.enable_x64(param.dtype == np.float64):
            if float(step) > 1:
                leaves = [
                    np.asarray(slot).reshape(-1)[: like.size].reshape(like.shape).astype(like.dtype)
                    for slot, like in zip(slots, compiled.leaves, strict=False)
                ]
            else:
                leaves = compiled.begin(param, float(rate))
            new, leaves = compiled.step(param, grad, leaves, float(rate))
            kept = [np.zeros_like(param) for _ in slots]
            for array, leaf in zip(kept, leaves, strict=False):
                array.reshape(-1)[: leaf.size] = np.asarray(leaf).reshape(-1)
            return (np.asarray(new), *kept)


@dataclass(frozen=True)
class _Compiled:
    """The functions of an optimizer for an array of one shape and dtype.

    Attributes
    ----------
    begin : callable
        Gives what is kept before the first step.
    step : callable
        Gives the new parameters, and what is kept after a step.
    leaves : list
        Shapes and dtypes of what is kept.
    names : list of str
        Their names in optax.
    """

    begin: Callable[..., Any]
    step: Callable[..., Any]
    leaves: list[Any]
    names: list[str]


@lru_cache(maxsize=1000)
def _compiled(made: Callable[..., Any], options: Options, shape: Shape, dtype: str) -> _Compiled:
    given = _given(made, options)

    def begin(param: Any, rate: Any) -> Any:
        return jax.tree.leaves(made(learning_rate=rate, **given).init(param))

    def step(param: Any, grad: Any, leaves: Any, rate: Any) -> Any:
        optimizer = made(learning_rate=rate, **given)
        state = jax.tree.unflatten(tree, leaves)
        updates, state = optimizer.update(grad, state, param)
        return optax.apply_updates(param, updates), jax.tree.leaves(state)

    with jax.enable_x64(dtype == "float64"):
        shaped: Any = jax.ShapeDtypeStruct  # it has no annotations
        like = shaped(shape, dtype)
        number = jnp.zeros((), dtype)
        try:
            state = jax.eval_shape(lambda p: made(learning_rate=number, **given).init(p), like)
            leaves, tree = jax.tree.flatten(state)
            jax.eval_shape(step, like, like, leaves, number)
        except Exception as error:
            first = str(error).partition("\n")[0]
            raise PartError(
                f"optax's {made.__name__} refuses an array of shape {shape}: {first}"
            ) from error
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(state)]
    for path, leaf in zip(paths, leaves, strict=True):
        if leaf.size > np.prod(shape):
            raise PartError(
                f"optax's {made.__name__} keeps {path} of shape {leaf.shape} for an array of shape "
                f"{shape}: more numbers than a slot of nnplug has."
            )
    return _Compiled(jax.jit(begin), jax.jit(step), leaves, paths)


@lru_cache(maxsize=1000)
def _slots(made: Callable[..., Any], options: Options) -> tuple[str, ...]:
    """Name the slots, after the last name on the path to an array."""
    several = [_compiled(made, options, shape, "float64").names for shape in ((3, 4), (5,))]
    names: list[str] = []
    for path in max(several, key=len):  # some keep more for a matrix than for a vector
        words = re.findall(r"[A-Za-z_]\w*", path)
        base = words[-1].strip("_").lower() if words else "state"
        names.append(base if base not in names else f"{base}{len(names)}")
    return tuple(names)
