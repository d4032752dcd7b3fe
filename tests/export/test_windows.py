"""Choosing windows: wide for large offsets, small where a clamp does not show, by the bound where there is one."""

from __future__ import annotations

import pytest
import torch
from support import network, picture
from torch import nn

from edgedepth.errors import OperatorError
from edgedepth.export.lowering import lower
from edgedepth.export.lowering.window import reach
from edgedepth.export.windows import MARGIN, TOLERANCE, choose_windows
from edgedepth.models.shared.dysample import DySample


class Sampled(nn.Module):
    """The picture's channels, repeated, sampled with the same offset everywhere, and weighed."""

    def __init__(self, offset: float, *, weight: float = 1.0, limit: float | None = None) -> None:
        super().__init__()
        self.up = DySample(6, 2, "lp", offset_limit=limit)
        self.weight = weight
        with torch.no_grad():
            self.up.offset.weight.zero_()
            self.up.offset.bias.fill_(4 * offset)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.up(torch.cat([x, x], 1)) * self.weight
        return out


def window_of(model, *pictures):
    return choose_windows(model.eval(), pictures or (picture(8, 8),))["up"]


@pytest.mark.parametrize(
    ("offset", "taps"),
    [(0.0, 2), (0.19, 2), (0.21, 3), (0.59, 3), (0.61, 5), (1.2, 5), (1.5, 7), (2.5, 9), (-1.2, 5)],
)
def test_a_window_holds_the_largest_offset_and_a_margin_where_clamping_would_show(offset, taps):
    window = window_of(Sampled(offset))
    assert window.taps == taps
    assert window.largest_offset == pytest.approx(abs(offset))
    assert window.largest_offset * (1 + MARGIN) <= window.exact_for == reach(taps)
    assert window.margin == MARGIN
    assert not window.bounded_by_definition


@pytest.mark.parametrize("offset", [6.0, 1e9, float("inf")])
def test_offsets_that_no_reasonable_window_holds_are_refused(offset):
    with pytest.raises(OperatorError) as caught:
        window_of(Sampled(offset))
    assert caught.value.cause.startswith("up ")
    assert "--lowering none" in caught.value.remedy


def test_a_window_shrinks_where_clamping_does_not_show():
    window = window_of(Sampled(1.5, weight=1e-7))
    assert window.taps == 2
    assert window.clamped_share == 1.0
    # Towards one side it lies 1.75 from the centre and is held at 1, towards the other 1.25 on the wrong side of 0.
    assert window.clamped_by == pytest.approx(1.25)


def test_the_change_that_a_clamp_makes_stays_within_the_tolerance():
    model = network("flex-nano")
    pictures = [picture(64, 64, seed=s) for s in range(2)]
    windows = choose_windows(model, pictures)
    lowered, _ = lower(model, "onnx", {name: w.taps for name, w in windows.items()})
    with torch.no_grad():
        assert max(float((lowered(p) - model(p)).abs().max()) for p in pictures) <= TOLERANCE


def test_clamp_figures_are_zero_where_nothing_is_clamped():
    window = window_of(Sampled(1.2))
    assert window.clamped_share == 0
    assert window.clamped_by == 0


def test_the_largest_offset_is_that_of_all_pictures():
    model = Sampled(0.0)
    with torch.no_grad():
        model.up.offset.weight[:, 0].fill_(4.0)
    dark, bright = torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 1.2)
    assert window_of(model, dark).taps == 2
    assert window_of(model, dark, bright).largest_offset == pytest.approx(1.2)


@pytest.mark.parametrize(("limit", "taps"), [(0.25, 2), (0.26, 3), (0.75, 3), (1.75, 5)])
@pytest.mark.parametrize("offset", [0.0, 9.0])
def test_a_bound_in_the_definition_decides_whatever_the_pictures_show(limit, taps, offset):
    window = window_of(Sampled(offset, limit=limit))
    assert window.taps == taps
    assert window.bounded_by_definition
    assert window.margin == 0
    assert window.clamped_share == window.clamped_by == 0


def test_samplers_that_the_forward_does_not_run_need_no_window():
    windows = choose_windows(network("flex-medium"), [picture(32, 32)])
    assert sorted(windows) == ["decoder.0", "decoder.2", "decoder.4", "decoder.6", "decoder.9"]


def test_measuring_leaves_no_hooks_and_no_change():
    model = network("flex-nano")
    before = {k: v.clone() for k, v in model.state_dict().items()}
    choose_windows(model, [picture(32, 32)])
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_a_record_is_plain_and_rounded():
    record = window_of(Sampled(1 / 3)).record()
    assert record["largest_offset"] == 0.333333
    assert set(record) == {
        "taps",
        "exact_for",
        "bounded_by_definition",
        "largest_offset",
        "margin",
        "clamped_share",
        "clamped_by",
    }


def test_a_network_without_samplers_has_no_windows():
    assert choose_windows(network("flex-nano", upsample="bilinear"), [picture(32, 32)]) == {}
