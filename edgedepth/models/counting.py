"""Parameters and multiply-adds, by the papers' rule and honestly."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

Inputs = tuple[Any, ...]
"""Of a network: tensors, and lists of them."""


@dataclass(frozen=True)
class Counts:
    """What one forward costs, batch 1.

    Attributes:
        parameters: trainable ones, batch norms not folded; what two layers share counts once.
        paper_gflops: by the counting rule of FlexDepth's tables, which is that of the tool thop: multiply-adds of
            convolutions and linear layers, 4 per element of a batch or layer norm, 1 or 2 per element of a pool, all
            heads; blind to attention's products, sampling and activations. One of its FLOPs is one multiply-add.
        macs: multiply-adds of what an export runs: the finest head only, batch norms folded, attention's matrix
            products included.
    """

    parameters: int
    paper_gflops: float
    macs: int


def count(network: nn.Module, size: tuple[int, int]) -> Counts:
    """Count by running shapes only: no weights are read and nothing is computed.

    Args:
        network: takes (1, 3, H, W); `disparities`, where it has one, runs all heads. Of a coarse model with its
            `refiner`, the refiner alone is counted, for one patch; what else a network takes than a picture, its
            `patch_inputs` say.
        size: (height, width).
    """
    counted: nn.Module = getattr(network, "refiner", network)
    probe = copy.deepcopy(counted).to("meta")
    given: Callable[[tuple[int, int]], Inputs] = getattr(probe, "patch_inputs", _picture)
    with torch.device("meta"):
        inputs = given(size)
    every: Callable[..., object] = getattr(probe, "disparities", probe)
    paper = _by_the_papers_rule(probe, every, inputs)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        probe(*inputs)
    return Counts(sum(p.numel() for p in counted.parameters()), paper / 1e9, counter.get_total_flops() // 2)


def _picture(size: tuple[int, int]) -> Inputs:
    return (torch.empty(1, 3, *size),)


def _by_the_papers_rule(network: nn.Module, run: Callable[..., object], inputs: Inputs) -> int:
    total = 0

    def note(module: nn.Module, args: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d | nn.Linear):
            total += out.numel() * math.prod(module.weight.shape[1:])
        elif isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
            total += 4 * args[0].numel()
        elif isinstance(module, nn.AvgPool2d):
            total += out.numel()
        elif isinstance(module, nn.AdaptiveAvgPool2d):
            total += args[0].numel() + out.numel()

    hooks = [m.register_forward_hook(note) for m in network.modules()]
    with torch.no_grad():
        run(*inputs)
    for hook in hooks:
        hook.remove()
    return total
