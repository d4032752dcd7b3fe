"""Seeded random weights: good enough to prove arithmetic, never depth."""

from __future__ import annotations

import math

import torch
from torch import nn

from edgedepth.models.shared.dysample import DySample

# Between vanishing and saturating: at this gain the disparity of every scale varies (standard deviation 0.05 to
# 0.08 on noise), so that a parity check on random weights means something.
GAIN = 1.3
# Of residual branches: large enough to matter, small enough that ten of them in a row do not saturate the output.
LAYER_SCALE = 0.1


def initialise(model: nn.Module, seed: int) -> nn.Module:
    """Fill all weights from one seed, in place; the same seed gives the same bytes on every machine.

    Convolutions and linear layers: normal with standard deviation ``GAIN / sqrt(fan_in)``, zero bias. A network in
    which values grow with depth has an `initial_gain` of its own.
    Batch and layer norms: identity. Layer scales, wherever a block calls them `gamma`: `LAYER_SCALE`. What else no
    layer of torch's holds: 0 for a bias, 1 for a scale. DySample's offsets: the published 0.001, so that it starts
    out bilinear. What a network has to say about its start beyond that, it does in its own `finish_initial`.
    """
    generator = torch.Generator().manual_seed(seed)
    gain: float = getattr(model, "initial_gain", GAIN)
    small = {id(m.offset) for m in model.modules() if isinstance(m, DySample)}
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.ConvTranspose2d):
                fan_in = _fan_in(module)
                std = 0.001 if id(module) in small else gain / math.sqrt(fan_in)
                module.weight.copy_(torch.randn(module.weight.shape, generator=generator) * std)
                if module.bias is not None:
                    module.bias.zero_()
            elif isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
                module.reset_parameters()
            else:
                for key, parameter in module.named_parameters(recurse=False):
                    parameter.fill_(0 if key == "bias" else LAYER_SCALE if key.startswith("gamma") else 1)
    finish = getattr(model, "finish_initial", None)
    if finish is not None:
        finish()
    return model


def _fan_in(module: nn.Conv2d | nn.Linear | nn.ConvTranspose2d) -> float:
    """How many products add up to one value of the output."""
    if isinstance(module, nn.ConvTranspose2d):
        # Weights are (in, out, h, w); a stride leaves every output only a share of the kernel.
        return module.weight[:, 0].numel() / (math.prod(module.stride) * module.groups)
    return math.prod(module.weight.shape[1:])
