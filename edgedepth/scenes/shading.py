"""From what each pixel sees to the light that it receives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgedepth.scenes.light import illuminate, open_sky, sunlit, through_air
from edgedepth.scenes.looks import ground_colour, measure, solid_colour
from edgedepth.scenes.solid import Material, Table
from edgedepth.scenes.visibility import GROUND, SKY, View
from edgedepth.scenes.weather import Weather, sky_colour

if TYPE_CHECKING:
    from edgedepth.scenes.arith import Array
    from edgedepth.scenes.road import Road


def radiance(
    view: View, table: Table, road: Road, weather: Weather, seen: tuple[Array, npt.NDArray[np.int64]]
) -> Array:
    """Linear light at each pixel, height x width x 3, from what `cast` found there."""
    depth, owner = seen
    shape = depth.shape
    flat = [d.ravel() for d in (view.dx, view.dy, view.dz)]
    out = np.empty((depth.size, 3))
    names = owner.ravel()
    sky = np.flatnonzero(names == SKY)
    if sky.size:
        out[sky] = sky_colour(weather, *(d[sky] for d in flat))
    if sky.size == names.size:
        return out.reshape(*shape, 3)
    z = np.where(np.isfinite(depth), depth, 0.0)
    ox, oy, oz = view.origin
    points = (ox + z * view.dx, oy + z * view.dy, oz + z * view.dz)
    lit = sunlit(view, table, weather, points, owner).ravel()
    open_above = open_sky(view, table, points, owner).ravel()
    stretch = np.sqrt(flat[0] * flat[0] + flat[1] * flat[1] + flat[2] * flat[2])
    distance = z.ravel() * stretch
    pixel = np.maximum(distance / view.camera.focal, 1e-4)
    where = tuple(p.ravel() for p in points)
    material = names.copy()
    material[names >= 0] = table.material[names[names >= 0]]
    for kind in np.unique(material).tolist():
        if kind == SKY:
            continue
        i = np.flatnonzero(material == kind)
        at, rays = tuple(p[i] for p in where), tuple(d[i] for d in flat)
        if kind == GROUND:
            slant = np.maximum(np.abs(rays[1]) / stretch[i], 1e-4)
            albedo = ground_colour(road, at[0], at[2], pixel[i], pixel[i] / slant)
            zero = np.zeros(i.size)
            normal = (zero, zero - 1.0, zero)
        else:
            surface = measure(table, names[i], at, rays, pixel[i])
            albedo, normal = solid_colour(Material(kind), surface), surface.normal
        light = illuminate(albedo, normal, lit[i], open_above[i], weather)
        out[i] = through_air(light, distance[i], weather)
    return out.reshape(*shape, 3)
