"""Cars, vans, lorries and buses: parts in the vehicle's own frame, front towards +z, wheels on the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgedepth.scenes.solid import Colour, Look, Material, Solid
from edgedepth.scenes.solids import Block, Ellipsoid

if TYPE_CHECKING:
    from edgedepth.scenes.arith import Dice

_PAINTS: tuple[Colour, ...] = (
    (0.82, 0.83, 0.84),
    (0.62, 0.64, 0.66),
    (0.40, 0.42, 0.45),
    (0.12, 0.12, 0.14),
    (0.20, 0.22, 0.26),
    (0.55, 0.08, 0.08),
    (0.12, 0.20, 0.42),
    (0.20, 0.38, 0.58),
    (0.16, 0.32, 0.24),
    (0.70, 0.62, 0.48),
    (0.80, 0.42, 0.12),
    (0.86, 0.86, 0.84),
)
_CARGO_PAINTS: tuple[Colour, ...] = (
    (0.86, 0.86, 0.86),
    (0.80, 0.76, 0.30),
    (0.20, 0.34, 0.60),
    (0.66, 0.16, 0.14),
    (0.28, 0.48, 0.34),
    (0.90, 0.88, 0.80),
)
_BLACK: Colour = (0.12, 0.12, 0.13)


def _wheels(track: float, axles: tuple[float, ...], radius: float) -> list[Solid]:
    look = Look(Material.WHEEL, _BLACK, (0.55, 0.56, 0.58))
    disc = Ellipsoid(0.13, radius, radius)
    return [Solid(disc, look, x, radius, z, casts=False) for z in axles for x in (-track / 2, track / 2)]


def car(dice: Dice) -> tuple[Solid, ...]:
    """Build a saloon, hatchback, estate or van."""
    width, length = dice.uniform(1.65, 1.85), dice.uniform(3.7, 4.7)
    paint: Colour = dice.pick(_PAINTS)
    form: str = dice.pick(("saloon", "hatch", "estate", "hatch", "tall", "van"))
    waist = {"tall": 0.72, "van": 0.8}.get(form, 0.62) + dice.uniform(-0.03, 0.03)
    glass = {"tall": 0.65, "van": 0.95}.get(form, 0.52) + dice.uniform(-0.03, 0.04)
    radius = 0.31 if form not in ("tall", "van") else 0.34
    base = length * 0.6
    lower = Block(
        width / 2,
        length / 2,
        waist,
        (-width / 2 + 0.06, width / 2 - 0.06, -length / 2 + 0.08, length / 2 - 0.18),
    )
    back = {"saloon": 0.22, "hatch": 0.02}.get(form, 0.0) * length
    bonnet = (0.12 if form == "van" else 0.25) * length
    z0, z1 = -length / 2 + 0.1 + back, length / 2 - bonnet
    rake_back = {"saloon": 0.55, "hatch": 0.4, "estate": 0.25}.get(form, 0.08)
    rake_front = {"van": 0.45, "tall": 0.6}.get(form, 0.75)
    half = (z1 - z0) / 2
    upper = Block(
        width / 2 - 0.07,
        half,
        glass,
        (-width / 2 + 0.22, width / 2 - 0.22, -half + rake_back, half - rake_front),
    )
    clearance = 0.22
    seed = dice.seed()
    return (
        Solid(
            lower,
            Look(Material.BODY, paint, _BLACK, (base, radius, 0.0, 0.0), seed),
            h=clearance,
            grounded=True,
        ),
        Solid(upper, Look(Material.CABIN, paint, _BLACK, seed=seed), h=clearance + waist, z=(z0 + z1) / 2),
        *_wheels(width - 0.16, (-base / 2, base / 2), radius),
    )


def lorry(dice: Dice) -> tuple[Solid, ...]:
    """Build a box lorry or a bus."""
    width, seed = dice.uniform(2.3, 2.5), dice.seed()
    paint: Colour = dice.pick(_CARGO_PAINTS)
    accent: Colour = dice.pick(_PAINTS)
    if dice.chance(0.3):
        length, height = dice.uniform(9.0, 12.0), dice.uniform(2.6, 2.9)
        look = Look(Material.CARGO, paint, accent, (1.0, 0.0, 0.0, 0.0), seed)
        shell = Solid(Block.box(width, height, length), look, h=0.35, grounded=True)
        return (shell, *_wheels(width - 0.2, (-length * 0.28, length * 0.33), 0.48))
    length, height = dice.uniform(4.5, 8.0), dice.uniform(2.1, 2.8)
    cab = dice.uniform(1.7, 2.2)
    total = length + cab + 0.15
    box = Block.box(width, height, length)
    nose = Block(width / 2 - 0.05, cab / 2, 1.0, (-width / 2 + 0.05, width / 2 - 0.05, -cab / 2, cab / 2))
    screen = Block(
        width / 2 - 0.06, cab / 2 - 0.02, 1.0, (-width / 2 + 0.16, width / 2 - 0.16, -cab / 2, cab / 2 - 0.3)
    )
    front = total / 2 - cab / 2
    coat = dice.pick(_PAINTS)
    return (
        Solid(box, Look(Material.CARGO, paint, accent, seed=seed), h=0.95, z=-total / 2 + length / 2),
        Solid(Block.box(1.6, 0.45, total - 0.3), Look(Material.PLAIN, _BLACK), h=0.5, grounded=True),
        Solid(nose, Look(Material.BODY, coat, _BLACK, (0.1, 0.48, 0.0, 0.0), seed), h=0.45, z=front),
        Solid(screen, Look(Material.CABIN, coat, _BLACK, seed=seed), h=1.45, z=front),
        *_wheels(width - 0.25, (-total / 2 + 1.3, total / 2 - cab * 0.55), 0.48),
    )
