"""PatchRefiner V2's fusion in both directions: coarse to fine, then fine to coarse, to a correction of the depth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from edgedepth.models.patchrefiner.blocks import ConvNormGelu, Merge, resized
from edgedepth.models.patchrefiner.coarse_to_fine import CoarseToFine


class BidirectionalFusion(nn.Module):
    """Joins the encoder's taps of a patch with the coarse branch's features there.

    Names of parameters are the published ones; lists under them run from full resolution down.

    Args:
        taps: channels of the encoder's taps, half resolution first.
        coarse: channels of the six coarse features, lowest resolution first.
        width: of the coarse-to-fine part.
        joined: channels of the six joined maps, lowest resolution first.
        decoder: channels after each of the five steps up.
    """

    def __init__(
        self, taps: Sequence[int], coarse: Sequence[int], width: int, joined: Sequence[int], decoder: Sequence[int]
    ) -> None:
        super().__init__()
        cleaned = (*(width for _ in coarse[1:]), coarse[-1])
        first = [ConvNormGelu(c + f, j) for c, f, j in zip(coarse, cleaned, joined, strict=True)]
        self.fusion_layers_1 = nn.ModuleList(reversed(first))
        self.fusion_layers_2 = nn.ModuleList(ConvNormGelu(j + 2, j) for j in reversed(joined))
        steps = zip(pairwise((joined[0], *decoder)), joined[1:], strict=True)
        self.f2r_agg = nn.ModuleList(Merge(above, skip, c_out) for (above, c_out), skip in steps)
        self.final_conv = nn.Conv2d(decoder[-1], 1, 3, padding=1, bias=False)
        self.c2f = CoarseToFine(taps, coarse, width)

    def forward(
        self, taps: Sequence[torch.Tensor], coarse: Sequence[torch.Tensor], coarse_depth: torch.Tensor
    ) -> torch.Tensor:
        """What to add to the coarse depth.

        Args:
            taps: (B, C, H/2, W/2) to (B, C, H/32, W/32).
            coarse: lowest resolution first, resized where it is not at 1/32 to full resolution.
            coarse_depth: (B, 1, H, W).

        Returns:
            (B, 1, H, W).
        """
        levels = [*reversed(taps), coarse_depth]
        coarse = [resized(feature, level.shape[-2:]) for feature, level in zip(coarse, levels, strict=True)]
        cleaned, prediction = self.c2f(taps, coarse)
        predictions = [coarse_depth, prediction]
        joined = [
            self._join(level, torch.cat([c, f], 1), predictions)
            for level, (c, f) in enumerate(zip(coarse, cleaned, strict=True))
        ]
        x = joined[0]
        for merge, skip in zip(self.f2r_agg, joined[1:], strict=True):
            x = merge(x, skip, predictions)
        offset: torch.Tensor = self.final_conv(x)
        return offset

    def _join(self, level: int, both: torch.Tensor, predictions: list[torch.Tensor]) -> torch.Tensor:
        """Coarse and cleaned feature of a level, then both depth predictions, as one map."""
        index = len(self.fusion_layers_1) - 1 - level
        x = self.fusion_layers_1[index](both)
        there = [resized(p, x.shape[-2:]) for p in predictions]
        out: torch.Tensor = self.fusion_layers_2[index](torch.cat([x, *there], 1))
        return out
