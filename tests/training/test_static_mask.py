"""The static-dynamic mask and the likelihood against direct NumPy; what the threshold learns from them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.training.networks.threshold import MuPredictor
from edgedepth.training.selfsupervised.masks import decoupled_mask, disagreement
from edgedepth.training.selfsupervised.probabilistic import distribution_loss
from edgedepth.training.selfsupervised.smoothness import WEIGHT, smoothness

KINDS = ("hard", "straight-through", "soft")


def disparities(seed=1, size=(8, 12)):
    """Early and late, in 0..1, that disagree by up to about 0.3."""
    rng = np.random.default_rng(seed)
    early = rng.uniform(0.02, 0.9, (2, 1, *size))
    return early, np.clip(early + rng.normal(0, 0.12, early.shape), 0.01, 0.99)


def as_torch(*arrays):
    return [torch.from_numpy(array) for array in arrays]


def thresholds(*values):
    return torch.tensor(values, dtype=torch.float64).view(-1, 1, 1, 1).requires_grad_()


def test_masks_are_the_comparison_written_out():
    early, late = disparities()
    difference = np.abs(early**0.7 - late**0.7)
    np.testing.assert_allclose(disagreement(*as_torch(early, late)).numpy(), difference)
    mu = np.array([0.05, 0.12]).reshape(2, 1, 1, 1)
    hard = (difference < mu).astype(float)
    assert 0.2 < hard.mean() < 0.8
    for kind in ("hard", "straight-through"):
        found = decoupled_mask(*as_torch(early, late), thresholds(0.05, 0.12), kind)
        np.testing.assert_allclose(found.detach().numpy(), hard, atol=1e-15)
    soft = decoupled_mask(*as_torch(early, late), thresholds(0.05, 0.12), "soft").detach().numpy()
    np.testing.assert_allclose(soft, 1 / (1 + np.exp(-(mu - difference) / 0.01)), atol=1e-12)
    np.testing.assert_array_equal(soft > 0.5, hard > 0.5)


def test_equal_disparities_are_static_everywhere():
    early, _ = as_torch(*disparities())
    for kind in KINDS:
        assert float(decoupled_mask(early, early, 0.1, kind).min()) > 0.999


def test_the_hard_mask_has_no_gradient_and_the_others_have_the_soft_one():
    early, late = as_torch(*disparities())
    assert not decoupled_mask(early, late, thresholds(0.1, 0.1), "hard").requires_grad
    mu = thresholds(0.1, 0.13)
    weight = torch.from_numpy(np.random.default_rng(2).normal(0, 1, early.shape))
    soft, through = (
        torch.autograd.grad((weight * decoupled_mask(early, late, mu, kind)).sum(), mu)[0]
        for kind in ("soft", "straight-through")
    )
    torch.testing.assert_close(soft, through)
    assert bool((soft.abs() > 1e-3).all())
    assert torch.autograd.gradcheck(lambda m: decoupled_mask(early, late, m, "soft"), (mu,))


def test_frozen_disparities_get_no_gradient():
    early, late = as_torch(*disparities())
    early.requires_grad_()
    late.requires_grad_()
    mu = thresholds(0.1, 0.1)
    decoupled_mask(early, late, mu).sum().backward()
    assert early.grad is None
    assert late.grad is None
    assert float(mu.grad.min()) > 0, "a higher threshold calls more pixels static"


@given(st.integers(0, 10_000), st.floats(0.05, 0.15), st.floats(0.001, 0.05))
@settings(max_examples=25, deadline=None)
def test_a_higher_threshold_masks_less_and_the_order_does_not_matter(seed, mu, more):
    early, late = as_torch(*disparities(seed))
    for kind in KINDS:
        low, high = (decoupled_mask(early, late, value, kind) for value in (mu, mu + more))
        assert bool((low <= high + 1e-12).all())
        assert 0 <= float(low.min()) <= float(high.max()) <= 1
        torch.testing.assert_close(decoupled_mask(late, early, mu, kind), low)


@pytest.mark.parametrize(("form", "weight"), [("paper", 0.5), ("released", 1.0)])
def test_distribution_loss_is_the_sum_written_out(form, weight):
    rng = np.random.default_rng(3)
    error, variance = rng.uniform(0, 0.6, (2, 1, 8, 12)), rng.uniform(0.02, 0.9, (2, 1, 8, 12))
    mask = rng.uniform(0, 1, (2, 1, 8, 12))
    found = distribution_loss(*as_torch(error, variance, mask), form)
    for i in range(2):
        total = 0.0
        for row in range(8):
            for column in range(12):
                L, v, m = (x[i, 0, row, column] for x in (error, variance, mask))
                total += m * (np.log(v + 1) + weight * L * L / (2 * v * v))
        assert float(found[i]) == pytest.approx(total / 96)


def test_coarse_variance_and_mask_are_upsampled():
    rng = np.random.default_rng(4)
    error = torch.from_numpy(rng.uniform(0, 0.6, (2, 1, 8, 12)))
    flat = torch.full((2, 1, 2, 3), 0.3, dtype=torch.float64)
    half = torch.full((2, 1, 4, 6), 0.5, dtype=torch.float64)
    expected = 0.5 * (np.log(1.3) + 0.5 * error.numpy() ** 2 / 0.18).mean((1, 2, 3))
    np.testing.assert_allclose(distribution_loss(error, flat, half).numpy(), expected)


@given(st.floats(0.005, 0.4))
@settings(max_examples=25, deadline=None)
def test_the_best_variance_grows_with_the_error_and_the_paper_s_is_smaller(error):
    """The minimum of ln(v + 1) + c L^2 / (2 v^2) is where v^3 = c L^2 (v + 1)."""
    v = torch.linspace(0.01, 1, 2000, dtype=torch.float64).view(-1, 1, 1, 1)
    best = {}
    for form, weight in (("paper", 0.5), ("released", 1.0)):
        loss = distribution_loss(torch.full_like(v, error), v, torch.ones_like(v), form)
        best[form] = float(v[loss.argmin()])
        grid = 0.0005 + 1e-9
        low, high = best[form] - grid, best[form] + grid
        assert low**3 - weight * error**2 * (low + 1) <= 0 or best[form] == pytest.approx(0.01)
        assert high**3 - weight * error**2 * (high + 1) >= 0
    assert best["paper"] <= best["released"]


def test_gradients_are_finite_even_without_any_variance():
    error = torch.full((1, 1, 2, 2), 0.5, requires_grad=True)
    variance = torch.tensor([0.0, 1e-30, 1e-6, 1.0]).view(1, 1, 2, 2).requires_grad_()
    for form in ("paper", "released"):
        loss = distribution_loss(error, variance, torch.ones(1, 1, 2, 2), form).sum()
        gradients = torch.autograd.grad(loss, (error, variance))
        assert bool(torch.isfinite(loss))
        assert all(bool(torch.isfinite(g).all()) for g in gradients)


def test_gradients_are_those_of_finite_differences():
    rng = np.random.default_rng(6)
    error, variance, mask = as_torch(*rng.uniform(0.1, 0.8, (3, 2, 1, 4, 6)))
    inputs = tuple(x.requires_grad_() for x in (error, variance, mask))
    for form in ("paper", "released"):
        assert torch.autograd.gradcheck(lambda *x, form=form: distribution_loss(*x, form), inputs)


def learned(kind, average, costly):
    """Thresholds of two pictures before and after learning, where only one part of each disagrees by 0.12.

    Args:
        costly: whether the photometric error is large in that part, or in the rest.
    """
    torch.manual_seed(0)
    late = torch.full((2, 1, 16, 24), 0.4)
    power = late**0.7 + 0.02
    power[..., 14:] += 0.1
    early = power ** (1 / 0.7)
    error = torch.full_like(late, 0.02 if costly else 0.5)
    error[..., 14:] = 0.5 if costly else 0.02
    variance, image = torch.full_like(late, 0.3), torch.rand(2, 3, 16, 24)
    features = torch.rand(2, 8, 16, 24), torch.rand(2, 8, 16, 24)
    network = MuPredictor(8)
    optimizer = torch.optim.SGD(network.parameters(), lr=2.0)
    before = network(*features).detach()
    for _ in range(40):
        mask = decoupled_mask(early, late, network(*features), kind)
        smooth = WEIGHT * smoothness(late, image, mask).mean()
        loss = distribution_loss(error, variance, mask, average=average).mean() + smooth
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return before, network(*features).detach()


def test_the_hard_mask_teaches_the_threshold_network_nothing():
    early, late = as_torch(*disparities())
    network = MuPredictor(4).double()
    features = torch.rand(2, 4, 8, 12).double(), torch.rand(2, 4, 8, 12).double()
    mask = decoupled_mask(early, late, network(*features), "hard")
    assert not distribution_loss(early, late, mask).requires_grad


@pytest.mark.parametrize("kind", ["straight-through", "soft"])
def test_the_mean_over_static_pixels_teaches_both_directions(kind):
    """What moved and cannot be explained is masked; what disagrees yet is explained well becomes static."""
    before, after = learned(kind, "static", costly=True)
    assert bool((after < before - 0.005).all())
    before, after = learned(kind, "static", costly=False)
    assert bool((after > before + 0.005).all())


@pytest.mark.parametrize("kind", ["straight-through", "soft"])
def test_the_published_mean_lowers_the_threshold_whatever_moved(kind):
    for costly in (True, False):
        before, after = learned(kind, "all", costly)
        assert bool((after < before - 0.005).all())


def test_the_mean_over_static_pixels_is_that_of_the_kept_ones():
    rng = np.random.default_rng(8)
    error, variance = rng.uniform(0, 0.6, (2, 1, 8, 12)), rng.uniform(0.02, 0.9, (2, 1, 8, 12))
    mask = (rng.random((2, 1, 8, 12)) < 0.6).astype(float)
    found = distribution_loss(*as_torch(error, variance, mask), average="static").numpy()
    likelihood = np.log(variance + 1) + 0.5 * error**2 / (2 * variance**2)
    np.testing.assert_allclose(found, [likelihood[i][mask[i] > 0].mean() for i in range(2)])
    nothing = distribution_loss(*as_torch(error, variance, 0 * mask), average="static")
    assert nothing.tolist() == [0, 0]
