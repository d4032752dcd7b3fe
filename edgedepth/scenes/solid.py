"""Solids placed in the world, the looks they wear, and tables of them for vectorised work.

The world has x to the right, y down and z along the street, metres; the ground is y = 0, height h is y = -h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from edgedepth.scenes.solids import DIMENSIONS, Block, Ellipsoid, Frustum, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgedepth.scenes.arith import Array

Colour: TypeAlias = "tuple[float, float, float]"
Integers: TypeAlias = npt.NDArray[np.int64]


class Material(IntEnum):
    """What the surface of a solid looks like; `detail` of a `Look` means something else for each."""

    PLAIN = 0
    FACADE = 1  # detail: bay width, storey height, brickwork 0/1, shop on the ground floor 0/1
    ROOF = 2
    BODY = 3  # detail: wheel base, wheel radius
    CABIN = 4
    WHEEL = 5
    LEAVES = 6  # detail: share of holes
    BARK = 7
    SIGN = 8  # detail: kind 0..2
    CARGO = 9
    HILL = 10
    BRICK = 11
    CLOTH = 12


@dataclass(frozen=True)
class Look:
    """A material with its colours (0 to 1, as displayed), its numbers, and a seed for its pattern."""

    material: Material
    colour: Colour
    accent: Colour = (0.5, 0.5, 0.5)
    detail: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    seed: int = 0


@dataclass(frozen=True)
class Solid:
    """A shape at a place, turned about the vertical by a yaw given as cosine and sine (0 looks along z)."""

    shape: Shape
    look: Look
    x: float = 0.0
    h: float = 0.0
    z: float = 0.0
    cos: float = 1.0
    sin: float = 0.0
    casts: bool = True
    grounded: bool = False  # darkens the ground about it, as anything standing on or close above it does
    moving: bool = False

    def placed(self, x: float, z: float, cos: float, sin: float) -> Solid:
        """Return this part of a thing whose own frame stands at (x, z) with this yaw."""
        return replace(
            self,
            x=x + cos * self.x + sin * self.z,
            z=z - sin * self.x + cos * self.z,
            cos=cos * self.cos - sin * self.sin,
            sin=sin * self.cos + cos * self.sin,
        )


KINDS: tuple[type[Shape], ...] = (Block, Frustum, Ellipsoid)


@dataclass(frozen=True, eq=False)
class Table:
    """Solids as columns: row i of each array is solid i."""

    solids: tuple[Solid, ...]
    kind: Integers
    material: Integers
    place: Array  # N x 5: x, h, z, cos, sin
    dimensions: Array  # N x 7
    colour: Array  # N x 3, linear light
    accent: Array  # N x 3, linear light
    detail: Array  # N x 4
    seed: Array
    moving: npt.NDArray[np.bool_]
    corners: Array = field(repr=False)  # N x 8 x 3, world

    @classmethod
    def of(cls, solids: Sequence[Solid]) -> Table:
        """Return the table of any number of solids."""
        n = len(solids)
        looks = [s.look for s in solids]
        place = np.array([(s.x, s.h, s.z, s.cos, s.sin) for s in solids]).reshape(n, 5)
        bounds = np.array([s.shape.bounds for s in solids]).reshape(n, 6)
        return cls(
            tuple(solids),
            np.array([KINDS.index(type(s.shape)) for s in solids], dtype=np.int64),
            np.array([int(k.material) for k in looks], dtype=np.int64),
            place,
            np.array([s.shape.dimensions for s in solids]).reshape(n, DIMENSIONS),
            np.array([k.colour for k in looks]).reshape(n, 3) ** 2,
            np.array([k.accent for k in looks]).reshape(n, 3) ** 2,
            np.array([k.detail for k in looks]).reshape(n, 4),
            np.array([float(k.seed) for k in looks]),
            np.array([s.moving for s in solids], dtype=bool),
            _corners(place, bounds),
        )

    def extended(self, solids: Sequence[Solid]) -> Table:
        """Return this table with more solids at its end."""
        if not solids:
            return self
        other = Table.of(solids)
        columns = [
            np.concatenate([getattr(self, name), getattr(other, name)])
            for name in self.__dataclass_fields__
            if name != "solids"
        ]
        return Table(self.solids + other.solids, *columns)


def _corners(place: Array, bounds: Array) -> Array:
    """Return the corners of each solid's own bounding box, in the world; bits of the index are x, h, z."""
    index = np.arange(8)
    x, h, z = (bounds[:, 2 * axis + ((index >> axis) & 1)] for axis in range(3))
    px, ph, pz, cos, sin = (place[:, i, None] for i in range(5))
    return np.stack([px + cos * x + sin * z, -(ph + h), pz - sin * x + cos * z], axis=-1)


def heading(slope: float) -> tuple[float, float]:
    """Cosine and sine of the yaw of a road with the given dx/dz."""
    cos = 1.0 / math.sqrt(1.0 + slope * slope)
    return cos, slope * cos
