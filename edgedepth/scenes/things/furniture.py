"""Lamp posts, signs, bins and people, in their own frame; +x points away from the traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgedepth.scenes.solid import Colour, Look, Material, Solid
from edgedepth.scenes.solids import Block, Ellipsoid, Frustum

if TYPE_CHECKING:
    from edgedepth.scenes.arith import Dice

_STEEL: Colour = (0.42, 0.44, 0.45)
_SIGNS: tuple[tuple[Colour, Colour], ...] = (
    ((0.85, 0.85, 0.82), (0.75, 0.10, 0.10)),
    ((0.12, 0.28, 0.62), (0.85, 0.85, 0.85)),
    ((0.85, 0.72, 0.15), (0.15, 0.15, 0.15)),
    ((0.14, 0.40, 0.26), (0.85, 0.85, 0.85)),
)
_CLOTHES: tuple[Colour, ...] = (
    (0.16, 0.18, 0.28),
    (0.60, 0.14, 0.14),
    (0.30, 0.34, 0.30),
    (0.78, 0.76, 0.70),
    (0.20, 0.36, 0.56),
    (0.72, 0.60, 0.20),
    (0.12, 0.12, 0.12),
)
_SKINS: tuple[Colour, ...] = ((0.86, 0.68, 0.56), (0.62, 0.44, 0.32), (0.40, 0.27, 0.20), (0.92, 0.76, 0.66))


def lamp_post(dice: Dice) -> tuple[Solid, ...]:
    """Build a tapered post with an arm over the road (towards -x) and a lamp."""
    height, arm = dice.uniform(5.5, 9.0), dice.uniform(0.8, 2.0)
    tone = dice.uniform(0.28, 0.55)
    steel = Look(Material.PLAIN, (tone, tone + 0.01, tone), seed=dice.seed())
    lamp = Look(Material.PLAIN, (0.80, 0.80, 0.74))
    return (
        Solid(Frustum(0.11, 0.06, height), steel, grounded=True),
        Solid(Block.box(arm, 0.07, 0.07), steel, -arm / 2, height - 0.1),
        Solid(Block.box(0.6, 0.12, 0.26), lamp, -arm, height - 0.16, casts=False),
    )


def mast(dice: Dice) -> tuple[Solid, ...]:
    """Build a wooden mast with a cross-arm."""
    height = dice.uniform(6.5, 9.0)
    wood = Look(Material.BARK, (0.40, 0.34, 0.28), seed=dice.seed())
    return (
        Solid(Frustum(0.15, 0.11, height), wood, grounded=True),
        Solid(Block.box(1.8, 0.12, 0.12), wood, h=height - 0.6),
    )


def traffic_sign(dice: Dice) -> tuple[Solid, ...]:
    """Build a post with a plate that faces oncoming drivers at -z."""
    field, rim = dice.pick(_SIGNS)
    wide, tall = dice.uniform(0.5, 0.75), dice.uniform(0.5, 0.8)
    height = dice.uniform(2.1, 2.7)
    look = Look(Material.SIGN, field, rim, (dice.uniform(0.0, 2.0), 0.0, 0.0, 0.0))
    return (
        Solid(Frustum(0.04, 0.04, height + tall), Look(Material.PLAIN, _STEEL), grounded=True),
        Solid(Block.box(wide, tall, 0.03), look, h=height, z=-0.06),
    )


def bin_or_box(dice: Dice) -> tuple[Solid, ...]:
    """Build a bin, a bollard or a switch box."""
    tone: Colour = dice.pick(((0.30, 0.34, 0.32), (0.16, 0.30, 0.20), (0.50, 0.50, 0.48), (0.55, 0.20, 0.16)))
    look = Look(Material.PLAIN, tone, seed=dice.seed())
    if dice.chance(0.5):
        r = dice.uniform(0.09, 0.3)
        return (Solid(Frustum(r, r * 1.1, dice.uniform(0.7, 1.1)), look, grounded=True),)
    return (Solid(Block.box(0.4, dice.uniform(0.9, 1.4), dice.uniform(0.6, 1.2)), look, grounded=True),)


def person(dice: Dice) -> tuple[Solid, ...]:
    """Someone standing or in mid-stride, looking along z."""
    scale = dice.uniform(0.88, 1.08)
    coat = Look(Material.CLOTH, dice.pick(_CLOTHES), seed=dice.seed())
    legs = Look(Material.CLOTH, dice.pick(_CLOTHES), seed=dice.seed())
    skin: Colour = dice.pick(_SKINS)
    step = dice.uniform(0.03, 0.16)
    leg = Frustum(0.075 * scale, 0.1 * scale, 0.85 * scale)
    torso = Block(0.2 * scale, 0.13 * scale, 0.62 * scale, (-0.24 * scale, 0.24 * scale, -0.12 * scale, 0.12 * scale))
    return (
        Solid(leg, legs, -0.1 * scale, 0.0, step),
        Solid(leg, legs, 0.1 * scale, 0.0, -step),
        Solid(torso, coat, h=0.8 * scale, grounded=True),
        Solid(Frustum(0.05, 0.06, 0.6 * scale), coat, -0.29 * scale, 0.78 * scale, -step * 0.7),
        Solid(Frustum(0.05, 0.06, 0.6 * scale), coat, 0.29 * scale, 0.78 * scale, step * 0.7),
        Solid(Ellipsoid(0.1 * scale, 0.13 * scale, 0.11 * scale), Look(Material.PLAIN, skin), h=1.55 * scale),
    )
