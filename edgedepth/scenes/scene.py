"""Streets by seed, and pictures of them with exact depth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from edgedepth.errors import UsageError
from edgedepth.scenes.arith import Array, Dice, sine
from edgedepth.scenes.camera import HEIGHT_ABOVE_ROAD, Camera, checked_pose
from edgedepth.scenes.layout import Mover, furnish, traffic
from edgedepth.scenes.light import develop, sensor_noise
from edgedepth.scenes.road import Road
from edgedepth.scenes.shading import radiance
from edgedepth.scenes.solid import Solid, Table
from edgedepth.scenes.visibility import View, cast
from edgedepth.scenes.weather import Weather

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = 4.0
_EDITION = 20
"""Part of every seed: another number is another set of streets."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture and what is known about it.

    Args:
        image: height x width x 3, uint8, RGB.
        depth: height x width, float32: metres along the optical axis at each pixel's centre; 0 in the sky and
            beyond 1000 m.
        moving: height x width, bool: the pixel shows something that moves as time passes; its shadow does not
            count.
        pose: 4x4 camera-to-world, float64; x right, y down, z forward, metres.
        K: 3x3 intrinsics in pixels, float64; pixel centres at whole coordinates.

    """

    image: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float32]
    moving: npt.NDArray[np.bool_]
    pose: Array
    K: Array


@dataclass(frozen=True)
class Scene:
    """A street of some 500 m, fixed but for its traffic; the ground is y = 0, and z runs along it."""

    seed: int
    moving: bool
    road: Road
    weather: Weather
    solids: tuple[Solid, ...]
    movers: tuple[Mover, ...]

    @classmethod
    def street(cls, seed: int, *, moving: bool = False) -> Scene:
        """Return the street of a seed.

        Args:
            seed: 0 or more; the same seed gives the same street.
            moving: whether vehicles and people move as time passes. If not, they stand where they would be at
                time 0, except that nothing stands in the camera's own lane.

        Raises:
            UsageError: for a negative seed.

        """
        if seed < 0 or seed != int(seed):
            raise UsageError(f"a seed of {seed} names no street", remedy="use a whole number from 0 up")
        # Each subject has its own dice, so that a change to one leaves the others of a seed as they were.
        road = Road.roll(Dice(_EDITION, seed, 1))
        weather = Weather.roll(Dice(_EDITION, seed, 2))
        return cls(
            seed,
            moving,
            road,
            weather,
            furnish(Dice(_EDITION, seed, 3), road),
            traffic(Dice(_EDITION, seed, 4), road, own_lane=moving),
        )

    @cached_property
    def _standing(self) -> Table:
        return Table.of(self.solids)

    def _table(self, time: float) -> Table:
        now = time if self.moving else 0.0
        return self._standing.extended([s for m in self.movers for s in m.at(self.road, now, moving=self.moving)])

    def render(
        self, camera: Camera, pose: Array, time: float = 0.0, *, supersample: int = 1, noise: float = 0.0
    ) -> Frame:
        """Return the picture of a camera at a pose.

        Args:
            camera: intrinsics and size.
            pose: 4x4 camera-to-world. The other eye of a stereo pair is the pose times a shift along x.
            time: seconds; moves the traffic of a moving scene.
            supersample: samples per pixel each way, 1 to 4, for the colours only; depth and mask are always
                those of the pixel's centre.
            noise: deviation of the sensor's noise at mid-grey as a share of full scale, 0 to 0.5; it is the
                same for the same scene, pose and time.

        Raises:
            UsageError: if the pose is not a finite rigid motion, or another argument is out of range.

        """
        if not math.isfinite(time):
            raise UsageError(f"a time of {time} cannot be rendered", remedy="use finite seconds")
        if supersample not in (1, 2, 3, 4) or not 0 <= noise <= 0.5:
            raise UsageError(
                "render options are out of range",
                f"got supersample={supersample}, noise={noise}",
                "supersample is 1 to 4, noise 0 to 0.5",
            )
        pose = checked_pose(pose)
        table = self._table(time)
        view = View.of(camera, pose)
        depth, owner = cast(view, table)
        if supersample == 1:
            linear = radiance(view, table, self.road, self.weather, (depth, owner))
        else:
            fine = View.of(camera.magnified(supersample), pose)
            linear = radiance(fine, table, self.road, self.weather, cast(fine, table))
            linear = _averaged(linear, supersample)
        image = develop(linear, self.weather)
        if noise:
            image = sensor_noise(image, noise, (self.seed, *_fingerprint(pose, time)))
        # To sixteen bits first: results that differ in the last bit must not fall on two sides of a half.
        pixels = np.floor(np.floor(np.clip(image, 0.0, 1.0) * 65280.0 + 0.5) / 256.0 + 0.5).astype(np.uint8)
        visible = np.where(np.isfinite(depth), depth, 0.0).astype(np.float32)
        moving = owner >= 0
        moving[moving] = table.moving[owner[moving]]
        return Frame(pixels, visible, moving, pose, camera.K)

    def pose(self, distance: float, time: float = 0.0) -> Array:
        """Return the camera-to-world pose of a car in its lane, `distance` metres down the street.

        The camera is 1.65 m above the road and looks along it; it nods, rolls and heaves a little with time.
        """
        z = _START + distance
        pitch = 0.003 * sine(5.1 * time + self.seed) + 0.002 * sine(8.7 * time)
        roll = 0.002 * sine(3.3 * time + 0.5 * self.seed)
        heave = 0.012 * sine(7.3 * time + 2.0 * self.seed)
        x, at, cos, sin = self.road.stand(z, self.road.traffic_side * self.road.lane / 2)
        yaw = np.array([[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]])
        matrix = np.eye(4)
        matrix[:3, :3] = _product(_product(yaw, _turn(1, 2, pitch)), _turn(0, 1, roll))
        matrix[:3, 3] = (x, -HEIGHT_ABOVE_ROAD - heave, at)
        return matrix

    def drive(
        self,
        camera: Camera,
        frames: int,
        fps: float = 10.0,
        speed: float = 9.0,
        *,
        supersample: int = 1,
        noise: float = 0.0,
    ) -> Iterator[Frame]:
        """Frames from a car that drives down the street.

        Args:
            camera: intrinsics and size.
            frames: how many; at most about 500 m of street are furnished.
            fps: frames per second.
            speed: metres per second; vehicles ahead in a moving scene drive at 10 or more.
            supersample: as for `render`.
            noise: as for `render`.

        Raises:
            UsageError: for a frame rate that is not above 0 or a speed that is not finite.

        """
        if not (math.isfinite(speed) and math.isfinite(fps) and fps > 0):
            raise UsageError(f"cannot drive at {speed} m/s and {fps} frames per second")
        for index in range(frames):
            time = index / fps
            yield self.render(camera, self.pose(speed * time, time), time, supersample=supersample, noise=noise)


def street_frames(seed: int, count: int, height: int, width: int) -> list[Frame]:
    """Return one frame from each of `count` streets, seen by a KITTI-like camera of `height` x `width`.

    The frames of a seed are the first ones of the same seed and a larger count.

    Raises:
        UsageError: for a size below 8, a negative seed or count.

    """
    if count < 0:
        raise UsageError(f"cannot give {count} frames")
    camera = Camera.kitti_like(height, width)
    frames = []
    for index in range(count):
        scene = Scene.street(seed * 1_000_003 + index)
        distance = Dice(_EDITION, seed, index, 5).uniform(0.0, 250.0)
        frames.append(scene.render(camera, scene.pose(distance), supersample=2, noise=0.008))
    return frames


def _averaged(values: Array, factor: int) -> Array:
    return np.asarray(sum(values[i::factor, j::factor] for i in range(factor) for j in range(factor)) / factor**2)


def _turn(a: int, b: int, angle: float) -> Array:
    """Return a small rotation that takes axis b towards -a, orthonormal without trigonometry."""
    t = angle / 2
    cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    matrix = np.eye(3)
    matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = cos, -sin, sin, cos
    return matrix


def _product(a: Array, b: Array) -> Array:
    return np.asarray((a[:, :, None] * b[None, :, :]).sum(axis=1))


def _fingerprint(pose: Array, time: float) -> list[int]:
    """Whole numbers that tell two exposures apart, to a tenth of a millimetre or of a millisecond."""
    values = [*pose[:3, :].ravel().tolist(), time]
    return [math.floor(v * 1e4 + 0.5) & 0xFFFFFFFF for v in values]
