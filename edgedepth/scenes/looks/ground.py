"""The colour of the ground: asphalt with markings and wear, kerb, pavement, grass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edgedepth.scenes.arith import Array, mix, smooth
from edgedepth.scenes.looks.texture import band, fade, grain2, pulse, scatter

if TYPE_CHECKING:
    from edgedepth.scenes.road import Road
    from edgedepth.scenes.solid import Colour

_PAINT = 0.62
_KERB_WIDTH = 0.22


def ground_colour(road: Road, x: Array, z: Array, across: Array, along: Array) -> Array:
    """Albedo of ground points, n x 3, linear.

    Args:
        road: the street.
        x: world position, n.
        z: world position, n.
        across: footprint of the pixel square to the view, metres.
        along: footprint of the pixel away from the camera, metres.

    """
    side = road.lateral(x, z)
    away = np.abs(side)
    colour = np.empty((x.size, 3))
    on_road = away < road.kerb
    for part, paint in ((on_road, _road), (~on_road, _roadside)):
        i = np.flatnonzero(part)
        if i.size:
            colour[i] = paint(road, side[i], z[i], across[i], along[i])
    # One smooth edge between the two, as wide as a pixel, hides where they were told apart.
    kerb = band(away, road.kerb - 0.02, road.kerb + _KERB_WIDTH, across)
    stone = _linear(road.paving) * (1.15 + 0.1 * _stones(z, along, 1.0)[:, None])
    gutter = band(away, road.kerb - 0.12, road.kerb, across)
    colour *= (1.0 - 0.4 * gutter)[:, None]
    return mix(colour, stone, (kerb if road.pavement > 1 else 0.0 * kerb)[:, None])


def _linear(colour: Colour) -> Array:
    return np.array(colour) ** 2


def _stones(z: Array, along: Array, length: float) -> Array:
    """Return the tone of each kerb stone, -1 to 1, and dark joints."""
    tone = (scatter(z / length) * 2 - 1) * fade(along, length)
    return tone - 2.5 * pulse(z, length, 0.02, along)


def _road(road: Road, side: Array, z: Array, across: Array, along: Array) -> Array:
    offset = float(road.seed)
    away = np.abs(side)
    grit = grain2(side + offset, z, (0.05, 0.16, 0.5), across, along)
    blotch = grain2(side + offset, z * 0.5, (1.1, 3.7), across, along)
    tone = 1.0 + 0.24 * grit + (0.10 + 0.2 * road.wear) * blotch
    lane_side = np.abs(away - road.lane / 2)
    # Tyres polish two tracks in each lane; oil darkens the strip between them.
    tone += 0.06 * smooth(1.0 - np.abs(lane_side - 0.75) / 0.35) - 0.07 * smooth(1.0 - lane_side / 0.4)
    tone *= 1.0 - 0.55 * road.wear * _cracks(side + offset, z, across, along)
    tone *= 1.0 - 0.3 * road.wear * _patches(side, z, across, along, offset)
    colour = _linear(road.asphalt) * np.maximum(tone, 0.05)[:, None]
    paint = _markings(road, side, z, across, along)
    scuffs = smooth((grain2(side, z + offset, (0.25, 0.08), across, along) + 0.75 - 0.35 * road.wear) * 3.0)
    return mix(colour, np.full(3, _PAINT), (paint * (0.35 + 0.6 * scuffs))[:, None])


def _cracks(x: Array, z: Array, across: Array, along: Array) -> Array:
    """Thin dark lines where two slow noises cancel."""
    ridge = np.abs(grain2(x, z, (2.3, 0.9), across, along))
    where = smooth(grain2(x + 40.0, z, (9.0,), across, along) * 4.0 - 1.0)
    return smooth(1.0 - ridge / 0.022) * where * fade(across, 0.06) * fade(along, 0.2)


def _patches(side: Array, z: Array, across: Array, along: Array, offset: float) -> Array:
    """Rectangles of newer, darker asphalt, one chance for each few metres of each half of the road."""
    length = 9.0
    which = np.where(side > 0, 1.0, 0.0)
    there = scatter(z / length, which, offset) < 0.3
    start = scatter(z / length, which, offset + 1) * 4.0
    size = 1.0 + scatter(z / length, which, offset + 2) * 3.5
    left = 0.3 + scatter(z / length, which, offset + 3) * 1.2
    within = z - np.floor(z / length) * length
    away = np.abs(side)
    return there * band(within, start, start + size, along) * band(away, left, left + 1.3, across)


def _markings(road: Road, side: Array, z: Array, across: Array, along: Array) -> Array:
    away = np.abs(side)
    line = band(side, -0.07, 0.07, across)
    if road.gap:
        line = line * pulse(z, road.dash + road.gap, road.dash, along)
    paint = line
    if road.edge_lines:
        paint = np.maximum(paint, band(away, road.lane - 0.16, road.lane - 0.04, across))
    if road.parking:
        bays = pulse(z + 2.0, 5.6, 0.1, along) * band(away, road.lane, road.kerb - 0.2, across)
        paint = np.maximum(paint, np.maximum(bays, band(away, road.lane - 0.05, road.lane + 0.05, across)))
    zebra = band(z, road.crossing, road.crossing + 3.2, along)
    paint = paint * (1.0 - zebra)
    return paint + zebra * pulse(side + 0.25, 1.0, 0.5, across) * band(away, -1.0, road.kerb - 0.4, across)


def _roadside(road: Road, side: Array, z: Array, across: Array, along: Array) -> Array:
    offset = float(road.seed)
    away = np.abs(side)
    clumps = grain2(side + offset, z, (0.09, 0.35, 1.3), across, along)
    fields = grain2(side * 0.6, z * 0.6 + offset, (5.0, 14.0), across, along)
    grass = _linear(road.grass) * (1.0 + 0.55 * clumps + 0.4 * fields)[:, None]
    grass[:, 0] *= 1.0 + 0.35 * fields
    if road.pavement <= 1:
        # A country road fades into its verge through gravel.
        gravel = smooth((away - road.kerb) / 0.5 + 0.6 * clumps)
        return mix(_linear(road.asphalt) * (1.15 + 0.4 * clumps)[:, None], grass, gravel[:, None])
    paving = _paving(road, side, z, across, along)
    edge = road.walk if road.kind == "suburb" else road.front + 4.0
    return mix(grass, paving, band(away, -1.0, edge, across)[:, None])


def _paving(road: Road, side: Array, z: Array, across: Array, along: Array) -> Array:
    slab = 0.5 if road.seed % 2 else 0.4
    away = np.abs(side) - road.kerb
    joints = np.maximum(pulse(away, slab, 0.02, across), pulse(z, slab, 0.02, along))
    tone = (scatter(away / slab, z / slab, float(road.seed)) - 0.5) * fade(across, slab) * fade(along, slab)
    dirt = grain2(side, z, (0.12, 0.9, 3.1), across, along)
    brightness = (1.0 + 0.22 * tone + 0.28 * dirt) * (1.0 - 0.45 * joints)
    return _linear(road.paving) * brightness[:, None]
