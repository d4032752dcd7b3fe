"""Where things stand along a street, by chance, and which of them drive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgedepth.scenes import things

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edgedepth.scenes.arith import Dice
    from edgedepth.scenes.road import Road
    from edgedepth.scenes.solid import Solid

BEGIN, END = -60.0, 520.0
"""The street is furnished over this range of z, metres; beyond it there is only road, grass and hills."""


@dataclass(frozen=True)
class Mover:
    """A thing that keeps its lateral place on the road while it goes along it.

    Args:
        parts: in its own frame.
        lateral: metres right of the middle.
        start: z at time 0.
        speed: metres per second along z, negative for oncoming.
        turned: whether it faces -z.

    """

    parts: tuple[Solid, ...]
    lateral: float
    start: float
    speed: float
    turned: bool

    def at(self, road: Road, time: float, *, moving: bool) -> list[Solid]:
        """Its parts in the world at a time."""
        return place(self.parts, road, self.start + self.speed * time, self.lateral, turned=self.turned, moving=moving)


def place(
    parts: tuple[Solid, ...],
    road: Road,
    z: float,
    lateral: float,
    *,
    turned: bool = False,
    moving: bool = False,
) -> list[Solid]:
    """Return the parts of a thing in the world, aligned with the road; `turned` lets it face -z."""
    x, at, cos, sin = road.stand(z, lateral)
    facing = (-cos, -sin) if turned else (cos, sin)
    return [replace(part.placed(x, at, *facing), moving=moving) for part in parts]


def furnish(dice: Dice, road: Road) -> tuple[Solid, ...]:
    """All that stands still."""
    solids: list[Solid] = []
    for side in (-1, 1):
        solids += _lots(dice, road, side)
        solids += _kerbside(dice, road, side)
        if road.parking:
            solids += _parked(dice, road, side)
        for z in _steps(dice, -300.0, 950.0, 70.0, 160.0):
            part = things.hill(dice)
            solids += place((part,), road, z, side * dice.uniform(part.shape.bounds[1] + 35.0, 420.0))
    for z in _steps(dice, END + 60.0, END + 330.0, 60.0, 120.0):
        solids += place((things.hill(dice),), road, z, dice.uniform(-140.0, 140.0))
    return tuple(solids)


def traffic(dice: Dice, road: Road, *, own_lane: bool) -> tuple[Mover, ...]:
    """Return vehicles and people; a vehicle in the camera's own lane only if it may drive on."""
    movers: list[Mover] = []
    for z in _steps(dice, dice.uniform(12.0, 45.0), END + 300.0, 22.0, 90.0):
        parts = things.lorry(dice) if dice.chance(0.15) else things.car(dice)
        lane = -road.traffic_side * road.lane * dice.uniform(0.5, 0.56)
        movers.append(Mover(parts, lane, z, -dice.uniform(7.0, 13.0), turned=True))
    ahead = dice.uniform(14.0, 40.0)
    leader = things.lorry(dice) if dice.chance(0.15) else things.car(dice)
    leader_speed = dice.uniform(10.0, 13.0)
    if own_lane:
        movers.append(Mover(leader, road.traffic_side * road.lane / 2, ahead, leader_speed, turned=False))
    if road.pavement > 1:
        for z in _steps(dice, 6.0, 300.0, 6.0, 70.0):
            lateral = (-1 if dice.chance(0.5) else 1) * (road.kerb + dice.uniform(0.7, road.pavement - 0.3))
            turned = dice.chance(0.5)
            pace = dice.uniform(0.8, 1.6)
            movers.append(Mover(things.person(dice), lateral, z, -pace if turned else pace, turned=turned))
    return tuple(movers)


def _steps(dice: Dice, begin: float, end: float, least: float, most: float) -> Iterator[float]:
    z = begin
    while z < end:
        yield z
        z += dice.uniform(least, most)


def _lots(dice: Dice, road: Road, side: int) -> list[Solid]:
    """Houses with their gardens, or fields with trees."""
    solids: list[Solid] = []
    z = BEGIN - dice.uniform(0.0, 8.0)
    built = {"city": 0.93, "suburb": 0.85}.get(road.kind, 0.12)
    while z < END:
        frontage = dice.uniform(8.0, 15.0)
        gap = {"city": dice.pick((0.0, 0.0, 0.0, 3.0)), "suburb": dice.uniform(1.5, 6.0)}.get(road.kind, 4.0)
        middle = z + frontage / 2
        if dice.chance(built):
            solids += _built(dice, road, side, middle, frontage)
        else:
            solids += _planted(dice, road, side, middle, frontage)
        if road.kind != "city" and dice.chance(0.6):
            fence = things.garden_wall(dice, frontage + gap - dice.uniform(0.0, 3.0))
            solids += place((fence,), road, middle, side * (road.front + 0.5))
        z += frontage + gap
    return solids


def _built(dice: Dice, road: Road, side: int, z: float, frontage: float) -> list[Solid]:
    build: Callable[[Dice, float, float], tuple[Solid, ...]]
    deep = dice.uniform(8.0, 12.0)
    if road.kind == "city":
        setback, build = dice.uniform(0.0, 0.4), things.town_house if dice.chance(0.85) else things.house
    else:
        setback, build = dice.uniform(2.5, 8.0), things.house
    # Wide enough that the corners of a straight front keep clear of the pavement where the street bends.
    lateral = side * (road.front + 0.4 + setback + deep / 2)
    solids = place(build(dice, frontage, deep), road, z, lateral)
    if setback > 2:
        for _ in range(dice.pick((0, 1, 2))):
            where = side * (road.front + dice.uniform(1.2, setback))
            green = things.bush(dice) if dice.chance(0.7) else things.conifer(dice)
            solids += place(green, road, z + dice.uniform(-0.5, 0.5) * frontage, where)
    if dice.chance(0.5):
        back = side * (road.front + setback + deep + dice.uniform(4.0, 14.0))
        solids += place(things.tree(dice), road, z, back)
    return solids


def _planted(dice: Dice, road: Road, side: int, z: float, frontage: float) -> list[Solid]:
    solids: list[Solid] = []
    for _ in range(dice.pick((1, 2, 3))):
        grow = dice.pick((things.tree, things.tree, things.conifer, things.bush))
        where = side * (road.front + dice.uniform(2.5, 22.0))
        solids += place(grow(dice), road, z + dice.uniform(-0.5, 0.5) * frontage, where)
    return solids


def _kerbside(dice: Dice, road: Road, side: int) -> list[Solid]:
    """Street trees, lamp posts, signs and bins."""
    solids: list[Solid] = []
    paved = road.pavement > 1
    near = side * (road.kerb + (0.55 if paved else 1.8))
    if dice.chance(0.7):
        lateral = side * (road.walk + 0.9) if road.verge > 1.8 else near
        for z in _steps(dice, BEGIN + dice.uniform(0.0, 12.0), END, 9.0, dice.uniform(14.0, 40.0)):
            solids += place(things.tree(dice), road, z, lateral)
    post = things.lamp_post if paved else things.mast
    if (paved and dice.chance(0.8)) or side == road.traffic_side:
        spacing = dice.uniform(24.0, 38.0)
        for z in _steps(dice, BEGIN + dice.uniform(0.0, 20.0), END, spacing, spacing + 1.0):
            solids += place(post(dice), road, z, near, turned=side < 0)
    for z in _steps(dice, BEGIN, END, 18.0, 75.0):
        away = side == road.traffic_side
        solids += place(things.traffic_sign(dice), road, z + 3.0, near, turned=not away)
        if paved:
            solids += place(things.bin_or_box(dice), road, z + 9.0, side * (road.walk - 0.4))
    return solids


def _parked(dice: Dice, road: Road, side: int) -> list[Solid]:
    solids: list[Solid] = []
    busy = dice.uniform(0.15, 0.85)
    lateral = side * (road.lane + road.parking / 2)
    for z in _steps(dice, BEGIN, END, 5.6, 6.6):
        if not dice.chance(busy) or abs(z - road.crossing - 1.6) < 5:
            continue
        solids += place(things.car(dice), road, z, lateral + dice.uniform(-0.1, 0.1), turned=dice.chance(0.5))
    return solids
