"""The losses against direct NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgedepth.training.losses import (
    absolute_log,
    depth_loss,
    depth_of,
    gradient_matching,
    scale_invariant_log,
)
from edgedepth.training.recipe import LossWeights

RANGE = (0.1, 100.0)


@pytest.fixture
def maps():
    rng = np.random.default_rng(1)
    error = rng.normal(0, 0.4, (2, 1, 12, 20))
    weight = rng.uniform(0, 1, error.shape) * (rng.random(error.shape) < 0.6)
    return error, weight


def as_torch(*arrays):
    return [torch.from_numpy(array).double() for array in arrays]


@pytest.mark.parametrize("focus", [0.0, 0.5, 0.85, 1.0])
def test_scale_invariant_log(maps, focus):
    error, weight = maps
    found = scale_invariant_log(*as_torch(error, weight), focus)
    for e, w, value in zip(error, weight, found.numpy(), strict=True):
        mean, square = np.average(e, weights=w), np.average(e**2, weights=w)
        assert value == pytest.approx(np.sqrt(square - focus * mean**2), rel=1e-4)


def test_full_focus_ignores_the_scale_of_a_picture(maps):
    error, weight = as_torch(*maps)
    plain, shifted = (scale_invariant_log(e, weight, 1.0) for e in (error, error + 3))
    torch.testing.assert_close(plain, shifted)
    assert bool((scale_invariant_log(error + 3, weight, 0.85) > plain).all())


def test_absolute_log(maps):
    error, weight = maps
    found = absolute_log(*as_torch(error, weight)).numpy()
    expected = [np.average(np.abs(e), weights=w) for e, w in zip(error, weight, strict=True)]
    np.testing.assert_allclose(found, expected)


def test_gradient_matching(maps):
    error, weight = maps
    expected = np.zeros(2)
    for index in range(2):
        for step in (1, 2, 4, 8):
            e, w = error[index, 0, ::step, ::step], weight[index, 0, ::step, ::step]
            for axis in (0, 1):
                both = np.minimum(np.delete(w, 0, axis), np.delete(w, -1, axis))
                if both.sum() > 0:
                    expected[index] += np.average(np.abs(np.diff(e, axis=axis)), weights=both)
    np.testing.assert_allclose(gradient_matching(*as_torch(error, weight)).numpy(), expected, rtol=1e-4)


def test_gradient_matching_ignores_scale():
    error = torch.full((1, 1, 16, 16), 2.0)
    assert float(gradient_matching(error, torch.ones_like(error))) == 0


def test_nothing_measured_costs_nothing_and_stays_finite():
    disparities = [torch.full((1, 1, 32 >> s, 32 >> s), 0.3, requires_grad=True) for s in range(4)]
    target, weight = torch.ones(1, 1, 32, 32), torch.zeros(1, 1, 32, 32)
    loss = depth_loss(disparities, target, weight, LossWeights(), RANGE)
    loss.backward()
    assert loss.item() < 0.01
    assert all(bool(torch.isfinite(d.grad).all()) for d in disparities)


def test_truth_costs_least():
    disparity = torch.full((2, 1, 32, 32), 0.2)
    target = depth_of(disparity, *RANGE)
    scales = [disparity[..., :: 2**s, :: 2**s] for s in range(4)]
    weight = torch.ones_like(target)
    right = depth_loss(scales, target, weight, LossWeights(), RANGE)
    wrong = depth_loss([d * 1.3 for d in scales], target, weight, LossWeights(), RANGE)
    assert float(right) < 0.01 < float(wrong)


def test_depth_of_ends():
    np.testing.assert_allclose(depth_of(torch.tensor([0.0, 1.0]), *RANGE).numpy(), [100, 0.1], rtol=1e-6)
