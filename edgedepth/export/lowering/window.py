"""DySample's samples as sums over a fixed window of shifted copies: no grid_sample, no gather.

With d the displacement from a low-resolution pixel's centre, the bilinear sample with replicated border is the sum
over taps i, j of ``max(0, 1 - |d_x - i|) * max(0, 1 - |d_y - j|) * x[y + j, x + i]``. Two windows:

- 2 taps: each sub-pixel reads the 2x2 neighbours on its own side. With D, E, F the forward differences of that cell
  in x, y and both, the sample is ``x + d_x * D + d_y * (E + d_x * F)``. Exact while d stays between the centre and
  the neighbour, so for every offset within 0.25.
- 2R + 1 taps: all neighbours within R. Exact while ``|d| <= R``, so for every offset within R - 0.25.

Displacements beyond the window are clamped to it.
"""

from __future__ import annotations

import torch
from torch import nn

from edgedepth.export.lowering.displacement import START, Displacement, convolution
from edgedepth.export.lowering.target import Target
from edgedepth.models.shared.dysample import DySample


def reach(taps: int) -> float:
    """Largest ``|offset|``, in low-resolution pixels, for which a window of that many taps is exact."""
    return START if taps == 2 else (taps - 1) // 2 - START


def taps_for(offset: float) -> int:
    """The smallest window that is exact for offsets up to that size."""
    taps = 2
    while reach(taps) < offset:
        taps = 3 if taps == 2 else taps + 2
    return taps


def _bounds(sample: DySample, taps: int) -> tuple[float, float]:
    """Range of displacements towards a sub-pixel's own side: the window's, tightened by the definition's."""
    low, high = (0.0, 1.0) if taps == 2 else (-float(taps // 2), float(taps // 2))
    limit = sample.offset_limit
    return (low, high) if limit is None else (max(low, START - limit), min(high, START + limit))


def _steps(x: torch.Tensor, dim: int) -> torch.Tensor:
    """``x[k] - x[k-1]`` along `dim` for k = 0..size, zero across the border: one element more than x."""
    size = x.shape[dim]
    padded = torch.cat([x.narrow(dim, 0, 1), x, x.narrow(dim, size - 1, 1)], dim)
    return padded.narrow(dim, 1, size + 1) - padded.narrow(dim, 0, size + 1)


def _both_sides(steps: torch.Tensor, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The step to each element from the one before it, and from it to the next."""
    size = steps.shape[dim] - 1
    return steps.narrow(dim, 0, size), steps.narrow(dim, 1, size)


class TwoTaps(nn.Module):
    """Samples minus x, over the 2x2 neighbours on each sub-pixel's own side.

    Shapes: (B, C, H, W) -> four of (B, C, H, W), sub-pixels row by row.
    """

    relative = True

    def __init__(self, sample: DySample, target: Target) -> None:
        super().__init__()
        self.at = Displacement(sample, *_bounds(sample, 2), target)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Sample all four sub-pixels."""
        along_x, along_y = self.at(x)
        grouped = self.at.grouped
        steps = _steps(x, 3)
        columns = [grouped(t) for t in _both_sides(steps, 3)]
        rows = [grouped(t) for t in _both_sides(_steps(x, 2), 2)]
        both = [[grouped(t) for t in _both_sides(half, 3)] for half in _both_sides(_steps(steps, 2), 2)]
        out = []
        for s in range(4):
            p, q = divmod(s, 2)
            dx, dy = self.at.own(along_x, 0, s), self.at.own(along_y, 1, s)
            moved = (rows[p] + dx * both[p][q]) * dy + dx * columns[q]
            out.append(self.at.ungrouped(moved))
        return out


class OddTaps(nn.Module):
    """Samples over a window of 2R + 1 by 2R + 1 neighbours.

    Shapes: (B, C, H, W) -> four of (B, C, H, W), sub-pixels row by row.
    """

    relative = False

    def __init__(self, sample: DySample, taps: int, target: Target) -> None:
        super().__init__()
        self.radius = taps // 2
        self.at = Displacement(sample, *_bounds(sample, taps), target)
        # litert-torch keeps a pad in NCHW between two transposes; a convolution brings its own pad along in NHWC.
        self.pad: nn.Module = (
            nn.ZeroPad2d(self.radius)
            if target == "onnx"
            else convolution(torch.ones(sample.channels, 1, 1, 1), groups=sample.channels, padding=self.radius)
        )

    def _hats(self, small: torch.Tensor, axis: int) -> list[torch.Tensor]:
        """Weight of each tap along one axis.

        The replicated border is had by keeping the sampling point inside the map: then every tap beyond the border
        weighs nothing, and the map can be padded with zeros, which takes one operator.
        """
        size = small.shape[3 - axis]
        place = torch.arange(size, dtype=small.dtype).view((1, 1, 1, size) if axis == 0 else (1, 1, size, 1))
        d = torch.minimum(torch.maximum(self.at.pixels(small, axis), -place), (size - 1) - place)
        return [torch.relu(1 - (d - i).abs()) for i in range(-self.radius, self.radius + 1)]

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Sample all four sub-pixels."""
        H, W = x.shape[2:]
        along_x, along_y = self.at(x)
        hats_x, hats_y = self._hats(along_x, 0), self._hats(along_y, 1)
        r = self.radius
        tall = self.at.tiled(self.pad(x))
        across = [self.at.every(hat) for hat in hats_x]
        rows = [_dot(across, [tall[..., j : j + H, i : i + W] for i in range(2 * r + 1)]) for j in range(2 * r + 1)]
        return self.at.untiled(_dot([self.at.every(hat) for hat in hats_y], rows))


def _dot(weights: list[torch.Tensor], values: list[torch.Tensor]) -> torch.Tensor:
    total = weights[0] * values[0]
    for weight, value in zip(weights[1:], values[1:], strict=True):
        total = total + weight * value
    return total


def windowed(sample: DySample, taps: int, target: Target) -> TwoTaps | OddTaps:
    """The samples of `sample` over a window of that many taps (2, 3, 5, 7, ...)."""
    return TwoTaps(sample, target) if taps == 2 else OddTaps(sample, taps, target)
