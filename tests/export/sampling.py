"""DySample written out pixel by pixel in double precision: what every form of it is held against."""

from __future__ import annotations

import numpy as np
import torch

from edgedepth.models.shared.dysample import DySample

SIDES = np.array([[-1.0, 1.0, -1.0, 1.0], [-1.0, -1.0, 1.0, 1.0]])
"""Which way sub-pixel 0..3 lies from the centre: along x, along y."""


def displacements(sample: DySample, x: torch.Tensor) -> np.ndarray:
    """(B, 2, g, 4, H, W) from the low-resolution pixel's centre, in its pixels."""
    B, _, H, W = x.shape
    offsets = sample.offsets(x).double().detach().numpy().reshape(B, 2, sample.groups, 4, H, W)
    return offsets + 0.25 * SIDES.reshape(1, 2, 1, 4, 1, 1)


def clamped(moves: np.ndarray, taps: int) -> np.ndarray:
    """Displacements clamped to a window: towards the sub-pixel's own side for 2 taps, symmetric otherwise."""
    low, high = (0.0, 1.0) if taps == 2 else (-(taps // 2), taps // 2)
    side = SIDES.reshape(1, 2, 1, 4, 1, 1)
    return np.clip(moves * side, low, high) * side


def sampled(x: torch.Tensor, moves: np.ndarray) -> torch.Tensor:
    """(B, C, 2H, 2W): bilinear samples at those displacements, border replicated."""
    values = x.double().numpy()
    B, C, H, W = values.shape
    groups = moves.shape[2]
    out = np.empty((B, C, 2 * H, 2 * W))
    for b, c, s, v, u in np.ndindex(B, C, 4, H, W):
        k = c * groups // C
        at_x = min(max(u + moves[b, 0, k, s, v, u], 0), W - 1)
        at_y = min(max(v + moves[b, 1, k, s, v, u], 0), H - 1)
        left, top = int(at_x), int(at_y)
        right, bottom = min(left + 1, W - 1), min(top + 1, H - 1)
        a, t = at_x - left, at_y - top
        channel = values[b, c]
        upper = (1 - a) * channel[top, left] + a * channel[top, right]
        lower = (1 - a) * channel[bottom, left] + a * channel[bottom, right]
        out[b, c, 2 * v + s // 2, 2 * u + s % 2] = (1 - t) * upper + t * lower
    return torch.from_numpy(out)
