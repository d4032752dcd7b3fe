"""Seeded random weights: good enough to prove arithmetic, never depth."""

from __future__ import annotations

import math

import torch
from torch import nn

from edgedepth.models.shared.dysample import DySample

# E[silu(z)^2] = 0.3557 for z ~ N(0, 1): this gain keeps the variance of activations from layer to layer, so
# that the output of a random network varies and a parity check on it means something.
SILU_GAIN = 1 / math.sqrt(0.3557)


def initialise(model: nn.Module, seed: int) -> nn.Module:
    """Fill all weights from one seed, in place; the same seed gives the same bytes on every machine.

    Convolutions and linear layers: normal with standard deviation ``SILU_GAIN / sqrt(fan_in)``, zero bias.
    Batch norms: identity. DySample's offsets: the published 0.001, so that it starts out bilinear.
    """
    generator = torch.Generator().manual_seed(seed)
    small = {id(m.offset) for m in model.modules() if isinstance(m, DySample)}
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                fan_in = math.prod(module.weight.shape[1:])
                std = 0.001 if id(module) in small else SILU_GAIN / math.sqrt(fan_in)
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator) * std)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
    return model
