"""DySample x2: upsampling by learned point sampling (Liu et al., "Learning to Upsample by Learning to Sample")."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F

SCALE = 2


def start_positions(groups: int) -> torch.Tensor:
    """Where each of the four sub-pixels starts, in low-resolution pixels from the pixel's centre.

    Returns:
        (1, 8 * groups, 1, 1): the x offset of every group and sub-pixel, then the y offset. Sub-pixels are in
        pixel-shuffle order (row-major).
    """
    half = torch.tensor([-0.25, 0.25])
    y, x = torch.meshgrid(half, half, indexing="ij")
    per_axis = [axis.reshape(1, 4).expand(groups, 4) for axis in (x, y)]
    return torch.stack(per_axis).reshape(1, 8 * groups, 1, 1).clone()


class DySample(nn.Module):
    """Upsample x2, sampling each channel group at learned positions, bilinearly and with border clamp.

    Output pixel (Y, X) of group k reads its input at the pixel-centre coordinates
    ``((X + 0.5) / 2 + o_x, (Y + 0.5) / 2 + o_y)`` where o is the learned offset in low-resolution pixels; with
    zero offsets that is exactly bilinear x2 (``align_corners=False``).

    Args:
        channels: C; divisible by `groups`, and by 4 for style ``pl``.
        groups: g; channels k*C/g .. (k+1)*C/g - 1 share one offset field.
        style: ``pl`` shuffles pixels first and predicts offsets at high resolution; ``lp`` predicts at low
            resolution and shuffles the offsets.
        dynamic_scope: scale each offset by ``0.5 * sigmoid(.)`` of a second convolution instead of 0.25.
        offset_limit: bound on ``|o|``, positive; None is the published, unbounded definition.

    Shapes: (B, C, H, W) -> (B, C, 2H, 2W).
    """

    init_pos: torch.Tensor

    def __init__(
        self,
        channels: int,
        groups: int,
        style: Literal["pl", "lp"] = "pl",
        *,
        dynamic_scope: bool = False,
        offset_limit: float | None = None,
    ) -> None:
        super().__init__()
        if channels % groups or (style == "pl" and channels % SCALE**2):
            raise ValueError(f"DySample cannot split {channels} channels into {groups} groups (style {style})")
        if offset_limit is not None and not 0 < offset_limit < math.inf:
            raise ValueError(f"an offset limit is a positive number of pixels, not {offset_limit}")
        self.channels, self.groups, self.style = channels, groups, style
        self.offset_limit = offset_limit
        c_in, c_out = (channels // 4, 2 * groups) if style == "pl" else (channels, 8 * groups)
        self.offset = nn.Conv2d(c_in, c_out, 1)
        nn.init.normal_(self.offset.weight, std=0.001)
        nn.init.zeros_(self.offset.bias)  # type: ignore[arg-type]
        self.scope = nn.Conv2d(c_in, c_out, 1, bias=False) if dynamic_scope else None
        self.register_buffer("init_pos", start_positions(groups))

    def offsets(self, x: torch.Tensor) -> torch.Tensor:
        """Learned offsets without the start positions.

        Returns:
            (B, 8 * groups, H, W) in low-resolution pixels; channel ``(d * groups + k) * 4 + s`` is axis d
            (0 is x), group k, sub-pixel s.
        """
        source = F.pixel_shuffle(x, SCALE) if self.style == "pl" else x
        offset: torch.Tensor = self.offset(source)
        if self.scope is not None:
            offset = 0.5 * offset * self.scope(source).sigmoid()
        else:
            offset = 0.25 * offset
        if self.offset_limit is not None:
            offset = offset.clamp(-self.offset_limit, self.offset_limit)
        return F.pixel_unshuffle(offset, SCALE) if self.style == "pl" else offset

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Sample `x` at the start positions plus the learned offsets."""
        B, C, H, W = x.shape
        offset = (self.offsets(x) + self.init_pos).view(B, 2, 4 * self.groups, H, W)
        coords = torch.stack(
            torch.meshgrid(
                torch.arange(W, dtype=x.dtype, device=x.device) + 0.5,
                torch.arange(H, dtype=x.dtype, device=x.device) + 0.5,
                indexing="xy",
            )
        )
        size = torch.tensor([W, H], dtype=x.dtype, device=x.device).view(1, 2, 1, 1, 1)
        position = 2 * (offset + coords.unsqueeze(1).unsqueeze(0)) / size - 1
        grid = F.pixel_shuffle(position.reshape(B, 8 * self.groups, H, W), SCALE)
        grid = grid.view(B, 2, self.groups, SCALE * H, SCALE * W).permute(0, 2, 3, 4, 1).flatten(0, 1)
        sampled = F.grid_sample(
            x.reshape(B * self.groups, C // self.groups, H, W),
            grid,
            mode="bilinear",
            padding_mode="border",
            align_corners=False,
        )
        return sampled.view(B, C, SCALE * H, SCALE * W)
