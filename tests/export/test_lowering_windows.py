"""DySample as sums over a window: exact within its reach, and the clamped definition beyond."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import clamped, displacements, sampled
from support import gap

from edgedepth.export.lowering.displacement import offset_convolution
from edgedepth.export.lowering.dysample import SampledUp
from edgedepth.export.lowering.window import reach, taps_for
from edgedepth.models.shared.dysample import DySample

TOLERANCE = 1e-5
"""Of float32 sums of values around 1."""
TARGETS = ("onnx", "tflite")
WINDOWS = (2, 3, 5, 7)
SIZES = ((1, 1), (1, 6), (5, 1), (2, 2), (4, 5))


def maps(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def steered(style, groups, bound, seed, channels=8) -> DySample:
    """Offsets anywhere up to about `bound`, by random weights and biases."""
    module = DySample(channels, groups, style)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.offset.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 2 * bound / channels**0.5)
    return module.eval()


def by_value(offset) -> DySample:
    """One channel that steers its own offsets: along x and y, `offset` pixels times its value."""
    module = DySample(1, 1, "lp")
    with torch.no_grad():
        module.offset.weight.fill_(4 * offset)
        module.offset.bias.zero_()
    return module.eval()


def check(module, taps, target, x, tolerance=TOLERANCE):
    """Held against the clamped definition, and where nothing is clamped against the network's own operator."""
    with torch.no_grad():
        found = SampledUp(module, taps, target)(x)
        moves = displacements(module, x)
        assert gap(found, sampled(x, clamped(moves, taps))) <= tolerance
        if float(module.offsets(x).abs().max()) <= reach(taps):
            assert gap(found, module(x)) <= tolerance


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("taps", WINDOWS)
@pytest.mark.parametrize("style", ["pl", "lp"])
@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_random_offsets_within_and_beyond_the_window(target, taps, style, groups):
    for share, size in ((0.3, (4, 5)), (3.0, (3, 4))):
        check(steered(style, groups, share * reach(taps), taps), taps, target, maps(groups, 1, 8, *size))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("taps", WINDOWS)
@pytest.mark.parametrize("size", SIZES)
def test_maps_smaller_than_the_window(target, taps, size):
    check(steered("pl", 4, reach(taps), 3), taps, target, maps(1, 2, 8, *size))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("taps", WINDOWS)
@pytest.mark.parametrize("times", [1.0, 1.001, 2.0, 100.0])
def test_offsets_exactly_at_the_bound_and_far_beyond(target, taps, times):
    """A map of -1, 0 and 1 whose every value asks for the bound itself, to either side, on the border too."""
    x = maps(7, 1, 1, 6, 7).mul(2).round().clamp(-1, 1)
    assert {-1.0, 0.0, 1.0} == set(x.unique().tolist())
    module = by_value(times * reach(taps))
    check(module, taps, target, x)
    assert times > 1 or float(module.offsets(x).detach().abs().max()) == reach(taps)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("taps", WINDOWS)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("sign", [-1, 1])
def test_one_axis_one_group_one_sub_pixel_at_a_time(target, taps, axis, sign):
    x = maps(2, 1, 4, 4, 4)
    for k in range(2):
        for s in range(4):
            module = DySample(4, 2, "lp").eval()
            with torch.no_grad():
                module.offset.weight.zero_()
                module.offset.bias[(axis * 2 + k) * 4 + s] = 4 * sign * reach(taps)
            check(module, taps, target, x)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(TARGETS),
    st.sampled_from(WINDOWS),
    st.sampled_from(("pl", "lp")),
    st.sampled_from((1, 2, 4)),
    st.integers(1, 4),
    st.integers(1, 4),
    st.floats(0, 8, width=32),
    st.integers(0, 9999),
)
def test_any_sampler_on_any_map(target, taps, style, groups, height, width, bound, seed):
    check(steered(style, groups, bound, seed, channels=4), taps, target, maps(seed, 1, 4, height, width))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("limit", [0.05, 0.25, 0.6, 1.0, 1.75])
def test_a_bound_in_the_definition_is_kept_for_every_input(target, limit):
    module = DySample(8, 4, offset_limit=limit).eval()
    with torch.no_grad():
        module.offset.weight.copy_(maps(1, *module.offset.weight.shape) * 5)
    x = maps(5, 1, 8, 4, 5) * 3
    with torch.no_grad():
        assert float(module.offsets(x).abs().max()) == pytest.approx(limit)
    check(module, taps_for(limit), target, x, tolerance=3e-5)


@pytest.mark.parametrize("target", TARGETS)
def test_a_wider_window_than_needed_changes_nothing(target):
    module, x = steered("pl", 4, 0.05, 1), maps(4, 1, 8, 4, 4)
    with torch.no_grad():
        narrow, *wider = (SampledUp(module, taps, target)(x) for taps in WINDOWS)
    assert max(gap(narrow, other) for other in wider) <= TOLERANCE


@pytest.mark.parametrize("target", TARGETS)
def test_pictures_of_a_batch_do_not_meet(target):
    up, x = SampledUp(steered("pl", 4, 1.0, 1), 5, target), maps(4, 3, 8, 3, 4)
    with torch.no_grad():
        assert gap(up(x), torch.cat([up(x[i : i + 1]) for i in range(3)])) <= 1e-6


@pytest.mark.parametrize("style", ["pl", "lp"])
def test_offsets_are_one_convolution_at_low_resolution(style):
    module, x = steered(style, 4, 1.0, 9), maps(1, 2, 8, 3, 4)
    weight, bias = offset_convolution(module)
    with torch.no_grad():
        assert gap(torch.nn.functional.conv2d(x, weight, bias), module.offsets(x)) <= 1e-5


def test_offsets_with_a_dynamic_scope_are_refused():
    with pytest.raises(ValueError, match="dynamic scope"):
        offset_convolution(DySample(8, 4, dynamic_scope=True))


def test_reach_and_taps_are_inverse():
    assert [reach(taps) for taps in WINDOWS] == [0.25, 0.75, 1.75, 2.75]
    for taps in WINDOWS:
        assert taps_for(reach(taps)) == taps
        assert taps_for(reach(taps) + 1e-6) > taps
    assert taps_for(0.0) == 2


def test_the_sampler_itself_is_not_changed():
    module = steered("pl", 4, 1.0, 1)
    before = {k: v.clone() for k, v in module.state_dict().items()}
    up = SampledUp(module, 3, "tflite")
    with torch.no_grad():
        for parameter in up.parameters():
            parameter.fill_(7.0)
    assert all(torch.equal(before[k], v) for k, v in module.state_dict().items())
