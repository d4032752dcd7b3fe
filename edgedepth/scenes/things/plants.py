"""Trees, bushes and far hills, in their own frame."""

from __future__ import annotations

from dataclasses import replace

from edgedepth.scenes.arith import Dice, cosine, sine
from edgedepth.scenes.solid import Colour, Look, Material, Solid
from edgedepth.scenes.solids import Ellipsoid, Frustum


def _greens(dice: Dice) -> tuple[Colour, Colour]:
    light, autumn = dice.uniform(0.36, 0.5), dice.uniform(0.0, 1.0)
    warm = 0.25 if autumn > 0.85 else 0.0
    leaf = (light * (0.68 + 0.2 * autumn + warm), light * (0.98 - 0.3 * warm), light * 0.5)
    return leaf, (leaf[0] * 0.75, leaf[1] * 0.82, leaf[2] * 0.85)


def _bark(dice: Dice) -> Look:
    tone = dice.uniform(0.26, 0.42)
    return Look(Material.BARK, (tone * 1.08, tone, tone * 0.88), seed=dice.seed())


def tree(dice: Dice) -> tuple[Solid, ...]:
    """Build a broad-leaved tree: a trunk and a few overlapping crowns with holes."""
    scale = dice.uniform(0.7, 1.35)
    clear = dice.uniform(2.3, 3.2) * max(scale, 1.0)  # no branch reaches down to a camera or a car
    spread = dice.uniform(1.6, 2.5) * scale
    leaf, shade = _greens(dice)
    holes = dice.uniform(0.28, 0.42)
    look = Look(Material.LEAVES, leaf, shade, (holes, 0.0, 0.0, 0.0), dice.seed())
    parts = [Solid(Frustum(0.17 * scale, 0.09 * scale, clear + spread), _bark(dice), grounded=True)]
    count = dice.pick((4, 5, 6))
    turn = dice.uniform(0.0, 6.28)
    core = 0.72 * spread
    top = Ellipsoid(core, core * dice.uniform(0.95, 1.4), core)
    parts.append(Solid(top, look, h=clear + spread))
    for k in range(count):
        angle = turn + 6.2832 * k / count
        r = spread * dice.uniform(0.38, 0.62)
        out = spread * dice.uniform(0.45, 0.75)
        crown = Ellipsoid(r, r * dice.uniform(0.75, 1.0), r)
        high = clear + r + spread * dice.uniform(-0.1, 0.9)
        parts.append(Solid(crown, replace(look, seed=dice.seed()), out * cosine(angle), high, out * sine(angle)))
    return tuple(parts)


def conifer(dice: Dice) -> tuple[Solid, ...]:
    """Build a conifer: stacked cones on a short trunk."""
    height, radius = dice.uniform(5.0, 11.0), dice.uniform(1.2, 2.1)
    light = dice.uniform(0.24, 0.34)
    look = Look(
        Material.LEAVES,
        (light * 0.72, light, light * 0.62),
        (light * 0.55, light * 0.8, light * 0.5),
        (0.3, 0.0, 0.0, 0.0),
        dice.seed(),
    )
    parts = [Solid(Frustum(0.16, 0.1, height * 0.5), _bark(dice), grounded=True)]
    for k in range(3):
        low = height * (0.1 + 0.24 * k)
        parts.append(Solid(Frustum(radius * (1.0 - 0.26 * k), 0.05, height * (0.52 - 0.06 * k)), look, h=low))
    return tuple(parts)


def bush(dice: Dice) -> tuple[Solid, ...]:
    """One to three low crowns."""
    leaf, shade = _greens(dice)
    parts = []
    for _ in range(dice.pick((1, 2, 3))):
        r = dice.uniform(0.4, 1.0)
        look = Look(Material.LEAVES, leaf, shade, (0.2, 0.0, 0.0, 0.0), dice.seed())
        crown = Ellipsoid(r * dice.uniform(0.8, 1.4), r, r * dice.uniform(0.8, 1.4))
        parts.append(Solid(crown, look, dice.uniform(-0.7, 0.7), r * 0.6, dice.uniform(-0.7, 0.7), grounded=True))
    return tuple(parts)


def hill(dice: Dice) -> Solid:
    """Build a far hill of 10 to 45 metres."""
    green = dice.uniform(0.3, 0.38)
    look = Look(
        Material.HILL,
        (green * 0.8, green, green * 0.6),
        (green * 1.25, green * 1.3, green * 0.7),
        seed=dice.seed(),
    )
    shape = Ellipsoid(dice.uniform(70.0, 160.0), dice.uniform(10.0, 45.0), dice.uniform(70.0, 160.0))
    return Solid(shape, look, casts=False)
