"""Band-limited patterns: each takes the footprint of a pixel and fades out before it would alias."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from edgedepth.scenes.arith import Array

_ENTRIES = 1 << 16
# Strides that are far apart in the table: lattice neighbours look independent and the pattern repeats only
# after about 256 cells in two dimensions and 40 in three.
_STRIDE_Y, _STRIDE_Z = 7919, 26573
_MASK = _ENTRIES - 1
_VALUES = np.random.Generator(np.random.PCG64(1863)).random(_ENTRIES)
_TABLE = np.concatenate([_VALUES, _VALUES])
_CORNER_STEPS = (0, 1, _STRIDE_Y, _STRIDE_Y + 1)


def _cell(x: Array) -> tuple[npt.NDArray[np.int64], Array]:
    low = np.floor(x)
    part = x - low
    return low.astype(np.int64), part * part * (3 - 2 * part)


def _bilinear(key: npt.NDArray[np.int64], sx: Array, sy: Array) -> Array:
    a, b, c, d = (_TABLE.take(key + step) for step in _CORNER_STEPS)
    top = a + (b - a) * sx
    return np.asarray(top + (c + (d - c) * sx - top) * sy)


def scatter(x: Array, y: Array | float = 0.0, seed: Array | float = 0.0) -> Array:
    """Return a random number in [0, 1) for each whole (x, y, seed); the same for all points of one cell."""
    key = np.floor(x) * 1.0 + np.floor(y) * _STRIDE_Y + np.floor(seed) * _STRIDE_Z
    return np.asarray(_TABLE.take(key.astype(np.int64) & _MASK))


def noise2(x: Array, y: Array) -> Array:
    """Value noise in [0, 1) on the unit lattice of the plane."""
    ix, sx = _cell(x)
    iy, sy = _cell(y)
    return _bilinear((ix + iy * _STRIDE_Y) & _MASK, sx, sy)


def noise3(x: Array, y: Array, z: Array) -> Array:
    """Value noise in [0, 1) on the unit lattice of space."""
    ix, sx = _cell(x)
    iy, sy = _cell(y)
    iz, sz = _cell(z)
    key = ix + iy * _STRIDE_Y + iz * _STRIDE_Z
    front = _bilinear(key & _MASK, sx, sy)
    return front + (_bilinear((key + _STRIDE_Z) & _MASK, sx, sy) - front) * sz


def fade(footprint: Array | float, cell: Array | float) -> Array:
    """Return how much of a pattern of this cell size a pixel of this footprint can still show, 1 to 0."""
    return np.clip(1.6 - 1.6 * np.asarray(footprint) / cell, 0.0, 1.0)


def grain2(x: Array, y: Array, cells: tuple[float, ...], fx: Array, fy: Array) -> Array:
    """Return noise of several cell sizes in metres, about -1..1, fading with the footprint in x and y."""
    total = np.zeros_like(x)
    strength = 0.0
    for order, cell in enumerate(cells):
        weight = 0.75**order
        strength += weight
        shown = fade(fx, cell) * fade(fy, cell)
        total += (noise2(x / cell + 17.0 * order, y / cell) - 0.5) * (2 * weight) * shown
    return total / strength


def grain3(x: Array, y: Array, z: Array, cells: tuple[float, ...], footprint: Array) -> Array:
    """Noise of several cell sizes in metres through space, zero mean, about -1..1."""
    total = np.zeros_like(x)
    strength = 0.0
    for order, cell in enumerate(cells):
        weight = 0.75**order
        strength += weight
        value = noise3(x / cell + 17.0 * order, y / cell, z / cell)
        total += (value - 0.5) * (2 * weight) * fade(footprint, cell)
    return total / strength


def _pulse_integral(x: Array, period: Array | float, width: Array | float) -> Array:
    whole = np.floor(x / period)
    return whole * width + np.minimum(x - whole * period, width)


def pulse(x: Array, period: Array | float, width: Array | float, footprint: Array) -> Array:
    """Return the share of a pixel inside the first `width` of each `period`: stripes without aliasing."""
    half = footprint / 2
    inside = _pulse_integral(x + half, period, width) - _pulse_integral(x - half, period, width)
    return inside / footprint


def band(x: Array, low: Array | float, high: Array | float, footprint: Array) -> Array:
    """Return the share of a pixel with low <= x <= high: one stripe without aliasing."""
    return np.clip((x - low) / footprint + 0.5, 0.0, 1.0) - np.clip((x - high) / footprint + 0.5, 0.0, 1.0)
