"""Where each sub-pixel samples, clamped to a window, in the form that a target multiplies fastest.

Displacement d = start + offset, in low-resolution pixels from the pixel's centre, per axis, channel group and
sub-pixel. A group's value applies to all of its channels. ONNX Runtime broadcasts over a rank-5 view at no cost;
TFLite's delegates want rank 4 and equal shapes, so there a constant 1x1 convolution spreads the values.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from edgedepth.export.lowering.target import Target
from edgedepth.models.shared.dysample import DySample

START = 0.25
SIDES = ((-1.0, 1.0, -1.0, 1.0), (-1.0, -1.0, 1.0, 1.0))
"""Which way sub-pixel 0..3 (row-major) lies from the centre: along x, along y."""


def offset_convolution(sample: DySample) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight (8g, C, 1, 1) and bias (8g) of the low-resolution convolution behind `DySample.offsets`.

    For style ``pl`` the convolution after the pixel shuffle reads channel 4c + s for sub-pixel s only, so at low
    resolution it is the same convolution with zeros between. Channel order as in `DySample.offsets`.

    Raises:
        ValueError: the offsets have a dynamic scope, so they are not linear in x.
    """
    if sample.scope is not None:
        raise ValueError("offsets with a dynamic scope are not one convolution")
    weight = sample.offset.weight.detach()
    bias = sample.offset.bias.detach() if sample.offset.bias is not None else torch.zeros(weight.shape[0])
    if sample.style == "pl":
        spread = torch.zeros(weight.shape[0], 4, sample.channels // 4, 4)
        for s in range(4):
            spread[:, s, :, s] = weight[:, :, 0, 0]
        weight = spread.reshape(weight.shape[0] * 4, sample.channels, 1, 1)
        bias = bias.repeat_interleave(4)
    return 0.25 * weight, 0.25 * bias


def convolution(weight: torch.Tensor, bias: torch.Tensor | None = None, **options: Any) -> nn.Conv2d:
    """A convolution layer with the given constants."""
    out, width, *kernel = weight.shape
    groups = options.pop("groups", 1)
    layer = nn.Conv2d(width * groups, out, tuple(kernel), groups=groups, bias=bias is not None, **options)  # type: ignore[arg-type]
    layer.weight = nn.Parameter(weight.clone(), requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias.clone(), requires_grad=False)
    return layer.eval()


class Displacement(nn.Module):
    """Clamped displacements of a `DySample`.

    Args:
        sample: the definition; its weights are copied.
        low, high: bounds on the displacement towards the sub-pixel's own side.
        target: decides the form of the values.

    Each axis gives a small tensor (B, 4g, H, W), channel s * g + k. `own` turns it into what multiplies a feature
    map that went through `grouped`, sub-pixel by sub-pixel; `every` and `tiled` do so for all four at once.
    """

    def __init__(self, sample: DySample, low: float, high: float, target: Target) -> None:
        super().__init__()
        self.groups, self.channels, self.target = sample.groups, sample.channels, target
        self.middle, self.span = (low + high) / 2, (high - low) / 2
        weight, bias = offset_convolution(sample)
        # (axis, group, sub-pixel) -> (axis, sub-pixel, group): the values of one sub-pixel become neighbours.
        g = self.groups
        order = torch.arange(8 * g).view(2, g, 4).transpose(1, 2).reshape(-1)
        side = torch.tensor(SIDES).view(2, 4, 1).expand(2, 4, g).reshape(-1)
        weight, bias = weight[order], bias[order] + START * side
        # The clamp is done at -1..1, where TFLite fuses it into the convolution.
        weight, bias = weight / self.span, (bias - self.middle * side) / self.span
        self.axes = nn.ModuleList(convolution(weight[4 * g * d :][: 4 * g], bias[4 * g * d :][: 4 * g]) for d in (0, 1))
        self.register_buffer("side", side.view(2, 1, 4 * g, 1, 1).clone(), persistent=False)
        if target == "tflite":
            self.spread_all = convolution(torch.cat([self._spreading(s, 1.0, 0.0).weight.detach() for s in range(4)]))
            self.owns = nn.ModuleList(
                self._spreading(s, self.span, self.middle * SIDES[d][s]) for d in (0, 1) for s in range(4)
            )

    def _spreading(self, s: int, scale: float, shift: float) -> nn.Conv2d:
        g, width = self.groups, self.channels // self.groups
        weight = torch.zeros(self.channels, 4, g)
        for k in range(g):
            weight[k * width : (k + 1) * width, s, k] = scale
        return convolution(weight.view(self.channels, 4 * g, 1, 1), torch.full((self.channels,), shift))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Displacements along x and y, each scaled so that its bounds lie at -1 and 1."""
        along_x, along_y = (F.hardtanh(axis(x)) for axis in self.axes)
        return along_x, along_y

    def pixels(self, small: torch.Tensor, axis: int) -> torch.Tensor:
        """The same in low-resolution pixels."""
        return small * self.span + self.middle * self.get_buffer("side")[axis]

    def own(self, small: torch.Tensor, axis: int, s: int) -> torch.Tensor:
        """Displacement of sub-pixel s in pixels, ready to multiply."""
        if self.target == "tflite":
            out: torch.Tensor = self.owns[4 * axis + s](small)
            return out
        B, _, H, W = small.shape
        own = small.narrow(1, s * self.groups, self.groups).reshape(B, self.groups, 1, H, W)
        return own * self.span + self.middle * SIDES[axis][s]

    def every(self, small: torch.Tensor) -> torch.Tensor:
        """A small tensor's values of all sub-pixels, ready to multiply what `tiled` gives."""
        if self.target == "tflite":
            out: torch.Tensor = self.spread_all(small)
            return out
        B, _, H, W = small.shape
        return small.reshape(B, 4, self.groups, 1, H, W)

    def tiled(self, x: torch.Tensor) -> torch.Tensor:
        """A feature map (B, C, H, W) in the form that the values of all sub-pixels multiply."""
        if self.target == "tflite":
            return torch.cat([x, x, x, x], 1)
        B, C, H, W = x.shape
        return x.reshape(B, 1, self.groups, C // self.groups, H, W)

    def untiled(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The products of `tiled` and `every`, added up, as four maps (B, C, H, W)."""
        if self.target == "tflite":
            return list(torch.split(x, self.channels, 1))
        return [x.select(1, s).flatten(1, 2) for s in range(4)]

    def grouped(self, x: torch.Tensor) -> torch.Tensor:
        """A feature map (B, C, H, W) in the form that the values multiply."""
        if self.target == "tflite":
            return x
        B, C, H, W = x.shape
        return x.reshape(B, self.groups, C // self.groups, H, W)

    def ungrouped(self, x: torch.Tensor) -> torch.Tensor:
        """Back to (B, C, H, W)."""
        return x if self.target == "tflite" else x.flatten(1, 2)
