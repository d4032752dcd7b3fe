"""The refiner of phone size: its budget, its scale, and its pieces against one another."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import gap, picture, randomise
from torch import nn

from edgedepth.errors import UsageError
from edgedepth.models import build, card, checkpoint, initialise
from edgedepth.models.counting import count
from edgedepth.models.patchrefiner.coarse_to_fine import GuidedDenoisingUnit
from edgedepth.models.patchrefiner.nano import COARSE_STRIDES, NanoPatchRefiner, relative_log
from edgedepth.models.patchrefiner.nano_fusion import GUIDE_STRIDES, LEVEL_STRIDES

pytest.importorskip("timm")

SIZE = (96, 128)
WHOLE = torch.tensor([[0.0, 0.0, 1.0, 1.0]], dtype=torch.float64)


@pytest.fixture(scope="module")
def model():
    return randomise(initialise(build(card("prv2-nano")), 4), 5).eval()


@pytest.fixture(scope="module")
def coarse(model):
    with torch.no_grad():
        return model.coarse_branch(picture(*SIZE))


def test_it_keeps_its_budget():
    with torch.device("meta"):
        whole = build(card("prv2-nano"))
    counted = count(whole, (384, 512))
    assert (counted.macs, counted.parameters) == (3_586_993_152, 919_548)
    assert counted.macs <= 4e9
    assert counted.parameters <= 3e6
    assert sum(p.numel() for p in whole.parameters()) == counted.parameters + 1_521_948


def test_fusion_has_24_to_48_channels_and_a_gate_at_every_level(model):
    fusion = model.refiner.refiner_fusion_model
    assert all(24 <= width <= 48 for width in model.config.widths)
    assert len(fusion.levels) == len(LEVEL_STRIDES) == 5
    for level in fusion.levels:
        assert isinstance(level.clean_tap, GuidedDenoisingUnit)
        assert isinstance(level.clean_tap.fusion_conv[1], nn.BatchNorm2d)


def test_every_parameter_is_used():
    model = initialise(build(card("prv2-nano")), 0).train()
    depth, features = model.coarse_branch(picture(*SIZE, batch=2))
    guides = [
        torch.rand(2, c, SIZE[0] // s, SIZE[1] // s) for c, s in zip(model.refiner.guides, GUIDE_STRIDES, strict=True)
    ]
    model.refiner(picture(*SIZE, batch=2), relative_log(depth), guides).square().sum().backward()
    assert [name for name, p in model.refiner.named_parameters() if p.grad is None] == []
    assert len(features) == 6


@settings(max_examples=8, deadline=None)
@given(factor=st.floats(1e-3, 1e3))
def test_depth_of_another_scale_is_refined_to_that_scale(model, coarse, factor):
    depth, features = coarse
    boxes = torch.tensor([[0.25, 0.5, 0.5, 0.75]], dtype=torch.float64)
    with torch.no_grad():
        found = model.refine_patches(picture(*SIZE, seed=1), boxes, depth * factor, features)
        expected = model.refine_patches(picture(*SIZE, seed=1), boxes, depth, features) * factor
    assert float((found / expected - 1).abs().max()) < 1e-4


def test_relative_log_depth_written_out():
    depth = torch.rand(2, 1, 5, 7, generator=torch.Generator().manual_seed(0)) * 9 + 0.5
    logarithm = np.log(depth.double().numpy())
    expected = logarithm - logarithm.mean((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(relative_log(depth).numpy(), expected, atol=1e-6)


def test_without_a_correction_the_coarse_depth_stays():
    model = initialise(build(card("prv2-nano")), 1)
    with torch.no_grad():
        last = model.refiner.refiner_fusion_model.final_conv
        last.weight.zero_()
        last.bias.fill_(-1e3)
        image = picture(*SIZE)
        assert gap(model(image), model.coarse_branch.network(image)) <= 1e-5


def test_the_refined_picture_is_the_depth_of_its_single_patch(model):
    image = picture(*SIZE)
    with torch.no_grad():
        disparity = model(image)
        depth, features = model.coarse_branch(image)
        refined = model.refine_patches(image, WHOLE, depth, features)
    assert float(disparity.std()) > 1e-3
    np.testing.assert_allclose(disparity.numpy(), np.clip((1 / refined.numpy() - 0.01) / 9.99, 0, 1), atol=1e-5)


def test_a_patch_of_the_grid_gets_the_coarse_features_themselves(model, coarse):
    depth, features = coarse
    fed = []
    handle = model.refiner.register_forward_pre_hook(lambda _, args: fed.append(args))
    with torch.no_grad():
        model.refine_patches(
            picture(*SIZE), torch.tensor([[0.25, 0.5, 0.5, 0.75]], dtype=torch.float64), depth, features
        )
    handle.remove()
    for guide, feature, stride in zip(fed[0][2], model.guiding(features), COARSE_STRIDES, strict=True):
        h, w = SIZE[0] // stride, SIZE[1] // stride
        assert gap(guide, feature[..., h // 2 : h * 3 // 4, w // 4 : w // 2]) <= 1e-5


def test_patches_are_refined_apart(model, coarse):
    boxes = torch.tensor([[0.0, 0.0, 0.25, 0.25], [0.5, 0.25, 0.75, 0.5]], dtype=torch.float64)
    patches = picture(*SIZE, batch=2, seed=3)
    with torch.no_grad():
        together = model.refine_patches(patches, boxes, *coarse)
        second = model.refine_patches(patches[1:], boxes[1:], *coarse)
    assert together.shape == (2, 1, *SIZE)
    assert float((together[1:] / second - 1).abs().max()) <= 1e-5


def test_only_flexdepth_can_be_its_coarse_model():
    config = dataclasses.replace(card("prv2-nano").config, coarse="surround-monodepth2")
    with pytest.raises(UsageError, match="cannot be this refiner's coarse model"):
        NanoPatchRefiner(config)
    assert build(card("prv2-nano"), coarse="flex-small").refiner.guides == (128, 64, 32)


def test_a_checkpoint_of_it_is_recognised(tmp_path, model):
    path = tmp_path / "nano.safetensors"
    checkpoint.save(path, model, card("prv2-nano"), {}, {})
    loaded = checkpoint.load(path)
    assert loaded.card.name == "prv2-nano"
    image = picture(64, 64)
    with torch.no_grad():
        assert torch.equal(loaded.model(image), model(image))


def test_a_bare_file_of_its_tensors_is_recognised_without_building_other_families(tmp_path, model, monkeypatch):
    from safetensors.torch import save_file

    path = tmp_path / "bare.safetensors"
    save_file(model.state_dict(), path)
    built = []
    real = checkpoint._expected

    def noting(base):
        built.append(base.name)
        return real(base)

    monkeypatch.setattr(checkpoint, "_expected", noting)
    assert checkpoint.load(path).card.name == "prv2-nano"
    assert set(built) == {"prv2-nano"}


def test_a_transposed_convolutions_seeded_weights_follow_its_fan_in():
    layer = initialise(nn.Sequential(nn.ConvTranspose2d(96, 48, 2, stride=2)), 0)[0]
    assert float(layer.weight.detach().std()) == pytest.approx(1.3 / 96**0.5, rel=0.03)
    assert float(layer.bias.detach().abs().max()) == 0
    with torch.no_grad():
        assert float(layer(torch.randn(1, 96, 8, 8)).std()) == pytest.approx(1.3, rel=0.2)
