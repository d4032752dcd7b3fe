"""The options of the paper's ablation: card fields, each of which builds, runs and changes what it should."""

from __future__ import annotations

import itertools

import pytest
import torch
from support import gap, network, picture

from edgedepth.models import build, card
from edgedepth.models.flexdepth.blocks import C3k
from edgedepth.models.shared.dysample import DySample

OPTIONS = [
    {"upsample": upsample, "decoder_block": block, "head": head}
    for upsample, block, head in itertools.product(
        ("dynamic", "bilinear"), ("HEB", "HPB"), ("conventional", "inverted")
    )
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(o.values()))
def test_every_combination_builds_and_runs(options):
    model = network("flex-nano", **options)
    with torch.no_grad():
        maps = model.disparities(picture(64, 96))
        out = model(picture(64, 96))
    assert [tuple(m.shape[2:]) for m in maps] == [(64, 96), (32, 48), (16, 24), (8, 12)]
    assert gap(out, maps[0]) == 0
    assert float(out.std()) > 1e-3


def test_dynamic_upsampling_stands_where_the_options_say():
    def samplers(**options):
        return sum(isinstance(m, DySample) for m in build(card("flex-nano"), **options).modules())

    assert samplers() == 4
    assert samplers(head="inverted") == 8
    assert samplers(upsample="bilinear") == samplers(upsample="bilinear", head="inverted") == 0


def test_the_decoder_block_nests_where_the_options_say():
    def nested(**options):
        return sum(isinstance(m, C3k) for m in build(card("flex-nano"), **options).decoder.modules())

    assert nested() == 0
    assert nested(decoder_block="HPB") == 4


def test_dynamic_upsampling_starts_out_as_the_bilinear_network():
    dynamic = network("flex-nano", seed=2)
    plain = build(card("flex-nano"), upsample="bilinear")
    plain.load_state_dict(dynamic.state_dict(), strict=False)
    with torch.no_grad():
        assert gap(dynamic(picture(64, 96)), plain(picture(64, 96))) > 1e-3
        for module in dynamic.modules():
            if isinstance(module, DySample):
                module.offset.weight.zero_()
                module.offset.bias.zero_()
        assert gap(dynamic(picture(64, 96)), plain(picture(64, 96))) <= 1e-5


def test_offset_limits_are_by_level_from_the_finest():
    limits = (0.25, 0.5, 1.0, 2.0)
    model = build(card("flex-medium"), offset_limits=limits)
    body = [model.decoder[2 * step].offset_limit for step in range(4)]
    heads = [model.decoder[9 + 2 * k].offset_limit for k in range(4)]
    assert body == list(reversed(limits))
    assert heads == list(limits)


def test_offset_limits_bound_what_the_network_samples():
    free, bounded = network("flex-nano"), network("flex-nano", offset_limits=(0.1,) * 4)
    seen = []
    for module in bounded.modules():
        if isinstance(module, DySample):
            module.register_forward_pre_hook(lambda m, args: seen.append(float(m.offsets(args[0]).abs().max())))
    with torch.no_grad():
        assert gap(free(picture(64, 96)), bounded(picture(64, 96))) > 1e-4
    assert len(seen) == 4
    assert max(seen) == pytest.approx(0.1)
