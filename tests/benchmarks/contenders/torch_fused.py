"""PyTorch, eager, with its optimizer as one compiled kernel (`fused=True`)."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.contenders import torch_eager

TITLE = "PyTorch, fused optimizer"
RANK = 5
PACKAGES = torch_eager.PACKAGES


def supports(work: Any) -> bool:
    """Take works whose optimizer PyTorch has as one kernel that gains something."""
    return bool(work.optimizer in ("adam", "adamw"))


def run(work: Any, arrays: dict[str, Any], clock: Any) -> float:
    """Train."""
    return torch_eager.run(work, arrays, clock, fused=True)
