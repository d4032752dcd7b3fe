"""Coarse to fine: the refiner's noisy features, cleaned from low to high resolution by gates that the coarse ones set.

Guided denoising units and their place in a DPT-like decoder are those of PatchRefiner V2, section 3.2; names of
parameters are the published ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from edgedepth.models.patchrefiner.blocks import ChannelNorm, resized

LEVELS = 5
"""Of the encoder: level 1 is at half resolution, level 5 at 1/32."""


class GuidedDenoisingUnit(nn.Module):
    """A residual convolution whose result is weighted, element by element, with a gate in 0..1.

    ``o = conv(relu(x)) + x``; ``gate = sigmoid(conv1x1(relu(norm(conv3x3([o, guide])))))``; the result is ``o * gate``.

    Args:
        width: channels of what is cleaned.
        guide: channels of the coarse feature.
        norm: from channels to the norm; the published one unless another is named.
    """

    def __init__(self, width: int, guide: int, norm: Callable[[int], nn.Module] = ChannelNorm) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.fusion_conv = nn.Sequential(
            nn.Conv2d(width + guide, width, 3, padding=1),
            norm(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 1, bias=False),
        )

    def forward(self, x: torch.Tensor, guide: torch.Tensor) -> torch.Tensor:
        """(B, width, H, W) and (B, guide, H, W) -> (B, width, H, W)."""
        out = self.conv(torch.relu(x)) + x
        gate = torch.sigmoid(self.fusion_conv(torch.cat([out, guide], 1)))
        cleaned: torch.Tensor = out * gate
        return cleaned


class GatedFusionBlock(nn.Module):
    """What comes from below, plus the cleaned skip, cleaned once more.

    The first unit exists in checkpoints even where a block has no skip to clean.
    """

    def __init__(self, width: int, guide: int) -> None:
        super().__init__()
        self.out_conv = nn.Conv2d(width, width, 1)
        self.GateresConfUnit1 = GuidedDenoisingUnit(width, guide)
        self.GateresConfUnit2 = GuidedDenoisingUnit(width, guide)

    def forward(
        self, x: torch.Tensor, guide: torch.Tensor, size: Sequence[int], skip: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Clean, and resize to `size`; `x`, `guide` and `skip` are of one size."""
        if skip is not None:
            x = x + self.GateresConfUnit1(skip, guide)
        out: torch.Tensor = self.out_conv(resized(self.GateresConfUnit2(x, guide), size))
        return out


class CoarseToFine(nn.Module):
    """From the encoder's five taps to six cleaned features and a first depth of the patch.

    Args:
        taps: channels of the encoder's taps, finest (half resolution) first.
        coarse: channels of the coarse features, lowest resolution (1/32) first, full resolution last.
        width: channels of every level but the full resolution, which has as many as the coarse feature there.
    """

    def __init__(self, taps: Sequence[int], coarse: Sequence[int], width: int) -> None:
        super().__init__()
        levels = range(1, LEVELS + 1)
        finest = coarse[-1]
        parts: dict[str, nn.Module] = {
            f"layer{k}_rn": nn.Conv2d(taps[k - 1], width, 3, padding=1, bias=False) for k in levels
        }
        parts |= {f"refinenet{k}": GatedFusionBlock(width, coarse[LEVELS - k]) for k in levels}
        parts["output_conv1"] = nn.Conv2d(width, width // 2, 3, padding=1)
        parts["output_conv2"] = nn.Sequential(nn.Conv2d(width // 2, finest, 3, padding=1), nn.ReLU())
        parts["output_conv2_fusion"] = GatedFusionBlock(finest, finest)
        parts["output_conv3"] = nn.Sequential(nn.Conv2d(finest, 1, 1))
        self.scratch = nn.ModuleDict(parts)

    def forward(
        self, taps: Sequence[torch.Tensor], coarse: Sequence[torch.Tensor]
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Clean level by level.

        Args:
            taps: of the encoder, finest first.
            coarse: lowest resolution first, each at its level's size.

        Returns:
            six features, lowest resolution first, and a depth prediction (B, 1, H, W).
        """
        s = self.scratch
        skips = [s[f"layer{k}_rn"](tap) for k, tap in enumerate(taps, 1)]
        full = coarse[LEVELS].shape[-2:]
        sizes = [full, *(skip.shape[-2:] for skip in skips)]
        x = s["refinenet5"](skips[4], coarse[0], sizes[4])
        features = [skips[4]]
        for level in (4, 3, 2, 1):
            features.append(x)
            x = s[f"refinenet{level}"](x, coarse[LEVELS - level], sizes[level - 1], skips[level - 1])
        x = s["output_conv2"](s["output_conv1"](x))
        last = s["output_conv2_fusion"](x, coarse[LEVELS], full)
        return [*features, last], s["output_conv3"](last)
