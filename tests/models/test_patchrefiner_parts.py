"""PatchRefiner V2's parts, written out in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgedepth.models.patchrefiner.blocks import ChannelNorm
from edgedepth.models.patchrefiner.coarse_to_fine import GuidedDenoisingUnit


def convolved(x, weight, bias=None):
    """3x3 or 1x1 convolution with zero padding, of float64 (C, H, W)."""
    k = weight.shape[-1]
    padded = np.pad(x, ((0, 0), (k // 2, k // 2), (k // 2, k // 2)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(1, 2))
    out = np.einsum("chwij,ocij->ohw", windows, weight)
    return out if bias is None else out + bias[:, None, None]


def normalized(x, weight, bias):
    mean, variance = x.mean(0), x.var(0)
    return (x - mean) / np.sqrt(variance + 1e-6) * weight[:, None, None] + bias[:, None, None]


def scattered(module, seed=3):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
    return {key: value.double().numpy() for key, value in module.state_dict().items()}


def test_channel_norm_written_out():
    norm = ChannelNorm(6)
    p = scattered(norm)
    x = torch.randn(1, 6, 4, 5, generator=torch.Generator().manual_seed(0)) * 3 + 1
    with torch.no_grad():
        found = norm(x)[0].numpy()
    np.testing.assert_allclose(found, normalized(x[0].double().numpy(), p["weight"], p["bias"]), atol=1e-5)


@pytest.mark.parametrize("guide", [6, 3])
def test_a_guided_denoising_unit_written_out(guide):
    unit = GuidedDenoisingUnit(6, guide)
    p = scattered(unit)
    generator = torch.Generator().manual_seed(1)
    x, g = (torch.randn(1, c, 5, 7, generator=generator) for c in (6, guide))
    with torch.no_grad():
        found = unit(x, g)[0].numpy()
    x64, g64 = x[0].double().numpy(), g[0].double().numpy()
    out = convolved(np.maximum(x64, 0), p["conv.weight"], p["conv.bias"]) + x64
    gate = convolved(np.concatenate([out, g64]), p["fusion_conv.0.weight"], p["fusion_conv.0.bias"])
    gate = np.maximum(normalized(gate, p["fusion_conv.1.weight"], p["fusion_conv.1.bias"]), 0)
    gate = 1 / (1 + np.exp(-convolved(gate, p["fusion_conv.3.weight"])))
    np.testing.assert_allclose(found, out * gate, atol=1e-5)
