"""Depth against values that follow from geometry by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.scenes import Camera, Scene
from edgedepth.scenes.solid import Look, Material, Solid
from edgedepth.scenes.solids import Block, Ellipsoid, Frustum

CAMERA = Camera(np.array([[100.0, 0.0, 40.0], [0.0, 100.0, 20.0], [0.0, 0.0, 1.0]]), 81, 61)
PAINT = Look(Material.PLAIN, (0.5, 0.5, 0.5))


def standing(height: float = 1.65) -> np.ndarray:
    pose = np.eye(4)
    pose[1, 3] = -height
    return pose


def only(*solids: Solid) -> Scene:
    return replace(Scene.street(3), solids=solids, movers=())


@given(height=st.floats(0.3, 30.0), seed=st.integers(0, 50))
@settings(max_examples=15, deadline=None)
def test_ground_depth_at_each_row(height: float, seed: int) -> None:
    scene = replace(Scene.street(seed), solids=(), movers=())
    depth = scene.render(CAMERA, standing(height)).depth
    rows = np.arange(61)
    assert not depth[rows <= 20].any(), "the horizon and above are sky"
    below = rows[rows > 20]
    expected = height * 100.0 / (below - 20.0)
    expected[expected >= 1000] = 0
    np.testing.assert_allclose(depth[below], np.tile(expected[:, None], 81), rtol=1e-6)


def test_ground_depth_under_pitch() -> None:
    angle = 0.1
    pose = standing()
    pose[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    depth = only().render(CAMERA, pose).depth
    y = (np.arange(61) - 20) / 100
    down = np.cos(angle) * y - np.sin(angle)
    expected = np.where(down > 1e-4, 1.65 / np.where(down > 1e-4, down, 1), 0)
    np.testing.assert_allclose(depth[:, 40], expected, rtol=1e-6)


def test_front_face_of_a_box() -> None:
    frame = only(Solid(Block.box(2.0, 3.0, 4.0), PAINT, x=1.0, z=12.0)).render(CAMERA, standing())
    face = frame.depth == np.float32(10.0)
    rows, columns = np.nonzero(face)
    # x from 0 to 2 m and from 1.35 m above to 1.65 m below the camera, 10 m ahead.
    assert (columns.min(), columns.max()) == (40, 60)
    assert (rows.min(), rows.max()) == (7, 36)
    assert face[7:37, 40:61].all()


def test_side_face_of_a_turned_box() -> None:
    half = np.sqrt(0.5)
    solid = Solid(Block.box(2.0, 9.0, 2.0), PAINT, z=10.0, cos=half, sin=half)
    depth = only(solid).render(CAMERA, standing()).depth
    assert depth[20, 40] == pytest.approx(10 - np.sqrt(2), rel=1e-6)
    # The near edge points at the camera: faces recede at 45 degrees.
    t = 0.05
    assert depth[20, 45] == pytest.approx((10 - np.sqrt(2)) / (1 - t), rel=1e-6)
    assert depth[20, 35] == depth[20, 45]


def test_leaning_face() -> None:
    wedge = Solid(Block(50.0, 1.0, 2.0, (-50.0, 50.0, 1.0, 1.0)), PAINT, z=11.0)
    depth = only(wedge).render(CAMERA, standing()).depth
    # The face rises from z = 10 at the ground to z = 12 at 2 m: z = 10 + h.
    for row in (18, 20, 25, 30):
        y = (row - 20) / 100
        assert depth[row, 40] == pytest.approx((10 + 1.65) / (1 + y), rel=1e-6)


def test_cylinder_cone_and_ellipsoid() -> None:
    post = only(Solid(Frustum(0.5, 0.5, 5.0), PAINT, z=10.0)).render(CAMERA, standing()).depth
    assert post[20, 40] == pytest.approx(9.5, rel=1e-6)
    x = 0.03
    expected = (10 - np.sqrt(100 - (1 + x * x) * (100 - 0.25))) / (1 + x * x)
    assert post[20, 43] == pytest.approx(expected, rel=1e-6)
    cone = only(Solid(Frustum(2.0, 0.0, 4.0), PAINT, z=10.0)).render(CAMERA, standing()).depth
    assert cone[20, 40] == pytest.approx(10 - 2 * (1 - 1.65 / 4), rel=1e-6)
    ball = only(Solid(Ellipsoid(1.0, 2.0, 3.0), PAINT, h=1.65, z=10.0)).render(CAMERA, standing()).depth
    assert ball[20, 40] == pytest.approx(7.0, rel=1e-6)


def test_a_cone_from_above_and_through_its_cap() -> None:
    down = np.eye(4)
    down[1:3, 1:3] = [[0, 1], [-1, 0]]
    down[:3, 3] = (0.25, -10.0, 10.0)
    cone = only(Solid(Frustum(1.0, 0.0, 4.0), PAINT, z=10.0)).render(CAMERA, down).depth
    assert cone[20, 40] == pytest.approx(10 - 3.0, rel=1e-6), "a quarter of the radius out: 3 m high"
    barrel = only(Solid(Frustum(1.0, 0.5, 4.0), PAINT, z=10.0)).render(CAMERA, down).depth
    assert barrel[20, 40] == pytest.approx(6.0, rel=1e-6)


def test_the_nearer_solid_hides_the_other_whatever_their_order() -> None:
    near = Solid(Block.box(1.0, 3.0, 1.0), PAINT, z=6.0)
    far = Solid(Block.box(8.0, 8.0, 1.0), PAINT, z=20.0)
    depths = [only(*order).render(CAMERA, standing()).depth for order in ((near, far), (far, near))]
    np.testing.assert_array_equal(*depths)
    assert depths[0][20, 40] == np.float32(5.5)
    assert depths[0][20, 60] == np.float32(19.5)


def test_a_solid_that_reaches_behind_the_camera_is_cut_at_it() -> None:
    wall = Solid(Block.box(1.0, 5.0, 99.0), PAINT, x=2.5)
    depth = only(wall).render(CAMERA, standing()).depth
    steps = np.arange(1, 41)
    np.testing.assert_allclose(depth[20, 41:], np.where(steps > 4, 200 / steps, 0), rtol=1e-6)
    assert not depth[20, :41].any()


def test_supersampling_leaves_depth_and_mask_alone() -> None:
    scene = Scene.street(4, moving=True)
    camera = Camera.kitti_like(48, 160)
    plain, fine = (scene.render(camera, scene.pose(0.0), supersample=s) for s in (1, 2))
    np.testing.assert_array_equal(plain.depth, fine.depth)
    np.testing.assert_array_equal(plain.moving, fine.moving)
    difference = np.abs(plain.image.astype(int) - fine.image.astype(int))
    assert 0 < difference.mean() < 12
