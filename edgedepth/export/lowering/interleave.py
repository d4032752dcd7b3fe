"""Four half-resolution maps woven into one of full resolution, per target.

ONNX Runtime does it fastest as two stacks. TFLite has DEPTH_TO_SPACE, which every delegate takes, but litert-torch
lowers pixel_shuffle to reshapes and transposes; so for TFLite a custom operator carries it through the converter.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from edgedepth.export.lowering.target import Target


@torch.library.custom_op("edgedepth::depth_to_space", mutates_args=())
def depth_to_space(x: torch.Tensor) -> torch.Tensor:
    """TFLite's DEPTH_TO_SPACE with block 2.

    Args:
        x: (B, H, W, 4C), channel ``s * C + c`` for sub-pixel s = 2 * row + column.

    Returns:
        (B, 2H, 2W, C).
    """
    B, H, W, C4 = x.shape
    blocks = x.reshape(B, H, W, 2, 2, C4 // 4).permute(0, 1, 3, 2, 4, 5)
    # A copy even where the reshape is a view: a custom operator must not return its input's memory.
    return blocks.reshape(B, 2 * H, 2 * W, C4 // 4).clone(memory_format=torch.contiguous_format)


@depth_to_space.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    B, H, W, C4 = x.shape
    return x.new_empty(B, 2 * H, 2 * W, C4 // 4)


def weave(parts: Sequence[torch.Tensor], target: Target) -> torch.Tensor:
    """Four (B, C, H, W) maps in row-major sub-pixel order to (B, C, 2H, 2W)."""
    B, C, H, W = parts[0].shape
    if target == "onnx":
        rows = [torch.stack(tuple(parts[2 * p : 2 * p + 2]), -1).reshape(B, C, H, 2 * W) for p in (0, 1)]
        return torch.stack(rows, 3).reshape(B, C, 2 * H, 2 * W)
    nhwc = torch.cat(list(parts), 1).permute(0, 2, 3, 1).contiguous()
    woven: torch.Tensor = depth_to_space(nhwc)
    return woven.permute(0, 3, 1, 2)
