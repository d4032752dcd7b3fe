"""The noisy start: what stands in for a coarse model."""

from __future__ import annotations

import pytest
import torch
from support import picture

from edgedepth.models import build, card, initialise
from edgedepth.models.patchrefiner.config import RefinerConfig
from edgedepth.models.patchrefiner.model import Refiner
from edgedepth.training.refiner.noisy import coarsened, noisy_inputs

pytest.importorskip("timm")


def test_features_are_standard_normal_and_new_at_every_step():
    refiner = build(card("prv2-nano")).refiner
    generator = torch.Generator().manual_seed(0)
    depth, features = noisy_inputs(refiner, picture(96, 128, batch=3), generator)
    assert depth.shape == (3, 1, 96, 128)
    assert float(depth.abs().max()) == 0
    assert [tuple(f.shape) for f in features] == [(3, 64, 3, 4), (3, 32, 6, 8), (3, 16, 12, 16)]
    drawn = torch.cat([f.flatten() for f in features])
    assert float(drawn.mean()) == pytest.approx(0, abs=0.05)
    assert float(drawn.std()) == pytest.approx(1, abs=0.05)
    assert not torch.equal(noisy_inputs(refiner, picture(96, 128, batch=3), generator)[1][0], features[0])


def test_a_published_refiner_learns_from_it_and_its_fourth_channel_does_not():
    small = {"width": 16, "joined": (24, 16, 12, 8, 8, 8), "decoder": (16, 12, 8, 8, 8)}
    refiner = initialise(Refiner(RefinerConfig("mobilenetv4_conv_small_050", **small)), 0).train()
    patches = picture(64, 64, batch=2)
    depth, features = noisy_inputs(refiner, patches, torch.Generator().manual_seed(1))
    refiner(patches, depth, features).square().mean().backward()
    stem = refiner.refiner_fine_branch.refiner_encoder.conv_stem.weight.grad
    assert float(stem[:, :3].abs().max()) > 0
    assert float(stem[:, 3:].abs().max()) == 0


def exact():
    """Log depth of three patches: borders every 32 pixels."""
    generator = torch.Generator().manual_seed(3)
    return torch.randn(3, 1, 3, 4, generator=generator).repeat_interleave(32, 2).repeat_interleave(32, 3)


def test_exact_depth_made_coarse_keeps_its_large_scale_and_loses_its_borders():
    truth = exact()
    coarse = coarsened(truth, torch.Generator().manual_seed(0))
    assert coarse.shape == truth.shape
    assert float((coarse[..., 1:] - coarse[..., :-1]).abs().max()) < 0.3
    assert float((truth[..., 1:] - truth[..., :-1]).abs().max()) > 1
    for one, other in zip(coarse, truth, strict=True):
        together = torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))
        assert float(together[0, 1]) > 0.6
        assert abs(float(one.mean())) < 0.7
    assert not torch.equal(coarsened(truth, torch.Generator().manual_seed(1)), coarse)
    assert torch.equal(coarsened(truth, torch.Generator().manual_seed(0)), coarse)


def test_the_phone_refiner_learns_every_weight_from_it():
    refiner = initialise(build(card("prv2-nano")), 0).refiner.train()
    patches, generator = picture(96, 128, batch=3), torch.Generator().manual_seed(1)
    _, features = noisy_inputs(refiner, patches, generator)
    refiner(patches, coarsened(exact(), generator), features).square().mean().backward()
    assert [name for name, p in refiner.named_parameters() if p.grad is None or not p.grad.abs().max() > 0] == []
