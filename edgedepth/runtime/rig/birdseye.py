"""What surrounds the vehicle, from above: its own place in the middle, its heading up."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from edgedepth.runtime.rig.view import Points, View

SIDE = 1000
GROUND = (20, 21, 26)
INK = (235, 238, 245)
# What hangs higher above the cameras, such as leaves and bridges, would hide the road below it.
CEILING = 1.5
# Metres between rings: the smallest of these that gives at most five of them.
STEPS = (1, 2, 5, 10, 20, 50, 100, 200)
MOST_RINGS = 5
# Far rows of a picture lie metres apart on the ground: so many points at most are put between two of one surface.
MOST_BETWEEN = 48
ENOUGH_AROUND = 5
WEDGE = 0.16
COLOUR_BITS = 24
MILLIMETRES = 1000
FONT, SMALL_FONT = 20, 16


def birdseye(views: Sequence[View], max_range: float) -> NDArray[np.uint8]:
    """Draw the bird's-eye picture.

    Points are coloured as in the pictures; of several above each other the highest shows, up to `CEILING` metres
    above the cameras' mean height. Between vertical neighbours in a picture, both solid, the surface is filled in.

    Args:
        views: of one vehicle, in ring order.
        max_range: metres from the middle to the picture's sides.

    Returns:
        (`SIDE`, `SIDE`, 3) uint8 RGB.
    """
    scale = SIDE / 2 / max_range
    ceiling = float(np.mean([view.pose[2, 3] for view in views])) + CEILING
    canvas = np.zeros(SIDE * SIDE, np.int64)
    for view in views:
        _paint(canvas, view, scale, ceiling)
    shown = _filled(canvas.reshape(SIDE, SIDE))
    colours = shown.astype("<u4").view(np.uint8).reshape(SIDE, SIDE, 4)[..., 2::-1].copy()
    colours[shown == 0] = GROUND
    return _annotated(colours, views, scale, max_range)


def _paint(canvas: NDArray[np.int64], view: View, scale: float, ceiling: float) -> None:
    red, green, blue = (view.colours[..., i].astype(np.int64) for i in range(3))
    packed = red << 16 | green << 8 | blue
    _splat(canvas, view.points, packed[view.solid], scale, ceiling)
    both = view.solid[1:] & view.solid[:-1]
    number = np.cumsum(view.solid).reshape(view.solid.shape) - 1  # of a solid pixel among the points
    start, end = view.points[number[1:][both]], view.points[number[:-1][both]]
    steps = np.ceil(np.hypot(*(end - start)[:, :2].T) * np.float32(scale))
    # A segment that begins outside of the picture, or whose ends are too far apart, is left out.
    wanted = (steps > 1) & (steps <= MOST_BETWEEN) & (np.abs(start[:, :2]).max(axis=1, initial=0) * scale < SIDE)
    start, step, steps = start[wanted], (end - start)[wanted], steps[wanted]
    colours = packed[1:][both][wanted]
    for k in range(1, MOST_BETWEEN):
        left = steps > k
        start, step, steps, colours = start[left], step[left], steps[left], colours[left]
        _splat(canvas, start + step * (k / steps)[:, None], colours, scale, ceiling)


def _splat(canvas: NDArray[np.int64], points: Points, colours: NDArray[np.int64], scale: float, ceiling: float) -> None:
    low = points[:, 2] <= np.float32(ceiling)
    points, colours = points[low], colours[low]
    with np.errstate(invalid="ignore"):
        row = (SIDE / 2 - points[:, 0] * np.float32(scale)).astype(np.int64)
        column = (SIDE / 2 - points[:, 1] * np.float32(scale)).astype(np.int64)
    inside = (row >= 0) & (row < SIDE) & (column >= 0) & (column < SIDE)
    # The highest wins: height in the upper bits, colour in the lower ones.
    depth_below = np.clip((np.float32(ceiling) - points[inside, 2]) * MILLIMETRES, 0, (1 << 30) - 2).astype(np.int64)
    keys = ((1 << 30) - 1 - depth_below) << COLOUR_BITS | colours[inside]
    np.maximum.at(canvas, row[inside] * SIDE + column[inside], keys)


def _filled(canvas: NDArray[np.int64]) -> NDArray[np.int64]:
    """Empty pixels with at least `ENOUGH_AROUND` painted neighbours of eight take the lowest of them."""
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    painted = np.pad(canvas != 0, 1).astype(np.uint8)
    around = sum(painted[1 + i : SIDE + 1 + i, 1 + j : SIDE + 1 + j] for i, j in shifts)
    rows, columns = np.nonzero((canvas == 0) & (around >= ENOUGH_AROUND))
    inside = (rows > 0) & (rows < SIDE - 1) & (columns > 0) & (columns < SIDE - 1)
    rows, columns = rows[inside], columns[inside]
    neighbours = np.stack([canvas[rows + i, columns + j] for i, j in shifts])
    filled = canvas.copy()
    filled[rows, columns] = np.where(neighbours == 0, np.iinfo(np.int64).max, neighbours).min(axis=0)
    return filled


def _annotated(colours: NDArray[np.uint8], views: Sequence[View], scale: float, max_range: float) -> NDArray[np.uint8]:
    base = Image.fromarray(colours).convert("RGBA")
    layer = Image.new("RGBA", base.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    hues = [tuple(round(255 * c) for c in colorsys.hsv_to_rgb(i / len(views), 0.55, 1.0)) for i in range(len(views))]
    for view, hue in zip(views, hues, strict=True):
        _wedge(draw, view, scale, max_range, hue)
    _rings(draw, scale, max_range)
    _vehicle(draw, scale)
    for view, hue in zip(views, hues, strict=True):
        _name(draw, view, scale, max_range, hue)
    return np.asarray(Image.alpha_composite(base, layer).convert("RGB"))


def _pixel(forward: float, left: float, scale: float) -> tuple[float, float]:
    return SIDE / 2 - left * scale, SIDE / 2 - forward * scale


def _edges(view: View) -> tuple[float, float]:
    """Headings of the left and the right edge of a camera's picture, radians."""
    fx, _, cx, _ = view.intrinsics
    rays = [view.pose[:2, :3] @ ((u - cx) / fx, 0, 1) for u in (-0.5, view.depth.shape[1] - 0.5)]
    left, right = (math.atan2(ray[1], ray[0]) for ray in rays)
    return left, left - (left - right) % math.tau


def _wedge(draw: ImageDraw.ImageDraw, view: View, scale: float, max_range: float, hue: tuple[int, ...]) -> None:
    left, right = _edges(view)
    forward, aside = view.pose[0, 3], view.pose[1, 3]
    start = _pixel(forward, aside, scale)
    reach = WEDGE * max_range
    angles = np.linspace(left, right, 24)
    arc = [_pixel(forward + reach * math.cos(a), aside + reach * math.sin(a), scale) for a in angles]
    draw.polygon([start, *arc], fill=(*hue, 28), outline=(*hue, 200))
    for angle in (left, right):
        far = _pixel(forward + 2 * max_range * math.cos(angle), aside + 2 * max_range * math.sin(angle), scale)
        draw.line([start, far], fill=(*hue, 70), width=1)


def _rings(draw: ImageDraw.ImageDraw, scale: float, max_range: float) -> None:
    step = next((s for s in STEPS if max_range / s <= MOST_RINGS), STEPS[-1])
    font = ImageFont.load_default(FONT)
    for ring in range(step, math.floor(max_range) + 1, step):
        radius = ring * scale
        box = [SIDE / 2 - radius, SIDE / 2 - radius, SIDE / 2 + radius, SIDE / 2 + radius]
        draw.ellipse([box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1], outline=(0, 0, 0, 90), width=3)
        draw.ellipse(box, outline=(*INK, 140))
        # On the diagonal, where neither the road nor a ring's own extremes are.
        place = _pixel(-ring * math.sqrt(0.5), -ring * math.sqrt(0.5), scale)
        draw.text(place, f"{ring} m", (*INK, 255), font, "mm", stroke_width=3, stroke_fill=(0, 0, 0, 200))


def _vehicle(draw: ImageDraw.ImageDraw, scale: float) -> None:
    size = max(1.2 * scale, 9)
    middle = SIDE / 2
    corners = [(0, -1.4), (0.8, 1), (0, 0.5), (-0.8, 1)]
    draw.polygon([(middle + x * size, middle + y * size) for x, y in corners], fill=(*INK, 255), outline=(0, 0, 0, 255))


def _name(draw: ImageDraw.ImageDraw, view: View, scale: float, max_range: float, hue: tuple[int, ...]) -> None:
    left, right = _edges(view)
    angle, reach = (left + right) / 2, (WEDGE + 0.04) * max_range
    place = _pixel(view.pose[0, 3] + reach * math.cos(angle), view.pose[1, 3] + reach * math.sin(angle), scale)
    font = ImageFont.load_default(SMALL_FONT)
    draw.text(place, view.name, (*hue, 255), font, "mm", stroke_width=3, stroke_fill=(0, 0, 0, 200))
