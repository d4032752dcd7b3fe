"""Augmentation keeps picture and depth together, and a generator decides all of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from edgedepth.training.augment import (
    Batch,
    Geometry,
    add_seams,
    augment,
    erase_boxes,
    random_geometry,
    recolour,
    warp,
)
from edgedepth.training.recipe import Augmentation

SIZE = (48, 96)
STILL = Augmentation(flip=0, zoom=1, aspect=0, rotation=0, colour=0, grey=0, blur=0, noise=0, erase=0, seam=0)
FLIP = torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]])


def make_batch(count=3):
    """Pictures whose first channel is a smooth map of their depth."""
    y, x = torch.meshgrid(torch.linspace(0, 1, SIZE[0]), torch.linspace(0, 1, SIZE[1]), indexing="ij")
    depth = torch.stack([2 + x * (i + 1) + 3 * (1 - y) for i in range(count)])[:, None]
    images = (depth / 10).expand(-1, 3, -1, -1).clone()
    return Batch(images, depth, torch.ones_like(depth))


def test_without_strength_nothing_changes():
    batch = make_batch()
    same = augment(batch, SIZE, STILL, np.random.default_rng(0))
    torch.testing.assert_close(same.images, batch.images, atol=1e-5, rtol=0)
    torch.testing.assert_close(same.depths, batch.depths)
    torch.testing.assert_close(same.weights, batch.weights)


def test_flip_mirrors_and_twice_is_the_identity():
    batch = make_batch(1)
    flip = Geometry(FLIP, torch.ones(1))
    once = warp(batch, SIZE, flip)
    torch.testing.assert_close(once.depths, batch.depths.flip(3))
    torch.testing.assert_close(once.images, batch.images.flip(3), atol=1e-5, rtol=0)
    twice = warp(once, SIZE, flip)
    torch.testing.assert_close(twice.depths, batch.depths)
    torch.testing.assert_close(twice.images, batch.images, atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [SIZE, (32, 64)])
@pytest.mark.parametrize("seed", range(5))
def test_picture_and_depth_move_together(seed, size):
    geometry = random_geometry(3, Augmentation(rotation=10, zoom=2), np.random.default_rng(seed), SIZE)
    warped = warp(make_batch(), size, geometry)
    seen = warped.images[:, :1] * 10  # what the picture says the depth is, before the zoom
    said = warped.depths * geometry.zoom.view(-1, 1, 1, 1)
    known = warped.weights > 0
    assert float(known.float().mean()) > 0.7
    assert float((seen - said).abs()[known].max()) < 0.2  # depth comes from the nearest pixel


def test_zoom_divides_depth():
    theta = torch.tensor([[[0.5, 0, 0], [0, 0.5, 0]]])
    batch = Batch(torch.full((1, 3, *SIZE), 0.5), torch.full((1, 1, *SIZE), 8.0), torch.ones(1, 1, *SIZE))
    torch.testing.assert_close(
        warp(batch, SIZE, Geometry(theta, torch.tensor([2.0]))).depths, torch.full((1, 1, *SIZE), 4.0)
    )


def test_rotation_keeps_right_angles():
    settings = Augmentation(flip=0, zoom=1, aspect=0, rotation=90)
    theta = random_geometry(50, settings, np.random.default_rng(0), SIZE).theta.double()
    half = torch.tensor([SIZE[1] / 2, SIZE[0] / 2], dtype=torch.float64)
    linear = half[:, None] * theta[:, :, :2] / half  # in pixels
    identity = torch.eye(2, dtype=torch.float64).expand(50, 2, 2)
    torch.testing.assert_close(linear @ linear.transpose(1, 2), identity, atol=1e-6, rtol=0)


def test_crops_stay_inside():
    settings = Augmentation(rotation=0, zoom=3)
    theta = random_geometry(200, settings, np.random.default_rng(0), SIZE).theta
    reach = theta[:, :, :2].abs().sum(2) + theta[:, :, 2].abs()
    assert float(reach.max()) <= 1 + 1e-6


def test_seams_take_picture_depth_and_weight_from_the_same_frame():
    batch = make_batch()
    seamed = add_seams(batch, 1.0, np.random.default_rng(0))
    torch.testing.assert_close(seamed.images[:, :1] * 10, seamed.depths)
    assert not torch.equal(seamed.depths, batch.depths)
    torch.testing.assert_close(seamed.depths[..., 0], batch.depths[..., 0])
    torch.testing.assert_close(seamed.depths[..., -1], batch.depths.roll(1, 0)[..., -1])


def test_unknown_depth_stays_unknown_and_harmless():
    batch = make_batch()
    batch.weights[..., ::2] = 0
    batch.depths[..., ::2] = 1e9
    changed = augment(batch, SIZE, Augmentation(), np.random.default_rng(0))
    assert bool((changed.depths[changed.weights == 0] == 1).all())
    assert float(changed.depths.max()) < 100


def test_a_generator_decides_everything():
    first, again, other = (augment(make_batch(), SIZE, Augmentation(), np.random.default_rng(s)) for s in (1, 1, 2))
    torch.testing.assert_close(first.images, again.images, rtol=0, atol=0)
    torch.testing.assert_close(first.depths, again.depths, rtol=0, atol=0)
    assert not torch.equal(first.images, other.images)
    assert 0 <= float(first.images.min()) <= float(first.images.max()) <= 1


def test_colours_change_and_depth_does_not():
    images = make_batch().images
    changed = recolour(images, Augmentation(), np.random.default_rng(0))
    assert changed.shape == images.shape
    assert float((changed - images).abs().mean()) > 0.01


def test_grey_has_equal_channels():
    images = torch.rand(2, 3, *SIZE, generator=torch.Generator().manual_seed(0))
    changed = recolour(images, Augmentation(grey=1, noise=0), np.random.default_rng(0))
    torch.testing.assert_close(changed[:, 0], changed[:, 2], atol=1e-5, rtol=0)


def test_boxes_cover_a_small_part():
    images = torch.zeros(20, 3, *SIZE)
    share = float((erase_boxes(images, 1.0, np.random.default_rng(0)).amax(1) > 0).float().mean())
    assert 0.01 < share < 0.15
    assert math.isclose(float(erase_boxes(images, 0.0, np.random.default_rng(0)).max()), 0)
