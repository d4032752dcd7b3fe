"""Noisy pretraining (PatchRefiner V2, section 3.3): detail from patches alone, before any coarse model is seen.

Coarse features are drawn from N(0, 1) anew at every step, so that the gates learn to pass what the patch shows. The
coarse depth of a published refiner is 0, so that its correction is the depth itself: the published code builds the
encoder with a stem of three channels for this, and a fourth channel that is always 0 computes the same and trains the
same. The phone refiner only moves depth to what the coarse map holds nearby, so its coarse depth is the exact one made
coarse.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from edgedepth.models.patchrefiner.model import Refiner
from edgedepth.models.patchrefiner.nano import NanoRefiner
from edgedepth.models.patchrefiner.reach import CELL

_LARGEST = 4.0  # cells of a coarse map: how large those may be that it is first brought to
_ERRORS = (0.01, 0.12)  # smooth ones, in log depth, at each of `_OCTAVES`
_OCTAVES = (1, 2, 4)
_WIDEST = 3  # cells on either side that are averaged in the end
_SHIFT = 0.3  # of the picture's mean log depth against the patch's


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


def coarsened(logarithm: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Exact log depth of patches as a coarse model might have it: few cells, smooth errors, smeared borders.

    Every patch is brought to cells of 1 to 4 times `CELL`, gets errors that change from cell to cell and more slowly,
    and is enlarged and averaged. Without the errors the exact depth could be computed back.

    Args:
        logarithm: (B, 1, H, W), H and W divisible by `CELL`.
        generator: of the CPU.

    Returns:
        (B, 1, H, W), about 0.
    """
    height, width = logarithm.shape[-2:]
    found = []
    for patch in torch.split(logarithm, 1):
        factor, errors, widest, shift = torch.rand(4, generator=generator).tolist()
        small = [max(round(side / CELL / _LARGEST**factor), 1) for side in (height, width)]
        cells = F.interpolate(patch, small, mode="bilinear", align_corners=False, antialias=True)
        amplitude = _ERRORS[0] * (_ERRORS[1] / _ERRORS[0]) ** errors
        for octave in _OCTAVES:
            drawn = torch.randn(1, 1, *(-(-side // octave) for side in small), generator=generator).to(patch)
            cells = cells + amplitude * F.interpolate(drawn, small, mode="bicubic", align_corners=False)
        coarse = F.interpolate(cells, (height // CELL, width // CELL), mode="bicubic", align_corners=False)
        reach = 1 + int(widest * _WIDEST)
        averaged = F.avg_pool2d(F.pad(coarse, (reach,) * 4, mode="replicate"), 2 * reach + 1, 1)
        enlarged = F.interpolate(averaged, (height, width), mode="bilinear", align_corners=False)
        found.append(enlarged - patch.mean() + _SHIFT * (2 * shift - 1))
    return torch.cat(found)
