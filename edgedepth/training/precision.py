"""Mixed precision: what computes in half, and how gradients survive it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

from edgedepth.errors import UsageError
from edgedepth.training.recipe import Optimisation


class Precision:
    """The recipe's precision on one device.

    bfloat16 has float32's range and needs nothing else. float16 does not: its losses are scaled up before the
    backward pass, and a step whose gradients overflow is left out.

    Args:
        settings: `bfloat16` or `float16` or neither.
        device: where the networks are.

    Raises:
        UsageError: float16 on another device than CUDA.
    """

    def __init__(self, settings: Optimisation, device: torch.device) -> None:
        if settings.float16 and device.type != "cuda":
            raise UsageError(
                f"float16 cannot be trained on {device.type}.",
                "Its kernels for that device are slow or missing.",
                "Set optimisation.bfloat16 instead, or train on cuda.",
            )
        self._settings, self._device = settings, device
        self.scaler = torch.amp.GradScaler(device.type, enabled=settings.float16)

    def half(self) -> AbstractContextManager[Any]:
        """Within it convolutions compute in the recipe's precision."""
        kind = torch.float16 if self._settings.float16 else torch.bfloat16
        enabled = self._settings.float16 or self._settings.bfloat16
        return torch.autocast(self._device.type, kind, enabled=enabled)

    def step(self, loss: torch.Tensor, optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter]) -> None:
        """Backward pass, gradient clipping and one optimizer step."""
        optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(parameters, self._settings.clip)
        self.scaler.step(optimizer)
        self.scaler.update()
