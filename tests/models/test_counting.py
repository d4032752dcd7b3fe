"""Parameters and multiply-adds: the paper's to the last printed digit, and the honest ones beside them."""

from __future__ import annotations

import pytest
import torch
from support import SCALES

from edgedepth.models import build, card
from edgedepth.models.counting import count

SIZE = (192, 640)
PARAMETERS = dict(zip(SCALES, (1_521_948, 6_058_900, 12_722_052, 15_203_460, 32_269_444), strict=True))
PAPER = dict(zip(SCALES, (0.71763456, 2.77613568, 9.99386112, 11.51920128, 24.5626368), strict=True))
TWICE_ALL_MACS = dict(zip(SCALES, (1.39718, 5.47609, 19.77858, 22.81009, 48.78674), strict=True))
"""2 x multiply-adds in 1e9 of a generic counter: all four heads, attention's products included."""


def coarser_heads(name):
    """Multiply-adds of the heads that an export leaves out: 3x3 convolutions, and their offsets' where sampled."""
    config = card(name).config
    inverted = config.head == "inverted"
    total = 0
    for level in (2, 3, 4):
        pixels = (SIZE[0] * SIZE[1]) >> 2 * (level - inverted)
        width = config.decoder_width(level)
        total += 9 * width * pixels
        if inverted:
            total += 2 * config.groups * width // 4 * pixels
    return total


@pytest.fixture(scope="module")
def counted():
    return {name: count(build(card(name)), SIZE) for name in SCALES}


@pytest.mark.parametrize("name", SCALES)
def test_parameters_to_the_unit(counted, name):
    assert counted[name].parameters == PARAMETERS[name]
    assert round(counted[name].parameters / 1e6, 3) == card(name).paper.params_millions


@pytest.mark.parametrize("name", SCALES)
def test_the_papers_gflops_to_the_last_digit(counted, name):
    assert counted[name].paper_gflops == PAPER[name]
    assert round(counted[name].paper_gflops, 3) == card(name).paper.gflops


@pytest.mark.parametrize("name", SCALES)
def test_honest_macs_are_the_generic_counters_less_the_heads_that_do_not_run(counted, name):
    expected = TWICE_ALL_MACS[name] / 2 - coarser_heads(name) / 1e9
    assert counted[name].macs / 1e9 == pytest.approx(expected, abs=6e-6)


def test_counting_changes_nothing_and_leaves_no_hooks():
    model = build(card("flex-nano"))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    count(model, (64, 96))
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_network_without_coarser_heads_can_be_counted():
    conv = torch.nn.Conv2d(3, 5, 3, padding=1, bias=False)
    counts = count(conv, (4, 6))
    assert counts.macs == 4 * 6 * 5 * 27
    assert counts.parameters == 5 * 27
    assert counts.paper_gflops == counts.macs / 1e9


def test_macs_grow_with_the_area_but_attention_grows_faster():
    model = build(card("flex-nano"))
    small, large = (count(model, size).macs for size in ((64, 64), (128, 128)))
    assert large > 4 * small
    assert count(model, (64, 64)).paper_gflops * 4 == pytest.approx(count(model, (128, 128)).paper_gflops)
