"""What the works name and PyTorch does not have, as its users write it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch


class Squareplus(torch.nn.Module):
    """(x + √(x² + 4)) / 2 (Barron, 2021, arXiv:2112.11687, eq. 1)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Compute it elementwise."""
        return 0.5 * (x + torch.sqrt(x * x + 4))


class Lion(torch.optim.Optimizer):
    """Lion (Chen et al., 2023, arXiv:2302.06675, Algorithm 2), over all tensors at once."""

    def __init__(self, params: Iterable[Any], lr: float, betas: tuple[float, float] = (0.9, 0.99)):
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Update every parameter by the learning rate, along the sign of its momentum."""
        for group in self.param_groups:
            params = [param for param in group["params"] if param.grad is not None]
            for param in params:
                if not self.state[param]:
                    self.state[param]["m"] = torch.zeros_like(param)
            grads, moments = [p.grad for p in params], [self.state[p]["m"] for p in params]
            beta1, beta2 = group["betas"]
            directions = torch._foreach_mul(moments, beta1)
            torch._foreach_add_(directions, grads, alpha=1 - beta1)
            torch._foreach_sign_(directions)
            torch._foreach_add_(params, directions, alpha=-group["lr"])
            torch._foreach_mul_(moments, beta2)
            torch._foreach_add_(moments, grads, alpha=1 - beta2)
