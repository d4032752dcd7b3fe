"""Textures of vehicles: bodies, cabins, wheels, cargo boxes."""

from __future__ import annotations

import numpy as np

from edgedepth.scenes.arith import Array, mix, smooth
from edgedepth.scenes.looks.surface import TOP, Surface
from edgedepth.scenes.looks.texture import band, fade, grain2, scatter

_RUBBER = np.array([0.012, 0.012, 0.013])
_GLASS = np.array([0.03, 0.04, 0.05])
_LAMP = np.array([0.75, 0.78, 0.78])
_TAIL = np.array([0.45, 0.015, 0.015])
_PLATE = np.array([0.7, 0.7, 0.62])


def body(s: Surface) -> Array:
    """Paint the lower part of a car: sills, wheel arches, seams, lamps and plates (+z is the front)."""
    half_x, height = s.dimensions[:, 0], s.dimensions[:, 2]
    v = s.h / height
    f = s.fv / height
    colour = s.colour * (1.0 + 0.25 * smooth(v - 0.3))[:, None]
    sill = 1.0 - band(v, 0.16, 9.0, f)
    crease = band(v, 0.6, 0.66, f)
    colour = mix(colour, _RUBBER * 2, sill[:, None]) * (1.0 - 0.25 * crease)[:, None]
    flank = s.face < 2
    seams = sum(band(s.u, at, at + 0.02, s.fu) for at in (-0.85, 0.15, 1.05)) * fade(s.fu, 0.12)
    base, radius = s.detail[:, 0] / 2, s.detail[:, 1] * 1.12
    reach = np.abs(s.u) - base
    axle = s.h + 0.28 - s.detail[:, 1]
    arch = smooth((radius - np.sqrt(reach * reach + axle * axle)) / np.maximum(s.fu, 0.02) + 0.5)
    dark = np.maximum(0.75 * np.clip(seams, 0.0, 1.0), arch)
    colour = mix(colour, np.broadcast_to(_RUBBER, colour.shape), np.where(flank, dark, 0.0)[:, None])
    across = np.abs(s.u) / half_x
    fu = s.fu / half_x
    front, rear = s.face == 2, s.face == 3
    lamps = band(across, 0.66, 0.95, fu) * band(v, 0.52, 0.82, f)
    plate = band(across, -1.0, 0.3, fu) * band(v, 0.28, 0.44, f)
    grille = band(across, -1.0, 0.55, fu) * band(v, 0.5, 0.78, f)
    colour = mix(colour, _RUBBER * 3, (front * grille)[:, None])
    colour = mix(colour, np.where(front[:, None], _LAMP, _TAIL), ((front | rear) * lamps)[:, None])
    return mix(colour, np.broadcast_to(_PLATE, colour.shape), ((front | rear) * plate)[:, None])


def cabin(s: Surface) -> Array:
    """Paint the glazed upper part of a car: windows between pillars, painted roof."""
    half_x, half_z, height, x0, x1, z0, z1 = s.dimensions.T
    v, f = s.h / height, s.fv / height
    # The width of a face shrinks with height, so windows are drawn in shares of the width there.
    flank = s.face < 2
    low, high = np.where(flank, -half_z, -half_x), np.where(flank, half_z, half_x)
    low_top, high_top = np.where(flank, z0, x0), np.where(flank, z1, x1)
    left, right = low + (low_top - low) * v, high + (high_top - high) * v
    width = np.maximum(right - left, 1e-3)
    share, fu = (s.u - left) / width, s.fu / width
    glass = band(share, 0.06, 0.94, fu) * band(v, 0.08, 0.86, f)
    pillar = np.where(flank, band(share, 0.49, 0.53, fu) + band(share, 0.77, 0.8, fu), 0.0)
    mirrored = 0.16 * smooth(v) + 0.05 * grain2(s.u + s.seed, s.v, (0.5,), s.fu, s.fv)
    panes = _GLASS + np.maximum(mirrored, 0.0)[:, None] * np.array([0.8, 0.93, 1.0])
    sided = mix(s.colour, panes, (glass * (1.0 - pillar))[:, None])
    return np.where((s.face >= TOP)[:, None], s.colour * 1.2, sided)


def wheel(s: Surface) -> Array:
    """Paint a tyre with a rim; the axle runs along x."""
    radius = s.dimensions[:, 1]
    out = np.sqrt(s.h * s.h + s.z * s.z) / radius
    f = s.fv / radius
    rim = 1.0 - band(out, 0.62, 9.0, f)
    spokes = np.abs(s.h * s.z) / (radius * radius) < 0.035
    tone = np.where(spokes, 1.0, 0.45 + 0.55 * (1.0 - fade(s.fv, radius)))
    return mix(np.broadcast_to(_RUBBER, s.colour.shape), s.accent * tone[:, None], rim[:, None])


def cargo(s: Surface) -> Array:
    """Paint a lorry's box or a bus: a stripe, blocks that look like lettering from afar, doors behind."""
    height = s.dimensions[:, 2]
    v, f = s.h / height, s.fv / height
    dirt = grain2(s.u + s.seed, s.v, (0.3, 1.4), s.fu, s.fv) - 0.8 * smooth(0.25 - v)
    colour = s.colour * (1.0 + 0.14 * dirt)[:, None]
    flank = s.face < 2
    stripe = band(v, 0.12, 0.24, f)
    text = (scatter(s.u / 0.35, 0.0, s.seed) > 0.35) * band(v, 0.5, 0.72, f) * band(np.abs(s.u), -1.0, 1.9, s.fu)
    text = text * (scatter(s.u / 0.09, np.floor(v * 12), s.seed) > 0.25) * fade(s.fu, 0.35)
    glazed = s.detail[:, 0] > 0
    windows = band(v, 0.42, 0.78, f) * (1.0 - 0.8 * _posts(s))
    marked = np.where(flank & ~glazed, np.maximum(stripe, text), np.where(flank, stripe, 0.0))
    colour = mix(colour, s.accent, marked[:, None])
    colour = mix(colour, np.broadcast_to(_GLASS * 1.6, colour.shape), (windows * glazed * (s.face < TOP))[:, None])
    doors = (s.face == 3) * np.maximum(band(np.abs(s.u), -1.0, 0.03, s.fu), band(v, 0.0, 0.05, f))
    return np.asarray(colour * (1.0 - 0.6 * doors)[:, None])


def _posts(s: Surface) -> Array:
    """Window posts of a bus."""
    at = s.u - np.floor(s.u / 1.4) * 1.4
    return band(at, 0.0, 0.12, s.fu) * fade(s.fu, 0.7)
