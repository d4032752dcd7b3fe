"""How far the phone refiner may move a pixel's depth: to the nearest and the farthest coarse depth around it.

What a coarse model gets wrong at a border is rarely the depth of either side; it smears one into the other. So nothing
is added to depth that the coarse map does not hold nearby: a pixel of a smeared border is sent to one of its sides. A
surface keeps its depth where the gates are closed, and a texture cannot bend one by more than its surroundings differ.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

CELL = 4
"""Pixels of a patch per cell: a patch of a quarter of the picture's side has as many cells as the coarse map there."""
WINDOWS = (5, 15)
"""Cells across the surroundings, each about its pixel's cell."""


class Reach(nn.Module):
    """Gates in 0..1 to a correction of log depth.

    With ``far_0`` the coarse log depth, and ``far_i`` the farthest in the first i windows, the correction is
    ``sum_i gate_i (far_i - far_(i-1)) - sum_i gate'_i (near_(i-1) - near_i)``: refined depth stays between the nearest
    and the farthest coarse depth of the largest window, and is the coarse depth where all gates are 0.
    """

    signs: torch.Tensor
    gates = 2 * len(WINDOWS)
    """Channels of gates: towards the farthest of each window, then towards the nearest."""

    def __init__(self) -> None:
        super().__init__()
        signs = torch.ones(1, self.gates, 1, 1)
        signs[:, len(WINDOWS) :] = -1
        self.register_buffer("signs", signs, persistent=False)

    def forward(self, gates: torch.Tensor, relative: torch.Tensor) -> torch.Tensor:
        """(B, `gates`, H, W) and coarse log depth (B, 1, H, W), H and W divisible by `CELL` -> (B, 1, H, W)."""
        return F.conv2d(gates * steps(relative), self.signs)


def steps(relative: torch.Tensor) -> torch.Tensor:
    """What each gate moves log depth by when it is open, at least 0; (B, `Reach.gates`, H, W)."""
    cells = F.avg_pool2d(relative, CELL)
    return torch.cat([*_farther(relative, cells), *_farther(-relative, -cells)], 1)


def _farther(relative: torch.Tensor, cells: torch.Tensor) -> list[torch.Tensor]:
    found = []
    so_far = relative
    for window in WINDOWS:
        farthest = F.max_pool2d(cells, window, 1, window // 2)
        enlarged = F.interpolate(farthest, scale_factor=CELL, mode="bilinear", align_corners=False)
        found.append(torch.relu(enlarged - so_far))
        so_far = torch.maximum(so_far, enlarged)
    return found
