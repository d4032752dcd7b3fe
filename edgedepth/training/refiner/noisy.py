"""Noisy pretraining (PatchRefiner V2, section 3.3): depth from patches alone, before any coarse model is seen.

Coarse features are drawn from N(0, 1) anew at every step, so that the gates learn to pass what the patch shows; the
coarse depth is 0, so that the correction is the depth itself. The published code builds the encoder with a stem of
three channels for this; a fourth channel that is always 0 computes the same and trains the same.
"""

from __future__ import annotations

import torch

from edgedepth.models.patchrefiner.model import Refiner
from edgedepth.models.patchrefiner.nano import NanoRefiner


def noisy_inputs(
    refiner: Refiner | NanoRefiner, patches: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """What stands in for a coarse model.

    Args:
        refiner: tells the shapes.
        patches: (B, 3, H, W).
        generator: of the CPU.

    Returns:
        The coarse depth (B, 1, H, W), which is 0, and the features; of the patches' device and dtype.
    """
    with torch.device("meta"):
        _, depth, features = refiner.patch_inputs((patches.shape[2], patches.shape[3]))
    drawn = [torch.randn((len(patches), *f.shape[1:]), generator=generator).to(patches) for f in features]
    return patches.new_zeros((len(patches), *depth.shape[1:])), drawn
