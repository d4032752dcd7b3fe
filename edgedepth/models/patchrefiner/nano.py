"""The refiner of phone size: PatchRefiner V2's idea over FlexDepth, in relative log depth."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from edgedepth.errors import UsageError
from edgedepth.models.patchrefiner.coarse import STRIDES, FlexCoarse, build_coarse
from edgedepth.models.patchrefiner.config import NanoConfig
from edgedepth.models.patchrefiner.encoder import FineBranch
from edgedepth.models.patchrefiner.nano_fusion import GUIDE_STRIDES, NanoFusion
from edgedepth.models.patchrefiner.roi import sample_boxes
from edgedepth.models.registry import card

PUBLISHED_GRID = 4
"""Patches per side: where one patch has that share of a picture, coarse cells and cells of its levels coincide."""
COARSE_STRIDES = tuple(stride // PUBLISHED_GRID for stride in GUIDE_STRIDES)
"""Of the coarse features that guide: what they show of a patch fills its levels without interpolation."""

CLOSED = -2.0
"""What a gate starts from, before its sigmoid."""


class NanoRefiner(nn.Module):
    """What is run per patch; keys are named as the published refiners' two parts."""

    def __init__(self, config: NanoConfig, guides: Sequence[int]) -> None:
        super().__init__()
        self.guides = tuple(guides)
        self.refiner_fine_branch = FineBranch(config.encoder, config.mean, config.std)
        self.refiner_fusion_model = NanoFusion(
            self.refiner_fine_branch.channels, self.guides, config.widths, config.last
        )

    def forward(self, patch: torch.Tensor, relative: torch.Tensor, guides: Sequence[torch.Tensor]) -> torch.Tensor:
        """What to add to a patch's log depth.

        Args:
            patch: (B, 3, H, W), RGB in 0..1, H and W divisible by 32; normalization is inside.
            relative: (B, 1, H, W), log depth less its mean over the whole picture.
            guides: (B, C, H/s, W/s) at strides s of 32, 16 and 8.

        Returns:
            (B, 1, H, W).
        """
        taps = self.refiner_fine_branch(patch, relative)
        out: torch.Tensor = self.refiner_fusion_model(taps, guides, patch, relative)
        return out

    def patch_inputs(self, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
        """Empty inputs for one patch of that (height, width)."""
        guides = [
            torch.empty(1, channels, size[0] // stride, size[1] // stride)
            for channels, stride in zip(self.guides, GUIDE_STRIDES, strict=True)
        ]
        return torch.empty(1, 3, *size), torch.empty(1, 1, *size), guides


class NanoPatchRefiner(nn.Module):
    """FlexDepth and the refiner; keys are ``coarse_branch.*`` and ``refiner.*``.

    A correction is a factor: it is predicted from, and added to, log depth less the mean of the picture's log depth.
    Depth of another scale is therefore refined to that scale's refined depth, and the unknown scale of the coarse model
    passes through untouched; a correction in metres, as published, would mean something else in every picture.

    Input: (B, 3, H, W), RGB in 0..1, H and W divisible by 32.
    Output: sigmoid disparity in 0..1, (B, 1, H, W), of the picture refined as a single patch; as the coarse model's.
    """

    initial_gain = 1.0
    """Of seeded weights: the encoder's residuals and the gated ones add up."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        self.config = config
        limits = {"offset_limits": config.offset_limits} if config.offset_limits else {}
        coarse = build_coarse(config.coarse, **limits)
        if not isinstance(coarse, FlexCoarse):
            raise UsageError(
                f"{config.coarse} cannot be this refiner's coarse model.",
                "It refines depth up to scale, of the FlexDepth family.",
                "For example: flex-nano or flex-small.",
            )
        self.coarse_branch = coarse
        self._least, self._range = card(config.coarse).output.disparity
        channels = dict(zip(STRIDES, coarse.channels, strict=True))
        self.refiner = NanoRefiner(config, [channels[stride] for stride in COARSE_STRIDES])

    def finish_initial(self) -> None:
        """Seeded weights leave the coarse depth nearly as it is."""
        nn.init.constant_(self.refiner.refiner_fusion_model.final_conv.get_parameter("bias"), CLOSED)

    def guiding(self, features: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Of the coarse branch's six features, those that guide, coarsest first."""
        return [feature for feature, stride in zip(features, STRIDES, strict=True) if stride in COARSE_STRIDES]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Coarse depth of the whole picture, refined at the same resolution, as disparity."""
        depth, features = self.coarse_branch(image)
        h, w = image.shape[-2:]
        guides = [
            F.interpolate(feature, size=(h // stride, w // stride), mode="bilinear", align_corners=False)
            for feature, stride in zip(self.guiding(features), GUIDE_STRIDES, strict=True)
        ]
        refined = depth * torch.exp(self.refiner(image, relative_log(depth), guides))
        return torch.clamp((1 / refined - self._least) / self._range, 0, 1)

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
            Depth (N, 1, h, w), in the coarse depth's unit.
        """
        there = At(self, boxes, depth, features, (patches.shape[2], patches.shape[3]))
        return torch.exp(there.logarithm + self.refiner(patches, there.relative, there.guides))


class At:
    """What the coarse branch has at patches of one picture.

    Args:
        model: whose.
        boxes, depth, features: as for `NanoPatchRefiner.refine_patches`.
        size: (h, w) of a patch.

    Attributes:
        logarithm, relative: (N, 1, h, w), log depth, and that less its mean over the picture.
        guides: what the refiner takes.
    """

    def __init__(
        self,
        model: NanoPatchRefiner,
        boxes: torch.Tensor,
        depth: torch.Tensor,
        features: Sequence[torch.Tensor],
        size: tuple[int, int],
    ) -> None:
        logarithm = torch.log(depth)
        self.logarithm = sample_boxes(logarithm, boxes, size)
        self.relative = self.logarithm - logarithm.mean()
        self.guides = [
            sample_boxes(feature, boxes, (size[0] // stride, size[1] // stride))
            for feature, stride in zip(model.guiding(features), GUIDE_STRIDES, strict=True)
        ]


def relative_log(depth: torch.Tensor) -> torch.Tensor:
    """(B, 1, H, W) depth as log depth less its mean over each picture."""
    logarithm = torch.log(depth)
    return logarithm - logarithm.mean((1, 2, 3), keepdim=True)
