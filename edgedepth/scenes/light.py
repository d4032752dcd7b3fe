"""Shadows, sky light, fog and exposure: from what a surface is to what a camera records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgedepth.scenes.arith import Array, mix, smooth, vanish
from edgedepth.scenes.solid import Material, Solid, Table
from edgedepth.scenes.visibility import BOX_EDGES, GROUND, SKY, View, holes, local, local_direction, windows

if TYPE_CHECKING:
    from edgedepth.scenes.solids import Line
    from edgedepth.scenes.weather import Weather

_SWEPT_EDGES = BOX_EDGES + [(a + 8, b + 8) for a, b in BOX_EDGES] + [(a, a + 8) for a in range(8)]
_CONTACT_REACH = 0.45
_SHADOW_RANGE = 120.0


def sunlit(
    view: View,
    table: Table,
    weather: Weather,
    points: tuple[Array, Array, Array],
    owner: npt.NDArray[np.int64],
) -> Array:
    """Return the share of sunlight that reaches each pixel's surface past all solids, 0 or 1, height x width.

    Args:
        view: the camera.
        table: the solids.
        weather: where the sun is.
        points: world x, y, z of each pixel's surface; not finite in the sky.
        owner: the solid of each pixel, which cannot shade itself because it is convex.

    """
    lit = np.ones(owner.shape)
    if weather.overcast:
        return lit
    index = np.flatnonzero([s.casts for s in table.solids])
    corners, sun = table.corners[index], np.array(weather.sun)
    ends = corners - corners[..., 1:2] / sun[1] * sun
    # A solid and its shadow on the ground span all places that it can shade.
    bounds = windows(view, np.concatenate([corners, ends], axis=1), _SWEPT_EDGES)
    # Where the sun ray through each point meets the ground: outside the solid's own range there is no shadow.
    # Comparisons are cheap, so they come before any exact intersection.
    fall = np.where(owner == SKY, np.nan, points[1] / weather.sun[1])
    ground_x, ground_z = points[0] - fall * weather.sun[0], points[2] - fall * weather.sun[2]
    low, high = ends.min(axis=1) - 1e-6, ends.max(axis=1) + 1e-6
    for row in bounds.order():
        if bounds.nearest[row] > _SHADOW_RANGE:
            break
        i = int(index[row])
        solid, window = table.solids[i], bounds.slices(row)
        (x0, _, z0), (x1, _, z1) = low[row].tolist(), high[row].tolist()
        gx, gz, shade = ground_x[window], ground_z[window], lit[window]
        inside = (gx >= x0) & (gx <= x1) & (gz >= z0) & (gz <= z1) & (owner[window] != i) & (shade > 0)
        candidates = np.nonzero(inside)
        if not candidates[0].size:
            continue
        origin = local(solid, *(p[window][candidates] for p in points))
        ray = local_direction(solid, *weather.sun)
        with np.errstate(divide="ignore", invalid="ignore"):
            enter, leave = solid.shape.span(origin, ray)
        dark = (enter <= leave) & (leave > 1e-3)
        if solid.look.material == Material.LEAVES:
            _keep_leaves(solid, origin, ray, (enter, leave), dark)
        shade[tuple(axis[dark] for axis in candidates)] = 0.0
    return lit


def _keep_leaves(solid: Solid, origin: Line, ray: Line, span: tuple[Array, Array], dark: npt.NDArray[np.bool_]) -> None:
    """Take out of `dark` the lines that pass a crown through a hole on each side that they cross."""
    index = np.flatnonzero(dark)
    blocked = np.zeros(index.size, dtype=bool)
    for distance in span:
        t = np.broadcast_to(distance, dark.shape)[index]
        point = [np.broadcast_to(o, dark.shape)[index] + t * d for o, d in zip(origin, ray, strict=True)]
        blocked |= (t > 1e-3) & ~holes(solid, *point)
    dark[index] = blocked


def open_sky(view: View, table: Table, points: tuple[Array, Array, Array], owner: npt.NDArray[np.int64]) -> Array:
    """Return the share of sky light that the ground gets near and under things on it, height x width."""
    share = np.ones(owner.shape)
    index = np.flatnonzero([s.grounded for s in table.solids])
    corners = table.corners[index]
    low = corners.min(axis=1) - _CONTACT_REACH
    high = corners.max(axis=1) + _CONTACT_REACH
    bit = np.arange(8)
    flat = np.stack(
        [
            np.where(bit & 1, high[:, :1], low[:, :1]),
            np.zeros((index.size, 8)),
            np.where(bit & 4, high[:, 2:], low[:, 2:]),
        ],
        axis=-1,
    )
    bounds = windows(view, flat)
    for row in bounds.order():
        if bounds.nearest[row] > _SHADOW_RANGE:
            break
        solid, window = table.solids[int(index[row])], bounds.slices(row)
        candidates = np.nonzero(owner[window] == GROUND)
        if not candidates[0].size:
            continue
        x, _, z = local(solid, *(p[window][candidates] for p in points))
        x0, x1, _, _, z0, z1 = solid.shape.bounds
        beyond = np.maximum(np.maximum(x0 - x, x - x1), np.maximum(z0 - z, z - z1))
        depth = min(0.5 * min(x1 - x0, z1 - z0), 0.5)
        here = 0.22 + 0.78 * smooth((beyond + depth) / (depth + _CONTACT_REACH))
        part = share[window]
        part[candidates] = np.minimum(part[candidates], here)
    return share


def illuminate(albedo: Array, normal: tuple[Array, Array, Array], lit: Array, sky: Array, weather: Weather) -> Array:
    """Linear light from matt surfaces, n x 3.

    Args:
        albedo: n x 3, linear.
        normal: world x, y, z, unit length, n each.
        lit: share of sunlight that arrives, n.
        sky: share of sky light that arrives, n.
        weather: the light.

    """
    nx, ny, nz = normal
    sx, sy, sz = weather.sun
    facing = np.maximum(nx * sx + ny * sy + nz * sz, 0.0) * lit
    up = 0.5 - 0.5 * ny
    # From below comes what a grey ground throws back of sun and sky.
    bounce = (1.0 - up) * 0.16
    sun_colour, sky_light = np.array(weather.sun_colour), np.array(weather.sky_colour)
    ambient = (up * 0.75 + 0.25)[:, None] * sky_light + bounce[:, None] * (sun_colour * -sy + sky_light)
    return np.asarray(albedo * (facing[:, None] * sun_colour + sky[:, None] * ambient))


def through_air(colour: Array, distance: Array, weather: Weather) -> Array:
    """Surfaces `distance` metres away as seen through the haze, n x 3."""
    return mix(np.array(weather.horizon), colour, vanish(distance * weather.fog)[:, None])


def develop(linear: Array, weather: Weather) -> Array:
    """Return a camera's answer to linear light, 0 to 1: exposure, a soft shoulder, a square-root curve."""
    exposed = np.maximum(linear, 0.0) * weather.exposure
    return np.sqrt(np.minimum(exposed * 1.15 / (1.0 + 0.25 * exposed), 1.0))


def sensor_noise(image: Array, strength: float, seed: tuple[int, ...]) -> Array:
    """Return the picture with noise that grows with brightness; `strength` is its deviation at mid-grey."""
    rolls = np.random.Generator(np.random.PCG64(list(seed))).random((4, *image.shape))
    # Four uniform numbers add up to nearly a normal one, without a logarithm.
    normal = (rolls[0] + rolls[1] + rolls[2] + rolls[3] - 2.0) * 1.7320508
    return np.asarray(image + normal * strength * np.sqrt(0.3 + image))
