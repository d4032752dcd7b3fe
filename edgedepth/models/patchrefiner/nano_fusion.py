"""The phone refiner's fusion: guided denoising and the way back to full resolution, in one pass over five levels.

Against the published fusion: batch norms, which fold away, instead of norms over channels; ReLU instead of GELU, so
that integers serve; no fusion level at full resolution, where two thirds of the published cost lie; one pass, in which
every level is first cleaned and then decoded.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from edgedepth.models.patchrefiner.coarse_to_fine import GuidedDenoisingUnit
from edgedepth.models.patchrefiner.reach import Reach

LEVEL_STRIDES = (32, 16, 8, 4, 2)
GUIDE_STRIDES = (32, 16, 8)
"""Levels that have a coarse feature of their own; the finer ones take that at stride 8, enlarged."""


class ConvBnRelu(nn.Sequential):
    """A convolution without bias, batch norm and ReLU; keeps height and width."""

    def __init__(self, c_in: int, c_out: int, kernel: int) -> None:
        super().__init__(
            nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()
        )


class NanoLevel(nn.Module):
    """One level: the encoder's tap cleaned, added to what comes from below, cleaned again; then decoded.

    Args:
        tap, guide: channels of the encoder's tap and of the coarse feature.
        below: channels of both maps from the level below; 0 at the lowest.
        width: of both maps that this level gives.
        twice: whether the sum is cleaned too.
    """

    def __init__(self, tap: int, guide: int, below: int, width: int, *, twice: bool) -> None:
        super().__init__()
        self.lateral = ConvBnRelu(tap, width, 1)
        self.clean_tap = GuidedDenoisingUnit(width, guide, nn.BatchNorm2d)
        self.clean_sum = GuidedDenoisingUnit(width, guide, nn.BatchNorm2d) if twice else None
        self.below = ConvBnRelu(below, width, 1) if below else None
        self.decode = ConvBnRelu(width + guide + 1 + below, width, 3)

    def forward(
        self, tap: torch.Tensor, guide: torch.Tensor, relative: torch.Tensor, maps: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Clean and decode.

        Args:
            tap, guide, relative: of this level's size; the last is (B, 1, H, W).
            maps: the cleaned and the decoded map of the level below, enlarged; none at the lowest.

        Returns:
            The cleaned and the decoded map.
        """
        cleaned = self.clean_tap(self.lateral(tap), guide)
        if self.below is not None:
            cleaned = cleaned + self.below(maps[0])
        if self.clean_sum is not None:
            cleaned = self.clean_sum(cleaned, guide)
        decoded: torch.Tensor = self.decode(torch.cat([cleaned, guide, relative, *maps[1:]], 1))
        return cleaned, decoded


class NanoFusion(nn.Module):
    """From a patch's taps and what the coarse model has there to a correction of log depth.

    Args:
        taps: channels of the encoder's taps, finest (half resolution) first.
        guides: channels of the coarse features, at `GUIDE_STRIDES`.
        widths: channels at `LEVEL_STRIDES`.
        last: channels at full resolution.
    """

    def __init__(self, taps: Sequence[int], guides: Sequence[int], widths: Sequence[int], last: int) -> None:
        super().__init__()
        guided = [*guides, *(guides[-1] for _ in LEVEL_STRIDES[len(guides) :])]
        self.levels = nn.ModuleList(
            NanoLevel(tap, guide, below, width, twice=stride > 2)
            for tap, guide, below, width, stride in zip(
                reversed(taps), guided, (0, *widths[:-1]), widths, LEVEL_STRIDES, strict=True
            )
        )
        self.full = ConvBnRelu(widths[-1] + 4, last, 3)
        self.final_conv = nn.Conv2d(last, Reach.gates, 3, padding=1)
        self.reach = Reach()

    def forward(
        self,
        taps: Sequence[torch.Tensor],
        guides: Sequence[torch.Tensor],
        patch: torch.Tensor,
        relative: torch.Tensor,
    ) -> torch.Tensor:
        """What to add to the log depth, (B, 1, H, W).

        Args:
            taps: (B, C, H/2, W/2) to (B, C, H/32, W/32).
            guides: at `GUIDE_STRIDES`.
            patch: (B, 3, H, W), RGB in 0..1.
            relative: (B, 1, H, W), the coarse log depth.
        """
        shrunk = [F.avg_pool2d(relative, 2)]
        for _ in LEVEL_STRIDES[1:]:
            shrunk.append(F.avg_pool2d(shrunk[-1], 2))
        finer = guides[-1]
        everywhere = list(guides)
        for _ in LEVEL_STRIDES[len(guides) :]:
            finer = _twice(finer)
            everywhere.append(finer)
        maps: Sequence[torch.Tensor] = ()
        for level, tap, guide, there in zip(self.levels, reversed(taps), everywhere, reversed(shrunk), strict=True):
            maps = level(tap, guide, there, [_twice(x) for x in maps])
        gates = torch.sigmoid(self.final_conv(self.full(torch.cat([_twice(maps[-1]), patch, relative], 1))))
        out: torch.Tensor = self.reach(gates, relative)
        return out


def _twice(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
