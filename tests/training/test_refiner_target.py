"""What the phone refiner is asked for: exact detail, no large scale, nothing beyond its reach."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from edgedepth.models.patchrefiner.reach import WINDOWS, steps
from edgedepth.training.refiner.attainable import attainable

SIZE = (128, 160)
seeds = st.integers(0, 2**32 - 1)


def border(column=80, jump=1.0):
    """Log depth of a near half and a far half."""
    return torch.where(torch.arange(SIZE[1]) < column, 0.0, jump).expand(1, 1, *SIZE).clone()


def beside_borders(truth):
    """By loops, over squares of 8 pixels."""
    jumps = np.zeros(SIZE, bool)
    jumps[:, 1:] |= np.abs(np.diff(truth, axis=1)) > np.log(1.1)
    jumps[1:] |= np.abs(np.diff(truth, axis=0)) > np.log(1.1)
    small = jumps.reshape(SIZE[0] // 8, 8, SIZE[1] // 8, 8).any((1, 3))
    for choose, n in ((np.max, 3), (np.mean, 2)):
        small = np.array(
            [
                [choose(small[max(i - n, 0) : i + n + 1, max(j - n, 0) : j + n + 1]) for j in range(small.shape[1])]
                for i in range(small.shape[0])
            ]
        )
    large = F.interpolate(torch.from_numpy(small)[None, None], SIZE, mode="bilinear", align_corners=False)
    return large[0, 0].numpy()


def smeared(maps, side=17):
    return F.avg_pool2d(F.pad(maps, (side // 2,) * 4, mode="replicate"), side, 1)


def test_a_smeared_border_is_to_be_sharp():
    truth = border()
    asked = attainable(smeared(truth), truth)
    assert float((asked - truth)[..., 60:100].abs().max()) < 0.05
    assert float((smeared(truth) - truth)[..., 60:100].abs().max()) > 0.4


def test_a_bump_far_from_every_border_is_let_be():
    truth = border(column=32)
    coarse = smeared(truth).clone()
    coarse[..., 50:70, 110:130] += 0.3
    asked = attainable(coarse, truth)
    torch.testing.assert_close(asked[..., 88:], coarse[..., 88:])
    assert float((asked - coarse)[..., 24:40].abs().max()) > 0.3


def test_where_the_coarse_model_is_wrong_on_the_whole_nothing_is_asked():
    coarse = smeared(border())
    torch.testing.assert_close(attainable(coarse, coarse + 0.4), coarse)
    slope = torch.linspace(-0.3, 0.3, SIZE[1]).expand(1, 1, *SIZE)
    assert float((attainable(coarse, coarse + slope) - coarse)[..., 48:-48].abs().max()) < 0.02


def test_a_flat_coarse_map_is_asked_for_nothing():
    flat = torch.zeros(1, 1, *SIZE)
    assert float((attainable(flat, border()) - flat).abs().max()) <= 1e-6


@settings(deadline=None, max_examples=15)
@given(seeds)
def test_it_is_what_numpy_finds_and_within_reach(seed):
    generator = torch.Generator().manual_seed(seed)
    places = torch.rand(1, 1, *SIZE, generator=generator) > 0.999
    truth = smeared(places.float() * 9, 3)
    coarse = smeared(truth, 9) + smeared(torch.randn(1, 1, *SIZE, generator=generator), 9)
    found = attainable(coarse, truth)[0, 0].double().numpy()
    error = (truth - coarse)[0, 0].double().numpy()
    small = error.reshape(SIZE[0] // 8, 8, SIZE[1] // 8, 8).mean((1, 3))
    for _ in range(2):
        padded = np.pad(small, 6, mode="edge")
        small = np.array(
            [[padded[i : i + 13, j : j + 13].mean() for j in range(small.shape[1])] for i in range(small.shape[0])]
        )
    large = F.interpolate(torch.from_numpy(small)[None, None], SIZE, mode="bilinear", align_corners=False)
    reach = steps(coarse)[0].double().numpy()
    far, near = reach[: len(WINDOWS)].sum(0), reach[len(WINDOWS) :].sum(0)
    plain, exact = (one[0, 0].double().numpy() for one in (coarse, truth))
    expected = np.clip((error - large[0, 0].numpy()) * beside_borders(exact), -near, far)
    np.testing.assert_allclose(found - plain, expected, atol=1e-4)


def test_it_carries_no_gradient():
    coarse = smeared(border()).requires_grad_()
    assert not attainable(coarse, border()).requires_grad
    with pytest.raises(RuntimeError):
        attainable(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
