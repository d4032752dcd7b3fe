"""A small rig in the layout of the surround samples, made of LiDAR points that tests know."""

from __future__ import annotations

import numpy as np
from PIL import Image

SIZE = (48, 64)
CAMERAS = ("rear", "right", "front", "left")  # not in ring order
RING = ("front", "right", "rear", "left")
_HEADINGS = {"front": 0, "left": 90, "rear": 180, "right": -90}
_FOCAL = {"front": 60.0, "left": 42.0, "rear": 36.0, "right": 48.0}


def intrinsics(camera):
    """3x3, another focal length for each camera."""
    focal = _FOCAL[camera]
    return np.array([[focal, 0, 31.0], [0, focal + 1, 22.5], [0, 0, 1]])


def pose(camera):
    """Camera to vehicle: 1.5 m above the ground, 1 m from the middle, looking out."""
    angle = np.radians(_HEADINGS[camera])
    forward = np.array([np.cos(angle), np.sin(angle), 0])
    right = np.array([np.sin(angle), -np.cos(angle), 0])
    motion = np.eye(4)
    motion[:3, :3] = np.stack([right, [0, 0, -1], forward], axis=1)
    motion[:3, 3] = forward + np.array([0, 0, 1.5])
    return motion


def vehicle_from_lidar():
    """The LiDAR sits on the roof, turned a little."""
    angle = np.radians(20)
    motion = np.eye(4)
    motion[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    motion[:3, 3] = [0.2, 0, 2]
    return motion


def points(seed, count=6000):
    """(count, 4) points all around in the LiDAR's frame, 5 to 40 m away."""
    rng = np.random.default_rng(seed)
    angle, distance = rng.uniform(0, 2 * np.pi, count), rng.uniform(5, 40, count)
    height = rng.uniform(-0.3, 0.3, count) * distance
    return np.stack([distance * np.cos(angle), distance * np.sin(angle), height, distance * 0], 1).astype(np.float32)


def project(cloud, camera):
    """(H, W) z-depth of the nearest point of each pixel, 0 where there is none, and LiDAR to camera."""
    motion = np.linalg.inv(pose(camera)) @ vehicle_from_lidar()
    x, y, z = motion[:3, :3] @ cloud[:, :3].T.astype(np.float64) + motion[:3, 3:]
    K = intrinsics(camera)
    ahead = z > 0.5
    x, y, z = x[ahead], y[ahead], z[ahead]
    u, v = np.rint(K[0, 0] * x / z + K[0, 2]), np.rint(K[1, 1] * y / z + K[1, 2])
    inside = (u >= 0) & (u < SIZE[1]) & (v >= 0) & (v < SIZE[0])
    depth = np.full(SIZE, np.inf)
    np.minimum.at(depth, (v[inside].astype(int), u[inside].astype(int)), z[inside])
    depth = np.where(np.isfinite(depth), depth, 0).astype(np.float32)
    return depth, motion


def write_moment(folder, seed=0, *, world=None, cameras=CAMERAS, rename=str):
    """One moment of every camera; with `world`, the vehicle's place along x, also poses in the world."""
    folder.mkdir(parents=True, exist_ok=True)
    cloud = points(seed)
    np.savez_compressed(folder / "lidar.npz", points=cloud)
    for index, camera in enumerate(cameras):
        name = rename(camera)
        depth, from_lidar = project(cloud, camera)
        Image.effect_noise(SIZE[::-1], 40 + index).convert("RGB").save(folder / f"{name}.jpg")
        np.save(folder / f"{name}_K.npy", intrinsics(camera))
        np.save(folder / f"{name}_T_ego_cam.npy", pose(camera))
        np.save(folder / f"{name}_T_cam_lidar.npy", from_lidar)
        np.savez_compressed(folder / f"{name}_depth_sparse.npz", depth=depth)
        if world is not None:
            moved = pose(camera)
            moved[0, 3] += world
            np.save(folder / f"{name}_T_world_cam.npy", moved)
    return folder
