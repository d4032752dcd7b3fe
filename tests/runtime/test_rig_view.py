"""The geometry of a rig's cameras: to the vehicle and back, other sizes, flying pixels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.runtime.rig.view import View, flying, scaled_intrinsics, scaled_mask

SIZE = (30, 40)
INTRINSICS = (36.0, 35.0, 19.0, 14.5)


def pose(heading=0.7, place=(1.0, -0.4, 1.6)):
    cos, sin = math.cos(heading), math.sin(heading)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[sin, 0, cos], [-cos, 0, sin], [0, -1, 0]])
    matrix[:3, 3] = place
    return matrix


def view(depth, seen=None, where=None, name="one"):
    depth = np.asarray(depth, np.float32)
    colours = np.zeros((*depth.shape, 3), np.uint8)
    seen = np.ones(depth.shape, bool) if seen is None else seen
    return View(name, INTRINSICS, pose() if where is None else where, depth, colours, seen)


def plane(normal, offset, size=SIZE):
    """z-depth of the plane ``normal . X = offset`` in the camera's frame, float64; may be negative."""
    fx, fy, cx, cy = INTRINSICS
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    rays = np.stack([(x - cx) / fx, (y - cy) / fy, np.ones(size)], axis=-1)
    return offset / (rays @ np.asarray(normal))


def test_points_are_where_the_camera_sees_them():
    depth = plane((0.1, 0.2, 1.0), 9.0)
    points = view(depth).points.reshape(*SIZE, 3)
    fx, fy, cx, cy = INTRINSICS
    for row, column in ((0, 0), (7, 33), (29, 39)):
        z = depth[row, column]
        camera = np.array([(column - cx) / fx * z, (row - cy) / fy * z, z, 1])
        np.testing.assert_allclose(points[row, column], (pose() @ camera)[:3], rtol=1e-5, atol=1e-5)


def test_a_camera_that_looks_forward_sees_its_axis_ahead_its_right_at_the_right():
    one = view(np.full(SIZE, 10.0), where=pose(0.0, (0.0, 0.0, 1.5)))
    points = one.points.reshape(*SIZE, 3)
    assert np.allclose(points[..., 0], 10)
    assert points[0, -1, 1] < 0 < points[0, 0, 1]
    assert points[-1, 0, 2] < 1.5 < points[0, 0, 2]


@given(st.floats(-3, 3), st.tuples(*[st.floats(-2, 2)] * 3), st.floats(0.5, 80))
@settings(max_examples=25, deadline=None)
def test_projecting_a_view_s_own_points_gives_its_own_pixels(heading, place, offset):
    depth = plane((0.3, -0.4, 1.0), offset).astype(np.float32)
    one = view(depth, where=pose(heading, place))
    index, z = one.project(one.points)
    np.testing.assert_array_equal(index, np.arange(depth.size))
    np.testing.assert_allclose(z, depth.ravel(), rtol=1e-4, atol=1e-4)


def test_what_is_behind_or_beside_is_no_pixel():
    one = view(np.ones(SIZE), where=np.eye(4))
    points = np.array([[0, 0, -1], [0, 0, 0], [100, 0, 1], [0, -100, 1], [np.nan, 0, 1], [0, 0, 2]], np.float32)
    index, z = one.project(points)
    assert (index.tolist(), z.tolist()) == ([14 * 40 + 19], [2.0])


def test_intrinsics_at_another_size_see_the_same_rays():
    fx, fy, cx, cy = scaled_intrinsics((100.0, 90.0, 31.5, 20.0), (48, 64), (24, 128))
    assert (fx, fy) == (200.0, 45.0)
    # The left border lies at -0.5 at any size.
    assert (-0.5 - cx) / fx == pytest.approx((-0.5 - 31.5) / 100)
    assert (23.5 - cy) / fy == pytest.approx((47.5 - 20) / 90)


def test_a_smaller_mask_sees_only_where_all_of_it_is_seen():
    seen = np.ones((40, 60), bool)
    seen[20, 30] = False
    small = scaled_mask(seen, (20, 30))
    assert not small[10, 15]
    assert small.sum() == small.size - 1
    assert scaled_mask(None, (3, 4)).all()


def test_valid_is_finite_ahead_and_of_the_world():
    depth = np.full(SIZE, 5.0)
    depth[0, :4] = (np.nan, np.inf, 0, -1)
    seen = np.ones(SIZE, bool)
    seen[3] = False
    one = view(depth, seen)
    assert one.valid.sum() == depth.size - 4 - SIZE[1]
    assert not (one.solid & ~one.valid).any()


@given(st.floats(-0.8, 0.8), st.floats(-0.8, 0.8), st.floats(1, 60))
@settings(max_examples=50, deadline=None)
def test_a_plane_has_no_flying_pixel_however_steep(across, down, offset):
    depth = plane((across, down, 1.0), offset).astype(np.float32)
    assert not flying(depth, np.ones(SIZE, bool)).any()


def test_pixels_between_two_surfaces_fly():
    depth = np.full(SIZE, 5.0, np.float32)
    depth[:, 20:] = 20.0
    depth[:, 19:22] = (8.0, 11.0, 15.0)  # as networks draw edges
    found = flying(depth, np.ones(SIZE, bool))
    np.testing.assert_array_equal(np.flatnonzero(found[0]), [19, 20, 21])
    assert (found == found[0]).all()
    np.testing.assert_array_equal(flying(depth.T.copy(), np.ones(SIZE[::-1], bool)), found.T)


def test_a_ramp_onto_a_steep_road_flies_and_the_road_does_not():
    depth = plane((0.0, 1.0, 0.0), 1.5).astype(np.float32)
    depth[:16] = 60.0
    depth[10:22, 10] = 4.0  # a pole one pixel wide
    depth[10:22, 24:30] = 4.0
    depth[10:22, 30:33] = 1 / np.linspace(1 / 4, 1 / depth[10:22, 33], 5)[1:4].T  # and a ramp at its right
    found = flying(depth, np.ones(SIZE, bool))
    assert found[11:21, 30:33].all()
    found[16:20] = False  # the road's last rows before what it meets are given up
    assert not found[:, :30].any()
    assert not found[:, 33:].any()


def test_exact_edges_and_depth_that_is_nowhere_do_not_fly():
    depth = np.full(SIZE, 5.0, np.float32)
    depth[:, 20:] = 20.0
    assert not flying(depth, np.ones(SIZE, bool)).any()
    assert not flying(np.full(SIZE, np.nan, np.float32), np.zeros(SIZE, bool)).any()
