"""Edge-aware and geometric smoothness against direct NumPy, and their laws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.training.selfsupervised.smoothness import smoothness, weighted_smoothness


def maps(seed, size=(6, 9)):
    """Disparity, picture and mask, float64."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0.01, 1, (2, 1, *size)), rng.uniform(0, 1, (2, 3, *size)), rng.uniform(0, 1, (2, 1, *size))


def by_loops(disparity, image, static=None):
    """One picture: (H, W), (3, H, W), (H, W)."""
    d = disparity / (disparity.mean() + 1e-7)
    height, width = d.shape
    across, down = [], []
    for row in range(height):
        for column in range(width):
            here = image[:, row, column]
            if column + 1 < width:
                edge = np.abs(image[:, row, column + 1] - here).mean()
                across.append(abs(d[row, column + 1] - d[row, column]) * np.exp(-edge))
            if row + 1 < height:
                edge = np.abs(image[:, row + 1, column] - here).mean()
                between = 1.0 if static is None else (static[row, column] + static[row + 1, column]) / 2
                weight = 100 * (1 - between) + between
                down.append(abs(d[row + 1, column] - d[row, column]) * np.exp(-edge) * weight)
    return np.mean(across) + np.mean(down)


def as_torch(*arrays):
    return [torch.from_numpy(array) for array in arrays]


@pytest.mark.parametrize("masked", [False, True])
def test_smoothness_is_the_sum_written_out(masked):
    disparity, image, static = maps(1)
    found = smoothness(*as_torch(disparity, image), torch.from_numpy(static) if masked else None)
    expected = [by_loops(disparity[i, 0], image[i], static[i, 0] if masked else None) for i in range(2)]
    np.testing.assert_allclose(found.numpy(), expected)


def test_a_larger_picture_is_averaged_down():
    disparity, image, _ = maps(2)
    large = image.repeat(4, axis=2).repeat(4, axis=3)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.05, (2, 3, 6, 4, 9, 4))
    large = large + (noise - noise.mean((3, 5), keepdims=True)).reshape(large.shape)
    torch.testing.assert_close(smoothness(*as_torch(disparity, large)), smoothness(*as_torch(disparity, image)))


def test_scales_are_weighted_and_averaged():
    sizes = [(16, 24), (8, 12), (4, 6), (2, 3)]
    disparities = [maps(3 + s, size)[0] for s, size in enumerate(sizes)]
    static = [maps(3 + s, size)[2] for s, size in enumerate(sizes)]
    image = maps(3, sizes[0])[1]
    for masks in (None, static):
        found = weighted_smoothness(as_torch(*disparities), torch.from_numpy(image), masks and as_torch(*masks))
        expected = np.zeros(2)
        for s, (height, width) in enumerate(sizes):
            small = image.reshape(2, 3, height, 2**s, width, 2**s).mean((3, 5))
            for i in range(2):
                mask = masks[s][i, 0] if masks else None
                expected[i] += 1e-3 / 2**s * by_loops(disparities[s][i, 0], small[i], mask) / 4
        np.testing.assert_allclose(found.numpy(), expected)


@given(st.integers(0, 10_000), st.floats(1e-3, 1))
@settings(max_examples=25, deadline=None)
def test_a_constant_costs_nothing_and_scale_does_not_matter(seed, value):
    disparity, image, static = as_torch(*maps(seed))
    flat = torch.full_like(disparity, value)
    assert float(smoothness(flat, image, static).abs().max()) < 1e-10
    found, scaled = smoothness(disparity, image, static), smoothness(disparity * value, image, static)
    torch.testing.assert_close(found, scaled, rtol=1e-3, atol=0)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_mask_of_ones_changes_nothing_and_moving_pixels_cost_more(seed):
    disparity, image, static = as_torch(*maps(seed))
    plain = smoothness(disparity, image)
    torch.testing.assert_close(smoothness(disparity, image, torch.ones_like(static)), plain)
    masked, moving = smoothness(disparity, image, static), smoothness(disparity, image, torch.zeros_like(static))
    assert bool((plain <= masked).all())
    assert bool((masked <= moving).all())
    stripes = disparity[:, :, :1].expand_as(disparity)  # no vertical gradient: eta has nothing to weigh
    torch.testing.assert_close(smoothness(stripes, image, static), smoothness(stripes, image))


def test_an_edge_of_the_picture_makes_a_step_of_disparity_cheaper():
    step = torch.ones(1, 1, 4, 6)
    step[..., 3:] = 2
    flat, edge = torch.zeros(1, 3, 4, 6), torch.zeros(1, 3, 4, 6)
    edge[..., 3:] = 1
    torch.testing.assert_close(smoothness(step, edge), smoothness(step, flat) * np.exp(-1))


def test_gradients_are_those_of_finite_differences():
    disparity, image, static = as_torch(*maps(4))
    assert torch.autograd.gradcheck(
        lambda d, m: smoothness(d, image, m), (disparity.requires_grad_(), static.requires_grad_())
    )
