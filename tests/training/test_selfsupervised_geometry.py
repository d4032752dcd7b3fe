"""Intrinsics, motions and warping against direct NumPy, and their laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.training.selfsupervised.geometry import (
    backproject,
    flipped_intrinsics,
    inverse,
    project,
    resized_intrinsics,
    rigid_transform,
    stereo_pose,
    warp,
)

HEIGHT, WIDTH = 7, 11
K = np.array([[9.0, 0.3, 5.2], [0, 8.5, 2.9], [0, 0, 1]])
vectors = st.tuples(*[st.floats(-3, 3, allow_subnormal=False)] * 3)
tiny_vectors = st.tuples(*[st.floats(-1e-3, 1e-3)] * 3)


def tensor(array, *, batch=True):
    made = torch.from_numpy(np.asarray(array, dtype=np.float64))
    return made[None] if batch else made


def rotation_by_series(vector):
    """The exponential of the cross-product matrix, summed term by term."""
    x, y, z = vector
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    total, term = np.eye(3), np.eye(3)
    for order in range(1, 60):
        term = term @ cross / order
        total = total + term
    return total


def sampled(picture, u, v):
    """One bilinear sample of (H, W) with the border replicated."""
    height, width = picture.shape
    u, v = min(max(u, 0), width - 1), min(max(v, 0), height - 1)
    left, top = math.floor(u), math.floor(v)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    a, b = u - left, v - top
    upper = picture[top, left] * (1 - a) + picture[top, right] * a
    lower = picture[bottom, left] * (1 - a) + picture[bottom, right] * a
    return upper * (1 - b) + lower * b


@given(vectors, vectors)
@settings(max_examples=60, deadline=None)
def test_rotation_is_the_exponential_and_orthonormal(axis_angle, translation):
    pose = rigid_transform(tensor(axis_angle), tensor(translation))[0].numpy()
    np.testing.assert_allclose(pose[:3, :3], rotation_by_series(axis_angle), atol=1e-10)
    np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
    np.testing.assert_array_equal(pose[:3, 3], translation)
    np.testing.assert_array_equal(pose[3], [0, 0, 0, 1])


@given(tiny_vectors)
@settings(max_examples=40, deadline=None)
def test_small_rotations_are_exact_where_the_series_takes_over(axis_angle):
    pose = rigid_transform(tensor(axis_angle), tensor([0, 0, 0]))[0].numpy()
    np.testing.assert_allclose(pose[:3, :3], rotation_by_series(axis_angle), atol=1e-15)


@given(vectors, vectors)
@settings(max_examples=40, deadline=None)
def test_a_motion_and_its_inverse_cancel(axis_angle, translation):
    pose = rigid_transform(tensor(axis_angle), tensor(translation))
    np.testing.assert_allclose((inverse(pose) @ pose)[0].numpy(), np.eye(4), atol=1e-12)
    inverted = rigid_transform(tensor(axis_angle), tensor(translation), invert=True)
    torch.testing.assert_close(inverted, inverse(pose))


def test_the_gradient_of_no_rotation_is_the_cross_product():
    axis_angle = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    point = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)
    moved = rigid_transform(axis_angle, torch.zeros(1, 3).double())[0, :3, :3] @ point
    (gradient,) = torch.autograd.grad(moved[1], axis_angle)
    np.testing.assert_allclose(gradient[0].numpy(), [-2.0, 0, 0.3])
    assert torch.autograd.gradcheck(lambda w: rigid_transform(w, torch.zeros(1, 3).double()), (axis_angle + 1e-9,))


@given(st.integers(1, 5), st.integers(1, 5), st.floats(0, 40), st.floats(0, 30))
@settings(max_examples=40, deadline=None)
def test_resized_intrinsics_see_each_block_of_pixels_at_its_centre(down_x, down_y, column, row):
    """The mean of a block's pixel centres is the centre of the pixel that replaces the block."""
    old, new = (down_y * 12, down_x * 20), (12, 20)
    small = resized_intrinsics(tensor(K), old, new)[0].numpy()
    ray = np.linalg.inv(K) @ [column, row, 1]
    expected = [(column + 0.5) / down_x - 0.5, (row + 0.5) / down_y - 0.5, 1]
    np.testing.assert_allclose(small @ ray, expected, atol=1e-9)
    back = resized_intrinsics(tensor(small), new, old)
    np.testing.assert_allclose(back[0].numpy(), K, atol=1e-12)


def test_flipped_intrinsics_see_the_mirrored_point_at_the_mirrored_pixel():
    straight = np.array([[9.0, 0, 5.2], [0, 8.5, 2.9], [0, 0, 1]])
    mirrored = flipped_intrinsics(tensor(straight), WIDTH)[0].numpy()
    point = np.array([0.4, -0.2, 1.0])
    u, v, _ = straight @ point
    np.testing.assert_allclose(mirrored @ (point * [-1, 1, 1]), [WIDTH - 1 - u, v, 1])


def test_projection_undoes_backprojection():
    rng = np.random.default_rng(2)
    depth = tensor(rng.uniform(1, 30, (1, HEIGHT, WIDTH)))
    points = backproject(depth, tensor(K))
    expected = np.linalg.inv(K) @ [4, 6, 1] * depth[0, 0, 6, 4].item()
    np.testing.assert_allclose(points[0, :, 6, 4].numpy(), expected)
    pixels, distance = project(points, tensor(K))
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    np.testing.assert_allclose(pixels[0].numpy(), [columns, rows], atol=1e-12)
    torch.testing.assert_close(distance, depth)


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_warp_is_the_sum_written_out(seed):
    rng = np.random.default_rng(seed)
    picture = rng.uniform(0, 1, (3, HEIGHT, WIDTH))
    depth = rng.uniform(1.5, 9, (1, HEIGHT, WIDTH))
    axis_angle, translation = rng.normal(0, 0.1, 3), rng.normal(0, 0.7, 3)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation_by_series(axis_angle), translation
    warped, inside = warp(tensor(picture), tensor(depth), tensor(K), tensor(pose))
    for row in range(HEIGHT):
        for column in range(WIDTH):
            point = pose[:3, :3] @ (np.linalg.inv(K) @ [column, row, 1] * depth[0, row, column]) + translation
            u, v, z = K @ point
            if z < 0.1:
                continue
            u, v = u / z, v / z
            within = -0.5 <= u <= WIDTH - 0.5 and -0.5 <= v <= HEIGHT - 0.5
            assert bool(inside[0, 0, row, column]) == within
            found = warped[0, :, row, column].numpy()
            np.testing.assert_allclose(found, [sampled(channel, u, v) for channel in picture], atol=1e-9)


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(2, 60))
@settings(max_examples=25, deadline=None)
def test_no_motion_gives_the_picture_back(seed, height, width):
    rng = np.random.default_rng(seed)
    picture = torch.from_numpy(rng.uniform(0, 1, (2, 3, height, width))).float()
    depth = torch.from_numpy(np.exp(rng.uniform(-2, 5, (2, 1, height, width)))).float()
    camera = torch.tensor([[0.6 * width, 0, width / 2], [0, 0.6 * width, height / 2], [0, 0, 1]]).repeat(2, 1, 1)
    warped, inside = warp(picture, depth, camera, torch.eye(4).repeat(2, 1, 1))
    assert bool(inside.all())
    torch.testing.assert_close(warped, picture, atol=1e-4, rtol=0)


@given(st.integers(-4, 4), st.floats(0.1, 2))
@settings(max_examples=25, deadline=None)
def test_a_plane_seen_by_a_stereo_pair_shifts_by_focal_times_baseline_over_depth(shift, baseline):
    """``I_target(u) = I_source(u - f B / z)`` for a source to the right (positive B)."""
    rng = np.random.default_rng(3)
    picture = tensor(rng.uniform(0, 1, (3, HEIGHT, WIDTH)))
    focal = K[0, 0]
    side = 1 if shift >= 0 else -1
    depth = focal * baseline / max(abs(shift), 1e-6)
    plane = torch.full((1, 1, HEIGHT, WIDTH), depth, dtype=torch.float64)
    pose = stereo_pose(torch.tensor([side * baseline], dtype=torch.float64))
    warped, inside = warp(picture, plane, tensor([[focal, 0, 5.2], [0, 8.5, 2.9], [0, 0, 1]]), pose)
    seen = [u for u in range(WIDTH) if 0 <= u - shift < WIDTH]
    assert inside[0, 0, 0].nonzero().flatten().tolist() == seen
    expected = picture[..., [u - shift for u in seen]]
    torch.testing.assert_close(warped[..., seen], expected, atol=1e-4, rtol=0)


def test_what_lies_behind_the_source_is_outside_and_finite():
    depth = torch.full((1, 1, HEIGHT, WIDTH), 2.0, requires_grad=True)
    pose = torch.eye(4)[None].clone()
    pose[0, 2, 3] = -2.0
    pose.requires_grad_()
    warped, inside = warp(torch.rand(1, 3, HEIGHT, WIDTH), depth, tensor(K).float(), pose)
    assert not bool(inside.any())
    warped.sum().backward()
    assert bool(torch.isfinite(warped).all())
    assert bool(torch.isfinite(depth.grad).all())
    assert bool(torch.isfinite(pose.grad).all())


def test_gradients_of_depth_and_motion_are_those_of_finite_differences():
    rng = np.random.default_rng(7)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    # Smooth pictures, so that few samples sit where the bilinear surface has a crease.
    picture = tensor(np.sin(columns / 3 + rows / 2)[None])
    depth = tensor(rng.uniform(2, 4, (1, HEIGHT, WIDTH))).requires_grad_()
    axis_angle = tensor([0.013, -0.02, 0.008]).requires_grad_()
    translation = tensor([0.11, 0.05, -0.07]).requires_grad_()

    def total(depth, axis_angle, translation):
        warped, _ = warp(picture, depth, tensor(K), rigid_transform(axis_angle, translation))
        return (warped**2).sum()

    assert torch.autograd.gradcheck(total, (depth, axis_angle, translation), eps=1e-7, atol=1e-5)


def test_half_precision_depth_is_warped_in_single():
    picture, depth = torch.rand(1, 3, HEIGHT, WIDTH), torch.rand(1, 1, HEIGHT, WIDTH) + 1
    with torch.autocast("cpu", torch.bfloat16):
        warped, _ = warp(picture, depth.bfloat16(), tensor(K).float(), torch.eye(4)[None])
    assert warped.dtype == torch.float32
    torch.testing.assert_close(warped, picture, atol=1e-4, rtol=0)
