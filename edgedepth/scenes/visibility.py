"""What each pixel sees: exact intersections of camera rays with the ground and the solids, nearest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgedepth.scenes.looks.texture import noise3
from edgedepth.scenes.solid import Material, Solid, Table

if TYPE_CHECKING:
    from edgedepth.scenes.arith import Array
    from edgedepth.scenes.camera import Camera
    from edgedepth.scenes.solids import Line

NEAR = 0.05
FAR = 1000.0
SKY, GROUND = -2, -1
LEAF_SIZE = 0.22

BOX_EDGES = [(a, a | 1 << axis) for axis in range(3) for a in range(8) if not a >> axis & 1]


@dataclass(frozen=True, eq=False)
class View:
    """A camera at a pose, with its rays in the world: the point at depth z is origin + z * (dx, dy, dz)."""

    camera: Camera
    pose: Array
    dx: Array
    dy: Array
    dz: Array

    @classmethod
    def of(cls, camera: Camera, pose: Array) -> View:
        """Return the rays of a checked pose."""
        x, y = camera.directions()
        # Written out because a matrix product may round differently from one BLAS to the next.
        dx, dy, dz = (r[0] * x + r[1] * y + r[2] for r in pose[:3, :3].tolist())
        return cls(camera, pose, dx, dy, dz)

    @property
    def origin(self) -> tuple[float, float, float]:
        """The camera's position."""
        x, y, z = self.pose[:3, 3].tolist()
        return x, y, z


@dataclass(frozen=True, eq=False)
class Windows:
    """The pixels that each of N sets of points can cover, as row and column ranges, and its nearest depth."""

    rows: npt.NDArray[np.int64]  # N x 2
    columns: npt.NDArray[np.int64]  # N x 2
    nearest: Array

    def order(self) -> list[int]:
        """Return the sets that cover any pixel, nearest first."""
        seen = (self.rows[:, 0] < self.rows[:, 1]) & (self.columns[:, 0] < self.columns[:, 1])
        index = np.flatnonzero(seen)
        return [int(i) for i in index[np.argsort(self.nearest[index], kind="stable")]]

    def slices(self, i: int) -> tuple[slice, slice]:
        """Return the window of set i."""
        return slice(*self.rows[i].tolist()), slice(*self.columns[i].tolist())


def windows(view: View, points: Array, edges: list[tuple[int, int]] | None = None) -> Windows:
    """Bounds on the screen of convex hulls of points, N x M x 3; `edges` must include the hull's own."""
    edges = BOX_EDGES if edges is None else edges
    R, origin = view.pose[:3, :3].tolist(), view.origin
    rel = [points[..., i] - origin[i] for i in range(3)]
    x, y, z = (R[0][i] * rel[0] + R[1][i] * rel[1] + R[2][i] * rel[2] for i in range(3))
    a, b = [e[0] for e in edges], [e[1] for e in edges]
    # Where an edge passes through the near plane, the point on the plane bounds the visible part.
    za, zb = z[:, a], z[:, b]
    crosses = (za < NEAR) != (zb < NEAR)
    share = np.where(crosses, (NEAR - za) / np.where(crosses, zb - za, 1.0), 0.0)
    cut_x, cut_y = (c[:, a] + (c[:, b] - c[:, a]) * share for c in (x, y))
    x, y = np.concatenate([x, cut_x], axis=1), np.concatenate([y, cut_y], axis=1)
    ok = np.concatenate([z >= NEAR, crosses], axis=1)
    depth = np.concatenate([np.maximum(z, NEAR), np.full_like(za, NEAR)], axis=1)
    K = view.camera.K.tolist()
    limits = []
    for (kx, ky, centre), size in zip(K[:2], (view.camera.width, view.camera.height), strict=True):
        at = (kx * x + ky * y) / depth + centre
        low = np.where(ok, at, np.inf).min(axis=1)
        high = np.where(ok, at, -np.inf).max(axis=1)
        first = np.clip(np.ceil(low - 1e-6), 0, size)
        last = np.clip(np.floor(high + 1e-6) + 1, 0, size)
        limits.append(np.stack([first, last], axis=1).astype(np.int64))
    nearest = np.where(ok, depth, np.inf).min(axis=1)
    return Windows(limits[1], limits[0], nearest)


def local(solid: Solid, x: Array | float, y: Array | float, z: Array | float) -> Line:
    """World points in the frame of a solid."""
    return _turn(solid, x - solid.x, -y - solid.h, z - solid.z)


def local_direction(solid: Solid, x: Array | float, y: Array | float, z: Array | float) -> Line:
    """World directions in the frame of a solid."""
    return _turn(solid, x, -y, z)


def _turn(solid: Solid, x: Array | float, h: Array | float, z: Array | float) -> Line:
    if solid.sin == 0 and solid.cos == 1:
        return x, h, z
    return solid.cos * x - solid.sin * z, h, solid.sin * x + solid.cos * z


def cast(view: View, table: Table) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return what each pixel sees: z-depth (inf for nothing) and the index of the solid, or GROUND or SKY."""
    ox, oy, oz = view.origin
    with np.errstate(divide="ignore", invalid="ignore"):
        down = -oy / view.dy
    on_ground = (down > NEAR) & (down < FAR)
    depth = np.where(on_ground, down, np.inf)
    owner = np.where(on_ground, GROUND, SKY)
    bounds = windows(view, table.corners)
    for i in bounds.order():
        window = bounds.slices(i)
        behind, names = depth[window], owner[window]
        if bounds.nearest[i] > behind.max():
            continue
        solid = table.solids[i]
        origin = local(solid, ox, oy, oz)
        rays = local_direction(solid, view.dx[window], view.dy[window], view.dz[window])
        with np.errstate(divide="ignore", invalid="ignore"):
            enter, leave = solid.shape.span(origin, rays)
        hit = (enter <= leave) & (enter > NEAR) & (enter < behind) & (enter < FAR)
        if solid.look.material == Material.LEAVES:
            enter, hit = _through_leaves(solid, origin, rays, (enter, leave, hit), behind)
        np.copyto(behind, enter, where=hit)
        np.copyto(names, i, where=hit)
    return depth, owner


def holes(solid: Solid, x: Array, h: Array, z: Array) -> npt.NDArray[np.bool_]:
    """Where a crown lets light through, for points of its surface in its own frame."""
    share = solid.look.detail[0]
    offset = float(solid.look.seed)
    coarse = noise3(x / LEAF_SIZE + offset, h / LEAF_SIZE, z / LEAF_SIZE)
    return np.asarray(coarse < share)


def _through_leaves(
    solid: Solid,
    origin: Line,
    rays: Line,
    span: tuple[Array, Array, npt.NDArray[np.bool_]],
    behind: Array,
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Let rays go through a hole in the near side of a crown to its far side, or past it by a hole there."""
    enter, leave, hit = span
    index = np.flatnonzero(hit)
    depth, found = enter.copy(), hit.copy()
    for distance in (enter, leave):
        t = distance.ravel()[index]
        point = (o + t * np.asarray(d).ravel()[index] for o, d in zip(origin, rays, strict=True))
        solid_there = ~holes(solid, *point)
        solid_there &= t < np.minimum(behind.ravel()[index], FAR)
        depth.ravel()[index] = t
        found.ravel()[index] = solid_there
        index = index[~solid_there]
    return depth, found
