"""Ranges of options that many optimizers share."""

from __future__ import annotations

EPSILON = {"epsilon": "[0, inf)"}
DECAY = {"weight_decay": "[0, inf)"}
BETAS = {"beta1": "[0, 1)", "beta2": "[0, 1)"}
MOMENTS = {**BETAS, **EPSILON}
