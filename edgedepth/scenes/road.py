"""The course of a street and its cross-section: lanes, parking strip, kerb, pavement and verge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgedepth.scenes.arith import Array, Dice, wave, wave_slope
from edgedepth.scenes.solid import Colour, heading


@dataclass(frozen=True)
class Road:
    """A street along z whose middle winds gently in x; lateral distances are metres right of the middle.

    Args:
        kind: "city", "suburb" or "country".
        swing, stretch, phase: the middle is swing * wave(z / stretch + phase), shifted to x = 0 at z = 0.
        lane: width of one lane; one each way.
        parking: width of the parking strip on each side, 0 for none.
        pavement: width of the pavement on each side, 0 for none (then grass begins at the edge).
        verge: width of the strip between pavement and gardens.
        traffic_side: 1 where one drives on the right, -1 on the left.
        dash, gap: the centre line's strokes; a gap of 0 is a continuous line.
        edge_lines: whether the lanes have lines at their outer edge.
        asphalt, paving, grass: colours as displayed.
        wear: 0 to 1, cracks, patches and stains.
        crossing: z of a zebra crossing.
        seed: of the textures.

    """

    kind: str
    swing: float
    stretch: float
    phase: float
    lane: float
    parking: float
    pavement: float
    verge: float
    traffic_side: int
    dash: float
    gap: float
    edge_lines: bool
    asphalt: Colour
    paving: Colour
    grass: Colour
    wear: float
    crossing: float
    seed: int

    @classmethod
    def roll(cls, dice: Dice) -> Road:
        """Return a street by chance."""
        kind: str = dice.pick(("city", "city", "suburb", "suburb", "suburb", "country"))
        stretch = dice.uniform(60.0, 140.0)
        grey = dice.uniform(0.33, 0.5)
        stone = dice.uniform(0.5, 0.66)
        tint = dice.uniform(-0.025, 0.02)
        dryness = dice.uniform(0.0, 1.0)
        return cls(
            kind=kind,
            swing=dice.uniform(0.0, 0.085) * stretch,
            stretch=stretch,
            phase=dice.uniform(0.0, 4.0),
            lane=dice.uniform(2.9, 3.6),
            parking=dice.uniform(2.0, 2.3) if kind != "country" and dice.chance(0.75) else 0.0,
            pavement=dice.uniform(1.8, 3.4) if kind != "country" else dice.uniform(0.0, 0.4),
            verge={"city": dice.uniform(0.0, 0.6), "suburb": dice.uniform(0.8, 5.0)}.get(kind, dice.uniform(2.0, 6.0)),
            traffic_side=1 if dice.chance(0.75) else -1,
            dash=dice.uniform(2.5, 4.0),
            gap=dice.pick((3.0, 5.0, 6.0, 8.0, 0.0)),
            edge_lines=dice.chance(0.5),
            asphalt=(grey - tint, grey, grey + tint),
            paving=(stone + 0.03, stone, stone - 0.03),
            grass=(0.33 + 0.17 * dryness, 0.42 + 0.04 * dryness, 0.24 + 0.06 * dryness),
            wear=dice.uniform(0.2, 1.0),
            crossing=dice.uniform(25.0, 160.0) if kind != "country" else -1e6,
            seed=dice.seed(),
        )

    @property
    def kerb(self) -> float:
        """Lateral distance at which the road ends."""
        return self.lane + self.parking

    @property
    def walk(self) -> float:
        """Lateral distance at which the pavement ends."""
        return self.kerb + self.pavement

    @property
    def front(self) -> float:
        """Lateral distance at which gardens or house fronts begin."""
        return self.walk + self.verge

    def middle(self, z: Array) -> Array:
        """Return x of the middle of the road."""
        at_zero = wave(np.array([self.phase]))
        return np.asarray(self.swing * (wave(z / self.stretch + self.phase) - at_zero))

    def slope(self, z: Array) -> Array:
        """dx/dz of the middle of the road."""
        return np.asarray(self.swing / self.stretch * wave_slope(z / self.stretch + self.phase))

    def stand(self, z: float, lateral: float) -> tuple[float, float, float, float]:
        """Return x, z, cosine and sine of the yaw of a thing beside point z of the middle, along the road."""
        at = np.array([z])
        cos, sin = heading(float(self.slope(at)[0]))
        return float(self.middle(at)[0]) + lateral * cos, z - lateral * sin, cos, sin

    def lateral(self, x: Array, z: Array) -> Array:
        """Signed distance from the middle of the road, to first order."""
        slope = self.slope(z)
        return np.asarray((x - self.middle(z)) / np.sqrt(1.0 + slope * slope))
