"""The panels of a picture sheet: depth, sparse ground truth and signed error in colour, at a panel's own size."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from edgedepth.runtime.colour import ENTRIES, colour_table, oklab_to_srgb
from edgedepth.runtime.preprocess import resize

Size = tuple[int, int]
Limits = tuple[float, float]

# Relative errors beyond this have the strongest colour.
WORST_ERROR = 0.5
# The same for what changes between two forms of one network.
WORST_CHANGE = 0.1
# Too near is warm and too far is cold, as near is warm in depth; what is right is nearly white.
_HUES_DEGREES = (45.0, 258.0)
_LIGHTNESS = (0.96, 0.46)
_CHROMA = 0.19
# Under measured points lies the picture, dark enough for every colour to stand out.
_BACKDROP = 0.22
_SPARSE = 0.5


@cache
def error_table() -> NDArray[np.uint8]:
    """(256, 3) uint8 sRGB, read-only: from much too near over right to much too far."""
    signed = np.linspace(-1, 1, ENTRIES)
    amount = np.abs(signed)
    hue = np.radians(np.where(signed < 0, *_HUES_DEGREES))
    lightness = _LIGHTNESS[0] + (_LIGHTNESS[1] - _LIGHTNESS[0]) * amount
    chroma = _CHROMA * amount**0.8
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)
    table: NDArray[np.uint8] = np.rint(oklab_to_srgb(lab) * 255).astype(np.uint8)
    table.setflags(write=False)
    return table


def depth_colours(depth: NDArray[np.float64], limits: Limits) -> NDArray[np.uint8]:
    """Depths of any shape as colours, even in the logarithm of depth, so that far things can be told apart.

    Args:
        depth: metres, positive.
        limits: nearest and farthest depth in metres; what lies beyond is shown as they are.
    """
    near, far = np.log(limits)
    closeness = (far - np.log(depth)) / (far - near)
    return _looked_up(colour_table(), closeness)


def error_colours(relative: NDArray[np.float64], worst: float = WORST_ERROR) -> NDArray[np.uint8]:
    """Signed relative errors ``(p - g) / g`` of any shape as colours, strongest from `worst` on."""
    return _looked_up(error_table(), (relative / worst + 1) / 2)


def _looked_up(table: NDArray[np.uint8], share: NDArray[np.float64]) -> NDArray[np.uint8]:
    steps = np.rint(np.clip(share, 0, 1) * (ENTRIES - 1)).astype(np.intp)
    colours: NDArray[np.uint8] = table.take(steps, axis=0)
    return colours


def depth_panel(depth: NDArray[np.float64], limits: Limits, size: Size) -> NDArray[np.uint8]:
    """A dense (H, W) map in colour at (height, width)."""
    return resize(depth_colours(depth, limits), size)


def change_panel(depth: NDArray[np.float64], reference: NDArray[np.float64], size: Size) -> NDArray[np.uint8]:
    """How one (H, W) prediction differs from another, in the colours of errors, at (height, width)."""
    return resize(error_colours(depth / reference - 1, WORST_CHANGE), size)


def truth_panel(
    image: NDArray[np.uint8], truth: NDArray[np.float32], mask: NDArray[np.bool_], limits: Limits, size: Size
) -> NDArray[np.uint8]:
    """The measured depth that counts, as points on a dark picture, at (height, width)."""
    at = shown_pixels(truth, mask, size)
    return _points(image, at, depth_colours(truth.astype(np.float64).ravel()[at[at >= 0]], limits))


def error_panel(
    image: NDArray[np.uint8],
    predicted: NDArray[np.float64],
    truth: NDArray[np.float32],
    mask: NDArray[np.bool_],
    size: Size,
) -> NDArray[np.uint8]:
    """The signed relative error where depth was measured, as points on a dark picture, at (height, width)."""
    at = shown_pixels(truth, mask, size)
    chosen = at[at >= 0]
    g = truth.astype(np.float64).ravel()[chosen]
    return _points(image, at, error_colours((predicted.ravel()[chosen] - g) / g))


def veiled(panel: NDArray[np.uint8], seen: NDArray[np.bool_] | None, *, keep: float = 0.0) -> NDArray[np.uint8]:
    """A panel with the camera's own vehicle blacked out.

    Args:
        panel: (height, width, 3).
        seen: (H, W) bool of any size, or None where the camera sees the world everywhere.
        keep: share of brightness that is left there.
    """
    if seen is None:
        return panel
    height, width = panel.shape[:2]
    shown = seen[np.arange(height) * seen.shape[0] // height][:, np.arange(width) * seen.shape[1] // width]
    return np.where(shown[..., None], panel, np.rint(panel * keep).astype(np.uint8))


def _points(image: NDArray[np.uint8], at: NDArray[np.intp], colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    grey = resize(image, (at.shape[0], at.shape[1])).mean(axis=2, keepdims=True) * _BACKDROP
    panel: NDArray[np.uint8] = np.rint(grey).astype(np.uint8).repeat(3, axis=2)
    panel[at >= 0] = colours
    return panel


def shown_pixels(truth: NDArray[np.float32], mask: NDArray[np.bool_], size: Size) -> NDArray[np.intp]:
    """Which measured pixel each pixel of a panel shows: of several the nearest, of none a neighbour's.

    Where fewer than half of the panel's pixels are measured, points grow by one pixel so that they can be seen.

    Args:
        truth: (H, W) metres.
        mask: (H, W) bool, what counts.
        size: (height, width) of the panel.

    Returns:
        (height, width) index into the flattened truth, or -1.
    """
    height, width = truth.shape
    if size[0] >= height and size[1] >= width:
        rows, cols = np.arange(size[0]) * height // size[0], np.arange(size[1]) * width // size[1]
        source = rows[:, None] * width + cols
        return np.where(mask.ravel()[source], source, -1)
    found = np.flatnonzero(mask)
    found = found[np.argsort(-truth.ravel()[found], kind="stable")]  # the nearest is written last
    at = np.full(size, -1, dtype=np.intp)
    at[found // width * size[0] // height, found % width * size[1] // width] = found
    return _grown(at) if np.mean(at >= 0) < _SPARSE else at


def _grown(at: NDArray[np.intp]) -> NDArray[np.intp]:
    padded = np.pad(at, 1, constant_values=-1)
    grown = at.copy()
    height, width = at.shape
    for down, across in ((0, 1), (1, 0), (1, 2), (2, 1), (0, 0), (0, 2), (2, 0), (2, 2)):
        neighbour = padded[down : down + height, across : across + width]
        grown = np.where(grown < 0, neighbour, grown)
    return grown
