"""Parameters and multiply-adds, by the papers' rule and honestly."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from edgedepth.models.flexdepth.blocks import Attention


@dataclass(frozen=True)
class Counts:
    """What one forward costs, batch 1.

    Attributes:
        parameters: trainable ones, batch norms not folded.
        paper_gflops: by the counting rule of FlexDepth's tables: convolution multiply-adds plus 4 per
            batch-norm element, all heads; blind to attention, sampling and activations. One of its FLOPs is one
            multiply-add.
        macs: multiply-adds of what an export runs: the finest head only, batch norms folded, attention's matrix
            products included.
    """

    parameters: int
    paper_gflops: float
    macs: int


def count(network: nn.Module, size: tuple[int, int]) -> Counts:
    """Count by running shapes only: no weights are read and nothing is computed.

    Args:
        network: takes (1, 3, H, W); `disparities`, where it has one, runs all heads.
        size: (height, width).
    """
    probe = copy.deepcopy(network).to("meta")
    picture = torch.empty(1, 3, *size, device="meta")
    every: Callable[[torch.Tensor], object] = getattr(probe, "disparities", probe)
    paper = _total(probe, every, picture, batch_norm=4, attention=False)
    macs = _total(probe, probe, picture, batch_norm=0, attention=True)
    return Counts(sum(p.numel() for p in network.parameters()), paper / 1e9, macs)


def _total(
    network: nn.Module,
    run: Callable[[torch.Tensor], object],
    picture: torch.Tensor,
    *,
    batch_norm: int,
    attention: bool,
) -> int:
    total = 0

    def note(module: nn.Module, args: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += out.numel() * math.prod(module.weight.shape[1:])
        elif isinstance(module, nn.BatchNorm2d):
            total += batch_norm * args[0].numel()
        elif isinstance(module, Attention) and attention:
            positions = out.shape[2] * out.shape[3]
            total += positions**2 * module.heads * (module.KEY_DIM + module.HEAD_DIM)

    hooks = [m.register_forward_hook(note) for m in network.modules()]
    with torch.no_grad():
        run(picture)
    for hook in hooks:
        hook.remove()
    return total
