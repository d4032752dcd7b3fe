"""The noisy start: what stands in for a coarse model."""

from __future__ import annotations

import pytest
import torch
from support import picture

from edgedepth.models import build, card, initialise
from edgedepth.models.patchrefiner.config import RefinerConfig
from edgedepth.models.patchrefiner.model import Refiner
from edgedepth.training.refiner.noisy import noisy_inputs

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


@pytest.mark.parametrize("published", [True, False])
def test_a_refiner_learns_from_it_and_its_fourth_channel_does_not(published):
    small = {"width": 16, "joined": (24, 16, 12, 8, 8, 8), "decoder": (16, 12, 8, 8, 8)}
    refiner = (
        Refiner(RefinerConfig("mobilenetv4_conv_small_050", **small)) if published else build(card("prv2-nano")).refiner
    )
    refiner = initialise(refiner, 0).train()
    patches = picture(64, 64, batch=2)
    depth, features = noisy_inputs(refiner, patches, torch.Generator().manual_seed(1))
    refiner(patches, depth, features).square().mean().backward()
    stem = refiner.refiner_fine_branch.refiner_encoder.conv_stem.weight.grad
    assert float(stem[:, :3].abs().max()) > 0
    assert float(stem[:, 3:].abs().max()) == 0
