"""An estimate of the diagonal of the loss's Hessian: the derivative, differentiated again.

For random signs z, the mean of z·(H·z) is the diagonal of H (Hutchinson, 1990,
Communications in Statistics 19(2), 433-450). H·z is the derivative of the
product of gradient and z, so it takes one more reverse pass, and no matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from nnplug.formulas.derivative import differentiate
from nnplug.formulas.graph import Symbol, walk
from nnplug.formulas.primitives import new_graph
from nnplug.formulas.tracing import lower, put
from nnplug.network.network import Network
from nnplug.parts import Loss
from nnplug.plans.emission import CURVATURE, SIGN_NOISE, SIGNS, Emitter, concrete
from nnplug.plans.program import Value
from nnplug.plans.schedule import Schedule
from nnplug.plans.step_graph import Arguments, Group, LossFormula, StepGraph, as_planned

__all__ = ["CurvatureGraph", "write_curvature"]


class CurvatureGraph(Arguments):
    """The graph of the estimate, for a network and a loss.

    Each layer is one operation in it until it has been differentiated twice;
    then the layers are written out.

    Attributes
    ----------
    group : Group
        The estimate for every parameter array.
    signs : dict of str to Symbol
        The signs, by the names of the arrays.
    """

    def __init__(self, network: Network, loss: Loss, step: StepGraph, *, weighted: bool) -> None:
        graph = new_graph()

        def again(arguments: Mapping[str, Symbol]) -> dict[str, Symbol]:
            return {
                name: graph.input(name, symbol.shape, symbol.dtype_kind)
                for name, symbol in arguments.items()
            }

        super().__init__(again(step.given), again(step.arrays), again(step.noise), step.labels)
        output = self.given["input"]
        for placed, formula in step.formulas():
            inputs = [(self.arrays | self.noise)[array.name] for array in placed.arrays]
            if not formula.is_identity:
                output = graph.apply(formula.operation, output, *inputs)
        of_loss = LossFormula(loss, weighted=weighted)
        given = [output, *list(self.given.values())[1:]]
        made = {id(own): other for own, other in zip(of_loss.arguments, given, strict=True)}
        wanted = [of_loss.unweighted, of_loss.seed]
        put(walk(wanted, made), made, graph, step.loss_labels(loss))
        unweighted, seed = (made[id(symbol)] for symbol in wanted)
        names = [span.name for span in network.spans if not span.is_state]
        self.signs = {name: graph.input(f"{name}.sign", self.arrays[name].shape) for name in names}
        learned = [self.arrays[name] for name in names]
        gradients = differentiate(unweighted, learned, seed)
        terms: list[Any] = [
            np.sum(gradient * self.signs[name])
            for name, gradient in zip(names, gradients, strict=True)
        ]
        products = differentiate(reduce(add, terms), learned, graph.constant(1.0))
        diagonal = [
            self.signs[name] * product for name, product in zip(names, products, strict=True)
        ]
        roots = as_planned(lower(diagonal))
        self.group = Group("curvature", roots, gradients=dict(zip(names, roots, strict=True)))


def write_curvature(emitter: Emitter, graph: CurvatureGraph, batch: Mapping[str, Value]) -> None:
    """Write the signs and the estimate, each into its vector."""
    size = emitter.network.learned
    section = emitter.section("backward", "curvature: signs", tiled=True, rows=size)
    own = new_graph()
    drawn = own.input("noise", ("P",))
    signs: Symbol = np.where(drawn < 0.5, -1.0, 1.0)  # type: ignore[assignment]  # np.where dispatches to Symbol
    noise = Value(SIGN_NOISE, (size,), emitter.dtype, "noise", vector=SIGN_NOISE, per_row=True)
    place = Value("signs", (size,), emitter.dtype, "slot", 0, SIGNS, per_row=True)
    emitter.emit(
        section, [signs], {id(drawn): noise}, prefix="signs", sizes={"P": size},
        names={id(signs): place},
    )  # fmt: skip
    schedule = Schedule(emitter, graph, batch)
    for name, symbol in graph.signs.items():
        value = emitter.stretch(name, SIGNS)
        assert value.shape == concrete(symbol.shape, schedule.sizes)
        schedule.values[id(symbol)] = value
    schedule.write_backward([graph.group], into=CURVATURE)
