"""Convolution blocks that several families share. All tensors are NCHW float."""

from __future__ import annotations

import torch
from torch import nn


class ConvBnAct(nn.Module):
    """Convolution without bias, batch norm (eps 1e-5, torch's default) and SiLU, or no activation.

    Shapes: (B, c_in, H, W) -> (B, c_out, ceil(H/stride), ceil(W/stride)) for odd kernels.
    """

    def __init__(
        self, c_in: int, c_out: int, kernel: int = 1, stride: int = 1, groups: int = 1, *, act: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(c_out)
        self.act: nn.Module = nn.SiLU() if act else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply convolution, normalization and activation."""
        out: torch.Tensor = self.act(self.bn(self.conv(x)))
        return out


class ReflectConv3x3(nn.Module):
    """3x3 convolution with bias on a one-pixel reflection pad: the disparity head of the Monodepth line.

    Shapes: (B, c_in, H, W) -> (B, c_out, H, W), H and W at least 2.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.pad = nn.ReflectionPad2d(1)
        self.conv = nn.Conv2d(c_in, c_out, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pad by reflection and convolve."""
        out: torch.Tensor = self.conv(self.pad(x))
        return out
