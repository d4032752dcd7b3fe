"""Houses and garden walls: parts in the building's own frame, the street front towards -x or +x."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgedepth.scenes.solid import Colour, Look, Material, Solid
from edgedepth.scenes.solids import Block

if TYPE_CHECKING:
    from edgedepth.scenes.arith import Dice

_PLASTERS: tuple[Colour, ...] = (
    (0.86, 0.83, 0.76),
    (0.80, 0.74, 0.60),
    (0.78, 0.70, 0.66),
    (0.72, 0.76, 0.78),
    (0.84, 0.78, 0.64),
    (0.66, 0.62, 0.56),
    (0.90, 0.89, 0.86),
    (0.76, 0.60, 0.48),
)
_BRICKS: tuple[Colour, ...] = ((0.58, 0.34, 0.27), (0.64, 0.42, 0.32), (0.50, 0.33, 0.29), (0.68, 0.54, 0.42))
_TILES: tuple[Colour, ...] = ((0.52, 0.28, 0.22), (0.36, 0.33, 0.33), (0.44, 0.28, 0.24), (0.28, 0.30, 0.34))
_FRAMES: tuple[Colour, ...] = (
    (0.90, 0.90, 0.88),
    (0.30, 0.22, 0.16),
    (0.24, 0.34, 0.28),
    (0.62, 0.16, 0.14),
    (0.2, 0.28, 0.44),
)


def _front(dice: Dice, shop: bool, storey: float) -> tuple[Look, Colour]:
    brickwork = dice.chance(0.4)
    wall: Colour = dice.pick(_BRICKS if brickwork else _PLASTERS)
    detail = (dice.uniform(1.7, 3.0), storey, float(brickwork), float(shop))
    return Look(Material.FACADE, wall, dice.pick(_FRAMES), detail, dice.seed()), wall


def house(dice: Dice, frontage: float, deep: float) -> tuple[Solid, ...]:
    """Build a house of one to three storeys with a gable or hipped roof.

    Args:
        dice: chance.
        frontage: length along the street (z), metres.
        deep: size away from it (x), metres.

    """
    storey = dice.uniform(2.6, 3.0)
    tall = storey * dice.pick((1, 2, 2, 2, 3)) + dice.uniform(0.0, 0.5)
    look, wall = _front(dice, shop=False, storey=storey)
    rise = dice.uniform(1.6, 3.6)
    eaves = 0.35
    hx, hz = deep / 2 + eaves, frontage / 2 + eaves
    tiles = Look(Material.ROOF, dice.pick(_TILES), wall, seed=dice.seed())
    form = dice.pick(("along", "along", "across", "hipped"))
    if form == "along":  # the ridge runs along the street, gables flush with the end walls
        top = Block(hx, frontage / 2, rise, (0.0, 0.0, -frontage / 2, frontage / 2))
    elif form == "across":
        top = Block(deep / 2, hz, rise, (-deep / 2, deep / 2, 0.0, 0.0))
    else:
        inset = min(hx, hz)
        top = Block(hx, hz, rise, (-hx + inset, hx - inset, -hz + inset, hz - inset))
    parts = [Solid(Block.box(deep, tall, frontage), look), Solid(top, tiles, h=tall)]
    if dice.chance(0.7):
        stack = Look(Material.BRICK, dice.pick(_BRICKS), seed=dice.seed())
        where = dice.uniform(-0.3, 0.3) * frontage
        parts.append(Solid(Block.box(0.6, rise + 0.9, 0.6), stack, dice.uniform(-0.5, 0.5), tall, where))
    if dice.chance(0.3):
        porch = Look(Material.PLAIN, dice.pick(_PLASTERS), seed=dice.seed())
        parts.append(
            Solid(
                Block.box(deep + 2.2, 2.5, min(3.2, frontage * 0.4)),
                porch,
                z=dice.uniform(-0.25, 0.25) * frontage,
            )
        )
    return tuple(parts)


def town_house(dice: Dice, frontage: float, deep: float) -> tuple[Solid, ...]:
    """Build a taller building with a flat or mansard roof, perhaps with a shop at street level."""
    storey = dice.uniform(2.9, 3.5)
    tall = storey * dice.pick((2, 3, 3, 4, 4, 5)) + dice.uniform(0.3, 0.9)
    look, _ = _front(dice, shop=dice.chance(0.45), storey=storey)
    walls = Solid(Block.box(deep, tall, frontage), look)
    if dice.chance(0.5):
        coping = Look(Material.PLAIN, dice.pick(_PLASTERS), seed=dice.seed())
        return (walls, Solid(Block.box(deep + 0.3, 0.35, frontage), coping, h=tall))
    rise = dice.uniform(1.8, 3.2)
    back = deep / 2 - dice.uniform(0.8, deep * 0.48)
    mansard = Block(deep / 2 + 0.2, frontage / 2, rise, (-back, back, -frontage / 2, frontage / 2))
    return (
        walls,
        Solid(mansard, Look(Material.ROOF, dice.pick(_TILES), look.colour, seed=dice.seed()), h=tall),
    )


def garden_wall(dice: Dice, length: float) -> Solid:
    """Build a brick wall or a hedge along the street."""
    if dice.chance(0.5):
        look = Look(Material.BRICK, dice.pick(_BRICKS), seed=dice.seed())
        return Solid(Block.box(0.25, dice.uniform(0.6, 1.3), length), look, grounded=True)
    green = dice.uniform(0.3, 0.4)
    look = Look(
        Material.LEAVES,
        (green * 0.75, green, green * 0.5),
        (green * 0.6, green * 0.85, green * 0.4),
        seed=dice.seed(),
    )
    height = dice.uniform(0.8, 1.9)
    return Solid(Block(0.45, length / 2, height, (-0.38, 0.38, -length / 2, length / 2)), look, grounded=True)
