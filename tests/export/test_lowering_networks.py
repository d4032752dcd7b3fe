"""Whole networks of all scales and options: the lowered one computes what the definition does."""

from __future__ import annotations

import pytest
import torch
from support import SCALES, gap, network, picture
from torch import nn

from edgedepth.export.lowering import lower
from edgedepth.export.lowering.window import taps_for
from edgedepth.models.flexdepth.blocks import Attention
from edgedepth.models.shared.dysample import DySample

TOLERANCE = 1e-5
"""On disparities in 0..1, weights and offsets random, the deepest network of five hundred layers included."""
TARGETS = ("onnx", "tflite")


def wide_windows(model, x):
    """The smallest windows that hold every offset on this picture, with nothing clamped."""
    found = {}
    hooks = [
        module.register_forward_pre_hook(
            lambda m, args, name=name: found.update({name: taps_for(float(m.offsets(args[0]).abs().max()))})
        )
        for name, module in model.named_modules()
        if isinstance(module, DySample)
    ]
    with torch.no_grad():
        model(x)
    for hook in hooks:
        hook.remove()
    return found


def lower_and_compare(model, x):
    taps = wide_windows(model, x)
    with torch.no_grad():
        expected = model(x)
        assert float(expected.std()) > 1e-3
        for target in TARGETS:
            lowered, _ = lower(model, target, taps)
            assert gap(lowered(x), expected) <= TOLERANCE, target
    return taps


@pytest.mark.parametrize("name", SCALES)
def test_every_scale(name):
    model = network(name)
    taps = lower_and_compare(model, picture(64, 96))
    assert max(taps.values()) > 2


@pytest.mark.parametrize("size", [(32, 32), (32, 160), (96, 64)])
def test_every_shape(size):
    lower_and_compare(network("flex-nano"), picture(*size))


@pytest.mark.parametrize(
    "options",
    [
        {"upsample": "bilinear"},
        {"upsample": "bilinear", "head": "inverted"},
        {"head": "inverted"},
        {"decoder_block": "HPB"},
        {"decoder_block": "HPB", "head": "inverted", "groups": 8},
        {"offset_limits": (0.25, 0.25, 0.75, 1.75)},
    ],
    ids=str,
)
def test_every_option(options):
    lower_and_compare(network("flex-nano", **options), picture(64, 96, batch=2))


def test_golden_weights(goldens):
    from edgedepth.models import build, card

    model = goldens.fill(build(card("flex-nano")))
    x = goldens.generator.golden_input()
    taps = lower_and_compare(model, x)
    assert max(taps.values()) >= 5


@pytest.mark.parametrize("target", TARGETS)
def test_lowering_leaves_the_network_alone_and_nothing_unlowered(target):
    model = network("flex-nano")
    before = {k: v.clone() for k, v in model.state_dict().items()}
    lowered, applied = lower(model, target, dict.fromkeys(("decoder.0", "decoder.2", "decoder.4", "decoder.6"), 3))
    after = model.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[k], after[k]) for k in before)
    left = (DySample, Attention, nn.ReflectionPad2d, nn.BatchNorm2d) if target == "tflite" else (DySample,)
    assert not any(isinstance(m, left) for m in lowered.modules())
    names = [step.name for step in applied]
    assert names == ["batch-norm", "chunks", "dysample"] + (
        ["attention", "reflection-pad"] if target == "tflite" else []
    )


def test_what_was_applied_says_what_it_did():
    model = network("flex-medium")
    names = [f"decoder.{k}" for k in (0, 2, 4, 6, 9)]
    _, applied = lower(model, "tflite", dict.fromkeys(names, 2))
    said = {step.name: step.detail for step in applied}
    norms = sum(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    attentions = 1
    assert said["batch-norm"]["folded"] == norms - 3 * attentions  # an attention folds its own three
    assert said["attention"]["replaced"] == attentions
    forms = {name: site["form"] for name, site in said["dysample"]["sites"].items()}
    assert forms == dict.fromkeys(names[:4], "SampledMerge") | {"decoder.9": "SampledHead"}


def test_a_bilinear_network_needs_no_sampling_step():
    _, applied = lower(network("flex-nano", upsample="bilinear"), "onnx", {})
    assert [step.name for step in applied] == ["batch-norm", "chunks"]
