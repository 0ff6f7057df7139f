"""Plans: a training step as a flat list of array operations over fixed buffers."""

from nnplug.plans.planner import plan_evaluation, plan_step
from nnplug.plans.program import Instruction, Program, Section, Value

__all__ = ["Instruction", "Program", "Section", "Value", "plan_evaluation", "plan_step"]
