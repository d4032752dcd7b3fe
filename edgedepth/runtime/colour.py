"""Depth as a picture: near is bright, invalid is black, equal steps look equal."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

ENTRIES = 256
# One sweep through OKLab: lightness rises evenly while the hue turns from violet through red to yellow. The
# chroma is as strong as sRGB shows at each lightness without clipping.
LIGHTNESS = (0.22, 0.96)
HUE_DEGREES = (285.0, 462.0)
CHROMA_ENDS = (0.09, 0.095)
CHROMA_BULGE = 0.07
# Few pixels far out at either end must not decide the contrast of all others.
LOW_PERCENTILE, HIGH_PERCENTILE = 2.0, 98.0
# Percentiles of this many pixels differ from those of all by less than one step of the table.
ENOUGH_PIXELS = 65536
# A map that varies by less is flat; its float32 rounding errors must not be stretched into a pattern.
ROUNDING_NOISE = 1e-6

Range = tuple[float, float]


@cache
def colour_table() -> NDArray[np.uint8]:
    """The colours from far (dark violet) to near (pale yellow).

    Neighbouring entries are equally far apart in OKLab, a space made so that equal distances look equal;
    their luminance rises strictly, so the picture also reads in grey and for the colour-blind.

    Returns:
        (256, 3) uint8 sRGB, read-only.
    """
    fine = np.linspace(0, 1, 16 * ENTRIES)
    lightness = LIGHTNESS[0] + (LIGHTNESS[1] - LIGHTNESS[0]) * fine
    hue = np.radians(HUE_DEGREES[0] + (HUE_DEGREES[1] - HUE_DEGREES[0]) * fine)
    chroma = CHROMA_ENDS[0] + (CHROMA_ENDS[1] - CHROMA_ENDS[0]) * fine + CHROMA_BULGE * 4 * fine * (1 - fine)
    path = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)
    travelled = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    stops = np.linspace(0, travelled[-1], ENTRIES)
    even = np.stack([np.interp(stops, travelled, axis) for axis in path.T], axis=1)
    table: NDArray[np.uint8] = np.rint(oklab_to_srgb(even) * 255).astype(np.uint8)
    table.setflags(write=False)
    return table


def oklab_to_srgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) OKLab colours as sRGB in 0..1; what lies outside sRGB is clipped."""
    mix = np.array(
        [
            [1.0, 0.3963377774, 0.2158037573],
            [1.0, -0.1055613458, -0.0638541728],
            [1.0, -0.0894841775, -1.2914855480],
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip((lab @ mix.T) ** 3 @ to_rgb.T, 0, 1)
    srgb: NDArray[np.float64] = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return srgb


def robust_range(closeness: NDArray[np.float32]) -> Range | None:
    """The 2nd and 98th percentile of a map's valid values; None where it has no valid one."""
    valid = closeness[is_valid(closeness)]
    if not valid.size:
        return None
    low, high = np.percentile(valid[:: -(-valid.size // ENOUGH_PIXELS)], (LOW_PERCENTILE, HIGH_PERCENTILE))
    return float(low), float(high)


def is_valid(closeness: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a map holds something to show: finite, and not behind the camera."""
    valid: NDArray[np.bool_] = np.isfinite(closeness) & (closeness >= 0)
    return valid


def colourize(closeness: NDArray[np.float32], limits: Range | None = None) -> NDArray[np.uint8]:
    """Colour a map.

    Args:
        closeness: (H, W), large where near, such as `DepthMap.closeness`.
        limits: values shown darkest and brightest; None takes `robust_range`. What lies beyond is
            shown as they are.

    Returns:
        (H, W, 3) uint8 RGB. Invalid pixels are black; a map without contrast has one middling colour.
    """
    limits = limits or robust_range(closeness)
    if limits is None:
        return np.zeros((*closeness.shape, 3), dtype=np.uint8)
    low, high = limits
    invalid = ~is_valid(closeness)
    steps = np.full(closeness.shape, (ENTRIES - 1) / 2, dtype=np.float32)
    contrast = np.float32(high - low)
    if contrast > ROUNDING_NOISE * high:
        np.subtract(closeness, np.float32(low), out=steps, where=~invalid)
        with np.errstate(over="ignore"):  # an outlier beyond float32 is clipped like any other
            steps = steps / contrast * np.float32(ENTRIES - 1)
    picture: NDArray[np.uint8] = colour_table().take(np.rint(steps.clip(0, ENTRIES - 1)).astype(np.uint8), axis=0)
    picture[invalid] = 0
    return picture


def beside(picture: NDArray[np.uint8], coloured: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture at the left and its depth at the right, both (H, W, 3), as one (H, 2W, 3)."""
    return np.concatenate([picture, coloured], axis=1)


class SteadyRange:
    """Limits that follow a video's content slowly, so that colours do not flicker from frame to frame.

    Args:
        inertia: share of the old limits that stays at each frame.
    """

    def __init__(self, inertia: float = 0.9) -> None:
        self._inertia = inertia
        self._limits: Range | None = None

    def follow(self, closeness: NDArray[np.float32]) -> Range | None:
        """The limits for the next frame; None until a frame has a valid pixel."""
        new = robust_range(closeness)
        if new is None or self._limits is None:
            self._limits = new or self._limits
        else:
            old, keep = self._limits, self._inertia
            self._limits = (keep * old[0] + (1 - keep) * new[0], keep * old[1] + (1 - keep) * new[1])
        return self._limits
