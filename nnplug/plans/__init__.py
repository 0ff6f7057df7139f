"""Plans: a training step as a flat list of array operations in fixed memory."""

from nnplug.plans.emission import CURVATURE, POINT, SIGN_NOISE, SIGNS
from nnplug.plans.planner import EvaluationPlanner, StepPlanner, plan_step
from nnplug.plans.program import Instruction, Program, Section, Value
from nnplug.plans.regularization import Regularization
from nnplug.plans.update import slot_layouts

__all__ = [
    "CURVATURE",
    "EvaluationPlanner",
    "POINT",
    "SIGNS",
    "SIGN_NOISE",
    "Instruction",
    "Program",
    "Regularization",
    "Section",
    "StepPlanner",
    "Value",
    "plan_step",
    "slot_layouts",
]
