"""PatchRefiner V2: the refiner of a patch, and the whole of coarse model and refiner (Li et al. 2025)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import nn

from edgedepth.models.patchrefiner.coarse import STRIDES, CoarseBranch, build_coarse
from edgedepth.models.patchrefiner.config import RefinerConfig
from edgedepth.models.patchrefiner.encoder import FineBranch
from edgedepth.models.patchrefiner.fusion import BidirectionalFusion
from edgedepth.models.patchrefiner.roi import sample_boxes

LEAST_DEPTH = 0.0
"""What is refined is clamped to, in the coarse depth's unit."""


class _RefinerParts(nn.Module):
    """What a refiner consists of; keys are those of the published checkpoints' refiner part."""

    initial_gain = 1.0
    """Of seeded weights: the encoders' residuals and the gated ones add up."""

    def __init__(self, config: RefinerConfig) -> None:
        super().__init__()
        self.config = config
        self.refiner_fine_branch = FineBranch(config.encoder, config.mean, config.std)
        self.refiner_fusion_model = BidirectionalFusion(
            self.refiner_fine_branch.channels, config.coarse_channels, config.width, config.joined, config.decoder
        )

    def offset(
        self, patch: torch.Tensor, coarse_depth: torch.Tensor, coarse_features: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """What to add to the coarse depth of a patch.

        Args:
            patch: (B, 3, H, W), RGB in 0..1, H and W divisible by 32; normalization is inside.
            coarse_depth: (B, 1, H, W), metres.
            coarse_features: six, (B, C, H/s, W/s) at strides s of 32, 16, 8, 4, 2 and 1; of other sizes they are
                resized.

        Returns:
            (B, 1, H, W), metres.
        """
        taps = self.refiner_fine_branch(patch, coarse_depth)
        found: torch.Tensor = self.refiner_fusion_model(taps, coarse_features, coarse_depth)
        return found

    def refine(
        self, patch: torch.Tensor, coarse_depth: torch.Tensor, coarse_features: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """The depth of a patch, not negative; arguments and shape are those of `offset`."""
        offset = self.offset(patch, coarse_depth, coarse_features)
        return torch.clamp(coarse_depth + offset, min=LEAST_DEPTH)


class Refiner(_RefinerParts):
    """Corrects the coarse depth of a patch with what the patch shows at full resolution.

    Keys are the published checkpoints' ``refiner_fine_branch.*`` and ``refiner_fusion_model.*``.
    """

    def forward(
        self, patch: torch.Tensor, coarse_depth: torch.Tensor, coarse_features: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """As `refine`."""
        return self.refine(patch, coarse_depth, coarse_features)

    def patch_inputs(self, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
        """Empty inputs for one patch of that (height, width)."""
        features = [
            torch.empty(1, channels, size[0] // stride, size[1] // stride)
            for channels, stride in zip(self.config.coarse_channels, STRIDES, strict=True)
        ]
        return torch.empty(1, 3, *size), torch.empty(1, 1, *size), features


class PatchRefiner(_RefinerParts):
    """A coarse model and its refiner; keys are the published ``coarse_branch.*`` and the refiner's.

    Input: (B, 3, H, W), RGB in 0..1, H and W divisible by 32.
    Output: (B, 1, H, W), the picture refined as a single patch, in the coarse model's unit: metres, or metres up to
    scale.
    """

    def __init__(self, config: RefinerConfig, coarse: CoarseBranch) -> None:
        super().__init__(dataclasses.replace(config, coarse_channels=coarse.channels))
        self.coarse_branch = coarse

    def finish_initial(self) -> None:
        """After all weights have been drawn: what the coarse model has to say about its start."""
        self.coarse_branch.finish_initial()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Coarse depth of the whole picture, refined at the same resolution."""
        depth, features = self.coarse_branch(image)
        return self.refine(image, depth, features)

    def refine_patches(
        self,
        patches: torch.Tensor,
        boxes: torch.Tensor,
        depth: torch.Tensor,
        features: Sequence[torch.Tensor],
    ) -> torch.Tensor:
        """Patches of one picture whose coarse depth and features are known.

        Args:
            patches: (N, 3, h, w), RGB in 0..1, h and w divisible by 32.
            boxes: (N, 4), where they lie: left, top, right, bottom as fractions of the picture.
            depth, features: what the coarse branch gives for the picture, batch 1.

        Returns:
            (N, 1, h, w).
        """
        h, w = patches.shape[-2:]
        there = [sample_boxes(f, boxes, (h // s, w // s)) for f, s in zip(features, STRIDES, strict=True)]
        return self.refine(patches, sample_boxes(depth, boxes, (h, w)), there)


def build_refiner(config: RefinerConfig) -> Refiner | PatchRefiner:
    """The refiner alone, or with the coarse model that its configuration names.

    Raises:
        UsageError: the coarse model is unknown or gives no features that a refiner can read.
    """
    if config.coarse is None:
        return Refiner(config)
    return PatchRefiner(config, build_coarse(config.coarse))
