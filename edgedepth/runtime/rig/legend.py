"""Metric depth as a picture with a scale in metres, the same for all cameras of a rig."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from edgedepth.runtime.colour import HIGH_PERCENTILE, LOW_PERCENTILE, colour_table, colourize
from edgedepth.runtime.rig.view import View

Limits = tuple[float, float]
# Round depths that a scale may begin and end at.
ROUND = tuple(m * 10.0**e for e in range(-1, 4) for m in (1, 2, 5))
EVERY = 7  # one pixel of so many decides the limits; neighbours say the same
OWN_VEHICLE = (70, 72, 78)
PAPER, INK = (255, 255, 255), (20, 21, 26)
BAR, MARGIN, FONT = 14, 8, 16


def common_limits(views: Sequence[View]) -> Limits:
    """Nearest and farthest depth of the scale: the 2nd and 98th percentile of all views, to round values outside."""
    depths = [view.depth[view.valid][::EVERY] for view in views]
    pooled = np.concatenate(depths)
    if not pooled.size:
        return ROUND[0], ROUND[-1]
    low, high = np.percentile(pooled, (LOW_PERCENTILE, HIGH_PERCENTILE))
    near = max((r for r in ROUND if r <= low), default=ROUND[0])
    far = min((r for r in ROUND if r >= high), default=ROUND[-1])
    return near, far if far > near else 2 * near


def coloured_depth(view: View, limits: Limits, size: tuple[int, int]) -> NDArray[np.uint8]:
    """One camera's depth in colour, near bright and far dark, equal ratios of depth equally far apart.

    Args:
        view: its depth; what is not valid is black, its own vehicle grey.
        limits: of `common_limits`.
        size: (height, width) of the map in the picture.

    Returns:
        (height + legend, width, 3) uint8 RGB.
    """
    near, far = limits
    closeness = np.full(view.depth.shape, -1, np.float32)
    # Beyond the scale is its far end, not invalid.
    closeness[view.valid] = np.maximum(math.log(far) - np.log(view.depth[view.valid]), 0)
    coloured = colourize(closeness, (0.0, math.log(far / near)))
    coloured[~view.seen] = OWN_VEHICLE
    shown = Image.fromarray(coloured).resize((size[1], size[0]), Image.Resampling.NEAREST)
    return np.concatenate([np.asarray(shown), _legend(size[1], limits)])


def _legend(width: int, limits: Limits) -> NDArray[np.uint8]:
    near, far = limits
    strip = Image.new("RGB", (width, BAR + 2 * MARGIN + FONT), PAPER)
    left, right = 3 * MARGIN, width - 3 * MARGIN
    bar = Image.fromarray(colour_table()[::-1][None]).resize((right - left, BAR), Image.Resampling.BILINEAR)
    strip.paste(bar, (left, MARGIN // 2))
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(FONT)
    for mark in (r for r in ROUND if near <= r <= far):
        x = left + (right - left - 1) * math.log(mark / near) / math.log(far / near)
        draw.line([(x, MARGIN // 2 + BAR), (x, MARGIN // 2 + BAR + 3)], fill=INK)
        text = f"{mark:g} m"
        draw.text((x, strip.height - MARGIN / 2), text, INK, font, "mb")
    return np.asarray(strip)
