"""The light of a scene, and the sky that it comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgedepth.scenes.arith import Array, Dice, mix, smooth
from edgedepth.scenes.looks.texture import noise2

if TYPE_CHECKING:
    from edgedepth.scenes.solid import Colour


@dataclass(frozen=True)
class Weather:
    """The light of a scene; colours are linear.

    Args:
        sun: unit vector towards the sun, world axes.
        sun_colour, sky_colour: light from the sun, and from the whole sky on a level surface.
        zenith, horizon: colours of the sky itself.
        cloud: share of the sky under cloud, 0 to 1.
        overcast: whether the sun throws no shadows.
        fog: 1 / metres; the share of a surface's own colour left at distance d falls like exp(-fog * d).
        exposure: factor before the camera's curve.
        seed: of the clouds.

    """

    sun: Colour
    sun_colour: Colour
    sky_colour: Colour
    zenith: Colour
    horizon: Colour
    cloud: float
    overcast: bool
    fog: float
    exposure: float
    seed: int

    @classmethod
    def roll(cls, dice: Dice) -> Weather:
        """Weather by chance: mostly sunny, sometimes overcast or hazy."""
        overcast = dice.chance(0.3)
        side = dice.uniform(-1.0, 1.0)
        ahead = dice.uniform(-1.0, 0.75)
        flat = math.sqrt(side * side + ahead * ahead) + 1e-6
        rise = dice.uniform(0.55, 1.6)
        length = math.sqrt(1.0 + rise * rise)
        sun = (side / flat / length, -rise / length, ahead / flat / length)
        warmth = dice.uniform(0.0, 1.0)
        strength = dice.uniform(0.05, 0.25) if overcast else dice.uniform(1.5, 2.1)
        tint = (1.0, 0.95 - 0.06 * warmth, 0.86 - 0.2 * warmth)
        grey = dice.uniform(0.75, 0.95)
        blue = dice.uniform(0.0, 1.0)
        zenith = (0.10 + 0.07 * blue, 0.23 + 0.08 * blue, 0.55 + 0.1 * blue)
        horizon = (0.62, 0.72, 0.84) if not overcast else (grey * 0.8, grey * 0.83, grey * 0.87)
        if overcast:
            zenith = (grey * 0.55, grey * 0.58, grey * 0.63)
        sky = (0.62, 0.66, 0.74) if overcast else (0.28, 0.34, 0.46)
        return cls(
            sun=sun,
            sun_colour=(tint[0] * strength, tint[1] * strength, tint[2] * strength),
            sky_colour=sky,
            zenith=zenith,
            horizon=horizon,
            cloud=dice.uniform(0.7, 1.0) if overcast else dice.uniform(0.1, 0.6),
            overcast=overcast,
            fog=dice.uniform(0.001, 0.004) if overcast else dice.uniform(0.0004, 0.002),
            exposure=dice.uniform(1.0, 1.4) if overcast else dice.uniform(0.8, 1.1),
            seed=dice.seed(),
        )


def sky_colour(weather: Weather, dx: Array, dy: Array, dz: Array) -> Array:
    """Return the colour of the sky in the given directions, n x 3, linear."""
    length = np.sqrt(dx * dx + dy * dy + dz * dz)
    rise = np.maximum(-dy / length, 0.0)
    height = smooth(rise * 2.2)[:, None]
    base = mix(np.array(weather.horizon), np.array(weather.zenith), np.sqrt(height))
    reach = 1.0 / ((rise + 0.12) * length)
    u, v = dx * reach, dz * reach
    puffs = np.zeros_like(u)
    for scale, weight in ((0.8, 0.5), (1.9, 0.27), (4.3, 0.15), (9.7, 0.08)):
        puffs += weight * noise2(u * scale + weather.seed, v * scale)
    cover = smooth((puffs - (0.72 - 0.5 * weather.cloud)) * 4.0)
    shade = 0.72 + 0.28 * smooth((0.75 - puffs) * 3.0)
    brightness = max(weather.horizon) * 1.12
    clouds = np.array([brightness, brightness * 1.0, brightness * 1.02]) * shade[:, None]
    colour = mix(base, clouds, (cover * (0.25 + 0.75 * smooth(rise * 5.0)))[:, None])
    sx, sy, sz = weather.sun
    towards = np.maximum((dx * sx + dy * sy + dz * sz) / length, 0.0)
    glow = towards * towards
    glow = glow * glow * glow * glow
    return np.asarray(colour + (0.25 * glow)[:, None] * np.array(weather.sun_colour))
