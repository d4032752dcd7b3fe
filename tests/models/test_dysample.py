"""DySample: the published vectors, and laws that hold for any weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import gap
from torch import nn
from torch.nn import functional as F

from edgedepth.models.shared.dysample import DySample, start_positions

GOLDEN_CASES = ("pl_g4", "pl_g8", "lp_g4", "lp_g4_dyscope", "pl_g4_dyscope")
seeds = st.integers(0, 10_000)
styles = st.sampled_from(("pl", "lp"))
sides = st.integers(1, 6)
groups = st.sampled_from((1, 2, 4))
few = settings(max_examples=25, deadline=None)


def sampler(style="pl", channels=8, groups=4, seed=0, reach=1.0, *, scope=False, limit=None) -> DySample:
    """With random weights, whose offsets are about `reach` large."""
    module = DySample(channels, groups, style, dynamic_scope=scope, offset_limit=limit)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            spread = 4 * reach / max(1, parameter[0].numel()) ** 0.5
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * spread)
    return module.eval()


def fixed(module: DySample, offset: float | None = None) -> DySample:
    """Offsets that do not depend on the input: those of its bias, or the same one everywhere."""
    with torch.no_grad():
        module.offset.weight.zero_()
        if offset is not None:
            module.offset.bias.fill_(4 * offset)
    return module


def maps(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("case", GOLDEN_CASES)
def test_equals_the_published_operator(goldens, case):
    facts = goldens.facts("dysample")
    spec, shape = facts["cases"][case], facts["cases"][case]["in_shape"]
    module = DySample(shape[1], spec["groups"], spec["style"], dynamic_scope=spec["dyscope"])
    assert [[k, list(v.shape)] for k, v in sorted(module.state_dict().items())] == sorted(spec["keys"])
    assert module.init_pos.flatten().tolist() == spec["init_pos_flat"]
    goldens.fill(module, facts["gain"])
    x = maps(1, *shape)
    stored = goldens.arrays("dysample")
    with torch.no_grad():
        assert gap(module(x), torch.from_numpy(stored[case])) <= 1e-5
        assert float(module.offsets(x).abs().max()) == pytest.approx(float(stored[f"{case}_maxoffset_px"]), rel=1e-5)


@few
@given(seeds, styles, groups, sides, sides)
def test_zero_offsets_are_bilinear_upsampling(seed, style, g, height, width):
    module = fixed(DySample(2 * max(g, 2), g, style), 0.0)
    x = maps(seed, 2, 2 * max(g, 2), height, width)
    expected = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    with torch.no_grad():
        assert gap(module(x), expected) <= 1e-5


@few
@given(seeds, styles, st.integers(0, 3))
def test_a_group_reads_its_own_channels_only(seed, style, touched):
    module = fixed(sampler(style, seed=seed))
    x = maps(seed, 1, 8, 4, 5)
    changed = x.clone()
    changed[:, 2 * touched : 2 * touched + 2] += 1
    with torch.no_grad():
        moved = (module(changed) - module(x)).abs().amax((0, 2, 3)) > 1e-6
    assert moved.nonzero().flatten().tolist() == [2 * touched, 2 * touched + 1]


@few
@given(seeds, styles, st.booleans())
def test_samples_are_means_of_what_is_there(seed, style, scope):
    module = sampler(style, seed=seed, reach=3.0, scope=scope)
    x = maps(seed, 2, 8, 3, 4)
    with torch.no_grad():
        out = module(x)
    flat = x.flatten(2)
    assert bool((out.flatten(2) >= flat.amin(2, keepdim=True) - 1e-5).all())
    assert bool((out.flatten(2) <= flat.amax(2, keepdim=True) + 1e-5).all())


@few
@given(seeds, styles)
def test_sampling_at_fixed_positions_is_linear(seed, style):
    module = fixed(sampler(style, seed=seed))
    x, y = maps(seed, 1, 8, 3, 4), maps(seed + 1, 1, 8, 3, 4)
    with torch.no_grad():
        assert gap(module(2 * x - 3 * y), 2 * module(x) - 3 * module(y)) <= 2e-5


@few
@given(seeds, styles, st.integers(-2, 2), st.integers(-2, 2))
def test_moving_the_input_moves_the_output_away_from_the_border(seed, style, dy, dx):
    module = sampler(style, seed=seed, limit=1.0)
    x = maps(seed, 1, 8, 12, 12)
    with torch.no_grad():
        found = module(torch.roll(x, (dy, dx), (2, 3)))
        expected = torch.roll(module(x), (2 * dy, 2 * dx), (2, 3))
    inside = slice(8, -8)
    assert gap(found[..., inside, inside], expected[..., inside, inside]) <= 2e-5


@few
@given(seeds, styles)
def test_pictures_of_a_batch_do_not_meet(seed, style):
    module = sampler(style, seed=seed)
    x = maps(seed, 3, 8, 3, 5)
    with torch.no_grad():
        assert gap(module(x), torch.cat([module(x[i : i + 1]) for i in range(3)])) <= 1e-5


@few
@given(seeds, styles, st.sampled_from((0.05, 0.25, 1.0)), st.booleans())
def test_a_limit_bounds_offsets_and_changes_none_within(seed, style, limit, scope):
    free = sampler(style, seed=seed, scope=scope)
    bounded = sampler(style, seed=seed, scope=scope, limit=limit)
    x = maps(seed, 1, 8, 4, 4)
    with torch.no_grad():
        a, b = free.offsets(x), bounded.offsets(x)
    assert float(b.abs().max()) <= limit + 1e-7
    assert torch.equal(b, a.clamp(-limit, limit))


def test_positions_beyond_the_border_read_the_border():
    x = maps(0, 1, 8, 3, 4)
    with torch.no_grad():
        far = fixed(DySample(8, 4, "lp"), 50.0)(x)
    assert gap(far, x[..., -1:, -1:].expand_as(far)) <= 1e-6


def test_offset_channels_are_axis_then_group_then_sub_pixel():
    """One offset of one whole pixel to the right moves one sub-pixel of one group, and nothing else."""
    x = maps(3, 1, 8, 4, 6)
    with torch.no_grad():
        still = fixed(DySample(8, 2, "lp"), 0.0)(x)
        module = fixed(DySample(8, 2, "lp"), 0.0)
        module.offset.bias[(0 * 2 + 1) * 4 + 2] = 4.0  # axis x, group 1, sub-pixel 2: bottom left
        moved = module(x)
    expected = still.clone()
    expected[:, 4:, 1::2, 0:-2:2] = still[:, 4:, 1::2, 2::2]
    assert gap(moved[..., :-2], expected[..., :-2]) <= 1e-5


def test_start_positions_are_pixel_shuffle_order():
    found = start_positions(3).view(2, 3, 4)
    assert found[0, 0].tolist() == [-0.25, 0.25, -0.25, 0.25]
    assert found[1, 2].tolist() == [-0.25, -0.25, 0.25, 0.25]


def test_starts_out_nearly_bilinear():
    torch.manual_seed(0)
    module = DySample(16, 4)
    x = maps(0, 1, 16, 4, 4)
    with torch.no_grad():
        assert float(module.offsets(x).abs().max()) < 0.01


@pytest.mark.parametrize(("channels", "groups", "style"), [(6, 4, "lp"), (6, 2, "pl"), (6, 4, "pl")])
def test_channels_that_cannot_be_split_are_refused(channels, groups, style):
    with pytest.raises(ValueError, match=f"{channels} channels into {groups} groups"):
        DySample(channels, groups, style)


@pytest.mark.parametrize("limit", [0.0, -0.25, float("nan"), float("inf")])
def test_a_limit_that_bounds_nothing_or_everything_is_refused(limit):
    with pytest.raises(ValueError, match="offset limit"):
        DySample(8, 4, offset_limit=limit)


def test_gradients_reach_input_and_offsets():
    module = DySample(8, 4)
    x = maps(0, 1, 8, 4, 4).requires_grad_()
    module(x).square().sum().backward()
    assert x.grad is not None
    assert float(x.grad.abs().sum()) > 0
    assert float(module.offset.weight.grad.abs().sum()) > 0


def test_double_precision_is_kept():
    module = nn.Sequential(DySample(8, 4).double())
    assert module(maps(0, 1, 8, 2, 2).double()).dtype == torch.float64
    assert np.isfinite(module(maps(0, 1, 8, 2, 2).double()).detach().numpy()).all()
