"""Two views of one street agree about every point that both see."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.scenes import Camera, Frame, Scene

CAMERA = Camera.kitti_like(48, 160)
_street = cache(Scene.street)


def world_points(frame: Frame) -> np.ndarray:
    """World coordinates of each pixel, height x width x 3."""
    rows, columns = np.mgrid[: frame.depth.shape[0], : frame.depth.shape[1]]
    rays = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ np.linalg.inv(frame.K).T
    return (rays * frame.depth[..., None]) @ frame.pose[:3, :3].T + frame.pose[:3, 3]


def project(points: np.ndarray, K: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Column, row and depth of world points."""
    seen = (points - pose[:3, 3]) @ pose[:3, :3]
    pixels = seen @ K.T
    depth = np.where(pixels[..., 2:] == 0, np.nan, pixels[..., 2:])
    return np.concatenate([pixels[..., :2] / depth, depth], axis=-1)


def motion(forward: float, right: float, yaw: float) -> np.ndarray:
    pose = np.eye(4)
    pose[[0, 0, 2, 2], [0, 2, 0, 2]] = np.cos(yaw), np.sin(yaw), -np.sin(yaw), np.cos(yaw)
    pose[[0, 2], 3] = right, forward
    return pose


@given(
    seed=st.integers(0, 40),
    distance=st.floats(0.0, 200.0),
    move=st.tuples(st.floats(-1.5, 1.5), st.floats(-0.5, 0.5), st.floats(-0.1, 0.1)),
    picks=st.lists(st.integers(0, 48 * 160 - 1), min_size=4, max_size=4),
)
@settings(max_examples=18, deadline=None)
def test_a_point_seen_by_one_camera_is_met_by_the_ray_of_another(
    seed: int, distance: float, move: tuple[float, float, float], picks: list[int]
) -> None:
    scene = _street(seed)
    a = scene.render(CAMERA, scene.pose(distance))
    pose = a.pose @ motion(*move)
    for pick in picks:
        row, column = divmod(pick, 160)
        if a.depth[row, column] == 0:
            continue
        u, v, z = project(world_points(a)[row, column], CAMERA.K, pose)
        if not 0.3 < z < 900:
            continue
        # A small camera whose pixel (4, 4) looks exactly at the point: its depth cannot exceed the point's.
        K = CAMERA.K.copy()
        K[0, 2] += 4 - u
        K[1, 2] += 4 - v
        met = scene.render(Camera(K, 8, 8), pose).depth[4, 4]
        assert met > 0
        assert met <= z * (1 + 2e-3)


@given(seed=st.integers(0, 40), distance=st.floats(0.0, 200.0), forward=st.floats(-0.5, 0.5))
@settings(max_examples=10, deadline=None)
def test_most_pixels_reproject_to_their_own_depth(seed: int, distance: float, forward: float) -> None:
    scene = _street(seed)
    a = scene.render(CAMERA, scene.pose(distance))
    b = scene.render(CAMERA, a.pose @ motion(forward, 0.0, 0.0))
    warped = project(world_points(a), CAMERA.K, b.pose)
    column, row = np.rint(warped[..., 0]), np.rint(warped[..., 1])
    inside = (a.depth > 0) & (column >= 0) & (column < 160) & (row >= 0) & (row < 48)
    seen = b.depth[row[inside].astype(int), column[inside].astype(int)]
    error = np.abs(seen / warped[..., 2][inside] - 1)
    assert np.median(error) < 0.02
    assert (error < 0.1).mean() > 0.7


@given(seed=st.integers(0, 40), baseline=st.floats(0.1, 0.6))
@settings(max_examples=10, deadline=None)
def test_stereo_disparity_is_focal_times_baseline_over_depth(seed: int, baseline: float) -> None:
    scene = _street(seed)
    left = scene.render(CAMERA, scene.pose(10.0))
    right_pose = left.pose @ motion(0.0, baseline, 0.0)
    where = left.depth > 0
    warped = project(world_points(left), CAMERA.K, right_pose)
    columns = np.mgrid[:48, :160][1]
    disparity = columns - warped[..., 0]
    np.testing.assert_allclose(disparity[where], CAMERA.K[0, 0] * baseline / left.depth[where], rtol=1e-5, atol=1e-6)
    # On any plane inverse depth is linear along a row, so the right picture can be read between its pixels.
    right = scene.render(CAMERA, right_pose)
    rows, columns = np.nonzero(where & (warped[..., 0] >= 0) & (warped[..., 0] < 158) & (right.depth > 0))
    at = warped[rows, columns, 0]
    low = np.floor(at).astype(int)
    near, far = right.depth[rows, low], right.depth[rows, low + 1]
    both = (near > 0) & (far > 0)
    inverse = (1 / near[both]) * (1 - at + low)[both] + (1 / far[both]) * (at - low)[both]
    error = np.abs(inverse * left.depth[rows, columns][both] - 1)
    assert (error < 1e-4).mean() > 0.5, "most of a street is planes that both eyes see"


def test_colours_stay_on_their_points() -> None:
    scene = _street(1)
    a = scene.render(CAMERA, scene.pose(20.0), supersample=3)
    b = scene.render(CAMERA, scene.pose(20.2), supersample=3)
    warped = project(world_points(a), CAMERA.K, b.pose)
    column, row = np.rint(warped[..., 0]), np.rint(warped[..., 1])
    inside = (a.depth > 0) & (column >= 0) & (column < 160) & (row >= 0) & (row < 48)
    moved = b.image[row[inside].astype(int), column[inside].astype(int)].astype(int)
    still = a.image[inside].astype(int)
    assert np.abs(moved - still).mean() < 0.5 * np.abs(still - still[::-1]).mean()
    assert np.median(np.abs(moved - still)) < 8
