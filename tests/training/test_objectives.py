"""What each stage minimises, put together from its parts here once more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgedepth.models import card
from edgedepth.training.clip_batch import change, gather
from edgedepth.training.clips import load_clips
from edgedepth.training.losses import depth_loss
from edgedepth.training.network_set import EARLY, LATE, NetworkSet
from edgedepth.training.objectives import (
    Setting,
    Terms,
    masked,
    neighbourhood,
    photometric,
    reprojections,
    static_masks,
)
from edgedepth.training.precision import Precision
from edgedepth.training.recipe import Masked, Stage
from edgedepth.training.selfsupervised.geometry import stereo_pose
from edgedepth.training.selfsupervised.photometric import View, reproject
from edgedepth.training.selfsupervised.probabilistic import distribution_loss
from edgedepth.training.selfsupervised.smoothness import weighted_smoothness

SIZE = (64, 192)
CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("one_thread")


def noise():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def make(stages, drive):
    """``make(**masked)``: a setting with both frozen networks, and a batch of two kinds of clips."""

    def build(supervised=0.0, **choices):
        first = Stage(2, *SIZE, 2, objective="photometric", supervised=supervised)
        recipe = replace(stages, stages=(first, stages.stages[1]), masked=Masked(**choices))
        base = card("flex-nano")
        networks = NetworkSet(recipe, base, drive, CPU)
        networks.freeze(EARLY)
        with torch.no_grad():
            for parameter in networks.depth.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=noise()))
        networks.freeze(LATE)
        setting = Setting(recipe, networks, Precision(recipe.optimisation, CPU), (0.1, 100.0))
        bank = load_clips(recipe, drive)
        plain = gather(bank, [0, 2, 1], SIZE, recipe.targets.metres_per_unit)
        return setting, first, change(plain, recipe.augmentation, np.random.default_rng(0))

    return build


def test_the_loss_is_the_sum_of_its_parts():
    terms = Terms({"a": torch.tensor(1.0), "b": torch.tensor(0.25)})
    assert float(terms.total) == 1.25


def test_photometric_is_reprojection_and_smoothness(make):
    setting, stage, batch = make()
    terms = photometric(setting, stage, batch, noise())
    disparities = setting.disparities(batch.seen["target"])
    errors = reprojections(setting, batch, disparities, noise())
    expected = np.mean([float(scale.error.detach().mean()) for scale in errors])
    assert float(terms.parts["photometric"].detach()) == pytest.approx(expected, rel=1e-5)
    smooth = weighted_smoothness(disparities, batch.frames["target"]).mean()
    assert float(terms.parts["smoothness"].detach()) == pytest.approx(float(smooth), rel=1e-5)
    assert len(errors) == 4
    assert set(terms.parts) == {"photometric", "smoothness"}


def test_clips_with_other_views_do_not_disturb_each_other(make):
    """The first of the clips has its other eye only: alone or in company its error is the same."""
    setting, _, batch = make()
    assert batch.timed.tolist() == [False, True, True]
    plain = replace(
        setting, recipe=replace(setting.recipe, photometric=replace(setting.recipe.photometric, automask=False))
    )
    disparities = setting.disparities(batch.seen["target"])
    together = reprojections(plain, batch, disparities, noise())[0]
    alone = reproject(
        batch.frames["target"][:1],
        [View(batch.frames["eye"][:1], stereo_pose(batch.baseline[:1]))],
        [disparity[:1] for disparity in disparities],
        batch.K[:1],
        (0.1, 100.0),
        automask=False,
        noise=noise(),
    )[0]
    torch.testing.assert_close(together.error[:1], alone.error)
    assert together.error.shape == (3, 1, *SIZE)


def test_supervision_is_added_at_its_weight(make):
    setting, stage, batch = make(supervised=0.3)
    parts = photometric(setting, stage, batch, noise()).parts
    disparities = setting.disparities(batch.seen["target"])
    depths = torch.where(batch.weights > 0, batch.depths, 1.0)
    expected = 0.3 * depth_loss(disparities, depths, batch.weights, setting.recipe.loss, (0.1, 100.0))
    assert float(parts["depth"]) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("average", ["all", "static"])
def test_masked_is_likelihood_and_geometric_smoothing(make, average):
    setting, _, batch = make(average=average)
    terms = masked(setting, setting.recipe.stages[1], batch, noise())
    disparities = setting.disparities(batch.seen["target"])
    masks, mu = static_masks(setting, batch.seen["target"])
    errors = reprojections(setting, batch, disparities, noise())
    variances = setting.networks.variance(neighbourhood(batch))
    likelihood = [
        float(distribution_loss(e.error, v, m, "paper", average).detach().mean())
        for e, v, m in zip(errors, variances, masks, strict=True)
    ]
    assert float(terms.parts["likelihood"]) == pytest.approx(np.mean(likelihood), rel=1e-4)
    smooth = float(weighted_smoothness(disparities, batch.frames["target"], masks).mean())
    assert float(terms.parts["smoothness"].detach()) == pytest.approx(smooth, rel=1e-4)
    assert terms.notes["static"] == pytest.approx(float(masks[0].mean()))
    assert 0.08 < terms.notes["threshold"] < 0.15
    assert float(mu.min()) > 0.08


@pytest.mark.parametrize(("mask", "learns"), [("straight-through", True), ("soft", True), ("hard", False)])
def test_only_a_gradual_mask_teaches_the_threshold(make, mask, learns):
    setting, _, batch = make(mask=mask)
    networks = setting.networks
    trained = networks.trained("masked")
    masked(setting, setting.recipe.stages[1], batch, noise()).total.backward()
    moved = [p.grad is not None and bool(p.grad.abs().sum() > 0) for p in networks.threshold.parameters()]
    assert any(moved) == learns
    assert all(p.grad is None for p in networks.pose.parameters())
    assert all(p.grad is None for frozen in networks.frozen.values() for p in frozen.parameters())
    assert all(p.grad is not None for p in networks.variance.parameters())
    assert networks.pose not in trained
    assert not networks.pose.training


def test_the_two_likelihoods_differ(make):
    values = []
    for form in ("paper", "released"):
        setting, _, batch = make(likelihood=form)
        values.append(float(masked(setting, setting.recipe.stages[1], batch, noise()).parts["likelihood"]))
    assert values[0] < values[1]


def test_the_variance_network_sees_neighbours_or_the_other_eye(make):
    _, _, batch = make()
    target, second, third = neighbourhood(batch).split(3, 1)
    torch.testing.assert_close(target, batch.seen["target"])
    torch.testing.assert_close(second[1:], batch.seen["previous"][1:])
    torch.testing.assert_close(third[1:], batch.seen["following"][1:])
    torch.testing.assert_close(second[0], batch.seen["eye"][0])
    torch.testing.assert_close(third[0], batch.seen["eye"][0])
