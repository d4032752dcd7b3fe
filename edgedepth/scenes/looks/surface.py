"""Points on solids as a texture needs them: place and footprint on the face, normal, the solid's looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgedepth.scenes.solid import KINDS, Integers, Table
from edgedepth.scenes.solids import Block, Frustum

if TYPE_CHECKING:
    from edgedepth.scenes.arith import Array

TOP = 4


@dataclass(frozen=True, eq=False)
class Surface:
    """n points on solids of one material.

    Args:
        x, h, z: in the solid's frame.
        u, v: on the face, metres: u runs along it, v up it (on level faces x and z).
        fu, fv: footprint of the pixel in u and v.
        face: of a block: 0..3 are +x, -x, +z, -z, 4 top, 5 bottom; of others 0, and 4 on level ends.
        normal: world x, y, z, unit length.
        dimensions, colour, accent, detail, seed: rows of the table.

    """

    x: Array
    h: Array
    z: Array
    u: Array
    v: Array
    fu: Array
    fv: Array
    face: Integers
    normal: tuple[Array, Array, Array]
    dimensions: Array
    colour: Array
    accent: Array
    detail: Array
    seed: Array

    @property
    def footprint(self) -> Array:
        """One footprint for patterns through space."""
        return self.fv


def measure(table: Table, row: Integers, points: tuple[Array, ...], rays: tuple[Array, ...], pixel: Array) -> Surface:
    """Return the surface at each of n points.

    Args:
        table: the solids.
        row: which solid each point lies on, n.
        points: world x, y, z, n each.
        rays: direction from the camera to each, n each.
        pixel: size of a pixel held square to the ray at the point, metres, n.

    """
    px, ph, pz, cos, sin = table.place.T[:, row]
    dx, dz = points[0] - px, points[2] - pz
    x, h, z = cos * dx - sin * dz, -points[1] - ph, sin * dx + cos * dz
    normal, face = _normals(table, row, x, h, z)
    nx, nh, nz = normal
    world = (cos * nx + sin * nz, -nh, -sin * nx + cos * nz)
    length = np.sqrt(rays[0] * rays[0] + rays[1] * rays[1] + rays[2] * rays[2])
    facing = np.abs(world[0] * rays[0] + world[1] * rays[1] + world[2] * rays[2]) / length
    stretched = pixel / np.maximum(facing, 0.04)
    level = face >= TOP
    return Surface(
        x=x,
        h=h,
        z=z,
        u=np.where((face == 0) | (face == 1), z, x),
        v=np.where(level, z, h),
        fu=np.where(level, pixel, stretched),
        fv=np.where(level, stretched, pixel),
        face=face,
        normal=world,
        dimensions=table.dimensions[row],
        colour=table.colour[row],
        accent=table.accent[row],
        detail=table.detail[row],
        seed=table.seed[row],
    )


def _normals(table: Table, row: Integers, x: Array, h: Array, z: Array) -> tuple[tuple[Array, Array, Array], Integers]:
    """Return unit normals in the solids' frames, and faces."""
    kind = table.kind[row]
    present: npt.NDArray[np.int64] = np.unique(kind)
    if present.size == 1:
        return _NORMALS[int(present[0])](table, row, x, h, z)
    normal, face = (np.empty_like(x), np.empty_like(x), np.empty_like(x)), np.empty_like(row)
    for one in present.tolist():
        i = np.flatnonzero(kind == one)
        part, face[i] = _NORMALS[one](table, row[i], x[i], h[i], z[i])
        for whole, values in zip(normal, part, strict=True):
            whole[i] = values
    return normal, face


def _on_block(table: Table, row: Integers, x: Array, h: Array, z: Array) -> tuple[tuple[Array, Array, Array], Integers]:
    half_x, half_z, height, x0, x1, z0, z1 = table.dimensions.T
    height = np.where(height == 0, 1.0, height)
    leans = ((half_x - x1) / height, (half_x + x0) / height, (half_z - z1) / height, (half_z + z0) / height)
    best, face = h - height[row], np.full(row.shape, TOP)
    below = -h > best
    best, face = np.where(below, -h, best), np.where(below, TOP + 1, face)
    lean_of = np.zeros_like(x)
    for side, (lean, base) in enumerate(zip(leans, (half_x, half_x, half_z, half_z), strict=True)):
        # The point lies on the plane that it is furthest outside of, all distances being true lengths.
        scale = 1.0 / np.sqrt(1.0 + lean * lean)
        along = x if side < 2 else z
        signed = along if side % 2 == 0 else -along
        gap = (signed - base[row] + lean[row] * h) * scale[row]
        closer = gap > best
        best, face = np.where(closer, gap, best), np.where(closer, side, face)
        lean_of = np.where(closer, lean[row], lean_of)
    upright = face < TOP
    scale_of = 1.0 / np.sqrt(1.0 + lean_of * lean_of)
    nx = np.where(face == 0, scale_of, np.where(face == 1, -scale_of, 0.0))
    nz = np.where(face == 2, scale_of, np.where(face == 3, -scale_of, 0.0))
    nh = np.where(upright, lean_of * scale_of, np.where(face == TOP, 1.0, -1.0))
    return (nx, nh, nz), face


def _on_frustum(
    table: Table, row: Integers, x: Array, h: Array, z: Array
) -> tuple[tuple[Array, Array, Array], Integers]:
    bottom, k, height = table.dimensions[row].T[:3]
    rho = np.maximum(np.sqrt(x * x + z * z), 1e-9)
    scale = 1.0 / np.sqrt(1.0 + k * k)
    side = (rho - bottom - k * h) * scale
    end = np.maximum(h - height, -h) > side
    face = np.where(end, np.where(h > height / 2, TOP, TOP + 1), 0)
    nx, nz = np.where(end, 0.0, x / rho * scale), np.where(end, 0.0, z / rho * scale)
    return (nx, np.where(end, np.where(face == TOP, 1.0, -1.0), -k * scale), nz), face


def _on_ellipsoid(
    table: Table, row: Integers, x: Array, h: Array, z: Array
) -> tuple[tuple[Array, Array, Array], Integers]:
    rx, rh, rz = table.dimensions[row].T[:3]
    nx, nh, nz = x / (rx * rx), h / (rh * rh), z / (rz * rz)
    length = np.sqrt(nx * nx + nh * nh + nz * nz)
    return (nx / length, nh / length, nz / length), np.zeros_like(row)


_NORMALS = {KINDS.index(Block): _on_block, KINDS.index(Frustum): _on_frustum, 2: _on_ellipsoid}
