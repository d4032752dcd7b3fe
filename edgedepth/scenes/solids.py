"""The convex solids that everything in a street is made of, and where a line enters and leaves each of them.

A solid has its own frame: x to its right, h up from its base, z forward, metres. A line is an origin and a
direction, three components each; one of the two is the same for all lines of a call (floats) and the other
differs (arrays): camera rays share their origin, sun rays their direction. `span` gives the parameters of
entry and exit, with entry > exit where the line misses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from edgedepth.scenes.arith import Array

Component: TypeAlias = "Array | float"
Line: TypeAlias = "tuple[Component, Component, Component]"
Bounds: TypeAlias = "tuple[float, float, float, float, float, float]"
DIMENSIONS = 7


@dataclass(frozen=True)
class Block:
    """A box whose top may be smaller than its bottom: walls, car bodies, sloped windscreens, gable roofs.

    Args:
        half_x, half_z: half the size of the bottom, centred on the origin.
        height: above the base.
        top: x0, x1, z0, z1 of the top rectangle.

    """

    half_x: float
    half_z: float
    height: float
    top: tuple[float, float, float, float]

    @classmethod
    def box(cls, width: float, height: float, length: float) -> Block:
        """Return a plain box."""
        return cls(width / 2, length / 2, height, (-width / 2, width / 2, -length / 2, length / 2))

    @property
    def dimensions(self) -> tuple[float, ...]:
        """Seven numbers, as the shading reads them."""
        return (self.half_x, self.half_z, self.height, *self.top)

    @property
    def bounds(self) -> Bounds:
        """x0, x1, h0, h1, z0, z1."""
        x0, x1, z0, z1 = self.top
        return (
            min(-self.half_x, x0),
            max(self.half_x, x1),
            0.0,
            self.height,
            min(-self.half_z, z0),
            max(self.half_z, z1),
        )

    def span(self, origin: Line, direction: Line) -> tuple[Array, Array]:
        """Entry and exit parameters."""
        (ox, oh, oz), (dx, dh, dz) = origin, direction
        x0, x1, z0, z1 = self.top
        interval = _Interval()
        for sign, base, lean, o, d in (
            (1, self.half_x, (self.half_x - x1) / self.height, ox, dx),
            (-1, self.half_x, (self.half_x + x0) / self.height, ox, dx),
            (1, self.half_z, (self.half_z - z1) / self.height, oz, dz),
            (-1, self.half_z, (self.half_z + z0) / self.height, oz, dz),
        ):
            outside = sign * o - base
            rate = sign * d
            if lean != 0:
                outside, rate = outside + lean * oh, rate + lean * dh
            interval.keep(outside, rate)
        interval.keep(oh - self.height, dh)
        interval.keep(-oh, -dh)
        return interval.enter, interval.leave


@dataclass(frozen=True)
class Frustum:
    """An upright round post: a cylinder, a cone, or anything between.

    Args:
        bottom, top: radii; the top one may be 0.
        height: above the base.

    """

    bottom: float
    top: float
    height: float

    @property
    def dimensions(self) -> tuple[float, ...]:
        """Seven numbers, as the shading reads them."""
        return (self.bottom, (self.top - self.bottom) / self.height, self.height, 0.0, 0.0, 0.0, 0.0)

    @property
    def bounds(self) -> Bounds:
        """x0, x1, h0, h1, z0, z1."""
        r = max(self.bottom, self.top)
        return (-r, r, 0.0, self.height, -r, r)

    def span(self, origin: Line, direction: Line) -> tuple[Array, Array]:
        """Entry and exit parameters."""
        (ox, oh, oz), (dx, dh, dz) = origin, direction
        k = (self.top - self.bottom) / self.height
        radius = self.bottom + k * oh
        a = np.asarray(dx * dx + dz * dz - (k * k) * (dh * dh))
        b = ox * dx + oz * dz - (k * radius) * dh
        c = ox * ox + oz * oz - radius * radius
        a = np.where(np.abs(a) < 1e-12, 1e-12, a)
        square = b * b - a * c
        root = np.sqrt(np.maximum(square, 0.0))
        near, far = (-b - root) / a, (-b + root) / a
        # A line steeper than the slope (a < 0) is inside beyond its roots: towards where the radius grows.
        steep, widening = a < 0, k * dh > 0
        enter = np.where(steep, np.where(widening, near, -np.inf), near)
        leave = np.where(steep, np.where(widening, np.inf, far), far)
        interval = _Interval()
        interval.enter, interval.leave = np.where(square < 0, np.inf, enter), leave
        interval.keep(oh - self.height, dh)
        interval.keep(-oh, -dh)
        return interval.enter, interval.leave


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid about the origin: tree crowns, bushes, wheels, heads, hills.

    Args:
        radius_x, radius_h, radius_z: half axes.

    """

    radius_x: float
    radius_h: float
    radius_z: float

    @property
    def dimensions(self) -> tuple[float, ...]:
        """Seven numbers, as the shading reads them."""
        return (self.radius_x, self.radius_h, self.radius_z, 0.0, 0.0, 0.0, 0.0)

    @property
    def bounds(self) -> Bounds:
        """x0, x1, h0, h1, z0, z1."""
        x, h, z = self.radius_x, self.radius_h, self.radius_z
        return (-x, x, -h, h, -z, z)

    def span(self, origin: Line, direction: Line) -> tuple[Array, Array]:
        """Entry and exit parameters."""
        radii = (self.radius_x, self.radius_h, self.radius_z)
        ox, oh, oz = (o / r for o, r in zip(origin, radii, strict=True))
        dx, dh, dz = (d / r for d, r in zip(direction, radii, strict=True))
        a = dx * dx + dh * dh + dz * dz
        b = ox * dx + oh * dh + oz * dz
        c = ox * ox + oh * oh + oz * oz - 1.0
        square = b * b - a * c
        root = np.sqrt(np.maximum(square, 0.0))
        return np.where(square < 0, np.inf, (-b - root) / a), (-b + root) / a


Shape: TypeAlias = "Block | Frustum | Ellipsoid"


class _Interval:
    """What is left of a line after cutting it with half-spaces."""

    def __init__(self) -> None:
        self.enter: Array = np.array(-np.inf)
        self.leave: Array = np.array(np.inf)

    def keep(self, outside: Component, rate: Component) -> None:
        """Keep the part with outside + t * rate <= 0; one of the two is a float."""
        if isinstance(outside, np.ndarray) and isinstance(rate, float):
            if rate == 0:
                self.enter = np.where(outside > 0, np.inf, self.enter)
            elif rate < 0:
                self.enter = np.maximum(self.enter, outside / -rate)
            else:
                self.leave = np.minimum(self.leave, outside / -rate)
            return
        crossing = outside / -np.asarray(rate)
        if float(outside) > 0:
            self.enter = np.maximum(self.enter, np.where(np.asarray(rate) < 0, crossing, np.inf))
        else:
            self.leave = np.minimum(self.leave, np.where(np.asarray(rate) > 0, crossing, np.inf))
