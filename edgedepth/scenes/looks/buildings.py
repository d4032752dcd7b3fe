"""Textures of what people build: facades with windows, roofs, walls, signs, plain painted things."""

from __future__ import annotations

import numpy as np

from edgedepth.scenes.arith import Array, mix, smooth
from edgedepth.scenes.looks.surface import TOP, Surface
from edgedepth.scenes.looks.texture import band, fade, grain2, pulse, scatter

_GLASS = np.array([0.035, 0.05, 0.07])
_BRICK_LENGTH, _BRICK_HEIGHT, _MORTAR = 0.25, 0.083, 0.012


def plain(s: Surface) -> Array:
    """Paint plain metal or concrete, slightly dirty."""
    dirt = grain2(s.u + s.seed, s.v, (0.15, 0.6), s.fu, s.fv)
    return s.colour * (1.0 + 0.16 * dirt)[:, None]


def cloth(s: Surface) -> Array:
    """Clothes: folds from top to bottom."""
    folds = grain2(s.u * 3 + s.seed, s.v * 0.8, (0.2,), s.fu, s.fv)
    return s.colour * (1.0 + 0.3 * folds)[:, None]


def bricks(u: Array, v: Array, fu: Array, fv: Array, seed: Array) -> Array:
    """Brightness of a brick wall, about 1."""
    course = np.floor(v / _BRICK_HEIGHT)
    shifted = u + 0.5 * _BRICK_LENGTH * (course - 2 * np.floor(course / 2))
    joint = np.maximum(pulse(shifted, _BRICK_LENGTH, _MORTAR, fu), pulse(v, _BRICK_HEIGHT, _MORTAR, fv))
    tone = (scatter(shifted / _BRICK_LENGTH, course, seed) - 0.5) * fade(fu, _BRICK_LENGTH) * fade(fv, _BRICK_HEIGHT)
    return 1.0 + 0.5 * tone + 0.55 * joint


def brick_wall(s: Surface) -> Array:
    """Paint a garden wall."""
    weather = grain2(s.u + s.seed, s.v, (0.4, 1.7), s.fu, s.fv)
    return s.colour * (bricks(s.u, s.v, s.fu, s.fv, s.seed) * (1.0 + 0.2 * weather))[:, None]


def facade(s: Surface) -> Array:
    """Paint a house wall: brick or plaster, rows of windows, a door, perhaps a shop on the ground floor."""
    half = np.where(s.face < 2, s.dimensions[:, 1], s.dimensions[:, 0])
    height = s.dimensions[:, 2]
    bays = np.maximum(np.floor(2 * half / s.detail[:, 0] + 0.5), 1.0)
    storeys = np.maximum(np.floor(height / s.detail[:, 1] + 0.25), 1.0)
    bay, storey = 2 * half / bays, height / storeys
    u, v = s.u + half, s.v
    column, floor = np.floor(u / bay), np.floor(v / storey)
    weather = grain2(s.u + s.seed, s.v * 0.6, (0.11, 0.7, 2.9), s.fu, s.fv)
    masonry = np.where(s.detail[:, 2] > 0, bricks(s.u, s.v, s.fu, s.fv, s.seed), 1.0)
    tone = masonry * (1.0 + 0.17 * weather) * (1.0 - 0.3 * smooth(1.0 - v / 0.5))
    cornice = band(v, height - 0.28, height + 1.0, s.fv) + pulse(v + 0.12, storey, 0.16, s.fv) * (s.seed % 2)
    colour = s.colour * (tone * (1.0 + 0.3 * cornice))[:, None]
    wide = 0.36 + 0.22 * scatter(s.seed, 1.0)
    tall = 0.45 + 0.12 * scatter(s.seed, 2.0)
    shop = (s.detail[:, 3] > 0) & (floor == 0)
    door = (
        (floor == 0)
        & ~shop
        & (np.floor(scatter(s.seed, s.face.astype(np.float64)) * bays) == column)
        & (s.face % 2 == 1)
    )
    wide, tall = np.where(shop, 0.84, np.where(door, 1.0 / bay, wide)), np.where(shop, 0.62, tall)
    sill = np.where(shop, 0.1, np.where(door, 0.0, 0.78 - tall)) * storey
    tall = np.where(door, 2.1, tall * storey)
    wide = wide * bay
    left = (bay - wide) / 2
    within_v = v - floor * storey
    rim = 0.07
    opening = pulse(u - left + rim, bay, wide + 2 * rim, s.fu) * band(within_v, sill - rim, sill + tall + rim, s.fv)
    glass = pulse(u - left, bay, wide, s.fu) * band(within_v, sill, sill + tall, s.fv)
    bars = pulse(u - left - wide / 2 + 0.03, bay, 0.06, s.fu) * ~door
    frame = np.where(door[:, None], s.accent * 0.6, 0.35 + 0.65 * s.accent)
    colour = mix(colour, frame, opening[:, None])
    colour = mix(colour, _panes(s, column, floor, (within_v - sill) / tall), (glass * (1.0 - 0.8 * bars))[:, None])
    awning = shop * band(within_v, sill + tall, storey - 0.15, s.fv)
    stripes = 0.55 + 0.45 * pulse(u, 0.6, 0.3, s.fu)
    colour = mix(colour, s.accent * stripes[:, None], awning[:, None])
    colour = mix(colour, s.accent, (glass * door * 0.85)[:, None])
    return np.where((s.face >= TOP)[:, None], s.accent * 0.3, colour)


def _panes(s: Surface, column: Array, floor: Array, up: Array) -> Array:
    """Window glass: dark rooms, pale curtains, and the sky mirrored in the upper part."""
    luck = scatter(column + 13 * s.face, floor, s.seed)
    curtain = np.where(luck > 0.72, 0.45, np.where(luck > 0.5, 0.14, 0.0)) * smooth((up - 0.1) * 2.0)
    mirrored = 0.12 * smooth(up * 1.3 - 0.1 + 0.5 * luck)
    return np.asarray(_GLASS + (curtain + mirrored)[:, None] * np.array([0.92, 0.97, 1.0]))


def roof(s: Surface) -> Array:
    """Tiles on sloped faces; upright faces are gables in the wall's colour."""
    gable = np.abs(s.normal[1]) < 0.05
    rows = pulse(s.h, 0.17, 0.045, s.fv * 1.5)
    tiles = pulse(s.u, 0.24, 0.04, s.fu)
    tone = (scatter(s.u / 0.24, s.h / 0.17, s.seed) - 0.5) * fade(s.fu, 0.24) * fade(s.fv, 0.17)
    moss = grain2(s.u + s.seed, s.h, (0.5, 2.1), s.fu, s.fv)
    tiled = s.colour * (1.0 + 0.35 * tone + 0.25 * moss - 0.35 * rows - 0.15 * tiles)[:, None]
    plaster = s.accent * (1.0 + 0.12 * moss)[:, None]
    return np.where(gable[:, None], plaster, tiled)


def sign(s: Surface) -> Array:
    """Paint a traffic sign or a name plate: a rim, a field, and a bar or two on it."""
    half, height = s.dimensions[:, 0], s.dimensions[:, 2]
    u, v = s.u / half, s.v / height * 2 - 1
    rim = np.maximum(np.abs(u), np.abs(v)) > 0.78
    bar = np.where(s.detail[:, 0] > 1, np.abs(v) < 0.16, (np.abs(u) < 0.14) & (np.abs(v) < 0.5))
    white = np.full(3, 0.75)
    colour = np.where((rim | bar)[:, None], np.where(rim[:, None], s.accent, white * 0.5), s.colour)
    shown = fade(s.fu, half)[:, None]
    colour = mix(0.5 * (s.colour + s.accent), colour, shown)
    return np.where(((s.face == 2) | (s.face == 0) | (s.face == 1))[:, None], np.full(3, 0.12), colour)
