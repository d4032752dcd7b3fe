"""Structural similarity, minimum reprojection and automask against direct NumPy, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.training.losses import depth_of
from edgedepth.training.selfsupervised.geometry import stereo_pose, warp
from edgedepth.training.selfsupervised.photometric import (
    TIE_NOISE,
    View,
    minimum_reprojection,
    photometric_error,
    reproject,
    ssim_distance,
)

RANGE = (0.1, 100.0)
seeds = st.integers(0, 10_000)


def pictures(seed, count=2, shape=(2, 3, 9, 12)):
    rng = np.random.default_rng(seed)
    return [rng.uniform(0, 1, shape) for _ in range(count)]


def ssim_by_windows(a, b):
    """SSIM of each 3 x 3 window, mirrored at the border, from means and covariances as they are defined."""
    out = np.empty_like(a)
    pad = ((0, 0), (0, 0), (1, 1), (1, 1))
    a, b = np.pad(a, pad, mode="reflect"), np.pad(b, pad, mode="reflect")
    c1, c2 = 1e-4, 9e-4
    for index in np.ndindex(out.shape):
        n, c, row, column = index
        x = a[n, c, row : row + 3, column : column + 3].ravel()
        y = b[n, c, row : row + 3, column : column + 3].ravel()
        covariance = np.cov(x, y, bias=True)
        luminance = (2 * x.mean() * y.mean() + c1) / (x.mean() ** 2 + y.mean() ** 2 + c1)
        structure = (2 * covariance[0, 1] + c2) / (covariance[0, 0] + covariance[1, 1] + c2)
        out[index] = luminance * structure
    return out


def test_ssim_distance_is_that_of_every_window():
    a, b = pictures(1)
    b = 0.6 * a + 0.4 * b
    found = ssim_distance(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    np.testing.assert_allclose(found, np.clip((1 - ssim_by_windows(a, b)) / 2, 0, 1), atol=1e-10)
    assert found.std() > 0.05


def test_photometric_error_weighs_structure_and_difference():
    a, b = pictures(2)
    found = photometric_error(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    structure = np.clip((1 - ssim_by_windows(a, b)) / 2, 0, 1).mean(1, keepdims=True)
    np.testing.assert_allclose(found, 0.85 * structure + 0.15 * np.abs(a - b).mean(1, keepdims=True), atol=1e-10)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_equal_pictures_have_no_error_and_the_order_does_not_matter(seed):
    a, b = (torch.from_numpy(x) for x in pictures(seed))
    assert float(photometric_error(a, a).abs().max()) < 1e-12
    torch.testing.assert_close(photometric_error(a, b), photometric_error(b, a))
    assert float(photometric_error(a, b).min()) >= 0
    assert float(photometric_error(a, b).max()) <= 1


@given(seeds, st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_the_least_error_is_below_every_view_and_equals_one(seed, views):
    rng = np.random.default_rng(seed)
    warped = rng.uniform(0, 1, (2, views, 5, 6))
    identity = rng.uniform(0, 1, (2, views, 5, 6))
    plain = minimum_reprojection(torch.from_numpy(warped))
    np.testing.assert_array_equal(plain.error[:, 0].numpy(), warped.min(1))
    assert bool(plain.kept.all())
    masked = minimum_reprojection(torch.from_numpy(warped), torch.from_numpy(identity))
    np.testing.assert_array_equal(masked.error[:, 0].numpy(), np.minimum(warped.min(1), identity.min(1)))
    np.testing.assert_array_equal(masked.kept[:, 0].numpy(), warped.min(1) < identity.min(1))


def test_views_that_did_not_see_a_pixel_have_no_say():
    warped = torch.tensor([[0.1, 0.5], [0.3, 0.2]]).view(1, 2, 1, 2).requires_grad_()
    inside = torch.tensor([[False, False], [True, False]]).view(1, 2, 1, 2)
    found = minimum_reprojection(warped, inside=inside)
    assert found.error.flatten().tolist() == pytest.approx([0.3, 0])
    assert found.kept.flatten().tolist() == [True, False]
    found.error.sum().backward()
    assert warped.grad.flatten().tolist() == [0, 0, 1, 0]
    with_identity = minimum_reprojection(warped.detach(), torch.full((1, 2, 1, 2), 0.4), inside)
    assert with_identity.error.flatten().tolist() == pytest.approx([0.3, 0])
    assert with_identity.kept.flatten().tolist() == [True, False]


def a_sample(seed=5, size=(16, 24)):
    """Target, two views, four disparities and a camera, float64."""
    rng = np.random.default_rng(seed)
    target, left, right = (torch.from_numpy(x) for x in pictures(seed, 3, (2, 3, *size)))
    baseline = torch.tensor([0.3, 0.5], dtype=torch.float64)
    views = [View(left, stereo_pose(-baseline)), View(right, stereo_pose(baseline))]
    disparities = [
        torch.from_numpy(rng.uniform(0.02, 0.3, (2, 1, size[0] // 2**s, size[1] // 2**s))).requires_grad_()
        for s in range(4)
    ]
    K = torch.tensor([[20.0, 0, 11.5], [0, 20, 7.5], [0, 0, 1]], dtype=torch.float64).repeat(2, 1, 1)
    return target, views, disparities, K


def bilinear(values, size):
    """(H, W) resized as pixel centres prescribe, border replicated."""
    height, width = values.shape
    out = np.empty(size)
    for row in range(size[0]):
        for column in range(size[1]):
            v = min(max((row + 0.5) * height / size[0] - 0.5, 0), height - 1)
            u = min(max((column + 0.5) * width / size[1] - 0.5, 0), width - 1)
            top, left = int(v), int(u)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            a, b = u - left, v - top
            out[row, column] = (values[top, left] * (1 - a) + values[top, right] * a) * (1 - b) + (
                values[bottom, left] * (1 - a) + values[bottom, right] * a
            ) * b
    return out


def test_every_scale_is_compared_at_full_resolution():
    target, views, disparities, K = a_sample()
    found = reproject(target, views, disparities, K, RANGE, automask=False, noise=torch.Generator())
    assert len(found) == 4
    for disparity, reprojection in zip(disparities, found, strict=True):
        full = np.stack([bilinear(d[0], (16, 24)) for d in disparity.detach().numpy()])[:, None]
        depth = 1 / (0.01 + (10 - 0.01) * full)
        errors = []
        for view in views:
            warped, _ = warp(view.image, torch.from_numpy(depth), K, view.pose)
            structure = np.clip((1 - ssim_by_windows(warped.numpy(), target.numpy())) / 2, 0, 1)
            difference = np.abs(warped.numpy() - target.numpy())
            errors.append((0.85 * structure + 0.15 * difference).mean(1, keepdims=True))
        expected = np.minimum(*errors)
        np.testing.assert_allclose(reprojection.error.detach().numpy(), expected, atol=1e-9)


def test_gradients_are_finite_and_reach_every_scale():
    target, views, disparities, K = a_sample()
    for automask in (False, True):
        for inside_only in (False, True):
            found = reproject(
                target,
                views,
                disparities,
                K,
                RANGE,
                automask=automask,
                inside_only=inside_only,
                noise=torch.Generator().manual_seed(1),
            )
            gradients = torch.autograd.grad(sum(r.error.mean() for r in found), disparities)
            for gradient in gradients:
                assert bool(torch.isfinite(gradient).all())
                assert float(gradient.abs().max()) > 0


def test_a_still_camera_is_masked_and_ties_fall_either_way():
    """With sources equal to the target and no motion, both errors are 0 and only the noise decides."""
    target, _, disparities, K = a_sample()
    still = View(target, torch.eye(4, dtype=torch.float64).repeat(2, 1, 1))
    moved = View(target, stereo_pose(torch.tensor([2.0, 2.0], dtype=torch.float64)))

    def share(view, seed):
        noise = torch.Generator().manual_seed(seed)
        found = reproject(target, [view], disparities, K, RANGE, noise=noise)
        return found[0].kept.double().mean().item(), found

    kept, found = share(still, 1)
    assert 0.3 < kept < 0.7
    assert float(found[0].error.detach().max()) < 5 * TIE_NOISE
    again, other = share(still, 1)[1], share(still, 2)[1]
    assert all(torch.equal(a.error, b.error) for a, b in zip(found, again, strict=True))
    assert not torch.equal(found[0].error, other[0].error)
    assert not torch.equal(found[0].kept, found[1].kept)
    assert share(moved, 1)[0] < 0.02


def test_no_automask_draws_no_noise():
    target, views, disparities, K = a_sample()
    noise = torch.Generator().manual_seed(4)
    before = noise.get_state()
    reproject(target, views, disparities, K, RANGE, automask=False, noise=noise)
    assert torch.equal(noise.get_state(), before)


def test_true_disparity_beats_any_other_constant():
    """A textured plane and a baseline: next to nothing remains at its own depth (windows that touch the edge)."""
    rng = np.random.default_rng(11)
    height, width, shift = 16, 48, 4
    wide = rng.uniform(0, 1, (1, 3, height, width + shift))
    wide = (wide + np.roll(wide, 1, 3) + np.roll(wide, 2, 3)) / 3
    target, source = torch.from_numpy(wide[..., :width]), torch.from_numpy(wide[..., shift:])
    K = torch.tensor([[20.0, 0, 23.5], [0, 20, 7.5], [0, 0, 1]], dtype=torch.float64)[None]
    view = View(source, stereo_pose(torch.tensor([1.0], dtype=torch.float64)))
    true = 5.0

    def error(depth):
        disparity = torch.full((1, 1, height, width), (1 / depth - 0.01) / 9.99, dtype=torch.float64)
        assert float(depth_of(disparity, *RANGE).mean()) == pytest.approx(depth)
        noise = torch.Generator()
        found = reproject(target, [view], [disparity], K, RANGE, automask=False, inside_only=True, noise=noise)
        return float(found[0].error.mean())

    assert error(true) < 0.005
    assert all(error(other) > 0.02 for other in (3.0, 4.0, 4.5, 5.6, 7.0, 20.0))
