"""Where a refiner's losses look: windows anywhere, and pairs of points on either side of edges."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

WINDOWS = 100
WINDOW = 23
"""How many per picture and their side in pixels, as PatchRefiner V2 has them."""
EDGE = 0.1
"""Share of a picture's largest gradient from which a pixel lies on an edge."""
REACH = 30
"""Pixels that a point may lie from its edge, as Xian et al. (2020) have it."""


@dataclass(frozen=True)
class Windows:
    """Squares of every picture.

    Attributes:
        tops, lefts: (B, N), integers.
        side: in pixels.
    """

    tops: torch.Tensor
    lefts: torch.Tensor
    side: int


@dataclass(frozen=True)
class Pairs:
    """Two points each, N per picture.

    Attributes:
        first, second: (B, N), places in a flattened picture, integers.
    """

    first: torch.Tensor
    second: torch.Tensor

    def values(self, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Values of (B, 1, H, W) at both points, (B, N) each."""
        flat = maps.flatten(1)
        return flat.gather(1, self.first), flat.gather(1, self.second)


def draw_windows(shape: torch.Size, generator: torch.Generator, *, count: int = WINDOWS, side: int = WINDOW) -> Windows:
    """Squares anywhere in pictures of shape (B, 1, H, W); drawn on the CPU.

    Raises:
        ValueError: a side of the picture is shorter than a window.
    """
    batch, _, height, width = shape
    if min(height, width) < side:
        raise ValueError(f"a window of {side} pixels does not fit into {height}x{width}")
    size = (batch, count)
    tops = torch.randint(height - side + 1, size, generator=generator)
    lefts = torch.randint(width - side + 1, size, generator=generator)
    return Windows(tops, lefts, side)


def windows_of(maps: torch.Tensor, windows: Windows) -> torch.Tensor:
    """The windows of (B, 1, H, W), as (B, N, side, side)."""
    steps = torch.arange(windows.side, device=maps.device)
    rows = windows.tops.to(maps.device)[:, :, None, None] + steps[:, None]
    columns = windows.lefts.to(maps.device)[:, :, None, None] + steps
    pictures = torch.arange(len(maps), device=maps.device)[:, None, None, None]
    return maps[pictures, 0, rows, columns]


def draw_edge_pairs(pseudo: torch.Tensor, generator: torch.Generator, *, count: int, reach: int = REACH) -> Pairs:
    """Pairs across the edges of a pseudo label and beside them (Xian et al. 2020, section 3.2).

    On the line through an edge pixel along the gradient there, two points are drawn on either side; the pairs are the
    two on the near side, the two next to the edge, and the two on the far side. A picture without an edge gives pairs
    around any of its pixels.

    Args:
        pseudo: (B, 1, H, W) depth.
        generator: of the CPU.
        count: edge pixels per picture; three pairs each.
        reach: pixels that a point may lie from its edge.
    """
    batch, _, height, width = pseudo.shape
    down, across = _sobel(pseudo)
    steepness = torch.hypot(down, across).flatten(1).cpu()
    on_edge = (steepness >= EDGE * steepness.amax(1, keepdim=True)).to(steepness)
    anchors = torch.multinomial(on_edge, count, replacement=True, generator=generator)
    slope = torch.stack([down.flatten(1).cpu().gather(1, anchors), across.flatten(1).cpu().gather(1, anchors)], -1)
    direction = slope / slope.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(slope.dtype).tiny)
    near, far = torch.rand((2, 2, batch, count), generator=generator).mul(reach - 1).add(1).sort(0).values
    offsets = torch.stack([-far[0], -near[0], near[1], far[1]], -1)
    rows = (anchors // width)[..., None] + direction[..., :1] * offsets
    columns = (anchors % width)[..., None] + direction[..., 1:] * offsets
    places = rows.round().clamp(0, height - 1).long() * width + columns.round().clamp(0, width - 1).long()
    return Pairs(places[..., :3].flatten(1).to(pseudo.device), places[..., 1:].flatten(1).to(pseudo.device))


def _sobel(maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Slope downwards and to the right; borders are repeated."""
    kernel = maps.new_tensor([[-1.0, -2.0, -1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 1.0]])
    padded = F.pad(maps, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(padded, kernel[None, None]), F.conv2d(padded, kernel.T[None, None])
