"""ResNet-18 and Monodepth2's decoder against the published network: keys, shapes, taps, every disparity map."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import gap, randomise
from torch import nn

from edgedepth.models import initialise
from edgedepth.models.shared.resnet import CHANNELS, ResNet18, repeat_first_convolution
from edgedepth.models.shared.upconv_decoder import UpconvDecoder

TOLERANCE = 1e-4


class Both(nn.Module):
    """Encoder and decoder under the names of the released folder."""

    def __init__(self):
        super().__init__()
        self.encoder = ResNet18()
        self.decoder = UpconvDecoder(CHANNELS)


def test_keys_shapes_and_order_are_the_published_ones(goldens):
    own = [
        ["encoder.pth" if key.startswith("encoder.") else "depth.pth", key, list(value.shape)]
        for key, value in Both().state_dict().items()
    ]
    published = [row[:3] for row in goldens.facts("monodepth2_r18")["files"] if "encoder.fc." not in row[1]]
    assert own == published


def test_parameters_equal_the_published_count(goldens):
    count = sum(p.numel() for p in Both().parameters())
    assert count == goldens.facts("monodepth2_r18")["params_without_fc"]


def test_taps_and_disparities_equal_the_published_ones(goldens):
    model = goldens.fill(Both(), gain=1.0)
    facts, expected = goldens.facts("monodepth2_r18"), goldens.arrays("monodepth2_r18")
    with torch.no_grad():
        taps = model.encoder(goldens.generator.golden_input())
        disparities = model.decoder(taps)
    for tap, fact in zip(taps, facts["features"], strict=True):
        assert list(tap.shape) == fact["shape"]
        assert float(tap.mean()) == pytest.approx(fact["mean"], abs=1e-4)
        assert tap.ravel()[:8].tolist() == pytest.approx(fact["first8"], abs=TOLERANCE)
    for scale, disparity in enumerate(disparities):
        fact = facts["outputs"][f"disp{scale}"]
        assert list(disparity.shape) == fact["shape"]
        assert float(disparity.mean()) == pytest.approx(fact["mean"], abs=1e-5)
        assert float(disparity.std()) == pytest.approx(fact["std"], abs=1e-5)
        assert gap(disparity, torch.from_numpy(expected[f"disp{scale}"])) <= TOLERANCE


@given(st.integers(1, 4), st.integers(0, 100))
@settings(max_examples=4, deadline=None)
def test_repeated_weights_give_a_repeated_picture_what_it_gave_alone(pictures, seed):
    one = randomise(initialise(ResNet18(), seed), seed + 1).eval()
    several = ResNet18(pictures).eval()
    several.load_state_dict(repeat_first_convolution({**one.state_dict(), "fc.bias": torch.zeros(9)}, pictures))
    x = torch.from_numpy(np.random.default_rng(seed).uniform(0, 1, (1, 3, 32, 64))).float()
    with torch.no_grad():
        for alone, together in zip(one(x), several(x.repeat(1, pictures, 1, 1)), strict=True):
            torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_decoder_features_have_the_published_widths():
    decoder = UpconvDecoder(CHANNELS)
    taps = [torch.rand(1, c, 64 // 2**i, 96 // 2**i) for i, c in enumerate(CHANNELS, 1)]
    with torch.no_grad():
        features = decoder.features(taps)
        maps = decoder(taps)
    assert [tuple(f.shape[1:]) for f in features] == [
        (256, 4, 6),
        (128, 8, 12),
        (64, 16, 24),
        (32, 32, 48),
        (16, 64, 96),
    ]
    torch.testing.assert_close(maps[2], decoder.head(features[2], 2))
